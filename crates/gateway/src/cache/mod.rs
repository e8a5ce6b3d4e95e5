//! The responses that the gateway keeps: one [`Store`] per `[cache.NAME]`, shared by all workers.
//!
//! The engine is the crate `tenfold-cache`; what may be kept, and served to whom, is decided in
//! [`http::cache`](crate::http::cache); a request's way through both is in [`http::cached`](crate::http::cached).

pub(crate) mod body;
mod held;
mod late;
pub(crate) mod levels;
pub(crate) mod object;
mod open;
mod patient;
mod probe;
mod purge;
pub(crate) mod status;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use smallvec::SmallVec;
use tenfold_cache::level::LevelState;
use tenfold_cache::{Cache, Key, Namespace};
use tenfold_observe::metric::CounterSet;
use tenfold_traffic::hash_key;

use crate::config;
use body::Budget;
use object::Kept;
use patient::Limit;

pub use held::CachedEntry;
pub use open::OpenError;
pub use purge::{Purge, PurgeError, Purged, PurgedLevel};
pub use status::{CacheLevelStatus, CacheRequests, CacheStatus};

/// A cache.
pub(crate) struct Store {
    pub(crate) config: Arc<config::Cache>,
    pub(crate) engine: Cache<Kept>,
    /// For reads of Redis.
    patience: Option<Arc<Limit>>,
    /// What every key begins with.
    prefix: Box<str>,
    /// The routes that use it.
    routes: Box<[Box<str>]>,
    /// How the levels below memory were when the operator was last told.
    states: Mutex<Vec<LevelState>>,
    /// Requests by what became of them: [`Result`].
    pub(crate) results: CounterSet,
    /// Requests by what memory had for them: [`FOUND`], [`MISSING`].
    pub(crate) looks: CounterSet,
    /// What bodies on their way may take up together, beside memory.
    pub(crate) arriving: Arc<Budget>,
}

/// Of [`Store::looks`]: something, fresh or stale.
pub(crate) const FOUND: usize = 0;
/// Of [`Store::looks`]: nothing.
pub(crate) const MISSING: usize = 1;

/// What the cache did for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Outcome {
    /// Answered from what is stored.
    Hit,
    /// Answered from what is stored although it is stale.
    Stale,
    /// The server said that what is stored still holds.
    Revalidated,
    /// Answered by the server for another request that came before.
    Collapsed,
    /// Answered by the server.
    Miss,
    /// The cache took no part.
    Bypass,
}

impl Outcome {
    /// Their names in metrics, in their order.
    pub(crate) const NAMES: [&'static str; 6] =
        ["hit", "stale", "revalidated", "collapsed", "miss", "bypass"];
}

impl Store {
    /// The engine's key for what the rules made as one, on a route: two routes may ask different servers for the same address.
    /// `None` if that is no text or too long.
    pub(crate) fn key(&self, route: &str, rules: &[u8]) -> Option<Key> {
        // Most keys are short, and are put together without the allocator.
        let mut key = SmallVec::<[u8; 192]>::new();
        for part in [self.prefix.as_bytes(), rules, b"@", route.as_bytes(), b"\n"] {
            key.extend_from_slice(part);
        }
        Key::new(std::str::from_utf8(&key).ok()?).ok()
    }

    /// A tag by which everything of an address is found, if its keys have further parts; otherwise they are known, and no tag is
    /// needed.
    pub(crate) fn address_tag(&self, address: &[u8]) -> Option<String> {
        let policy = &self.config.policy.key;
        let has_parts = !policy.headers.is_empty() || !policy.cookies.is_empty();
        // A space cannot be in a server's tag. Should two addresses have one hash, one is purged for the other.
        has_parts.then(|| format!("{}{:016x}", purge::OWN_TAG, hash_key(address)))
    }

    /// Lets what the configuration says of time hold for levels that were taken over from another one.
    pub(crate) fn take_effect(&self) {
        if let (Some(redis), Some(patience)) = (&self.config.redis, &self.patience) {
            patience.set(redis.timeout);
        }
    }

    /// Waits until what was fetched has reached the levels below memory, but no longer than `limit`.
    pub(crate) fn settle(&self, limit: Duration) {
        if self.engine.has_lower() {
            let settling = async { tokio::time::timeout(limit, self.engine.settled()).await };
            // What does not arrive is fetched again.
            let _late = levels::run(settling);
        }
    }

    /// Tells the operator which levels have gone or come back since the last call.
    pub(crate) fn report(&self) {
        if !self.engine.has_lower() {
            return;
        }
        let levels = self.engine.statistics().levels;
        let mut known = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        known.resize(levels.len(), LevelState::Up);
        for (level, known) in levels.iter().zip(known.iter_mut()) {
            let before = std::mem::replace(known, level.state);
            let (cache, name) = (&self.config.name, &level.name);
            if before == LevelState::Up && level.state != LevelState::Up {
                let why = level.last_error.as_ref().map(ToString::to_string);
                let why = why.unwrap_or_default();
                tracing::warn!(cache, level = %name, "the cache goes on without this level: {why}");
            } else if before != LevelState::Up && level.state == LevelState::Up {
                tracing::info!(cache, level = %name, "the cache uses this level again");
            }
        }
    }

    /// Writes out what is under way, and closes the levels; within `limit`.
    pub(crate) fn close(&self, limit: Duration) {
        let closing = async { tokio::time::timeout(limit, self.engine.close()).await };
        let failure = match levels::run(closing) {
            Ok(Ok(Ok(()))) => return,
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(_)) => format!("it takes longer than {limit:?}"),
            Err(error) => error.to_string(),
        };
        tracing::warn!(
            cache = self.config.name,
            "the cache could not be closed in order: {failure}"
        );
    }

    /// What every key begins with.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }
}

/// The version of what is stored: raised when its form changes.
const FORM: u32 = 1;

fn namespace(config: &config::Cache) -> Namespace {
    let shared = config.redis.as_ref().map(|redis| redis.namespace.as_str());
    let name = match shared {
        Some(shared) => format!("{shared}.{}", config.name),
        None => config.name.clone(),
    };
    Namespace::new(&name, FORM)
}
