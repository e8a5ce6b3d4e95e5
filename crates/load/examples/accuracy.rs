//! Whether the generator's numbers are true: against a server whose delay, and whose stop, are known.
//!
//! `cargo run --release -p tenfold-load --example accuracy` (`make accuracy`) prints a table, and fails if a number is off.

use std::cell::Cell;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use tenfold_load::scenario::{Scenario, Step, Think};
use tenfold_load::test::{Load, Phase, Protocol, Target};
use tenfold_load::{Results, Stop, Test, run};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};

/// A tenth of what one thread makes.
const TENTH: f64 = 10_000.0;

/// When the server stops for how long, counted from its first request.
type Pause = Option<(Duration, Duration)>;

/// A server in a thread of its own, which answers everything after `delay`.
fn server(delay: Duration, pause: Pause) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())
            .expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).expect("a listener");
            let begun = Rc::new(Cell::new(None));
            if let Some((after, time)) = pause {
                let begun = Rc::clone(&begun);
                tokio::task::spawn_local(stop(begun, after, time));
            }
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                tokio::task::spawn_local(serve(stream, delay, Rc::clone(&begun)));
            }
        });
    });
    address
}

/// Stops the whole server for a time, as a garbage collector or a frozen machine does.
async fn stop(begun: Rc<Cell<Option<Instant>>>, after: Duration, time: Duration) {
    loop {
        tokio::time::sleep(Duration::from_millis(1)).await;
        if begun
            .get()
            .is_some_and(|begun: Instant| begun.elapsed() >= after)
        {
            std::thread::sleep(time);
            return;
        }
    }
}

#[expect(
    deprecated,
    reason = "its successor needs unsafe, and a descriptor of one's own is sound"
)]
async fn serve(mut stream: TcpStream, delay: Duration, begun: Rc<Cell<Option<Instant>>>) {
    let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
    let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags).expect("a timer");
    let timer = AsyncFd::with_interest(timer, Interest::READABLE).expect("a timer");
    let mut buffer = [0; 4096];
    let _slower_without = stream.set_nodelay(true);
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        if !buffer[..count].ends_with(b"\r\n\r\n") {
            return;
        }
        if begun.get().is_none() {
            begun.set(Some(Instant::now()));
        }
        if !delay.is_zero() {
            let it_value = Timespec::try_from(delay).expect("a short time");
            let once = Itimerspec {
                it_interval: Timespec::default(),
                it_value,
            };
            rustix::time::timerfd_settime(&timer, TimerfdTimerFlags::empty(), &once)
                .expect("a time");
            let mut ready = timer.readable().await.expect("a timer");
            let _it_has_gone_off = rustix::io::read(&timer, &mut [0; 8]);
            ready.clear_ready();
        }
        if stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .await
            .is_err()
        {
            return;
        }
    }
}

fn test(address: SocketAddr, load: Load, seconds: u64, think: Think) -> Test {
    let mut step = Step::new("GET", "/");
    step.think = think;
    let phase = |name: &str, seconds, is_warm_up| Phase {
        name: name.to_owned(),
        duration: Duration::from_secs(seconds),
        load,
        is_warm_up,
    };
    let mut phases = vec![phase("load", seconds, false)];
    if seconds < 30 {
        // Connections are opened.
        phases.insert(0, phase("warm-up", 2, true));
    }
    let target = Target {
        protocol: Protocol::Http1,
        connections: 4000,
        ..Target::new(address.ip().to_string(), address.port())
    };
    let scenario = Scenario {
        name: "get".to_owned(),
        weight: 1.0,
        steps: vec![step],
    };
    Test::new(target, phases, vec![scenario])
}

fn done(test: Test) -> Results {
    run(&Arc::new(test), &Stop::default(), &mut |_| None).expect("the test can be done")
}

fn quantile(results: &Results, share: f64) -> f64 {
    results
        .total
        .latency
        .quantile(share)
        .unwrap_or_default()
        .as_secs_f64()
}

/// A line of the table, and whether the number is what it should be.
#[expect(clippy::print_stdout, reason = "its result")]
fn line(what: &str, measured: f64, expected: f64, tolerance: f64, unit: &str) -> bool {
    let is_right = (measured - expected).abs() <= tolerance;
    let verdict = if is_right { "" } else { "OFF" };
    println!("| {what} | {expected} {unit} ± {tolerance:.3} | {measured:.3} {unit} | {verdict} |");
    is_right
}

#[expect(clippy::print_stdout, reason = "its result")]
fn main() -> ExitCode {
    println!("| | expected | measured | |\n|---|---|---|---|");
    let mut is_right = true;
    for millis in [1, 10, 100] {
        let delay = Duration::from_millis(millis);
        let results = done(test(
            server(delay, None),
            Load::Rate {
                from: TENTH,
                to: TENTH,
            },
            10,
            Think::Not,
        ));
        let expected = millis as f64;
        let tolerance = expected * 0.02 + 0.2;
        let measured = quantile(&results, 0.5) * 1e3;
        is_right &= line(
            &format!("{millis} ms at {TENTH}/s: p50"),
            measured,
            expected,
            tolerance,
            "ms",
        );
        let rate = results.total.done as f64 / 10.0;
        is_right &= line("its rate", rate, TENTH, TENTH * 0.005, "/s");
        for why in &results.generator.invalid {
            println!("| its generator | valid | {why} | |");
        }
    }
    let pause = Some((Duration::from_secs(20), Duration::from_secs(5)));
    let open = Load::Rate {
        from: 100.0,
        to: 100.0,
    };
    let results = done(test(server(Duration::ZERO, pause), open, 60, Think::Not));
    for (share, expected) in [(0.95, 2.0), (0.99, 4.4), (1.0, 5.0)] {
        let what = format!("a stop of 5 s in 60 s, 100 arrivals/s: p{}", share * 100.0);
        is_right &= line(
            &what,
            quantile(&results, share),
            expected,
            expected * 0.05,
            "s",
        );
    }
    let closed = Load::Users { from: 10, to: 10 };
    let think = Think::Constant(Duration::from_millis(100));
    let results = done(test(server(Duration::ZERO, pause), closed, 60, think));
    let (p95, p99) = (
        quantile(&results, 0.95) * 1e3,
        quantile(&results, 0.99) * 1e3,
    );
    println!(
        "| the same stop, 10 users who wait for answers: p95, p99 | (not trustworthy) | {p95:.3} ms, {p99:.3} ms | |"
    );
    if is_right {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
