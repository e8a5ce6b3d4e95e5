//! The office.

use http::Method;

use crate::common::{Site, TOKEN};

#[tokio::test]
async fn a_price_is_changed_by_who_may_and_seen_at_once() {
    let site = Site::open("tuned", &[]);
    let mut admin = site.visitor();
    let refused = admin.get("/admin").await;
    assert_eq!(refused.status, 401);
    assert!(
        refused
            .field("www-authenticate")
            .starts_with("Basic realm="),
        "{:?}",
        refused.fields
    );
    let bearer = format!("Bearer {TOKEN}");
    let fields = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let list = admin.ask(Method::GET, "/admin?q=table", &fields, "").await;
    assert_eq!(
        (list.status, list.field("cache-control")),
        (200, "private, no-store")
    );
    assert!(list.body.contains("/admin/products/"), "{}", list.body);
    assert_eq!(
        admin
            .ask(Method::GET, "/admin/products/7", &fields, "")
            .await
            .status,
        200
    );

    let mut visitor = site.visitor();
    let before = visitor.get("/products/7").await;
    let saved = admin
        .ask(
            Method::POST,
            "/admin/products/7",
            &fields,
            "price=1234.56&stock=3",
        )
        .await;
    assert_eq!(
        (saved.status, saved.field("location")),
        (303, "/admin/products/7?saved=1")
    );
    let after = visitor.get("/products/7").await;
    assert!(
        after.body.contains("€1,234.56") && after.body.contains("Only a few left"),
        "{}",
        after.body
    );
    assert_ne!(before.field("etag"), after.field("etag"));

    let wrong = admin
        .ask(
            Method::POST,
            "/admin/products/7",
            &fields,
            "price=free&stock=many",
        )
        .await;
    assert_eq!(wrong.status, 422);
    assert!(
        wrong.body.contains("id=\"wrong-price\"") && wrong.body.contains("id=\"wrong-stock\""),
        "{}",
        wrong.body
    );
    assert!(
        wrong.body.contains("value=\"free\""),
        "what was written stays"
    );
    assert_eq!(
        admin
            .ask(
                Method::POST,
                "/admin/products/9999",
                &fields,
                "price=1&stock=1"
            )
            .await
            .status,
        404
    );
    assert_eq!(
        site.visitor()
            .post("/admin/products/7", &[("price", "1"), ("stock", "1")])
            .await
            .status,
        401
    );
}

/// A form that was open while something was sold does not bring back what is gone.
#[tokio::test]
async fn what_is_sold_while_a_form_is_open_stays_sold() {
    let site = Site::open("tuned", &[]);
    let mut admin = site.visitor();
    let bearer = format!("Bearer {TOKEN}");
    let fields = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    site.sql("UPDATE stock SET received = received - available + 20, available = 20 WHERE product_id = 7");
    let stock = || site.sql("SELECT available FROM stock WHERE product_id = 7");
    let form = admin
        .ask(Method::GET, "/admin/products/7", &fields, "")
        .await;
    let before = form.hidden("before");
    let sell = || {
        site.sql("UPDATE stock SET available = available - 3, received = received - 3 WHERE product_id = 7")
    };
    sell();
    let send = async |stock: &str, admin: &mut crate::common::Visitor| {
        let form = format!("price=12.00&stock={stock}&before={before}");
        admin
            .ask(Method::POST, "/admin/products/7", &fields, &form)
            .await
    };
    assert_eq!(send("20", &mut admin).await.status, 303);
    assert_eq!(stock(), "17", "only the price was changed");
    assert_eq!(send("25", &mut admin).await.status, 303);
    assert_eq!(stock(), "22", "five came in");
    let refused = send("0", &mut admin).await;
    assert_eq!(refused.status, 303, "twenty were written off");
    assert_eq!(stock(), "2");
    let refused = send("0", &mut admin).await;
    assert_eq!(refused.status, 422, "there are no twenty any more");
    assert!(
        refused.body.contains("id=\"wrong-stock\""),
        "{}",
        refused.body
    );
    assert_eq!(
        refused.hidden("before"),
        "2",
        "the form knows how it stands now"
    );
    assert_eq!(stock(), "2");
}
