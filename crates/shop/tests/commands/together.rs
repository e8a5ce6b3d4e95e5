//! The seeded shop in use: both profiles say the same of it, its customers can log in and buy, and the books balance.

use std::sync::Arc;

use tenfold_shop::checkout::Placed;
use tenfold_shop::model::{Address, Query};
use tenfold_shop::profile::Fixes;
use tenfold_shop::seed::DEMO_PASSWORD;
use tenfold_shop::{Options, Shop};

use crate::common::{run, shop as copy, told};

async fn open(url: &str, fixes: Fixes) -> Arc<Shop> {
    let options = Options {
        database: url.to_owned(),
        pool: 4,
        redis: None,
        fixes,
        purge: Vec::new(),
        purge_token: None,
        is_worker: false,
    };
    Shop::open(options).await.expect("opens")
}

/// What visitors would see.
async fn pages(shop: &Shop) -> Vec<String> {
    let mut pages = vec![
        format!("{:?}", shop.home().await),
        format!("{:?}", shop.new_products(None).await),
        format!("{:?}", shop.best_sellers(None).await),
    ];
    let categories = shop.categories().await.expect("categories");
    assert_eq!(categories.len(), 24);
    for category in categories {
        let slug = Some(category.slug.as_str());
        pages.push(format!("{:?}", shop.new_products(slug).await));
        pages.push(format!("{:?}", shop.best_sellers(slug).await));
    }
    for id in 1..=200 {
        pages.push(format!("{:?}", shop.product(id).await));
    }
    let words = [
        "teapot",
        "lamp",
        "chair",
        "oak",
        "linen",
        "garden",
        "steel",
        "notebook",
        "basket",
        "kettle",
        "blanket",
        "wool",
        "desk",
        "shelf",
        "mirror",
        "vase",
        "candle",
        "knife",
        "pan",
        "rug",
        "sauté",
        "chef's knife",
        "oak & finch",
        "pour-over",
        "marlow",
    ];
    for word in words {
        let query = Query {
            text: word.to_owned(),
            category: None,
            page: 1,
        };
        pages.push(format!("{word}: {:?}", shop.search(&query).await));
    }
    pages
}

#[tokio::test(flavor = "multi_thread")]
async fn both_profiles_say_the_same() {
    let url = copy("profiles");
    let naive = pages(&*open(&url, Fixes::NONE).await).await;
    let output = run("migrate", &url, &["--profile", "tuned"]);
    assert!(output.status.success(), "{}", told(&output));
    let tuned = pages(&*open(&url, Fixes::ALL).await).await;
    for (naive, tuned) in naive.iter().zip(&tuned) {
        assert!(!naive.contains("Err("), "{naive}");
        assert_eq!(naive, tuned);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seeded_customer_buys_and_the_books_balance() {
    let url = copy("buys");
    let shop = open(&url, Fixes::NONE).await;
    let session = shop
        .log_in(None, "customer-1@example.com", DEMO_PASSWORD)
        .await;
    let session = session.expect("logged in");
    shop.add_to_cart(&session.token, 1, 2).await.expect("added");
    let address = Address {
        name: "Ada".to_owned(),
        street: "1 Mill Lane".to_owned(),
        postcode: "12345".to_owned(),
        city: "Bath".to_owned(),
        country: "Ireland".to_owned(),
    };
    let placed = shop.check_out(&session, "key", &address).await;
    assert!(matches!(placed, Ok(Placed::New(_))), "{placed:?}");
    let output = run("check", &url, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(
        told(&output).contains("2001 orders") && told(&output).contains("events: 1 open"),
        "{}",
        told(&output)
    );
}
