//! Orders: never too many, never twice, never half.

use std::collections::HashSet;
use std::sync::Arc;

use tenfold_shop::checkout::Placed;
use tenfold_shop::database::Database;
use tenfold_shop::model::{Address, Status};
use tenfold_shop::money::Cents;
use tenfold_shop::profile::Fixes;
use tenfold_shop::session::Session;
use tenfold_shop::{Error, Shop};
use tokio::task::JoinSet;

use crate::common::{Base, address, customer, fill, open, order, placed, visitors};

/// Everybody orders at the same time, each with a key of their own.
async fn all_order(shop: &Arc<Shop>, sessions: &[Session]) -> Vec<Result<Placed, Error>> {
    let mut orders = JoinSet::new();
    for (number, session) in sessions.iter().cloned().enumerate() {
        let shop = shop.clone();
        orders.spawn(async move { order(&shop, &session, &format!("order-{number}")).await });
    }
    orders.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_want_the_last_ten() {
    let base = Base::untuned();
    base.sql("UPDATE stock SET received = received - available + 10, available = 10 WHERE product_id = 7");
    let shop = base.shop(Fixes::NONE).await;
    let sessions = visitors(&shop, 32).await;
    for session in &sessions {
        fill(&shop, session, &[(7, 1)]).await;
    }
    let outcomes = all_order(&shop, &sessions).await;
    let sold = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Ok(Placed::New(_))))
        .count();
    let sold_out = |outcome: &&Result<Placed, Error>| matches!(outcome, Err(Error::SoldOut(which)) if which == &[7]);
    assert_eq!((sold, outcomes.iter().filter(sold_out).count()), (10, 22));
    assert_eq!(
        base.sql("SELECT available FROM stock WHERE product_id = 7"),
        "0"
    );
    base.assert_balanced();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_is_one_order() {
    let base = Base::untuned();
    let shop = base.shop(Fixes::NONE).await;
    let session = customer(&shop, "ada").await;
    fill(&shop, &session, &[(1, 2), (2, 1)]).await;
    let mut orders = JoinSet::new();
    for _ in 0..16 {
        let (shop, session) = (shop.clone(), session.clone());
        orders.spawn(async move { order(&shop, &session, "the-key").await });
    }
    let outcomes = orders.join_all().await;
    let new = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Ok(Placed::New(_))))
        .count();
    assert_eq!(new, 1);
    let answers: HashSet<String> = outcomes
        .into_iter()
        .map(|outcome| format!("{:?}", placed(outcome)))
        .collect();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(
        base.sql("SELECT count(*) FROM orders WHERE idempotency_key = 'the-key'"),
        "1"
    );
    assert_eq!(shop.cart_count(&session.token).await.expect("answers"), 0);
    base.assert_balanced();
}

#[tokio::test(flavor = "multi_thread")]
async fn crossing_baskets_get_through() {
    let base = Base::untuned();
    let shop = base.shop(Fixes::NONE).await;
    let sessions = visitors(&shop, 32).await;
    for (number, session) in sessions.iter().enumerate() {
        let mut lines: Vec<(i32, i32)> = [1, 2, 3, 4, 5].map(|product| (product, 1)).to_vec();
        lines.rotate_left(number % 5);
        if number % 2 == 0 {
            lines.reverse();
        }
        fill(&shop, session, &lines).await;
    }
    for outcome in all_order(&shop, &sessions).await {
        assert!(matches!(outcome, Ok(Placed::New(_))), "{outcome:?}");
    }
    assert_eq!(
        base.sql("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"),
        "0"
    );
    base.assert_balanced();
}

/// Connections are cut in the middle, again and again; who gets no answer asks again with the same key.
#[tokio::test(flavor = "multi_thread")]
async fn cut_off_in_the_middle_it_is_all_or_nothing() {
    let base = Base::untuned();
    let shop = base.shop(Fixes::NONE).await;
    let sessions = visitors(&shop, 24).await;
    for session in &sessions {
        fill(&shop, session, &[(1, 1), (2, 2), (3, 3)]).await;
    }
    let buying = {
        let shop = shop.clone();
        tokio::spawn(async move { all_order(&shop, &sessions).await })
    };
    while !buying.is_finished() {
        base.cut("application_name = 'shop' AND random() < 0.3");
        tokio::time::sleep(std::time::Duration::from_millis(15)).await;
    }
    let outcomes = buying.await.expect("no panic");
    let numbers: HashSet<String> = outcomes
        .into_iter()
        .map(|outcome| placed(outcome).summary.number)
        .collect();
    assert_eq!(numbers.len(), 24);
    assert_eq!(
        base.sql("SELECT count(*) FROM orders WHERE idempotency_key LIKE 'order-%'"),
        "24"
    );
    assert_eq!(
        base.sql("SELECT 1000 - available FROM stock WHERE product_id = 3"),
        "72"
    );
    base.assert_balanced();
}

#[tokio::test]
async fn what_a_key_means() {
    let base = Base::untuned();
    let shop = base.shop(Fixes::NONE).await;
    let ada = customer(&shop, "ada").await;
    fill(&shop, &ada, &[(1, 2), (9, 1)]).await;
    let first = placed(order(&shop, &ada, "k").await);
    assert_eq!(first.summary.status, Status::Paid);
    assert_eq!(first.summary.count, 3);
    let price = |id: i32| async move { Cents(i64::from(100 + (id * 37) % 9000)) };
    assert_eq!(
        first.summary.total,
        Cents(price(1).await.0 * 2 + price(9).await.0)
    );

    // The same again, also with something new in the basket, which stays.
    fill(&shop, &ada, &[(3, 1)]).await;
    let mut options = base.options(Fixes::NONE);
    options.is_worker = true;
    let worker = open(options).await;
    base.done().await;
    drop(worker);
    let customer_id = ada.customer.as_ref().expect("logged in").id;
    let now = shop.order(customer_id, &first.summary.number).await;
    assert_eq!(now.expect("there").summary.status, Status::Processing);
    assert!(matches!(order(&shop, &ada, "k").await, Ok(Placed::Again(again)) if again == first));
    assert_eq!(shop.cart_count(&ada.token).await.expect("answers"), 1);
    // From another session of the same customer.
    let again = shop
        .log_in(None, "ADA@example.com", "correct horse")
        .await
        .expect("logged in");
    assert!(matches!(order(&shop, &again, "k").await, Ok(Placed::Again(again)) if again == first));
    // For something else.
    let elsewhere = Address {
        city: "Wells".to_owned(),
        ..address()
    };
    assert!(matches!(
        shop.check_out(&ada, "k", &elsewhere).await,
        Err(Error::KeyReused)
    ));
    // Somebody else's key is another one.
    let bob = customer(&shop, "bob").await;
    fill(&shop, &bob, &[(1, 1)]).await;
    let his = placed(order(&shop, &bob, "k").await);
    assert_ne!(his.summary.number, first.summary.number);
    let theirs = shop
        .order(bob.customer.expect("logged in").id, &first.summary.number)
        .await;
    assert!(matches!(theirs, Err(Error::NotFound)));
    base.assert_balanced();
}

#[tokio::test]
async fn what_failed_leaves_the_key_free() {
    let base = Base::untuned();
    let shop = base.shop(Fixes::NONE).await;
    let ada = customer(&shop, "ada").await;
    assert!(matches!(
        order(&shop, &ada, "k").await,
        Err(Error::EmptyCart)
    ));
    let out = "UPDATE stock SET received = received - available + 1, available = 1 WHERE product_id IN (5, 6)";
    base.sql(out);
    fill(&shop, &ada, &[(6, 2), (1, 1), (5, 2)]).await;
    let Err(Error::SoldOut(which)) = order(&shop, &ada, "k").await else {
        panic!("sold out")
    };
    assert_eq!(which, [6, 5], "in the order of the basket");
    assert_eq!(
        shop.cart_count(&ada.token).await.expect("answers"),
        5,
        "nothing was taken"
    );
    shop.change(5, Cents(500), 2).await.expect("changed");
    shop.change(6, Cents(600), 2).await.expect("changed");
    let order = placed(order(&shop, &ada, "k").await);
    assert_eq!(
        order
            .lines
            .iter()
            .map(|line| (line.product, line.price))
            .collect::<Vec<_>>(),
        [(6, Cents(600)), (1, Cents(137)), (5, Cents(500)),]
    );
    let nobody = shop.begin_session().await.expect("a session");
    assert!(matches!(
        shop.check_out(&nobody, "k", &address()).await,
        Err(Error::NotLoggedIn)
    ));
    assert!(matches!(
        shop.check_out(&ada, "", &address()).await,
        Err(Error::Invalid(_))
    ));
    base.assert_balanced();
}

/// Two tabs, two keys, one basket.
#[tokio::test(flavor = "multi_thread")]
async fn a_basket_is_ordered_once() {
    let base = Base::untuned();
    let shop = base.shop(Fixes::NONE).await;
    let ada = customer(&shop, "ada").await;
    for round in 0..10 {
        fill(&shop, &ada, &[(1, 1), (2, 1)]).await;
        let keys = [format!("a{round}"), format!("b{round}")];
        let (one, other) = tokio::join!(order(&shop, &ada, &keys[0]), order(&shop, &ada, &keys[1]));
        assert!(
            matches!(
                (&one, &other),
                (Ok(_), Err(Error::EmptyCart)) | (Err(Error::EmptyCart), Ok(_))
            ),
            "{one:?} {other:?}"
        );
    }
    assert_eq!(
        shop.orders(ada.customer.expect("logged in").id)
            .await
            .expect("answers")
            .len(),
        10
    );
    base.assert_balanced();
}

/// A process that stops in the middle of an order (it is frozen, its machine sleeps) has the stock locked. That ends before those who wait for it give up.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_frozen_in_an_order_fails_nobody_elses() {
    let base = Base::new().await;
    let shop = base.shop(Fixes::ALL).await;
    let ada = customer(&shop, "ada").await;
    fill(&shop, &ada, &[(7, 1)]).await;
    let frozen = Database::open(&base.url, 1).expect("opens");
    let (locked, is_locked) = tokio::sync::oneshot::channel();
    let frozen = tokio::spawn(async move {
        let work = async |transaction: &deadpool_postgres::Transaction<'_>| {
            let take = "UPDATE stock SET available = available - 1 WHERE product_id = 7";
            transaction.batch_execute(take).await?;
            locked.send(()).expect("somebody waits");
            std::future::pending::<Result<(), Error>>().await
        };
        frozen.transaction(work).await
    });
    is_locked.await.expect("locked");
    let placed = shop.check_out(&ada, "one", &address()).await;
    assert!(matches!(placed, Ok(Placed::New(_))), "{placed:?}");
    frozen.abort();
    base.assert_balanced();
}
