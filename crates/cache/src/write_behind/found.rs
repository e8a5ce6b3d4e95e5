//! What the files of a log say when it is opened.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::error::LogError;
use super::frame::{self, Content, Kind, Record};
use super::log::path;

/// A file as it was found.
pub(super) struct Found {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) content: Content,
}

impl Found {
    pub(super) fn is_whole(&self) -> bool {
        self.content
            .header
            .is_some_and(|header| header.number == self.number)
            && self.content.whole as u64 == self.bytes
    }

    pub(super) fn is_torn(&self) -> bool {
        self.content
            .header
            .is_some_and(|header| header.number == self.number)
            && !self.content.damaged
    }
}

/// The files of the log, oldest first.
pub(super) fn find(directory: &Path) -> Result<Vec<Found>, LogError> {
    let error = LogError::io(directory);
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(&error)? {
        let path = entry.map_err(&error)?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let number = stem
            .filter(|stem| stem.len() == 20)
            .and_then(|stem| stem.parse().ok());
        let (Some(number), true) = (number, path.extension().is_some_and(|end| end == "log"))
        else {
            continue;
        };
        let content: Bytes = fs::read(&path).map_err(LogError::io(&path))?.into();
        found.push(Found {
            number,
            path,
            bytes: content.len() as u64,
            content: frame::read(&content),
        });
    }
    found.sort_unstable_by_key(|file| file.number);
    Ok(found)
}

/// Whether all files are there and whole; only the last one may have a torn end.
pub(super) fn check(found: &[Found], directory: &Path) -> Result<(), LogError> {
    for pair in found.windows(2) {
        if pair[0].number + 1 != pair[1].number {
            return Err(LogError::Missing(path(directory, pair[0].number + 1)));
        }
    }
    for (at, file) in found.iter().enumerate() {
        let is_last = at + 1 == found.len();
        if !(file.is_whole() || is_last && file.is_torn()) {
            return Err(LogError::Damaged {
                file: file.path.clone(),
                at: file.content.whole as u64,
            });
        }
    }
    Ok(())
}

pub(super) fn next_sequence(found: &[Found]) -> Option<u64> {
    let records = found
        .iter()
        .flat_map(|file| &file.content.records)
        .map(|record| record.sequence.saturating_add(1));
    let headers = found
        .iter()
        .filter_map(|file| file.content.header)
        .map(|header| header.next_sequence);
    records.chain(headers).max()
}

/// The changes that have yet to be written.
pub(super) fn pending(found: &[Found]) -> Vec<(Record, u64)> {
    let all = || {
        found.iter().flat_map(|file| {
            file.content
                .records
                .iter()
                .map(|record| (record, file.number))
        })
    };
    let mut pending: Vec<_> = latest(all())
        .into_iter()
        .map(|(record, file)| (record.clone(), file))
        .collect();
    pending.sort_unstable_by_key(|(record, _)| record.sequence);
    pending
}

/// Of each key the last record, unless it is done.
pub(super) fn latest<'a>(
    records: impl Iterator<Item = (&'a Record, u64)>,
) -> Vec<(&'a Record, u64)> {
    let mut done = HashSet::new();
    let mut last: HashMap<&str, (&Record, u64)> = HashMap::new();
    for (record, file) in records {
        match record.kind {
            Kind::Put | Kind::Delete => drop(last.insert(&record.key, (record, file))),
            Kind::Done => done.extend(record.sequences()),
            Kind::Reason => {}
        }
    }
    last.into_values()
        .filter(|(record, _)| !done.contains(&record.sequence))
        .collect()
}
