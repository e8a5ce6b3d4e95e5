//! Sessions, baskets and accounts.

use std::sync::Arc;

use tenfold_shop::model::Cart;
use tenfold_shop::profile::Fixes;
use tenfold_shop::session::Token;
use tenfold_shop::{Error, Shop};

use crate::common::{Base, customer, fill, open};

/// In tables, and in Redis.
async fn both_stores(test: impl AsyncFn(&Base, Arc<Shop>)) {
    let base = Base::untuned();
    test(&base, base.shop(Fixes::NONE).await).await;
    let (base, folder) = (Base::untuned(), tempfile::tempdir().expect("a folder"));
    let redis = tenfold_testkit::redis::Redis::start(folder.path(), &[]);
    let mut options = base.options(Fixes::ALL);
    options.redis = Some(redis.url());
    test(&base, open(options).await).await;
}

#[tokio::test]
async fn a_session_from_before_is_worth_nothing_after_logging_in() {
    both_stores(async |base, shop| {
        let foisted = shop.begin_session().await.expect("a session");
        fill(&shop, &foisted, &[(3, 2), (1, 1)]).await;
        let mine = shop
            .register(
                Some(&foisted.token),
                "Ada",
                "ada@example.com",
                "correct horse",
            )
            .await;
        let mine = mine.expect("registered");
        assert!(
            shop.session(&foisted.token)
                .await
                .expect("answers")
                .is_none()
        );
        assert_eq!(shop.cart_count(&foisted.token).await.expect("answers"), 0);
        let cart = shop.cart(&mine.token).await.expect("answers");
        let lines: Vec<_> = cart
            .lines
            .iter()
            .map(|line| (line.product.id, line.quantity))
            .collect();
        assert_eq!(lines, [(3, 2), (1, 1)], "the basket moved");
        let found = shop
            .session(&mine.token)
            .await
            .expect("answers")
            .expect("a session");
        assert_eq!(found.customer, mine.customer);

        let again = shop
            .log_in(Some(&mine.token), "ada@example.com", "correct horse")
            .await
            .expect("logged in");
        assert!(shop.session(&mine.token).await.expect("answers").is_none());
        assert_eq!(shop.cart_count(&again.token).await.expect("answers"), 3);
        // What is stored is no token.
        let stored =
            base.sql("SELECT coalesce(string_agg(encode(id, 'base64'), ' '), '') FROM sessions");
        assert!(!stored.contains(&again.token.text()[..40]));

        shop.end_session(&again.token).await.expect("ended");
        assert!(shop.session(&again.token).await.expect("answers").is_none());
        assert_eq!(shop.cart_count(&again.token).await.expect("answers"), 0);
        let unknown = Token::parse(&"A".repeat(43)).expect("a token");
        assert!(shop.session(&unknown).await.expect("answers").is_none());
        assert!(shop.add_to_cart(&unknown, 1, 1).await.is_err());
        shop.log_in(Some(&unknown), "ada@example.com", "correct horse")
            .await
            .expect("logged in");
    })
    .await;
}

#[tokio::test]
async fn baskets_have_limits() {
    both_stores(async |_, shop| {
        let session = shop.begin_session().await.expect("a session").token;
        assert_eq!(shop.add_to_cart(&session, 1, 15).await.expect("added"), 15);
        assert_eq!(
            shop.add_to_cart(&session, 1, 15).await.expect("added"),
            Cart::MOST_OF_ONE
        );
        for quantity in [0, -1, 21, i32::MIN, i32::MAX] {
            assert!(
                matches!(
                    shop.add_to_cart(&session, 1, quantity).await,
                    Err(Error::Invalid(_))
                ),
                "{quantity}"
            );
        }
        assert!(matches!(
            shop.set_in_cart(&session, 1, -1).await,
            Err(Error::Invalid(_))
        ));
        for product in [0, -1, 301, i32::MAX] {
            assert!(
                matches!(
                    shop.add_to_cart(&session, product, 1).await,
                    Err(Error::NotFound)
                ),
                "{product}"
            );
        }
        for product in 2..=50 {
            shop.add_to_cart(&session, product, 1).await.expect("added");
        }
        assert!(matches!(
            shop.add_to_cart(&session, 51, 1).await,
            Err(Error::Invalid(_))
        ));
        assert_eq!(
            shop.set_in_cart(&session, 50, 0).await.expect("taken out"),
            68
        );
        assert_eq!(
            shop.set_in_cart(&session, 50, 0).await.expect("taken out"),
            68
        );
        assert_eq!(shop.add_to_cart(&session, 51, 2).await.expect("added"), 70);
        let cart = shop.cart(&session).await.expect("answers");
        assert_eq!((cart.lines.len(), cart.count()), (50, 70));
        let order: Vec<_> = cart.lines.iter().map(|line| line.product.id).collect();
        assert_eq!(order, (1..=49).chain([51]).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clicks_at_the_same_time_all_count() {
    both_stores(async |_, shop| {
        let session = shop.begin_session().await.expect("a session").token;
        let mut clicks = tokio::task::JoinSet::new();
        for click in 0..30 {
            let (shop, session) = (shop.clone(), session.clone());
            clicks.spawn(async move {
                shop.add_to_cart(&session, 1 + click % 3, 1)
                    .await
                    .map(|_| ())
            });
        }
        for click in clicks.join_all().await {
            click.expect("counted");
        }
        assert_eq!(shop.cart_count(&session).await.expect("answers"), 30);
    })
    .await;
}

#[tokio::test]
async fn who_is_who() {
    both_stores(async |_, shop| {
        customer(&shop, "ada").await;
        let taken = shop
            .register(None, "Eve", "ADA@example.com", "another one")
            .await;
        assert!(matches!(taken, Err(Error::MailTaken)));
        for (mail, password) in [
            ("ada@example.com", "wrong horse"),
            ("eve@example.com", "correct horse"),
            ("ada@example.com", ""),
            ("ada@example.com\0", "correct horse"),
            ("", "correct horse"),
            ("past-1@example.com", "none none"),
            ("ada@example.com", &"x".repeat(1 << 20)),
        ] {
            assert!(
                matches!(
                    shop.log_in(None, mail, password).await,
                    Err(Error::WrongPassword)
                ),
                "{mail}"
            );
        }
        let session = shop
            .log_in(None, " Ada@Example.com ", "correct horse")
            .await
            .expect("logged in");
        let ada = session.customer.expect("logged in");
        assert_eq!(
            (ada.name.as_str(), ada.mail.as_str()),
            ("ada", "ada@example.com")
        );
    })
    .await;
}

#[tokio::test]
async fn sessions_end_after_thirty_days() {
    let base = Base::untuned();
    let shop = base.shop(Fixes::NONE).await;
    let session = shop.begin_session().await.expect("a session").token;
    fill(
        &shop,
        &tenfold_shop::session::Session {
            token: session.clone(),
            customer: None,
        },
        &[(1, 1)],
    )
    .await;
    let seen = || base.sql("SELECT seen FROM sessions");
    let before = seen();
    assert!(shop.session(&session).await.expect("answers").is_some());
    assert_eq!(seen(), before, "a read is no write");
    base.sql("UPDATE sessions SET seen = now() - interval '29 days'");
    let before = seen();
    assert!(shop.session(&session).await.expect("answers").is_some());
    assert_ne!(seen(), before);
    base.sql("UPDATE sessions SET seen = now() - interval '31 days'");
    assert!(shop.session(&session).await.expect("answers").is_none());
    let mut options = base.options(Fixes::NONE);
    options.is_worker = true;
    let _worker = open(options).await;
    let left =
        || base.sql("SELECT count(*) FROM sessions") + &base.sql("SELECT count(*) FROM cart_lines");
    crate::common::until(async || left() == "00", "ended sessions are taken away").await;
}
