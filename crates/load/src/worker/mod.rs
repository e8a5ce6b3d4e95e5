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
mod backlog;
mod meter;
mod seat;

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, LocalOptions};

use crate::record::{Batch, Recorder};
use crate::scenario::{Outgoing, Shared, User};
use crate::schedule::{self, Arrival, Part, Schedule};
use crate::test::{Target, Test};
use crate::transport::encode::Encoded;
use crate::transport::{Network, Tls};
use alarm::Alarm;
use backlog::Backlog;
use meter::Meter;
use seat::Seat;

/// How often time-outs are looked at, and requests under way are counted.
const LOOK: Duration = Duration::from_millis(20);
/// Arrivals that are handed out before others have their turn, when the thread is behind.
const AT_ONCE: u32 = 32;
/// How long answers are waited for after a test was told to end (at most the test's grace): requests that a healthy server is about to
/// answer are no timeouts, and nobody who pressed Ctrl-C waits for long.
const LAST_WAIT: Duration = Duration::from_secs(1);

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

/// How many requests are under way, and for how long so many were.
#[derive(Default)]
struct InFlight {
    count: Cell<u32>,
    /// Since when it is as many.
    since: Cell<Duration>,
    /// Requests times seconds until then, since the last look.
    area: Cell<f64>,
}

impl InFlight {
    fn get(&self) -> u32 {
        self.count.get()
    }

    /// One more or one less.
    fn change(&self, now: Duration, by: i32) {
        self.pass(now);
        self.count.set(self.count.get().saturating_add_signed(by));
    }

    fn pass(&self, now: Duration) {
        let passed = now.saturating_sub(self.since.get()).as_secs_f64();
        self.area
            .set(self.area.get() + f64::from(self.count.get()) * passed);
        self.since.set(now.max(self.since.get()));
    }

    /// Requests times seconds since the last call.
    fn area(&self, now: Duration) -> f64 {
        self.pass(now);
        self.area.take()
    }
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
    queue: RefCell<Backlog>,
    /// Most seats.
    most: usize,
    part: Part,
    /// Index of each scenario's first step.
    first_step: Vec<usize>,
    /// Requests that are always the same, by step.
    constant: Vec<Option<(Encoded, Outgoing)>>,
    in_flight: InFlight,
    /// Seats with a session, or with an arrival that is about to begin one.
    busy: Cell<u32>,
    /// Whether nobody begins anything any more.
    is_over: Cell<bool>,
    /// Whether a task ended by a panic: its numbers are gone.
    is_broken: Cell<bool>,
    meter: RefCell<Meter>,
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
            thread.meter.replace(Meter::new(thread.alarm.now()));
            let load = thread.make_load();
            tokio::select! {
                () = load => {}
                failed = thread.alarm.run() => failed?,
                () = thread.watch(index, &batches) => {}
            }
            if thread.is_broken.get() {
                let message = "a user of the generator ended by a defect; please report it";
                return Err(io::Error::other(message));
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
            in_flight: InFlight::default(),
            busy: Cell::new(0),
            is_over: Cell::new(false),
            is_broken: Cell::new(false),
            meter: RefCell::new(Meter::new(Duration::ZERO)),
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
        let mut arrivals = match &test.replay {
            Some(replay) => Schedule::replaying(Arc::clone(replay), self.part),
            None => Schedule::new(&test.phases, test.arrivals, test.seed, self.part),
        };
        let mut at_once = 0;
        while let Some(arrival) = arrivals.next() {
            let mut now = self.alarm.now();
            if now < arrival.due {
                now = self.alarm.until(arrival.due).await;
                at_once = 0;
            } else if at_once >= AT_ONCE {
                tokio::task::yield_now().await;
                at_once = 0;
            }
            // Who came before the end is let in also if the thread wakes a little late for that.
            let is_late = self.stop.load(Ordering::Relaxed) || now > self.end + LOOK;
            if self.is_over.get() && is_late {
                self.miss(&arrival, &arrivals, now.min(self.end));
                return;
            }
            at_once += 1;
            self.admit(arrival, &arrivals);
        }
    }

    /// What was due until the end and was not even looked at, because the thread was too slow.
    fn miss(&self, next: &Arrival, behind: &Schedule, end: Duration) {
        if next.due < end {
            let missed = 1 + behind.left(end);
            let batch = &mut self.recorder.borrow_mut().batch;
            batch.arrivals += missed;
            batch.dropped += missed;
        }
    }

    fn admit(self: &Rc<Self>, arrival: Arrival, schedule: &Schedule) {
        self.recorder.borrow_mut().batch.arrivals += 1;
        let free = self.free.borrow_mut().pop();
        if let Some(seat) = free {
            self.busy.set(self.busy.get() + 1);
            seat.give(arrival);
        } else if self.seats.borrow().len() < self.most {
            self.busy.set(self.busy.get() + 1);
            let seat = Rc::new(Seat::default());
            seat.give(arrival);
            self.seats.borrow_mut().push(Rc::clone(&seat));
            tokio::task::spawn_local(seat::serve_arrivals(Rc::clone(self), seat));
        } else {
            self.recorder.borrow_mut().batch.waited += 1;
            self.queue.borrow_mut().push(arrival, schedule);
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

    /// Ends what takes too long, counts what is under way, and hands over what was seen, until nobody waits for answers any longer.
    async fn watch(&self, index: usize, batches: &Sender<(usize, Batch)>) {
        let mut next = LOOK;
        let mut random = fastrand::Rng::with_seed(self.test.seed);
        let mut second = 0;
        let mut last = self.end.saturating_add(self.test.grace);
        let mut is_stopped = false;
        loop {
            let now = self.alarm.until(next).await;
            // At times of its own: what arrives evenly must not always be seen at the same moment.
            next = now + LOOK.mul_f64(0.5 + random.f64());
            // Whoever was told to end waits for what is under way, and not for who thinks.
            if now >= last || self.is_broken.get() || (is_stopped && self.in_flight.get() == 0) {
                self.expire(Duration::MAX);
                return;
            }
            if !is_stopped && self.stop.load(Ordering::Relaxed) {
                is_stopped = true;
                last = last.min(now + self.test.grace.min(LAST_WAIT));
            }
            if is_stopped || now >= self.end {
                self.is_over.set(true);
            }
            self.expire(now);
            self.measure(now);
            if now.as_secs() > second {
                second = now.as_secs();
                let batch = self.batch(second as usize);
                if batches.send((index, batch)).is_err() {
                    return;
                }
            }
        }
    }

    /// Puts down what is under way, and the CPU time since the last look.
    fn measure(&self, now: Duration) {
        let spent = self.meter.borrow_mut().read(now);
        let mut recorder = self.recorder.borrow_mut();
        let phases = &self.test.phases;
        let phase = schedule::phase_at(phases, now).map(|(phase, _)| phase);
        if let Some(phase) = phase {
            recorder.under_way(phase, self.in_flight.area(now), spent.wall.as_secs_f64());
        }
        // A look that began before the end belongs to the last phase; what comes behind is no load.
        let is_load = now.saturating_sub(spent.wall) < self.end;
        recorder.spent(phase.or(is_load.then(|| phases.len() - 1)), spent);
    }

    /// Wakes those whose request has taken too long at that time.
    fn expire(&self, now: Duration) {
        for seat in self.seats.borrow().iter() {
            seat.expire(now);
        }
    }

    fn batch(&self, next: usize) -> Batch {
        let mut batch = self.recorder.borrow_mut().take(next);
        batch.users = self.busy.get();
        batch.in_flight = self.in_flight.get();
        batch
    }

    /// What there is when all is over: who still has no answer never got one.
    fn last_batch(&self) -> Batch {
        let now = self.alarm.now();
        self.measure(now);
        let mut unbegun = self.queue.borrow().len();
        for seat in self.seats.borrow().iter() {
            seat.abandon(self, now);
            unbegun += u64::from(seat.has_arrival());
        }
        let mut batch = self.recorder.borrow_mut().take(0);
        batch.dropped += unbegun;
        batch.is_last = true;
        batch
    }
}
