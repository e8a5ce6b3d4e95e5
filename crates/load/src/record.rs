//! What one thread puts down while it works, and hands over once per second.
//!
//! A request costs two histograms and a handful of counters, in memory that nobody else touches. Everything that is summed up, by step, phase or second, is
//! derived from these cells by the coordinator.

use std::collections::HashMap;
use std::time::Duration;

use crate::results::{ErrorKind, Histogram, Totals};

/// Different messages of errors that are kept per second: a server that writes a number into each must not fill the memory.
const MOST_MESSAGES: usize = 100;
/// The message of those that are not kept.
pub(crate) const OTHERS: &str = "…";

/// Bytes of a message that are kept: a server may put whole pages into what it says when it leaves.
const LONGEST_MESSAGE: usize = 400;

/// The beginning of a message that is too long.
fn shortened(message: &str) -> &str {
    let mut end = message.len().min(LONGEST_MESSAGE);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    &message[..end]
}

/// What a thread saw in a second.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Which second, from the beginning of the test.
    pub(crate) second: usize,
    /// Phase and step, and what was measured of them.
    pub(crate) cells: Vec<(usize, usize, Totals)>,
    /// Kind, step and message of what went wrong outside of warm-ups.
    pub(crate) errors: HashMap<(ErrorKind, usize, String), u64>,
    /// Arrivals that were due, and those that were begun.
    pub(crate) arrivals: u64,
    pub(crate) begun: u64,
    /// Arrivals that found no connection free.
    pub(crate) waited: u64,
    /// Arrivals that nobody will begin any more.
    pub(crate) dropped: u64,
    /// At the end of the second.
    pub(crate) users: u32,
    pub(crate) in_flight: u32,
    /// By phase: requests under way times seconds, and seconds.
    pub(crate) under_way: Vec<(f64, f64)>,
    /// How late the generator was, outside of warm-ups.
    pub(crate) lag: Histogram,
    /// What the thread spent in this second.
    pub(crate) spent: Spent,
    /// The same by phase; waiting for the last answers belongs to none.
    pub(crate) busy: Vec<Spent>,
    /// Whether it is the thread's last.
    pub(crate) is_last: bool,
}

/// What a thread costs in a time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    /// CPU time.
    pub(crate) cpu: Duration,
    /// Time in which it could have run, and others had the processors.
    pub(crate) waited: Duration,
    /// How long all that took.
    pub(crate) wall: Duration,
}

impl Spent {
    pub(crate) fn add(&mut self, more: &Self) {
        self.cpu += more.cpu;
        self.waited += more.waited;
        self.wall += more.wall;
    }

    /// The share of a core, 0 to 1.
    pub(crate) fn share(&self) -> f64 {
        self.share_of(self.cpu)
    }

    /// The share of a core that it would have used if it had one of its own.
    pub(crate) fn wanted(&self) -> f64 {
        self.share_of(self.cpu + self.waited)
    }

    fn share_of(&self, time: Duration) -> f64 {
        match self.wall.is_zero() {
            true => 0.0,
            false => (time.as_secs_f64() / self.wall.as_secs_f64()).min(1.0),
        }
    }
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) phase: usize,
    /// Among the steps of all scenarios.
    pub(crate) step: usize,
    /// When it was due, when it was sent, and when its answer was complete.
    pub(crate) due: Duration,
    pub(crate) sent: Duration,
    pub(crate) ended: Duration,
    /// 0 if there was no answer.
    pub(crate) status: u16,
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
}

/// The batch that grows.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) batch: Batch,
    /// By phase and step.
    cells: Vec<Option<Box<Totals>>>,
    steps: usize,
    /// Which phases are warm-ups.
    warm_ups: Vec<bool>,
}

impl Recorder {
    /// For a test of so many steps and those phases.
    pub(crate) fn new(steps: usize, warm_ups: Vec<bool>) -> Self {
        let mut recorder = Self {
            batch: Batch::default(),
            cells: Vec::new(),
            steps,
            warm_ups,
        };
        recorder.take(0);
        recorder
    }

    /// Hands over what there is, and begins the next second.
    pub(crate) fn take(&mut self, next: usize) -> Batch {
        let phases = self.warm_ups.len();
        let next = Batch {
            second: next,
            under_way: vec![(0.0, 0.0); phases],
            busy: vec![Default::default(); phases],
            ..Batch::default()
        };
        let mut batch = std::mem::replace(&mut self.batch, next);
        for (index, cell) in self.cells.drain(..).enumerate() {
            if let Some(cell) = cell {
                batch
                    .cells
                    .push((index / self.steps, index % self.steps, *cell));
            }
        }
        self.cells.resize_with(phases * self.steps, || None);
        batch
    }

    fn cell(&mut self, phase: usize, step: usize) -> &mut Totals {
        self.cells[phase * self.steps + step].get_or_insert_default()
    }

    /// A request's turn has come.
    pub(crate) fn due(&mut self, phase: usize, step: usize) {
        self.cell(phase, step).due += 1;
    }

    /// A request is over.
    pub(crate) fn done(&mut self, request: &Request, failure: Option<(ErrorKind, &str)>) {
        let cell = self.cell(request.phase, request.step);
        cell.done += 1;
        cell.failed += u64::from(failure.is_some());
        if request.status > 0 {
            *cell.statuses.entry(request.status).or_default() += 1;
        }
        cell.sent_bytes += request.sent_bytes;
        cell.received_bytes += request.received_bytes;
        cell.latency
            .record(request.ended.saturating_sub(request.due));
        cell.service
            .record(request.ended.saturating_sub(request.sent));
        if let Some((kind, message)) = failure
            && !self.warm_ups[request.phase]
        {
            self.failed(kind, request.step, message);
        }
    }

    #[cold]
    fn failed(&mut self, kind: ErrorKind, step: usize, message: &str) {
        let errors = &mut self.batch.errors;
        let mut key = (kind, step, shortened(message).to_owned());
        if errors.len() >= MOST_MESSAGES && !errors.contains_key(&key) {
            key.2 = OTHERS.to_owned();
        }
        *errors.entry(key).or_default() += 1;
    }

    /// Something was begun so long after it was due although nothing was in its way.
    pub(crate) fn late(&mut self, phase: usize, lag: Duration) {
        if !self.warm_ups[phase] {
            self.batch.lag.record(lag);
        }
    }

    /// The thread has spent that.
    pub(crate) fn spent(&mut self, phase: Option<usize>, spent: Spent) {
        self.batch.spent.add(&spent);
        if let Some(busy) = phase.and_then(|phase| self.batch.busy.get_mut(phase)) {
            busy.add(&spent);
        }
    }

    /// So many requests times seconds were under way in so many seconds.
    pub(crate) fn under_way(&mut self, phase: usize, area: f64, seconds: f64) {
        let (sum, time) = &mut self.batch.under_way[phase];
        *sum += area;
        *time += seconds;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(phase: usize, step: usize) -> Request {
        Request {
            phase,
            step,
            due: Duration::from_millis(10),
            sent: Duration::from_millis(15),
            ended: Duration::from_millis(20),
            status: 200,
            sent_bytes: 7,
            received_bytes: 9,
        }
    }

    #[test]
    fn cells_by_phase_and_step_and_a_new_batch_each_time() {
        let mut recorder = Recorder::new(3, vec![true, false]);
        recorder.due(1, 2);
        recorder.done(&request(1, 2), None);
        recorder.done(&request(0, 1), Some((ErrorKind::Status, "500")));
        let batch = recorder.take(1);
        let cells: Vec<_> = batch.cells.iter().map(|cell| (cell.0, cell.1)).collect();
        assert_eq!(cells, [(0, 1), (1, 2)]);
        let totals = &batch.cells[1].2;
        assert_eq!((totals.due, totals.done, totals.failed), (1, 1, 0));
        // Up to three digits.
        let longest = |times: &crate::results::Histogram| times.max().map(|it| it.as_millis());
        assert_eq!(longest(&totals.latency), Some(10));
        assert_eq!(longest(&totals.service), Some(5));
        assert!(batch.errors.is_empty(), "errors of warm-ups are not kept");
        assert!(recorder.take(2).cells.is_empty());
    }

    #[test]
    fn a_page_is_no_message() {
        let mut recorder = Recorder::new(1, vec![false]);
        let page = "ä".repeat(10_000);
        recorder.done(&request(0, 0), Some((ErrorKind::Status, &page)));
        let errors = recorder.take(1).errors;
        assert!(errors.keys().all(|key| key.2.len() <= LONGEST_MESSAGE));
    }

    #[test]
    fn messages_are_bounded() {
        let mut recorder = Recorder::new(1, vec![false]);
        for number in 0..1000 {
            recorder.done(
                &request(0, 0),
                Some((ErrorKind::Status, &number.to_string())),
            );
        }
        let errors = recorder.take(1).errors;
        assert_eq!(errors.len(), MOST_MESSAGES + 1);
        assert_eq!(errors[&(ErrorKind::Status, 0, OTHERS.to_owned())], 900);
    }
}
