//! A customer in a real browser: Chromium, driven through chromedriver.
//!
//! `make shop-browser` runs it: it takes a browser of some 300 MB, which a test run of the workspace should not need.

#[path = "../web/common.rs"]
#[expect(dead_code, reason = "shared with the tests without a browser")]
mod common;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use common::Site;
use fantoccini::{Client, ClientBuilder, Locator};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// A driver of its own on a free port.
struct Driver {
    child: Child,
    address: String,
}

impl Driver {
    fn start() -> Self {
        let started = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .spawn();
        let mut child =
            started.expect("chromedriver is there: scripts/setup --browser installs it");
        let told = BufReader::new(child.stdout.take().expect("it is piped"));
        let port = told.lines().map_while(Result::ok).find_map(|line| {
            let (_, rest) = line.split_once("started successfully on port ")?;
            Some(rest.trim_end_matches('.').to_owned())
        });
        let address = format!(
            "http://127.0.0.1:{}",
            port.expect("it says where it listens")
        );
        Self { child, address }
    }

    async fn browser(&self) -> Client {
        let options = json!({
            "goog:chromeOptions": { "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,1400"] },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let Value::Object(options) = options else {
            unreachable!("it is written so")
        };
        let connected =
            ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
                .capabilities(options)
                .connect(&self.address)
                .await;
        connected.expect("the browser starts")
    }

    /// What the browser's console says: an entry for each error, blocked resource, or message.
    async fn console(&self, browser: &Client) -> Vec<Value> {
        let session = browser
            .session_id()
            .await
            .expect("asked")
            .expect("a session");
        let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
        let request = Request::post(format!("{}/session/{session}/se/log", self.address))
            .header("content-type", "application/json")
            .body(Full::<Bytes>::from(
                json!({ "type": "browser" }).to_string(),
            ))
            .expect("a request");
        let response = client.request(request).await.expect("an answer");
        let body = response
            .into_body()
            .collect()
            .await
            .expect("a body")
            .to_bytes();
        let told: Value = serde_json::from_slice(&body).expect("JSON");
        told["value"].as_array().expect("a list").clone()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

async fn click(browser: &Client, selector: &str) {
    let found = browser.find(Locator::Css(selector)).await;
    let found = found.unwrap_or_else(|error| panic!("{selector}: {error}"));
    found
        .click()
        .await
        .unwrap_or_else(|error| panic!("{selector}: {error}"));
}

async fn write(browser: &Client, selector: &str, text: &str) {
    let found = browser.find(Locator::Css(selector)).await;
    let found = found.unwrap_or_else(|error| panic!("{selector}: {error}"));
    found
        .send_keys(text)
        .await
        .unwrap_or_else(|error| panic!("{selector}: {error}"));
}

/// Waits until there is such a thing, and says what is written on it.
async fn read(browser: &Client, selector: &str) -> String {
    let waited = browser
        .wait()
        .at_most(Duration::from_secs(20))
        .for_element(Locator::Css(selector))
        .await;
    let found = waited.unwrap_or_else(|error| panic!("{selector}: {error}"));
    found
        .text()
        .await
        .unwrap_or_else(|error| panic!("{selector}: {error}"))
}

async fn walk(profile: &str) {
    let site = Site::open(profile, &[]);
    let driver = Driver::start();
    let browser = driver.browser().await;
    browser
        .goto(&format!("http://{}/", site.address))
        .await
        .expect("the first page");
    assert!(
        browser
            .title()
            .await
            .expect("a title")
            .contains("Fieldhouse")
    );

    write(&browser, "#q", "table").await;
    click(&browser, "form.search button").await;
    assert!(read(&browser, "main h1").await.contains("table"));
    click(&browser, ".tiles .tile a").await;
    let product = read(&browser, ".product h1").await;

    click(&browser, "form.put button").await;
    assert_eq!(read(&browser, ".lines .name").await, product);
    assert_eq!(
        read(&browser, ".basket .count").await,
        "1",
        "the basket's number is shown"
    );
    browser
        .goto(&format!("http://{}/", site.address))
        .await
        .expect("the first page");
    assert_eq!(
        read(&browser, ".basket .count").await,
        "1",
        "and on every other page"
    );

    click(&browser, "a.basket").await;
    click(&browser, ".sum a.button").await;
    write(&browser, "#new-name", "Ada Lovelace").await;
    write(&browser, "#new-mail", "ada@example.com").await;
    write(&browser, "#new-password", "correct horse").await;
    click(&browser, "form[action='/register'] button").await;

    assert_eq!(read(&browser, "main h1").await, "Checkout");
    write(&browser, "#street", "12 St James's Square").await;
    write(&browser, "#postcode", "SW1Y 4JH").await;
    write(&browser, "#city", "London").await;
    click(&browser, "#order button").await;

    assert_eq!(read(&browser, "main h1").await, "Thank you, Ada Lovelace");
    assert!(
        read(&browser, "table.orders tbody th")
            .await
            .contains(&product)
    );
    assert!(!read(&browser, ".steps [aria-current]").await.is_empty());
    let number = read(&browser, ".lead .number").await;
    click(&browser, ".sum a.button").await;
    assert_eq!(read(&browser, "table.orders tbody th").await, number);

    let console = driver.console(&browser).await;
    assert!(console.is_empty(), "the browser complains: {console:#?}");
    assert_eq!(
        site.sql("SELECT count(*) FROM orders WHERE name = 'Ada Lovelace'"),
        "1"
    );
    browser.close().await.expect("it closes");
}

#[tokio::test]
#[ignore = "needs Chromium and chromedriver: make shop-browser"]
async fn a_customer_buys_in_profile_naive() {
    walk("naive").await;
}

#[tokio::test]
#[ignore = "needs Chromium and chromedriver: make shop-browser"]
async fn a_customer_buys_in_profile_tuned() {
    walk("tuned").await;
}
