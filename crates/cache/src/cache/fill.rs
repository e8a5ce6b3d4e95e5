//! Loads that the caller drives itself: what a proxy needs, which hands a body on to all readers while it arrives.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::load::{Brought, Leases, Lower};
use super::{Cache, Outcome};
use crate::entry::Entry;
use crate::error::Error;
use crate::flight::{Begin, Lead, Waiter};
use crate::key::Key;
use crate::loaded::Loaded;
use crate::options::Options;

/// What a reader that missed does.
#[must_use]
pub enum Fill<V: Clone> {
    /// Loads it.
    Lead(Filling<V>),
    /// Waits for the reader that does.
    Wait(Waiter<Outcome<V>>),
}

/// The right and the duty to load one value. Dropping it frees those who wait: they get no result, and one of them leads.
pub struct Filling<V: Clone> {
    cache: Cache<V>,
    lead: Lead<Outcome<V>>,
    leases: Leases,
    /// How many keys had been invalidated when it began.
    key_changes: u64,
}

impl<V: Clone + Send + Sync + 'static> Cache<V> {
    /// Leads the load of a key, or waits for who does. To be called before anything is asked that the value depends on.
    pub fn fill(&self, key: &Key) -> Fill<V> {
        let leases = self.leases(&Options::default());
        let key_changes = self.0.key_changes.load(Ordering::Acquire);
        match self.0.flights.begin(key, self.0.invalidations.version()) {
            Begin::Lead(lead) => Fill::Lead(Filling {
                cache: self.clone(),
                lead,
                leases,
                key_changes,
            }),
            Begin::Wait(waiter) => Fill::Wait(waiter),
        }
    }

    /// Whether there are levels below memory.
    #[must_use]
    pub fn has_lower(&self) -> bool {
        !self.0.levels.is_empty()
    }
}

impl<V: Clone + Send + Sync + 'static> Filling<V> {
    /// What is loaded.
    #[must_use]
    pub fn key(&self) -> &Key {
        self.lead.key()
    }

    /// The same load for another key, with everything that this one has taken note of: for values that turn out to
    /// belong under a key of their own. `None`: somebody else loads that one, or it has been invalidated since this began.
    #[must_use]
    pub fn also(&self, key: &Key) -> Option<Self> {
        let inner = &self.cache.0;
        let Begin::Lead(lead) = inner.flights.begin(key, self.lead.stamp()) else {
            return None;
        };
        // From now on an invalidation grounds the lead; what was before shows here.
        (!inner.changed_after(key, self.key_changes)).then(|| Self {
            cache: self.cache.clone(),
            lead,
            leases: self.leases.clone(),
            key_changes: self.key_changes,
        })
    }

    /// What the lower levels have, fresh or stale; something fresh has been taken into memory as well.
    pub async fn lower(&self) -> Option<(Arc<Entry<V>>, bool)> {
        self.cache.catch_up_soon().await;
        match self
            .cache
            .lower(self.lead.key(), &Options::default(), self.lead.stamp())
            .await
        {
            Lower::Fresh(entry, record, level) => {
                let (key, stored) = (self.lead.key(), entry.clone());
                let is_stored = self
                    .lead
                    .store(|| self.cache.0.memory.insert(key.clone(), stored));
                if is_stored && level > 0 {
                    // The reader has what it wants; a disk that is busy must not hold it up.
                    let (cache, key, leases) =
                        (self.cache.clone(), key.clone(), self.leases.clone());
                    self.cache.spawn(async move {
                        cache.put_lower(&key, &record, &leases, level).await;
                    });
                }
                Some((entry, true))
            }
            Lower::Stale(entry) => Some((entry, false)),
            Lower::Missing => None,
        }
    }

    /// Gives a value to those who wait while it is still arriving. It is not stored.
    ///
    /// # Errors
    /// When it is "not modified" and nothing is `previous`.
    pub fn offer(
        &self,
        loaded: Loaded<V>,
        previous: Option<&Entry<V>>,
        options: &Options,
    ) -> Result<Arc<Entry<V>>, Error> {
        let (entry, _) = self.cache.0.entry(
            self.lead.key(),
            loaded,
            previous,
            options,
            self.lead.stamp(),
        )?;
        let entry = Arc::new(entry);
        self.lead.publish(Ok(entry.clone()));
        Ok(entry)
    }

    /// Stores the whole value in memory and, in the background, in the lower levels, unless it has been invalidated
    /// meanwhile. Those who wait get it.
    ///
    /// # Errors
    /// When it is "not modified" and nothing is `previous`.
    pub fn store(
        self,
        loaded: Loaded<V>,
        previous: Option<&Entry<V>>,
        options: &Options,
    ) -> Result<Arc<Entry<V>>, Error> {
        let Self {
            cache,
            lead,
            leases,
            ..
        } = self;
        let (entry, stored) = cache
            .0
            .entry(lead.key(), loaded, previous, options, lead.stamp())?;
        let entry = Arc::new(entry);
        let brought = Brought {
            entry: entry.clone(),
            stored,
            replaces: previous.is_some(),
        };
        cache.store_now(lead, brought, options, leases);
        Ok(entry)
    }

    /// Tells those who wait that there will be no value.
    pub fn fail(self, error: Error) {
        self.lead.land(Err(error), || ());
    }
}
