//! What one process knows of the shared level: how far it has read the log, and since when that is certain.
//!
//! Only decisions: no connection, and time is an argument.
//!
//! # The age of a lease
//! A tombstone refuses what was loaded before it, and lies in Redis for [`REMEMBER`]. A load that took longer could
//! slip in afterwards. So a lease is good for [`LEASE`] only; counted not from when it was taken (it does not say
//! when), but from the last moment at which its number was known to be the last one: whatever was invalidated
//! without it, was so later.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::message::Message;
use super::table::Table;
use crate::clock::millis;
use crate::invalidate::Invalidation;
use crate::level::Lease;

/// How long Redis remembers the number of a key's invalidation. It is more than [`LEASE`], [`LATE`] and [`EARLY`].
pub(super) const REMEMBER: Duration = Duration::from_secs(62);
/// How long a lease is good for.
const LEASE: Duration = Duration::from_secs(30);
/// How late a value may arrive: a server that stood still takes what waited for it when it goes on.
pub(super) const LATE: Duration = Duration::from_secs(20);
/// How far the server's clock may be behind this machine's.
pub(super) const EARLY: Duration = Duration::from_secs(10);
/// Without news for this long, the level is cut off.
pub(super) const CERTAIN: Duration = Duration::from_secs(5);
/// At most one sample in this time is kept.
const SAMPLE: Duration = Duration::from_millis(100);

/// So many own invalidations are remembered that have not been seen in the log.
const MAX_OWN: usize = 4096;

/// A moment by two clocks. Either may have stood still when a machine was suspended; what passed is the longer of
/// both, which errs to the safe side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    boot: u64,
    unix: u64,
}

impl Moment {
    pub(super) fn now() -> Self {
        let read = |clock| {
            let time = clock_gettime(clock);
            (time.tv_sec as u64) * 1000 + (time.tv_nsec as u64) / 1_000_000
        };
        Self {
            boot: read(ClockId::Boottime),
            unix: read(ClockId::Realtime),
        }
    }

    /// Milliseconds since 1970.
    pub(super) fn unix(self) -> u64 {
        self.unix
    }

    fn passed_until(self, now: Self) -> u64 {
        now.boot
            .saturating_sub(self.boot)
            .max(now.unix.saturating_sub(self.unix))
    }
}

/// What a process has taken in.
#[derive(Debug)]
pub(super) struct Local {
    pub(super) epoch: u64,
    /// The last number up to which everything has been taken in, and passed on.
    pub(super) number: u64,
    pub(super) table: Table,
    /// The last number that is in the table: `number`, or the one that is just being passed on.
    taken: u64,
    /// After which entry of the log to go on.
    pub(super) last_id: String,
    /// That entry's origin, when this process has seen it itself.
    pub(super) last_origin: Option<String>,
    synced: bool,
    certain: Option<Moment>,
    samples: VecDeque<(Moment, u64)>,
    /// What this process invalidated and has not seen in the log yet.
    own: VecDeque<(u64, u64, Arc<[Invalidation]>)>,
}

/// What to do when the log is not the expected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Something was missed: drop what is known, and read all numbers again.
    Missed,
    /// The server has lost something that it had confirmed: nobody may trust what it holds.
    Lost,
}

/// What the script `check` returned.
#[derive(Debug, Clone, Default)]
pub(super) struct Check {
    pub(super) epoch: String,
    pub(super) number: u64,
    /// Of the entry that was asked for; empty: it is not there.
    pub(super) entry_number: String,
    pub(super) entry_origin: String,
    pub(super) first_id: String,
    pub(super) last_id: String,
}

impl Local {
    pub(super) fn new(table: Table) -> Self {
        Self {
            epoch: 0,
            number: 0,
            taken: 0,
            table,
            last_id: "0-0".into(),
            last_origin: None,
            synced: false,
            certain: None,
            samples: VecDeque::new(),
            own: VecDeque::new(),
        }
    }

    /// Whether it is known what the others have invalidated.
    pub(super) fn is_certain(&self, now: Moment) -> bool {
        let recent = |since: Moment| since.passed_until(now) <= millis(CERTAIN);
        self.synced && self.certain.is_some_and(recent)
    }

    pub(super) fn lease(&self, now: Moment) -> Option<Lease> {
        self.is_certain(now).then_some(Lease {
            epoch: self.epoch,
            number: self.number,
            fence: 0,
        })
    }

    /// Whether a value with this lease may still be stored.
    pub(super) fn allows(&self, lease: Lease, now: Moment) -> bool {
        let latest = self
            .samples
            .iter()
            .rev()
            .find(|(_, number)| *number <= lease.number);
        lease.epoch == self.epoch
            && latest.is_some_and(|(since, _)| since.passed_until(now) <= millis(LEASE))
    }

    /// Everything that was invalidated before `since` has been taken in.
    pub(super) fn confirm(&mut self, since: Moment) {
        self.certain = Some(since);
        let number = self.number;
        match self.samples.back_mut() {
            Some((last, same)) if *same == number => *last = since,
            Some((last, _)) if last.passed_until(since) < millis(SAMPLE) => {}
            _ => self.samples.push_back((since, number)),
        }
        while self
            .samples
            .front()
            .is_some_and(|(old, _)| old.passed_until(since) > millis(LEASE))
        {
            self.samples.pop_front();
        }
    }

    /// Takes in what this process has invalidated itself, as soon as it knows the number.
    pub(super) fn invalidated(&mut self, epoch: u64, number: u64, what: Arc<[Invalidation]>) {
        if epoch == self.epoch {
            for one in what.iter() {
                self.table.add(one, number);
            }
            if number <= self.taken {
                return;
            }
        }
        let at = self
            .own
            .partition_point(|(epoch_, number_, _)| (*epoch_, *number_) < (epoch, number));
        self.own.insert(at, (epoch, number, what));
        // Whoever cannot read the log may still invalidate. What is given up here is found in what is read anew.
        if self.own.len() > MAX_OWN {
            self.own.pop_front();
        }
    }

    /// Takes in an entry of the log. Its number counts only with [`Local::advance`], when it has been passed on.
    pub(super) fn take(&mut self, message: &Message, me: &str) -> Result<(), Trouble> {
        // An older epoch or number: a server that came back with what it was before.
        if message.epoch < self.epoch
            || (message.epoch == self.epoch && message.number <= self.number)
        {
            return Err(Trouble::Lost);
        }
        if message.epoch > self.epoch || message.number > self.number.saturating_add(1) {
            return Err(Trouble::Missed);
        }
        while let Some((epoch, number, _)) = self.own.front() {
            if *epoch < self.epoch {
                self.own.pop_front();
            } else if *epoch > self.epoch || *number > message.number {
                break;
            } else if *number == message.number && message.origin == me {
                self.own.pop_front();
                break;
            } else {
                // The number that this process was given has gone to another one.
                return Err(Trouble::Lost);
            }
        }
        for what in &message.what {
            self.table.add(what, message.number);
        }
        self.taken = message.number;
        Ok(())
    }

    pub(super) fn advance(&mut self, message: Message) {
        self.number = message.number;
        self.last_id = message.id;
        self.last_origin = Some(message.origin);
    }

    /// Whether to go on behind the last entry, given what the server holds. `Ok(true)`: there is nothing new.
    pub(super) fn resume(&self, check: &Check) -> Result<bool, Trouble> {
        match check.epoch.parse::<u64>() {
            Ok(epoch) if epoch < self.epoch => return Err(Trouble::Lost),
            Ok(epoch) if epoch == self.epoch => {}
            _ => return Err(Trouble::Missed),
        }
        let own = self.own.back().filter(|(epoch, ..)| *epoch == self.epoch);
        if check.number < self.number.max(own.map_or(0, |(_, number, _)| *number)) {
            return Err(Trouble::Lost);
        }
        let Some(origin) = &self.last_origin else {
            return Ok(check.number == self.number);
        };
        if check.entry_origin == *origin && check.entry_number.parse() == Ok(self.number) {
            return Ok(check.number == self.number);
        }
        // Cut off at the old end, as a bounded log is: all ids there are larger. Anything else is another history.
        let mine = id(&self.last_id);
        let trimmed = if check.first_id.is_empty() {
            id(&check.last_id) >= mine
        } else {
            id(&check.first_id) > mine
        };
        match trimmed {
            true if check.number == self.number => Ok(true),
            true => Err(Trouble::Missed),
            false => Err(Trouble::Lost),
        }
    }

    /// Nothing is certain until [`Local::synced`].
    pub(super) fn unsynced(&mut self) {
        self.synced = false;
    }

    /// Begins again with what was read from the server at `since`.
    pub(super) fn reload(&mut self, fresh: Self, since: Moment) {
        let own = std::mem::take(&mut self.own);
        *self = fresh;
        self.taken = self.number;
        for (epoch, number, what) in own {
            if epoch >= self.epoch {
                self.invalidated(epoch, number, what);
            }
        }
        self.confirm(since);
    }

    /// Whether what has been taken in has been passed on as well.
    pub(super) fn is_synced(&self) -> bool {
        self.synced
    }

    pub(super) fn synced(&mut self) {
        self.synced = true;
    }
}

/// An id of the log as what it is ordered by: milliseconds and a counter.
fn id(text: &str) -> (u64, u64) {
    let (time, counter) = text.split_once('-').unwrap_or((text, "0"));
    (time.parse().unwrap_or(0), counter.parse().unwrap_or(0))
}

#[cfg(test)]
#[path = "local_tests.rs"]
mod tests;
