//! A Redis that is not there, goes away, stands still and comes back: requests do not suffer, and nothing old is served.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use tenfold_testkit::redis::{Redis, free_port};

use super::redis::{fill_shared, pair};
use super::*;

#[test]
fn without_redis_it_starts_and_serves_and_joins_later() {
    let (origin, folder) = (pages(), tempfile::tempdir().expect("a folder"));
    let mut redis = Redis::start(folder.path(), &[]);
    redis.kill();
    let text = levels(&origin, None, Some(&redis.url()), "");
    let [one, two] = [Configured::start(&text), Configured::start(&text)];
    let own = fill(&one.gateway, 0..10);
    assert_eq!(hits(&one.gateway, &own).len(), 10);
    let told = purge_page(&one.gateway, 3);
    assert_eq!(told["purged"], false, "{told}");
    let error = told["levels"][1]["error"].as_str().expect("what is wrong");
    assert!(
        error.contains("nothing listens")
            || error.contains("cut off")
            || error.contains("not connected"),
        "{error}"
    );
    assert!(!is_hit(&get(&one.gateway, "/p/3")));
    redis.restart();
    for it in [&one, &two] {
        wait_for_use(&it.gateway, "redis");
    }
    shares_again(&one, &two, 20);
}

/// Waits until what one fetches is a hit for the other; pages from `first` on are used.
fn shares_again(one: &Configured, two: &Configured, first: usize) {
    let mut number = first;
    let is_shared = || {
        number += 1;
        let _stored = get(&one.gateway, &target(number));
        std::thread::sleep(Duration::from_millis(50));
        is_hit(&get(&two.gateway, &target(number)))
    };
    wait_until(is_shared, || {
        format!(
            "they share nothing: {} {}",
            level(&one.gateway, "redis"),
            level(&two.gateway, "redis")
        )
    });
}

/// Requests in the background for pages of which most are misses.
struct Asking<'a> {
    is_over: &'a AtomicBool,
    threads: Vec<std::thread::ScopedJoinHandle<'a, (usize, Duration)>>,
}

impl<'a> Asking<'a> {
    /// Three threads for each gateway. Every answer must be 200 and whole.
    fn start(
        scope: &'a std::thread::Scope<'a, '_>,
        gateways: &'a [&'a Gateway],
        is_over: &'a AtomicBool,
    ) -> Self {
        let ask = move |gateway: &'a Gateway, thread: usize| {
            let (mut count, mut slowest) = (0, Duration::ZERO);
            while !is_over.load(SeqCst) {
                let target = target(200 + 1000 * thread + count % 900);
                let begin = Instant::now();
                let _checked = get(gateway, &target);
                slowest = slowest.max(begin.elapsed());
                count += 1;
            }
            (count, slowest)
        };
        let threads = (0..3 * gateways.len())
            .map(|thread| scope.spawn(move || ask(gateways[thread % gateways.len()], thread)))
            .collect();
        Self { is_over, threads }
    }

    /// How many were answered, and the longest that one took. Fails if one failed.
    fn stop(self) -> (usize, Duration) {
        self.is_over.store(true, SeqCst);
        let all = self
            .threads
            .into_iter()
            .map(|it| it.join().expect("every answer is fine"));
        all.fold((0, Duration::ZERO), |(sum, longest), (count, slowest)| {
            (sum + count, longest.max(slowest))
        })
    }
}

/// The log is written once a second.
fn wait_until_logged(gateway: &Gateway, text: &str) {
    let is_there = || gateway.log().contains(text);
    wait_until(is_there, || format!("{text:?} is not in {}", gateway.log()));
}

#[test]
fn redis_is_killed_under_requests_and_nobody_notices() {
    let (origin, folder) = (pages(), tempfile::tempdir().expect("a folder"));
    let mut redis = Redis::start(folder.path(), &[]);
    let [one, two] = pair(&origin, &redis.url(), "");
    let is_over = AtomicBool::new(false);
    let gateways = [&one.gateway, &two.gateway];
    std::thread::scope(|scope| {
        let asking = Asking::start(scope, &gateways, &is_over);
        let known = fill_shared(&one, 0..20);
        assert_eq!(hits(&two.gateway, &known).len(), 20);
        redis.kill();
        std::thread::sleep(Duration::from_millis(300));
        // In memory they still have it.
        assert_eq!(hits(&one.gateway, &known).len(), 20);
        let told = purge(&one.gateway, &json!({ "tag": "t3" }));
        assert_eq!(told["purged"], false, "{told}");
        assert_eq!(told["levels"][1]["name"], "redis");
        assert!(told["levels"][1]["error"].is_string(), "{told}");
        let renewed = get(&one.gateway, "/p/3");
        assert!(!is_hit(&renewed));
        wait_until_logged(&one.gateway, "the cache goes on without this level");
        redis.restart();
        for gateway in gateways {
            wait_for_use(gateway, "redis");
        }
        wait_until_logged(&one.gateway, "the cache uses this level again");
        // What was purged meanwhile is gone at both now.
        let is_gone = || get(&two.gateway, "/p/8").text() != known[&8];
        wait_until(is_gone, || "the purge does not arrive");
        for number in [3, 8, 13, 18] {
            assert_ne!(
                get(&two.gateway, &target(number)).text(),
                known[&number],
                "{number}"
            );
            assert_ne!(
                get(&one.gateway, &target(number)).text(),
                known[&number],
                "{number}"
            );
        }
        shares_again(&one, &two, 30);
        let (count, _) = asking.stop();
        assert!(count > 100, "{count}");
    });
}

/// A server that keeps its content, as one with a disk does: what it says after the restart is older than a purge.
#[test]
fn what_was_purged_while_redis_was_away_is_not_served_from_what_it_kept() {
    let (origin, folder) = (pages(), tempfile::tempdir().expect("a folder"));
    let mut redis = Redis::start(
        folder.path(),
        &["--appendonly", "yes", "--appendfsync", "always"],
    );
    let [one, two] = pair(&origin, &redis.url(), "");
    let known = fill_shared(&one, 0..20);
    redis.kill();
    let told = purge(&one.gateway, &json!({ "tag": "t3" }));
    assert_eq!(told["purged"], false, "{told}");
    let told = purge_page(&one.gateway, 4);
    assert_eq!(told["purged"], false, "{told}");
    redis.restart();
    let kept: u64 = redis.command(&["DBSIZE"]).parse().expect("a number");
    assert!(kept >= 20, "{kept}");
    wait_for_state(&one.gateway, "redis", "up");
    assert_eq!(level(&one.gateway, "redis")["behind"], 0);
    for number in [3, 8, 13, 18, 4] {
        // By the one that purged and by the one that has never seen the page, as soon as Redis knows of it.
        assert_ne!(
            get(&one.gateway, &target(number)).text(),
            known[&number],
            "{number}"
        );
        assert_ne!(
            get(&two.gateway, &target(number)).text(),
            known[&number],
            "{number}"
        );
    }
    wait_for_use(&two.gateway, "redis");
    let others: HashMap<_, _> = known.into_iter().filter(|(it, _)| it % 5 < 3).collect();
    let all = || hits(&two.gateway, &others).len() == others.len();
    wait_until(all, || "the others are not there");
    shares_again(&one, &two, 30);
}

#[test]
fn a_frozen_redis_holds_up_a_few_requests_for_its_timeout_and_then_none() {
    let (origin, folder) = (pages(), tempfile::tempdir().expect("a folder"));
    let redis = Redis::start(folder.path(), &[]);
    let [one, two] = pair(&origin, &redis.url(), "");
    let known = fill_shared(&one, 0..10);
    redis.freeze();
    let is_over = AtomicBool::new(false);
    let gateways = [&one.gateway, &two.gateway];
    std::thread::scope(|scope| {
        let asking = Asking::start(scope, &gateways, &is_over);
        // Until the breaker is open, or they know that they are cut off, which costs as little.
        let knows = |gateway: &Gateway| {
            let level = level(gateway, "redis");
            level["state"] != "up" || level["last_error"].is_string()
        };
        wait_until(
            || gateways.iter().all(|it| knows(it)),
            || "nobody finds out",
        );
        std::thread::sleep(Duration::from_millis(300));
        let before: u64 = gateways.iter().map(|it| timeouts(it)).sum();
        std::thread::sleep(Duration::from_millis(1500));
        let after: u64 = gateways.iter().map(|it| timeouts(it)).sum();
        assert!(after - before <= 10, "{} timeouts", after - before);
        let (count, slowest) = asking.stop();
        assert!(count > 50, "{count}");
        // Many times the read timeout: whether it was waited for at all does not hang on how busy this machine is.
        assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    });
    let told = purge_page(&one.gateway, 3);
    assert_eq!(told["purged"], false, "{told}");
    redis.thaw();
    for gateway in gateways {
        wait_for_use(gateway, "redis");
    }
    let is_gone = || get(&two.gateway, "/p/3").text() != known[&3];
    wait_until(is_gone, || "the purge does not arrive");
    shares_again(&one, &two, 30);
}

fn timeouts(gateway: &Gateway) -> u64 {
    level(gateway, "redis")["timeouts"].as_u64().unwrap_or(0)
}

#[test]
fn a_gateway_that_leaves_is_not_waited_for() {
    let (origin, folder) = (pages(), tempfile::tempdir().expect("a folder"));
    let redis = Redis::start(folder.path(), &[]);
    let [one, mut two] = pair(&origin, &redis.url(), "");
    two.gateway.signal(Signal::TERM);
    assert_eq!(two.gateway.wait().code(), Some(0));
    let told = purge_page(&one.gateway, 3);
    assert_eq!(
        told["gateways"],
        json!({ "confirmed": 0, "of": 0 }),
        "{told}"
    );
}

#[test]
fn a_place_where_no_redis_answers_is_a_warning_and_no_reason_not_to_start() {
    let origin = pages();
    for place in [format!("127.0.0.1:{}", free_port()), origin.name()] {
        let url = format!("redis://{place}");
        let mut it = Configured::start(&levels(&origin, None, Some(&url), ""));
        it.gateway.wait_for_log(&url);
        let log = it.gateway.log();
        let line = log.lines().find(|line| line.contains(&url));
        let line = line.expect("a line");
        assert!(
            line.contains("WARN") && line.contains("cache pages") && line.contains("without"),
            "{line}"
        );
        assert_eq!(fill(&it.gateway, 0..3).len(), 3);
    }
}
