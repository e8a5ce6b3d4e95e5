//! What has been invalidated, and what follows for a value.
//!
//! # The problem
//! Removing "everything tagged `product:7`" from a cache by looking for it costs an index of all tags, or a walk
//! through everything. And whatever is removed can come back: a reader that read the old row before the
//! change stores it after the removal (the stale-fill race, which Facebook's memcache closes with leases: Nishtala
//! et al., Scaling Memcache at Facebook, NSDI 2013, section 3.2.1).
//!
//! # The idea
//! Invalidations are numbered. A load takes note of the last number before it begins, its *stamp*; a tag, prefix
//! or "all" takes note of the number of its last invalidation. A value is valid if its stamp is not smaller than the
//! numbers of everything it belongs to. One comparison decides both: whether something stored has been invalidated
//! since (lazily, when it is read), and whether something just loaded is already out of date. Single keys need no such
//! memory: their value is removed and the loads under way are told ([`crate::flight`]).
//!
//! # The trade-off
//! Every read after an invalidation looks up the value's tags once, and the numbers take memory. Both are
//! bounded: an entry remembers up to which number it was found valid, and when too many tags have a number, the
//! oldest half is forgotten and whatever was not read since counts as gone.

use std::collections::HashMap;
use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::entry::Tag;
use crate::key::Key;

/// How many tags keep a number of their own. A tag costs about 100 bytes.
const MAX_TAGS: usize = 65_536;
/// How many prefixes do. They are walked through by the first read of each entry after an invalidation.
const MAX_PREFIXES: usize = 1_024;

/// What is to be invalidated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One key.
    Key(Key),
    /// Everything with a tag.
    Tag(Tag),
    /// Everything whose key begins with this text.
    Prefix(Box<str>),
    /// Everything.
    All,
}

/// What invalidation leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The value expires: it is loaded anew before it is used, and kept for the case that this fails.
    Soft,
    /// The value is gone.
    Hard,
}

/// One order to invalidate something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalidation {
    /// What.
    pub target: Target,
    /// What is left of it.
    pub mode: Mode,
}

impl Invalidation {
    /// Removes one key.
    #[must_use]
    pub fn key(key: &Key) -> Self {
        Self {
            target: Target::Key(key.clone()),
            mode: Mode::Hard,
        }
    }

    /// Removes everything with a tag.
    #[must_use]
    pub fn tag(tag: &str) -> Self {
        Self {
            target: Target::Tag(tag.into()),
            mode: Mode::Hard,
        }
    }

    /// Removes everything whose key begins with `prefix`.
    #[must_use]
    pub fn prefix(prefix: &str) -> Self {
        Self {
            target: Target::Prefix(prefix.into()),
            mode: Mode::Hard,
        }
    }

    /// Removes everything.
    #[must_use]
    pub fn all() -> Self {
        Self {
            target: Target::All,
            mode: Mode::Hard,
        }
    }

    /// The same, but keeping what it had for fail-safe.
    #[must_use]
    pub fn soft(mut self) -> Self {
        self.mode = Mode::Soft;
        self
    }
}

/// What follows for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Valid,
    Expired,
    Gone,
}

/// The numbers of the last invalidations.
#[derive(Debug, Default)]
pub(crate) struct Invalidations {
    version: AtomicU64,
    numbers: RwLock<Numbers>,
}

#[derive(Debug, Default)]
struct Numbers {
    tags: HashMap<Tag, Last>,
    /// In the order of their numbers. "All" is the empty prefix.
    prefixes: Vec<(Box<str>, Mode, u64)>,
    /// Numbers up to this one have been forgotten.
    forgotten: u64,
}

/// The numbers of a tag's last invalidations.
#[derive(Debug, Default, Clone, Copy)]
struct Last {
    soft: u64,
    hard: u64,
}

impl Invalidations {
    /// The number of the last invalidation: what a load that begins now takes as its stamp.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Takes in an invalidation of a tag, a prefix or everything.
    pub(crate) fn add(&self, target: &Target, mode: Mode) {
        let mut numbers = self
            .numbers
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let number = self.version.load(Ordering::Relaxed) + 1;
        match target {
            Target::Key(_) => return,
            Target::Tag(tag) => numbers.tag(tag, mode, number),
            Target::Prefix(prefix) => numbers.prefix(prefix, mode, number),
            Target::All => numbers.prefix("", mode, number),
        }
        // Only now: whoever sees the number finds what it stands for.
        self.version.store(number, Ordering::Release);
    }

    /// What follows for a value that was valid at number `since`.
    pub(crate) fn judge(&self, key: &str, tags: &[Tag], since: u64) -> Verdict {
        let numbers = self
            .numbers
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if since < numbers.forgotten {
            return Verdict::Gone;
        }
        let mut verdict = Verdict::Valid;
        for tag in tags {
            if let Some(last) = numbers.tags.get(tag) {
                verdict = verdict.max(last.verdict(since));
            }
        }
        for (prefix, mode, number) in numbers.prefixes.iter().rev() {
            if *number <= since {
                break;
            }
            if key.starts_with(&**prefix) {
                verdict = verdict.max(mode.verdict());
            }
        }
        verdict
    }
}

impl Last {
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

impl Mode {
    fn verdict(self) -> Verdict {
        match self {
            Self::Soft => Verdict::Expired,
            Self::Hard => Verdict::Gone,
        }
    }
}

impl Numbers {
    fn tag(&mut self, tag: &Tag, mode: Mode, number: u64) {
        if self.tags.len() >= MAX_TAGS && !self.tags.contains_key(tag) {
            self.forget_tags();
        }
        let last = self.tags.entry(tag.clone()).or_default();
        match mode {
            Mode::Soft => last.soft = number,
            Mode::Hard => last.hard = number,
        }
    }

    fn prefix(&mut self, prefix: &str, mode: Mode, number: u64) {
        // What is covered by the new one need not be walked through any more.
        self.prefixes.retain(|(old, old_mode, _)| {
            !(old.starts_with(prefix) && (mode == Mode::Hard || *old_mode == Mode::Soft))
        });
        if self.prefixes.len() >= MAX_PREFIXES {
            let half = self.prefixes.drain(..MAX_PREFIXES / 2).next_back();
            self.forgotten = self.forgotten.max(half.map_or(0, |(_, _, number)| number));
        }
        self.prefixes.push((prefix.into(), mode, number));
    }

    /// Forgets the older half of the tags.
    fn forget_tags(&mut self) {
        let mut latest: Vec<u64> = self
            .tags
            .values()
            .map(|last| last.soft.max(last.hard))
            .collect();
        let middle = latest.len() / 2;
        let (_, &mut median, _) = latest.select_nth_unstable(middle);
        self.tags
            .retain(|_, last| last.soft.max(last.hard) > median);
        self.forgotten = self.forgotten.max(median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(names: &[&str]) -> Vec<Tag> {
        names.iter().map(|&name| name.into()).collect()
    }

    #[test]
    fn a_value_is_held_against_what_came_after_its_load_began() {
        let invalidations = Invalidations::default();
        let before = invalidations.version();
        invalidations.add(&Target::Tag("a".into()), Mode::Hard);
        let after = invalidations.version();
        assert_eq!(
            invalidations.judge("k", &tags(&["a"]), before),
            Verdict::Gone
        );
        assert_eq!(
            invalidations.judge("k", &tags(&["a"]), after),
            Verdict::Valid
        );
        assert_eq!(
            invalidations.judge("k", &tags(&["b"]), before),
            Verdict::Valid
        );
    }

    #[test]
    fn the_hardest_of_several_decides() {
        let invalidations = Invalidations::default();
        invalidations.add(&Target::Prefix("user:".into()), Mode::Soft);
        assert_eq!(invalidations.judge("user:1", &[], 0), Verdict::Expired);
        invalidations.add(&Target::Tag("a".into()), Mode::Hard);
        assert_eq!(
            invalidations.judge("user:1", &tags(&["a"]), 0),
            Verdict::Gone
        );
        invalidations.add(&Target::All, Mode::Soft);
        assert_eq!(invalidations.judge("x", &[], 0), Verdict::Expired);
        assert_eq!(invalidations.judge("user:1", &[], 2), Verdict::Expired);
    }

    #[test]
    fn a_soft_prefix_does_not_undo_a_hard_one() {
        let invalidations = Invalidations::default();
        invalidations.add(&Target::Prefix("user:".into()), Mode::Hard);
        invalidations.add(&Target::All, Mode::Soft);
        assert_eq!(invalidations.judge("user:1", &[], 0), Verdict::Gone);
    }

    #[test]
    fn what_is_forgotten_counts_as_invalidated() {
        let invalidations = Invalidations::default();
        for number in 0..=MAX_TAGS {
            invalidations.add(&Target::Tag(number.to_string().into()), Mode::Hard);
        }
        let numbers = invalidations.numbers.read().unwrap();
        assert!(numbers.tags.len() <= MAX_TAGS / 2 + 1);
        drop(numbers);
        assert_eq!(invalidations.judge("k", &tags(&["0"]), 0), Verdict::Gone);
        assert_eq!(
            invalidations.judge("k", &tags(&["0"]), invalidations.version()),
            Verdict::Valid
        );
    }

    #[test]
    fn prefixes_are_bounded_and_the_covered_ones_dropped() {
        let invalidations = Invalidations::default();
        for number in 0..3 * MAX_PREFIXES {
            invalidations.add(&Target::Prefix(format!("p{number}:").into()), Mode::Hard);
        }
        assert!(invalidations.numbers.read().unwrap().prefixes.len() <= MAX_PREFIXES);
        assert_eq!(invalidations.judge("p0:x", &[], 0), Verdict::Gone);
        invalidations.add(&Target::All, Mode::Hard);
        assert_eq!(invalidations.numbers.read().unwrap().prefixes.len(), 1);
    }
}
