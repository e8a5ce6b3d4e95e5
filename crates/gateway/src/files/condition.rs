//! Whether a client has the file already (RFC 9110 sections 8.8 and 13).
//!
//! # The entity tag
//! It is made of the file's inode, size, time of modification and time of change, and stands for exactly these bytes.
//! The time of change is there because the other three can be had twice: archives and reproducible builds give all files
//! one date, and a file system hands out an inode again as soon as it is free. Nobody can set the time of change.
//!
//! A file that was modified less than [`SETTLED`] ago has a weak tag: clocks of file systems tick (Linux: up to 10 ms;
//! ext3 and HFS+: 1 s; FAT: 2 s), and within a tick a file can be written to a second time and keep its tag. Weak tags
//! still save sending it twice, but nobody glues parts of two versions together by them.
//!
//! # The price
//! The inode differs between machines, so a client that is sent to another gateway with a copy of the same folder gets
//! the file anew. Two versions under one tag would be worse.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use super::Ask;

/// How long after its modification a file is taken to have got its final tag: the coarsest clock of a file system (FAT).
const SETTLED: Duration = Duration::from_secs(2);

/// What tells one version of a file from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Validators {
    /// Between the quotes. Hexadecimal digits, letters and `-`.
    opaque: String,
    is_weak: bool,
    /// In seconds. None before 1970, which HTTP has no spelling for.
    modified: Option<SystemTime>,
}

/// What becomes of a conditional request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The file is sent.
    Proceed,
    /// 304: the client has it.
    NotModified,
    /// 412: it is not the version that the client speaks of.
    Failed,
}

impl Validators {
    /// Those of a file. `coding` sets a compressed copy apart.
    pub(super) fn new(metadata: &Metadata, coding: &str, now: SystemTime) -> Self {
        let mut opaque = format!(
            "{:x}-{:x}-{:x}.{:x}-{:x}.{:x}",
            metadata.ino(),
            metadata.len(),
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.ctime(),
            metadata.ctime_nsec(),
        );
        if !coding.is_empty() {
            opaque.push('-');
            opaque.push_str(coding);
        }
        let modified = metadata.modified().ok();
        let age = modified.and_then(|modified| now.duration_since(modified).ok());
        Self {
            opaque,
            is_weak: age.is_none_or(|age| age < SETTLED),
            // A date in the future must not be sent (RFC 9110 section 8.8.2.1).
            modified: modified.and_then(|modified| whole_seconds(modified.min(now))),
        }
    }

    /// The value of `ETag`.
    pub(super) fn tag(&self) -> String {
        let weak = if self.is_weak { "W/" } else { "" };
        format!("{weak}\"{}\"", self.opaque)
    }

    /// The value of `Last-Modified`.
    pub(super) fn last_modified(&self) -> Option<String> {
        self.modified.map(httpdate::fmt_http_date)
    }

    /// Weighs the conditions in the order of RFC 9110 section 13.2.2.
    pub(super) fn weigh(&self, ask: &Ask) -> Verdict {
        let is_newer = |date: &Vec<u8>| {
            let date = parse_date(date)?;
            Some(self.modified? > date)
        };
        if let Some(tags) = &ask.if_match {
            if !self.is_listed(tags, Comparison::Strong) {
                return Verdict::Failed;
            }
        } else if ask.if_unmodified_since.as_ref().and_then(is_newer) == Some(true) {
            return Verdict::Failed;
        }
        let is_known = match (&ask.if_none_match, &ask.if_modified_since) {
            (Some(tags), _) => self.is_listed(tags, Comparison::Weak),
            (None, Some(date)) => is_newer(date) == Some(false),
            (None, None) => false,
        };
        if is_known {
            Verdict::NotModified
        } else {
            Verdict::Proceed
        }
    }

    /// True if a part may be sent to a client that has another part of what `if_range` names (RFC 9110 section 13.1.5).
    /// Never for a date: it would have to be known that the file did not change twice within that second. A client with
    /// a date gets the whole file, which is always right; those that have a tag must send the tag.
    pub(super) fn allow_range(&self, if_range: Option<&[u8]>) -> bool {
        let Some(if_range) = if_range else {
            return true;
        };
        match tags(if_range).next() {
            Some(tag) => tag.is_complete && self.is_named(&tag, Comparison::Strong),
            None => false,
        }
    }

    fn is_listed(&self, list: &[u8], comparison: Comparison) -> bool {
        list.trim_ascii() == b"*" || tags(list).any(|tag| self.is_named(&tag, comparison))
    }

    fn is_named(&self, tag: &Tag<'_>, comparison: Comparison) -> bool {
        let is_allowed = comparison == Comparison::Weak || !(self.is_weak || tag.is_weak);
        is_allowed && tag.opaque == self.opaque.as_bytes()
    }
}

/// RFC 9110 section 8.8.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

struct Tag<'a> {
    opaque: &'a [u8],
    is_weak: bool,
    /// Nothing follows it.
    is_complete: bool,
}

/// The tags of a list, up to where it is malformed.
fn tags(mut list: &[u8]) -> impl Iterator<Item = Tag<'_>> {
    std::iter::from_fn(move || {
        while let [b' ' | b'\t' | b',', rest @ ..] = list {
            list = rest;
        }
        let (is_weak, quoted) = match list {
            [b'W', b'/', quoted @ ..] => (true, quoted),
            quoted => (false, quoted),
        };
        let opaque = quoted.strip_prefix(b"\"")?;
        let end = opaque.iter().position(|&byte| byte == b'"')?;
        list = opaque[end + 1..].trim_ascii_start();
        if !matches!(list.first(), None | Some(b',')) {
            list = b"";
            return None;
        }
        Some(Tag {
            opaque: &opaque[..end],
            is_weak,
            is_complete: list.is_empty(),
        })
    })
}

/// In any of the three formats of RFC 9110 section 5.6.7. What is none is ignored.
fn parse_date(date: &[u8]) -> Option<SystemTime> {
    httpdate::parse_http_date(std::str::from_utf8(date).ok()?).ok()
}

fn whole_seconds(time: SystemTime) -> Option<SystemTime> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(since.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const LATER: &str = "Sunday, 06-Nov-94 08:49:38 GMT";

    fn validators(is_weak: bool) -> Validators {
        Validators {
            opaque: "1-2".to_owned(),
            is_weak,
            modified: parse_date(MODIFIED.as_bytes()),
        }
    }

    /// `If-Match`, `If-Unmodified-Since`, `If-None-Match`, `If-Modified-Since`; `-` is none.
    fn ask(fields: [&str; 4]) -> Ask {
        let [
            if_match,
            if_unmodified_since,
            if_none_match,
            if_modified_since,
        ] = fields.map(|field| (field != "-").then(|| field.as_bytes().to_vec()));
        Ask {
            if_match,
            if_unmodified_since,
            if_none_match,
            if_modified_since,
            ..Ask::default()
        }
    }

    #[test]
    fn conditions() {
        use Verdict::{Failed, NotModified, Proceed};
        for (fields, verdict) in [
            (["-", "-", "-", "-"], Proceed),
            // 1. If-Match, strong.
            (["\"1-2\"", "-", "-", "-"], Proceed),
            (["*", "-", "-", "-"], Proceed),
            (["\"x\", \"1-2\"", "-", "-", "-"], Proceed),
            (["\"x\"", "-", "-", "-"], Failed),
            (["W/\"1-2\"", "-", "-", "-"], Failed),
            (["", "-", "-", "-"], Failed),
            (["\"1-2\"", EARLIER, "-", "-"], Proceed),
            (["\"1-2\"", "-", "\"1-2\"", "-"], NotModified),
            (["\"x\"", "-", "\"1-2\"", "-"], Failed),
            // 2. If-Unmodified-Since.
            (["-", MODIFIED, "-", "-"], Proceed),
            (["-", LATER, "-", "-"], Proceed),
            (["-", EARLIER, "-", "-"], Failed),
            (["-", "yesterday", "-", "-"], Proceed),
            (["-", EARLIER, "\"1-2\"", "-"], Failed),
            (["-", LATER, "\"1-2\"", "-"], NotModified),
            // 3. If-None-Match, weak.
            (["-", "-", "\"1-2\"", "-"], NotModified),
            (["-", "-", "W/\"1-2\"", "-"], NotModified),
            (["-", "-", " * ", "-"], NotModified),
            (["-", "-", "\"x\",W/\"y\" ,, \t\"1-2\"", "-"], NotModified),
            (["-", "-", "\"a, b\", \"1-2\"", "-"], NotModified),
            (["-", "-", "\"x\"", "-"], Proceed),
            (["-", "-", "1-2", "-"], Proceed),
            (["-", "-", "\"1-2", "-"], Proceed),
            (["-", "-", "w/\"1-2\"", "-"], Proceed),
            (["-", "-", "\"1-2\"x", "-"], Proceed),
            (["-", "-", "\"x\" \"1-2\"", "-"], Proceed),
            (["-", "-", "", "-"], Proceed),
            // A tag that does not match makes the date meaningless.
            (["-", "-", "\"x\"", LATER], Proceed),
            // 4. If-Modified-Since.
            (["-", "-", "-", MODIFIED], NotModified),
            (["-", "-", "-", LATER], NotModified),
            (["-", "-", "-", EARLIER], Proceed),
            (["-", "-", "-", "0"], Proceed),
            (["-", "-", "-", "\u{e4}"], Proceed),
        ] {
            assert_eq!(validators(false).weigh(&ask(fields)), verdict, "{fields:?}");
        }
    }

    #[test]
    fn a_weak_tag_saves_sending_and_nothing_else() {
        let weak = validators(true);
        for tags in ["\"1-2\"", "W/\"1-2\""] {
            let verdict = weak.weigh(&ask(["-", "-", tags, "-"]));
            assert_eq!(verdict, Verdict::NotModified, "{tags}");
            let verdict = weak.weigh(&ask([tags, "-", "-", "-"]));
            assert_eq!(verdict, Verdict::Failed, "{tags}");
            assert!(!weak.allow_range(Some(tags.as_bytes())), "{tags}");
        }
        assert!(weak.allow_range(None));
    }

    #[test]
    fn if_range() {
        for (if_range, expected) in [
            ("\"1-2\"", true),
            ("\"x\"", false),
            ("W/\"1-2\"", false),
            ("\"1-2\", \"x\"", false),
            ("*", false),
            ("", false),
            (MODIFIED, false),
            (LATER, false),
        ] {
            let allowed = validators(false).allow_range(Some(if_range.as_bytes()));
            assert_eq!(allowed, expected, "{if_range}");
        }
    }

    #[test]
    fn a_version_has_its_own_tag() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let now = SystemTime::now();
        let old = SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_500);
        let write = |modified: SystemTime| {
            let file = std::fs::File::create(&path).unwrap();
            std::io::Write::write_all(&mut &file, b"text").unwrap();
            file.set_modified(modified).unwrap();
            file.metadata().unwrap()
        };

        let metadata = write(old);
        let first = Validators::new(&metadata, "", now);
        assert_eq!(first, Validators::new(&metadata, "", now));
        assert!(!first.is_weak && first.tag().starts_with('"'));
        assert_eq!(first.last_modified().as_deref(), Some(MODIFIED));
        assert_ne!(first.tag(), Validators::new(&metadata, "br", now).tag());

        // The same inode, size and date, but not the same bytes.
        std::thread::sleep(Duration::from_millis(20));
        assert_ne!(first.tag(), Validators::new(&write(old), "", now).tag());

        let young = Validators::new(&write(now - SETTLED / 2), "", now);
        assert!(young.tag().starts_with("W/\""));
        let settled = Validators::new(&write(now - SETTLED), "", now);
        assert!(!settled.is_weak);

        let future = Validators::new(&write(now + Duration::from_secs(60)), "", now);
        assert!(future.is_weak);
        assert_eq!(future.modified, whole_seconds(now));

        let ancient = write(SystemTime::UNIX_EPOCH - Duration::from_secs(1));
        let ancient = Validators::new(&ancient, "", now);
        assert_eq!(ancient.last_modified(), None);
        let verdict = ancient.weigh(&ask(["-", "-", "-", LATER]));
        assert_eq!(verdict, Verdict::Proceed);
    }
}
