//! A level that cannot be opened yet, because the process before this one still has it.
//!
//! After an upgrade the old process serves its last requests for a while, and keeps its cache on disk until then. The new one
//! begins without, and takes the level in when it is free; what is purged meanwhile waits in the level's queue.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tenfold_cache::level::{Confirmed, Later, Lease, Level, LevelError, Record, Sink, Usage};
use tenfold_cache::{Invalidation, Key};

/// How often it is tried.
const PAUSE: Duration = Duration::from_millis(250);

/// A level that may come later.
pub(super) struct Late {
    name: &'static str,
    level: OnceLock<Arc<dyn Level>>,
    sinks: Mutex<Vec<Arc<dyn Sink>>>,
}

impl Late {
    /// A level that `open` opens as soon as it returns something, in a thread of its own: opening may read much.
    pub(super) fn new(
        name: &'static str,
        open: impl Fn() -> Option<Arc<dyn Level>> + Send + 'static,
    ) -> Arc<Self> {
        let late = Arc::new(Self {
            name,
            level: OnceLock::new(),
            sinks: Mutex::default(),
        });
        let weak = Arc::downgrade(&late);
        let wait = move || {
            loop {
                std::thread::sleep(PAUSE);
                // Nobody wants it any more.
                let Some(late) = weak.upgrade() else { return };
                if let Some(level) = open() {
                    return late.arrive(level);
                }
            }
        };
        let named = std::thread::Builder::new().name(format!("tenfold-{name}"));
        if let Err(error) = named.spawn(wait) {
            tracing::warn!(%error, "a cache's {name} level stays closed");
        }
        late
    }

    fn arrive(&self, level: Arc<dyn Level>) {
        let mut sinks = self.sinks.lock().unwrap_or_else(PoisonError::into_inner);
        sinks.drain(..).for_each(|sink| level.attach(sink));
        let _first = self.level.set(level);
    }

    fn level(&self) -> Result<&Arc<dyn Level>, LevelError> {
        self.level.get().ok_or(LevelError::CutOff)
    }
}

impl Level for Late {
    fn name(&self) -> &str {
        self.name
    }

    fn lease(&self) -> Option<Lease> {
        self.level.get()?.lease()
    }

    fn get<'a>(&'a self, key: &'a Key) -> Later<'a, Result<Option<Record>, LevelError>> {
        match self.level() {
            Ok(level) => level.get(key),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    fn put<'a>(
        &'a self,
        key: &'a Key,
        record: Record,
        lease: Lease,
    ) -> Later<'a, Result<bool, LevelError>> {
        match self.level() {
            Ok(level) => level.put(key, record, lease),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    fn invalidate<'a>(&'a self, what: &'a [Invalidation]) -> Later<'a, Result<Lease, LevelError>> {
        match self.level() {
            Ok(level) => level.invalidate(what),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    fn attach(&self, sink: Arc<dyn Sink>) {
        let mut sinks = self.sinks.lock().unwrap_or_else(PoisonError::into_inner);
        match self.level.get() {
            Some(level) => level.attach(sink),
            None => sinks.push(sink),
        }
    }

    fn confirmed(&self, lease: Lease, limit: Duration) -> Later<'_, Result<Confirmed, LevelError>> {
        match self.level() {
            Ok(level) => level.confirmed(lease, limit),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    fn is_durable(&self) -> bool {
        self.level.get().is_some_and(|level| level.is_durable())
    }

    fn note<'a>(&'a self, position: &'a str) -> Later<'a, Result<(), LevelError>> {
        match self.level() {
            Ok(level) => level.note(position),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    fn noted(&self) -> Option<String> {
        self.level.get()?.noted()
    }

    fn usage(&self) -> Usage {
        self.level
            .get()
            .map_or_else(Usage::default, |level| level.usage())
    }

    fn close(&self) -> Later<'_, Result<(), LevelError>> {
        match self.level() {
            Ok(level) => level.close(),
            Err(_) => Box::pin(async { Ok(()) }),
        }
    }
}
