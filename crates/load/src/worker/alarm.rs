//! Waking up on time.
//!
//! # The problem
//! The runtime's timers have a resolution of a millisecond and epoll's timeouts another, with the kernel's slack on top. A generator that is a millisecond late
//! with every request measures a service of one millisecond as one of two.
//!
//! # The idea
//! One timerfd per thread, which has the resolution of the kernel's clock, and a heap of who wants to be woken when.
//! What is due within [`TOGETHER`] is woken together, so that a hundred thousand arrivals per second are not as many wake-ups.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Wake-ups are at least so far apart: a tenth of what a start may be late by.
const TOGETHER: Duration = Duration::from_micros(50);

/// The alarm clock of a thread. Times count from the beginning of the test.
pub(crate) struct Alarm {
    start: Instant,
    timer: AsyncFd<OwnedFd>,
    waiting: RefCell<BinaryHeap<Reverse<Entry>>>,
    /// For when the timer is set; the longest time if it is not.
    set: Cell<Duration>,
    /// The latest wake-up.
    last: Cell<Duration>,
    number: Cell<u64>,
}

/// Who waits, ordered by time and then by who came first.
struct Entry {
    due: Duration,
    number: u64,
    waker: Waker,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.number).cmp(&(other.due, other.number))
    }
}

impl Alarm {
    /// Counts from `start`. Needs the runtime of the thread.
    ///
    /// # Errors
    /// When the process may open no more files.
    pub(crate) fn new(start: Instant) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags)?;
        Ok(Self {
            start,
            timer: readable(timer)?,
            waiting: RefCell::default(),
            set: Cell::new(Duration::MAX),
            last: Cell::new(Duration::ZERO),
            number: Cell::new(0),
        })
    }

    /// The time.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Waits until then; returns the time. At once if it is past.
    pub(crate) async fn until(&self, due: Duration) -> Duration {
        let mut is_waiting = false;
        poll_fn(|cx| {
            let now = self.now();
            if now >= due {
                return Poll::Ready(now);
            }
            // A wake-up for another reason changes nothing: this one still comes.
            if !is_waiting {
                is_waiting = true;
                self.enter(due, cx.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    fn enter(&self, due: Duration, waker: Waker) {
        let number = self.number.get();
        self.number.set(number + 1);
        let entry = Entry { due, number, waker };
        self.waiting.borrow_mut().push(Reverse(entry));
        if due < self.set.get() {
            self.set_timer(due);
        }
    }

    fn set_timer(&self, due: Duration) {
        let due = due.max(self.last.get() + TOGETHER);
        self.set.set(due);
        // Nought would switch it off.
        let left = due.saturating_sub(self.now()).max(Duration::from_nanos(1));
        let value = Timespec::try_from(left).unwrap_or(Timespec {
            tv_sec: i64::MAX,
            tv_nsec: 0,
        });
        let once = Itimerspec {
            it_interval: Timespec::default(),
            it_value: value,
        };
        let set = rustix::time::timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once);
        // It fails for times that are none, and these are.
        debug_assert!(set.is_ok(), "{set:?}");
    }

    /// Wakes whoever is due, for ever.
    pub(crate) async fn run(&self) -> io::Result<()> {
        let mut expirations = [0; 8];
        loop {
            let mut ready = self.timer.readable().await?;
            match rustix::io::read(&self.timer, &mut expirations) {
                Err(rustix::io::Errno::AGAIN) => ready.clear_ready(),
                Err(error) => return Err(error.into()),
                // It was read as it is after one read, until it goes off again.
                Ok(_) => ready.clear_ready(),
            }
            self.wake();
        }
    }

    fn wake(&self) {
        let now = self.now();
        self.last.set(now);
        self.set.set(Duration::MAX);
        let mut waiting = self.waiting.borrow_mut();
        while let Some(Reverse(next)) = waiting.peek() {
            if next.due > now {
                self.set_timer(next.due);
                break;
            }
            if let Some(Reverse(entry)) = waiting.pop() {
                entry.waker.wake();
            }
        }
    }
}

/// Its successor is unsafe, because of types that could give another descriptor each time they are asked. An [`OwnedFd`] is its descriptor.
#[expect(deprecated, reason = "sound for this type, and without unsafe")]
fn readable(timer: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(timer, Interest::READABLE)
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use tokio::runtime::{Builder, LocalOptions};

    use super::*;

    #[test]
    fn everybody_is_woken_in_the_order_of_their_times_and_never_early() {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())
            .expect("a runtime");
        runtime.block_on(async {
            let alarm = Rc::new(Alarm::new(Instant::now()).expect("a timer"));
            let clock = Rc::clone(&alarm);
            tokio::task::spawn_local(async move { clock.run().await });
            let woken = Rc::new(RefCell::new(Vec::new()));
            let mut tasks = Vec::new();
            for millis in [30, 10, 20, 0, 10, 25] {
                let (alarm, woken) = (Rc::clone(&alarm), Rc::clone(&woken));
                tasks.push(tokio::task::spawn_local(async move {
                    let due = Duration::from_millis(millis);
                    let now = alarm.until(due).await;
                    assert!(now >= due);
                    woken.borrow_mut().push(millis);
                }));
            }
            for task in tasks {
                task.await.expect("no panic");
            }
            assert_eq!(*woken.borrow(), [0, 10, 10, 20, 25, 30]);
        });
    }
}
