//! A change of price or stock, and who hears of it.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;
use tenfold_shop::Error;
use tenfold_shop::model::{Availability, Query};
use tenfold_shop::money::Cents;
use tenfold_shop::profile::{Fix, Fixes};

use crate::common::{Base, customer, fill, open, order, placed, until};

/// What a gateway was told: tags, and whether softly. The first requests fail.
#[derive(Clone, Default)]
struct Gateway {
    told: Arc<Mutex<Vec<(String, bool)>>>,
    failures: Arc<Mutex<u32>>,
}

impl Gateway {
    async fn start(&self) -> String {
        let router = Router::new()
            .route("/api/v1/cache/purge", post(purge))
            .with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    fn told(&self) -> MutexGuard<'_, Vec<(String, bool)>> {
        self.told.lock().expect("nobody panicked")
    }

    fn failures(&self) -> MutexGuard<'_, u32> {
        self.failures.lock().expect("nobody panicked")
    }

    fn was_told(&self, tag: &str) -> bool {
        self.told().iter().any(|(told, _)| told == tag)
    }
}

async fn purge(
    State(gateway): State<Gateway>,
    headers: axum::http::HeaderMap,
    Json(purge): Json<Value>,
) -> StatusCode {
    assert_eq!(headers["authorization"], "Bearer hush");
    let mut failures = gateway.failures();
    if *failures > 0 {
        *failures -= 1;
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    let tag = purge["tag"].as_str().expect("a tag").to_owned();
    let is_soft = purge["soft"].as_bool().expect("soft or not");
    gateway.told().push((tag, is_soft));
    StatusCode::OK
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_is_seen_everywhere() {
    let base = Base::new().await;
    let gateway = Gateway::default();
    *gateway.failures() = 2;
    let mut options = base.options(Fixes::ALL);
    options.purge = vec![gateway.start().await];
    options.purge_token = Some("hush".to_owned());
    let (here, there) = (open(options).await, base.shop(Fixes::ALL).await);
    until(
        async || gateway.was_told("shop"),
        "whoever begins to hear purges everything, and tries again",
    )
    .await;
    assert!(gateway.told().iter().all(|(_, is_soft)| *is_soft));

    let search = Query {
        text: "chair".to_owned(),
        category: None,
        page: 1,
    };
    let shown = async |shop: &tenfold_shop::Shop| {
        let found = shop.search(&search).await.expect("answers").products;
        let price = shop.product(1).await.expect("there").card.price;
        let related = shop.product(95).await.expect("there").related;
        (
            price,
            found.len(),
            related.iter().map(|card| card.price).collect::<Vec<_>>(),
        )
    };
    for price in [Cents(4242), Cents(1), Cents::MOST] {
        let _kept = (shown(&here).await, shown(&there).await);
        here.change(1, price, 7).await.expect("changed");
        assert!(gateway.was_told("product-1"), "before it returns");
        assert_eq!(shown(&here).await.0, price);
        until(
            async || shown(&there).await.0 == price,
            "other processes hear of it",
        )
        .await;
        assert_eq!(
            here.product(1).await.expect("there").card.availability,
            Availability::Few
        );
    }
    assert!(
        gateway
            .told()
            .iter()
            .all(|(tag, is_soft)| *is_soft == (tag == "shop"))
    );
    // What was missed while nobody could hear.
    gateway.told().clear();
    base.cut("application_name = 'shop listen'");
    until(async || gateway.was_told("shop"), "everything is purged").await;
    base.assert_balanced();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_is_told_when_pages_look_different() {
    let base = Base::new().await;
    base.sql("UPDATE stock SET received = received - available + 12, available = 12 WHERE product_id = 7");
    let gateway = Gateway::default();
    let mut options = base.options(Fixes::ALL);
    options.purge = vec![gateway.start().await];
    options.purge_token = Some("hush".to_owned());
    let shop = open(options).await;
    until(async || gateway.was_told("shop"), "hears").await;
    let ada = customer(&shop, "ada").await;
    for (round, (buy, is_told)) in [(2, false), (1, true), (8, false), (1, true)]
        .into_iter()
        .enumerate()
    {
        gateway.told().clear();
        fill(&shop, &ada, &[(7, buy), (8, 1)]).await;
        placed(order(&shop, &ada, &round.to_string()).await);
        // Comes after all that was told before.
        shop.change(200 + round as i32, Cents(5), 5)
            .await
            .expect("changed");
        until(
            async || gateway.was_told(&format!("product-{}", 200 + round)),
            "told",
        )
        .await;
        if is_told {
            until(async || gateway.was_told("product-7"), "told of the sale").await;
        }
        assert_eq!(gateway.was_told("product-7"), is_told, "{buy}");
        assert!(!gateway.was_told("product-8"));
    }
    assert_eq!(
        shop.product(7).await.expect("there").card.availability,
        Availability::SoldOut
    );
    base.assert_balanced();
}

#[tokio::test]
async fn what_is_managed() {
    let base = Base::untuned();
    let shop = base.shop(Fixes::NONE.set(Fix::Joins, true)).await;
    assert_eq!(shop.managed("").await.expect("answers").len(), 50);
    let teapots = base.sql("SELECT count(*) FROM products WHERE title LIKE '%Teapot%'");
    let found = shop.managed("TEAPOT").await.expect("answers").len();
    assert_eq!(found.to_string(), teapots);
    for nothing in ["%", "_", "\\", "\0%", "xyzzy", "'"] {
        let count = shop.managed(nothing).await.expect("answers").len();
        assert_eq!(count, if nothing == "'" { 43 } else { 0 }, "{nothing:?}");
    }
    assert_eq!(shop.managed(" 17 ").await.expect("answers").len(), 1);
    shop.change(9, Cents(99), 3).await.expect("changed");
    let managed = shop.manage(9).await.expect("there");
    assert_eq!((managed.card.price, managed.available), (Cents(99), 3));
    assert!(matches!(shop.manage(301).await, Err(Error::NotFound)));
    assert!(matches!(
        shop.change(301, Cents(1), 1).await,
        Err(Error::NotFound)
    ));
    for (price, stock) in [(0, 1), (-1, 1), (i64::MAX, 1), (1, -1), (1, 1_000_001)] {
        assert!(
            matches!(
                shop.change(9, Cents(price), stock).await,
                Err(Error::Invalid(_))
            ),
            "{price} {stock}"
        );
    }
    base.assert_balanced();
}
