//! Opening a cache, and taking it over in a reload.

use std::fmt;
use std::sync::Arc;

use tenfold_cache::Builder;
use tenfold_observe::metric::Registry;

use super::object::{Form, Kept, weigh};
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
        let engine = match old.filter(|old| is_same_place(&old.config, config)) {
            Some(old) if old.config == *config && old.routes == routes => {
                return Ok(Arc::clone(old));
            }
            Some(old) => old.engine.clone(),
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
                if let Some(redis) = &config.redis {
                    let (level, guard) =
                        levels::redis(&config.name, redis, &namespace).map_err(fail)?;
                    builder = builder.guarded_level(level, guard);
                }
                let engine = builder.build();
                if config.disk.is_some() && config.redis.is_some() {
                    levels::run(engine.catch_up()).map_err(|error| fail(error.to_string()))?;
                }
                engine
            }
        };
        Ok(Arc::new(Self {
            config: Arc::clone(config),
            prefix: namespace.prefix().into(),
            routes,
            results: metrics::cache::results(registry, &config.name),
            engine,
        }))
    }
}

/// True if what one holds is what the other would hold.
fn is_same_place(one: &config::Cache, other: &config::Cache) -> bool {
    one.memory == other.memory
        && one.disk == other.disk
        && one.redis == other.redis
        // What is stored was cut down by one policy; keys made by the other would not find it, or find the wrong thing.
        && one.policy.key == other.policy.key
        && one.policy.set_cookie == other.policy.set_cookie
}
