//! A bound on how much of something goes on at the same time, and a queue in front of it.
//!
//! # The problem
//! A service that gets more than it can do does less than it could: it works on too much at once, all of it takes longer, and what
//! clients have given up on is still worked on. And whatever is slow takes all places that there are, so that one bad neighbour sinks
//! the ship. A bulkhead lets in as many as the service can work on, has a few wait ([`Queue`]), and says no to the others at once, which costs
//! next to nothing.
//!
//! # The idea
//! All threads share one word: how many of each class are inside, and whether somebody waits. Getting in is a compare-and-swap of it,
//! getting out a subtraction. Only when somebody waits is there a lock, behind which the queue decides who is next; whoever leaves
//! hands its place on. The word's flag is set and cleared under the lock only, and a place is looked for again after it
//! was set: of the two who meet, the one who leaves sees the flag, or the one who waits sees the place. So no wake-up is lost.
//!
//! # Classes
//! Higher classes go first in the queue. Besides, while something higher was seen in the last second, bulk requests leave a
//! [`reserve`](Settings::reserve) of the places free, so that slow ones cannot hold all of them. At all other times the reserve is theirs too: a place that
//! nobody uses helps nobody.
//!
//! # The trade-off
//! A strict limit has to be right: too low and a service stands idle, too high and it is no limit. If nobody knows, let it be
//! found ([`Adaptive`]).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::concurrency::{Adaptive, Bounds};
use super::priority::Priority;
use super::queue::{Gone, Queue, QueuePolicy, Shed, Ticket};

/// The highest limit.
pub const MOST: u32 = (1 << BITS) - 1;

/// Bits of the word that count the places of one class.
const BITS: u32 = 21;
/// Somebody waits.
const WAITS: u64 = 1 << 63;

/// How many places there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// As many, 1 to [`MOST`].
    Fixed(u32),
    /// As many as are good for the service, within bounds.
    Adaptive(Bounds),
}

/// How a bulkhead works.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// How many places there are.
    pub limit: Limit,
    /// Those who wait.
    pub queue: QueuePolicy,
    /// The share of the places that bulk requests leave free while others come: 0 to 1.
    pub reserve: f64,
}

impl Settings {
    /// With the usual queue and a reserve of a tenth.
    #[must_use]
    pub fn new(limit: Limit) -> Self {
        Self {
            limit,
            queue: QueuePolicy::default(),
            reserve: 0.1,
        }
    }
}

/// A bound on what goes on at the same time, shared by any number of threads.
pub struct Bulkhead {
    /// Three counts of [`BITS`] bits, the highest class lowest, and [`WAITS`].
    word: AtomicU64,
    limit: AtomicU32,
    /// In thousandths.
    reserve: AtomicU32,
    /// The second in which something higher than bulk came last, as [`second`] counts.
    higher_seen: AtomicU32,
    is_adaptive: AtomicBool,
    adaptive: Adaptive,
    inner: Mutex<Inner>,
}

struct Inner {
    queue: Queue<Arc<Waiter>>,
    /// The latest time that anybody has told.
    latest: Duration,
}

/// Somebody who waits.
#[derive(Debug)]
struct Waiter(Mutex<Standing>);

#[derive(Debug)]
enum Standing {
    Waits(Option<Waker>),
    /// It has a place.
    Granted,
    Shed(Shed),
    /// It knows, or does not want to know any more.
    Over,
}

impl Waiter {
    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets what became of it; whoever is to be woken is returned, to be woken when no lock is held.
    fn settle(&self, standing: Standing) -> Option<Waker> {
        match std::mem::replace(&mut *self.lock(), standing) {
            Standing::Waits(waker) => waker,
            _ => None,
        }
    }
}

impl Bulkhead {
    /// A bulkhead in which nobody is.
    #[must_use]
    pub fn new(settings: &Settings) -> Arc<Self> {
        let bulkhead = Self {
            word: AtomicU64::new(0),
            limit: AtomicU32::new(1),
            reserve: AtomicU32::new(0),
            higher_seen: AtomicU32::new(0),
            is_adaptive: AtomicBool::new(false),
            adaptive: Adaptive::default(),
            inner: Mutex::new(Inner {
                queue: Queue::new(settings.queue),
                latest: Duration::ZERO,
            }),
        };
        bulkhead.configure(settings);
        Arc::new(bulkhead)
    }

    /// Works otherwise from now on. Whoever is inside stays; a limit that was found stays where the bounds allow.
    pub fn configure(&self, settings: &Settings) {
        let share = (settings.reserve.clamp(0.0, 1.0) * 1000.0) as u32;
        self.reserve.store(share, Relaxed);
        let limit = match settings.limit {
            Limit::Fixed(limit) => limit,
            Limit::Adaptive(bounds) => self.adaptive.configure(bounds),
        };
        let mut inner = self.lock();
        // Under the lock, so that a limit that was just found for the old settings does not come after it.
        self.limit.store(limit.clamp(1, MOST), SeqCst);
        let is_adaptive = matches!(settings.limit, Limit::Adaptive(_));
        self.is_adaptive.store(is_adaptive, Relaxed);
        inner.queue.set_policy(settings.queue);
        let now = inner.latest;
        self.hand_on(inner, now);
    }

    /// Takes a place if one is free and nobody waits for it; true if it did, and then [`leave`](Self::leave) or [`finish`](Self::finish) has to follow.
    #[must_use = "whoever has a place has to leave it"]
    #[inline]
    pub fn try_enter(&self, priority: Priority, now: Duration) -> bool {
        self.see(priority, now);
        let limit = self.limit.load(Relaxed);
        let mut word = self.word.load(Relaxed);
        loop {
            if word & WAITS != 0 || !self.has_place(word, limit, priority, now) {
                return false;
            }
            let next = word + one(priority);
            match self.word.compare_exchange_weak(word, next, SeqCst, Relaxed) {
                Ok(_) => return true,
                Err(other) => word = other,
            }
        }
    }

    /// Takes a place if one is free and nobody waits for it.
    #[must_use]
    pub fn try_acquire(self: &Arc<Self>, priority: Priority, now: Duration) -> Option<Permit> {
        self.try_enter(priority, now).then(|| Permit {
            bulkhead: Some(Arc::clone(self)),
            priority,
        })
    }

    /// Takes a place, or waits for one: until `deadline` at most, and no longer than the queue allows.
    ///
    /// # Errors
    /// Why it must not even wait.
    pub fn acquire(
        self: &Arc<Self>,
        priority: Priority,
        now: Duration,
        deadline: Option<Duration>,
    ) -> Result<Acquire, Shed> {
        if let Some(permit) = self.try_acquire(priority, now) {
            return Ok(Acquire::Permit(permit));
        }
        self.wait(priority, now, deadline).map(Acquire::Waiting)
    }

    /// Waits for a place. The same as [`acquire`](Self::acquire) for whoever knows that none is free.
    ///
    /// # Errors
    /// Why it must not even wait.
    pub fn wait(
        self: &Arc<Self>,
        priority: Priority,
        now: Duration,
        deadline: Option<Duration>,
    ) -> Result<Waiting, Shed> {
        let waiter = Arc::new(Waiter(Mutex::new(Standing::Waits(None))));
        let mut gone = Gone::new();
        let mut inner = self.lock();
        inner.latest = inner.latest.max(now);
        let counts = split(self.word.load(SeqCst));
        inner.queue.sweep(now, counts, &mut gone);
        let timeout = inner.queue.policy().timeout;
        let pushed = inner
            .queue
            .push(Arc::clone(&waiter), priority, now, deadline, &mut gone);
        if pushed.is_ok() {
            // From here on whoever leaves comes to the lock; whoever left before has left a place that is found now.
            self.word.fetch_or(WAITS, SeqCst);
        }
        self.hand_on(inner, now);
        tell(gone);
        let ticket = pushed.map_err(|(_, shed)| shed)?;
        let latest = now.saturating_add(timeout);
        Ok(Waiting {
            bulkhead: Arc::clone(self),
            waiter,
            ticket,
            priority,
            deadline: deadline.map_or(latest, |it| it.min(latest)),
        })
    }

    /// Gives a place back that was got by [`try_enter`](Self::try_enter), and says nothing about how it went.
    #[inline]
    pub fn leave(&self, priority: Priority) {
        let before = self.word.fetch_sub(one(priority), SeqCst);
        if before & WAITS != 0 {
            let inner = self.lock();
            let now = inner.latest;
            self.hand_on(inner, now);
        }
    }

    /// Gives a place back at `now`. `is_good`: the service has done what was asked of it; errors, timeouts and refusals of its own are not.
    #[inline]
    pub fn finish(&self, priority: Priority, now: Duration, is_good: bool) {
        let before = self.word.fetch_sub(one(priority), SeqCst);
        if self.is_adaptive.load(Relaxed) {
            let limit = self.limit.load(Relaxed);
            let in_flight = total(before);
            if let Some(found) = self.adaptive.observe(now, is_good, in_flight, limit) {
                self.find(found);
            }
        }
        if before & WAITS != 0 {
            let mut inner = self.lock();
            inner.latest = inner.latest.max(now);
            self.hand_on(inner, now);
        }
    }

    /// Takes over a limit that was found, unless the limit is fixed by now.
    #[cold]
    fn find(&self, found: u32) {
        let _nobody_configures = self.lock();
        if self.is_adaptive.load(Relaxed) {
            self.limit.store(found.clamp(1, MOST), SeqCst);
        }
    }

    /// Remembers that something higher than bulk came.
    #[inline]
    fn see(&self, priority: Priority, now: Duration) {
        if priority != Priority::Bulk && self.seconds_since_higher(now) > 0 {
            self.higher_seen.store(second(now), Relaxed);
        }
    }

    /// Seconds that have begun since something higher than bulk came; 0 or less for whoever is late.
    #[inline]
    fn seconds_since_higher(&self, now: Duration) -> i32 {
        let seen = self.higher_seen.load(Relaxed);
        second(now).wrapping_sub(seen) as i32
    }

    #[inline]
    fn has_place(&self, word: u64, limit: u32, priority: Priority, now: Duration) -> bool {
        if total(word) >= limit {
            return false;
        }
        if priority != Priority::Bulk {
            return true;
        }
        let is_pressed = self.seconds_since_higher(now) <= 1;
        let reserve = u64::from(limit) * u64::from(self.reserve.load(Relaxed)) / 1000;
        let most = (u64::from(limit) - reserve).max(1);
        !is_pressed || u64::from(split(word)[Priority::Bulk as usize]) < most
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here can be left half done by a panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives free places to those who wait, and wakes them when the lock is free again.
    fn hand_on(&self, mut inner: MutexGuard<'_, Inner>, now: Duration) {
        let mut gone = Gone::new();
        let mut granted = Vec::new();
        let limit = self.limit.load(SeqCst);
        while let Some(first) = inner.queue.first() {
            // While the flag is set nobody comes in but from here: the counts can only fall.
            let word = self.word.load(SeqCst);
            if !self.has_place(word, limit, first, now) {
                inner.queue.sweep(now, split(word), &mut gone);
                break;
            }
            // Whoever was first may be given up for its age, and then somebody of a lower class is.
            let popped = inner.queue.pop(now, split(word), first, &mut gone);
            if let Some((waiter, priority)) = popped {
                self.word.fetch_add(one(priority), SeqCst);
                granted.extend(waiter.settle(Standing::Granted));
            }
        }
        if inner.queue.is_empty() {
            self.word.fetch_and(!WAITS, SeqCst);
        }
        drop(inner);
        granted.into_iter().for_each(Waker::wake);
        tell(gone);
    }

    /// How many may be inside at the moment.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit.load(Relaxed)
    }

    /// True if the limit is found by itself.
    #[must_use]
    pub fn is_adaptive(&self) -> bool {
        self.is_adaptive.load(Relaxed)
    }

    /// How many are inside.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        total(self.word.load(Relaxed))
    }

    /// How many of each class wait, in the order of [`Priority::ALL`].
    #[must_use]
    pub fn waiting(&self) -> [usize; 3] {
        let inner = self.lock();
        Priority::ALL.map(|priority| inner.queue.len_of(priority))
    }
}

impl fmt::Debug for Bulkhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulkhead")
            .field("limit", &self.limit())
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}

/// Tells those who were given up.
fn tell(gone: Gone<Arc<Waiter>>) {
    for (waiter, _, shed) in gone {
        if let Some(waker) = waiter.settle(Standing::Shed(shed)) {
            waker.wake();
        }
    }
}

/// Which second it is; the first one is 2, so that nothing was seen in it or the one before.
fn second(now: Duration) -> u32 {
    (now.as_secs() as u32).wrapping_add(2)
}

const fn one(priority: Priority) -> u64 {
    1 << (BITS * priority as u32)
}

fn split(word: u64) -> [u32; 3] {
    [0, 1, 2].map(|class| (word >> (BITS * class)) as u32 & MOST)
}

fn total(word: u64) -> u32 {
    split(word).iter().sum()
}

/// A place, or a place in the queue.
#[derive(Debug)]
pub enum Acquire {
    /// A place.
    Permit(Permit),
    /// To be awaited.
    Waiting(Waiting),
}

/// A place; given back when dropped.
#[derive(Debug)]
#[must_use = "a permit that is dropped is given back"]
pub struct Permit {
    /// Missing when it was given back, or is kept.
    bulkhead: Option<Arc<Bulkhead>>,
    priority: Priority,
}

impl Permit {
    /// Gives it back and says how it went; an adaptive limit learns from that. See [`Bulkhead::finish`].
    pub fn finish(mut self, now: Duration, is_good: bool) {
        if let Some(bulkhead) = self.bulkhead.take() {
            bulkhead.finish(self.priority, now, is_good);
        }
    }

    /// Keeps the place without a handle to it: [`Bulkhead::leave`] or [`Bulkhead::finish`] has to follow.
    pub fn keep(mut self) {
        self.bulkhead = None;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(bulkhead) = &self.bulkhead {
            bulkhead.leave(self.priority);
        }
    }
}

/// A place in the queue. As a future it is ready when there is a permit or none is to be had; dropped, it leaves nothing behind.
///
/// It knows no clock: whoever awaits it calls [`give_up`](Self::give_up) when its [`deadline`](Self::deadline) has passed.
#[derive(Debug)]
#[must_use = "it waits in vain if nobody awaits it"]
pub struct Waiting {
    bulkhead: Arc<Bulkhead>,
    waiter: Arc<Waiter>,
    ticket: Ticket,
    priority: Priority,
    deadline: Duration,
}

impl Waiting {
    /// Until when it waits.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Waits no longer, unless there is a permit already.
    ///
    /// # Errors
    /// Why there is none.
    pub fn give_up(self, now: Duration) -> Result<Permit, Shed> {
        match self.settled() {
            Some(result) => result,
            None => {
                let mut inner = self.bulkhead.lock();
                inner.latest = inner.latest.max(now);
                drop(inner);
                // Dropping it takes it out of the queue; what was granted in between is handed on.
                Err(Shed::Deadline)
            }
        }
    }

    /// What became of it, if that is known; then it is over.
    fn settled(&self) -> Option<Result<Permit, Shed>> {
        let mut standing = self.waiter.lock();
        let result = match &*standing {
            Standing::Waits(_) => return None,
            Standing::Granted => Ok(Permit {
                bulkhead: Some(Arc::clone(&self.bulkhead)),
                priority: self.priority,
            }),
            Standing::Shed(shed) => Err(*shed),
            Standing::Over => Err(Shed::Deadline),
        };
        *standing = Standing::Over;
        Some(result)
    }
}

impl Future for Waiting {
    type Output = Result<Permit, Shed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(result) = self.settled() {
            return Poll::Ready(result);
        }
        if let Standing::Waits(waker) = &mut *self.waiter.lock() {
            match waker {
                Some(known) if known.will_wake(cx.waker()) => {}
                _ => *waker = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        }
        // It was settled between the two looks.
        self.settled().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Standing::Over | Standing::Shed(_) = &*self.waiter.lock() {
            return;
        }
        let mut inner = self.bulkhead.lock();
        let is_waiting = inner.queue.remove(self.ticket).is_some();
        let now = inner.latest;
        self.bulkhead.hand_on(inner, now);
        let is_granted = matches!(&*self.waiter.lock(), Standing::Granted);
        // Granted, and nobody took it: somebody else can use it.
        if !is_waiting && is_granted {
            self.bulkhead.leave(self.priority);
        }
    }
}

#[cfg(test)]
#[path = "bulkhead_tests.rs"]
mod tests;
