//! HAR 1.2 as browsers and proxies write it (<http://www.softwareishard.com/blog/har-12-spec/>).
//!
//! Exporters leave out what the format asks for, and write `null` for what they do not know, so everything may be missing here;
//! what cannot do without is said where it is needed. Bodies are kept only as far as a token could be in them.

use std::io::Read;

use serde::{Deserialize, Deserializer};

use crate::import::ImportError;

/// Largest file, in bytes.
const LARGEST: u64 = 256 << 20;
/// Longest body of a response in which tokens are looked for.
const LONGEST_BODY: usize = 1 << 20;

#[derive(Debug, Default, Deserialize)]
struct File {
    log: Option<Log>,
}

/// A recording.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Log {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) pages: Vec<Page>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) entries: Vec<Entry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Page {
    pub(super) started_date_time: Option<String>,
    pub(super) id: Option<String>,
    pub(super) title: Option<String>,
}

/// A request with its answer.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Entry {
    pub(super) pageref: Option<String>,
    pub(super) started_date_time: Option<String>,
    /// Milliseconds.
    pub(super) time: Option<f64>,
    #[serde(deserialize_with = "or_default")]
    pub(super) request: Request,
    #[serde(deserialize_with = "or_default")]
    pub(super) response: Response,
    /// What it was for, in Chromium's words: `document`, `script`, `preflight`, `websocket` …
    #[serde(rename = "_resourceType")]
    pub(super) kind: Option<String>,
    /// Chromium says here that no request was made: `memory`, `disk`.
    #[serde(rename = "_fromCache")]
    pub(super) from_cache: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Request {
    pub(super) method: Option<String>,
    pub(super) url: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) headers: Vec<Pair>,
    pub(super) post_data: Option<PostData>,
    /// Bytes; -1 if it is not known.
    pub(super) body_size: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PostData {
    pub(super) mime_type: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) params: Vec<Parameter>,
    pub(super) text: Option<String>,
    pub(super) encoding: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Parameter {
    pub(super) name: Option<String>,
    pub(super) value: Option<String>,
    pub(super) file_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Response {
    pub(super) status: Option<f64>,
    #[serde(deserialize_with = "or_default")]
    pub(super) headers: Vec<Pair>,
    #[serde(deserialize_with = "or_default")]
    pub(super) content: Content,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Content {
    pub(super) mime_type: Option<String>,
    #[serde(deserialize_with = "short_text")]
    pub(super) text: Option<String>,
    pub(super) encoding: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pair {
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) value: String,
}

/// Reads a recording.
pub(super) fn read(reader: impl Read) -> Result<Log, ImportError> {
    const HELP: &str = "in a browser's developer tools, tab Network, choose `Save all as HAR`";
    let mut bytes = Vec::new();
    reader
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| ImportError::whole(format_args!("cannot be read: {error}"), HELP))?;
    if bytes.len() as u64 > LARGEST {
        let what = format_args!("is larger than {} MiB", LARGEST >> 20);
        return Err(ImportError::whole(
            what,
            "record less, or save it without contents",
        ));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let file: File = serde_json::from_slice(bytes).map_err(|error| {
        let line = Some(error.line() as u64).filter(|line| *line > 0);
        ImportError {
            line,
            ..ImportError::whole(format_args!("is no HAR file: {error}"), HELP)
        }
    })?;
    let log = file.log.unwrap_or_default();
    match log.entries.is_empty() {
        true => Err(ImportError::whole("has no requests (`log.entries`)", HELP)),
        false => Ok(log),
    }
}

/// `null` is as good as nothing.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A body, unless it is too long to be looked at.
fn short_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    Ok(text.filter(|text| text.len() <= LONGEST_BODY))
}

impl Entry {
    /// The first field of a name in its request.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.request.headers.iter();
        let field = fields.find(|pair| pair.name.eq_ignore_ascii_case(name))?;
        Some(&field.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_missing_is_missing() {
        let text = "\u{feff}{\"log\": {\"pages\": null, \"entries\": [{\"request\": {\"headers\": null}, \"response\": null}]}}";
        let log = read(text.as_bytes()).expect("a recording");
        assert_eq!((log.pages.len(), log.entries.len()), (0, 1));
    }

    #[test]
    fn mistakes_have_a_line() {
        let error =
            read(&b"{\n\"log\": {\"entries\": [\n{\"request\": 5}]}}"[..]).expect_err("wrong");
        assert_eq!(error.line, Some(3), "{error}");
        for text in ["", "{", "[]", "hello", "\u{1}"] {
            assert!(
                read(text.as_bytes())
                    .expect_err(text)
                    .line
                    .is_some_and(|line| line < 2)
                    || text.is_empty()
            );
        }
        let error = read(&b"{\"log\": {}}"[..]).expect_err("empty");
        assert!(error.what.contains("log.entries"));
    }

    #[test]
    fn long_bodies_are_not_kept() {
        let long = "x".repeat(LONGEST_BODY + 1);
        let text = format!(
            r#"{{"log": {{"entries": [{{"response": {{"content": {{"text": "{long}"}}}}}}]}}}}"#
        );
        let log = read(text.as_bytes()).expect("a recording");
        assert_eq!(log.entries[0].response.content.text, None);
    }
}
