//! The shop without its database: what can be served is, the rest says when to come back.

use axum::body::Body;
use axum::response::Response;
use http::Request;
use http_body_util::BodyExt as _;
use tenfold_shop::profile::Fixes;
use tenfold_shop::web::faults::Faults;
use tenfold_shop::{Options, Shop, web};
use tower::ServiceExt as _;

async fn get(faults: Faults, token: Option<&str>, path: &str) -> Response {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options {
        database: format!(
            "postgres:///shop?host={}&user=nobody",
            folder.path().display()
        ),
        pool: 2,
        redis: None,
        fixes: Fixes::ALL,
        purge: Vec::new(),
        purge_token: None,
        is_worker: false,
    };
    let shop = Shop::open(options).await.expect("the address is good");
    let options = web::Options {
        admin_token: token.map(str::to_owned),
        faults,
        pool: 2,
    };
    let (router, _) = web::open(shop, &options);
    let request = Request::get(path).body(Body::empty()).expect("a request");
    router.oneshot(request).await.expect("an answer")
}

async fn text(response: Response) -> String {
    let body = response
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    String::from_utf8(body.to_vec()).expect("text")
}

#[tokio::test]
async fn pages_say_when_to_come_back_and_the_rest_works() {
    let none = Faults::default;
    for path in ["/", "/products/7", "/search?q=tea", "/api/v1/products"] {
        let response = get(none(), None, path).await;
        assert_eq!(response.status(), 503, "{path}");
        assert_eq!(response.headers()["retry-after"], "1", "{path}");
        assert_eq!(
            response.headers()["cache-control"],
            "private, no-store",
            "{path}"
        );
        let said = text(response).await;
        assert!(
            !said.contains("postgres") && !said.contains("/tmp"),
            "nothing of what is inside: {said}"
        );
    }
    for path in ["/healthz", "/pictures/7.svg", "/robots.txt", "/favicon.svg"] {
        assert_eq!(get(none(), None, path).await.status(), 200, "{path}");
    }
    let ready = get(none(), None, "/readyz").await;
    assert_eq!(ready.status(), 503);
    assert!(text(ready).await.starts_with("not ready: "));
}

#[tokio::test]
async fn without_a_token_the_office_says_how_to_open_it() {
    let response = get(Faults::default(), None, "/admin").await;
    assert_eq!(response.status(), 403);
    assert!(text(response).await.contains("--admin-token"));
    assert_eq!(
        get(Faults::default(), Some("x"), "/admin").await.status(),
        401
    );
}

#[tokio::test]
async fn what_is_told_to_fail_does_but_lives() {
    let faults = Faults {
        slow: None,
        fail: "100%".parse().expect("a share"),
    };
    for path in ["/", "/pictures/7.svg", "/readyz", "/api/v1/new"] {
        assert_eq!(get(faults, None, path).await.status(), 500, "{path}");
    }
    assert_eq!(get(faults, None, "/healthz").await.status(), 200);
}

#[tokio::test]
async fn a_queue_that_nobody_would_wait_for_is_not_made() {
    // A database that takes connections and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = silent.local_addr().expect("an address");
    let options = Options {
        database: format!("postgres://x@{address}/x"),
        pool: 1,
        redis: None,
        fixes: Fixes::NONE,
        purge: Vec::new(),
        purge_token: None,
        is_worker: false,
    };
    let shop = Shop::open(options).await.expect("the address is good");
    let options = web::Options {
        pool: 1,
        ..web::Options::default()
    };
    let (router, registry) = web::open(shop, &options);
    let ask = |_| {
        router.clone().oneshot(
            Request::get("/products/7")
                .body(Body::empty())
                .expect("a request"),
        )
    };
    let most = 1 + web::WAITING;
    let answers = futures_util::future::join_all((0..most + 3).map(ask)).await;
    for answer in answers {
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["retry-after"], "1");
    }
    let told = registry.expose();
    assert!(
        told.contains("shop_requests_refused_total{reason=\"full\"} 3"),
        "{told}"
    );
    let health = router.oneshot(
        Request::get("/healthz")
            .body(Body::empty())
            .expect("a request"),
    );
    assert_eq!(health.await.expect("an answer").status(), 200);
}
