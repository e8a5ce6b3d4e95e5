//! From the first page to an order and back, as TPC-W's visitors go.

use crate::common::{Site, order};

/// Both profiles sell the same way.
async fn walk(profile: &str) {
    let site = Site::open(profile, &[]);
    let mut visitor = site.visitor();
    for (path, text) in [
        ("/", "What sells best"),
        ("/new", "New arrivals"),
        ("/best-sellers?category=tables", "Tables"),
        ("/search", "Often looked for"),
        ("/search?q=table", "table"),
        ("/products/7", "Add to basket"),
    ] {
        let page = visitor.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.body.contains(text), "{path}: {}", page.body);
    }
    assert!(
        visitor.cookies.is_empty(),
        "whoever only looks has no session"
    );
    assert_eq!(
        visitor.get("/checkout").await.field("location"),
        "/login?next=/checkout"
    );

    let put = visitor
        .post("/cart", &[("product", "7"), ("quantity", "2")])
        .await;
    assert_eq!((put.status, put.field("location")), (303, "/cart"));
    assert_eq!(visitor.cookies["basket"], "2");
    visitor.post("/cart", &[("product", "9")]).await;
    visitor
        .post("/cart/update", &[("product", "7"), ("quantity", "3")])
        .await;
    assert_eq!(visitor.cookies["basket"], "4");
    let before = visitor.cookies["session"].clone();

    let form = [
        ("name", "Ada"),
        ("mail", "ada@example.com"),
        ("password", "correct horse"),
        ("next", "/checkout"),
    ];
    let registered = visitor.post("/register", &form).await;
    assert_eq!(
        (registered.status, registered.field("location")),
        (303, "/checkout")
    );
    assert_ne!(
        visitor.cookies["session"], before,
        "a new token: the old one may be known to others"
    );
    assert_eq!(visitor.cookies["basket"], "4", "the basket comes along");

    let page = visitor.get("/checkout").await;
    let key = page.hidden("key");
    let bought = visitor.post("/checkout", &order(&key)).await;
    assert_eq!(bought.status, 303, "{}", bought.body);
    assert_eq!(visitor.cookies["basket"], "0");
    let there = bought.field("location").to_owned();
    assert!(there.starts_with("/orders/"), "{there}");

    let again = visitor.post("/checkout", &order(&key)).await;
    assert_eq!(
        (again.status, again.field("location")),
        (303, there.as_str()),
        "the same order"
    );
    assert_eq!(
        site.sql("SELECT count(*) FROM orders WHERE name = 'Ada Lovelace'"),
        "1"
    );

    let shown = visitor.get(&there).await;
    assert!(
        shown.body.contains("Thank you, Ada Lovelace") && shown.body.contains("/products/7"),
        "{}",
        shown.body
    );
    assert!(visitor.get("/orders").await.body.contains(&there));
    let empty = visitor.get("/checkout").await;
    assert_eq!(
        (empty.status, empty.field("location")),
        (303, "/cart"),
        "nothing to buy"
    );

    let left = visitor.post("/logout", &[]).await;
    assert_eq!((left.status, left.field("location")), (303, "/"));
    assert!(visitor.cookies.is_empty());
    assert_eq!(visitor.get(&there).await.status, 303, "to the login");
}

#[tokio::test]
async fn naive_sells() {
    walk("naive").await;
}

#[tokio::test]
async fn tuned_sells() {
    walk("tuned").await;
}

#[tokio::test]
async fn what_is_sold_out_is_named_and_the_basket_stays() {
    let site = Site::open("tuned", &[]);
    let mut visitor = site.visitor();
    visitor.log_in(1).await;
    visitor
        .post("/cart", &[("product", "11"), ("quantity", "2")])
        .await;
    visitor.post("/cart", &[("product", "12")]).await;
    let key = visitor.get("/checkout").await.hidden("key");
    site.sql(
        "UPDATE stock SET received = received - available + 1, available = 1 WHERE product_id = 11",
    );
    let refused = visitor.post("/checkout", &order(&key)).await;
    assert_eq!(refused.status, 409);
    assert!(
        refused.body.contains("/products/11") && !refused.body.contains("/products/12"),
        "{}",
        refused.body
    );
    assert!(visitor.get("/cart").await.body.contains("/products/12"));
    visitor
        .post("/cart/update", &[("product", "11"), ("quantity", "1")])
        .await;
    let key = visitor.get("/checkout").await.hidden("key");
    assert_eq!(visitor.post("/checkout", &order(&key)).await.status, 303);
    assert_eq!(
        site.sql("SELECT available FROM stock WHERE product_id = 11"),
        "0"
    );
}

#[tokio::test]
async fn what_does_not_fit_is_told_beside_its_field() {
    let site = Site::open("tuned", &[]);
    let mut visitor = site.visitor();
    let form = [
        ("name", "Ada"),
        ("mail", "no mail"),
        ("password", "short"),
        ("next", "/checkout"),
    ];
    let page = visitor.post("/register", &form).await;
    assert_eq!(page.status, 422);
    assert!(
        page.body.contains("id=\"wrong-password\"") && page.body.contains("value=\"Ada\""),
        "{}",
        page.body
    );
    assert!(
        !page.body.contains("value=\"short\""),
        "passwords do not come back"
    );
    let taken = [
        ("name", "Ada"),
        ("mail", "customer-1@example.com"),
        ("password", "correct horse"),
    ];
    assert_eq!(visitor.post("/register", &taken).await.status, 409);
    let wrong = visitor
        .post(
            "/login",
            &[
                ("mail", "customer-1@example.com"),
                ("password", "wrong horse"),
            ],
        )
        .await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.body.contains("role=\"alert\""));

    visitor.log_in(1).await;
    visitor.post("/cart", &[("product", "7")]).await;
    let key = visitor.get("/checkout").await.hidden("key");
    let page = visitor
        .post(
            "/checkout",
            &[("key", &key), ("name", "Ada"), ("city", "London")],
        )
        .await;
    assert_eq!(page.status, 422);
    assert!(
        page.body.contains("id=\"wrong-street\"") && page.body.contains("value=\"London\""),
        "{}",
        page.body
    );
    assert_eq!(page.hidden("key"), key, "the same order");
    let mut form = order(&key);
    form[1] = ("card", "4111 1111 1111 1111");
    let page = visitor.post("/checkout", &form).await;
    assert_eq!(page.status, 422);
    assert!(!page.body.contains("4111"), "it is not even repeated");
    assert_eq!(
        site.sql("SELECT count(*) FROM orders WHERE city = 'London'"),
        "0"
    );
}
