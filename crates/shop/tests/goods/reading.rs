//! Every fix gives the same answers.

use tenfold_shop::model::Query;
use tenfold_shop::money::Cents;
use tenfold_shop::profile::{Fix, Fixes};
use tenfold_shop::{Error, Shop};

use crate::common::{Base, customer, fill, order, placed, until};

/// Everything that can be read, as text.
async fn everything(shop: &Shop) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut note = |what: String, answer: Result<String, Error>| {
        let answer = answer.unwrap_or_else(|error| format!("error: {error}"));
        all.push((what, answer));
    };
    note("home".into(), shop.home().await.map(|it| format!("{it:?}")));
    note(
        "categories".into(),
        shop.categories().await.map(|it| format!("{it:?}")),
    );
    note(
        "popular".into(),
        shop.popular().await.map(|it| format!("{it:?}")),
    );
    for category in [
        None,
        Some("garden"),
        Some("office-goods"),
        Some("nothing"),
        Some("a'b"),
        Some("\0"),
        Some(""),
    ] {
        let new = shop.new_products(category).await;
        note(format!("new {category:?}"), new.map(|it| format!("{it:?}")));
        let best = shop.best_sellers(category).await;
        note(
            format!("best {category:?}"),
            best.map(|it| format!("{it:?}")),
        );
    }
    for id in (1..=12).chain([250, 251, 300, 301, 0, -1, i32::MAX, i32::MIN]) {
        let product = shop.product(id).await;
        note(format!("product {id}"), product.map(|it| format!("{it:?}")));
    }
    all.extend(searches(shop).await);
    all
}

/// What is found by texts of every kind.
async fn searches(shop: &Shop) -> Vec<(String, String)> {
    let texts = [
        "",
        " ",
        "oak",
        "OAK chair",
        "chairs",
        "tea",
        "teapot",
        "glass",
        "hand made",
        "hand-made",
        "made",
        "baker's",
        "bakers",
        "steel",
        "linen",
        "cotton",
        "12",
        "12-piece",
        "piece",
        "a5",
        "no 3",
        "no. 3",
        "sons",
        "oakley & sons",
        "møller",
        "works tea",
        "panel",
        "pan",
        "xyzzy",
        "%",
        "_",
        "' OR 1=1 --",
        "tea:* | oak",
        "!oak",
        "\\",
        "(",
        "\0",
        "a",
        "o e",
        "🫖",
        "oak oak oak",
    ];
    let everywhere = texts.map(|text| (text, None, 1));
    let further = ["", "oak", "%"].into_iter().flat_map(|text| {
        let pages = [0, 2, 3, 51, u32::MAX].map(|page| (text, None, page));
        let departments = ["kitchen", "x", ""].map(|category| (text, Some(category), 1));
        pages.into_iter().chain(departments)
    });
    let mut all = Vec::new();
    for (text, category, page) in everywhere.into_iter().chain(further) {
        let query = Query {
            text: text.to_owned(),
            category: category.map(str::to_owned),
            page,
        };
        let found = shop.search(&query).await.map(|it| format!("{it:?}"));
        let found = found.unwrap_or_else(|error| format!("error: {error}"));
        all.push((format!("search {query:?}"), found));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fix_gives_the_same_answers() {
    let base = Base::new().await;
    let naive = base.shop(Fixes::NONE).await;
    let somebody = customer(&naive, "ada").await;
    for key in ["1", "2", "3"] {
        fill(&naive, &somebody, &[(1, 2), (7, 20), (299, 1)]).await;
        placed(order(&naive, &somebody, key).await);
    }
    let mut options = base.options(Fixes::NONE);
    options.is_worker = true;
    let worker = crate::common::open(options).await;
    base.done().await;
    drop(worker);

    let expected = everything(&naive).await;
    let found = |text: &str| {
        let count = |(_, answer): &(String, String)| {
            let count = answer
                .rsplit("count: ")
                .next()
                .map(|rest| rest.trim_end_matches(" }"));
            count.and_then(|count| count.parse::<i64>().ok())
        };
        let wanted = format!(
            "search {:?}",
            Query {
                text: text.to_owned(),
                category: None,
                page: 1
            }
        );
        expected
            .iter()
            .find(|(what, _)| *what == wanted)
            .and_then(count)
    };
    // It is not that all find nothing.
    for text in [
        "oak",
        "chairs",
        "tea",
        "glass",
        "hand-made",
        "made",
        "baker's",
        "cotton",
        "piece",
        "møller",
        "no. 3",
    ] {
        assert!(found(text).is_some_and(|count| count > 0), "{text}");
    }
    assert_eq!(found("xyzzy"), Some(0));
    assert_eq!(found(""), Some(300));

    let combinations = Fix::ALL.map(|fix| Fixes::NONE.set(fix, true));
    for fixes in combinations.into_iter().chain([Fixes::ALL]) {
        let shop = base.shop(fixes).await;
        assert!(shop.ready().await.is_ok());
        // Twice: the second time from the cache, if there is one.
        for _ in 0..2 {
            for (ours, theirs) in everything(&shop).await.iter().zip(&expected) {
                assert_eq!(ours, theirs, "{fixes:?}");
            }
        }
        let customer = somebody.customer.as_ref().expect("logged in").id;
        let orders = |shop| async move { Shop::orders(shop, customer).await.expect("answers") };
        assert_eq!(orders(&shop).await, orders(&naive).await);
        assert_eq!(orders(&shop).await.len(), 3);
    }
}

/// Whatever is typed: the same in both profiles, and never an error.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_searched_for_is_an_error() {
    const PIECES: [&str; 32] = [
        "oak", "CHAIR", "s", "tea", "12", "a", " ", " ", "'", "''", "\"", "\\", "%", "_", ":*",
        "&", "|", "!", "(", ")", "<->", "-", "/", "\0", "\n", "ß", "İ", "½", "ǅ", "١٢", "ø", "🫖",
    ];
    let base = Base::new().await;
    let (naive, tuned) = (
        base.shop(Fixes::NONE).await,
        base.shop(Fixes::NONE.set(Fix::Indexes, true)).await,
    );
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..300 {
        let text = (0..random.usize(1..9))
            .map(|_| PIECES[random.usize(..PIECES.len())])
            .collect();
        let query = Query {
            text,
            category: None,
            page: 1,
        };
        let (slow, quick) = (naive.search(&query).await, tuned.search(&query).await);
        let (slow, quick) = (slow.expect("no error"), quick.expect("no error"));
        assert_eq!(slow.count, quick.count, "{query:?}");
        assert_eq!(slow, quick, "{query:?}");
    }
}

#[tokio::test]
async fn a_tuned_shop_says_that_indexes_are_missing() {
    let base = Base::untuned();
    let told = base
        .shop(Fixes::ALL)
        .await
        .ready()
        .await
        .expect_err("not ready");
    assert!(
        told.to_string().contains("shop migrate --profile tuned"),
        "{told}"
    );
    assert!(base.shop(Fixes::NONE).await.ready().await.is_ok());
    base.sql("DROP TABLE seeded");
    let told = base
        .shop(Fixes::NONE)
        .await
        .ready()
        .await
        .expect_err("not ready");
    assert!(told.to_string().contains("shop seed"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_loaded_once_and_not_while_changes_cannot_be_heard() {
    let base = Base::new().await;
    let shop = base.shop(Fixes::NONE.set(Fix::ProcessCache, true)).await;
    let price = async || shop.product(5).await.expect("there").card.price.0;
    let is_kept = async || {
        let before = price().await;
        // Behind the shop's back: nobody is told.
        base.sql("UPDATE products SET price = price + 1 WHERE id = 5");
        price().await == before
    };
    until(is_kept, "it keeps what it reads").await;
    // Whoever cannot hear of changes reads anew.
    let other = base.shop(Fixes::NONE).await;
    other.ready().await.expect("connected");
    base.close();
    base.cut("application_name = 'shop listen'");
    other.change(5, Cents(77), 5).await.expect("changed");
    until(async || price().await == 77, "it reads anew").await;
    other.change(5, Cents(78), 5).await.expect("changed");
    assert_eq!(price().await, 78);
    base.open();
    until(is_kept, "it keeps what it reads again").await;
}

/// A line that hangs says nothing: neither what has changed nor that it hangs. So what is kept is used only for as long as the line was
/// just found to be alive, which is shorter than a price may be old.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_hangs_shows_no_old_price_for_longer_than_a_second() {
    let base = Base::new().await;
    let shop = base.shop(Fixes::NONE.set(Fix::ProcessCache, true)).await;
    let other = base.shop(Fixes::NONE).await;
    let price = async || shop.product(5).await.expect("there").card.price.0;
    let is_kept = async || {
        let before = price().await;
        base.sql("UPDATE products SET price = price + 1 WHERE id = 5");
        price().await == before
    };
    until(is_kept, "it keeps what it reads").await;
    let pid = base.sql(&format!(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'shop listen' AND datname = '{}'",
        base.name
    ));
    let signal = |signal: &str| {
        let sent = std::process::Command::new("kill")
            .args([signal, &pid])
            .status();
        assert!(sent.expect("runs").success());
    };
    signal("-STOP");
    other.change(5, Cents(77), 5).await.expect("changed");
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let seen = price().await;
    signal("-CONT");
    assert_eq!(seen, 77);
    until(is_kept, "it keeps what it reads again").await;
}
