//! Deadlines that cost nothing to move.
//!
//! Every request moves its connection's deadline several times and hardly ever meets it. So moving one is a store
//! into a cell, and a wheel looks at each deadline now and then: at the latest when it is due, and at least once per
//! turn. A connection that finds its deadline passed ends itself.
//! (The lazy half of hashed timing wheels: G. Varghese, T. Lauck, SOSP 1987, scheme 6.)

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::Notify;

use super::clock::Clock;

/// Resolution. Deadlines are met up to this much late, which no time-out measured in seconds minds.
const TICK: Duration = Duration::from_millis(50);
const TICKS_PER_SECOND: u64 = 20;
/// Slots of the wheel: one turn takes 3.2 s.
const SLOTS: u64 = 64;
const NEVER: u64 = u64::MAX;

/// All deadlines of a worker.
pub(crate) struct Timers {
    clock: Rc<Clock>,
    slots: Vec<RefCell<Vec<Rc<Node>>>>,
    /// The first tick that has not been looked at.
    tick: Cell<u64>,
    /// The tick for which [`run`](Self::run) sleeps.
    sleeping_until: Cell<u64>,
    earlier: Notify,
}

struct Node {
    /// When the deadline is, in ticks.
    deadline: Cell<u64>,
    /// In which tick the wheel will look.
    visit: Cell<u64>,
    waker: RefCell<Option<Waker>>,
}

/// One deadline; it is forgotten when dropped.
pub(crate) struct Timer {
    node: Rc<Node>,
    timers: Rc<Timers>,
}

impl Timers {
    pub(crate) fn new(clock: Rc<Clock>) -> Rc<Self> {
        let slots = (0..SLOTS).map(|_| RefCell::default()).collect();
        let tick = Cell::new(ticks(clock.read()));
        Rc::new(Self {
            clock,
            slots,
            tick,
            sleeping_until: Cell::new(NEVER),
            earlier: Notify::new(),
        })
    }

    /// A timer without a deadline.
    pub(crate) fn timer(self: &Rc<Self>) -> Timer {
        let node = Node {
            deadline: Cell::new(NEVER),
            visit: Cell::new(NEVER),
            waker: RefCell::default(),
        };
        Timer {
            node: Rc::new(node),
            timers: Rc::clone(self),
        }
    }

    /// Looks at deadlines for ever.
    pub(crate) async fn run(self: Rc<Self>) {
        loop {
            match self.next_visit() {
                None => {
                    self.sleeping_until.set(NEVER);
                    self.earlier.notified().await;
                }
                Some(tick) => {
                    self.sleeping_until.set(tick);
                    let wait = time_of(tick).saturating_sub(self.clock.read());
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = self.earlier.notified() => {}
                    }
                }
            }
            self.advance(self.clock.read());
        }
    }

    /// Wakes every connection that has a deadline, so that it sees that something has changed.
    pub(crate) fn wake_all(&self) {
        for slot in &self.slots {
            for node in slot.borrow().iter() {
                node.wake();
            }
        }
    }

    fn next_visit(&self) -> Option<u64> {
        let from = self.tick.get();
        (from..from + SLOTS).find(|tick| !self.slot(*tick).borrow().is_empty())
    }

    fn slot(&self, tick: u64) -> &RefCell<Vec<Rc<Node>>> {
        &self.slots[(tick % SLOTS) as usize]
    }

    /// Looks at the deadlines of all ticks up to `now`, also when many were slept through.
    fn advance(&self, now: Duration) {
        let now = ticks_passed(now);
        let from = self.tick.get();
        if now < from {
            return;
        }
        // From here on nodes are scheduled behind `now`.
        self.tick.set(now + 1);
        // All of them are taken before one is visited: a node that is scheduled anew may land in a slot that was due.
        let ticks = from..=now.min(from + SLOTS - 1);
        let due: Vec<_> = ticks.flat_map(|tick| self.slot(tick).take()).collect();
        for node in due {
            self.visit(node, now);
        }
    }

    fn visit(&self, node: Rc<Node>, now: u64) {
        // An entry whose node is to be looked at later is an old one: the other entry counts.
        if node.visit.get() > now || Rc::strong_count(&node) == 1 {
            return;
        }
        node.visit.set(NEVER);
        if node.deadline.get() <= now {
            node.wake();
        } else if node.deadline.get() != NEVER {
            self.schedule(node);
        }
    }

    fn schedule(&self, node: Rc<Node>) {
        let last = self.tick.get() + SLOTS - 1;
        let tick = node.deadline.get().clamp(self.tick.get(), last);
        node.visit.set(tick);
        self.slot(tick).borrow_mut().push(node);
        if tick < self.sleeping_until.get() {
            self.sleeping_until.set(tick);
            self.earlier.notify_one();
        }
    }
}

impl Node {
    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

impl Timer {
    /// Sets the deadline to `after` from `now`, which the caller has read from the clock.
    pub(crate) fn set(&self, now: Duration, after: Duration) {
        let deadline = ticks(now.saturating_add(after));
        self.node.deadline.set(deadline);
        // The wheel looks at least once per turn, so that only a deadline before its next look has to be told.
        if deadline < self.node.visit.get() {
            self.timers.schedule(Rc::clone(&self.node));
        }
    }

    /// The same, unless the deadline is sooner already.
    pub(crate) fn set_sooner(&self, now: Duration, after: Duration) {
        if ticks(now.saturating_add(after)) < self.node.deadline.get() {
            self.set(now, after);
        }
    }

    /// True when the deadline has passed; otherwise the task of `cx` is woken when it has.
    pub(crate) fn is_due(&self, cx: &Context<'_>) -> bool {
        let mut waker = self.node.waker.borrow_mut();
        if !waker
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            *waker = Some(cx.waker().clone());
        }
        self.node.deadline.get() <= ticks_passed(self.timers.clock.recent())
    }

    /// Runs a future until it is done or the deadline has passed (`None`).
    pub(crate) async fn limit<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.is_due(cx) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }
}

impl Drop for Timer {
    /// The wheel may hold the node for a turn; it must not hold the task.
    fn drop(&mut self) {
        self.node.waker.take();
    }
}

/// A moment in ticks, rounded up so that nothing is due early. (Without [`Duration::as_nanos`], whose 128-bit
/// division costs more than all the rest of moving a deadline.)
fn ticks(time: Duration) -> u64 {
    time.as_secs().saturating_mul(TICKS_PER_SECOND)
        + u64::from(time.subsec_nanos().div_ceil(TICK.subsec_nanos()))
}

/// How many ticks have passed at a moment.
fn ticks_passed(time: Duration) -> u64 {
    time.as_secs() * TICKS_PER_SECOND + u64::from(time.subsec_nanos() / TICK.subsec_nanos())
}

fn time_of(tick: u64) -> Duration {
    Duration::from_nanos(tick.saturating_mul(u64::from(TICK.subsec_nanos())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::clock::epoch;

    /// Runs `test` beside a running wheel, on paused time. Both are tasks of their own: the wheel must wake the test's,
    /// which is not polled for any other reason.
    async fn with_timers<F>(test: impl FnOnce(Rc<Timers>, Rc<Clock>) -> F)
    where
        F: Future<Output = ()> + 'static,
    {
        let clock = Rc::new(Clock::new(epoch()));
        let timers = Timers::new(Rc::clone(&clock));
        let tasks = tokio::task::LocalSet::new();
        tasks.spawn_local(Rc::clone(&timers).run());
        let test = tasks.spawn_local(test(timers, clock));
        // A lost deadline is never met: without this limit the test would wait for ever.
        let limit = Duration::from_secs(1_000_000);
        let ended = tasks.run_until(tokio::time::timeout(limit, test)).await;
        ended
            .expect("no deadline is lost")
            .expect("the test does not panic");
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_is_met_within_a_tick_or_two_whether_near_or_many_turns_away() {
        for seconds in [0.01, 0.2, 3.1, 3.3, 75.0, 3600.0] {
            let wanted = Duration::from_secs_f64(seconds);
            with_timers(move |timers, clock| async move {
                let timer = timers.timer();
                let start = clock.read();
                timer.set(start, wanted);
                assert_eq!(timer.limit(std::future::pending::<()>()).await, None);
                let late = (clock.read() - start)
                    .checked_sub(wanted)
                    .expect("never early");
                let most = 2 * TICK + Duration::from_millis(2);
                assert!(late <= most, "{late:?} late after {wanted:?}");
            })
            .await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_can_be_moved_both_ways_while_it_is_waited_for() {
        with_timers(|timers, clock| async move {
            let timer = timers.timer();
            let start = clock.read();
            timer.set(start, Duration::from_secs(60));
            timer.set(start, Duration::from_millis(100));
            assert_eq!(timer.limit(std::future::pending::<()>()).await, None);
            assert!(
                clock.read() - start < Duration::from_secs(1),
                "a sooner deadline counts"
            );

            let start = clock.read();
            timer.set(start, Duration::from_millis(100));
            timer.set(start, Duration::from_secs(20));
            timer.set_sooner(start, Duration::from_secs(30));
            assert_eq!(timer.limit(std::future::pending::<()>()).await, None);
            assert_eq!(
                (clock.read() - start).as_secs(),
                20,
                "a later deadline counts"
            );
            assert_eq!(
                timer.limit(async { 1 }).await,
                Some(1),
                "what is done is not late"
            );
        })
        .await;
    }

    /// The wheel stands still while it is empty, and may be stopped with the machine.
    #[tokio::test(start_paused = true)]
    async fn deadlines_are_met_after_a_quiet_time_and_after_a_jump() {
        with_timers(|timers, clock| async move {
            tokio::time::sleep(Duration::from_secs(10)).await;
            let timer = timers.timer();
            for seconds in [1, 100] {
                let start = clock.read();
                timer.set(start, Duration::from_secs(seconds));
                assert_eq!(timer.limit(std::future::pending::<()>()).await, None);
                assert_eq!((clock.read() - start).as_secs(), seconds);
            }
            let start = clock.read();
            let timers: Vec<_> = (1..20).map(|seconds| (seconds, timers.timer())).collect();
            for (seconds, timer) in &timers {
                timer.set(start, Duration::from_secs(*seconds));
            }
            tokio::time::advance(Duration::from_secs(10)).await;
            for (seconds, timer) in &timers {
                assert_eq!(timer.limit(std::future::pending::<()>()).await, None);
                assert_eq!((clock.read() - start).as_secs(), (*seconds).max(10));
            }
        })
        .await;
    }

    /// A worker that is held up for some ticks looks at several slots at once.
    #[tokio::test(start_paused = true)]
    async fn no_deadline_is_lost_when_several_slots_are_due() {
        const FAR: Duration = Duration::from_secs(30);
        for jump in [60, 120, 500, 1000, 3150, 3200, 6400] {
            with_timers(move |timers, clock| async move {
                let mut waiting = Vec::new();
                for ticks in 0..60 {
                    let (timer, clock) = (timers.timer(), Rc::clone(&clock));
                    let start = clock.read();
                    // The first deadline decides in which slot the wheel looks, the second what it finds there.
                    timer.set(start, ticks * TICK);
                    timer.set(start, FAR);
                    // Each waits in a task of its own, so that nothing but the wheel wakes it.
                    waiting.push(tokio::task::spawn_local(async move {
                        timer.limit(std::future::pending::<()>()).await;
                        clock.read() - start
                    }));
                }
                for _ in 0..3 {
                    tokio::time::advance(Duration::from_millis(jump)).await;
                    tokio::time::sleep(Duration::from_millis(170)).await;
                }
                for waited in waiting {
                    let waited = waited.await.expect("no panic");
                    assert!(
                        waited <= FAR + 3 * TICK,
                        "{waited:?} after jumps of {jump} ms"
                    );
                }
            })
            .await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn dropped_timers_leave_the_wheel() {
        with_timers(|timers, clock| async move {
            for _ in 0..1000 {
                timers.timer().set(clock.read(), Duration::from_secs(100));
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
            assert_eq!(timers.next_visit(), None);
        })
        .await;
    }
}
