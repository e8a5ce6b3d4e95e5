//! Events straight from the table.

use std::sync::atomic::Ordering;

use deadpool_postgres::Transaction;
use tokio_postgres::Row;

use super::apply::{apply, put_off};
use super::{BATCH, Event, Outbox};
use crate::Error;
use crate::rows::rows;

impl Outbox {
    /// Takes open events that nobody else has, and does them; says how many there were.
    pub(super) async fn take_from_table(&self) -> Result<usize, Error> {
        const TAKE: &str =
            "SELECT id, kind, order_id FROM outbox WHERE done IS NULL AND due <= now()
            ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED";
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await?;
        let taken = rows(&transaction, TAKE, &[&BATCH]).await?;
        let taken: Vec<Event> = taken.iter().map(event).collect();
        self.settle(transaction, &taken).await?;
        Ok(taken.len())
    }

    /// Does events that the transaction has locked, and commits. Those that fail are put off.
    pub(super) async fn settle(
        &self,
        mut transaction: Transaction<'_>,
        events: &[Event],
    ) -> Result<(), Error> {
        if events.is_empty() {
            return Ok(());
        }
        // A savepoint for all, and if one of them fails, one for each.
        let mut parts: Vec<&[Event]> = vec![events];
        let (mut sold, mut done) = (Vec::new(), 0);
        while let Some(part) = parts.pop() {
            let savepoint = transaction.transaction().await?;
            match apply(&savepoint, part).await {
                Ok(sales) => {
                    savepoint.commit().await?;
                    sold.extend(sales);
                    done += part.len();
                }
                // The database is not well: all of them wait.
                Err(error) if error.retryable() => return Err(error),
                Err(error) => {
                    savepoint.rollback().await?;
                    match part {
                        [event] => self.fail(&transaction, event, &error).await?,
                        several => parts.extend(several.chunks(1).rev()),
                    }
                }
            }
        }
        transaction.commit().await?;
        self.tell(done, &sold).await;
        Ok(())
    }

    async fn fail(
        &self,
        transaction: &Transaction<'_>,
        event: &Event,
        error: &Error,
    ) -> Result<(), Error> {
        self.counts.failed.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(event = event.id, order = event.order, %error, "an event failed; it is tried again later");
        put_off(transaction, event, error).await
    }
}

/// A row of number, kind and order.
pub(super) fn event(row: &Row) -> Event {
    Event {
        id: row.get(0),
        kind: row.get(1),
        order: row.get(2),
    }
}
