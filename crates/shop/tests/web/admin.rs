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
