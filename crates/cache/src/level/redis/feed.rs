//! Reading the log: the one task through which a process learns what the others invalidate.
//!
//! It reads on a connection of its own, because a blocking command holds up everything behind it. Each entry goes
//! into the local table, then to the memory above, and only then into the number that leases are given with: whoever
//! holds a lease finds what it stands for.
//!
//! At least once a second it asks whether the log still is the one that it has read ([`Local::resume`]): a blocked
//! reader hears nothing of a flush, nor of a failover behind a cluster's connection.

use std::sync::Arc;
use std::time::Duration;

use redis::Cmd;
use redis::streams::{StreamId, StreamReadReply};

use super::Shared;
use super::link::{Backoff, Connection};
use super::local::{Check, Local, Moment, Trouble};
use super::message::{self, Message};
use super::script;
use super::table::Table;
use crate::clock::{Clock, millis};
use crate::level::LevelError;

/// How long a read waits for an entry.
const BLOCK: Duration = Duration::from_millis(500);
/// How often the log is checked at least.
const CHECK: Duration = Duration::from_secs(1);
/// Entries per read.
const BATCH: usize = 1000;

/// What the script `state` returns: epoch, number, forgotten, and the last id and its origin.
type State = (u64, u64, u64, String, String);

/// Reads for ever; ends when it is aborted.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut pause = Backoff::default();
    loop {
        let was = Clock::System.now();
        // Why it ended is seen by every call, too: they go to the same server.
        let _ = session(&shared).await;
        if Clock::System.now().saturating_sub(was) > millis(CHECK) {
            pause = Backoff::default();
        }
        pause.wait().await;
    }
}

async fn session(shared: &Shared) -> Result<(), LevelError> {
    let connection = shared.link.dialler.open(None).await;
    let connection = connection.map_err(|error| LevelError::Failed(error.to_string()))?;
    let mut feed = Feed {
        shared,
        connection,
        checked: 0,
        behind: false,
    };
    loop {
        match feed.turn().await? {
            Ok(()) => {}
            Err(trouble) => feed.recover(trouble).await?,
        }
    }
}

struct Feed<'a> {
    shared: &'a Shared,
    connection: Connection,
    /// When the log was checked last, by the monotonic clock; 0: not on this connection.
    checked: u64,
    /// The last check found more in the log than had been read.
    behind: bool,
}

impl Feed<'_> {
    /// One check if it is due, and one read.
    async fn turn(&mut self) -> Result<Result<(), Trouble>, LevelError> {
        let since = Moment::now();
        if Clock::System.now().saturating_sub(self.checked) > millis(CHECK)
            && let Err(trouble) = self.check(since).await?
        {
            return Ok(Err(trouble));
        }
        let since = Moment::now();
        let entries = self.read().await?;
        let count = entries.len();
        if count == 0 {
            // What was there at the last check ought to have come by now.
            if self.behind {
                return Ok(Err(Trouble::Missed));
            }
            return self.check(Moment::now()).await;
        }
        for entry in entries {
            if let Err(trouble) = self.take(entry) {
                return Ok(Err(trouble));
            }
        }
        self.behind = false;
        if count < BATCH {
            self.shared.local_mut().confirm(since);
        }
        self.shared.moved.notify_one();
        Ok(Ok(()))
    }

    fn take(&self, entry: StreamId) -> Result<(), Trouble> {
        let message = Message::read(entry).ok_or(Trouble::Missed)?;
        self.shared.local_mut().take(&message, &self.shared.id)?;
        if message.origin != self.shared.id {
            for sink in self.shared.sinks() {
                for what in &message.what {
                    sink.invalidated(what);
                }
            }
        }
        self.shared.local_mut().advance(message);
        Ok(())
    }

    async fn read(&mut self) -> Result<Vec<StreamId>, LevelError> {
        let mut cmd = redis::cmd("XREAD");
        cmd.arg("COUNT")
            .arg(BATCH)
            .arg("BLOCK")
            .arg(BLOCK.as_millis() as u64);
        cmd.arg("STREAMS")
            .arg(&*self.shared.names.log)
            .arg(&self.shared.local().last_id);
        let limit = BLOCK.saturating_add(self.shared.timeout);
        let at = self.shared.link.address();
        let reply: Option<StreamReadReply> = self.connection.ask(&cmd, limit, at).await?;
        let keys = reply.map(|reply| reply.keys).unwrap_or_default();
        Ok(keys.into_iter().flat_map(|key| key.ids).collect())
    }

    async fn check(&mut self, since: Moment) -> Result<Result<(), Trouble>, LevelError> {
        if self.shared.local().epoch == 0 {
            return Ok(Err(Trouble::Missed));
        }
        let last_id = self.shared.local().last_id.clone();
        let reply: (String, u64, String, String, String, String) = self
            .script(&script::CHECK, &|cmd| {
                cmd.arg(&last_id);
            })
            .await?;
        let (epoch, number, entry_number, entry_origin, first_id, last_id) = reply;
        let check = Check {
            epoch,
            number,
            entry_number,
            entry_origin,
            first_id,
            last_id,
        };
        self.checked = Clock::System.now();
        let mut local = self.shared.local_mut();
        let resumed = local.resume(&check);
        if let Ok(nothing_new) = resumed {
            self.behind = !nothing_new;
            if nothing_new {
                local.confirm(since);
            }
        }
        Ok(resumed.map(drop))
    }

    /// Begins again: with a new epoch if the server has lost something, and by reading all numbers.
    async fn recover(&mut self, trouble: Trouble) -> Result<(), LevelError> {
        let epoch = {
            let mut local = self.shared.local_mut();
            local.unsynced();
            local.epoch
        };
        if trouble == Trouble::Lost {
            let _: String = self
                .script(&script::RENEW, &|cmd| {
                    cmd.arg(epoch);
                })
                .await?;
        }
        let since = Moment::now();
        let fresh = self.load().await?;
        self.shared.local_mut().reload(fresh, since);
        for sink in self.shared.sinks() {
            sink.gap();
        }
        self.shared.local_mut().synced();
        self.behind = false;
        self.checked = Clock::System.now();
        self.shared.moved.notify_one();
        self.shared.ready.notify_waiters();
        Ok(())
    }

    /// Reads all numbers. What is invalidated meanwhile follows in the log.
    async fn load(&mut self) -> Result<Local, LevelError> {
        for _ in 0..3 {
            let (epoch, number, _, last_id, origin): State =
                self.script(&script::STATE, &|_| {}).await?;
            let mut table = Table::new(self.shared.max_tags, self.shared.max_prefixes);
            let names = self.shared.names.control();
            self.scan(names[2], "t", &mut table).await?;
            self.scan(names[3], "p", &mut table).await?;
            // Once more, because something may have been forgotten while it was read.
            let (after, _, forgotten, ..): State = self.script(&script::STATE, &|_| {}).await?;
            if after != epoch {
                continue;
            }
            table.forgotten = table.forgotten.max(forgotten);
            let mut local = Local::new(table);
            (local.epoch, local.number, local.last_id) = (epoch, number, last_id);
            local.last_origin = (!origin.is_empty()).then_some(origin);
            return Ok(local);
        }
        Err(LevelError::Failed(
            "the server begins anew all the time".into(),
        ))
    }

    async fn scan(&mut self, key: &str, kind: &str, table: &mut Table) -> Result<(), LevelError> {
        let mut cursor = 0_u64;
        loop {
            let mut cmd = redis::cmd("ZSCAN");
            cmd.arg(key).arg(cursor).arg("COUNT").arg(1000);
            let at = self.shared.link.address();
            let reply: (u64, Vec<(String, f64)>) =
                self.connection.ask(&cmd, self.shared.timeout, at).await?;
            for (member, number) in reply.1 {
                let Some((mode, text)) = member.split_at_checked(1) else {
                    continue;
                };
                if let Some(what) = message::target(&format!("{mode}{kind}"), text) {
                    table.add(&what, number as u64);
                }
            }
            cursor = reply.0;
            if cursor == 0 {
                return Ok(());
            }
        }
    }

    async fn script<T: redis::FromRedisValue>(
        &mut self,
        lua: &script::Lua,
        arguments: &(dyn Fn(&mut Cmd) + Sync),
    ) -> Result<T, LevelError> {
        let (keys, at) = (self.shared.names.control(), self.shared.link.address());
        self.connection
            .ask_script(lua, &keys, arguments, self.shared.timeout, at)
            .await
    }
}
