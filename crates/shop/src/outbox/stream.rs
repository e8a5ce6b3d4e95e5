//! Events by way of Redis Streams.
//!
//! # The idea
//! A *relay* sends open events to the stream `shop:orders` and marks them sent; *consumers* of the group `workers` share them. A stream delivers at least once, and the
//! database makes it once: an event is done in the transaction that marks it done, and one that is done already is only acknowledged.
//!
//! # What fails, and then
//! Redis is down: the relay waits, and events wait in the table. The relay dies between sending and marking: the event is sent twice. Redis loses the stream, or it is
//! cut to its length: what was sent [`LOST`] ago and is not done is sent again. A consumer dies: others claim what it had after [`DEAD`].

use std::collections::BTreeSet;
use std::time::Duration;

use deadpool_postgres::Transaction;
use redis::streams::{StreamAutoClaimReply, StreamId, StreamReadReply};

use super::table::event;
use super::{BATCH, Event, Outbox};
use crate::Error;
use crate::redis_link::RedisLink;
use crate::rows::{column, execute, rows};

const STREAM: &str = "shop:orders";
const GROUP: &str = "workers";
/// All consumers have one name: who has what is told by how long ago it was delivered, and names of processes that are gone would pile up.
const CONSUMER: &str = "worker";
/// Events that the stream keeps, about; the table has them all.
const LENGTH: usize = 100_000;
/// Seconds after which an event that was sent and is not done is sent again.
const LOST: f64 = 30.0;
/// After this a consumer that did not acknowledge is taken for dead.
const DEAD: Duration = Duration::from_secs(30);

/// The stream.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    link: RedisLink,
}

/// What was delivered: places in the stream, and the events that they name.
struct Delivered {
    places: Vec<String>,
    events: Vec<i64>,
}

impl Outbox {
    /// Sends what is open, then takes what is delivered and does it; says how many that were.
    pub(super) async fn take_from_stream(&self, stream: &Stream) -> Result<usize, Error> {
        let sent = self.relay(stream).await?;
        let delivered = stream.receive().await?;
        if delivered.places.is_empty() {
            return Ok(sent);
        }
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await?;
        let events = open(&transaction, &delivered.events).await?;
        self.settle(transaction, &events).await?;
        // Those that failed as well: the relay sends them again when they are due.
        stream.acknowledge(&delivered.places).await?;
        Ok(delivered.places.len())
    }

    async fn relay(&self, stream: &Stream) -> Result<usize, Error> {
        const OPEN: &str = "SELECT id FROM outbox WHERE done IS NULL AND due <= now()
            AND (sent IS NULL OR sent < now() - make_interval(secs => $1))
            ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED";
        const SENT: &str = "UPDATE outbox SET sent = now() WHERE id = ANY ($1)";
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await?;
        let ids: Vec<i64> = column(&transaction, OPEN, &[&LOST, &BATCH]).await?;
        if ids.is_empty() {
            return Ok(0);
        }
        stream.send(&ids).await?;
        execute(&transaction, SENT, &[&ids]).await?;
        transaction.commit().await?;
        Ok(ids.len())
    }
}

/// Locks those events that are not done. One that another consumer has at the moment is waited for: then it is done, most likely.
async fn open(transaction: &Transaction<'_>, ids: &[i64]) -> Result<Vec<Event>, Error> {
    let sql = "SELECT id, kind, order_id FROM outbox WHERE id = ANY ($1) AND done IS NULL AND due <= now()
        ORDER BY id FOR UPDATE";
    Ok(rows(transaction, sql, &[&ids])
        .await?
        .iter()
        .map(event)
        .collect())
}

impl Stream {
    pub(super) const fn new(link: RedisLink) -> Self {
        Self { link }
    }

    async fn send(&self, ids: &[i64]) -> Result<(), Error> {
        let mut send = redis::pipe();
        for id in ids {
            let add = send
                .cmd("XADD")
                .arg(STREAM)
                .arg("MAXLEN")
                .arg("~")
                .arg(LENGTH);
            add.arg("*").arg("event").arg(*id).ignore();
        }
        self.link.pipe(&send, RedisLink::LIMIT).await
    }

    /// What is delivered to this consumer, and what dead ones have left.
    async fn receive(&self) -> Result<Delivered, Error> {
        match self.read().await {
            // The group is made when it is needed first, and after Redis has lost it.
            Err(Error::Broken(why)) if why.contains("NOGROUP") => {
                self.found().await?;
                self.read().await
            }
            read => read,
        }
    }

    async fn read(&self) -> Result<Delivered, Error> {
        let mut read = redis::pipe();
        let claim = read.cmd("XAUTOCLAIM").arg(STREAM).arg(GROUP).arg(CONSUMER);
        claim
            .arg(DEAD.as_millis() as u64)
            .arg("0")
            .arg("COUNT")
            .arg(BATCH);
        let new = read.cmd("XREADGROUP").arg("GROUP").arg(GROUP).arg(CONSUMER);
        new.arg("COUNT")
            .arg(BATCH)
            .arg("STREAMS")
            .arg(STREAM)
            .arg(">");
        let (left, new): (StreamAutoClaimReply, Option<StreamReadReply>) =
            self.link.pipe(&read, RedisLink::LIMIT).await?;
        let new = new.map(|read| read.keys).unwrap_or_default();
        let new = new.into_iter().flat_map(|key| key.ids);
        Ok(delivered(left.claimed.into_iter().chain(new)))
    }

    async fn found(&self) -> Result<(), Error> {
        let mut found = redis::pipe();
        let create = found.cmd("XGROUP").arg("CREATE").arg(STREAM).arg(GROUP);
        create.arg("0").arg("MKSTREAM").ignore();
        match self.link.pipe(&found, RedisLink::LIMIT).await {
            // Another consumer was faster.
            Err(Error::Broken(why)) if why.contains("BUSYGROUP") => Ok(()),
            founded => founded,
        }
    }

    async fn acknowledge(&self, places: &[String]) -> Result<(), Error> {
        let mut acknowledge = redis::pipe();
        acknowledge.xack(STREAM, GROUP, places).ignore();
        self.link.pipe(&acknowledge, RedisLink::LIMIT).await
    }
}

/// What stands in the stream. What is no event of ours is acknowledged, and nothing else.
fn delivered(entries: impl Iterator<Item = StreamId>) -> Delivered {
    let mut events = BTreeSet::new();
    let mut places = Vec::new();
    for entry in entries {
        match entry.get::<i64>("event") {
            Some(id) => {
                events.insert(id);
            }
            None => tracing::warn!(
                entry.id,
                "the stream of orders has something that is no event"
            ),
        }
        places.push(entry.id);
    }
    Delivered {
        places,
        events: events.into_iter().collect(),
    }
}
