//! A circuit breaker around any call: `cargo run -p tenfold-traffic --example breaker`.
//!
//! The breaker is a value that all callers share; rules and time are arguments. Here a service is down for ten simulated seconds,
//! and the program says what its callers see. In a service of yours `now` is `started.elapsed()`.

#![expect(clippy::print_stdout, reason = "an example says what it does")]

use std::time::Duration;

use tenfold_traffic::resilience::breaker::{Breaker, Call, Event, Rules, Verdict};

/// Why a guarded call has no result.
#[derive(Debug)]
enum Error {
    /// The breaker is open.
    Refused { retry_after: Duration },
    /// The call was made and failed.
    Failed,
}

/// Makes the call unless the breaker is open, and tells it how the call ended.
fn guarded<T>(
    breaker: &Breaker,
    rules: &Rules,
    now: impl Fn() -> Duration,
    call: impl FnOnce() -> Option<T>,
) -> Result<T, Error> {
    let began = now();
    let verdict = breaker.admit(rules, began);
    if let Verdict::Refuse { until } = verdict {
        let retry_after = until.saturating_sub(began);
        return Err(Error::Refused { retry_after });
    }
    let result = call();
    let ended = now();
    let event = breaker.record(
        rules,
        ended,
        Call {
            is_failure: result.is_none(),
            took: ended.saturating_sub(began),
        },
    );
    match event {
        Some(Event::Opened { for_, why }) => {
            println!("{ended:>7?}  opens for {for_:?}: {}", why.text());
        }
        Some(Event::Closed) => println!("{ended:>7?}  closes"),
        None => {}
    }
    // Also where a call can be cancelled: there in a guard's `Drop`.
    if verdict == Verdict::Trial {
        breaker.end_trial();
    }
    result.ok_or(Error::Failed)
}

fn main() {
    let (breaker, rules) = (Breaker::default(), Rules::default());
    let (mut good, mut failed, mut refused) = (0, 0, 0);
    let mut longest = Duration::ZERO;
    for step in 0..4_000_u64 {
        let now = Duration::from_millis(step * 10);
        let is_down = (10..20).contains(&now.as_secs());
        match guarded(&breaker, &rules, || now, || (!is_down).then_some("answer")) {
            Ok(_) => good += 1,
            Err(Error::Failed) => failed += 1,
            Err(Error::Refused { retry_after }) => {
                refused += 1;
                longest = longest.max(retry_after);
            }
        }
    }
    println!(
        "{good} good, {failed} failed, {refused} refused at once (come back in {longest:?} at most)"
    );
    assert!(
        failed < 700 && good > 2_000,
        "of the 1,000 of the outage some were spared"
    );
}
