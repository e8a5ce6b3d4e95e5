//! The log's files: what opening makes of what it finds.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::LogError;
use super::frame::{self, HEADER, Kind, Record};
use super::log::{Log, Opened};

const FILE: u64 = 1024;

fn open(directory: &Path, recover: bool) -> Result<Opened, LogError> {
    Log::open(directory, FILE, recover)
}

fn put(log: &mut Log, key: &str, payload: &[u8]) -> (u64, u64) {
    let sequence = log.number();
    let record = Record {
        kind: Kind::Put,
        sequence,
        key: key.into(),
        payload: payload.to_vec().into(),
    };
    let file = log.append(&frame::encode(&[record]), false).unwrap();
    log.hold(file);
    (sequence, file)
}

fn done(log: &mut Log, sequence: u64, file: u64) {
    log.append(
        &frame::encode(&[Record::done([sequence].into_iter())]),
        false,
    )
    .unwrap();
    log.release(file);
    log.trim().unwrap();
}

fn keys(opened: &Opened) -> Vec<(String, Vec<u8>)> {
    let pending = opened.pending.iter();
    pending
        .map(|(record, _)| (record.key.to_string(), record.payload.to_vec()))
        .collect()
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "log"));
    files.sort();
    files
}

fn pair(key: &str, payload: &[u8]) -> (String, Vec<u8>) {
    (key.to_owned(), payload.to_vec())
}

#[test]
fn the_newest_of_each_key_is_pending_until_it_is_done() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = open(directory.path(), false).unwrap().log;
    put(&mut log, "a", b"1");
    put(&mut log, "b", b"1");
    put(&mut log, "a", b"2");
    let (sequence, file) = put(&mut log, "c", b"1");
    done(&mut log, sequence, file);
    drop(log);
    let mut opened = open(directory.path(), false).unwrap();
    assert_eq!(keys(&opened), [pair("b", b"1"), pair("a", b"2")]);
    assert_eq!(opened.log.number(), sequence + 1);
}

#[test]
fn a_log_cut_at_any_byte_has_what_was_whole_before() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = open(directory.path(), false).unwrap().log;
    let mut ends = Vec::new();
    for at in 0..4_u8 {
        put(
            &mut log,
            &format!("key{at}"),
            &vec![at; usize::from(at) * 7],
        );
        ends.push(fs::metadata(&files(directory.path())[0]).unwrap().len() as usize);
    }
    let sequence = log.number();
    drop(log);
    let file = files(directory.path()).remove(0);
    let whole = fs::read(&file).unwrap();
    for length in HEADER..=whole.len() {
        fs::write(&file, &whole[..length]).unwrap();
        let mut opened = open(directory.path(), false).unwrap();
        let expected = ends.iter().filter(|end| **end <= length).count();
        assert_eq!(opened.pending.len(), expected, "cut to {length} bytes");
        let kept = ends[..expected].last().copied().unwrap_or(HEADER);
        assert_eq!(opened.torn_bytes, (length - kept) as u64);
        // It goes on behind what was whole.
        assert!(opened.log.number() <= sequence);
        put(&mut opened.log, "new", b"x");
        drop(opened);
        let opened = open(directory.path(), false).unwrap();
        assert_eq!((opened.pending.len(), opened.torn_bytes), (expected + 1, 0));
        drop(opened);
        fs::write(&file, &whole).unwrap();
    }
}

#[test]
fn damage_in_the_middle_is_an_error_that_names_the_file_and_can_be_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = open(directory.path(), false).unwrap().log;
    put(&mut log, "a", b"1");
    let at = fs::metadata(&files(directory.path())[0]).unwrap().len();
    put(&mut log, "b", b"1");
    let (last, _) = put(&mut log, "c", b"1");
    drop(log);
    let file = files(directory.path()).remove(0);
    let mut content = fs::read(&file).unwrap();
    content[at as usize + 20] ^= 1;
    fs::write(&file, &content).unwrap();
    let error = open(directory.path(), false).err().expect("it is damaged");
    assert!(
        matches!(&error, LogError::Damaged { file: named, at: from } if *named == file && *from == at)
    );
    let text = error.to_string();
    assert!(
        text.contains(file.to_str().unwrap()) && text.contains("`recover`"),
        "{text}"
    );
    assert_eq!(fs::read(&file).unwrap(), content, "nothing was changed");

    let mut opened = open(directory.path(), true).unwrap();
    assert_eq!(keys(&opened), [pair("a", b"1"), pair("c", b"1")]);
    assert!(opened.log.number() > last);
    drop(opened);
    assert_eq!(fs::read(file.with_extension("damaged")).unwrap(), content);
    let opened = open(directory.path(), false).unwrap();
    assert_eq!(keys(&opened), [pair("a", b"1"), pair("c", b"1")]);
}

#[test]
fn a_file_that_is_missing_or_cut_between_others_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = open(directory.path(), false).unwrap().log;
    for at in 0..30 {
        put(&mut log, &format!("k{at}"), &[0; 90]);
    }
    drop(log);
    let all = files(directory.path());
    assert!(all.len() > 2);
    let second = fs::read(&all[1]).unwrap();
    fs::write(&all[1], &second[..second.len() - 1]).unwrap();
    assert!(
        matches!(open(directory.path(), false), Err(LogError::Damaged { file, .. }) if file == all[1])
    );
    fs::remove_file(&all[1]).unwrap();
    assert!(
        matches!(open(directory.path(), false), Err(LogError::Missing(file)) if file == all[1])
    );
    let lost = frame::read(&second.into()).records.len();
    assert_eq!(
        open(directory.path(), true).unwrap().pending.len(),
        30 - lost
    );
    assert_eq!(
        open(directory.path(), false).unwrap().pending.len(),
        30 - lost
    );
}

#[test]
fn a_directory_belongs_to_one_log() {
    let directory = tempfile::tempdir().unwrap();
    let opened = open(directory.path(), false).unwrap();
    let error = open(directory.path(), false).err().expect("it is locked");
    assert!(matches!(&error, LogError::Locked(named) if named == directory.path()));
    drop(opened);
    open(directory.path(), false).unwrap();
}

#[test]
fn files_go_when_nothing_in_them_waits_and_the_numbers_stay() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = open(directory.path(), false).unwrap().log;
    for _ in 0..100 {
        let (sequence, file) = put(&mut log, "k", &[0; 90]);
        done(&mut log, sequence, file);
        assert!(log.len() <= 2);
    }
    let next = log.number();
    log.finish().unwrap();
    assert_eq!((log.len(), log.bytes()), (1, HEADER as u64));
    drop(log);
    let mut opened = open(directory.path(), false).unwrap();
    assert!(opened.pending.is_empty());
    assert_eq!(opened.log.number(), next + 1);
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("notes.log"), "mine").unwrap();
    open(directory.path(), false).unwrap();
    assert_eq!(
        fs::read(directory.path().join("notes.log")).unwrap(),
        b"mine"
    );
    // But one of our names with something else in it is not passed over.
    let ours = directory.path().join(format!("{:020}.log", 1));
    fs::write(&ours, "something else").unwrap();
    assert!(
        matches!(open(directory.path(), false), Err(LogError::Damaged { file, at: 0 }) if file == ours)
    );
}
