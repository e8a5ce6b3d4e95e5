//! Whether a client has the file already (RFC 9110 section 13).

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

/// A file that changed less than this long ago may change again without its time of change telling so: file systems count in ticks
/// of some milliseconds, network ones in seconds. Until then its validator is weak (RFC 9110 section 8.8.1).
const RACY: Duration = Duration::from_secs(2);

/// What tells one content of a file from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Validators {
    /// With its quotes, and `W/` if it is weak.
    pub(super) etag: String,
    pub(super) modified: Option<SystemTime>,
}

impl Validators {
    pub(super) fn of(metadata: &Metadata, now: SystemTime) -> Self {
        let modified = metadata.modified().ok();
        let is_racy = modified
            .is_none_or(|modified| now.duration_since(modified).is_ok_and(|age| age < RACY));
        let weak = if is_racy { "W/" } else { "" };
        let etag = format!(
            "{weak}\"{:x}-{:x}-{:x}{:08x}\"",
            metadata.ino(),
            metadata.size(),
            metadata.mtime(),
            metadata.mtime_nsec()
        );
        Self { etag, modified }
    }

    pub(super) fn last_modified(&self) -> Option<String> {
        self.modified.map(httpdate::fmt_http_date)
    }

    /// True if the client has it (RFC 9110 section 13.2.2: the tag decides, the date only without one).
    pub(super) fn is_known(
        &self,
        if_none_match: Option<&[u8]>,
        if_modified_since: Option<&[u8]>,
    ) -> bool {
        if let Some(tags) = if_none_match {
            return self.is_listed(tags);
        }
        let since = if_modified_since.and_then(date);
        match (since, self.modified) {
            (Some(since), Some(modified)) => whole_seconds(modified) <= whole_seconds(since),
            _ => false,
        }
    }

    /// Weak comparison (section 8.8.3.2) with a list.
    fn is_listed(&self, tags: &[u8]) -> bool {
        let mine = opaque(self.etag.as_bytes());
        tags.trim_ascii() == b"*"
            || tags
                .split(|byte| *byte == b',')
                .any(|tag| opaque(tag.trim_ascii()) == mine)
    }

    /// True if a part of the file fits to what the client has (section 13.1.5): only a strong validator says so.
    pub(super) fn allows_range(&self, if_range: Option<&[u8]>) -> bool {
        let Some(value) = if_range.map(<[u8]>::trim_ascii) else {
            return true;
        };
        if self.etag.starts_with("W/") {
            return false;
        }
        if value.starts_with(b"\"") {
            return value == self.etag.as_bytes();
        }
        match (date(value), self.modified) {
            (Some(date), Some(modified)) => whole_seconds(date) == whole_seconds(modified),
            _ => false,
        }
    }
}

fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

fn date(value: &[u8]) -> Option<SystemTime> {
    httpdate::parse_http_date(std::str::from_utf8(value).ok()?.trim()).ok()
}

fn whole_seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn validators(etag: &str) -> Validators {
        Validators {
            etag: etag.into(),
            modified: Some(at(1_000_000_000) + Duration::from_millis(500)),
        }
    }

    const THEN: &[u8] = b"Sun, 09 Sep 2001 01:46:40 GMT";
    const BEFORE: &[u8] = b"Sun, 09 Sep 2001 01:46:39 GMT";

    #[test]
    fn the_tag_decides_and_without_one_the_date() {
        let it = validators("\"a\"");
        for (tags, since, wanted) in [
            (None, None, false),
            (Some(&b"\"a\""[..]), None, true),
            (Some(b"W/\"a\""), None, true),
            (Some(b"\"b\", \"a\""), None, true),
            (Some(b"*"), None, true),
            (Some(b"\"b\""), Some(THEN), false),
            (None, Some(THEN), true),
            (None, Some(BEFORE), false),
            (None, Some(b"yesterday"), false),
        ] {
            assert_eq!(it.is_known(tags, since), wanted, "{tags:?} {since:?}");
        }
    }

    #[test]
    fn a_range_needs_a_strong_match() {
        assert!(validators("\"a\"").allows_range(None));
        assert!(validators("\"a\"").allows_range(Some(b"\"a\"")));
        assert!(validators("\"a\"").allows_range(Some(THEN)));
        assert!(!validators("\"a\"").allows_range(Some(BEFORE)));
        assert!(!validators("\"a\"").allows_range(Some(b"\"b\"")));
        assert!(!validators("\"a\"").allows_range(Some(b"W/\"a\"")));
        assert!(!validators("W/\"a\"").allows_range(Some(b"\"a\"")));
        assert!(!validators("W/\"a\"").allows_range(Some(THEN)));
    }
}
