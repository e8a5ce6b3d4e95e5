//! What is different with Redis.

use std::sync::Arc;

use tenfold_shop::checkout::Placed;
use tenfold_shop::profile::{Fix, Fixes};
use tenfold_shop::{Error, Shop};
use tenfold_testkit::redis::Redis;

use crate::common::{Base, customer, fill, open, order, placed, until, visitors};

struct Both {
    base: Base,
    redis: Redis,
    _folder: tempfile::TempDir,
}

impl Both {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let redis = Redis::start(folder.path(), &[]);
        Self {
            base: Base::new().await,
            redis,
            _folder: folder,
        }
    }

    /// A command whose answer says nothing.
    fn run(&self, words: &[&str]) {
        let _answer = self.redis.command(words);
    }

    async fn shop(&self, fixes: Fixes, is_worker: bool) -> Arc<Shop> {
        let mut options = self.base.options(fixes);
        options.redis = Some(self.redis.url());
        options.is_worker = is_worker;
        open(options).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_and_their_events_by_redis() {
    let both = Both::new().await;
    let (shop, _other) = (
        both.shop(Fixes::ALL, true).await,
        both.shop(Fixes::ALL, true).await,
    );
    let sessions = visitors(&shop, 20).await;
    for (number, session) in sessions.iter().enumerate() {
        fill(&shop, session, &[(1, 1), (2 + number as i32, 3)]).await;
        let first = placed(order(&shop, session, &number.to_string()).await);
        assert!(
            matches!(order(&shop, session, &number.to_string()).await, Ok(Placed::Again(again)) if again == first)
        );
        assert_eq!(shop.cart_count(&session.token).await.expect("answers"), 0);
    }
    both.base.done().await;
    both.base.assert_all_done();
    assert_eq!(
        both.base
            .sql("SELECT count(*) FROM outbox WHERE sent IS NULL AND order_id > 200"),
        "0"
    );
    until(
        async || {
            both.redis
                .command(&["XPENDING", "shop:orders", "workers"])
                .starts_with('0')
        },
        "all are acknowledged",
    )
    .await;
    // The same list from the sets and from the table.
    until(
        async || both.redis.command(&["EXISTS", "shop:best:whole"]) == "1",
        "the sets are filled",
    )
    .await;
    let plain = both.base.shop(Fixes::NONE.set(Fix::ReadModel, true)).await;
    let board = both
        .shop(Fixes::NONE.set(Fix::ReadModel, true), false)
        .await;
    for category in [None, Some("garden"), Some("lamps")] {
        let table = plain.best_sellers(category).await.expect("answers");
        assert_eq!(board.best_sellers(category).await.expect("answers"), table);
        assert!(!table.products.is_empty());
    }
}

/// The process dies between the order's commit and emptying the basket.
#[tokio::test]
async fn a_basket_that_was_not_emptied_is_not_ordered_again() {
    let both = Both::new().await;
    let shop = both.shop(Fixes::NONE, false).await;
    let ada = customer(&shop, "ada").await;
    fill(&shop, &ada, &[(1, 2), (2, 1)]).await;
    let key = both.redis.command(&["KEYS", "shop:cart:*"]);
    let dump = both.redis.command(&["HGETALL", &key]);
    let first = placed(order(&shop, &ada, "one").await);
    assert_eq!(both.redis.command(&["EXISTS", &key]), "0");
    let mut restore = vec!["HSET", &key];
    restore.extend(dump.lines());
    both.run(&restore);
    assert_eq!(shop.cart_count(&ada.token).await.expect("answers"), 3);
    // Put in meanwhile.
    shop.add_to_cart(&ada.token, 3, 1).await.expect("added");
    shop.add_to_cart(&ada.token, 2, 1).await.expect("added");
    let again = order(&shop, &ada, "two").await;
    assert!(matches!(again, Ok(Placed::Again(again)) if again == first));
    let left = shop.cart(&ada.token).await.expect("answers");
    let left: Vec<_> = left
        .lines
        .iter()
        .map(|line| (line.product.id, line.quantity))
        .collect();
    assert_eq!(left, [(2, 1), (3, 1)]);
    assert!(
        matches!(order(&shop, &ada, "three").await, Ok(Placed::New(third)) if third.summary.count == 2)
    );
    assert!(matches!(
        order(&shop, &ada, "four").await,
        Err(Error::EmptyCart)
    ));
    both.base.assert_balanced();
}

/// The same, and the client asks again with the same key: the order is there, and its basket is empty in the end.
#[tokio::test]
async fn an_order_that_is_asked_for_again_empties_its_basket_and_no_other() {
    let both = Both::new().await;
    let shop = both.shop(Fixes::NONE, false).await;
    let ada = customer(&shop, "ada").await;
    fill(&shop, &ada, &[(1, 2), (2, 1)]).await;
    let key = both.redis.command(&["KEYS", "shop:cart:*"]);
    let dump = both.redis.command(&["HGETALL", &key]);
    let first = placed(order(&shop, &ada, "one").await);
    let mut restore = vec!["HSET", &key];
    restore.extend(dump.lines());
    both.run(&restore);
    let again = order(&shop, &ada, "one").await;
    assert!(matches!(again, Ok(Placed::Again(again)) if again == first));
    assert_eq!(shop.cart_count(&ada.token).await.expect("answers"), 0);
    // A new basket with the same in it is another one.
    fill(&shop, &ada, &[(1, 1), (2, 1)]).await;
    let again = order(&shop, &ada, "one").await;
    assert!(matches!(again, Ok(Placed::Again(again)) if again == first));
    assert_eq!(shop.cart_count(&ada.token).await.expect("answers"), 2);
    both.base.assert_balanced();
}

/// Two tabs, two keys, one basket.
#[tokio::test(flavor = "multi_thread")]
async fn a_basket_is_ordered_once() {
    let both = Both::new().await;
    let shop = both.shop(Fixes::NONE, false).await;
    let ada = customer(&shop, "ada").await;
    for round in 0..10 {
        fill(&shop, &ada, &[(1, 1), (2, 1)]).await;
        let keys = [format!("a{round}"), format!("b{round}")];
        let (one, other) = tokio::join!(order(&shop, &ada, &keys[0]), order(&shop, &ada, &keys[1]));
        let new = [&one, &other]
            .into_iter()
            .filter(|outcome| matches!(outcome, Ok(Placed::New(_))))
            .count();
        assert_eq!(new, 1, "{one:?} {other:?}");
    }
    assert_eq!(
        shop.orders(ada.customer.expect("logged in").id)
            .await
            .expect("answers")
            .len(),
        10
    );
    both.base.assert_balanced();
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_goes_and_comes_back_with_nothing() {
    let mut both = Both::new().await;
    let shop = both.shop(Fixes::ALL, true).await;
    let ada = customer(&shop, "ada").await;
    fill(&shop, &ada, &[(1, 2)]).await;
    both.redis.freeze();
    let told = shop.session(&ada.token).await.expect_err("no answer");
    assert!(
        matches!(&told, Error::Unavailable(what) if what.contains("Redis")),
        "{told}"
    );
    both.redis.thaw();
    until(
        async || shop.session(&ada.token).await.is_ok(),
        "it answers again",
    )
    .await;
    placed(order(&shop, &ada, "one").await);
    both.redis.kill();
    assert!(matches!(
        shop.begin_session().await,
        Err(Error::Unavailable(_))
    ));
    assert!(matches!(shop.ready().await, Err(Error::Unavailable(_))));
    assert!(shop.best_sellers(None).await.is_ok(), "the table is read");
    // An order that was placed meanwhile, and one whose event was sent to the stream that is lost.
    let without = both.base.shop(Fixes::NONE).await;
    let bob = customer(&without, "bob").await;
    fill(&without, &bob, &[(5, 1)]).await;
    placed(order(&without, &bob, "two").await);
    fill(&without, &bob, &[(6, 1)]).await;
    placed(order(&without, &bob, "three").await);
    both.base.sql("UPDATE outbox SET sent = now() - interval '31 seconds' WHERE done IS NULL AND id = (SELECT max(id) FROM outbox)");
    both.redis.restart();
    both.base.done().await;
    both.base.assert_all_done();
    until(async || shop.ready().await.is_ok(), "ready again").await;
    assert!(
        shop.session(&ada.token).await.expect("answers").is_none(),
        "Redis has lost it"
    );
}

/// What the stream has twice, or of a worker that died, or that is no event.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_stream_has_an_event_is_done_once() {
    let both = Both::new().await;
    let shop = both.shop(Fixes::NONE, false).await;
    let ada = customer(&shop, "ada").await;
    both.run(&[
        "XGROUP",
        "CREATE",
        "shop:orders",
        "workers",
        "0",
        "MKSTREAM",
    ]);
    for round in 0..5 {
        fill(&shop, &ada, &[(1 + round, 2)]).await;
        placed(order(&shop, &ada, &round.to_string()).await);
    }
    for id in both
        .base
        .sql("SELECT id FROM outbox WHERE done IS NULL")
        .lines()
    {
        for _ in 0..3 {
            both.run(&["XADD", "shop:orders", "*", "event", id]);
        }
    }
    both.run(&["XADD", "shop:orders", "*", "event", "nonsense"]);
    both.run(&["XADD", "shop:orders", "*", "other", "1"]);
    both.run(&["XADD", "shop:orders", "*", "event", "999999"]);
    // Somebody takes four, and dies; long ago.
    both.run(&[
        "XREADGROUP",
        "GROUP",
        "workers",
        "dead",
        "COUNT",
        "4",
        "STREAMS",
        "shop:orders",
        ">",
    ]);
    let pending = both
        .redis
        .command(&["XPENDING", "shop:orders", "workers", "-", "+", "10"]);
    let ids: Vec<&str> = pending.lines().filter(|line| line.contains('-')).collect();
    assert_eq!(ids.len(), 4, "{pending}");
    for id in ids {
        both.run(&[
            "XCLAIM",
            "shop:orders",
            "workers",
            "dead",
            "0",
            id,
            "IDLE",
            "60000",
        ]);
    }
    let (_one, _other) = (
        both.shop(Fixes::NONE, true).await,
        both.shop(Fixes::NONE, true).await,
    );
    both.base.done().await;
    both.base.assert_all_done();
    until(
        async || {
            both.redis
                .command(&["XPENDING", "shop:orders", "workers"])
                .starts_with('0')
        },
        "all are acknowledged",
    )
    .await;
    both.base.assert_all_done();
}
