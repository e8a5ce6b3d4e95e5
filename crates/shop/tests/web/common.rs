//! A seeded database for each test, the shop as a process on it, and somebody who visits it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tenfold_testkit::postgres::Server;

/// What opens the office.
pub(crate) const TOKEN: &str = "a token for tests";
/// The password of seeded customers.
pub(crate) const PASSWORD: &str = "tenfold demo";

const SHOP: &str = env!("CARGO_BIN_EXE_shop");

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let options = tenfold_sandbox::PostgresOptions {
            max_connections: 300,
            ..Default::default()
        };
        let server = Server::with(&options);
        let url = server.database("seeded");
        for words in [
            &[
                "seed",
                "--products",
                "240",
                "--orders",
                "300",
                "--customers",
                "20",
            ][..],
            &["migrate", "--profile", "tuned"],
        ] {
            let output = Command::new(SHOP)
                .args(words)
                .args(["--database", &url])
                .output();
            let output = output.expect("the shop runs");
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        server
    })
}

/// A shop that serves.
pub(crate) struct Site {
    pub(crate) address: String,
    pub(crate) database: String,
    child: Child,
}

impl Site {
    /// In this profile, with these further arguments.
    pub(crate) fn open(profile: &str, arguments: &[&str]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // One after the other: a template must not be in use.
        static ONE: Mutex<()> = Mutex::new(());
        let database = format!("shop{}", NEXT.fetch_add(1, Ordering::Relaxed));
        {
            let _one = ONE.lock();
            let make = format!("CREATE DATABASE {database} TEMPLATE seeded");
            server()
                .query("postgres", &make)
                .expect("a copy can be made");
        }
        let mut command = Command::new(SHOP);
        command
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--profile",
                profile,
                "--admin-token",
                "env:SHOP_TOKEN",
            ])
            .args(["--database", &server().url(&database)])
            .args(arguments)
            .env("SHOP_TOKEN", TOKEN)
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("the shop starts");
        let mut line = String::new();
        let told = child.stdout.take().expect("it is piped");
        BufReader::new(told)
            .read_line(&mut line)
            .expect("it says something");
        let address = line.trim().strip_prefix("listening on http://");
        let address = address
            .unwrap_or_else(|| panic!("it says: {line:?}"))
            .to_owned();
        Self {
            address,
            database,
            child,
        }
    }

    /// Asks the database.
    pub(crate) fn sql(&self, sql: &str) -> String {
        let answer = server().query(&self.database, sql);
        answer
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
            .trim()
            .to_owned()
    }

    /// Somebody who has not been here before.
    pub(crate) fn visitor(&self) -> Visitor {
        Visitor {
            client: Client::builder(TokioExecutor::new()).build_http(),
            address: self.address.clone(),
            cookies: BTreeMap::new(),
        }
    }

    /// Tells it to end, and gives back how it did.
    pub(crate) fn end(&mut self) -> std::process::ExitStatus {
        let told = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        assert!(told.is_ok_and(|status| status.success()), "it can be told");
        self.child.wait().expect("it ends")
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// What a visitor gets.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// A field's value; nothing if there is none.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The value of a hidden field of a form.
    pub(crate) fn hidden(&self, name: &str) -> String {
        let before = format!("name=\"{name}\" value=\"");
        let (_, rest) = self
            .body
            .split_once(&before)
            .unwrap_or_else(|| panic!("no field {name}: {}", self.body));
        rest.split('"').next().unwrap_or_default().to_owned()
    }
}

/// Somebody with a jar of cookies.
#[derive(Clone)]
pub(crate) struct Visitor {
    client: Client<HttpConnector, Full<Bytes>>,
    address: String,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Visitor {
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], "").await
    }

    /// Sends a form.
    pub(crate) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = encoded(form);
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        self.ask(Method::POST, path, &kind, &body).await
    }

    /// Sends JSON.
    pub(crate) async fn send(&mut self, method: Method, path: &str, body: &str) -> Answer {
        self.ask(method, path, &[("content-type", "application/json")], body)
            .await
    }

    pub(crate) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        fields: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address));
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request = request.header("cookie", pairs.join("; "));
        }
        let request = request
            .body(Full::from(body.to_owned()))
            .expect("a good request");
        let response = self
            .client
            .request(request)
            .await
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        let (head, body) = response.into_parts();
        let body = body
            .collect()
            .await
            .unwrap_or_else(|error| panic!("{path}: {error}"))
            .to_bytes();
        self.keep(&head.headers);
        Answer {
            status: head.status.as_u16(),
            fields: head.headers,
            body: String::from_utf8(body.to_vec()).expect("UTF-8"),
        }
    }

    fn keep(&mut self, fields: &HeaderMap) {
        for cookie in fields.get_all("set-cookie") {
            let cookie = cookie.to_str().expect("text");
            let (pair, attributes) = cookie.split_once(';').expect("attributes");
            let (name, value) = pair.split_once('=').expect("a pair");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// The same visitor, at another address.
    pub(crate) fn elsewhere(&mut self, address: &str) -> &mut Self {
        address.clone_into(&mut self.address);
        self
    }

    /// Logs in as a seeded customer.
    pub(crate) async fn log_in(&mut self, number: u32) {
        let mail = format!("customer-{number}@example.com");
        let answer = self
            .post("/login", &[("mail", &mail), ("password", PASSWORD)])
            .await;
        assert_eq!(
            (answer.status, answer.field("location")),
            (303, "/orders"),
            "{}",
            answer.body
        );
    }
}

fn encoded(form: &[(&str, &str)]) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    let text = |text: &str| text.bytes().map(byte).collect::<String>();
    let pairs: Vec<_> = form
        .iter()
        .map(|(name, value)| format!("{}={}", text(name), text(value)))
        .collect();
    pairs.join("&")
}

/// An address that is good; the key comes before it.
pub(crate) const ADDRESS: [(&str, &str); 5] = [
    ("name", "Ada Lovelace"),
    ("street", "12 St James's Square"),
    ("postcode", "SW1Y 4JH"),
    ("city", "London"),
    ("country", "Ireland"),
];

/// The form of a checkout.
pub(crate) fn order(key: &str) -> Vec<(&str, &str)> {
    let mut form = vec![("key", key), ("card", "account")];
    form.extend(ADDRESS);
    form
}
