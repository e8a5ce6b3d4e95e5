//! How a cache is put together.

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cache::{Cache, Weigh};
use crate::clock::Clock;
use crate::codec::{Codec, MessagePack, Plain};
use crate::key::Namespace;
use crate::level::{GuardOptions, Level};

/// A cache under construction: memory first, then levels in the order in which they are asked.
pub struct Builder<V> {
    pub(crate) namespace: Namespace,
    pub(crate) memory: u64,
    pub(crate) average: u64,
    pub(crate) weigh: Weigh<V>,
    pub(crate) codec: Option<Arc<dyn Codec<V>>>,
    pub(crate) clock: Clock,
    pub(crate) levels: Vec<(Arc<dyn Level>, GuardOptions)>,
}

/// Memory of a cache whose builder was not told: 64 MiB.
const DEFAULT_MEMORY: u64 = 64 << 20;
/// The expected size of an entry, when the builder was not told: 1 KiB.
const DEFAULT_AVERAGE: u64 = 1 << 10;

impl<V: Clone + Send + Sync + 'static> Builder<V> {
    /// A cache in memory only, whose values weigh what `weigh` says: their bytes on the heap besides
    /// `size_of::<V>()`.
    #[must_use]
    pub fn new(namespace: Namespace, weigh: impl Fn(&V) -> usize + Send + Sync + 'static) -> Self {
        Self {
            namespace,
            memory: DEFAULT_MEMORY,
            average: DEFAULT_AVERAGE,
            weigh: Box::new(weigh),
            codec: None,
            clock: Clock::System,
            levels: Vec::new(),
        }
    }

    /// At most so many bytes in memory: keys, values and overhead. Default 64 MiB.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// The expected size of an entry in bytes, right within a factor of ten. Default 1 KiB.
    #[must_use]
    pub fn average(mut self, bytes: u64) -> Self {
        self.average = bytes.max(1);
        self
    }

    /// How values become bytes for the lower levels.
    #[must_use]
    pub fn codec(mut self, codec: impl Codec<V>) -> Self {
        self.codec = Some(Arc::new(codec));
        self
    }

    /// Adds the next lower level.
    #[must_use]
    pub fn level(self, level: Arc<dyn Level>) -> Self {
        self.guarded_level(level, GuardOptions::default())
    }

    /// Adds the next lower level, with time limits and a breaker of its own.
    #[must_use]
    pub fn guarded_level(mut self, level: Arc<dyn Level>, guard: GuardOptions) -> Self {
        self.levels.push((level, guard));
        self
    }

    /// A clock for tests.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The cache.
    ///
    /// # Panics
    /// When there are lower levels and no codec.
    #[must_use]
    pub fn build(self) -> Cache<V> {
        assert!(
            self.levels.is_empty() || self.codec.is_some(),
            "lower levels hold bytes: give the builder a codec, or begin with Builder::bytes or Builder::serde"
        );
        Cache::from_builder(self)
    }
}

impl Builder<Bytes> {
    /// A cache of bytes.
    #[must_use]
    pub fn bytes(namespace: Namespace) -> Self {
        Self::new(namespace, |value: &Bytes| value.len()).codec(Plain)
    }
}

impl<V: Clone + Send + Sync + Serialize + DeserializeOwned + 'static> Builder<V> {
    /// A cache of any serde type. A value weighs as many bytes as its MessagePack has; measure closer by
    /// [`Builder::new`] where that matters.
    #[must_use]
    pub fn serde(namespace: Namespace) -> Self {
        let weigh = |value: &V| MessagePack.encode(value).map_or(0, |bytes| bytes.len());
        Self::new(namespace, weigh).codec(MessagePack)
    }
}
