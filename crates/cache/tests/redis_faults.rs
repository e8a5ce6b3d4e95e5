//! The Redis level when the server fails: what was confirmed before is never contradicted afterwards.

#[path = "support/redis/mod.rs"]
mod support;

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use support::*;
use tenfold_cache::level::redis::{RedisLevel, RedisOptions, Remote, Script};
use tenfold_cache::level::{Lease, Level, LevelError};
use tenfold_cache::{Invalidation, Key};

/// Waits until the level has noticed that something was missed, and knows everything again.
async fn gap(level: &RedisLevel, ear: &Ear) -> Lease {
    eventually(|| async { (ear.gaps() > 0).then_some(()) }).await;
    lease(level).await
}

/// Stores again and again until the level takes it.
async fn works(level: &RedisLevel, key: &Key) {
    eventually(|| async {
        let lease = level.lease()?;
        let stored = level.put(key, record("works", &[]), lease).await.ok()?;
        stored.then_some(())
    })
    .await;
    let found = eventually(|| async { level.get(key).await.ok() }).await;
    assert!(found.is_some());
}

#[tokio::test]
async fn a_log_that_was_cut_too_early_is_a_gap_and_loses_no_invalidation() {
    let server = Server::start(&[]);
    let level = connect(&server.address()).await;
    let ear = Ear::on(&level);
    assert!(store(&level, &key("1"), "old", &["t"]).await);
    let before = level.lease().unwrap();
    // Another process's invalidation, of which the log holds nothing any more.
    let script = "local n = redis.call('HINCRBY', KEYS[1], 'number', 1) \
                  redis.call('ZADD', KEYS[2], n, 'ht') \
                  redis.call('XADD', KEYS[3], '*', 'n', n) \
                  return redis.call('XTRIM', KEYS[3], 'MAXLEN', 0)";
    let keys = ["{shop:v2:}state", "{shop:v2:}tags", "{shop:v2:}log"];
    server.command::<i64>(&["EVAL", script, "3", keys[0], keys[1], keys[2]]);
    let after = gap(&level, &ear).await;
    assert_eq!(read(&level, &key("1")).await, None);
    assert_eq!(
        (after.epoch, after.number),
        (before.epoch, before.number + 1),
        "nothing was lost"
    );
    works(&level, &key("1")).await;
}

#[tokio::test]
async fn a_log_that_is_cut_behind_what_was_read_is_no_gap() {
    let server = Server::start(&[]);
    let level = connect(&server.address()).await;
    let ear = Ear::on(&level);
    let after = level.invalidate(&[Invalidation::tag("t")]).await.unwrap();
    lease_after(&level, after).await;
    server.command::<i64>(&["XTRIM", "{shop:v2:}log", "MAXLEN", "0"]);
    server.command::<i64>(&["CLIENT", "KILL", "TYPE", "normal"]);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    works(&level, &key("1")).await;
    assert_eq!((ear.gaps(), lease(&level).await.epoch), (0, after.epoch));
}

#[tokio::test]
async fn broken_connections_come_back_and_nothing_is_missed() {
    let server = Server::start(&[]);
    let (one, two) = (
        connect(&server.address()).await,
        connect(&server.address()).await,
    );
    let ear = Ear::on(&two);
    for round in 0..5 {
        server.command::<i64>(&["CLIENT", "KILL", "TYPE", "normal"]);
        let tag = Invalidation::tag(&format!("t{round}"));
        let lease =
            eventually(|| async { one.invalidate(std::slice::from_ref(&tag)).await.ok() }).await;
        lease_after(&two, lease).await;
        assert!(ear.invalidations().contains(&tag));
    }
    assert_eq!(ear.gaps(), 0);
}

#[tokio::test]
async fn after_a_flush_nothing_from_before_is_taken() {
    let server = Server::start(&[]);
    let (one, two) = (
        connect(&server.address()).await,
        connect(&server.address()).await,
    );
    let (first, second) = (Ear::on(&one), Ear::on(&two));
    let before = one.lease().unwrap();
    server.command::<String>(&["FLUSHALL"]);
    // The other process is the first to notice, and invalidates.
    let after = two
        .invalidate(&[Invalidation::key(&key("1")), Invalidation::tag("t")])
        .await
        .unwrap();
    assert!(after.epoch > before.epoch);
    // It is refused, or the level has noticed already and reads everything anew.
    let stored = one.put(&key("1"), record("stale", &[]), before).await;
    assert!(
        matches!(stored, Ok(false) | Err(LevelError::CutOff)),
        "{stored:?}"
    );
    // Whether it is stored or not: nobody may read it.
    let _ = one.put(&key("2"), record("stale", &["t"]), before).await;
    assert_eq!(
        gap(&one, &first).await.epoch,
        gap(&two, &second).await.epoch
    );
    assert_eq!(read(&one, &key("2")).await, None);
    assert_eq!(read(&two, &key("2")).await, None);
    assert!(
        !one.put(&key("1"), record("stale", &[]), before)
            .await
            .unwrap()
    );
    works(&one, &key("1")).await;
}

#[tokio::test]
async fn lost_control_keys_cost_the_content_and_nothing_else() {
    for lost in ["state", "tags", "prefixes"] {
        let server = Server::start(&[]);
        let level = connect(&server.address()).await;
        let ear = Ear::on(&level);
        assert!(store(&level, &key("1"), "1", &["t"]).await);
        let before = level.lease().unwrap();
        server.command::<i64>(&["DEL", &format!("{{shop:v2:}}{lost}")]);
        assert!(gap(&level, &ear).await.epoch > before.epoch);
        assert_eq!(read(&level, &key("1")).await, None);
        works(&level, &key("1")).await;
    }
}

#[tokio::test]
async fn a_server_that_comes_back_empty() {
    let mut server = Server::start(&[]);
    let level = connect(&server.address()).await;
    let ear = Ear::on(&level);
    let before = level.lease().unwrap();
    server.kill();
    let error = eventually(|| async { level.get(&key("1")).await.err() }).await;
    assert!(!matches!(error, LevelError::Open), "{error}");
    eventually(|| async { level.lease().is_none().then_some(()) }).await;
    assert_eq!(level.get(&key("1")).await, Err(LevelError::CutOff));
    server.restart();
    assert!(gap(&level, &ear).await.epoch > before.epoch);
    assert!(
        !level
            .put(&key("1"), record("stale", &[]), before)
            .await
            .unwrap()
    );
    works(&level, &key("1")).await;
}

#[tokio::test]
async fn a_server_that_comes_back_with_yesterdays_data() {
    let mut server = Server::start(&[]);
    let (one, two) = (
        connect(&server.address()).await,
        connect(&server.address()).await,
    );
    let ear = Ear::on(&one);
    one.invalidate(&[Invalidation::tag("other")]).await.unwrap();
    assert!(store(&one, &key("1"), "old", &[]).await);
    assert!(store(&one, &key("2"), "old", &["t"]).await);
    server.command::<String>(&["SAVE"]);
    let lost = two
        .invalidate(&[Invalidation::key(&key("1")), Invalidation::tag("t")])
        .await
        .unwrap();
    lease_after(&one, lost).await;
    server.kill();
    server.restart();
    assert_eq!(
        server.command::<i64>(&["EXISTS", "shop:v2:item:1", "shop:v2:item:2"]),
        2
    );
    assert!(gap(&one, &ear).await.epoch > lost.epoch);
    for name in ["1", "2"] {
        assert_eq!(read(&one, &key(name)).await, None);
    }
    lease_after(
        &two,
        Lease {
            epoch: lost.epoch + 1,
            ..lost
        },
    )
    .await;
    assert_eq!(read(&two, &key("2")).await, None);
    works(&two, &key("1")).await;
}

#[tokio::test]
async fn a_server_that_stands_still_is_given_up_in_time_and_taken_up_again() {
    let server = Server::start(&[]);
    let level = connect(&server.address()).await;
    let ear = Ear::on(&level);
    let before = level.lease().unwrap();
    server.freeze();
    let begin = Instant::now();
    assert_eq!(level.get(&key("1")).await, Err(LevelError::Timeout));
    assert_eq!(
        level.invalidate(&[Invalidation::all()]).await,
        Err(LevelError::Timeout)
    );
    assert!(begin.elapsed() < LIMIT / 2);
    eventually(|| async { level.lease().is_none().then_some(()) }).await;
    server.thaw();
    let after = lease(&level).await;
    assert_eq!(
        (after.epoch, ear.gaps()),
        (before.epoch, 0),
        "it was not away, only slow"
    );
    works(&level, &key("1")).await;
}

#[tokio::test]
async fn a_value_that_waited_in_a_server_that_stood_still_is_refused() {
    let server = Server::start(&[]);
    let level = RedisLevel::connect(RedisOptions {
        timeout: LIMIT,
        ..options(&server.address())
    })
    .await
    .unwrap();
    let lease = level.lease().unwrap();
    server.freeze();
    let waiting = level.clone();
    let put = tokio::spawn(async move { waiting.put(&key("1"), record("late", &[]), lease).await });
    tokio::time::sleep(Duration::from_secs(21)).await;
    server.thaw();
    let error = put.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("later than it was sent"), "{error}");
    assert_eq!(server.command::<i64>(&["EXISTS", "shop:v2:item:1"]), 0);
}

#[tokio::test]
async fn a_level_may_start_before_its_server() {
    let mut server = Server::start(&[]);
    server.kill();
    let patient = RedisOptions {
        start_without: true,
        ..options(&server.address())
    };
    let level: Arc<RedisLevel> = RedisLevel::connect(patient).await.unwrap();
    let ear = Ear::on(&level);
    assert_eq!(level.lease(), None);
    assert_eq!(level.get(&key("1")).await, Err(LevelError::CutOff));
    let error = level
        .invalidate(&[Invalidation::all()])
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("not connected") && error.contains("nothing listens"),
        "{error}"
    );
    server.restart();
    gap(&level, &ear).await;
    works(&level, &key("1")).await;
}

#[tokio::test]
async fn over_tls_with_a_certificate_of_ones_own() {
    let dir = tempfile::tempdir().unwrap();
    let (cert, tls_key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test",
        ])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args([
            "-keyout".as_ref(),
            tls_key.as_os_str(),
            "-out".as_ref(),
            cert.as_os_str(),
        ])
        .output()
        .expect("this test needs openssl; run scripts/setup");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let port = free_port();
    let (cert_path, key_path) = (cert.display().to_string(), tls_key.display().to_string());
    let server = Server::start(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &cert_path,
        "--tls-key-file",
        &key_path,
        "--tls-ca-cert-file",
        &cert_path,
        "--tls-auth-clients",
        "no",
    ]);
    let address = format!("rediss://127.0.0.1:{port}");
    let trusting = RedisOptions {
        root_certificates: Some(std::fs::read(&cert).unwrap()),
        ..options(&address)
    };
    let level = RedisLevel::connect(trusting).await.unwrap();
    assert!(store(&level, &key("1"), "secret", &[]).await);
    assert_eq!(read(&level, &key("1")).await.as_deref(), Some("secret"));
    // What limits are counted with goes the same way.
    let trusting = RedisOptions {
        root_certificates: Some(std::fs::read(&cert).unwrap()),
        ..options(&address)
    };
    let remote = Remote::open(&trusting).await.unwrap();
    let arguments = ["bucket", "16000000000", "2", "1"].map(str::to_owned);
    let mut allowed = Vec::new();
    for _ in 0..3 {
        let words = arguments.each_ref().map(String::as_str);
        let answer = remote.call(&Script::limit(), "{client}", &words).await;
        allowed.push(answer.unwrap()[0]);
    }
    assert_eq!(allowed, [1, 1, 0]);
    let error = RedisLevel::connect(options(&address))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("certificate"), "{error}");
    assert!(server.command::<i64>(&["EXISTS", "shop:v2:item:1"]) == 1);
}
