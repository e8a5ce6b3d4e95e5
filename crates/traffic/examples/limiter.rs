//! A limiter around any call, in any service: `cargo run -p tenfold-traffic --example limiter`.
//!
//! Each customer may send five mails at once and one per second afterwards, newsletters count for three, and at most two are
//! being sent at the same time. Nothing here knows of HTTP or of a runtime.

// The example is a program with a clock, and it prints.
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

use std::time::{Duration, Instant};

use tenfold_traffic::limit::{Algorithm, Limiter, Quota, Rate, Settings, Verdict};

/// A service that others call too often.
struct Mailer {
    started: Instant,
    rate: Limiter,
    at_once: Limiter,
}

/// Why a mail was not sent.
#[derive(Debug)]
enum Refused {
    TooMany { retry_after: Duration },
    TooManyAtOnce,
}

impl Mailer {
    fn new() -> Self {
        let limiter = |algorithm, quota| {
            let settings = Settings {
                algorithm,
                tiers: vec![quota],
                max_keys: 100_000,
                // In a service whose callers are strangers: random numbers.
                seed: [0x5eed, 0x5eed],
            };
            Limiter::new(&settings).expect("the quotas are sound")
        };
        let second = Rate::per_second(1);
        Self {
            started: Instant::now(),
            rate: limiter(Algorithm::TokenBucket, Quota::new(second).burst(5)),
            at_once: limiter(Algorithm::Concurrency, Quota::new(second).burst(2)),
        }
    }

    fn send(&self, customer: &str, cost: u64, deliver: impl FnOnce()) -> Result<(), Refused> {
        let now = self.started.elapsed();
        let key = self.at_once.key(0).part(customer.as_bytes()).build();
        // Held until this returns, however it does.
        let _permit = self
            .at_once
            .enter(now, key, 1)
            .map_err(|_| Refused::TooManyAtOnce)?;
        let key = self.rate.key(0).part(customer.as_bytes()).build();
        match self.rate.decide(now, key, cost) {
            Verdict::Refused { retry_after } => Err(Refused::TooMany { retry_after }),
            Verdict::Allowed { .. } => {
                deliver();
                Ok(())
            }
        }
    }
}

fn main() {
    let mailer = Mailer::new();
    for number in 1..=4 {
        let sent = mailer.send("ann", 1, || println!("ann's mail {number} is sent"));
        println!("{sent:?}");
    }
    // Three more than the one that is left.
    match mailer.send("ann", 3, || println!("never")) {
        Err(Refused::TooMany { retry_after }) => {
            println!(
                "ann's newsletter has to wait for {:.1} s",
                retry_after.as_secs_f64()
            );
        }
        other => println!("{other:?}"),
    }
    let bob = mailer.send("bob", 3, || {
        println!("bob's newsletter is sent: he has a quota of his own");
    });
    println!("{bob:?}");
    let nested = mailer.send("eve", 1, || {
        let second = mailer.send("eve", 1, || {
            let third = mailer.send("eve", 1, || println!("never"));
            println!("a third one at the same time: {third:?}");
        });
        println!("{second:?}");
    });
    println!("{nested:?}");
}
