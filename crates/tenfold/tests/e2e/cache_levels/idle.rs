//! A Redis and a gateway of which nobody wants anything: what the gateway knows of the Redis, and what a reload leaves.

use std::time::Duration;

use tenfold_testkit::redis::Redis;

use super::*;

#[test]
fn a_redis_that_is_back_is_found_without_a_request() {
    let (origin, folder) = (pages(), tempfile::tempdir().expect("a folder"));
    let mut redis = Redis::start(folder.path(), &[]);
    let it = Configured::start(&levels(&origin, None, Some(&redis.url()), ""));
    wait_for_use(&it.gateway, "redis");
    for freezes in [true, false] {
        match freezes {
            true => redis.freeze(),
            false => redis.kill(),
        }
        let mut number = 9000;
        let is_noticed = || {
            number += 1;
            let _missed = get(&it.gateway, &target(number));
            !level(&it.gateway, "redis")["last_error"].is_null()
        };
        wait_until(is_noticed, || "nobody notices");
        match freezes {
            true => redis.thaw(),
            false => redis.restart(),
        }
        let is_back = || {
            let level = level(&it.gateway, "redis");
            level["state"] == "up" && level["last_error"].is_null()
        };
        wait_until(is_back, || {
            format!("nobody looks: {}", level(&it.gateway, "redis"))
        });
    }
}

#[test]
fn another_time_limit_keeps_what_is_in_memory_and_holds_at_once() {
    let (origin, folder) = (pages(), tempfile::tempdir().expect("a folder"));
    let redis = Redis::start(folder.path(), &[]);
    let text = levels(&origin, None, Some(&redis.url()), "");
    let it = Configured::start(&text);
    wait_for_use(&it.gateway, "redis");
    let known = fill(&it.gateway, 0..10);
    wait_for_level(&it.gateway, "redis", "stores", 10);
    let own = format!("redis = \"{}\"", redis.url());
    assert!(text.contains(&own), "{text}");
    let slower = text.replace(&own, &format!("{own}\ntimeout = \"900ms\""));
    let stores = level(&it.gateway, "memory")["entries"].as_u64();
    assert_eq!(it.reload(&slower).status(), 200);
    assert_eq!(level(&it.gateway, "memory")["entries"].as_u64(), stores);
    assert_eq!(hits(&it.gateway, &known).len(), 10);
    redis.freeze();
    let began = std::time::Instant::now();
    let _missed = get(&it.gateway, &target(77));
    let took = began.elapsed();
    redis.thaw();
    assert!(
        took > Duration::from_millis(600),
        "it was not waited for: {took:?}"
    );
}
