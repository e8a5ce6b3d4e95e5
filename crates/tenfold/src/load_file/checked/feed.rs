//! Data that steps use.

use std::path::Path;
use std::sync::Arc;

use tenfold_load::scenario::Feed;
use tenfold_load::scenario::feed::{Order, Per, Rows};

use super::Scope;
use crate::config::diagnostic::At;
use crate::config::read::{Field, shortened};
use crate::config::shape::Named;
use crate::load_file::raw;

/// Largest file of data.
const LARGEST: u64 = 256 << 20;

/// All feeds; one whose data is wrong has no columns.
pub(super) fn check(named: &Field<Named<raw::Feed>>, scope: &mut Scope<'_>) -> Vec<Feed> {
    let all = named.value().map_or(&[][..], |named| &named.0);
    let mut feeds = Vec::new();
    for (name, field) in all {
        let is_good = !name.value.is_empty()
            && name
                .value
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !is_good {
            let message = format!("`{}` cannot name a [feed]", shortened(&name.value));
            scope
                .report
                .error(name.at, message, "a name has letters, digits, - and _");
        }
        let default = raw::Feed::default();
        let raw = field.value().unwrap_or(&default);
        feeds.push(Feed {
            name: name.value.clone(),
            rows: Arc::new(rows(raw, scope).unwrap_or_default()),
            order: match raw.order.or(raw::Order::Sequential) {
                raw::Order::Sequential => Order::Sequential,
                raw::Order::Random => Order::Random,
                raw::Order::Once => Order::Once,
            },
            per: match raw.per.or(raw::Per::Session) {
                raw::Per::Session => Per::Session,
                raw::Per::Step => Per::Step,
            },
        });
    }
    feeds
}

fn rows(raw: &raw::Feed, scope: &mut Scope<'_>) -> Option<Rows> {
    let file = raw.file.given()?;
    let format = format(raw, &file.value.0, file, scope)?;
    let delimiter = delimiter(raw, scope)?;
    let bytes = scope.content(&file.value.0, file.at, LARGEST)?;
    let rows = match format {
        raw::FeedFormat::Csv => Rows::from_csv(&bytes, delimiter),
        raw::FeedFormat::Tsv => Rows::from_csv(&bytes, b'\t'),
        raw::FeedFormat::Json => Rows::from_json(&bytes),
    };
    rows.map_err(|error| {
        let line = error
            .line
            .map(|line| format!(", line {line}"))
            .unwrap_or_default();
        let message = format!("{}{line}: {}", shortened(&file.value.0), error.message);
        scope.report.error(file.at, message, error.help);
    })
    .ok()
}

fn format<T>(
    raw: &raw::Feed,
    path: &str,
    file: &At<T>,
    scope: &mut Scope<'_>,
) -> Option<raw::FeedFormat> {
    if let Some(format) = raw.format.value() {
        return Some(*format);
    }
    let ending = Path::new(path).extension().unwrap_or_default();
    match ending.to_ascii_lowercase().to_str() {
        Some("csv") => Some(raw::FeedFormat::Csv),
        Some("tsv") => Some(raw::FeedFormat::Tsv),
        Some("json") => Some(raw::FeedFormat::Json),
        _ => {
            let message = format!("the name of {} does not tell its format", shortened(path));
            scope.report.error(
                file.at,
                message,
                "add format = \"csv\", \"tsv\" or \"json\"",
            );
            None
        }
    }
}

fn delimiter(raw: &raw::Feed, scope: &mut Scope<'_>) -> Option<u8> {
    let Some(given) = raw.delimiter.given() else {
        return Some(b',');
    };
    match given.value.as_bytes() {
        [one] if one.is_ascii() && !b"\"\r\n".contains(one) => Some(*one),
        _ => {
            let message = format!("`delimiter` cannot be `{}`", shortened(&given.value));
            scope
                .report
                .error(given.at, message, "give one character, for example \";\"");
            None
        }
    }
}
