//! Memory, disk and Redis at once.

use std::time::Duration;

use tenfold_testkit::redis::Redis;

use super::redis::fill_shared;
use super::*;

struct Three {
    origin: Origin,
    redis: Redis,
    folder: tempfile::TempDir,
}

impl Three {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            origin: pages(),
            redis: Redis::start(&folder.path().join("redis"), &[]),
            folder,
        }
    }

    fn gateway(&self, name: &str) -> Configured {
        let folder = self.folder.path().join(name);
        Configured::start(&levels(
            &self.origin,
            Some(&folder),
            Some(&self.redis.url()),
            "",
        ))
    }
}

#[test]
fn each_level_is_asked_before_the_next_and_has_it_afterwards() {
    let three = Three::new();
    let (one, mut two) = (three.gateway("one"), three.gateway("two"));
    let known = fill_shared(&one, 0..20);
    wait_for_level(&one.gateway, "disk", "stores", 20);
    // From Redis into memory and onto its own disk.
    assert_eq!(hits(&two.gateway, &known).len(), 20);
    wait_for_level(&two.gateway, "disk", "stores", 20);
    assert_eq!(level(&two.gateway, "redis")["hits"], 20);
    // After a kill its disk has it; Redis is not asked.
    kill_and_restart(&mut two);
    two.gateway.wait_for_log("the cache on disk is taken up");
    assert_eq!(hits(&two.gateway, &known).len(), 20);
    let asked = (
        level(&two.gateway, "disk")["hits"].clone(),
        level(&two.gateway, "redis")["hits"].clone(),
    );
    assert_eq!(asked, (json!(20), json!(0)));
    assert_eq!(hits(&two.gateway, &known).len(), 20);
    assert_eq!(
        level(&two.gateway, "disk")["hits"],
        20,
        "now it is in memory"
    );
    assert_eq!(three.origin.requests(), 20);
}

/// What one purges while the other is down must not come back from the other's disk.
#[test]
fn what_was_purged_while_a_gateway_was_down_does_not_come_back_from_its_disk() {
    let three = Three::new();
    let (one, mut two) = (three.gateway("one"), three.gateway("two"));
    let known = fill_shared(&one, 0..20);
    assert_eq!(hits(&two.gateway, &known).len(), 20);
    wait_for_level(&two.gateway, "disk", "stores", 20);
    two.gateway.signal(Signal::KILL);
    let _killed = two.gateway.wait();
    let told = purge(&one.gateway, &json!({ "tag": "t3" }));
    assert_eq!(told["purged"], true, "{told}");
    assert_eq!(purge_page(&one.gateway, 4)["purged"], true);
    restart(&mut two);
    for number in [3, 8, 13, 18, 4] {
        let answer = get(&two.gateway, &target(number));
        assert_ne!(answer.text(), known[&number], "{number} {}", answer.head);
    }
}

/// The log in Redis is bounded: who was away for longer than it reaches back does not know what was purged.
#[test]
fn a_gateway_that_was_down_for_too_long_begins_with_an_empty_disk() {
    let three = Three::new();
    let (one, mut two) = (three.gateway("one"), three.gateway("two"));
    let known = fill_shared(&one, 0..20);
    assert_eq!(hits(&two.gateway, &known).len(), 20);
    wait_for_level(&two.gateway, "disk", "stores", 20);
    two.gateway.signal(Signal::KILL);
    let _killed = two.gateway.wait();
    assert_eq!(purge(&one.gateway, &json!({ "tag": "t3" }))["purged"], true);
    assert_eq!(purge_page(&one.gateway, 4)["purged"], true);
    let log = three.redis.command(&["KEYS", "*log"]);
    assert_eq!(three.redis.command(&["XTRIM", &log, "MAXLEN", "1"]), "1");
    restart(&mut two);
    assert_eq!(level(&two.gateway, "disk")["entries"], 0);
    // Redis knows what is still good.
    assert_eq!(hits(&two.gateway, &known).len(), 15);
}

/// What one purges must not come back from the other's disk either while both run.
#[test]
fn a_purge_reaches_the_others_disk() {
    let three = Three::new();
    let (one, mut two) = (three.gateway("one"), three.gateway("two"));
    let knows = || purge(&one.gateway, &json!({ "tag": "nothing" }))["gateways"]["of"] == 1;
    wait_until(knows, || "they do not find each other");
    let known = fill_shared(&one, 0..20);
    assert_eq!(hits(&two.gateway, &known).len(), 20);
    wait_for_level(&two.gateway, "disk", "stores", 20);
    let told = purge(&one.gateway, &json!({ "tag": "t3" }));
    assert_eq!(
        told["gateways"],
        json!({ "confirmed": 1, "of": 1 }),
        "{told}"
    );
    for round in 0..2 {
        for number in [3, 8, 13, 18] {
            let answer = get(&two.gateway, &target(number));
            assert_ne!(
                answer.text(),
                known[&number],
                "{round} {number} {}",
                answer.head
            );
        }
        kill_and_restart(&mut two);
    }
}

#[test]
fn without_redis_the_disk_goes_on() {
    let mut three = Three::new();
    let mut one = three.gateway("one");
    let known = fill_shared(&one, 0..20);
    wait_for_level(&one.gateway, "disk", "stores", 20);
    three.redis.kill();
    kill_and_restart(&mut one);
    assert_eq!(hits(&one.gateway, &known).len(), 20);
    let more = fill(&one.gateway, 20..30);
    wait_for_level(&one.gateway, "disk", "stores", 10);
    kill_and_restart(&mut one);
    assert_eq!(hits(&one.gateway, &more).len(), 10);
    three.redis.restart();
    wait_for_use(&one.gateway, "redis");
    let is_shared = || {
        let _stored = fill(&one.gateway, 40..42);
        std::thread::sleep(Duration::from_millis(20));
        level(&one.gateway, "redis")["stores"].as_u64() > Some(0)
            || purge(&one.gateway, &json!({ "all": true })).is_null()
    };
    wait_until(is_shared, || level(&one.gateway, "redis").to_string());
}
