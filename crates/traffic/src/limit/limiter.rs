//! A limit: an algorithm, its quotas by tier, and what is remembered of the keys.

use std::fmt;
use std::time::Duration;

use super::adaptive::{Adaptive, AdaptivePolicy};
use super::concurrency::{self, Concurrency, Permit};
use super::log::{ExactWindow, Logs, MOST_LOGGED};
use super::sliding_window::SlidingWindow;
use super::table::Table;
use super::token_bucket::{self, TokenBucket};
use super::{Key, KeyBuilder, Quota, QuotaError, Verdict, ticks};

/// How is counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Algorithm {
    /// A rate, with a burst at once. What most limits should be.
    TokenBucket,
    /// So many in any window. Exact up to [`MOST_LOGGED`], else weighted.
    SlidingWindow,
    /// A token bucket whose rate moves with how the service does.
    Adaptive(AdaptivePolicy),
    /// So many at the same time.
    Concurrency,
}

/// What a limiter is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How is counted.
    pub algorithm: Algorithm,
    /// What a key may have, by tier; at least one.
    pub tiers: Vec<Quota>,
    /// Most keys that are remembered, at least 8. Memory is 16 bytes for each, whether it is there or not; for an exact window
    /// 8 more for each request that it allows.
    pub max_keys: usize,
    /// Random numbers, so that nobody can choose keys that collide.
    pub seed: [u64; 2],
}

/// Decides about requests by their keys. Shared by all threads.
///
/// `now` is the time since any moment that all callers agree on, 1970 for example, and not more than a hundred years ago; it need not
/// be exactly in order between threads.
pub struct Limiter {
    seed: [u64; 2],
    tiers: Tiers,
    keys: Keys,
    adaptive: Option<Adaptive>,
}

enum Tiers {
    Buckets(Box<[TokenBucket]>),
    Windows(Box<[SlidingWindow]>),
    ExactWindows(Box<[ExactWindow]>),
    Concurrency(Box<[Concurrency]>),
}

enum Keys {
    Words(Table),
    Logs(Logs),
}

impl Limiter {
    /// A limiter that has seen nobody.
    ///
    /// # Errors
    /// When a quota is none.
    pub fn new(settings: &Settings) -> Result<Self, QuotaError> {
        let Settings {
            algorithm,
            tiers,
            max_keys,
            seed,
        } = settings;
        if tiers.is_empty() {
            return Err(QuotaError::NoTier);
        }
        tiers.iter().try_for_each(|quota| quota.check(*algorithm))?;
        let words = || Keys::Words(Table::new(*max_keys));
        let longest = tiers
            .iter()
            .map(|quota| quota.rate.count)
            .max()
            .unwrap_or_default();
        let (tiers, keys) = match algorithm {
            Algorithm::TokenBucket | Algorithm::Adaptive(_) => (
                Tiers::Buckets(tiers.iter().map(TokenBucket::new).collect()),
                words(),
            ),
            Algorithm::SlidingWindow => {
                if longest <= MOST_LOGGED {
                    let windows = tiers.iter().map(ExactWindow::new).collect();
                    (
                        Tiers::ExactWindows(windows),
                        Keys::Logs(Logs::new(*max_keys, longest)),
                    )
                } else {
                    (
                        Tiers::Windows(tiers.iter().map(SlidingWindow::new).collect()),
                        words(),
                    )
                }
            }
            Algorithm::Concurrency => (
                Tiers::Concurrency(tiers.iter().map(Concurrency::new).collect()),
                words(),
            ),
        };
        let adaptive = match algorithm {
            Algorithm::Adaptive(policy) => Some(Adaptive::new(*policy)),
            _ => None,
        };
        Ok(Self {
            seed: *seed,
            tiers,
            keys,
            adaptive,
        })
    }

    /// Begins a key in a tier.
    ///
    /// # Panics
    /// A decision about a key in a tier that does not exist does.
    #[must_use]
    pub fn key(&self, tier: usize) -> KeyBuilder {
        KeyBuilder::new(self.seed, tier)
    }

    /// Decides, and counts what is allowed. `cost` is at least 1.
    #[inline]
    pub fn decide(&self, now: Duration, key: Key, cost: u64) -> Verdict {
        let now = ticks(now);
        match (&self.tiers, &self.keys) {
            (Tiers::Buckets(tiers), Keys::Words(table)) => {
                let bucket = self.bucket(tiers, key);
                let debt = |state| token_bucket::debt(state, now);
                table.update(key.hash, debt, |state| bucket.decide(state, now, cost))
            }
            (Tiers::Windows(tiers), Keys::Words(table)) => {
                let window = tiers[key.tier()];
                let debt = |state| longest_debt(tiers, state, now);
                table.update(key.hash, debt, |state| window.decide(state, now, cost))
            }
            (Tiers::ExactWindows(tiers), Keys::Logs(logs)) => logs.decide(tiers, key, now, cost),
            (Tiers::Concurrency(tiers), Keys::Words(table)) => {
                let most = tiers[key.tier()];
                table.update(key.hash, concurrency::under_way, |state| {
                    most.decide(state, key.hash, cost)
                })
            }
            _ => unreachable!("an exact window has logs, and nothing else has"),
        }
    }

    /// What would be decided, without counting. With a cost of 0, how it stands: how much is left, and when all of it is there again.
    #[must_use]
    pub fn look(&self, now: Duration, key: Key, cost: u64) -> Verdict {
        let now = ticks(now);
        let state = |table: &Table| table.get(key.hash).unwrap_or_default();
        match (&self.tiers, &self.keys) {
            (Tiers::Buckets(tiers), Keys::Words(table)) => {
                self.bucket(tiers, key).decide(state(table), now, cost).1
            }
            (Tiers::Windows(tiers), Keys::Words(table)) => {
                tiers[key.tier()].decide(state(table), now, cost).1
            }
            (Tiers::ExactWindows(tiers), Keys::Logs(logs)) => logs.look(tiers, key, now, cost),
            (Tiers::Concurrency(tiers), Keys::Words(table)) => {
                tiers[key.tier()].decide(state(table), key.hash, cost).1
            }
            _ => unreachable!("an exact window has logs, and nothing else has"),
        }
    }

    /// Decides for as long as the permit is held: for concurrency. With the other algorithms it is the same as
    /// [`decide`](Self::decide): a rate is used up by what has begun, however soon that ends.
    ///
    /// # Errors
    /// The verdict that refuses it.
    pub fn enter(&self, now: Duration, key: Key, cost: u64) -> Result<Permit<'_>, Verdict> {
        match self.decide(now, key, cost) {
            Verdict::Allowed { .. } => Ok(Permit::new(self, key, cost)),
            refused @ Verdict::Refused { .. } => Err(refused),
        }
    }

    /// Gives up a place; without effect unless places are what is counted.
    pub(super) fn leave(&self, key: Key, cost: u64) {
        if let Tiers::Concurrency(_) = &self.tiers {
            self.give_back(Duration::ZERO, key, cost);
        }
    }

    /// Takes back what was counted at `now` or not long before: another limit refused the request. Or for concurrency, whenever it has ended.
    pub fn give_back(&self, now: Duration, key: Key, cost: u64) {
        let now = ticks(now);
        match (&self.tiers, &self.keys) {
            (Tiers::Buckets(tiers), Keys::Words(table)) => {
                let bucket = self.bucket(tiers, key);
                table.change_known(key.hash, |state| bucket.give_back(state, cost));
            }
            (Tiers::Windows(tiers), Keys::Words(table)) => {
                let window = tiers[key.tier()];
                table.change_known(key.hash, |state| window.give_back(state, now, cost));
            }
            (Tiers::ExactWindows(_), Keys::Logs(logs)) => logs.give_back(key.hash, cost),
            (Tiers::Concurrency(_), Keys::Words(table)) => {
                table.change_known(key.hash, |state| {
                    concurrency::release(state, key.hash, cost)
                });
            }
            _ => unreachable!("an exact window has logs, and nothing else has"),
        }
    }

    /// Counts what somebody else has allowed, however much is left: so that this limiter can take over from a shared one.
    pub fn charge(&self, now: Duration, key: Key, cost: u64) {
        let now = ticks(now);
        match (&self.tiers, &self.keys) {
            (Tiers::Buckets(tiers), Keys::Words(table)) => {
                let bucket = self.bucket(tiers, key);
                let debt = |state| token_bucket::debt(state, now);
                table.update(key.hash, debt, |state| {
                    (Some(bucket.charge(state, now, cost)), ())
                });
            }
            (Tiers::Windows(tiers), Keys::Words(table)) => {
                let window = tiers[key.tier()];
                let debt = |state| longest_debt(tiers, state, now);
                table.update(key.hash, debt, |state| {
                    (Some(window.charge(state, now, cost)), ())
                });
            }
            (Tiers::ExactWindows(tiers), Keys::Logs(logs)) => {
                logs.decide(tiers, key, now, cost);
            }
            // What is under way elsewhere does not end here.
            (Tiers::Concurrency(_), _) => {}
            _ => unreachable!("an exact window has logs, and nothing else has"),
        }
    }

    /// Takes in a response; without effect unless the limit is adaptive.
    pub fn observe(&self, now: Duration, is_failure: bool, latency: Duration) {
        if let Some(adaptive) = &self.adaptive {
            adaptive.observe(now, is_failure, latency);
        }
    }

    /// The share of its rates that an adaptive limit allows at the moment; 1 for others.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.adaptive.as_ref().map_or(1.0, Adaptive::share)
    }

    /// How many keys count at the moment: those that are not as good as never seen. Walks through all of the table.
    #[must_use]
    pub fn tracked(&self, now: Duration) -> usize {
        let now = ticks(now);
        match (&self.tiers, &self.keys) {
            (Tiers::Buckets(_), Keys::Words(table)) => {
                table.count(|state| token_bucket::debt(state, now))
            }
            (Tiers::Windows(tiers), Keys::Words(table)) => {
                table.count(|state| longest_debt(tiers, state, now))
            }
            (Tiers::ExactWindows(tiers), Keys::Logs(logs)) => logs.count(tiers, now),
            (Tiers::Concurrency(_), Keys::Words(table)) => table.count(concurrency::under_way),
            _ => unreachable!("an exact window has logs, and nothing else has"),
        }
    }

    /// Keys that counted and were forgotten to make room, since the beginning.
    #[must_use]
    pub fn forgotten(&self) -> usize {
        match &self.keys {
            Keys::Words(table) => table.forgotten(),
            Keys::Logs(logs) => logs.forgotten(),
        }
    }

    /// Most keys that it can remember.
    #[must_use]
    pub fn capacity(&self) -> usize {
        match &self.keys {
            Keys::Words(table) => table.capacity(),
            Keys::Logs(logs) => logs.capacity(),
        }
    }

    /// Bytes of memory that the keys take, at most.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match &self.keys {
            Keys::Words(table) => table.bytes(),
            Keys::Logs(logs) => logs.bytes(),
        }
    }

    #[inline]
    fn bucket(&self, tiers: &[TokenBucket], key: Key) -> TokenBucket {
        let bucket = tiers[key.tier()];
        match &self.adaptive {
            None => bucket,
            Some(adaptive) => bucket.at(adaptive.share()),
        }
    }
}

/// How much of the past a state holds that may be of any tier: a word does not say of which. Numbers of windows of another length hardly
/// ever agree, so that it is that of its own tier; where they do, a key is remembered for longer than it counts.
fn longest_debt(tiers: &[SlidingWindow], state: u64, now: u64) -> u64 {
    let debts = tiers.iter().map(|tier| tier.debt(state, now));
    debts.max().unwrap_or_default()
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the seed.
        f.debug_struct("Limiter")
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}
