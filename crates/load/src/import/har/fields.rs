//! Which fields of a request matter to a service, and which only to the browser or the connection that it was recorded with.

use std::collections::HashMap;

use super::order::Kept;
use super::values::Values;
use crate::import::draft::{Piece, Step, Text};
use crate::import::secret;

/// Fields that follow from the connection, the body, the browser, or from what it had in its cache.
const LEFT_OUT: [&str; 38] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "cookie",
    "user-agent",
    "accept-encoding",
    "upgrade-insecure-requests",
    "dnt",
    "priority",
    "pragma",
    "cache-control",
    "referer",
    "purpose",
    "alt-used",
    "range",
    "if-range",
    "if-none-match",
    "if-modified-since",
    "if-match",
    "if-unmodified-since",
    "via",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-real-ip",
    "x-request-id",
    "x-client-data",
    "traceparent",
    "tracestate",
    "baggage",
    "save-data",
];

/// The fields of a step, without `Content-Type`, which the body's kind may say.
pub(super) fn of(kept: &Kept<'_>, values: &mut Values, steps: &mut [Step]) -> Vec<(String, Text)> {
    let is_change = !matches!(kept.method, "GET" | "HEAD");
    let mut fields: Vec<(String, Text)> = Vec::new();
    for pair in &kept.entry.request.headers {
        let name = pair.name.to_ascii_lowercase();
        if name == "cookie" {
            values.sent_cookies(&pair.value);
        }
        let is_left_out = LEFT_OUT.contains(&name.as_str())
            || name == "content-type"
            || name.starts_with([':'])
            || name.starts_with("sec-")
            || name.starts_with("proxy-")
            // Forms that are guarded by it know it from requests that change something.
            || (name == "origin" && !is_change);
        let is_repeated = fields
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(&name));
        if is_left_out || is_repeated || !is_field(&pair.name, &pair.value) {
            continue;
        }
        let (scheme, value) = scheme(&name, &pair.value);
        if let Some(mut text) = values.text(&pair.name, value, steps) {
            if !scheme.is_empty() {
                text.0.insert(0, Piece::Literal(scheme.to_owned()));
            }
            fields.push((pair.name.clone(), text));
        }
    }
    fields
}

/// `Bearer ` and what follows it.
fn scheme<'v>(name: &str, value: &'v str) -> (&'v str, &'v str) {
    let is_credential = name == "authorization" || secret::is_value(value);
    match value.split_once(' ') {
        Some((scheme, _)) if is_credential => value.split_at(scheme.len() + 1),
        _ => ("", value),
    }
}

/// Whether it can be sent (RFC 9110 section 5).
fn is_field(name: &str, value: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_visible = |byte: u8| (b' '..=b'~').contains(&byte);
    !name.is_empty() && name.bytes().all(is_token) && value.bytes().all(is_visible)
}

/// What guards forms compares `Origin` with where the request goes.
pub(super) fn set_origin(steps: &mut [Step], origin: &str) {
    for (name, text) in steps.iter_mut().flat_map(|step| &mut step.fields) {
        if name.eq_ignore_ascii_case("origin") {
            *text = Text::literal(origin);
        }
    }
}

/// Takes the fields that all steps have with the same value out of them.
pub(super) fn common(steps: &mut [Step]) -> Vec<(String, Text)> {
    let mut counts: HashMap<(String, String), usize> = HashMap::new();
    for (name, text) in steps.iter().flat_map(|step| &step.fields) {
        *counts
            .entry((name.to_ascii_lowercase(), text.written()))
            .or_default() += 1;
    }
    let all = steps.len();
    let is_common = |(name, text): &(String, Text)| {
        let key = (name.to_ascii_lowercase(), text.written());
        all > 1 && !text.has_variables() && counts.get(&key) == Some(&all)
    };
    let mut common = Vec::new();
    if let Some(first) = steps.first() {
        common.extend(
            first
                .fields
                .iter()
                .filter(|field| is_common(field))
                .cloned(),
        );
    }
    for step in steps {
        step.fields.retain(|field| !is_common(field));
    }
    common
}
