//! What is asked of the server: values, invalidations, claims.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;

use super::Shared;
use super::error::ConnectError;
use super::local::{EARLY, LATE, Moment, REMEMBER};
use super::message;
use super::script;
use super::stored::{self, Stored, beside};
use crate::clock::millis;
use crate::invalidate::{Invalidation, Mode, Target, Verdict};
use crate::key::Key;
use crate::level::{Claim, Lease, LevelError, Record};

/// How many invalidations go into one call of the script, which holds up the server meanwhile.
const CHUNK: usize = 256;
/// How many tombstones are under way at once.
const AT_ONCE: usize = 64;
/// No value lies longer than ten years, in milliseconds: a time that every arithmetic on the way can bear.
const LONGEST: u64 = 10 * 366 * 86_400_000;
/// How long a fence is remembered after its claim.
const FENCE: Duration = Duration::from_secs(600);

impl Shared {
    /// Connects for the first time, and finds out whether everything that is needed is allowed and there.
    pub(super) async fn reach(&self) -> Result<(), ConnectError> {
        self.link.open().await?;
        self.link.is_of_its_kind().await?;
        self.link.probe(&script::STATE, &self.names.control()).await
    }

    pub(super) async fn get(&self, key: &Key) -> Result<Option<Record>, LevelError> {
        if !self.is_certain() {
            return Err(LevelError::CutOff);
        }
        let mut cmd = redis::cmd("GET");
        cmd.arg(self.names.value(key.as_str()));
        let bytes: Option<Vec<u8>> = self.link.ask(&cmd).await?;
        let Some(bytes) = bytes else { return Ok(None) };
        let (epoch, stamp, expired, record) = match stored::decode(bytes) {
            Stored::Value {
                epoch,
                stamp,
                expired,
                record,
            } => (epoch, stamp, expired, record),
            Stored::Tombstone => return Ok(None),
            Stored::Foreign => return Ok(self.damaged()),
        };
        let Ok(mut record) = Record::decode(&record) else {
            return Ok(self.damaged());
        };
        let now = Moment::now();
        if record.keep_until <= now.unix() {
            return Ok(None);
        }
        let local = self.local();
        if !local.is_certain(now) {
            return Err(LevelError::CutOff);
        }
        if local.epoch != epoch {
            return Ok(None);
        }
        let verdict = local.table.judge(key, &record.tags, stamp);
        if verdict == Verdict::Gone {
            return Ok(None);
        }
        if expired || verdict == Verdict::Expired {
            record.fresh_until = 0;
        }
        Ok(Some(record))
    }

    fn damaged(&self) -> Option<Record> {
        self.corrupt.fetch_add(1, Ordering::Relaxed);
        None
    }

    pub(super) async fn put(
        &self,
        key: &Key,
        record: Record,
        lease: Lease,
    ) -> Result<bool, LevelError> {
        let now = Moment::now();
        {
            let local = self.local();
            if !local.is_certain(now) {
                return Err(LevelError::CutOff);
            }
            let verdict = local.table.judge(key, &record.tags, lease.number);
            if !local.allows(lease, now) || verdict != Verdict::Valid {
                return Ok(false);
            }
        }
        let lifetime = record.keep_until.saturating_sub(now.unix()).min(LONGEST);
        let value = stored::encode(lease, &record.encode(self.options.compress_above));
        let fits = lifetime > 0 && value.len() <= self.options.max_record.min(512 << 20);
        // What it would replace must go all the same, so something that is over takes its place.
        let (lifetime, value) = match fits {
            true => (lifetime, value),
            false => (1, stored::encode(lease, &over().encode(usize::MAX))),
        };
        let name = self.names.value(key.as_str());
        let keys = [name.as_str(), &beside(&name, "fence")];
        let answer: i64 = self
            .link
            .script(&script::PUT, &keys, &|cmd| {
                cmd.arg(lease.epoch)
                    .arg(lease.number)
                    .arg(lease.fence)
                    .arg(lifetime);
                cmd.arg(now.unix()).arg(millis(LATE)).arg(millis(EARLY));
                cmd.arg(millis(REMEMBER)).arg(&value);
            })
            .await?;
        match answer {
            0 => Ok(false),
            1 => Ok(fits),
            time => Err(LevelError::Failed(wrong_time(
                now.unix(),
                time.unsigned_abs(),
            ))),
        }
    }

    pub(super) async fn invalidate(&self, what: &[Invalidation]) -> Result<Lease, LevelError> {
        let mut last = self.local().lease(Moment::now());
        for chunk in what.chunks(CHUNK) {
            let (epoch, number): (u64, u64) = self
                .link
                .script(&script::INVALIDATE, &self.names.control(), &|cmd| {
                    cmd.arg(&self.id).arg(self.options.log_length.max(1));
                    cmd.arg(self.max_tags).arg(self.max_prefixes);
                    for one in chunk {
                        let (code, target) = message::code(one);
                        cmd.arg(code).arg(target);
                    }
                })
                .await?;
            let shared: Arc<[Invalidation]> = chunk.into();
            self.local_mut().invalidated(epoch, number, shared);
            self.bury(chunk, epoch, number).await?;
            last = Some(Lease {
                epoch,
                number,
                fence: 0,
            });
        }
        last.ok_or(LevelError::CutOff)
    }

    /// Leaves the number where the values of the keys among `what` lie.
    async fn bury(&self, what: &[Invalidation], epoch: u64, number: u64) -> Result<(), LevelError> {
        let keys: Vec<(&Key, Mode)> = what
            .iter()
            .filter_map(|one| match &one.target {
                Target::Key(key) => Some((key, one.mode)),
                _ => None,
            })
            .collect();
        for some in keys.chunks(AT_ONCE) {
            let calls = some
                .iter()
                .map(|(key, mode)| self.tombstone(key, *mode, epoch, number));
            // All are tried, though one has failed.
            join_all(calls)
                .await
                .into_iter()
                .collect::<Result<(), _>>()?;
        }
        Ok(())
    }

    async fn tombstone(
        &self,
        key: &Key,
        mode: Mode,
        epoch: u64,
        number: u64,
    ) -> Result<(), LevelError> {
        let name = self.names.value(key.as_str());
        let mode = match mode {
            Mode::Soft => "s",
            Mode::Hard => "h",
        };
        self.link
            .script(&script::TOMBSTONE, &[&name], &|cmd| {
                cmd.arg(epoch).arg(number).arg(mode).arg(millis(REMEMBER));
            })
            .await
    }

    pub(super) async fn claim(&self, key: &Key, limit: Duration) -> Result<Claim, LevelError> {
        let name = self.names.value(key.as_str());
        let keys = [beside(&name, "claim"), beside(&name, "fence")];
        let keys = [keys[0].as_str(), &keys[1]];
        let limit = millis(limit).clamp(1, LONGEST);
        let fence: u64 = self
            .link
            .script(&script::CLAIM, &keys, &|cmd| {
                cmd.arg(limit).arg(limit + millis(FENCE));
            })
            .await?;
        Ok(match fence {
            0 => Claim::Taken,
            fence => Claim::Granted { fence },
        })
    }

    pub(super) async fn release(&self, key: &Key, fence: u64) -> Result<(), LevelError> {
        let name = beside(&self.names.value(key.as_str()), "claim");
        self.link
            .script(&script::RELEASE, &[&name], &|cmd| {
                cmd.arg(fence);
            })
            .await
    }
}

/// A record that nobody gets.
fn over() -> Record {
    Record {
        created: 0,
        fresh_until: 0,
        keep_until: 0,
        tags: Box::default(),
        validator: None,
        payload: None,
    }
}

/// Why a value that came at the wrong time was refused.
fn wrong_time(sent: u64, taken: u64) -> String {
    let seconds = (taken.abs_diff(sent) as f64) / 1000.0;
    let how = if taken > sent { "later" } else { "earlier" };
    format!(
        "the server took a value {seconds:.0} s {how} than it was sent, by its own clock: it stood still, or its \
         clock and this machine's differ (both should be set by NTP)"
    )
}
