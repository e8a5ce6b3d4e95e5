//! What the handle, the task that writes and those who wait have in common.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use super::appender;
use super::error::{LogError, WriteError};
use super::frame::{self, Kind, Record};
use super::item::{Item, Tries};
use super::log::Log;
use super::options::WriteBehindOptions;
use super::queue::Queue;
use super::store::Change;
use super::writer::Progress;
use super::{ORDERS, OVERHEAD};
use crate::cache::{Before, Cache};
use crate::codec::Codec;
use crate::key::Key;
use crate::loaded::Loaded;
use crate::options::Options;

/// What the handle, the task and those who wait have in common.
pub(super) struct Shared<V> {
    pub(super) cache: Cache<V>,
    pub(super) codec: Arc<dyn Codec<V>>,
    pub(super) queue: Arc<Queue<V>>,
    pub(super) options: WriteBehindOptions,
    pub(super) progress: Progress,
    /// A key's changes are logged and shown one after the other, so that the cache ends with the newest.
    pub(super) orders: Box<[tokio::sync::Mutex<()>]>,
    /// A batch has come back.
    pub(super) landed: Notify,
}

impl<V: Clone + Send + Sync + 'static> Shared<V> {
    pub(super) fn order(&self, key: &Key) -> &tokio::sync::Mutex<()> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
        &self.orders[hash as usize % ORDERS]
    }

    pub(super) fn record(
        &self,
        key: &Key,
        value: Option<&V>,
        sequence: u64,
    ) -> Result<Record, WriteError> {
        let (kind, payload) = match value.map(|value| self.codec.encode(value)) {
            Some(Ok(payload)) => (Kind::Put, payload),
            Some(Err(why)) => return Err(WriteError::Codec(why.into())),
            None => (Kind::Delete, Bytes::new()),
        };
        Ok(Record {
            kind,
            sequence,
            key: key.as_str().into(),
            payload,
        })
    }

    /// Fills the queue from the log. More than it may hold is taken in as well: it has been acknowledged.
    pub(super) async fn replay(
        &self,
        pending: Vec<(Record, u64)>,
        log: &mut Log,
        items: &Arc<Semaphore>,
        bytes: &Arc<Semaphore>,
    ) -> Result<u64, LogError> {
        let mut replayed = 0;
        for (record, file) in pending {
            let size = record.size() + OVERHEAD;
            let (key, loaded) = match self.read(&record) {
                Ok(read) => read,
                Err(reason) if self.options.recover => {
                    let sequence = record.sequence;
                    let reason = Record {
                        kind: Kind::Reason,
                        sequence,
                        key: "".into(),
                        payload: reason.into(),
                    };
                    appender::keep_dead(log.directory(), &[record, reason])?;
                    log.append(
                        &frame::encode(&[Record::done([sequence].into_iter())]),
                        true,
                    )?;
                    log.release(file);
                    continue;
                }
                Err(why) => {
                    let directory = log.directory().to_owned();
                    return Err(LogError::Unreadable {
                        directory,
                        key: record.key,
                        why: why.into(),
                    });
                }
            };
            // What the levels have is older.
            self.cache.remove(&key).await;
            let weight = u32::try_from(size).unwrap_or(u32::MAX);
            let one = items.clone().try_acquire_owned();
            let room = one.and_then(|one| Ok((one, bytes.clone().try_acquire_many_owned(weight)?)));
            let item = Item {
                loaded,
                sequence: record.sequence,
                since: Instant::now(),
                file,
                bytes: size,
                replayed: true,
                _room: room.ok(),
                tries: Tries::default(),
            };
            self.queue.lock().insert(key, item);
            replayed += 1;
        }
        Ok(replayed)
    }

    fn read(&self, record: &Record) -> Result<(Key, Loaded<V>), String> {
        let key = Key::new(&record.key).map_err(|error| error.to_string())?;
        let loaded = match record.kind {
            Kind::Delete => Loaded::absent(),
            _ => Loaded::value(self.codec.decode(record.payload.clone())?),
        };
        Ok((key, loaded))
    }

    /// What the keys of a batch stand at in the cache before the store is asked, if there are others to be told afterwards.
    pub(super) async fn before(&self, batch: &[Change<V>]) -> Vec<Before> {
        let mut all = Vec::new();
        if self.cache.has_lower() {
            for change in batch {
                // When the change has been shown, which counts as an invalidation.
                let _shown = self.order(&change.key).lock().await;
                all.push(self.cache.before_write(&change.key));
            }
        }
        all
    }

    /// Shows a change that has just been written to everybody once more, unless a newer one waits, or somebody else changed
    /// the row after this and told the cache first.
    pub(super) async fn settle(&self, change: &Change<V>, before: &Before) {
        let _alone = self.order(&change.key).lock().await;
        let newest = self
            .queue
            .lock()
            .newest(change)
            .map(|(loaded, replayed)| (loaded.clone(), replayed));
        match newest {
            // A level that fails is not read until it has been told.
            Some((loaded, false)) => drop(
                self.cache
                    .set_since(before, &change.key, loaded, &Options::default())
                    .await,
            ),
            Some((_, true)) => drop(self.cache.remove(&change.key).await),
            None => {}
        }
    }

    /// Drops from the cache what the store will never have.
    pub(super) async fn forget(&self, key: &Key) {
        let _alone = self.order(key).lock().await;
        if self.queue.pending(key).is_none() {
            self.cache.remove(key).await;
        }
    }
}
