//! Opening a cache, and taking it over in a reload.

use std::fmt;
use std::sync::{Arc, Mutex};

use tenfold_cache::Builder;
use tenfold_observe::metric::Registry;

use super::body::Budget;
use super::object::{Form, Kept, weigh};
use super::patient::Limit;
use super::{Store, levels, namespace};
use crate::config::cache::AVERAGE;
use crate::{config, metrics};

/// Why a cache could not be opened.
#[derive(Debug)]
pub struct OpenError {
    /// The cache's name.
    pub cache: String,
    /// What is wrong and what to do about it.
    pub why: String,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cache {}: {}", self.cache, self.why)
    }
}

impl std::error::Error for OpenError {}

impl Store {
    /// Opens a cache that these routes use, or takes over what `old` holds if that lies where this one keeps its things.
    ///
    /// # Errors
    /// When a level cannot be opened.
    pub(crate) fn open(
        config: &Arc<config::Cache>,
        routes: Box<[Box<str>]>,
        old: Option<&Arc<Self>>,
        registry: &Registry,
    ) -> Result<Arc<Self>, OpenError> {
        let namespace = namespace(config);
        let (engine, patience) = match old.filter(|old| is_same_place(&old.config, config)) {
            Some(old) if old.config == *config && old.routes == routes => {
                return Ok(Arc::clone(old));
            }
            Some(old) => (old.engine.clone(), old.patience.clone()),
            None => {
                let fail = |why| OpenError {
                    cache: config.name.clone(),
                    why,
                };
                let mut builder = Builder::<Kept>::new(namespace.clone(), weigh)
                    .memory(config.memory)
                    .average(AVERAGE)
                    .codec(Form);
                if let Some(disk) = &config.disk {
                    let (level, guard) = levels::disk(disk).map_err(fail)?;
                    builder = builder.guarded_level(level, guard);
                }
                let patience = config.redis.as_ref().map(|redis| Limit::new(redis.timeout));
                if let (Some(redis), Some(patience)) = (&config.redis, &patience) {
                    let (level, guard) =
                        levels::redis(&config.name, redis, &namespace, patience).map_err(fail)?;
                    builder = builder.guarded_level(level, guard);
                }
                let engine = builder.build();
                if config.disk.is_some() && config.redis.is_some() {
                    levels::run(engine.catch_up()).map_err(|error| fail(error.to_string()))?;
                }
                (engine, patience)
            }
        };
        Ok(Arc::new(Self {
            config: Arc::clone(config),
            patience,
            prefix: namespace.prefix().into(),
            states: Mutex::default(),
            routes,
            results: metrics::cache::results(registry, &config.name),
            looks: metrics::cache::looks(registry, &config.name),
            arriving: Budget::new(budget(config)),
            engine,
        }))
    }
}

/// What bodies on their way may take up together: as much as memory, and room for a few of the largest, which may be meant
/// for a level below it.
fn budget(config: &config::Cache) -> u64 {
    config
        .memory
        .max(config.policy.max_object.saturating_mul(4))
}

/// True if what one holds is what the other would hold.
fn is_same_place(one: &config::Cache, other: &config::Cache) -> bool {
    let place = |it: &config::Cache| {
        let redis = it.redis.as_ref();
        let limit = levels::connection_limit;
        redis.map(|redis| (redis.url.clone(), redis.namespace.clone(), limit(redis)))
    };
    one.memory == other.memory
        && one.disk == other.disk
        // The time limit for reads can be changed.
        && place(one) == place(other)
        // What is stored was cut down by one policy; keys made by the other would not find it, or find the wrong thing.
        && one.policy.key == other.policy.key
        && one.policy.set_cookie == other.policy.set_cookie
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tenfold_cache::{Fill, Found, Loaded, Options};

    use super::*;

    fn has_it(store: &Store) -> bool {
        matches!(store.engine.look("pages:v1:http://a/"), Found::Fresh(_))
    }

    #[test]
    fn a_reload_keeps_the_content_unless_it_lies_elsewhere_or_under_other_keys() {
        let registry = Registry::new(1);
        let open = |change: fn(&mut config::Cache), old: Option<&Arc<Store>>| {
            let mut config = config::Cache::new("pages");
            change(&mut config);
            let routes = vec!["all".into()].into();
            Store::open(&Arc::new(config), routes, old, &registry).expect("memory can be had")
        };
        let first = open(|_| {}, None);
        let key = tenfold_cache::Key::new("pages:v1:http://a/").expect("sound");
        let Fill::Lead(filling) = first.engine.fill(&key) else {
            panic!("nobody else fills it")
        };
        let options = Options::lifetime(Duration::from_secs(60)).jitter(0.0);
        let stored = filling.store(Loaded::value(Kept::Personal), None, &options);
        assert!(stored.is_ok() && has_it(&first));
        first.results.increment(0, 0);

        assert!(
            Arc::ptr_eq(&first, &open(|_| {}, Some(&first))),
            "nothing is different"
        );
        let later = open(|it| it.policy.max_lifetime = 5, Some(&first));
        assert!(has_it(&later) && later.config.policy.max_lifetime == 5);
        assert_eq!(later.status().requests.hit, 1, "and so do the counts");
        for change in [
            (|it: &mut config::Cache| it.memory /= 2) as fn(&mut config::Cache),
            |it| it.policy.key.sorts_query = true,
            |it| it.policy.set_cookie = config::cache::SetCookie::Remove,
        ] {
            assert!(!has_it(&open(change, Some(&first))));
        }
    }
}
