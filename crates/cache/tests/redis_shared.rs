//! The Redis level between several processes: what they hear from each other, and how they reach the server.

#[path = "support/redis/mod.rs"]
mod support;

use std::time::Duration;

use support::*;
use tenfold_cache::level::redis::{ConnectError, RedisLevel, RedisOptions};
use tenfold_cache::level::{Claim, Confirmed, Lease, Level};
use tenfold_cache::{Invalidation, Key, Namespace};

const MOMENT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn the_others_hear_of_it_and_confirm() {
    let server = Server::start(&[]);
    let (one, two) = (
        connect(&server.address()).await,
        connect(&server.address()).await,
    );
    let (mine, theirs) = (Ear::on(&one), Ear::on(&two));
    assert!(store(&two, &key("1"), "1", &["t"]).await);
    let what: Vec<_> = (0..300)
        .map(|number| Invalidation::key(&key(&format!("k{number}"))))
        .chain([
            Invalidation::tag("t"),
            Invalidation::prefix("p").soft(),
            Invalidation::all().soft(),
        ])
        .collect();
    let lease = one.invalidate(&what).await.unwrap();
    let confirmed = eventually(|| async {
        let confirmed = one.confirmed(lease, MOMENT).await.unwrap();
        (confirmed.members == 1).then_some(confirmed)
    })
    .await;
    assert_eq!(
        confirmed,
        Confirmed {
            confirmed: 1,
            members: 1
        }
    );
    let mut heard = theirs.invalidations();
    for one in &what {
        let at = heard.iter().position(|other| other == one);
        heard.swap_remove(at.unwrap_or_else(|| panic!("{one:?} was not heard")));
    }
    assert!(heard.is_empty() && theirs.gaps() == 0);
    assert!(
        mine.heard.lock().unwrap().is_empty(),
        "nobody is told what it said itself"
    );
    assert_eq!(read(&two, &key("1")).await, None);

    two.close().await.unwrap();
    let alone = one.confirmed(lease, MOMENT).await.unwrap();
    assert_eq!(
        alone,
        Confirmed {
            confirmed: 0,
            members: 0
        }
    );
}

#[tokio::test]
async fn one_process_loads_and_a_newer_claims_value_stays() {
    let server = Server::start(&[]);
    let (one, two) = (
        connect(&server.address()).await,
        connect(&server.address()).await,
    );
    let key = key("1");
    let Claim::Granted { fence: first } = one.claim(&key, MOMENT).await.unwrap() else {
        panic!()
    };
    assert_eq!(two.claim(&key, MOMENT).await.unwrap(), Claim::Taken);
    two.release(&key, first + 1).await.unwrap();
    assert_eq!(
        two.claim(&key, MOMENT).await.unwrap(),
        Claim::Taken,
        "not its own to give back"
    );
    one.release(&key, first).await.unwrap();
    let limit = Duration::from_millis(30);
    let Claim::Granted { fence: second } = two.claim(&key, limit).await.unwrap() else {
        panic!()
    };
    let third = eventually(|| async {
        match one.claim(&key, MOMENT).await.unwrap() {
            Claim::Granted { fence } => Some(fence),
            Claim::Taken => None,
        }
    })
    .await;
    assert!(first < second && second < third);
    let lease = one.lease().unwrap();
    let with = |fence| Lease { fence, ..lease };
    assert!(
        !two.put(&key, record("second", &[]), with(second))
            .await
            .unwrap()
    );
    assert!(
        one.put(&key, record("third", &[]), with(third))
            .await
            .unwrap()
    );
    assert_eq!(read(&two, &key).await.as_deref(), Some("third"));
    server.command::<i64>(&["DEL", "{shop:v2:item:1}:fence"]);
    assert!(
        !two.put(&key, record("second", &[]), with(second))
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn two_namespaces_share_a_server_and_nothing_else() {
    let server = Server::start(&[]);
    let one = connect(&server.address()).await;
    let other = RedisOptions::new(&server.address(), &Namespace::new("shop", 3));
    let two = RedisLevel::connect(other).await.unwrap();
    let key = Key::new("the same").unwrap();
    assert!(store(&one, &key, "1", &["t"]).await);
    assert!(store(&two, &key, "2", &["t"]).await);
    one.invalidate(&[Invalidation::all()]).await.unwrap();
    assert_eq!(read(&one, &key).await, None);
    assert_eq!(read(&two, &key).await.as_deref(), Some("2"));
}

#[tokio::test]
async fn what_is_wrong_with_the_connection_is_said() {
    let server = Server::start(&["--requirepass", "hunter2"]);
    let port = server.port;
    let right = format!("redis://:hunter2@127.0.0.1:{port}");
    let level = connect(&right).await;
    assert!(store(&level, &key("1"), "1", &[]).await);
    assert!(!format!("{level:?} {:?}", options(&right)).contains("hunter2"));
    for (address, part) in [
        (
            format!("redis://:hunter3@127.0.0.1:{port}"),
            "access denied",
        ),
        (format!("redis://127.0.0.1:{port}"), "access denied"),
        (
            "redis://:hunter3@127.0.0.1:1".into(),
            "nothing listens there",
        ),
        (
            "redis://:hunter3@no.such.host.invalid".into(),
            "the name of the host has no address",
        ),
        (
            format!("redis+cluster://:hunter2@127.0.0.1:{port}"),
            "it is no cluster",
        ),
        ("localhost".into(), "must begin with redis://"),
    ] {
        let error = RedisLevel::connect(options(&address)).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(
            text.contains(part) && !text.contains("hunter"),
            "{address}: {text}"
        );
        let lasting = matches!(
            error,
            ConnectError::Denied { .. } | ConnectError::WrongKind { .. } | ConnectError::Options(_)
        );
        assert_eq!(error.is_transient(), !lasting);
    }
}
