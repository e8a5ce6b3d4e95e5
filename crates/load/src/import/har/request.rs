//! From a recorded request to a step: its path, query, fields and body, with what changes put in place of what was recorded.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::fields;
use super::order::Kept;
use super::read::PostData;
use super::values::Values;
use crate::import::draft::{Body, Json, Query, Step, Text, Think};
use crate::import::secret;

/// Longest body that is kept, in bytes.
const LONGEST: usize = 256 << 10;
/// Deepest JSON body.
const DEEPEST: usize = 32;

/// Makes a step, or says why it cannot be made. `steps` are those before it, whose answers it may need.
pub(super) fn step(
    kept: &Kept<'_>,
    values: &mut Values,
    steps: &mut [Step],
) -> Result<Step, String> {
    let body = body(kept, values, steps)?;
    let mut fields = fields::of(kept, values, steps);
    if let (Body::Raw(_), Some(kind)) = (&body, kept.entry.field("content-type")) {
        fields.push(("Content-Type".to_owned(), Text::literal(kind)));
    }
    Ok(Step {
        name: None,
        group: Some(kept.group.clone()),
        method: kept.method.to_owned(),
        path: path(&kept.url.path, values, steps),
        query: query(kept.url.query.as_deref(), values, steps),
        fields,
        body,
        status: status(kept),
        extracts: Vec::new(),
        think: match kept.pause {
            // People do not pause for the same time; half as long to half as long again has the same mean.
            Some(pause) => Think::Uniform(tenths(pause * 0.5), tenths(pause * 1.5)),
            None => Think::Not,
        },
    })
}

fn tenths(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
}

/// The status that is expected: a form that was refused is often answered with 200, so what changes something has to have the same
/// status, and so has what did not succeed.
fn status(kept: &Kept<'_>) -> Option<u16> {
    let status = kept.entry.response.status.unwrap_or_default();
    let is_change = !matches!(kept.method, "GET" | "HEAD");
    let is_told = (100.0..600.0).contains(&status) && (is_change || status >= 400.0);
    is_told.then_some(status as u16)
}

fn path(path: &str, values: &mut Values, steps: &mut [Step]) -> Text {
    let mut text = Text::default();
    let mut before = "";
    for (place, segment) in path.split('/').enumerate() {
        if place > 0 {
            text.push_str("/");
        }
        let piece = values.segment(before, segment, steps);
        text.append(piece);
        before = segment;
    }
    text
}

fn query(query: Option<&str>, values: &mut Values, steps: &mut [Step]) -> Query {
    let Some(query) = query.filter(|query| !query.is_empty()) else {
        return Query::None;
    };
    let pairs: Option<Vec<_>> = query
        .split('&')
        .map(|part| part.split_once('='))
        .map(|pair| pair.and_then(|(name, value)| Some((decoded(name)?, decoded(value)?))))
        .collect();
    if let Some(pairs) = pairs {
        let pairs = pairs
            .into_iter()
            .filter(|(name, _)| !secret::is_tracking(name));
        let texts = texts(pairs.collect(), values, steps);
        return match texts.is_empty() {
            true => Query::None,
            false => Query::Pairs(texts),
        };
    }
    // Parameters without `=`, or what is no text: as it was, without secrets.
    let kept = query.split('&').filter(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        !secret::is_name(name) && !secret::is_value(value) && !secret::is_tracking(name)
    });
    Query::Written(Text::literal(kept.collect::<Vec<_>>().join("&")))
}

fn texts(
    pairs: Vec<(String, String)>,
    values: &mut Values,
    steps: &mut [Step],
) -> Vec<(String, Text)> {
    let mut texts = Vec::new();
    for (name, value) in pairs {
        if let Some(text) = values.text(&name, &value, steps) {
            texts.push((name, text));
        }
    }
    texts
}

/// Undoes percent-encoding, with `+` for a space as forms have it. Nothing if the result is no text.
fn decoded(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

fn body(kept: &Kept<'_>, values: &mut Values, steps: &mut [Step]) -> Result<Body, String> {
    let request = &kept.entry.request;
    let said = kept
        .entry
        .field("content-length")
        .and_then(|length| length.parse().ok());
    let size: f64 = request
        .body_size
        .filter(|size| *size > 0.0)
        .or(said)
        .unwrap_or_default();
    let Some(data) = &request.post_data else {
        return match size > 0.0 {
            true => Err("the recording does not have its body".to_owned()),
            false => Ok(Body::None),
        };
    };
    if data.encoding.is_some() {
        return Err("its body is binary".to_owned());
    }
    let mime = data
        .mime_type
        .as_deref()
        .or(kept.entry.field("content-type"));
    let mime = mime.unwrap_or_default().to_ascii_lowercase();
    let kind = mime.split(';').next().unwrap_or_default().trim();
    let text = data.text.as_deref().unwrap_or_default();
    if text.len() > LONGEST {
        return Err(format!("its body has more than {} KiB", LONGEST >> 10));
    }
    if text.contains('\u{fffd}') || text.contains('\0') {
        return Err("its body is binary".to_owned());
    }
    if kind == "application/x-www-form-urlencoded" {
        return Ok(form(data, text, values, steps));
    }
    if kind == "application/json" || (kind.ends_with("json") && is_json_object(text)) {
        return match serde_json::from_str(text) {
            Ok(value) => json(value, values, steps, 0).map(Body::Json),
            Err(_) => Err("its body is no valid JSON".to_owned()),
        };
    }
    if text.is_empty() {
        return match size > 0.0 || !data.params.is_empty() {
            true => Err("the recording does not have its body (files are not recorded)".to_owned()),
            false => Ok(Body::None),
        };
    }
    if kind.starts_with("multipart/") && data.params.iter().any(|part| part.file_name.is_some()) {
        return Err("files are not recorded".to_owned());
    }
    if looks_secret(text) {
        return Err(
            "its body seems to have a secret in it, and is neither a form nor JSON".to_owned(),
        );
    }
    Ok(Body::Raw(Text::literal(text)))
}

fn is_json_object(text: &str) -> bool {
    matches!(
        serde_json::from_str(text),
        Ok(Value::Object(_) | Value::Array(_))
    )
}

fn form(data: &PostData, text: &str, values: &mut Values, steps: &mut [Step]) -> Body {
    let of_text = text.split('&').filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (
            decoded(name).unwrap_or_default(),
            decoded(value).unwrap_or_default(),
        )
    });
    let of_params = data.params.iter().map(|part| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        (text(&part.name), text(&part.value))
    });
    let pairs: Vec<(String, String)> = match text.is_empty() {
        true => of_params.collect(),
        false => of_text.collect(),
    };
    Body::Form(texts(pairs, values, steps))
}

fn json(
    value: Value,
    values: &mut Values,
    steps: &mut [Step],
    depth: usize,
) -> Result<Json, String> {
    if depth > DEEPEST {
        return Err(format!("its body is deeper than {DEEPEST} levels"));
    }
    Ok(match value {
        Value::Array(list) => {
            let list = list
                .into_iter()
                .map(|value| leaf("", value, values, steps, depth));
            Json::List(
                list.filter_map(Result::transpose)
                    .collect::<Result<_, _>>()?,
            )
        }
        Value::Object(object) => {
            let mut out = Vec::new();
            for (name, value) in object {
                if let Some(value) = leaf(&name, value, values, steps, depth)? {
                    out.push((name, value));
                }
            }
            Json::Object(out)
        }
        other => Json::Plain(other),
    })
}

/// A member of JSON; nothing if it is better left out.
fn leaf(
    name: &str,
    value: Value,
    values: &mut Values,
    steps: &mut [Step],
    depth: usize,
) -> Result<Option<Json>, String> {
    Ok(match value {
        Value::String(text) => values.text(name, &text, steps).map(Json::Text),
        Value::Number(number) => {
            let text = values.text(name, &number.to_string(), steps);
            text.map(|text| match text.has_variables() {
                true => Json::Text(text),
                false => Json::Plain(Value::Number(number)),
            })
        }
        other => Some(json(other, values, steps, depth + 1)?),
    })
}

/// Whether a text seems to say a password or the like: `"password": …`, `<password>`.
fn looks_secret(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["password", "passwd", "secret", "token", "apikey", "api_key"]
        .iter()
        .any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_text() {
        assert_eq!(decoded("a+b%20%C3%A4").as_deref(), Some("a b ä"));
        assert_eq!(decoded("%ff"), None);
    }

    #[test]
    fn queries_that_are_no_table_stay_as_they_are() {
        let mut values = Values::default();
        let mut written = |text: &str| match query(Some(text), &mut values, &mut []) {
            Query::None => String::new(),
            Query::Written(text) => text.written(),
            Query::Pairs(pairs) => pairs
                .iter()
                .map(|(name, text)| format!("[{name}={}]", text.written()))
                .collect(),
        };
        assert_eq!(written("q=a+b&page=2&utm_source=x"), "[q=a b][page=2]");
        assert_eq!(written("q=${x}"), "[q=$${x}]");
        assert_eq!(written("a=1&a=2"), "[a=1][a=2]");
        assert_eq!(written("flag&a=1&a=2&token=abc"), "flag&a=1&a=2");
        assert_eq!(written("token=abc"), "[token=${env:LOAD_TOKEN}]");
        assert_eq!(written("utm_source=x"), "");
    }
}
