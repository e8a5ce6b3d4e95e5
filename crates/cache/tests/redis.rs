//! Values and invalidations in the Redis level, against a real server.

#[path = "support/redis/mod.rs"]
mod support;

use support::*;
use tenfold_cache::level::redis::{RedisLevel, RedisOptions};
use tenfold_cache::level::{Lease, Level, Record};
use tenfold_cache::{Invalidation, Key};

#[tokio::test]
async fn a_record_comes_back_as_it_was() {
    let server = Server::start(&[]);
    let level = connect(&server.address()).await;
    let odd = Key::new("GET http://x/{a}\u{1}?b={}").unwrap();
    for key in [key("1"), odd] {
        let mut record = record(&"long ".repeat(1000), &["a", "b"]);
        record.validator = Some("\"tag\"".into());
        assert!(
            level
                .put(&key, record.clone(), level.lease().unwrap())
                .await
                .unwrap()
        );
        assert_eq!(level.get(&key).await.unwrap(), Some(record));
        let absent = Record {
            payload: None,
            ..support::record("", &[])
        };
        assert!(
            level
                .put(&key, absent.clone(), level.lease().unwrap())
                .await
                .unwrap()
        );
        assert_eq!(level.get(&key).await.unwrap(), Some(absent));
    }
    assert_eq!(level.get(&support::key("2")).await.unwrap(), None);
    let left: i64 = server.command(&["PTTL", "shop:v2:item:1"]);
    assert!(
        (1..=120_000).contains(&left),
        "it goes when nobody may use it any more: {left}"
    );
}

#[tokio::test]
async fn what_is_over_too_large_or_damaged_is_not_there() {
    let server = Server::start(&[]);
    let level = RedisLevel::connect(RedisOptions {
        max_record: 2000,
        compress_above: usize::MAX,
        ..options(&server.address())
    })
    .await
    .unwrap();
    let lease = level.lease().unwrap();
    let over = Record {
        keep_until: unix() - 1,
        ..record("x", &[])
    };
    assert!(!level.put(&key("1"), over, lease).await.unwrap());
    assert!(
        !level
            .put(&key("1"), record(&"x".repeat(3000), &[]), lease)
            .await
            .unwrap()
    );
    assert_eq!(read(&level, &key("1")).await, None);

    assert!(store(&level, &key("1"), "x", &[]).await);
    server.command::<i64>(&["SETRANGE", "shop:v2:item:1", "70", "?"]);
    assert_eq!(read(&level, &key("1")).await, None);
    server.command::<String>(&["SET", "shop:v2:item:2", "somebody else's"]);
    assert_eq!(read(&level, &key("2")).await, None);
    assert_eq!(level.usage().corrupt, 2);
    assert!(store(&level, &key("2"), "ours", &[]).await);
    server.command::<i64>(&["LPUSH", "shop:v2:item:3", "a list"]);
    let error = level.get(&key("3")).await.unwrap_err().to_string();
    assert!(error.contains("WRONGTYPE"), "{error}");
}

#[tokio::test]
async fn a_fill_from_before_an_invalidation_of_its_key_is_refused() {
    let server = Server::start(&[]);
    let (one, two) = (
        connect(&server.address()).await,
        connect(&server.address()).await,
    );
    let key = key("1");
    for invalidation in [Invalidation::key(&key), Invalidation::key(&key).soft()] {
        assert!(store(&one, &key, "old", &[]).await);
        let before = one.lease().unwrap();
        let after = two.invalidate(&[invalidation]).await.unwrap();
        assert!(!one.put(&key, record("stale", &[]), before).await.unwrap());
        assert_ne!(read(&one, &key).await.as_deref(), Some("stale"));
        assert!(one.put(&key, record("new", &[]), after).await.unwrap());
        assert_eq!(read(&two, &key).await.as_deref(), Some("new"));
        // Nor over the new value, and nor when that has ended.
        assert!(!one.put(&key, record("stale", &[]), before).await.unwrap());
        let short = Record {
            keep_until: unix() + 20,
            ..record("short", &[])
        };
        assert!(one.put(&key, short, after).await.unwrap());
        eventually(|| async { read(&one, &key).await.is_none().then_some(()) }).await;
        assert!(!one.put(&key, record("stale", &[]), before).await.unwrap());
    }
}

#[tokio::test]
async fn a_tombstone_that_comes_late_spares_what_was_loaded_after_it() {
    let server = Server::start(&[]);
    let level = connect(&server.address()).await;
    let key = key("1");
    let script = concat!(
        include_str!("../src/level/redis/lua/head.lua"),
        include_str!("../src/level/redis/lua/tombstone.lua")
    );
    let bury = |lease: Lease, mode: &str| {
        let (epoch, number) = (lease.epoch.to_string(), lease.number.to_string());
        server.command::<i64>(&[
            "EVAL",
            script,
            "1",
            key.as_str(),
            &epoch,
            &number,
            mode,
            "62000",
        ])
    };
    let first = level.invalidate(&[Invalidation::tag("x")]).await.unwrap();
    let second = level.invalidate(&[Invalidation::tag("y")]).await.unwrap();
    let third = level.invalidate(&[Invalidation::tag("z")]).await.unwrap();
    assert!(
        level
            .put(&key, record("second", &[]), second)
            .await
            .unwrap()
    );
    for mode in ["h", "s"] {
        bury(first, mode);
        bury(second, mode);
        let found = level.get(&key).await.unwrap().unwrap();
        assert!(found.fresh_until > 0);
    }
    // A soft one that was overtaken by a hard one leaves a tombstone, with the larger number.
    bury(third, "h");
    bury(second, "s");
    assert_eq!(read(&level, &key).await, None);
    assert!(
        !level
            .put(&key, record("second", &[]), second)
            .await
            .unwrap()
    );
    // And the other way round.
    assert!(level.put(&key, record("third", &[]), third).await.unwrap());
    let fourth = level.invalidate(&[Invalidation::tag("z")]).await.unwrap();
    let fifth = level.invalidate(&[Invalidation::tag("z")]).await.unwrap();
    bury(fifth, "s");
    bury(fourth, "h");
    assert_eq!(read(&level, &key).await, None);
    assert!(
        !level
            .put(&key, record("fourth", &[]), fourth)
            .await
            .unwrap()
    );
    assert!(level.put(&key, record("fifth", &[]), fifth).await.unwrap());
}

#[tokio::test]
async fn a_keys_number_outlives_a_short_value_stored_after_it() {
    let server = Server::start(&[]);
    let script = |name: &str, words: &[&str]| {
        let lua = match name {
            "put" => include_str!("../src/level/redis/lua/put.lua"),
            _ => include_str!("../src/level/redis/lua/tombstone.lua"),
        };
        let lua = format!("{}{lua}", include_str!("../src/level/redis/lua/head.lua"));
        let (keys, command) = (
            if name == "put" { "2" } else { "1" },
            ["EVAL", lua.as_str()],
        );
        server.command::<i64>(&[&command[..], &[keys], words].concat())
    };
    let put = |number: u64, lifetime: &str| {
        let value = format!("V{:014x}{number:014x}{:014x}{:014x}record", 7, 0, 0);
        let now = unix().to_string();
        let number = number.to_string();
        let words = [
            "k",
            "{k}:fence",
            "7",
            &number,
            "0",
            lifetime,
            &now,
            "20000",
            "10000",
            "62000",
        ];
        script("put", &[&words[..], &[&value]].concat())
    };
    assert_eq!(put(5, "100000"), 1);
    assert_eq!(script("bury", &["k", "7", "6", "h", "62000"]), 1);
    assert_eq!((put(5, "100000"), put(6, "1")), (0, 1));
    // The reader knows when it ends; its number stays.
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    assert_eq!(put(5, "100000"), 0);
    assert_eq!((put(7, "1"), put(6, "100000")), (1, 0));
    assert!((50_000..=62_000).contains(&server.command::<i64>(&["PTTL", "k"])));
    // An invalidation that comes after the value makes room for its number as well.
    server.command::<i64>(&["PEXPIRE", "k", "1000"]);
    assert_eq!(script("bury", &["k", "7", "7", "s", "62000"]), 1);
    assert!(server.command::<i64>(&["PTTL", "k"]) > 50_000);
}

#[tokio::test]
async fn tags_prefixes_and_all_hard_and_soft() {
    let server = Server::start(&[]);
    let level = connect(&server.address()).await;
    let (a, b) = (key("a"), Key::new("other:b").unwrap());
    let cases = [
        (Invalidation::tag("t"), true, false),
        (Invalidation::prefix("shop:v2:item"), true, false),
        (Invalidation::prefix("other:"), false, true),
        (Invalidation::all(), true, true),
        (Invalidation::tag("nobody's"), false, false),
    ];
    for (what, hits_a, hits_b) in cases {
        for soft in [false, true] {
            let what = if soft {
                what.clone().soft()
            } else {
                what.clone()
            };
            let before = lease(&level).await;
            assert!(store(&level, &a, "a", &["t", "u"]).await);
            assert!(store(&level, &b, "b", &[]).await);
            let after = level.invalidate(std::slice::from_ref(&what)).await.unwrap();
            for (key, tags, hit) in [(&a, &["t", "u"][..], hits_a), (&b, &[], hits_b)] {
                let found = level.get(key).await.unwrap();
                match found {
                    None => assert!(hit && !soft, "{what:?} {key}"),
                    Some(found) => {
                        assert_eq!(found.fresh_until == 0, hit, "{what:?} {key}");
                        assert!(!hit || soft, "{what:?} {key}");
                    }
                }
                let stored = level.put(key, record("late", tags), before).await.unwrap();
                assert_eq!(
                    stored,
                    !hit && before.number + 1 >= after.number,
                    "{what:?} {key}"
                );
            }
            lease_after(&level, after).await;
        }
    }
}

#[tokio::test]
async fn a_new_process_knows_what_was_invalidated_before_it_came() {
    let server = Server::start(&[]);
    let one = connect(&server.address()).await;
    let before = one.lease().unwrap();
    assert!(store(&one, &key("1"), "1", &["t"]).await);
    assert!(store(&one, &key("2"), "2", &["u"]).await);
    assert!(store(&one, &key("3"), "3", &[]).await);
    one.invalidate(&[
        Invalidation::tag("t"),
        Invalidation::prefix("shop:v2:item:2").soft(),
    ])
    .await
    .unwrap();
    let two = connect(&server.address()).await;
    assert_eq!(read(&two, &key("1")).await, None);
    assert_eq!(two.get(&key("2")).await.unwrap().unwrap().fresh_until, 0);
    assert_eq!(read(&two, &key("3")).await.as_deref(), Some("3"));
    assert!(two.lease().unwrap().number > before.number);
    one.invalidate(&[Invalidation::all()]).await.unwrap();
    let three = connect(&server.address()).await;
    assert_eq!(read(&three, &key("3")).await, None);
}

#[tokio::test]
async fn too_many_tags_are_forgotten_to_the_safe_side() {
    let server = Server::start(&[]);
    let bounded = RedisOptions {
        max_tags: 8,
        max_prefixes: 4,
        ..options(&server.address())
    };
    let level = RedisLevel::connect(bounded.clone()).await.unwrap();
    assert!(store(&level, &key("1"), "1", &["0"]).await);
    for number in 0..100 {
        let what = [
            Invalidation::tag(&number.to_string()),
            Invalidation::prefix(&format!("p{number}")),
        ];
        level.invalidate(&what).await.unwrap();
    }
    assert_eq!(read(&level, &key("1")).await, None);
    assert!(server.command::<i64>(&["ZCARD", "{shop:v2:}tags"]) <= 9);
    assert!(server.command::<i64>(&["ZCARD", "{shop:v2:}prefixes"]) <= 5);
    let late = RedisLevel::connect(bounded).await.unwrap();
    assert_eq!(read(&late, &key("1")).await, None);
    assert!(store(&late, &key("1"), "2", &["0"]).await);
    assert_eq!(read(&late, &key("1")).await.as_deref(), Some("2"));
}

#[tokio::test]
async fn a_value_that_is_not_kept_leaves_nothing_older_in_its_place() {
    let server = Server::start(&[]);
    let level = RedisLevel::connect(RedisOptions {
        max_record: 2000,
        compress_above: usize::MAX,
        // As long as it takes.
        timeout: std::time::Duration::MAX,
        connect_timeout: std::time::Duration::MAX,
        ..options(&server.address())
    })
    .await
    .unwrap();
    let lease = level.lease().unwrap();
    let over = Record {
        keep_until: unix() - 1,
        ..record("x", &[])
    };
    for newer in [record(&"x".repeat(3000), &[]), over] {
        assert!(store(&level, &key("1"), "old", &[]).await);
        assert!(!level.put(&key("1"), newer, lease).await.unwrap());
        assert_eq!(read(&level, &key("1")).await, None);
    }
    assert_eq!(level.usage().corrupt, 0);
    assert!(store(&level, &key("1"), "newest", &[]).await);
    level
        .invalidate(&[Invalidation::key(&key("1"))])
        .await
        .unwrap();
    assert_eq!(read(&level, &key("1")).await, None);
}
