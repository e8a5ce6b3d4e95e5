//! The first reading: which pages there are.
//!
//! # The problem
//! A log of gigabytes has millions of different paths, most of them of things or of attacks. Counting each needs unbounded memory.
//!
//! # The idea
//! Patterns are counted. When there are too many, words at crowded places become holes, and if that does not help, the rarest
//! half is forgotten (lossy counting: Manku and Motwani, VLDB 2002): what is frequent survives. Counts are exact only in the
//! second reading.

use std::collections::{HashMap, HashSet};

use super::path::{self, Rules};

/// Most patterns at once.
const MOST: usize = 20_000;
/// So many rare words at one place are names of things, unless they stand at the root.
const CROWD: usize = 50;
const CROWD_AT_ROOT: usize = 200;
/// A word with this share of all requests is a page of its own, whatever stands beside it.
const PAGE: f64 = 0.01;

/// What the first reading finds out.
#[derive(Debug, Default)]
pub(super) struct Learned {
    counts: HashMap<String, u64>,
    total: u64,
    pub(super) rules: Rules,
    key: String,
}

impl Learned {
    /// Counts a request. False if its path is too long to be looked at.
    pub(super) fn add(&mut self, method: &str, target: &str) -> bool {
        let path = target.split('?').next().unwrap_or_default();
        let mut pattern = std::mem::take(&mut self.key);
        let fits = path::pattern(path, &self.rules, &mut pattern, &mut Vec::new());
        if fits {
            self.total += 1;
            let key = key(method, &pattern);
            *self.counts.entry(key).or_default() += 1;
            if self.counts.len() > MOST {
                self.find_names();
                self.forget_rare_ones();
            }
        }
        self.key = pattern;
        fits
    }

    /// The most frequent pages, at most `most` and each with at least the share `least`: method and pattern.
    pub(super) fn pages(&mut self, most: usize, least: f64) -> Vec<String> {
        self.find_names();
        let enough = (self.total as f64 * least).ceil() as u64;
        let mut pages: Vec<_> = self.counts.iter().collect();
        pages.sort_by(|one, other| other.1.cmp(one.1).then_with(|| one.0.cmp(other.0)));
        let frequent = pages.into_iter().take_while(|(_, count)| **count >= enough);
        frequent.take(most).map(|(key, _)| key.clone()).collect()
    }

    /// Makes holes where many words stand. What stood below each of them comes together then, and may be crowded in turn.
    fn find_names(&mut self) {
        while self.find_names_once() {
            let counts = std::mem::take(&mut self.counts);
            for (known, count) in counts {
                let (method, pattern) = split(&known);
                let key = key(method, &path::again(pattern, &self.rules));
                *self.counts.entry(key).or_default() += count;
            }
        }
    }

    fn find_names_once(&mut self) -> bool {
        let mut children: HashMap<&str, HashMap<&str, u64>> = HashMap::new();
        for (key, count) in &self.counts {
            let pattern = split(key).1;
            for (place, _) in pattern.match_indices('/') {
                let word = pattern[place + 1..].split('/').next().unwrap_or_default();
                if !word.is_empty() && !word.contains('{') {
                    let siblings = children.entry(&pattern[..place]).or_default();
                    *siblings.entry(word).or_default() += count;
                }
            }
        }
        let page = self.total as f64 * PAGE;
        let mut found: Vec<(String, HashSet<String>)> = Vec::new();
        for (prefix, words) in children {
            let is_page = |count: &u64| *count as f64 >= page;
            let rare = words.values().filter(|count| !is_page(count)).count();
            let crowd = if prefix.is_empty() {
                CROWD_AT_ROOT
            } else {
                CROWD
            };
            if rare > crowd && !self.rules.has(prefix) {
                let pages = words.iter().filter(|(_, count)| is_page(count));
                let pages = pages.map(|(word, _)| (*word).to_owned()).collect();
                found.push((prefix.to_owned(), pages));
            }
        }
        // The uppermost first: what stands below may not be crowded any more, or is so together.
        let Some(depth) = found.iter().map(|(prefix, _)| depth(prefix)).min() else {
            return false;
        };
        found.retain(|(prefix, _)| self::depth(prefix) == depth);
        for (prefix, pages) in found {
            self.rules.add(prefix, pages);
        }
        true
    }

    fn forget_rare_ones(&mut self) {
        if self.counts.len() <= MOST / 2 {
            return;
        }
        let mut counts: Vec<u64> = self.counts.values().copied().collect();
        let (_, median, _) = counts.select_nth_unstable(self.counts.len() / 2);
        let median = *median;
        self.counts.retain(|_, count| *count > median);
    }
}

fn depth(prefix: &str) -> usize {
    prefix.matches('/').count()
}

/// What a page is called while it is counted.
pub(super) fn key(method: &str, pattern: &str) -> String {
    format!("{method} {pattern}")
}

/// Method and pattern of a key.
pub(super) fn split(key: &str) -> (&str, &str) {
    key.split_once(' ').unwrap_or(("GET", key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crowded_words_become_a_hole_and_frequent_ones_stay() {
        let mut learned = Learned::default();
        for number in 0..1000 {
            let word = ["red", "blue", "green"][number % 3];
            let letter = char::from(b'a' + (number % 26) as u8);
            learned.add(
                "GET",
                &format!("/p/{word}-{letter}{letter}{word}?x={number}"),
            );
            learned.add("GET", "/p/new");
            learned.add("GET", "/cart");
        }
        let pages = learned.pages(10, 0.0);
        assert_eq!(pages, ["GET /cart", "GET /p/new", "GET /p/{name}"]);
    }

    #[test]
    fn a_scan_pushes_nothing_frequent_out() {
        let mut learned = Learned::default();
        for number in 0..3 * MOST {
            // No two have anything in common.
            learned.add("GET", &format!("/x{number}y/a{number}b/c"));
            if number % 10 == 0 {
                learned.add("GET", "/home");
            }
            assert!(learned.counts.len() <= MOST);
        }
        assert!(learned.pages(3, 0.0).contains(&"GET /home".to_owned()));
    }
}
