//! Limits that gateways count together in Redis, and what holds while that does not answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use tenfold_testkit::client::Client;
use tenfold_testkit::redis::{Redis, cluster, cluster_url};
use tenfold_testkit::wait_until;

use super::{admin, allowed, get, limited, metric};
use crate::Configured;

fn redis(folder: &Path) -> Redis {
    Redis::start(folder, &[])
}

/// A gateway with a shared limit. Tests run beside many others: a Redis that answers late is not what most of them are about.
fn shared(redis: &Redis, limit: &str, timeout: &str) -> Configured {
    let more = format!("[shared]\nredis = \"{}\"\n", redis.url());
    let limit = format!("{limit}\nshared = true\nstore_timeout = \"{timeout}\"");
    Configured::start(&limited(&limit, &more))
}

/// The calls of the script that the server has had.
fn calls(redis: &Redis) -> u64 {
    let text = redis.command(&["INFO", "commandstats"]);
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
    let count = line.and_then(|line| line.split(',').next());
    count.map_or(0, |count| count.parse().expect("a number"))
}

fn is_mode(it: &Configured, mode: &str) -> bool {
    metric(
        it,
        &format!("tenfold_limit_mode{{limit=\"one\",mode=\"{mode}\"}}"),
    ) == 1.0
}

#[test]
fn three_gateways_allow_the_limit_together() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let redis = redis(folder.path());
    let limit = "rate = \"300/s\"\nburst = 300";
    let gateways: Vec<_> = (0..3).map(|_| shared(&redis, limit, "2s")).collect();
    let count = AtomicUsize::new(0);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..12 {
            let (address, count) = (gateways[thread % 3].gateway.address(), &count);
            scope.spawn(move || {
                while started.elapsed() < Duration::from_secs(4) {
                    count.fetch_add(allowed(address, "/", "", 10), SeqCst);
                    std::thread::sleep(Duration::from_millis(2));
                }
            });
        }
    });
    let most = 300.0 + 300.0 * started.elapsed().as_secs_f64();
    let share = count.into_inner() as f64 / most;
    assert!((0.95..=1.02).contains(&share), "{share} of {most}");
    for it in &gateways {
        assert!(is_mode(it, "shared"));
        let series = "tenfold_limit_requests_total{limit=\"one\",verdict=\"store_failed\"}";
        assert_eq!(metric(it, series), 0.0);
    }
}

#[test]
fn what_is_counted_is_exact_and_says_nothing_about_the_client() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let redis = redis(folder.path());
    let limit = "rate = \"1/h\"\nburst = 50\nheaders = \"always\"";
    let gateways: Vec<_> = (0..3).map(|_| shared(&redis, limit, "2s")).collect();
    let count = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..30 {
            let (address, count) = (gateways[thread % 3].gateway.address(), &count);
            scope.spawn(move || count.fetch_add(allowed(address, "/", "", 5), SeqCst));
        }
    });
    assert_eq!(count.into_inner(), 50);
    let keys = redis.command(&["KEYS", "*"]);
    let name = keys.trim();
    assert_eq!((name.len(), name.starts_with('{')), (14, true), "{keys}");
    let left: i64 = redis
        .command(&["PTTL", name])
        .trim()
        .parse()
        .expect("a number");
    assert!((1..=50 * 3_600_000).contains(&left), "{left}");
    let encoding = redis.command(&["OBJECT", "ENCODING", name]);
    assert_eq!(encoding.trim(), "int");
    // Who is refused is not asked about again.
    let before = calls(&redis);
    for it in &gateways {
        assert_eq!(allowed(it.gateway.address(), "/", "", 100), 0);
    }
    assert!(
        calls(&redis) - before <= 3,
        "{} calls",
        calls(&redis) - before
    );
    let told = get(gateways[0].gateway.address(), "/", "");
    assert!(
        told.get("ratelimit")
            .is_some_and(|it| it.starts_with("\"one\";r=0;t="))
    );
}

#[test]
fn a_window_is_counted_together() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let redis = redis(folder.path());
    let limit = "algorithm = \"sliding_window\"\nrate = \"40/h\"\nheaders = \"always\"";
    let gateways: Vec<_> = (0..2).map(|_| shared(&redis, limit, "2s")).collect();
    let sum: usize = (0..10)
        .map(|turn| allowed(gateways[turn % 2].gateway.address(), "/", "", 10))
        .sum();
    assert!((40..=41).contains(&sum), "{sum}");
}

#[test]
fn what_another_limit_refuses_is_given_back_to_the_store() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let redis = redis(folder.path());
    let more = format!(
        "[[route]]\npath = \"/both\"\nrespond = \"x\"\nlimit = [\"one\", \"two\"]\n\
         [limit.two]\nrate = \"1/h\"\nburst = 2\nshared = true\nstore_timeout = \"2s\"\n[shared]\nredis = \"{}\"\n",
        redis.url()
    );
    let one = "rate = \"1/h\"\nburst = 10\nshared = true\nstore_timeout = \"2s\"";
    let it = Configured::start(&limited(one, &more));
    let address = it.gateway.address();
    assert_eq!(allowed(address, "/both", "", 10), 2);
    let sum = AtomicUsize::new(0);
    let is_given_back = || {
        sum.fetch_add(allowed(address, "/", "", 1), SeqCst);
        sum.load(SeqCst) == 8
    };
    wait_until(is_given_back, || format!("{} of 8", sum.load(SeqCst)));
    assert_eq!(allowed(address, "/", "", 5), 0);
}

/// Clients that ask all the time, and what they got.
#[derive(Default)]
struct Load {
    is_over: AtomicBool,
    allowed: AtomicUsize,
    refused: AtomicUsize,
    others: AtomicUsize,
}

impl Load {
    fn run(&self, it: &Configured) {
        let mut client = Client::connect(it.gateway.address());
        while !self.is_over.load(SeqCst) {
            let answer = client
                .send("GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
                .response();
            let counter = match answer.status() {
                200 => &self.allowed,
                429 => &self.refused,
                _ => &self.others,
            };
            counter.fetch_add(1, SeqCst);
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Kills the Redis under load and starts it again.
fn killed(mode: &str, limit: &str) -> (Load, f64) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut redis = redis(folder.path());
    let limit = format!("{limit}\non_store_failure = \"{mode}\"");
    let it = shared(&redis, &limit, "2s");
    let load = Load::default();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| load.run(&it));
        }
        let enough = || load.allowed.load(SeqCst) > 5 && is_mode(&it, "shared");
        wait_until(enough, || "the load runs");
        redis.kill();
        wait_until(|| is_mode(&it, mode), || format!("{mode} holds"));
        let seen = load.allowed.load(SeqCst) + load.refused.load(SeqCst);
        let goes_on = || load.allowed.load(SeqCst) + load.refused.load(SeqCst) > seen + 200;
        wait_until(goes_on, || "requests are answered all the same");
        redis.restart();
        wait_until(|| is_mode(&it, "shared"), || "it is used again");
        let before = calls(&redis);
        wait_until(|| calls(&redis) > before, || "requests are counted there");
        load.is_over.store(true, SeqCst);
    });
    assert!(
        it.gateway
            .log()
            .contains("the limit counts in its shared store again")
    );
    assert_eq!(
        load.others.load(SeqCst),
        0,
        "neither a 5xx nor anything else"
    );
    let series = "tenfold_limit_requests_total{limit=\"one\",verdict=\"store_failed\"}";
    let failed = metric(&it, series);
    assert!(failed > 0.0);
    (load, failed)
}

#[test]
fn killed_and_restarted_each_gateway_counts_for_itself() {
    let (load, _) = killed("local", "rate = \"1/h\"\nburst = 20");
    // 20 of the first Redis, none when the gateway counts alone because it knows of them, 20 of the second Redis, which knows nothing.
    let allowed = load.allowed.into_inner();
    assert!((20..=40).contains(&allowed), "{allowed}");
}

#[test]
fn killed_and_restarted_all_is_allowed() {
    let (load, failed) = killed("open", "rate = \"10000/s\"\nburst = 100000");
    assert!(load.allowed.into_inner() as f64 >= failed);
    assert_eq!(load.refused.into_inner(), 0);
}

#[test]
fn killed_and_restarted_all_is_refused() {
    let (load, failed) = killed("closed", "rate = \"10000/s\"\nburst = 100000");
    assert_eq!(load.refused.into_inner() as f64, failed);
}

#[test]
fn a_frozen_redis_is_waited_for_a_few_times_and_then_not_at_all() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let redis = redis(folder.path());
    let it = shared(&redis, "rate = \"10000/s\"\nburst = 100000", "300ms");
    let address = it.gateway.address();
    assert_eq!(allowed(address, "/", "", 3), 3);
    redis.freeze();
    assert_eq!(allowed(address, "/", "", 3), 3, "each waits for its time");
    assert!(is_mode(&it, "local"));
    let started = Instant::now();
    assert_eq!(allowed(address, "/", "", 100), 100);
    let took = started.elapsed();
    assert!(
        took < Duration::from_secs(15),
        "100 waits would be 30 s, and no wait is none: {took:?}"
    );
    let shown = admin(&it, "/api/v1/limits");
    assert!(
        shown.contains("\"mode\":\"local\"") && shown.contains("\"store_failed\":103"),
        "{shown}"
    );
    redis.thaw();
    wait_until(|| is_mode(&it, "shared"), || "it is used again");
    assert_eq!(allowed(address, "/", "", 3), 3);
}

#[test]
fn a_gateway_begins_without_its_redis_and_joins_later() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut redis = redis(folder.path());
    redis.kill();
    let it = shared(&redis, "rate = \"1/h\"\nburst = 5", "2s");
    assert!(is_mode(&it, "local"));
    assert_eq!(allowed(it.gateway.address(), "/", "", 10), 5);
    redis.restart();
    wait_until(|| is_mode(&it, "shared"), || "it joins");
    assert_eq!(allowed(it.gateway.address(), "/", "", 10), 5);
}

#[test]
fn a_cluster_counts_clients_on_all_of_its_nodes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut nodes = cluster(folder.path());
    let more = format!("[shared]\nredis = \"{}\"\n", cluster_url(&nodes));
    let limit =
        "key = \"header:x-user\"\nrate = \"1/h\"\nburst = 3\nshared = true\nstore_timeout = \"2s\"";
    let gateways: Vec<_> = (0..2)
        .map(|_| Configured::start(&limited(limit, &more)))
        .collect();
    let sum = |user: usize| {
        let fields = format!("X-User: {user}\r\n");
        let each = gateways
            .iter()
            .map(|it| allowed(it.gateway.address(), "/", &fields, 2));
        each.sum::<usize>()
    };
    for user in 0..30 {
        assert_eq!(sum(user), 3, "user {user}");
    }
    for node in &nodes {
        let keys: usize = node.command(&["DBSIZE"]).parse().expect("a number");
        assert!(keys > 0, "a node has nothing to do");
    }
    for it in &gateways {
        let series = "tenfold_limit_requests_total{limit=\"one\",verdict=\"store_failed\"}";
        assert_eq!(metric(it, series), 0.0);
    }
    // Without one node its clients are counted by each gateway alone, the others as before, and nobody gets an error.
    nodes[1].kill();
    for user in 30..60 {
        let sum = sum(user);
        assert!((3..=4).contains(&sum), "user {user}: {sum}");
    }
}

/// A way to a Redis on which every answer is late.
fn late(redis: &Redis, by: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let port = redis.port();
    let copy = |mut from: TcpStream, mut to: TcpStream, by: Duration| {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            std::thread::sleep(by);
            if to.write_all(&bytes[..count]).is_err() {
                return;
            }
        }
    };
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else {
                return;
            };
            let halves = (client.try_clone(), server.try_clone());
            let (Ok(client_too), Ok(server_too)) = halves else {
                return;
            };
            std::thread::spawn(move || copy(client, server, Duration::ZERO));
            std::thread::spawn(move || copy(server_too, client_too, by));
        }
    });
    address
}

/// Tries had ten times as long as requests: a slow Redis was taken back five times per second, and left again after three requests that
/// had waited in vain.
#[test]
fn a_redis_that_is_too_slow_for_requests_is_not_asked_again_because_a_try_has_more_time() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let redis = redis(folder.path());
    let more = format!(
        "[shared]\nredis = \"redis://{}\"\n",
        late(&redis, Duration::from_millis(100))
    );
    let limit = "rate = \"10000/s\"\nburst = 100000\nshared = true\nstore_timeout = \"20ms\"";
    let it = Configured::start(&limited(limit, &more));
    let address = it.gateway.address();
    assert_eq!(allowed(address, "/", "", 3), 3);
    assert!(is_mode(&it, "local"));
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until {
        assert_eq!(allowed(address, "/", "", 5), 5);
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(is_mode(&it, "local"));
    let log = it.gateway.log();
    assert!(!log.contains("shared store again"), "{log}");
}
