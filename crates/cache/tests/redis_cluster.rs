//! The Redis level on a real cluster of three nodes, and behind a real Sentinel.

#[path = "support/redis/mod.rs"]
mod support;

use std::time::Duration;

use support::*;
use tenfold_cache::level::Level;
use tenfold_cache::level::redis::{ConnectError, RedisLevel};
use tenfold_cache::level::{Claim, LevelError};
use tenfold_cache::{Invalidation, Key};

/// Which node has a key.
fn node_of(nodes: &[Server; 3], name: &str) -> usize {
    nodes[0].command::<usize>(&["CLUSTER", "KEYSLOT", name]) * 3 / 16_384
}

fn keys() -> Vec<Key> {
    (0..30).map(|number| key(&number.to_string())).collect()
}

#[tokio::test]
async fn keys_on_all_nodes_are_stored_invalidated_and_claimed() {
    let nodes = cluster();
    let (one, two) = (
        connect(&cluster_address(&nodes)).await,
        connect(&cluster_address(&nodes)).await,
    );
    let ear = Ear::on(&two);
    let before = one.lease().unwrap();
    let mut used = [0; 3];
    for key in &keys() {
        used[node_of(&nodes, key.as_str())] += 1;
        assert!(store(&one, key, key.as_str(), &["t"]).await);
        assert_eq!(read(&two, key).await.as_deref(), Some(key.as_str()));
        let Claim::Granted { fence } = two.claim(key, LIMIT).await.unwrap() else {
            panic!()
        };
        assert_eq!(one.claim(key, LIMIT).await.unwrap(), Claim::Taken);
        two.release(key, fence).await.unwrap();
    }
    assert!(used.iter().all(|count| *count > 0), "{used:?}");

    let what: Vec<_> = keys().iter().map(Invalidation::key).collect();
    let after = one.invalidate(&what).await.unwrap();
    for key in &keys() {
        assert_eq!(read(&two, key).await, None);
        assert!(!two.put(key, record("stale", &[]), before).await.unwrap());
        assert!(two.put(key, record("new", &["t"]), after).await.unwrap());
    }
    let after = one.invalidate(&[Invalidation::tag("t")]).await.unwrap();
    lease_after(&two, after).await;
    for key in &keys() {
        assert_eq!(read(&two, key).await, None);
    }
    assert_eq!(ear.invalidations().len(), keys().len() + 1);
    let error = RedisLevel::connect(options(&nodes[0].address()))
        .await
        .unwrap_err();
    assert!(matches!(&error, ConnectError::WrongKind { why, .. } if why.contains("redis+cluster")));
}

#[tokio::test]
async fn without_one_node_the_others_serve() {
    let mut nodes = cluster();
    let level = connect(&cluster_address(&nodes)).await;
    let control = node_of(&nodes, "{shop:v2:}state");
    let victim = (control + 1) % 3;
    let keys = keys();
    let (lost, kept): (Vec<&Key>, Vec<&Key>) = keys
        .iter()
        .partition(|key| node_of(&nodes, key.as_str()) == victim);
    nodes[victim].kill();
    for key in &kept {
        eventually(|| async {
            let lease = level.lease()?;
            level
                .put(key, record("kept", &[]), lease)
                .await
                .ok()?
                .then_some(())
        })
        .await;
        assert_eq!(read(&level, key).await.as_deref(), Some("kept"));
    }
    let begin = std::time::Instant::now();
    let error = level.get(lost[0]).await.unwrap_err();
    assert!(!matches!(error, LevelError::CutOff), "{error}");
    assert!(begin.elapsed() < LIMIT / 2);
    let both = [Invalidation::key(kept[0]), Invalidation::key(lost[0])];
    level.invalidate(&both).await.unwrap_err();
    assert_eq!(
        read(&level, kept[0]).await,
        None,
        "what can be done is done"
    );
}

#[tokio::test]
async fn the_node_of_the_numbers_comes_back_empty() {
    let mut nodes = cluster();
    let level = connect(&cluster_address(&nodes)).await;
    let ear = Ear::on(&level);
    let control = node_of(&nodes, "{shop:v2:}state");
    let other = keys()
        .into_iter()
        .find(|key| node_of(&nodes, key.as_str()) != control)
        .expect("the keys are spread");
    assert!(store(&level, &other, "before", &["t"]).await);
    let before = level.lease().unwrap();
    nodes[control].kill();
    eventually(|| async { level.lease().is_none().then_some(()) }).await;
    nodes[control].restart();
    eventually(|| async { (ear.gaps() > 0).then_some(()) }).await;
    assert!(lease(&level).await.epoch > before.epoch);
    let found = eventually(|| async { level.get(&other).await.ok() }).await;
    assert_eq!(
        found, None,
        "the numbers of its tags are gone, and so is it"
    );
    assert!(store(&level, &other, "after", &[]).await);
}

#[tokio::test]
async fn a_replica_takes_over_and_sentinel_says_so() {
    let mut master = Server::start(&[]);
    let port = master.port.to_string();
    let replica = Server::start(&["--replicaof", "127.0.0.1", &port]);
    eventually(|| async {
        let info: String = replica.command(&["INFO", "replication"]);
        info.contains("master_link_status:up").then_some(())
    })
    .await;
    let sentinel = sentinel(&master);
    let address = format!("redis+sentinel://127.0.0.1:{}/main", sentinel.port);
    let level = connect(&address).await;
    let ear = Ear::on(&level);
    assert!(store(&level, &key("1"), "1", &[]).await);
    let after = level
        .invalidate(&[Invalidation::key(&key("1"))])
        .await
        .unwrap();
    eventually(|| async {
        // Nothing is there before it has been copied.
        let state: Vec<Option<String>> = replica.command(&["HMGET", "{shop:v2:}state", "number"]);
        (state == [Some(after.number.to_string())]).then_some(())
    })
    .await;
    // Sentinel finds out about the replica by asking the master, at first at once and then every ten seconds.
    eventually(|| async {
        let known: Vec<redis::Value> = sentinel.command(&["SENTINEL", "REPLICAS", "main"]);
        (!known.is_empty()).then_some(())
    })
    .await;
    master.kill();
    tokio::time::sleep(Duration::from_secs(1)).await;
    eventually(|| async { level.invalidate(&[Invalidation::tag("t")]).await.ok() }).await;
    let now = eventually(|| async { level.lease().filter(|now| now.number > after.number) }).await;
    assert_eq!(
        (now.epoch, ear.gaps()),
        (after.epoch, 0),
        "the replica had everything"
    );
    assert_eq!(read(&level, &key("1")).await, None);
    assert!(store(&level, &key("1"), "2", &[]).await);
    assert_eq!(replica.command::<i64>(&["EXISTS", "shop:v2:item:1"]), 1);

    let wrong = format!("redis+sentinel://127.0.0.1:{}/other", sentinel.port);
    let error = RedisLevel::connect(options(&wrong)).await.unwrap_err();
    assert!(
        matches!(&error, ConnectError::WrongKind { why, .. } if why.contains("do not know a master")),
        "{error:?}"
    );
}
