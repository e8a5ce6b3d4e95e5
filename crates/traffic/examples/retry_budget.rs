//! Retries with a budget around any call: `cargo run -p tenfold-traffic --example retry_budget`.
//!
//! [`Rules::decide`](retry::Rules::decide) says whether and when one request is tried again, the [`Budget`] what all of them
//! may cost together. Here a service fails nine of ten calls for a simulated minute: three attempts each would be 2.7 times its
//! load, with the budget it is 1.2.

#![expect(clippy::print_stdout, reason = "an example says what it does")]

use std::time::Duration;

use tenfold_traffic::resilience::budget::{Budget, Kind, Rules};
use tenfold_traffic::resilience::deadline::Deadline;
use tenfold_traffic::resilience::retry::{self, Ask, Failed, Verdict};

/// Calls until there is a result, or it is not worth another attempt. Returns how many attempts were made.
fn with_retries(
    budget: &Budget,
    started: Duration,
    mut call: impl FnMut() -> Result<(), Failed>,
    mut random: impl FnMut() -> u64,
) -> u8 {
    let rules = retry::Rules {
        on: retry::On {
            connect: true,
            reset: true,
            timeout: true,
            statuses: vec![502..=504],
        },
        ..retry::Rules::default()
    };
    let deadline = Deadline::after(started, Duration::from_secs(1));
    let mut now = started;
    let mut sent = 0;
    budget.deposit(now);
    loop {
        let result = call();
        sent += 1;
        let Err(failed) = result else {
            return sent;
        };
        let verdict = rules.decide(&Ask {
            failed,
            sent,
            was_sent: true,
            is_idempotent: true,
            is_replayable: true,
            retry_after: None,
            left: deadline.left(now),
            random: random(),
        });
        match verdict {
            Verdict::Again { after } if budget.withdraw(&Rules::default(), now, Kind::Repeat) => {
                // A service sleeps here.
                now += after;
            }
            Verdict::Again { .. } | Verdict::Stop(_) => return sent,
        }
    }
}

fn main() {
    let budget = Budget::default();
    let mut rng = fastrand::Rng::with_seed(1);
    let (requests, mut attempts) = (60_000_u64, 0_u64);
    for number in 0..requests {
        let now = Duration::from_millis(number);
        let mut dice = fastrand::Rng::with_seed(number);
        let call = || match dice.u8(0..10) {
            0 => Ok(()),
            _ => Err(Failed::Status(503)),
        };
        attempts += u64::from(with_retries(&budget, now, call, || rng.u64(..)));
    }
    println!(
        "{requests} requests, {attempts} attempts: {:.3} per request",
        attempts as f64 / requests as f64
    );
    assert!(attempts * 100 <= requests * 121);
}
