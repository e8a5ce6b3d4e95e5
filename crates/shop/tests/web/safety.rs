//! What strangers try.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use http::Method;

use crate::common::{Site, TOKEN, order};

#[tokio::test]
async fn what_people_write_stays_text() {
    for profile in ["naive", "tuned"] {
        let site = Site::open(profile, &[]);
        let mut visitor = site.visitor();
        let evil = "\"><script>alert(1)</script>";
        let page = visitor
            .get("/search?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
            .await;
        assert_eq!(page.status, 200);
        assert!(!page.body.contains("<script>alert"), "{}", page.body);
        let form = [
            ("name", evil),
            ("mail", "x@example.com"),
            ("password", "correct horse"),
            ("next", ""),
        ];
        assert_eq!(visitor.post("/register", &form).await.status, 303);
        visitor.post("/cart", &[("product", "7")]).await;
        for path in ["/", "/orders", "/checkout"] {
            let page = visitor.get(path).await;
            assert_eq!(page.status, 200, "{path}");
            assert!(
                !page.body.contains("<script>alert"),
                "{path}: {}",
                page.body
            );
        }
        let key = visitor.get("/checkout").await.hidden("key");
        let mut form = order(&key);
        form[2] = ("name", evil);
        let placed = visitor.post("/checkout", &form).await;
        assert_eq!(placed.status, 303, "{}", placed.body);
        assert!(
            !visitor
                .get(placed.field("location"))
                .await
                .body
                .contains("<script>alert")
        );
        let policy = visitor.get("/").await;
        assert!(
            policy
                .field("content-security-policy")
                .starts_with("default-src 'self';")
        );
    }
}

#[tokio::test]
async fn other_sites_change_nothing() {
    let site = Site::open("tuned", &[]);
    let mut visitor = site.visitor();
    visitor.log_in(1).await;
    let kind = ("content-type", "application/x-www-form-urlencoded");
    for from in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        for path in [
            "/cart",
            "/logout",
            "/checkout",
            "/login",
            "/admin/products/7",
        ] {
            let refused = visitor
                .ask(Method::POST, path, &[kind, from], "product=7")
                .await;
            assert_eq!(refused.status, 403, "{path} from {from:?}");
        }
        let put = visitor
            .ask(
                Method::PUT,
                "/api/v1/cart/7",
                &[("content-type", "application/json"), from],
                "{\"quantity\":1}",
            )
            .await;
        assert_eq!(
            (put.status, put.field("content-type")),
            (403, "application/problem+json")
        );
    }
    assert_eq!(site.sql("SELECT count(*) FROM cart_lines"), "0");
    let ours = format!("http://{}", site.address);
    let put = visitor
        .ask(
            Method::POST,
            "/cart",
            &[kind, ("origin", &ours), ("sec-fetch-site", "same-origin")],
            "product=7",
        )
        .await;
    assert_eq!(put.status, 303);
}

#[tokio::test]
async fn logging_in_leads_nowhere_else() {
    let site = Site::open("tuned", &[]);
    for (next, leads) in [
        ("/checkout", "/checkout"),
        ("https://evil.example/", "/orders"),
        ("//evil.example/", "/orders"),
        ("/\\evil.example", "/orders"),
        ("/\r\nx: y", "/orders"),
    ] {
        let mut visitor = site.visitor();
        let form = [
            ("mail", "customer-2@example.com"),
            ("password", "tenfold demo"),
            ("next", next),
        ];
        assert_eq!(
            visitor.post("/login", &form).await.field("location"),
            leads,
            "{next:?}"
        );
    }
    let page = site.visitor().get("/login?next=//evil.example").await;
    assert!(!page.body.contains("evil"), "{}", page.body);
}

#[tokio::test]
async fn an_order_is_its_customers_only() {
    let site = Site::open("tuned", &[]);
    let (mut one, mut other) = (site.visitor(), site.visitor());
    one.log_in(1).await;
    one.post("/cart", &[("product", "7")]).await;
    let key = one.get("/checkout").await.hidden("key");
    let there = one
        .post("/checkout", &order(&key))
        .await
        .field("location")
        .to_owned();
    assert_eq!(one.get(&there).await.status, 200);
    other.log_in(2).await;
    assert_eq!(
        other.get(&there).await.status,
        404,
        "as if it were not there"
    );
    assert_eq!(other.get(&format!("/api/v1{there}")).await.status, 404);
    assert_eq!(
        site.visitor().get(&format!("/api/v1{there}")).await.status,
        401
    );
    assert!(!other.get("/orders").await.body.contains(&there));
}

#[tokio::test]
async fn cookies_are_guarded() {
    let site = Site::open("tuned", &[]);
    let mut visitor = site.visitor();
    let cookies = |answer: &crate::common::Answer| -> Vec<String> {
        let all = answer.fields.get_all("set-cookie").iter();
        all.map(|cookie| cookie.to_str().expect("text").to_owned())
            .collect()
    };
    let put = visitor.post("/cart", &[("product", "7")]).await;
    let told = cookies(&put);
    assert!(
        told[0].starts_with("session=") && told[0].contains("; HttpOnly; SameSite=Lax"),
        "{told:?}"
    );
    assert!(
        !told[0].contains("Secure")
            && !told[1].contains("HttpOnly")
            && told[1].starts_with("basket=1;"),
        "{told:?}"
    );
    let fields = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-forwarded-proto", "https"),
    ];
    let put = site
        .visitor()
        .ask(Method::POST, "/cart", &fields, "product=7")
        .await;
    assert!(
        cookies(&put)[0].ends_with("; Secure"),
        "{:?}",
        cookies(&put)
    );
    let token = visitor.cookies["session"].clone();
    assert_eq!(
        site.sql(&format!(
            "SELECT count(*) FROM sessions WHERE encode(id, 'base64') LIKE '%{}%'",
            &token[..20]
        )),
        "0"
    );
    // A token that nobody gave out is nobody's, and is not taken over.
    let mut made_up = site.visitor();
    made_up.cookies.insert("session".into(), "A".repeat(43));
    assert_eq!(made_up.get("/cart").await.status, 200);
    made_up.post("/cart", &[("product", "7")]).await;
    assert_ne!(made_up.cookies["session"], "A".repeat(43));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_not_a_crash() {
    let site = Site::open("tuned", &[]);
    let mut visitor = site.visitor();
    for (path, status) in [
        ("/products/0", 404),
        ("/products/07", 404),
        ("/products/-1", 404),
        ("/products/99999999999999", 404),
        ("/products/%00", 404),
        ("/products/%ff", 400),
        ("/new?category=nowhere", 404),
        ("/search?q=%ff%fe", 200),
        ("/search?q=%00", 200),
        ("/search?q=a&q=b", 400),
        ("/search?q=%27%3B+drop+table+products%3B--", 200),
        ("/search?q=%25%25%25_%5C", 200),
        ("/search?q=table&page=-1", 200),
        ("/search?q=table&page=99999999999", 200),
        ("/search?category=%27", 404),
        ("/admin", 401),
        ("/nothing/here", 404),
    ] {
        let got = visitor.get(path).await;
        assert_eq!(got.status, status, "{path}: {}", got.body);
    }
    for (form, status) in [
        (&[("product", "7"), ("quantity", "-1")][..], 422),
        (&[("product", "7"), ("quantity", "21")], 422),
        (&[("product", "7"), ("quantity", "0")], 422),
        (&[("product", "9999")], 404),
        (&[("product", "x")], 404),
        (&[], 404),
    ] {
        assert_eq!(visitor.post("/cart", form).await.status, status, "{form:?}");
    }
    let form = [
        ("name", "A\0da"),
        ("mail", "nul@example.com"),
        ("password", "correct horse"),
    ];
    assert_eq!(visitor.post("/register", &form).await.status, 422);
    let form = [
        ("name", "Ada"),
        ("mail", "n\0ul@example.com"),
        ("password", "correct\0horse"),
    ];
    assert_eq!(visitor.post("/register", &form).await.status, 422);
    assert_eq!(visitor.post("/login", &form).await.status, 401);
    let long = "x".repeat(70_000);
    assert_eq!(visitor.post("/login", &[("mail", &long)]).await.status, 413);
    assert_eq!(
        visitor
            .ask(
                Method::POST,
                "/login",
                &[("content-type", "text/plain")],
                "x"
            )
            .await
            .status,
        415
    );
    let wrong = visitor.ask(Method::DELETE, "/cart", &[], "").await;
    assert_eq!(wrong.status, 405);
    assert!(wrong.field("allow").contains("POST"), "{:?}", wrong.fields);
    assert_eq!(visitor.get("/healthz").await.status, 200);
}

/// Whoever sends a form letter by letter holds up nobody but himself.
#[tokio::test]
async fn bodies_that_do_not_come_take_nobodys_place() {
    let site = Site::open("tuned", &["--pool", "1"]);
    let trickle = || {
        let mut stream = TcpStream::connect(&site.address).expect("connects");
        let head = "POST /cart HTTP/1.1\r\nHost: shop\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 99\r\n\r\np";
        stream.write_all(head.as_bytes()).expect("sent");
        stream
    };
    let _held: Vec<TcpStream> = (0..40).map(|_| trickle()).collect();
    // Until all of them have been looked at.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let page = site.visitor().get("/products/7").await;
    assert_eq!(page.status, 200, "{}", page.body);
}

/// What is no text in an address is told as everything else is.
#[tokio::test]
async fn addresses_that_are_no_text_are_refused_in_the_words_of_who_asked() {
    let site = Site::open("tuned", &[]);
    let mut visitor = site.visitor();
    visitor.log_in(1).await;
    for path in [
        "/products/%ff",
        "/orders/%ff",
        "/pictures/%ff",
        "/assets/%ff",
    ] {
        let told = visitor.get(path).await;
        assert_eq!(told.status, 400, "{path}: {}", told.body);
        assert!(
            told.field("content-type").starts_with("text/html"),
            "{path}"
        );
    }
    for path in ["/api/v1/products/%ff", "/api/v1/orders/%ff"] {
        let told = visitor.get(path).await;
        assert_eq!(told.status, 400, "{path}: {}", told.body);
        assert_eq!(told.field("content-type"), "application/problem+json");
    }
}

/// The token of `--purge-token` is what gateways are shown.
#[test]
fn gateways_are_shown_the_token() {
    let gateway = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", gateway.local_addr().expect("an address"));
    let token = [
        "--purge",
        address.as_str(),
        "--purge-token",
        "env:SHOP_TOKEN",
    ];
    let _site = Site::open("tuned", &token);
    let (mut stream, _) = gateway
        .accept()
        .expect("it purges everything when it begins to hear");
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut part = [0; 512];
        let read = stream.read(&mut part).expect("reads");
        assert_ne!(read, 0, "the head ends");
        head.extend_from_slice(&part[..read]);
    }
    let head = String::from_utf8(head).expect("text").to_lowercase();
    assert!(
        head.contains(&format!("authorization: bearer {TOKEN}\r\n")),
        "{head}"
    );
}
