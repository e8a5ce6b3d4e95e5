//! Looking into the lower levels without loading: cache-aside.
//!
//! Of many who look at the same time one asks the levels. They are apart from the loads: nobody who only looks waits for a
//! loader, and nobody who wants to load waits for one who will not.

use std::sync::Arc;

use super::Cache;
use super::load::Lower;
use crate::entry::Entry;
use crate::flight::{Begin, Lead};
use crate::key::Key;
use crate::options::Options;

impl<V: Clone + Send + Sync + 'static> Cache<V> {
    /// A fresh value of the lower levels, taken into memory.
    pub(super) async fn look_below(&self, key: &Key) -> Option<Arc<Entry<V>>> {
        let version = self.0.invalidations.version();
        self.catch_up_soon().await;
        match self.0.looks.begin(key, version) {
            Begin::Lead(lead) => self.lead_look(lead).await,
            Begin::Wait(mut waiter) => match waiter.result().await {
                Some(Some(entry)) if self.is_outdated(key, &entry, version) => None,
                Some(found) => found,
                // Who asked went away.
                None => match self.lower(key, &Options::default(), version).await {
                    Lower::Fresh(entry, ..) => Some(entry),
                    Lower::Stale(_) | Lower::Missing => None,
                },
            },
        }
    }

    async fn lead_look(&self, lead: Lead<Option<Arc<Entry<V>>>>) -> Option<Arc<Entry<V>>> {
        let (options, key) = (Options::default(), lead.key().clone());
        let leases = self.leases(&options);
        let Lower::Fresh(entry, record, level) = self.lower(&key, &options, lead.stamp()).await
        else {
            lead.land(None, || ());
            return None;
        };
        // A load stores what it brings, and what it has stored is not older. An invalidation grounds the looks before it
        // removes what is here, so either it shows now, or it removes this.
        self.0.flights.between(&key, || {
            if !lead.is_grounded() && self.landed_meanwhile(&key).is_none() {
                self.0.memory.insert(key.clone(), entry.clone());
            }
        });
        if lead.land(Some(entry.clone()), || ()) {
            self.put_lower(&key, &record, &leases, level).await;
        }
        Some(entry)
    }
}
