//! A bulkhead around any call, without a gateway: `cargo run -p tenfold-traffic --example bulkhead`.
//!
//! Twenty threads want to make a call that takes 20 ms, and four may at a time. Some wait, in the order of their priority; who would wait for too
//! long is told. In an async program the place in the queue is a future: await it, with a timer for its deadline.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use tenfold_traffic::resilience::bulkhead::{Acquire, Bulkhead, Limit, Permit, Settings, Waiting};
use tenfold_traffic::resilience::priority::Priority;
use tenfold_traffic::resilience::queue::Shed;

#[expect(clippy::print_stdout, reason = "its result")]
#[expect(clippy::disallowed_methods, reason = "a program has a clock")]
fn main() {
    let mut settings = Settings::new(Limit::Fixed(4));
    settings.queue.length = 10;
    settings.queue.timeout = Duration::from_millis(50);
    let bulkhead = Bulkhead::new(&settings);
    let start = Instant::now();
    let (tell, told) = channel();
    for number in 0..20 {
        let (bulkhead, tell) = (Arc::clone(&bulkhead), tell.clone());
        std::thread::spawn(move || {
            let priority = Priority::ALL[number % 3];
            let result = enter(&bulkhead, priority, start).map(|permit| {
                std::thread::sleep(Duration::from_millis(20));
                permit.finish(start.elapsed(), true);
            });
            let _main_listens = tell.send((number, priority, result, start.elapsed()));
        });
    }
    drop(tell);
    for (number, priority, result, after) in told {
        let outcome = result.map_or_else(Shed::name, |()| "done");
        println!(
            "{number:2} {:8} {outcome:8} after {after:.0?}",
            priority.name()
        );
    }
}

/// Takes a place, or waits for one until its deadline.
fn enter(bulkhead: &Arc<Bulkhead>, priority: Priority, start: Instant) -> Result<Permit, Shed> {
    match bulkhead.acquire(priority, start.elapsed(), None)? {
        Acquire::Permit(permit) => Ok(permit),
        Acquire::Waiting(waiting) => wait(waiting, start),
    }
}

fn wait(mut waiting: Waiting, start: Instant) -> Result<Permit, Shed> {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(result) = std::pin::Pin::new(&mut waiting).poll(&mut cx) {
            return result;
        }
        let left = waiting.deadline().saturating_sub(start.elapsed());
        if left.is_zero() {
            return waiting.give_up(start.elapsed());
        }
        std::thread::park_timeout(left);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
