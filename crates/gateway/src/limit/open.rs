//! Making a limit, and taking it over in a reload.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ring::rand::SecureRandom as _;
use tenfold_observe::metric::Registry;
use tenfold_traffic::limit::{Algorithm, Limiter, Quota, Settings};

use super::Limit;
use super::store::Store;
use crate::{config, metrics};

/// Why a limit cannot be had.
#[derive(Debug)]
pub struct LimitError {
    /// The limit's name.
    pub limit: String,
    /// What is wrong with its numbers, or with its store.
    pub why: String,
}

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "limit {}: {}", self.limit, self.why)
    }
}

impl std::error::Error for LimitError {}

impl Limit {
    /// Makes a limit, or goes on with `old` and what it has counted if nothing about it is different. `stores` are those of other
    /// limits, whose connections can be shared.
    ///
    /// # Errors
    /// When its numbers make no limit, or its store denies access.
    pub(crate) fn open(
        config: &Arc<config::Limit>,
        old: Option<&Arc<Self>>,
        stores: &[Arc<Store>],
        registry: &Registry,
    ) -> Result<Arc<Self>, LimitError> {
        if let Some(old) = old.filter(|old| old.config == *config) {
            return Ok(Arc::clone(old));
        }
        let fail = |why| LimitError {
            limit: config.name.clone(),
            why,
        };
        let tiers = config.quotas();
        let policies = tiers.iter().map(|quota| policy(config, quota).into());
        let policies = policies.collect();
        let settings = Settings {
            algorithm: config.algorithm,
            tiers,
            max_keys: config.max_keys,
            seed: seed().map_err(fail)?,
        };
        let limiter = Limiter::new(&settings).map_err(|why| fail(why.to_string()))?;
        let store = config.shared.as_ref();
        let store = store.map(|shared| Store::open(config, shared, stores));
        let store = store.transpose().map_err(fail)?;
        Ok(Arc::new(Self {
            limiter,
            verdicts: metrics::limit::verdicts(registry, &config.name),
            policies,
            store,
            config: Arc::clone(config),
        }))
    }
}

/// Random numbers that nobody can foresee.
fn seed() -> Result<[u64; 2], String> {
    let mut bytes = [0; 16];
    let filled = ring::rand::SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| "the system has no random numbers".to_owned())?;
    let number = u128::from_le_bytes(bytes);
    Ok([number as u64, (number >> 64) as u64])
}

/// An item of `RateLimit-Policy`: the quota, and in how many seconds it is there again. For concurrency there is no such time.
fn policy(config: &config::Limit, quota: &Quota) -> Vec<u8> {
    let (count, window) = match config.algorithm {
        Algorithm::TokenBucket | Algorithm::Adaptive(_) => {
            let whole = quota.rate.per.as_secs_f64() * quota.burst as f64;
            (quota.burst, Some(whole / quota.rate.count as f64))
        }
        Algorithm::SlidingWindow => (quota.rate.count, Some(quota.rate.per.as_secs_f64())),
        Algorithm::Concurrency => (quota.burst, None),
    };
    let mut text = format!("\"{}\";q={count}", config.name);
    if let Some(window) = window {
        let window = Duration::from_secs_f64(window.max(1.0).ceil()).as_secs();
        text.push_str(&format!(";w={window}"));
    } else {
        text.push_str(";qu=\"concurrent-requests\"");
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use tenfold_traffic::limit::Rate;

    use super::*;

    fn limit(quota: Quota) -> config::Limit {
        config::Limit::new("per-client", quota)
    }

    #[test]
    fn a_reload_goes_on_with_what_is_unchanged() {
        let registry = Registry::new(1);
        let quota = Quota::new(Rate::per_second(1));
        let open = |config: config::Limit, old: Option<&Arc<Limit>>| {
            Limit::open(&Arc::new(config), old, &[], &registry).expect("sound")
        };
        let first = open(limit(quota), None);
        let key = first.limiter.key(0).part(b"a").build();
        let now = Duration::from_secs(1);
        assert!(first.limiter.decide(now, key, 1).is_allowed());
        let same = open(limit(quota), Some(&first));
        assert!(Arc::ptr_eq(&same, &first));
        assert!(!same.limiter.decide(now, key, 1).is_allowed());
        let other = open(limit(quota.burst(2)), Some(&first));
        assert!(!Arc::ptr_eq(&other, &first));
    }

    #[test]
    fn what_is_told_about_a_policy() {
        let policy = |quota, algorithm| {
            let config = config::Limit {
                algorithm,
                ..limit(quota)
            };
            String::from_utf8(policy(&config, &quota)).expect("ASCII")
        };
        let quota = Quota::new(Rate::per_second(100)).burst(250);
        assert_eq!(
            policy(quota, Algorithm::TokenBucket),
            "\"per-client\";q=250;w=3"
        );
        let hour = Quota::new(Rate {
            count: 1000,
            per: Duration::from_secs(3600),
        });
        assert_eq!(
            policy(hour, Algorithm::SlidingWindow),
            "\"per-client\";q=1000;w=3600"
        );
        assert_eq!(
            policy(quota, Algorithm::Concurrency),
            "\"per-client\";q=250;qu=\"concurrent-requests\""
        );
    }
}
