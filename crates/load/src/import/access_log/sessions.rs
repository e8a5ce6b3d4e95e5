//! What people do after what: sessions, and from them how likely each page follows each.
//!
//! A session is what one address asks for without a pause of more than 30 minutes, which is what web analytics mean by the word.
//! Many people behind one address are one long session to us; [`Sessions::judge`] says when that is likely.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The longest pause, in nanoseconds.
const PAUSE: i64 = 30 * 60 * 1_000_000_000;
/// Most addresses at once.
const CLIENTS: usize = 200_000;
/// Fewer sessions of at least two pages tell too little.
const ENOUGH: u64 = 100;
/// Transitions per page below which most of the table is chance.
const PER_PAGE: u64 = 10;
/// A mean above this is no person.
const LONGEST_MEAN: f64 = 100.0;

/// What was counted.
#[derive(Debug)]
pub(super) struct Sessions {
    clients: HashMap<u64, Client>,
    /// By page: how many sessions began with it.
    pub(super) starts: Vec<u64>,
    /// By page and the next one.
    pub(super) next: Vec<Vec<u64>>,
    /// By page: the sum of the pauses after it that ended with another page, in seconds.
    pauses: Vec<f64>,
    /// How many sessions there were.
    pub(super) count: u64,
    /// How many of them had more than one page.
    long: u64,
    /// The most pages of one.
    pub(super) most: u32,
    /// Requests by addresses that there was no room for.
    pub(super) untold: u64,
}

#[derive(Debug)]
struct Client {
    page: u32,
    at: i64,
    pages: u32,
}

impl Sessions {
    /// For so many pages.
    pub(super) fn new(pages: usize) -> Self {
        Self {
            clients: HashMap::new(),
            starts: vec![0; pages],
            next: vec![vec![0; pages]; pages],
            pauses: vec![0.0; pages],
            count: 0,
            long: 0,
            most: 0,
            untold: 0,
        }
    }

    /// Counts a request. True if a session begins with it.
    pub(super) fn add(&mut self, client: &str, page: usize, at: i64) -> bool {
        let mut hasher = DefaultHasher::new();
        client.hash(&mut hasher);
        let client = hasher.finish();
        if let Some(known) = self.clients.get_mut(&client) {
            // Servers write a line when a request ends, so times may go back a little.
            let pause = at.saturating_sub(known.at).max(0);
            let last = known.page as usize;
            known.page = page as u32;
            known.at = known.at.max(at);
            if pause <= PAUSE {
                known.pages = known.pages.saturating_add(1);
                self.most = self.most.max(known.pages);
                self.long += u64::from(known.pages == 2);
                self.next[last][page] += 1;
                self.pauses[last] += pause as f64 / 1e9;
                return false;
            }
            known.pages = 1;
        } else {
            if self.clients.len() >= CLIENTS {
                let gone = at.saturating_sub(PAUSE);
                self.clients.retain(|_, known| known.at >= gone);
            }
            if self.clients.len() >= CLIENTS {
                self.untold += 1;
                return false;
            }
            let new = Client {
                page: page as u32,
                at,
                pages: 1,
            };
            self.clients.insert(client, new);
        }
        self.count += 1;
        self.most = self.most.max(1);
        self.starts[page] += 1;
        true
    }

    /// How many times one page followed another.
    pub(super) fn transitions(&self) -> u64 {
        self.next.iter().flatten().sum()
    }

    /// Pages per session.
    pub(super) fn mean(&self) -> f64 {
        match self.count {
            0 => 0.0,
            count => 1.0 + self.transitions() as f64 / count as f64,
        }
    }

    /// The mean pause after a page, in seconds; missing if it was always the last one.
    pub(super) fn pause(&self, page: usize) -> Option<f64> {
        let count: u64 = self.next[page].iter().sum();
        (count > 0).then(|| self.pauses[page] / count as f64)
    }

    /// Why these are no table of transitions, if they are none.
    pub(super) fn judge(&self) -> Result<(), String> {
        let pages = self.starts.len() as u64;
        if self.long < ENOUGH {
            let long = self.long;
            return Err(format!(
                "only {long} sessions of two or more pages, and it takes {ENOUGH}"
            ));
        }
        if self.transitions() < pages * PER_PAGE {
            return Err(format!(
                "only {} transitions between {pages} pages",
                self.transitions()
            ));
        }
        if self.mean() > LONGEST_MEAN {
            return Err(format!(
                "{:.0} pages per address and session: many people behind one address, such as that of a proxy",
                self.mean()
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn a_pause_ends_a_session() {
        let mut sessions = Sessions::new(2);
        assert!(sessions.add("a", 0, 0));
        assert!(!sessions.add("a", 1, 10 * SECOND));
        assert!(sessions.add("b", 1, 11 * SECOND));
        assert!(!sessions.add("a", 1, 9 * SECOND), "times go back a little");
        assert!(!sessions.add("a", 0, 10 * SECOND + PAUSE));
        assert!(sessions.add("a", 0, 11 * SECOND + 2 * PAUSE));
        assert_eq!((sessions.count, sessions.most, sessions.long), (3, 4, 1));
        assert_eq!(sessions.starts, [2, 1]);
        assert_eq!(sessions.next, [[0, 1], [1, 1]]);
        assert_eq!(sessions.pause(0), Some(10.0));
        assert_eq!(sessions.mean(), 2.0);
    }

    #[test]
    fn one_address_for_all_is_no_person() {
        let mut sessions = Sessions::new(1);
        for number in 0..300_i64 {
            let client = format!("client {}", number / 2);
            sessions.add(&client, 0, number * SECOND);
        }
        assert_eq!(sessions.judge(), Ok(()));
        for number in 0..30_000 {
            sessions.add("proxy", 0, number * SECOND / 10);
        }
        assert!(sessions.judge().expect_err("a proxy").contains("proxy"));
    }

    #[test]
    fn memory_is_bounded_and_what_is_over_is_forgotten() {
        let mut sessions = Sessions::new(1);
        for number in 0..CLIENTS + 5 {
            sessions.add(&number.to_string(), 0, 0);
        }
        assert_eq!((sessions.clients.len(), sessions.untold), (CLIENTS, 5));
        assert!(sessions.add("later", 0, 2 * PAUSE));
        assert_eq!(sessions.clients.len(), 1);
    }
}
