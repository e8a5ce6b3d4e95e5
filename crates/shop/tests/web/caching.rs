//! What pages say about being kept: all of it in profile tuned, nothing in profile naive.

use http::Method;

use crate::common::Site;

const PAGES: [&str; 8] = [
    "/",
    "/new",
    "/best-sellers?category=tables",
    "/products/7",
    "/search",
    "/search?q=table",
    "/sitemap.xml",
    "/api/v1/products/7",
];

#[tokio::test]
async fn tuned_pages_are_the_same_for_everyone_and_say_so() {
    let site = Site::open("tuned", &[]);
    let (mut stranger, mut customer) = (site.visitor(), site.visitor());
    customer.log_in(1).await;
    customer.post("/cart", &[("product", "7")]).await;
    for path in PAGES {
        let (one, other) = (stranger.get(path).await, customer.get(path).await);
        assert_eq!(one.body, other.body, "{path}");
        assert_eq!(one.field("etag"), other.field("etag"), "{path}");
        let control = one.field("cache-control");
        assert!(
            control.starts_with("public, max-age=0, s-maxage="),
            "{path}: {control}"
        );
        let tags = one.field("surrogate-key");
        assert!(tags.split(' ').any(|tag| tag == "shop"), "{path}: {tags}");
        assert!(
            !one.fields.contains_key("set-cookie") && !other.fields.contains_key("set-cookie"),
            "{path}"
        );
        assert!(!one.fields.contains_key("vary"), "{path}");
    }
    for path in ["/cart", "/orders", "/checkout", "/api/v1/cart"] {
        assert_eq!(
            customer.get(path).await.field("cache-control"),
            "private, no-store",
            "{path}"
        );
    }
    assert_eq!(
        stranger.get("/nothing").await.field("cache-control"),
        "private, no-store"
    );
}

#[tokio::test]
async fn a_page_names_all_that_is_on_it() {
    let site = Site::open("tuned", &[]);
    let mut visitor = site.visitor();
    for path in [
        "/",
        "/new",
        "/best-sellers",
        "/best-sellers?category=tables",
        "/search?q=table",
        "/products/7",
    ] {
        let page = visitor.get(path).await;
        let tags: Vec<_> = page.field("surrogate-key").split(' ').collect();
        let links = page.body.split("href=\"/products/").skip(1);
        let shown: Vec<_> = links.filter_map(|rest| rest.split('"').next()).collect();
        assert!(
            path == "/products/7" || !shown.is_empty(),
            "{path} shows products"
        );
        for id in shown {
            assert!(
                tags.contains(&format!("product-{id}").as_str()),
                "{path}: {id} is not in {tags:?}"
            );
        }
        assert!(
            tags.len() <= 128,
            "{path}: a gateway keeps no page with more tags"
        );
    }
    let tags = visitor.get("/best-sellers?category=tables").await;
    let tags = tags.field("surrogate-key");
    assert!(
        tags.contains("category-tables") && tags.contains("list-best"),
        "{tags}"
    );
    assert!(
        visitor
            .get("/products/7")
            .await
            .field("surrogate-key")
            .contains("product-7 category-")
    );
}

#[tokio::test]
async fn what_a_client_has_is_not_sent_again() {
    let site = Site::open("tuned", &[]);
    let mut visitor = site.visitor();
    let page = visitor.get("/products/7").await;
    let tag = page.field("etag").to_owned();
    assert!(tag.starts_with('"'), "strong: {tag}");
    let same = visitor
        .ask(Method::GET, "/products/7", &[("if-none-match", &tag)], "")
        .await;
    assert_eq!((same.status, same.body.as_str()), (304, ""));
    for field in ["etag", "cache-control", "surrogate-key"] {
        assert_eq!(same.field(field), page.field(field), "{field}");
    }
    let other = visitor
        .ask(
            Method::GET,
            "/products/7",
            &[("if-none-match", "\"other\"")],
            "",
        )
        .await;
    assert_eq!(other.status, 200);
    // What changes is another page: with another price, and then with another class of stock.
    site.sql("UPDATE products SET price = price + 100 WHERE id = 8");
    site.sql(
        "UPDATE stock SET received = received - available, available = 0 WHERE product_id = 9",
    );
    let before = visitor.get("/products/8").await;
    assert!(!before.field("etag").is_empty() && before.field("etag") != tag);
    let gone = visitor.get("/products/9").await;
    assert!(
        gone.body.contains("Sold out") && !gone.body.contains("Add to basket"),
        "{}",
        gone.body
    );
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    for profile in ["tuned", "naive"] {
        let site = Site::open(profile, &[]);
        let mut visitor = site.visitor();
        for path in [
            "/",
            "/products/7",
            "/pictures/7.svg",
            "/robots.txt",
            "/api/v1/categories",
        ] {
            let get = visitor.get(path).await;
            let head = visitor.ask(Method::HEAD, path, &[], "").await;
            assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
            for field in [
                "etag",
                "cache-control",
                "content-length",
                "content-type",
                "surrogate-key",
            ] {
                assert_eq!(head.field(field), get.field(field), "{path}: {field}");
            }
        }
    }
}

/// The length that is told is that of the page, or none: 0 would make a cache throw the page away.
#[tokio::test]
async fn head_of_what_a_client_has_tells_no_other_length() {
    let site = Site::open("tuned", &[]);
    let mut visitor = site.visitor();
    let page = visitor.get("/products/7").await;
    for method in [Method::GET, Method::HEAD] {
        let held = [("if-none-match", page.field("etag"))];
        let same = visitor.ask(method.clone(), "/products/7", &held, "").await;
        assert_eq!((same.status, same.body.as_str()), (304, ""));
        let length = same.field("content-length");
        assert!(
            length.is_empty() || length == page.body.len().to_string(),
            "{method}: {length}"
        );
    }
}

#[tokio::test]
async fn naive_pages_say_nothing_and_greet_their_visitor() {
    let site = Site::open("naive", &[]);
    let (mut stranger, mut customer) = (site.visitor(), site.visitor());
    customer.log_in(1).await;
    customer
        .post("/cart", &[("product", "7"), ("quantity", "3")])
        .await;
    for path in PAGES.into_iter().chain(["/pictures/7.svg", "/favicon.svg"]) {
        let page = stranger.get(path).await;
        for field in [
            "cache-control",
            "etag",
            "surrogate-key",
            "expires",
            "last-modified",
        ] {
            assert_eq!(page.field(field), "", "{path}");
        }
    }
    let page = customer.get("/").await;
    assert!(
        page.body.contains("Hello, ") && page.body.contains("<b class=\"count\">3</b>"),
        "{}",
        page.body
    );
    assert!(!stranger.get("/").await.body.contains("Hello, "));
}

#[tokio::test]
async fn pictures_and_assets_are_kept_for_a_year_and_have_one_address() {
    let site = Site::open("tuned", &[]);
    let mut visitor = site.visitor();
    let page = visitor.get("/products/7").await.body;
    let between = |before: &str| {
        let (_, rest) = page
            .split_once(before)
            .unwrap_or_else(|| panic!("no {before}: {page}"));
        rest.split('"').next().unwrap_or_default().to_owned()
    };
    for (address, kind) in [
        (
            between("rel=\"stylesheet\" href=\""),
            "text/css; charset=utf-8",
        ),
        (between("<script src=\""), "text/javascript; charset=utf-8"),
        (between("<img src=\""), "image/svg+xml"),
    ] {
        let got = visitor.get(&address).await;
        assert_eq!(
            (got.status, got.field("content-type")),
            (200, kind),
            "{address}"
        );
        assert_eq!(
            got.field("cache-control"),
            "public, max-age=31536000, immutable",
            "{address}"
        );
        assert_eq!(got.field("x-content-type-options"), "nosniff");
    }
    for path in [
        "/assets/shop.0000000000000000.css",
        "/assets/shop.css",
        "/assets/..%2fCargo.toml",
        "/pictures/7",
        "/pictures/x.svg",
        "/pictures/7.svg?v=x",
    ] {
        assert_eq!(visitor.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_sitemap_has_every_product_once() {
    let site = Site::open("tuned", &[]);
    let mut visitor = site.visitor();
    let map = visitor.get("/sitemap.xml").await;
    assert_eq!(map.field("content-type"), "application/xml; charset=utf-8");
    let host = &site.address;
    let products = map
        .body
        .matches(&format!("<loc>http://{host}/products/"))
        .count();
    assert_eq!(products, 240);
    assert!(map.body.contains(&format!(
        "<loc>http://{host}/best-sellers?category=tables</loc>"
    )));
    assert!(
        visitor
            .get("/robots.txt")
            .await
            .body
            .contains(&format!("Sitemap: http://{host}/sitemap.xml"))
    );
    let evil = visitor
        .ask(Method::GET, "/sitemap.xml", &[("host", "a'b<c")], "")
        .await;
    assert!(!evil.body.contains("a'b<c"));
}
