//! The JSON interface.

use http::Method;
use serde_json::json;

use crate::common::Site;

#[tokio::test]
async fn products_are_found_page_by_page() {
    let site = Site::open("tuned", &[]);
    let mut visitor = site.visitor();
    let all = visitor
        .get("/api/v1/products?q=table&limit=24")
        .await
        .json();
    let ids = |told: &serde_json::Value| -> Vec<i64> {
        let products = told["products"].as_array().expect("a list");
        products
            .iter()
            .filter_map(|product| product["id"].as_i64())
            .collect()
    };
    let mut parts = Vec::new();
    for page in 1..=5 {
        let told = visitor
            .get(&format!("/api/v1/products?q=table&limit=5&page={page}"))
            .await
            .json();
        assert_eq!(told["count"], all["count"]);
        parts.extend(ids(&told));
    }
    let all_ids = ids(&all);
    let least = all_ids.len().min(parts.len());
    assert!(least > 5, "{all_ids:?}");
    assert_eq!(
        parts[..least],
        all_ids[..least],
        "pages of five are the same list"
    );
    let product = visitor.get("/api/v1/products/7").await.json();
    assert!(
        product["price"].is_i64()
            && product["details"][0]["name"].is_string()
            && product["related"].is_array(),
        "{product}"
    );
    assert!(
        visitor.get("/api/v1/categories").await.json()["categories"]
            .as_array()
            .is_some_and(|all| all.len() == 24)
    );
    assert!(visitor.get("/api/v1/best-sellers").await.json()["products"][0]["sold"].is_i64());
    assert_eq!(
        visitor.get("/api/v1/new?category=tables").await.json()["category"]["slug"],
        "tables"
    );
}

#[tokio::test]
async fn errors_are_problems() {
    let site = Site::open("tuned", &[]);
    let mut visitor = site.visitor();
    for (path, status, name) in [
        ("/api/v1/products/9999", 404, "not-found"),
        ("/api/v1/nothing", 404, "not-found"),
        ("/api/v1/new?category=nowhere", 404, "not-found"),
        ("/api/v1/products?limit=25", 422, "invalid"),
        ("/api/v1/products?limit=0", 422, "invalid"),
        ("/api/v1/products?page=0", 422, "invalid"),
        ("/api/v1/products?colour=red", 400, "invalid"),
        ("/api/v1/orders", 401, "not-logged-in"),
    ] {
        let got = visitor.get(path).await;
        assert_eq!(
            (got.status, got.field("content-type")),
            (status, "application/problem+json"),
            "{path}"
        );
        let told = got.json();
        assert_eq!(
            (told["type"].as_str(), told["status"].as_u64()),
            (
                Some(format!("urn:fieldhouse:problem:{name}").as_str()),
                Some(u64::from(status))
            ),
            "{path}"
        );
    }
    for (body, status) in [
        ("{\"quantity\":1,\"colour\":\"red\"}", 400),
        ("{", 400),
        ("{\"quantity\":99}", 422),
        ("{\"quantity\":-1}", 422),
    ] {
        let got = visitor.send(Method::PUT, "/api/v1/cart/7", body).await;
        assert_eq!(
            (got.status, got.field("content-type")),
            (status, "application/problem+json"),
            "{body}"
        );
    }
    let form = visitor
        .ask(
            Method::PUT,
            "/api/v1/cart/7",
            &[("content-type", "text/plain")],
            "{}",
        )
        .await;
    assert_eq!(form.status, 415);
}

#[tokio::test]
async fn an_order_is_placed_once() {
    let site = Site::open("tuned", &[]);
    let mut client = site.visitor();
    let cart = client
        .send(Method::PUT, "/api/v1/cart/7", "{\"quantity\":2}")
        .await
        .json();
    assert_eq!(
        (
            cart["count"].as_i64(),
            cart["lines"][0]["quantity"].as_i64()
        ),
        (Some(2), Some(2))
    );
    let new = json!({ "name": "Ada", "mail": "Ada@Example.com", "password": "correct horse" });
    let made = client
        .send(Method::POST, "/api/v1/customers", &new.to_string())
        .await;
    assert_eq!(
        (made.status, made.json()["mail"].as_str().map(str::to_owned)),
        (201, Some("ada@example.com".to_owned()))
    );
    assert_eq!(
        client.get("/api/v1/cart").await.json()["total"],
        cart["total"],
        "the basket comes along"
    );

    let to = json!({ "name": "Ada", "street": "1 Mill Lane", "postcode": "12345", "city": "Ghent", "country": "Belgium" }).to_string();
    let kind = ("content-type", "application/json");
    assert_eq!(
        client
            .ask(Method::POST, "/api/v1/orders", &[kind], &to)
            .await
            .status,
        422,
        "no key"
    );
    let fields = [kind, ("idempotency-key", "order-1")];
    let placed = client
        .ask(Method::POST, "/api/v1/orders", &fields, &to)
        .await;
    assert_eq!(placed.status, 201, "{}", placed.body);
    let there = placed.field("location").to_owned();
    let again = client
        .ask(Method::POST, "/api/v1/orders", &fields, &to)
        .await;
    assert_eq!(
        (again.status, again.field("location")),
        (200, there.as_str())
    );
    assert_eq!(again.json()["number"], placed.json()["number"]);
    let other = to.replace("Ghent", "Bruges");
    let reused = client
        .ask(Method::POST, "/api/v1/orders", &fields, &other)
        .await;
    assert_eq!(
        (
            reused.status,
            reused.json()["type"].as_str().map(str::to_owned)
        ),
        (422, Some("urn:fieldhouse:problem:key-reused".to_owned()))
    );
    let empty = client
        .ask(
            Method::POST,
            "/api/v1/orders",
            &[kind, ("idempotency-key", "order-2")],
            &to,
        )
        .await;
    assert_eq!(empty.status, 409, "nothing in the basket");

    let shown = client.get(&there).await.json();
    assert_eq!(
        (shown["total"].clone(), shown["address"]["city"].as_str()),
        (cart["total"].clone(), Some("Ghent"))
    );
    assert!(
        shown["placed"]
            .as_str()
            .is_some_and(|time| time.ends_with('Z')),
        "{shown}"
    );
    assert_eq!(
        client.get("/api/v1/orders").await.json()["orders"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );

    let mut back = site.visitor();
    let known = json!({ "mail": "ada@example.com", "password": "wrong horse" });
    assert_eq!(
        back.send(Method::POST, "/api/v1/sessions", &known.to_string())
            .await
            .status,
        401
    );
    let known = json!({ "mail": "ada@example.com", "password": "correct horse" });
    assert_eq!(
        back.send(Method::POST, "/api/v1/sessions", &known.to_string())
            .await
            .status,
        201
    );
    assert_eq!(back.get(&there).await.status, 200);
}
