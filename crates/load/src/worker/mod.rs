//! One thread that makes load: its users, its connections, what it puts down.
//!
//! # The idea
//! A user is one task with a connection of its own ([`seat`]). In an open model arrivals are handed to seats that are free (the one that
//! became free last, whose connection is warm), to new ones while there may be more, and otherwise to a queue; in a closed
//! model each seat is there from when to when the test says. Nothing is shared with other threads but what [`Shared`] counts.
//!
//! Time-outs cost a request two stores: every 20 ms one task looks at all seats ([`Thread::watch`]), which also counts how many requests
//! are under way.

mod alarm;
mod seat;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, LocalOptions};

use crate::record::{Batch, Recorder};
use crate::scenario::{Outgoing, Shared, User};
use crate::schedule::{self, Arrival, Part, Schedule};
use crate::test::{Target, Test};
use crate::transport::encode::Encoded;
use crate::transport::{Network, Tls};
use alarm::Alarm;
use seat::Seat;

/// How often time-outs are looked at, and requests under way are counted.
const LOOK: Duration = Duration::from_millis(20);
/// Arrivals that are handed out before others have their turn, when the thread is behind.
const AT_ONCE: u32 = 32;

/// What a thread is told.
pub(crate) struct Plan {
    pub(crate) test: Arc<Test>,
    pub(crate) shared: Arc<Shared>,
    /// The test's, with its protocol settled.
    pub(crate) target: Target,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) tls: Option<Tls>,
    pub(crate) index: usize,
    /// When the first phase begins.
    pub(crate) start: Instant,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) batches: Sender<(usize, Batch)>,
}

/// What a thread's tasks share.
pub(crate) struct Thread {
    test: Arc<Test>,
    shared: Arc<Shared>,
    network: Rc<Network>,
    alarm: Alarm,
    recorder: RefCell<Recorder>,
    /// Every seat there is.
    seats: RefCell<Vec<Rc<Seat>>>,
    /// Open model: seats without an arrival, the latest last.
    free: RefCell<Vec<Rc<Seat>>>,
    /// Open model: arrivals without a seat.
    queue: RefCell<VecDeque<Arrival>>,
    /// Most seats.
    most: usize,
    part: Part,
    /// Index of each scenario's first step.
    first_step: Vec<usize>,
    /// Requests that are always the same, by step.
    constant: Vec<Option<(Encoded, Outgoing)>>,
    in_flight: Cell<u32>,
    /// Seats with a session.
    busy: Cell<u32>,
    /// Whether nobody begins anything any more.
    is_over: Cell<bool>,
    stop: Arc<AtomicBool>,
    end: Duration,
}

impl Plan {
    /// Makes the thread's share of the load; what it saw is sent second by second.
    ///
    /// # Errors
    /// When the system has no resources for it.
    pub(crate) fn run(self) -> io::Result<()> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())?;
        runtime.block_on(async {
            let (index, batches) = (self.index, self.batches.clone());
            let start = self.start;
            let thread = Rc::new(self.thread()?);
            // There is nothing else to do, and time before the beginning is none.
            std::thread::sleep(start.saturating_duration_since(Instant::now()));
            let load = thread.make_load();
            tokio::select! {
                () = load => {}
                failed = thread.alarm.run() => failed?,
                () = thread.watch(index, &batches) => {}
            }
            let batch = thread.last_batch();
            // If nobody listens any more nobody wants it.
            let _ended = batches.send((index, batch));
            Ok(())
        })
    }

    fn thread(self) -> io::Result<Thread> {
        let test = self.test;
        let mut first_step = Vec::new();
        let mut steps = Vec::new();
        for scenario in &test.scenarios {
            first_step.push(steps.len());
            steps.extend(&scenario.steps);
        }
        let mut user = User::new(&test, &self.shared, 0);
        let mut constant = Vec::with_capacity(steps.len());
        for step in &steps {
            let mut outgoing = Outgoing::default();
            let is_ready = test.replay.is_none()
                && step.is_constant()
                && user.prepare(step, &mut outgoing).is_ok();
            constant.push(is_ready.then(|| {
                let mut encoded = Encoded::default();
                encoded.encode(&outgoing, &test.target);
                (encoded, outgoing)
            }));
        }
        let warm_ups = test.phases.iter().map(|phase| phase.is_warm_up).collect();
        let recorder = Recorder::new(steps.len(), warm_ups);
        let share = |all: usize| all / test.threads + usize::from(self.index < all % test.threads);
        let most = share(test.target.connections).max(1);
        let network = Network::new(&self.target, self.addresses, self.tls, most, self.index);
        Ok(Thread {
            shared: self.shared,
            network,
            alarm: Alarm::new(self.start)?,
            recorder: RefCell::new(recorder),
            seats: RefCell::default(),
            free: RefCell::default(),
            queue: RefCell::default(),
            most,
            part: Part::new(test.shard, self.index, test.threads),
            first_step,
            constant,
            in_flight: Cell::new(0),
            busy: Cell::new(0),
            is_over: Cell::new(false),
            stop: self.stop,
            end: test.duration(),
            test,
        })
    }
}

impl Thread {
    /// Until everything is answered, or nobody waits for it any longer.
    async fn make_load(self: &Rc<Self>) {
        if self.test.is_open() {
            self.admit_arrivals().await;
        } else {
            self.admit_users();
        }
        if !self.is_over.get() {
            self.alarm.until(self.end).await;
            self.is_over.set(true);
        }
        // Looked at as often as everything else; `watch` ends what takes longer.
        while self.busy.get() > 0 {
            let soon = self.alarm.now() + Duration::from_millis(1);
            self.alarm.until(soon).await;
        }
    }

    async fn admit_arrivals(self: &Rc<Self>) {
        let test = &self.test;
        match &test.replay {
            Some(replay) => {
                let numbers = self.part.numbers(replay.count() as u64);
                let arrivals = numbers.map(|number| Arrival {
                    // A number of what is in memory.
                    due: replay.request(number as usize).due,
                    phase: 0,
                    number,
                });
                self.admit_all(arrivals).await;
            }
            None => {
                let schedule = Schedule::new(&test.phases, test.arrivals, test.seed, self.part);
                self.admit_all(schedule).await;
            }
        }
    }

    async fn admit_all(self: &Rc<Self>, arrivals: impl Iterator<Item = Arrival>) {
        let mut at_once = 0;
        for arrival in arrivals {
            if self.alarm.now() < arrival.due {
                self.alarm.until(arrival.due).await;
                at_once = 0;
            } else if at_once >= AT_ONCE {
                tokio::task::yield_now().await;
                at_once = 0;
            }
            if self.is_over.get() {
                return;
            }
            at_once += 1;
            self.admit(arrival);
        }
    }

    fn admit(self: &Rc<Self>, arrival: Arrival) {
        self.recorder.borrow_mut().batch.arrivals += 1;
        let free = self.free.borrow_mut().pop();
        if let Some(seat) = free {
            seat.give(arrival);
        } else if self.seats.borrow().len() < self.most {
            let seat = Rc::new(Seat::default());
            seat.give(arrival);
            self.seats.borrow_mut().push(Rc::clone(&seat));
            tokio::task::spawn_local(seat::serve_arrivals(Rc::clone(self), seat));
        } else {
            self.recorder.borrow_mut().batch.waited += 1;
            self.queue.borrow_mut().push_back(arrival);
        }
    }

    /// Begins a task for each user that is there at some time.
    fn admit_users(self: &Rc<Self>) {
        let users = schedule::most_users(&self.test.phases);
        for number in self.part.numbers(u64::from(users)) {
            let seat = Rc::new(Seat::default());
            self.seats.borrow_mut().push(Rc::clone(&seat));
            // A user's number came from a 32 bit one.
            let number = number as u32;
            tokio::task::spawn_local(seat::be_a_user(Rc::clone(self), seat, number));
        }
    }

    /// Ends what takes too long, counts what is under way, and hands over what was seen, for ever.
    async fn watch(&self, index: usize, batches: &Sender<(usize, Batch)>) {
        let mut next = LOOK;
        let mut random = fastrand::Rng::with_seed(self.test.seed);
        let mut second = 0;
        let mut meter = Meter::new(self.alarm.now());
        loop {
            let now = self.alarm.until(next).await;
            // At times of its own: what arrives evenly must not always be seen at the same moment.
            next = now + LOOK.mul_f64(0.5 + random.f64());
            let is_stopped = self.stop.load(Ordering::Relaxed);
            let grace_ends = self.end + self.test.grace;
            if is_stopped || now >= self.end {
                self.is_over.set(true);
            }
            // Who was told to end does not wait for others.
            if is_stopped || now >= grace_ends {
                self.expire(Duration::MAX);
                return;
            }
            self.expire(now);
            if let Some((phase, _)) = schedule::phase_at(&self.test.phases, now) {
                self.recorder
                    .borrow_mut()
                    .sample(phase, self.in_flight.get());
            }
            if now.as_secs() > second {
                second = now.as_secs();
                let batch = self.batch(second as usize, now, &mut meter);
                if batches.send((index, batch)).is_err() {
                    return;
                }
            }
        }
    }

    /// Wakes those whose request has taken too long at that time.
    fn expire(&self, now: Duration) {
        for seat in self.seats.borrow().iter() {
            seat.expire(now);
        }
    }

    fn batch(&self, next: usize, now: Duration, meter: &mut Meter) -> Batch {
        let mut batch = self.recorder.borrow_mut().take(next);
        batch.users = self.busy.get();
        batch.in_flight = self.in_flight.get();
        (batch.cpu, batch.wall) = meter.read(now);
        batch
    }

    /// What there is when all is over: who still has no answer never got one.
    fn last_batch(&self) -> Batch {
        let now = self.alarm.now();
        for seat in self.seats.borrow().iter() {
            seat.abandon(self, now);
        }
        let mut batch = self.recorder.borrow_mut().take(0);
        batch.dropped = self.queue.borrow().len() as u64;
        batch.is_last = true;
        batch
    }
}

/// CPU time of this thread.
struct Meter {
    cpu: Duration,
    wall: Duration,
}

impl Meter {
    fn new(now: Duration) -> Self {
        Self {
            cpu: thread_time(),
            wall: now,
        }
    }

    /// CPU and time since the last look.
    fn read(&mut self, now: Duration) -> (Duration, Duration) {
        let cpu = thread_time();
        let passed = (cpu.saturating_sub(self.cpu), now.saturating_sub(self.wall));
        (self.cpu, self.wall) = (cpu, now);
        passed
    }
}

fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
