//! One user at a time: a session after the other, over one connection.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::Thread;
use crate::record;
use crate::results::ErrorKind;
use crate::scenario::{Answer, OnFailure, Outgoing, Step, User};
use crate::schedule::{self, Arrival};
use crate::test::Mix;
use crate::transport::{Client, Failure, Request, Traffic};

/// Who cannot connect, or has nothing to send, waits so long before the next attempt: a server that is gone is not
/// helped by a hundred thousand attempts per second, and the numbers say the same.
const PAUSE: Duration = Duration::from_millis(100);

/// What others know of a user's task.
#[derive(Default)]
pub(super) struct Seat {
    /// What it is to do next.
    arrival: Cell<Option<Arrival>>,
    waker: RefCell<Option<Waker>>,
    /// The request that is under way, and when it will have taken too long.
    under_way: Cell<Option<(UnderWay, Duration)>>,
    is_expired: Cell<bool>,
}

#[derive(Clone, Copy)]
struct UnderWay {
    phase: usize,
    step: usize,
    due: Duration,
    sent: Duration,
}

impl Seat {
    /// Gives it an arrival.
    pub(super) fn give(&self, arrival: Arrival) {
        self.arrival.set(Some(arrival));
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Ends its request if that has taken too long at that time.
    pub(super) fn expire(&self, now: Duration) {
        if let Some((_, deadline)) = self.under_way.get()
            && deadline <= now
        {
            self.is_expired.set(true);
            self.wake();
        }
    }

    /// Whether it was given something that it has not begun.
    pub(super) fn has_arrival(&self) -> bool {
        let arrival = self.arrival.take();
        self.arrival.set(arrival);
        arrival.is_some()
    }

    /// Puts down that its request will have no answer.
    pub(super) fn abandon(&self, thread: &Thread, now: Duration) {
        if let Some((under_way, _)) = self.under_way.take() {
            let request = under_way.ended(now, 0, Traffic::default());
            let message = "no answer until the end of the test";
            let mut recorder = thread.recorder.borrow_mut();
            recorder.done(&request, Some((ErrorKind::Timeout, message)));
        }
    }

    /// Waits for the next arrival.
    async fn next(&self) -> Arrival {
        poll_fn(|_| match self.arrival.take() {
            Some(arrival) => Poll::Ready(arrival),
            None => Poll::Pending,
        })
        .await
    }

    /// Remembers how to wake this task: always in the same way.
    async fn enter(&self) {
        poll_fn(|cx| {
            *self.waker.borrow_mut() = Some(cx.waker().clone());
            Poll::Ready(())
        })
        .await;
    }
}

impl UnderWay {
    fn ended(&self, now: Duration, status: u16, traffic: Traffic) -> record::Request {
        record::Request {
            phase: self.phase,
            step: self.step,
            due: self.due,
            sent: self.sent,
            ended: now,
            status,
            sent_bytes: traffic.sent,
            received_bytes: traffic.received,
        }
    }
}

/// A user's task, and what belongs to it alone.
struct Session {
    thread: Rc<Thread>,
    seat: Rc<Seat>,
    user: User,
    client: Client,
    outgoing: Outgoing,
    answer: Answer,
    /// The phase of the latest request.
    phase: usize,
    /// The number of the arrival.
    number: u64,
}

/// Tells the thread when a task ends by a panic, which the runtime keeps to itself: whoever waits for it would wait until the end, and what it knew is lost.
struct Sentinel(Rc<Thread>);

impl Drop for Sentinel {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.is_broken.set(true);
        }
    }
}

/// Open model: does what arrivals want, for ever.
pub(super) async fn serve_arrivals(thread: Rc<Thread>, seat: Rc<Seat>) {
    let _sentinel = Sentinel(Rc::clone(&thread));
    seat.enter().await;
    let number = thread.seats.borrow().len() as u64;
    let mut session = Session::new(&thread, &seat, number);
    loop {
        let arrival = seat.next().await;
        let mut next = Some((arrival, true));
        while let Some((arrival, is_prompt)) = next {
            session.arrive(arrival, is_prompt).await;
            let waiting = (!thread.is_over.get()).then(|| thread.queue.borrow_mut().pop());
            next = waiting.flatten().map(|arrival| (arrival, false));
        }
        // It was counted when it was given its arrival.
        thread.busy.set(thread.busy.get() - 1);
        thread.free.borrow_mut().push(Rc::clone(&seat));
    }
}

/// Closed model: one scenario after the other while the user is there.
pub(super) async fn be_a_user(thread: Rc<Thread>, seat: Rc<Seat>, number: u32) {
    let _sentinel = Sentinel(Rc::clone(&thread));
    seat.enter().await;
    let mut session: Option<Session> = None;
    let users = u64::from(schedule::most_users(&thread.test.phases));
    let mut number = u64::from(number);
    for (from, until) in schedule::presence(&thread.test.phases, number as u32) {
        // His first request is due when he is there: that hundreds begin together, or that he still waited for an answer
        // when he was to come back, is no latency.
        let mut due = thread.alarm.until(from).await;
        let session = session.get_or_insert_with(|| Session::new(&thread, &seat, number));
        thread.busy.set(thread.busy.get() + 1);
        while due < until && !thread.is_over.get() {
            session.recorder().batch.begun += 1;
            session.user.begin_again(number);
            number += users;
            due = session.run(due, until).await;
            // A session without a request would never let others have their turn.
            due = due.max(thread.alarm.now());
            session.part();
        }
        thread.busy.set(thread.busy.get() - 1);
        session.client.close();
    }
}

impl Session {
    fn new(thread: &Rc<Thread>, seat: &Rc<Seat>, number: u64) -> Self {
        Self {
            thread: Rc::clone(thread),
            seat: Rc::clone(seat),
            user: User::new(&thread.test, &thread.shared, number),
            client: Client::new(&thread.network),
            outgoing: Outgoing::default(),
            answer: Answer::default(),
            phase: 0,
            number,
        }
    }

    fn recorder(&self) -> std::cell::RefMut<'_, record::Recorder> {
        self.thread.recorder.borrow_mut()
    }

    /// How late something was begun that was due then, by the generator's fault.
    fn note_lag(&mut self, due: Duration, now: Duration) {
        let phase = self.phase_at(due);
        self.recorder().late(phase, now.saturating_sub(due));
    }

    /// The phase at a time, which is seldom another one than before; the last one after the end.
    fn phase_at(&mut self, due: Duration) -> usize {
        let phases = &self.thread.test.phases;
        if phases.len() > 1 {
            let found = schedule::phase_at(phases, due);
            self.phase = found.map_or(phases.len() - 1, |(phase, _)| phase);
        }
        self.phase
    }

    /// What an arrival wants: a scenario, or several pages.
    async fn arrive(&mut self, arrival: Arrival, is_prompt: bool) {
        if is_prompt {
            let now = self.thread.alarm.now();
            self.note_lag(arrival.due, now);
        }
        self.recorder().batch.begun += 1;
        self.number = arrival.number;
        self.user.begin_as(arrival.number);
        let end = self.thread.end;
        self.run(arrival.due, end).await;
        self.part();
    }

    /// The end of a session.
    fn part(&mut self) {
        if !self.thread.test.target.reuses {
            self.client.close();
        }
    }

    /// A session whose first request is due then; returns when the next thing is.
    async fn run(&mut self, mut due: Duration, until: Duration) -> Duration {
        let test = std::sync::Arc::clone(&self.thread.test);
        let is_markov = matches!(test.mix, Mix::Markov(_));
        let leaves = test.is_open() && !is_markov;
        let mut is_empty = true;
        while let Some(scenario) = self.user.next_scenario() {
            let first = self.thread.first_step[scenario];
            is_empty &= test.scenarios[scenario].steps.is_empty();
            for (index, step) in test.scenarios[scenario].steps.iter().enumerate() {
                // Whoever leaves does not think about what follows.
                let is_last = leaves && index + 1 == test.scenarios[scenario].steps.len();
                let went_well;
                let at = (due, until);
                (went_well, due) = self.step(step, first + index, at, is_last).await;
                let is_over = self.thread.is_over.get() || due >= until;
                if is_over || (!went_well && step.on_failure == OnFailure::End) {
                    return due;
                }
            }
            if !is_markov {
                break;
            }
        }
        if is_empty {
            // Others have to have their turn.
            tokio::task::yield_now().await;
        }
        due
    }

    /// One request that is due then, by somebody who is there until then; returns whether it went well and when what follows is due.
    async fn step(
        &mut self,
        step: &Step,
        index: usize,
        (due, until): (Duration, Duration),
        is_last: bool,
    ) -> (bool, Duration) {
        let failure = self.request(step, index, due).await;
        let now = self.thread.alarm.now();
        let is_open = self.thread.test.is_open();
        let mut pause = Duration::ZERO;
        if let Some(ErrorKind::Resolve | ErrorKind::Connect | ErrorKind::Tls | ErrorKind::Prepare) =
            failure
        {
            // In an open model arrivals say how many attempts there are, and whoever waits for this seat must not wait for nothing.
            if is_open {
                tokio::task::yield_now().await;
            } else {
                pause = PAUSE;
            }
        }
        let think = self.user.think(&step.think).max(pause);
        let leaves = is_open && failure.is_some() && step.on_failure == OnFailure::End;
        if think.is_zero() || is_last || leaves {
            return (failure.is_none(), now);
        }
        let next = now.saturating_add(think);
        let until = until.min(self.thread.end);
        if next >= until {
            // Nobody thinks on when he is to leave.
            let left = self.thread.alarm.until(until).await;
            return (failure.is_none(), left);
        }
        let woken = self.thread.alarm.until(next).await;
        self.note_lag(next, woken);
        (failure.is_none(), next)
    }

    /// Sends a request, reads its answer, judges it and puts all that down.
    async fn request(&mut self, step: &Step, index: usize, due: Duration) -> Option<ErrorKind> {
        let phase = self.phase_at(due);
        let sent = self.thread.alarm.now();
        let under_way = UnderWay {
            phase,
            step: index,
            due,
            sent,
        };
        self.recorder().due(phase, index);
        let timeout = step.timeout.unwrap_or(self.thread.test.target.timeout);
        let deadline = sent.saturating_add(timeout);
        self.seat.under_way.set(Some((under_way, deadline)));
        self.thread.in_flight.change(sent, 1);
        let mut traffic = Traffic::default();
        let outcome = self.exchange(step, index, &mut traffic).await;
        let ended = self.thread.alarm.now();
        self.thread.in_flight.change(ended, -1);
        self.seat.under_way.set(None);
        self.answer.time = ended.saturating_sub(sent);
        let status = self.answer.status;
        let request = under_way.ended(ended, status, traffic);
        let judged = match &outcome {
            Ok(()) => self
                .user
                .conclude(step, &self.answer)
                .map_err(|problem| (problem.kind, problem.message)),
            Err(failure) => Err((failure.kind, failure.message.to_string())),
        };
        let failure = judged
            .as_ref()
            .err()
            .map(|(kind, message)| (*kind, message.as_str()));
        self.recorder().done(&request, failure);
        failure.map(|(kind, _)| kind)
    }

    async fn exchange(
        &mut self,
        step: &Step,
        index: usize,
        traffic: &mut Traffic,
    ) -> Result<(), Failure> {
        let thread = Rc::clone(&self.thread);
        let request = match &thread.constant[index] {
            Some((encoded, outgoing)) => Request::Bytes(encoded, outgoing),
            None if let Some(replay) = &thread.test.replay => {
                self.answer.clear();
                // The step's fields, and what the log says.
                let prepared = self.user.prepare(step, &mut self.outgoing);
                prepared.map_err(|problem| Failure::new(problem.kind, problem.message))?;
                let logged = replay.request(self.number as usize);
                self.outgoing.method.clear();
                self.outgoing.method.push_str(logged.method);
                self.outgoing.path.clear();
                self.outgoing.path.push_str(&thread.test.target.base);
                self.outgoing.path.push_str(logged.target);
                Request::Parts(&self.outgoing)
            }
            None => {
                self.answer.clear();
                let prepared = self.user.prepare(step, &mut self.outgoing);
                prepared.map_err(|problem| Failure::new(problem.kind, problem.message))?;
                Request::Parts(&self.outgoing)
            }
        };
        self.seat.is_expired.set(false);
        let outcome = {
            let exchange = self
                .client
                .exchange(request, step, &mut self.answer, traffic);
            let mut exchange = pin!(exchange);
            poll_fn(|cx| {
                if self.seat.is_expired.get() {
                    return Poll::Ready(None);
                }
                exchange.as_mut().poll(cx).map(Some)
            })
            .await
        };
        outcome.unwrap_or_else(|| {
            self.client.close();
            self.answer.status = 0;
            let timeout = step.timeout.unwrap_or(thread.test.target.timeout);
            let message = format!("no answer within {} s", timeout.as_secs_f64());
            Err(Failure::new(ErrorKind::Timeout, message))
        })
    }
}
