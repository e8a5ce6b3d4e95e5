//! A test from its beginning to its end.
//!
//! Before: the target is found and reached, `setup` is done; what is wrong then is an error of whoever runs the test, and no result. Then
//! threads make load until the last phase is over, and this one sums up what they see. At last `teardown`.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::runtime::{Builder, LocalOptions, LocalRuntime};

use crate::progress::Progress;
use crate::record::Batch;
use crate::results::{Results, Verdict};
use crate::scenario::{Answer, OnFailure, Outgoing, Shared, Step, User};
use crate::schedule;
use crate::sum::Sum;
use crate::test::{Protocol, Target, Test};
use crate::threshold;
use crate::transport::connect::{connect, resolve};
use crate::transport::{Client, Failure, Network, Request, Tls, Traffic};
use crate::worker;

/// Between starting threads and the first arrival, so that all of them are there.
const HEAD_START: Duration = Duration::from_millis(50);
/// How often is looked whether the test is to end.
const LOOK: Duration = Duration::from_millis(100);

/// Ends a test early from elsewhere: what was measured until then is reported.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends it.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was ended.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why there are no results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunError {
    /// For people: what is wrong, and what to do.
    pub message: String,
}

impl RunError {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RunError {}

/// Does a test. `watch` is called some ten times per second; what it returns ends the test early, and is its reason.
///
/// # Errors
/// When the target cannot be reached, `setup` fails, or this machine has no threads.
pub fn run(
    test: &Arc<Test>,
    stop: &Stop,
    watch: &mut dyn FnMut(&Progress<'_>) -> Option<String>,
) -> Result<Results, RunError> {
    let test = &with_possible_threads(test);
    let ground = Ground::find(test)?;
    let mut first = User::new(test, &ground.shared, 0);
    ground.errand(test, &mut first, &test.setup, "setup", Some(stop))?;
    ground.shared.begin_with(&first);
    let measured =
        beginning(test, stop).and_then(|start| make_load(test, &ground, start, stop, watch));
    // What setup has made is taken away whatever happened since.
    let cleaned = ground.errand(test, &mut first, &test.teardown, "teardown", None);
    let mut results = measured?;
    if let Err(error) = cleaned {
        // What was measured is true all the same.
        results.ended_early.get_or_insert(error.message);
    }
    Ok(results)
}

/// Every thread has at least one connection: there are no more threads than connections.
fn with_possible_threads(test: &Arc<Test>) -> Arc<Test> {
    let threads = test.threads.clamp(1, test.target.connections.max(1));
    if threads == test.threads {
        return Arc::clone(test);
    }
    Arc::new(Test {
        threads,
        ..Test::clone(test)
    })
}

/// What is known before the first arrival.
struct Ground {
    runtime: LocalRuntime,
    target: Target,
    addresses: Vec<SocketAddr>,
    tls: Option<Tls>,
    shared: Arc<Shared>,
}

impl Ground {
    fn find(test: &Test) -> Result<Self, RunError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default());
        let runtime = runtime.map_err(|error| {
            RunError::new(format!("this machine has no resources for a test: {error}"))
        })?;
        let reached = runtime.block_on(async {
            let tls = Tls::new(&test.target)?;
            let addresses = resolve(&test.target).await?;
            let network = Network::new(&test.target, addresses.clone(), tls.clone(), 1, 0);
            let (_, is_http2) = connect(&network).await?;
            Ok((addresses, tls, is_http2))
        });
        let (addresses, tls, is_http2) = reached.map_err(|failure: Failure| {
            RunError::new(format!(
                "cannot reach {}: {}",
                test.target.url(),
                failure.message
            ))
        })?;
        let shared = Arc::new(Shared::new(test));
        // What was left to the server is settled: no request has to find it out again.
        let protocol = if is_http2 {
            Protocol::Http2
        } else {
            Protocol::Http1
        };
        let target = Target {
            protocol,
            ..test.target.clone()
        };
        Ok(Self {
            runtime,
            target,
            addresses,
            tls,
            shared,
        })
    }

    /// Does steps once, one after the other; until it is stopped, if it may be.
    fn errand(
        &self,
        test: &Arc<Test>,
        user: &mut User,
        steps: &[Step],
        what: &str,
        stop: Option<&Stop>,
    ) -> Result<(), RunError> {
        let network = Network::new(&self.target, self.addresses.clone(), self.tls.clone(), 1, 0);
        let mut client = Client::new(&network);
        let (mut outgoing, mut answer) = (Outgoing::default(), Answer::default());
        for step in steps {
            let done = async {
                let prepared = user.prepare(step, &mut outgoing);
                prepared.map_err(|problem| problem.message)?;
                let mut traffic = Traffic::default();
                let begun = Instant::now();
                let request = Request::Parts(&outgoing);
                let exchange = client.exchange(request, step, &mut answer, &mut traffic);
                let most = step.timeout.unwrap_or(test.target.timeout);
                let Ok(exchanged) = tokio::time::timeout(most, exchange).await else {
                    return Err(format!("no answer within {} s", most.as_secs_f64()));
                };
                exchanged.map_err(|failure| failure.message.into_owned())?;
                answer.time = begun.elapsed();
                user.conclude(step, &answer)
                    .map_err(|problem| problem.message)?;
                tokio::time::sleep(user.think(&step.think)).await;
                Ok(())
            };
            let Some(done) = self.runtime.block_on(unless_stopped(done, stop)) else {
                return Err(RunError::new(format!(
                    "ended before the test began: {what}, step `{}` was interrupted",
                    step.name
                )));
            };
            if let Err(why) = done
                && step.on_failure == OnFailure::End
            {
                return Err(RunError::new(format!(
                    "{what}, step `{}`: {why}",
                    step.name
                )));
            }
        }
        Ok(())
    }
}

/// What comes of `work`; nothing if it is stopped meanwhile.
async fn unless_stopped<T>(work: impl Future<Output = T>, stop: Option<&Stop>) -> Option<T> {
    let mut work = std::pin::pin!(work);
    loop {
        if stop.is_some_and(Stop::is_stopped) {
            return None;
        }
        if let Ok(done) = tokio::time::timeout(LOOK, work.as_mut()).await {
            return Some(done);
        }
    }
}

/// When the first phase begins: now, or when the test says, for which it waits.
fn beginning(test: &Test, stop: &Stop) -> Result<(Instant, f64), RunError> {
    let now = SystemTime::now();
    let at = test.start_at.unwrap_or(now + HEAD_START);
    let Ok(left) = at.duration_since(now) else {
        let late = now.duration_since(at).unwrap_or_default().as_secs_f64();
        return Err(RunError::new(format!(
            "the test was to start {late:.1} s ago: give a --start-at that lies ahead, and see that the clocks of all generators agree"
        )));
    };
    let Some(start) = Instant::now().checked_add(left) else {
        return Err(RunError::new("the time of --start-at is too far ahead"));
    };
    while let Some(left) = start.checked_duration_since(Instant::now() + HEAD_START) {
        if stop.is_stopped() {
            return Err(RunError::new("ended before the test began"));
        }
        std::thread::sleep(left.min(LOOK));
    }
    let unix = at
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64();
    Ok((start, unix))
}

/// Ends the other threads when one of them cannot go on, also by a panic: what they measure would be thrown away, perhaps after an hour.
struct EndsOthers(Arc<AtomicBool>);

impl EndsOthers {
    /// This thread ended as it should.
    fn disarm(mut self) {
        self.0 = Arc::default();
    }
}

impl Drop for EndsOthers {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn make_load(
    test: &Arc<Test>,
    ground: &Ground,
    (start, unix): (Instant, f64),
    stop: &Stop,
    watch: &mut dyn FnMut(&Progress<'_>) -> Option<String>,
) -> Result<Results, RunError> {
    let (sender, batches) = mpsc::channel::<(usize, Batch)>();
    let mut threads = Vec::new();
    // This test's own: a threshold that ends it must not end others that the same `stop` is for.
    let over = Arc::new(AtomicBool::new(false));
    for index in 0..test.threads {
        let plan = worker::Plan {
            test: Arc::clone(test),
            shared: Arc::clone(&ground.shared),
            target: ground.target.clone(),
            addresses: ground.addresses.clone(),
            tls: ground.tls.clone(),
            index,
            start,
            stop: Arc::clone(&over),
            batches: sender.clone(),
        };
        let others = EndsOthers(Arc::clone(&over));
        let spawned = std::thread::Builder::new()
            .name(format!("load-{index}"))
            .spawn(move || {
                let done = plan.run();
                if done.is_ok() {
                    others.disarm();
                }
                done
            });
        threads.push(
            spawned.map_err(|error| {
                RunError::new(format!("this machine has no thread left: {error}"))
            })?,
        );
    }
    drop(sender);
    let mut sum = Sum::new(test, unix);
    let (mut looked, mut judged) = (Duration::ZERO, 0);
    let mut aborted: Option<Verdict> = None;
    loop {
        let is_over = match batches.recv_timeout(LOOK) {
            Ok((thread, batch)) => {
                sum.add(thread, batch);
                false
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        };
        let elapsed = start.elapsed();
        if stop.is_stopped() && !over.swap(true, Ordering::Relaxed) {
            sum.results
                .ended_early
                .get_or_insert_with(|| "it was interrupted".to_owned());
        }
        sum.results.duration = elapsed.as_secs_f64();
        if is_over || elapsed >= looked + LOOK {
            looked = elapsed;
            let why = watch(&progress(test, &sum, elapsed));
            // A little later than the second, so that all threads have handed over theirs.
            let second = elapsed.saturating_sub(LOOK).as_secs();
            let is_new = std::mem::replace(&mut judged, second) < second;
            let broken = is_new
                .then(|| threshold::aborts(&test.thresholds, &sum.results, elapsed))
                .flatten();
            let why = why.or_else(|| {
                let broken = broken.as_ref()?;
                Some(format!("the threshold {} does not hold", broken.threshold))
            });
            if let Some(why) = why
                && !is_over
            {
                sum.results.ended_early.get_or_insert(why);
                aborted = broken;
                over.store(true, Ordering::Relaxed);
            }
        }
        if is_over {
            break;
        }
    }
    let duration = start.elapsed();
    for thread in threads {
        match thread.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                return Err(RunError::new(format!("a thread could not go on: {error}")));
            }
            Err(_) => {
                return Err(RunError::new(
                    "a thread of the generator ended by a defect; please report it",
                ));
            }
        }
    }
    let mut results = sum.finish(test, duration);
    results.thresholds = threshold::judge(&test.thresholds, &results);
    for verdict in &mut results.thresholds {
        let is_it = |aborted: &Verdict| {
            aborted.threshold == verdict.threshold && aborted.scope == verdict.scope
        };
        verdict.aborted = aborted.as_ref().is_some_and(is_it);
    }
    Ok(results)
}

fn progress<'a>(test: &'a Test, sum: &'a Sum, elapsed: Duration) -> Progress<'a> {
    let last = sum.results.series.last();
    let phase = schedule::phase_at(&test.phases, elapsed).map_or(test.phases.len() - 1, |it| it.0);
    Progress {
        test,
        results: &sum.results,
        elapsed,
        phase,
        wanted: schedule::wanted(&test.phases, elapsed),
        users: last.map_or(0, |it| it.users),
        in_flight: last.map_or(0, |it| it.in_flight),
        lag: sum.lag.quantile(0.99),
        cpu: sum.latest_cpu(),
    }
}
