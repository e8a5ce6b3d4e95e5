//! The numbers of the last invalidations, as the disk level needs them.
//!
//! The same idea as in [`crate::invalidate`], with three differences. Everything in the log is numbered in one row, so a
//! record's own number says what came after it. What has been invalidated is forgotten when the segments before it are
//! gone, since nothing is left that it could concern; so a tag is remembered for as long as it matters and
//! the bound is only a safety net. And single keys are remembered too, for a while: a value whose load began before
//! that must not be stored.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::invalidate::{Mode, Target, Verdict};

use super::entry::Secret;
use super::index::Ready;

/// How many tags keep a number: 24 to 48 MiB at most.
const MAX_TAGS: usize = 1 << 20;
/// How many prefixes do.
const MAX_PREFIXES: usize = 1 << 10;
/// How many keys do. A load that takes longer than so many invalidations is not stored.
const MAX_KEYS: usize = 1 << 16;

/// The last invalidations.
#[derive(Default)]
pub(super) struct Numbers {
    tags: HashMap<u64, Last, BuildHasherDefault<Ready>>,
    /// In the order of their numbers. Everything, softly, is the empty prefix.
    prefixes: Vec<(Box<str>, Mode, u64)>,
    keys: HashMap<u64, u64, BuildHasherDefault<Ready>>,
    /// What is older than this is gone: everything was invalidated then, or what was has been forgotten.
    floor: u64,
    /// A lease older than this may have missed the invalidation of its key.
    keys_floor: u64,
}

#[derive(Debug, Default, Clone, Copy)]
struct Last {
    soft: u64,
    hard: u64,
}

impl Last {
    fn latest(self) -> u64 {
        self.soft.max(self.hard)
    }
}

impl Numbers {
    /// Takes in the invalidation of a tag, a prefix or everything.
    pub(super) fn wide(&mut self, target: &Target, mode: Mode, number: u64, secret: &Secret) {
        match (target, mode) {
            (Target::Key(key), _) => self.key(secret.key(key.as_str()), number),
            (Target::Tag(tag), _) => self.tag(secret.tag(tag), mode, number),
            (Target::Prefix(prefix), _) if !prefix.is_empty() => self.prefix(prefix, mode, number),
            (Target::Prefix(_) | Target::All, Mode::Soft) => self.prefix("", mode, number),
            (Target::Prefix(_) | Target::All, Mode::Hard) => {
                self.tags.clear();
                self.prefixes.clear();
                self.keys.clear();
                self.floor = number;
                self.keys_floor = number;
            }
        }
    }

    /// Takes in the invalidation of a key.
    pub(super) fn key(&mut self, hash: u64, number: u64) {
        if self.keys.len() >= MAX_KEYS && !self.keys.contains_key(&hash) {
            let median = median(self.keys.values().copied());
            self.keys.retain(|_, number| *number > median);
            self.keys_floor = self.keys_floor.max(median);
        }
        self.keys.insert(hash, number);
    }

    /// Whether a value of the key, loaded under a lease of number `since`, may still be stored.
    pub(super) fn admits(&self, hash: u64, key: &str, tags: &[u64], since: u64) -> bool {
        since >= self.keys_floor
            && self.keys.get(&hash).is_none_or(|&number| number <= since)
            && self.judge(key, tags.iter().copied(), since) == Verdict::Valid
    }

    /// What follows for a record with number `since`, whose key itself has not been invalidated.
    pub(super) fn judge(
        &self,
        key: &str,
        tags: impl IntoIterator<Item = u64>,
        since: u64,
    ) -> Verdict {
        if since < self.floor {
            return Verdict::Gone;
        }
        let mut verdict = Verdict::Valid;
        for (prefix, mode, number) in self.prefixes.iter().rev() {
            if *number <= since {
                break;
            }
            if key.starts_with(&**prefix) {
                verdict = verdict.max(match mode {
                    Mode::Soft => Verdict::Expired,
                    Mode::Hard => Verdict::Gone,
                });
            }
        }
        if self.tags.is_empty() {
            return verdict;
        }
        for tag in tags {
            let last = self.tags.get(&tag).copied().unwrap_or_default();
            if last.hard > since {
                return Verdict::Gone;
            } else if last.soft > since {
                verdict = verdict.max(Verdict::Expired);
            }
        }
        verdict
    }

    /// Forgets what concerns only records up to `number`, of which there are none any more. The keys stay: they
    /// are about loads under way.
    pub(super) fn prune(&mut self, number: u64) {
        self.tags.retain(|_, last| last.latest() > number);
        self.prefixes.retain(|(_, _, last)| *last > number);
    }

    fn tag(&mut self, tag: u64, mode: Mode, number: u64) {
        if self.tags.len() >= MAX_TAGS && !self.tags.contains_key(&tag) {
            let median = median(self.tags.values().map(|last| last.latest()));
            self.tags.retain(|_, last| last.latest() > median);
            self.floor = self.floor.max(median);
        }
        let last = self.tags.entry(tag).or_default();
        match mode {
            Mode::Soft => last.soft = number,
            Mode::Hard => last.hard = number,
        }
    }

    fn prefix(&mut self, prefix: &str, mode: Mode, number: u64) {
        self.prefixes.retain(|(old, old_mode, _)| {
            !(old.starts_with(prefix) && (mode == Mode::Hard || *old_mode == Mode::Soft))
        });
        if self.prefixes.len() >= MAX_PREFIXES {
            let last = self.prefixes.drain(..MAX_PREFIXES / 2).next_back();
            self.floor = self.floor.max(last.map_or(0, |(_, _, number)| number));
        }
        self.prefixes.push((prefix.into(), mode, number));
    }
}

fn median(numbers: impl Iterator<Item = u64>) -> u64 {
    let mut numbers: Vec<u64> = numbers.collect();
    let middle = numbers.len() / 2;
    *numbers.select_nth_unstable(middle).1
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: Secret = Secret([1, 2]);

    fn tag(name: &str) -> Target {
        Target::Tag(name.into())
    }

    fn judge(numbers: &Numbers, key: &str, tags: &[&str], since: u64) -> Verdict {
        numbers.judge(key, tags.iter().map(|tag| SECRET.tag(tag)), since)
    }

    #[test]
    fn a_record_is_held_against_what_came_after_it() {
        let mut numbers = Numbers::default();
        numbers.wide(&tag("a"), Mode::Soft, 5, &SECRET);
        assert_eq!(judge(&numbers, "k", &["a"], 4), Verdict::Expired);
        assert_eq!(judge(&numbers, "k", &["a"], 5), Verdict::Valid);
        assert_eq!(judge(&numbers, "k", &["b"], 4), Verdict::Valid);
        numbers.wide(&tag("a"), Mode::Hard, 6, &SECRET);
        numbers.wide(&tag("a"), Mode::Soft, 7, &SECRET);
        assert_eq!(judge(&numbers, "k", &["a"], 4), Verdict::Gone);
        assert_eq!(judge(&numbers, "k", &["a"], 6), Verdict::Expired);
    }

    #[test]
    fn everything_is_invalidated_softly_or_for_good() {
        let mut numbers = Numbers::default();
        numbers.wide(&Target::All, Mode::Soft, 5, &SECRET);
        assert_eq!(judge(&numbers, "k", &[], 4), Verdict::Expired);
        numbers.wide(&Target::Prefix("".into()), Mode::Hard, 6, &SECRET);
        assert_eq!(judge(&numbers, "k", &[], 5), Verdict::Gone);
        assert_eq!(judge(&numbers, "k", &[], 6), Verdict::Valid);
        assert!(!numbers.admits(1, "k", &[], 5));
        assert!(numbers.admits(1, "k", &[], 6));
    }

    #[test]
    fn a_lease_older_than_its_keys_invalidation_or_than_what_is_remembered_is_refused() {
        let mut numbers = Numbers::default();
        numbers.key(1, 10);
        assert!(!numbers.admits(1, "k", &[], 9));
        assert!(numbers.admits(1, "k", &[], 10));
        assert!(numbers.admits(2, "other", &[], 0));
        for key in 0..=MAX_KEYS as u64 {
            numbers.key(key.wrapping_mul(0x9E37_79B9_7F4A_7C15), 100 + key);
        }
        assert!(numbers.keys.len() <= MAX_KEYS);
        assert!(!numbers.admits(2, "other", &[], 100));
        assert!(numbers.admits(2, "other", &[], 200_000));
    }

    #[test]
    fn what_no_record_is_older_than_is_forgotten() {
        let mut numbers = Numbers::default();
        numbers.wide(&tag("a"), Mode::Hard, 5, &SECRET);
        numbers.wide(&Target::Prefix("p".into()), Mode::Hard, 6, &SECRET);
        numbers.wide(&tag("b"), Mode::Hard, 7, &SECRET);
        numbers.prune(6);
        assert_eq!((numbers.tags.len(), numbers.prefixes.len()), (1, 0));
        assert_eq!(judge(&numbers, "k", &["b"], 6), Verdict::Gone);
    }

    #[test]
    fn prefixes_are_bounded_and_forgetting_one_invalidates_what_is_older() {
        let mut numbers = Numbers::default();
        for number in 1..=3 * MAX_PREFIXES as u64 {
            let prefix = Target::Prefix(format!("p{number}:").into());
            numbers.wide(&prefix, Mode::Hard, number, &SECRET);
        }
        assert!(numbers.prefixes.len() <= MAX_PREFIXES);
        assert_eq!(judge(&numbers, "x", &[], 1), Verdict::Gone);
    }
}
