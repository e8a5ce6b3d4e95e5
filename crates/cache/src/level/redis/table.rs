//! What a process knows of the invalidations of a shared level.
//!
//! The same rule as in memory ([`crate::invalidate`]), with the numbers given by Redis: a value is valid if its number
//! is not smaller than those of everything that it belongs to. The last invalidations of single keys are here too. In
//! Redis their value is gone or has a tombstone; here they are a second line, for a server that lost it (it became the
//! master without having copied it, or threw it out for want of memory).

use std::collections::HashMap;
use std::hash::Hash;

use crate::entry::Tag;
use crate::invalidate::{Invalidation, Mode, Target, Verdict};
use crate::key::Key;

/// How many keys are remembered; each costs about 150 bytes.
const MAX_KEYS: usize = 65_536;

/// The numbers of the last invalidations.
#[derive(Debug, Default)]
pub(super) struct Table {
    tags: HashMap<Tag, Last>,
    keys: HashMap<Key, Last>,
    /// In the order of their numbers.
    prefixes: Vec<(Box<str>, Mode, u64)>,
    /// What is older than this counts as gone.
    pub(super) forgotten: u64,
    pub(super) max_tags: usize,
    pub(super) max_prefixes: usize,
}

#[derive(Debug, Default, Clone, Copy)]
struct Last {
    soft: u64,
    hard: u64,
}

impl Last {
    fn raise(&mut self, mode: Mode, number: u64) {
        let last = match mode {
            Mode::Soft => &mut self.soft,
            Mode::Hard => &mut self.hard,
        };
        *last = number.max(*last);
    }

    fn latest(self) -> u64 {
        self.soft.max(self.hard)
    }

    fn verdict(self, since: u64) -> Verdict {
        if self.hard > since {
            Verdict::Gone
        } else if self.soft > since {
            Verdict::Expired
        } else {
            Verdict::Valid
        }
    }
}

impl Table {
    pub(super) fn new(max_tags: usize, max_prefixes: usize) -> Self {
        Self {
            max_tags: max_tags.max(1),
            max_prefixes: max_prefixes.max(1),
            ..Self::default()
        }
    }

    /// Takes in an invalidation with its number. They may come in any order, and more than once.
    pub(super) fn add(&mut self, what: &Invalidation, number: u64) {
        match &what.target {
            Target::Key(key) => {
                if self.keys.len() >= MAX_KEYS && !self.keys.contains_key(key) {
                    drop_older_half(&mut self.keys);
                }
                self.keys
                    .entry(key.clone())
                    .or_default()
                    .raise(what.mode, number);
            }
            Target::Tag(tag) => {
                if self.tags.len() >= self.max_tags && !self.tags.contains_key(tag) {
                    self.forgotten = self.forgotten.max(drop_older_half(&mut self.tags));
                }
                self.tags
                    .entry(tag.clone())
                    .or_default()
                    .raise(what.mode, number);
            }
            Target::All if what.mode == Mode::Hard => {
                self.forgotten = self.forgotten.max(number);
                self.tags.retain(|_, last| last.latest() > number);
                self.keys.retain(|_, last| last.latest() > number);
                self.prefixes.retain(|(_, _, last)| *last > number);
            }
            Target::Prefix(prefix) if !prefix.is_empty() || what.mode == Mode::Soft => {
                self.prefix(prefix, what.mode, number);
            }
            Target::Prefix(_) => self.add(&Invalidation::all(), number),
            Target::All => self.prefix("", what.mode, number),
        }
    }

    fn prefix(&mut self, prefix: &str, mode: Mode, number: u64) {
        // What is covered by the new one need not be walked through any more.
        self.prefixes.retain(|(old, old_mode, last)| {
            !(*last <= number
                && old.starts_with(prefix)
                && (mode == Mode::Hard || *old_mode == Mode::Soft))
        });
        if self.prefixes.len() >= self.max_prefixes {
            let half = self
                .prefixes
                .drain(..self.max_prefixes.div_ceil(2))
                .next_back();
            self.forgotten = self.forgotten.max(half.map_or(0, |(_, _, number)| number));
        }
        let at = self
            .prefixes
            .partition_point(|(_, _, last)| *last <= number);
        self.prefixes.insert(at, (prefix.into(), mode, number));
    }

    /// What follows for a value with this number.
    pub(super) fn judge(&self, key: &Key, tags: &[Tag], since: u64) -> Verdict {
        if since < self.forgotten {
            return Verdict::Gone;
        }
        let mut verdict = self
            .keys
            .get(key)
            .map_or(Verdict::Valid, |last| last.verdict(since));
        for tag in tags {
            if let Some(last) = self.tags.get(tag) {
                verdict = verdict.max(last.verdict(since));
            }
        }
        for (prefix, mode, number) in self.prefixes.iter().rev() {
            if *number <= since {
                break;
            }
            if key.as_str().starts_with(&**prefix) {
                verdict = verdict.max(match mode {
                    Mode::Soft => Verdict::Expired,
                    Mode::Hard => Verdict::Gone,
                });
            }
        }
        verdict
    }
}

/// Drops the half with the smaller numbers, and returns the largest of those dropped.
fn drop_older_half<K: Eq + Hash>(all: &mut HashMap<K, Last>) -> u64 {
    let mut numbers: Vec<u64> = all.values().map(|last| last.latest()).collect();
    let middle = numbers.len() / 2;
    let (_, &mut median, _) = numbers.select_nth_unstable(middle);
    all.retain(|_, last| last.latest() > median);
    median
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        Key::new(text).unwrap()
    }

    #[test]
    fn the_largest_number_counts_in_whatever_order_they_come() {
        let mut table = Table::new(10, 10);
        table.add(&Invalidation::tag("a"), 5);
        table.add(&Invalidation::tag("a"), 3);
        let tags = [Tag::from("a")];
        assert_eq!(table.judge(&key("k"), &tags, 4), Verdict::Gone);
        assert_eq!(table.judge(&key("k"), &tags, 5), Verdict::Valid);
        table.add(&Invalidation::prefix("k").soft(), 9);
        table.add(&Invalidation::prefix("x").soft(), 7);
        assert_eq!(table.judge(&key("k"), &tags, 8), Verdict::Expired);
        assert_eq!(table.judge(&key("x"), &tags, 8), Verdict::Valid);
        table.add(&Invalidation::all(), 10);
        assert_eq!(table.judge(&key("z"), &[], 9), Verdict::Gone);
        assert_eq!(table.judge(&key("z"), &[], 10), Verdict::Valid);
    }

    #[test]
    fn an_older_wide_prefix_does_not_hide_a_newer_narrow_one() {
        let mut table = Table::new(10, 10);
        table.add(&Invalidation::prefix("ab"), 5);
        table.add(&Invalidation::prefix("a"), 4);
        assert_eq!(table.judge(&key("abc"), &[], 4), Verdict::Gone);
    }

    #[test]
    fn it_stays_bounded_and_forgets_to_the_safe_side() {
        let mut table = Table::new(8, 4);
        for number in 1..100 {
            table.add(&Invalidation::tag(&number.to_string()), number);
            table.add(&Invalidation::prefix(&format!("p{number}:")), number);
            assert!(table.tags.len() <= 8 && table.prefixes.len() <= 4);
        }
        assert_eq!(table.judge(&key("k"), &["1".into()], 0), Verdict::Gone);
        assert_eq!(table.judge(&key("p1:"), &[], 0), Verdict::Gone);
        assert_eq!(table.judge(&key("k"), &["1".into()], 99), Verdict::Valid);
    }

    #[test]
    fn only_so_many_keys_are_remembered_and_the_others_are_left_to_redis() {
        let mut table = Table::new(8, 4);
        for number in 0..=MAX_KEYS {
            table.add(
                &Invalidation::key(&key(&format!("k{number}"))),
                number as u64 + 1,
            );
        }
        assert!(table.keys.len() <= MAX_KEYS / 2 + 1);
        assert_eq!(table.judge(&key("k0"), &[], 0), Verdict::Valid);
    }
}
