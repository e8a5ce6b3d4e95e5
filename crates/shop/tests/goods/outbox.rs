//! What the worker does, once.

use tenfold_shop::Shop;
use tenfold_shop::profile::{Fix, Fixes};

use crate::common::{Base, fill, open, order, placed, until, visitors};

/// Orders one after the other.
async fn sell(shop: &Shop, base: &Base, prefix: &str, count: usize) {
    let sessions = visitors(shop, 1).await;
    for number in 0..count {
        let product = 1 + (number % 9) as i32;
        fill(shop, &sessions[0], &[(product, 1), (product + 100, 2)]).await;
        placed(order(shop, &sessions[0], &format!("{prefix}-{number}")).await);
    }
    base.assert_balanced();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_done_once_whoever_dies() {
    let base = Base::untuned();
    let shop = base.shop(Fixes::NONE).await;
    sell(&shop, &base, "before", 40).await;
    let worker = || async {
        let mut options = base.options(Fixes::NONE);
        options.is_worker = true;
        options.database.push_str("&application_name=worker");
        open(options).await
    };
    let mut workers = vec![worker().await, worker().await];
    for round in 0..8 {
        sell(&shop, &base, &round.to_string(), 10).await;
        base.cut("application_name = 'worker' AND random() < 0.5");
        // Gone in the middle of whatever it does.
        workers.remove(0);
        workers.push(worker().await);
    }
    base.done().await;
    base.assert_all_done();
    assert!(workers.iter().all(|worker| worker.outbox().failed() == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_fails_does_not_hold_up_the_others() {
    let base = Base::untuned();
    let mut options = base.options(Fixes::NONE);
    options.is_worker = true;
    base.sql("INSERT INTO outbox (kind, order_id) VALUES ('order.teleported', 1), ('order.teleported', 2)");
    let shop = open(options).await;
    sell(&shop, &base, "a", 5).await;
    base.done().await;
    base.assert_all_done();
    let failed = "SELECT count(*) FROM outbox WHERE done IS NULL AND attempts > 0 AND due > now() AND failure LIKE '%order.teleported%'";
    until(async || base.sql(failed) == "2", "they are put off").await;
    let (before, done) = (shop.outbox().failed(), shop.outbox().done());
    assert!(before >= 2 && done == 5, "{before} {done}");
    base.sql("UPDATE outbox SET due = now() WHERE done IS NULL");
    until(
        async || shop.outbox().failed() >= before + 2,
        "they are tried again",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_best_sellers_change_with_the_sales() {
    let base = Base::new().await;
    let mut options = base.options(Fixes::ALL);
    options.is_worker = true;
    let (shop, other) = (
        open(options).await,
        base.shop(
            Fixes::NONE
                .set(Fix::ProcessCache, true)
                .set(Fix::ReadModel, true),
        )
        .await,
    );
    let first = async |shop: &Shop| {
        shop.best_sellers(None).await.expect("answers").products[0]
            .0
            .id
    };
    let before = first(&other).await;
    let best = if before == 4 { 8 } else { 4 };
    let sessions = visitors(&shop, 1).await;
    for round in 0..10 {
        fill(&shop, &sessions[0], &[(best, 20)]).await;
        placed(order(&shop, &sessions[0], &round.to_string()).await);
    }
    base.done().await;
    until(
        async || first(&shop).await == best && first(&other).await == best,
        "all hear of it",
    )
    .await;
}
