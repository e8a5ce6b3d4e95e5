//! A recording of a small shop, with everything that recordings have in them.

use super::*;

const CSRF: &str = "9f86d081884c7d659a2feaa0c55ad015";
const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl";

/// A recording from its entries: second, page, method, URL, headers, body, status, headers of the answer, its type and text.
struct Recording(Vec<serde_json::Value>);

struct Call<'c> {
    second: u32,
    page: &'c str,
    method: &'c str,
    url: &'c str,
    headers: &'c [(&'c str, &'c str)],
    body: Option<(&'c str, &'c str)>,
    status: u16,
    answer: &'c [(&'c str, &'c str)],
    content: (&'c str, &'c str),
}

const GET: Call<'static> = Call {
    second: 0,
    page: "p1",
    method: "GET",
    url: "",
    headers: &[],
    body: None,
    status: 200,
    answer: &[],
    content: ("text/html", ""),
};

impl Recording {
    fn add(&mut self, call: &Call<'_>) {
        let pairs = |pairs: &[(&str, &str)]| -> Vec<serde_json::Value> {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| serde_json::json!({"name": name, "value": value}))
                .collect()
        };
        let mut entry = serde_json::json!({
            "pageref": call.page,
            "startedDateTime": format!("2024-11-29T09:00:{:02}.000Z", call.second),
            "time": 500.0,
            "request": {
                "method": call.method, "url": call.url, "httpVersion": "HTTP/2.0",
                "headers": pairs(call.headers), "queryString": [], "cookies": [], "headersSize": -1, "bodySize": 0,
            },
            "response": {
                "status": call.status, "statusText": "", "headers": pairs(call.answer),
                "content": {"size": 0, "mimeType": call.content.0, "text": call.content.1},
                "redirectURL": "", "headersSize": -1, "bodySize": -1,
            },
            "cache": {}, "timings": {"send": 0, "wait": 500, "receive": 0},
        });
        if let Some((mime, text)) = call.body {
            entry["request"]["postData"] = serde_json::json!({"mimeType": mime, "text": text});
        }
        self.0.push(entry);
    }

    fn text(&self) -> String {
        let page = |id: &str, second: u32, title: &str| {
            let at = format!("2024-11-29T09:00:{second:02}.000Z");
            serde_json::json!({"id": id, "startedDateTime": at, "title": title, "pageTimings": {}})
        };
        let pages = [
            page("p1", 0, "https://shop.test/"),
            page("p2", 10, "Sign in"),
            page("p3", 20, "Checkout"),
        ];
        serde_json::json!({"log": {"version": "1.2", "pages": pages, "entries": self.0}})
            .to_string()
    }

    fn read(&self) -> Imported {
        super::read(self.text().as_bytes(), "shop.har", &Options::default()).expect("a recording")
    }
}

fn shop() -> Recording {
    let mut shop = Recording(Vec::new());
    let always = ("Accept-Language", "de");
    shop.add(&Call {
        url: "https://shop.test/?utm_source=mail",
        headers: &[
            always,
            ("Cookie", "old=1"),
            (":authority", "shop.test"),
            ("User-Agent", "Mozilla/5.0"),
            ("sec-fetch-mode", "navigate"),
        ],
        answer: &[("Set-Cookie", "sid=abc123; HttpOnly")],
        content: ("text/html; charset=utf-8", "<html>"),
        ..GET
    });
    shop.add(&Call {
        second: 1,
        url: "https://cdn.test/app.js",
        ..GET
    });
    let page = format!(
        "<form>\n  <input type=\"hidden\" name=\"_csrf\" value=\"{CSRF}\">\n  <input name=\"user\" value=\"\">"
    );
    shop.add(&Call {
        second: 10,
        page: "p2",
        url: "https://shop.test/login",
        headers: &[always, ("Cookie", "old=1; sid=abc123")],
        content: ("text/html", &page),
        ..GET
    });
    let form = format!("user=ann%40shop.test&password=hunter2&_csrf={CSRF}&a=1&a=2");
    let json = format!(r#"{{"user": {{"access_token": "{TOKEN}"}}}}"#);
    shop.add(&Call {
        second: 15,
        page: "p2",
        method: "POST",
        url: "https://shop.test/login",
        headers: &[
            always,
            ("Origin", "https://shop.test"),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ],
        body: Some(("application/x-www-form-urlencoded", &form)),
        content: ("application/json", &json),
        ..GET
    });
    let bearer = format!("Bearer {TOKEN}");
    shop.add(&Call {
        second: 20,
        page: "p3",
        method: "POST",
        url: "https://shop.test/api/orders",
        headers: &[
            always,
            ("Authorization", &bearer),
            ("X-Requested-With", "XMLHttpRequest"),
        ],
        body: Some((
            "application/json",
            r#"{"items": [{"sku": 7, "note": "${x}"}], "coupon": null}"#,
        )),
        status: 201,
        answer: &[("Location", "/api/orders/84123")],
        content: ("application/json", r#"{"id": 84123}"#),
    });
    shop.add(&Call {
        second: 21,
        page: "p3",
        url: "https://shop.test/api/orders/84123?q=red+shoes&flag=",
        headers: &[
            always,
            ("Authorization", &bearer),
            ("X-Api-Key", "k-12345678"),
        ],
        ..GET
    });
    shop
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[test]
fn a_visit_becomes_steps() {
    let imported = shop().read();
    has(
        &imported.text,
        &[
            "target = \"https://shop.test\"",
            "[headers]\nAccept-Language = \"de\"",
            "group = \"/\"\npath = \"/\"\nthink = { from = \"4800ms\", to = \"14300ms\" }",
            "group = \"Sign in\"\npath = \"/login\"\nheaders = {",
            "a = [\"1\", \"2\"]",
            "user = \"ann@shop.test\"",
            "expect = { status = 201 }",
            "Origin = \"https://shop.test\"",
            "query = { q = \"red shoes\", flag = \"\" }",
            r#"json = { items = [{ sku = 7, note = "$${x}" }], coupon = "${null()}" }"#,
            "1 to cdn.test",
        ],
    );
}

#[test]
fn what_was_good_once_is_taken_from_where_it_came() {
    let imported = shop().read();
    has(
        &imported.text,
        &[
            r#"extract._csrf = { regex = 'name="_csrf" value="([^"]+)' }"#
                .replace("_csrf =", "csrf =")
                .as_str(),
            "_csrf = \"${csrf}\"",
            "extract.authorization = \"$.user.access_token\"",
            "Authorization = \"Bearer ${authorization}\"",
            "extract.order_id = \"$.id\"",
            "path = \"/api/orders/${order_id}\"",
        ],
    );
}

#[test]
fn another_target_is_another_origin() {
    let options = Options {
        target: Some("http://127.0.0.1:8080/base".to_owned()),
        ..Options::default()
    };
    let imported = super::read(shop().text().as_bytes(), "x", &options).expect("a recording");
    has(
        &imported.text,
        &[
            "target = \"http://127.0.0.1:8080/base\"",
            "Origin = \"http://127.0.0.1:8080\"",
        ],
    );
    assert!(!imported.text.contains("Origin = \"https://shop.test"));
}

#[test]
fn no_secret_gets_into_the_file() {
    let imported = shop().read();
    for secret in [
        CSRF,
        TOKEN,
        "hunter2",
        "k-12345678",
        "abc123",
        "old=1",
        "Mozilla",
        "84123",
    ] {
        assert!(
            !imported.text.contains(secret),
            "{secret} in\n{}",
            imported.text
        );
    }
    has(
        &imported.notes.join("\n"),
        &[
            "password was left out: set the environment variable LOAD_PASSWORD",
            "X-Api-Key was left out: set the environment variable LOAD_X_API_KEY",
            "cookies that were there before the recording: old.",
        ],
    );
}

#[test]
fn neither_do_secrets_in_paths_titles_and_numbers() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MyJ9.b3RoZXI";
    let mut shop = Recording(Vec::new());
    let url = format!("https://shop.test/verify/{jwt}");
    shop.add(&Call { url: &url, ..GET });
    shop.add(&Call {
        second: 1,
        method: "POST",
        url: "https://shop.test/pay",
        body: Some((
            "application/json",
            r#"{"card": {"pin": 48213, "nonce": 918273645}, "amount": 77, "note": null}"#,
        )),
        ..GET
    });
    shop.add(&Call {
        second: 2,
        method: "PUT",
        url: &url,
        body: Some(("application/octet-stream", "\0")),
        ..GET
    });
    let text = shop
        .text()
        .replace("https://shop.test/\"", &format!("{url}\""));
    let imported = super::read(text.as_bytes(), "x.har", &Options::default()).expect("a recording");
    for secret in [jwt, "48213", "918273645"] {
        assert!(
            !imported.text.contains(secret),
            "{secret} in\n{}",
            imported.text
        );
    }
    has(
        &imported.text,
        &[
            "path = \"/verify/${env:LOAD_VERIFY_ID}\"",
            "${env:LOAD_PIN}",
            "amount = 77",
            // As JSON, so that whatever is given for the PIN is escaped as JSON needs it.
            "json = {",
            "note = \"${null()}\"",
            "nonce",
        ],
    );
}

#[test]
fn bodies_that_nobody_has_leave_their_step_out() {
    let mut shop = shop();
    for (number, kind) in [
        "multipart/form-data; boundary=x",
        "application/octet-stream",
    ]
    .into_iter()
    .enumerate()
    {
        shop.add(&Call {
            second: 30 + number as u32,
            page: "p3",
            method: "POST",
            url: "https://shop.test/upload",
            headers: &[("Content-Length", "5000")],
            body: Some((kind, "")),
            ..GET
        });
    }
    let imported = shop.read();
    assert!(!imported.text.contains("path = \"/upload\""));
    has(
        &imported.notes.join("\n"),
        &["POST /upload: the recording does not have its body"],
    );
}

#[test]
fn cut_recordings_are_refused() {
    let text = shop().text();
    for end in (0..text.len()).step_by(97) {
        let error = super::read(&text.as_bytes()[..end], "x", &Options::default());
        error.expect_err("cut");
    }
}
