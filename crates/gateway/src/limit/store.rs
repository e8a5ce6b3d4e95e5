//! Counting together with other gateways, in Redis.
//!
//! # The idea
//! One call of one script per request, on one small key per client, by the server's time: gateways need no common clock, and two
//! requests at the same time are counted one after the other. Who was refused is remembered here until it could be allowed, so
//! that a client far over its limit costs no round trip.
//!
//! # When Redis fails
//! A request waits for the store no longer than its timeout. After three failures in a row nobody asks it any more; a task
//! tries it a few times per second, and it is used again when it answers. Meanwhile holds what the limit declares: each gateway
//! counts for itself, all is allowed, or all is refused. To count alone, the local limiter has been told of everything that this
//! gateway let through: nobody gets a second burst because Redis went away.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

use smallvec::SmallVec;
use tenfold_cache::Namespace;
use tenfold_cache::level::LevelError;
use tenfold_cache::level::redis::{RedisOptions, Remote, Script};
use tenfold_traffic::limit::{Algorithm, Key, Quota, Refusals, Verdict};
use tokio::time::timeout;

use crate::cache::levels;
use crate::config;
use crate::config::limit::{OnFailure, Shared, digest};

/// Failures in a row after which the store is not asked any more.
const FAILURES: u32 = 3;
/// How often it is tried then.
const PROBING: Duration = Duration::from_millis(200);
/// How long a try may take at most, and how long the connection waits for an answer.
const PATIENCE: Duration = Duration::from_millis(500);
/// For how long a refusal is remembered at most: whoever empties the store need not wait longer.
const LONGEST_REFUSAL: Duration = Duration::from_secs(10);
/// A name that no client has.
const PROBE: &str = "{probe}";
/// The script's ticks in a nanosecond: 1/16 µs.
const TICKS_PER_SECOND: f64 = 16e6;

static SCRIPT: LazyLock<Script> = LazyLock::new(Script::limit);

/// The way of a limit to its store.
pub(crate) struct Store {
    name: String,
    pub(crate) config: Shared,
    remote: Arc<Remote>,
    /// The script's first three arguments, by tier.
    quotas: Box<[[String; 3]]>,
    refusals: Refusals,
    failures: AtomicU32,
    is_down: AtomicBool,
}

impl Store {
    /// Connects, or takes the connection of `other` if that leads to the same place.
    ///
    /// # Errors
    /// What is wrong with the address, or that access is denied.
    pub(super) fn open(
        limit: &config::Limit,
        shared: &Shared,
        others: &[Arc<Self>],
    ) -> Result<Arc<Self>, String> {
        let known = others
            .iter()
            .find(|it| it.config.redis.url == shared.redis.url);
        let remote = match known {
            Some(known) => Arc::clone(&known.remote),
            None => Arc::new(connect(&limit.name, &shared.redis)?),
        };
        let is_down = remote.missing().is_some();
        let store = Arc::new(Self {
            name: limit.name.clone(),
            config: shared.clone(),
            remote,
            quotas: limit
                .quotas()
                .iter()
                .map(|it| arguments(limit, it))
                .collect(),
            refusals: Refusals::new(limit.max_keys),
            failures: AtomicU32::new(0),
            is_down: AtomicBool::new(is_down),
        });
        let watched = Arc::downgrade(&store);
        levels::spawn(watch(watched)).map_err(|error| error.to_string())?;
        Ok(store)
    }

    /// True while it is not asked.
    pub(crate) fn is_down(&self) -> bool {
        self.is_down.load(Relaxed)
    }

    /// The name of a client in Redis: 72 bits of a digest of namespace, limit and client. So it says nothing about the client, and
    /// is just short enough for 16 bytes of memory: with a longer one a million clients would take 128 MB in place of 112.
    pub(crate) fn subject(&self, limit: &config::Limit, tier: usize, parts: &[&[u8]]) -> String {
        let quota = &self.quotas[tier];
        let window = match quota[0] == "window" {
            true => quota[1].as_bytes(),
            false => b"",
        };
        let tier = (tier as u64).to_le_bytes();
        let namespace = self.config.redis.namespace.as_bytes();
        let mut all: Vec<&[u8]> = vec![
            namespace,
            limit.name.as_bytes(),
            &tier,
            quota[0].as_bytes(),
            window,
        ];
        all.extend(parts);
        let digest = digest(&all);
        let mut name = String::from("{");
        for three in digest[..9].chunks_exact(3) {
            let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
            for shift in [18, 12, 6, 0] {
                name.push(char::from(DIGITS[(bits >> shift) as usize & 63]));
            }
        }
        name.push('}');
        name
    }

    /// For how much longer a request is refused, without asking.
    pub(crate) fn refused(&self, now: Duration, key: Key, cost: u64) -> Option<Duration> {
        self.refusals.rest(now, key, cost)
    }

    /// Asks. `None`: it does not answer.
    pub(crate) async fn decide(
        &self,
        now: Duration,
        key: Key,
        subject: &str,
        cost: u64,
    ) -> Option<Verdict> {
        let cost_text = cost.to_string();
        let arguments = [cost_text.as_str()];
        let call = self.call(key.tier(), subject, &arguments);
        match timeout(self.config.timeout, call).await {
            Ok(Ok(verdict)) => {
                self.failures.store(0, Relaxed);
                if let Verdict::Refused { retry_after } = verdict {
                    let length = retry_after.min(LONGEST_REFUSAL);
                    self.refusals.remember(now, key, cost, length);
                }
                Some(verdict)
            }
            Ok(Err(error)) => self.failed(&error),
            Err(_) => self.failed(&LevelError::Timeout),
        }
    }

    /// What would be decided, without counting; with a cost of 0 how it stands. `None`: it does not answer.
    pub(crate) async fn look(&self, tier: usize, subject: &str, cost: u64) -> Option<Verdict> {
        let cost = cost.to_string();
        let arguments = [cost.as_str(), "look"];
        let call = self.call(tier, subject, &arguments);
        timeout(PATIENCE, call).await.ok()?.ok()
    }

    /// Gives back what was counted, without waiting for it.
    pub(crate) fn give_back(self: &Arc<Self>, tier: usize, subject: String, cost: u64) {
        let store = Arc::clone(self);
        let call = async move {
            // What is lost is one request's worth.
            let _lost = store.call(tier, &subject, &[&format!("-{cost}")]).await;
        };
        let _none_without_threads = levels::spawn(call);
    }

    /// What holds while it does not answer.
    pub(crate) fn on_failure(&self) -> OnFailure {
        self.config.on_failure
    }

    /// Calls the script with a tier's quota, and what else is to be said: the cost, and whether it only looks.
    async fn call(&self, tier: usize, subject: &str, more: &[&str]) -> Result<Verdict, LevelError> {
        let quota = self.quotas[tier].iter().map(String::as_str);
        let arguments: SmallVec<[&str; 5]> = quota.chain(more.iter().copied()).collect();
        let answer = self.remote.call(&SCRIPT, subject, &arguments).await?;
        let [is_allowed, remaining, ticks] = answer[..] else {
            return Err(LevelError::Failed(
                "the script answers something else".into(),
            ));
        };
        let time = Duration::from_secs_f64(ticks.max(0) as f64 / TICKS_PER_SECOND);
        Ok(match is_allowed {
            1 => Verdict::Allowed {
                remaining: remaining.max(0).unsigned_abs(),
                reset: time,
            },
            _ => Verdict::Refused { retry_after: time },
        })
    }

    fn failed(&self, error: &LevelError) -> Option<Verdict> {
        let failures = self.failures.fetch_add(1, Relaxed) + 1;
        if failures >= FAILURES && !self.is_down.swap(true, Relaxed) {
            let (limit, mode) = (&self.name, self.config.on_failure.name());
            tracing::warn!(
                limit,
                mode,
                "the limit goes on without its shared store: {error}"
            );
        }
        None
    }
}

/// The digits of base64url.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn connect(name: &str, redis: &config::cache::Redis) -> Result<Remote, String> {
    let namespace = Namespace::new(&redis.namespace, 1);
    let options = RedisOptions {
        timeout: PATIENCE,
        ..RedisOptions::new(&redis.url, &namespace)
    };
    let opened = levels::run(async move { Remote::open(&options).await });
    let opened = opened.map_err(|error| error.to_string())?;
    let remote = opened.map_err(|error| error.to_string())?;
    if let Some(why) = remote.missing() {
        tracing::warn!("limit {name}: it begins without its shared store, and joins later: {why}");
    }
    Ok(remote)
}

fn arguments(limit: &config::Limit, quota: &Quota) -> [String; 3] {
    let per = quota.rate.per.as_secs_f64() * TICKS_PER_SECOND;
    let whole = |number: f64| format!("{:.0}", number.round().max(1.0));
    match limit.algorithm {
        Algorithm::SlidingWindow => ["window".into(), whole(per), quota.rate.count.to_string()],
        _ => {
            let interval = whole(per / quota.rate.count as f64);
            ["bucket".into(), interval, quota.burst.to_string()]
        }
    }
}

/// Tries a store that is not asked, until that answers. Ends with the store.
async fn watch(store: Weak<Store>) {
    loop {
        tokio::time::sleep(PROBING.mul_f64(0.75 + fastrand::f64() / 2.0)).await;
        let Some(store) = store.upgrade() else { return };
        if !store.is_down() {
            continue;
        }
        // A look, which counts nothing. It has no more time than a request has: what only answers later is of no use to those.
        let time = store.config.timeout.min(PATIENCE);
        let answered = timeout(time, store.call(0, PROBE, &["0"])).await;
        if matches!(answered, Ok(Ok(_))) {
            store.failures.store(0, Relaxed);
            store.is_down.store(false, Relaxed);
            tracing::info!(
                limit = store.name,
                "the limit counts in its shared store again"
            );
        }
    }
}
