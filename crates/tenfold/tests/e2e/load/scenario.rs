//! A file of scenarios against a shop that looks at every value.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tenfold_testkit::message::Message;
use tenfold_testkit::origin::Origin;

use super::{Folder, url};

/// What the shop knows, and what it has to complain of.
#[derive(Default)]
struct Shop {
    /// Token and the session's cookie of who has logged in.
    sessions: HashMap<String, (String, String)>,
    customers: HashSet<String>,
    orders: usize,
    bye: usize,
    wrong: Vec<String>,
}

const CUSTOMERS: &str = "mail,password\nann@shop.example,\"a,1\"\nbob@shop.example,b&2\n\"c \"\"d\"\"@shop.example\",ü 3\n";

const TEST: &str = r#"
mix = "exact"
headers = { x-test = "yes" }
think = "5ms"
threshold = ["errors < 1%", { check = "requests > 0", step = "pay" }, { check = "requests > 0", group = "checkout" }]

[feed.customers]
file = "customers.csv"

[[setup]]
path = "/newest"
extract = { newest = "$.products[-1].id" }

[[teardown]]
method = "DELETE"
path = "/all?newest=${newest}"

[[phase]]
duration = "1s"
users = 3

[[scenario]]
name = "buy"

[[scenario.step]]
name = "log in"
path = "/login"
form = { mail = "${customers.mail}", password = "${customers.password}" }
extract = { token = "$.token", number = "$.number", page = { header = "location", regex = "^(/account/.*)$" } }

[[scenario.step]]
name = "account"
path = "${page}"
query = { q = "${customers.mail}" }
headers = { authorization = "Bearer ${token}" }
expect = { status = 200, header = { content-type = "application/json*" }, json = { "$.mail" = "*" }, max_size = "1KiB" }

[[scenario.step]]
name = "pay"
group = "checkout"
path = "/orders"
json = { product = "${newest}", number = "${number}", note = "\"${customers.password}\"", share = "${random(1, 3)}" }
headers = { authorization = "Bearer ${token}" }
expect = { status = 201, body = { matches = "^ok [0-9]+$" } }
"#;

impl Shop {
    fn answer(&mut self, request: &Message) -> Vec<u8> {
        match self.judge(request) {
            Ok((status, fields, body)) => format!(
                "HTTP/1.1 {status} Good\r\n{fields}Content-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes(),
            Err(why) => {
                self.wrong
                    .push(format!("{why}: {}\n{}", request.head, request.text()));
                b"HTTP/1.1 418 Wrong\r\nContent-Length: 0\r\n\r\n".to_vec()
            }
        }
    }

    fn judge(&mut self, request: &Message) -> Result<(u16, String, String), &'static str> {
        let line: Vec<_> = request.start_line().split(' ').collect();
        let (path, query) = line[1].split_once('?').unwrap_or((line[1], ""));
        if request.get("x-test") != Some("yes") {
            return Err("no common field");
        }
        let session = self.session(request);
        match (line[0], path) {
            ("GET", "/newest") => {
                let body = json!({ "products": [{ "id": 5 }, { "id": 17 }] });
                Ok((200, String::new(), body.to_string()))
            }
            ("DELETE", "/all") => {
                self.bye += usize::from(query == "newest=17");
                Ok((200, String::new(), String::new()))
            }
            ("POST", "/login") => self.log_in(request),
            ("GET", _) if path.starts_with("/account/") => {
                let (token, mail) = session.ok_or("nobody is logged in")?;
                if path != format!("/account/{token}") || query != format!("q={}", encoded(&mail)) {
                    return Err("another page");
                }
                let body = json!({ "mail": mail }).to_string();
                Ok((
                    200,
                    "Content-Type: application/json; charset=utf-8\r\n".into(),
                    body,
                ))
            }
            ("POST", "/orders") => {
                session.ok_or("nobody is logged in")?;
                self.order(request)
            }
            _ => Err("what is that?"),
        }
    }

    /// Token and mail of who asks, if cookie and token belong together.
    fn session(&self, request: &Message) -> Option<(String, String)> {
        let token = request.get("authorization")?.strip_prefix("Bearer ")?;
        let (cookie, mail) = self.sessions.get(token)?;
        (request.get("cookie")? == format!("session={cookie}"))
            .then(|| (token.to_owned(), mail.clone()))
    }

    fn log_in(&mut self, request: &Message) -> Result<(u16, String, String), &'static str> {
        if request.get("content-type") != Some("application/x-www-form-urlencoded") {
            return Err("no form");
        }
        if request.get("cookie").is_some() {
            return Err("a new session has no cookies");
        }
        let rows = [
            "ann@shop.example",
            "bob@shop.example",
            "c \"d\"@shop.example",
        ];
        let passwords = ["a,1", "b&2", "ü 3"];
        let is_it = |row: &usize| {
            let form = format!(
                "mail={}&password={}",
                encoded(rows[*row]),
                encoded(passwords[*row])
            );
            form == request.text()
        };
        let row = (0..3).find(is_it).ok_or("nobody")?;
        let number = self.sessions.len();
        let (token, cookie) = (format!("t{number}"), format!("c{number}"));
        let fields = format!(
            "Location: /account/{token}\r\nSet-Cookie: session={cookie}; Path=/; HttpOnly\r\nSet-Cookie: other=1; Path=/elsewhere\r\n"
        );
        let body = json!({ "token": token, "number": 7 }).to_string();
        self.customers.insert(rows[row].to_owned());
        self.sessions.insert(token, (cookie, rows[row].to_owned()));
        Ok((200, fields, body))
    }

    fn order(&mut self, request: &Message) -> Result<(u16, String, String), &'static str> {
        let order: Value = serde_json::from_slice(&request.body).map_err(|_| "no JSON")?;
        // Numbers stay numbers, and text is escaped.
        let is_right = order["product"] == 17
            && order["number"] == 7
            && ["\"a,1\"", "\"b&2\"", "\"ü 3\""].contains(&order["note"].as_str().unwrap_or(""))
            && matches!(order["share"].as_i64(), Some(1..=3));
        if !is_right || request.get("content-type") != Some("application/json") {
            return Err("a wrong order");
        }
        self.orders += 1;
        Ok((201, String::new(), format!("ok {}", self.orders)))
    }
}

/// Of a query or a form.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                all.push(byte.into());
            }
            _ => write!(all, "%{byte:02X}").expect("memory"),
        }
        all
    })
}

fn shop() -> (Origin, Arc<Mutex<Shop>>) {
    let shop = Arc::new(Mutex::new(Shop::default()));
    let theirs = Arc::clone(&shop);
    let origin = Origin::answering(move |request| theirs.lock().expect("no panic").answer(request));
    (origin, shop)
}

#[test]
fn every_value_comes_to_where_it_belongs() {
    let ((origin, shop), folder) = (shop(), Folder::new());
    folder.write("customers.csv", CUSTOMERS);
    folder.write(
        "buy.toml",
        &format!("target = \"{}\"\n{TEST}", url(&origin)),
    );
    let ran = folder.load(&["buy.toml", "--json", "r"]);
    let shop = shop.lock().expect("no panic");
    assert_eq!(shop.wrong, [""; 0], "{}", ran.out);
    assert_eq!(shop.customers.len(), 3);
    assert!(shop.orders > 0 && shop.bye == 1, "{}", ran.out);
    let results = folder.json("r");
    assert_eq!(
        ran.code,
        Some(super::code_of(&results, 0)),
        "{}{}",
        ran.out,
        ran.err
    );
    assert_eq!(results["total"]["failed"], 0);
    let of = |step: usize| results["steps"][step]["totals"]["done"].as_u64();
    assert!(
        of(0) >= of(1) && of(1) >= of(2) && of(2) > Some(0),
        "{}",
        ran.out
    );
    assert_eq!(results["steps"][2]["group"], "checkout");
    ran.shows(&["log in", "account", "pay", "step pay"]);
}

#[test]
fn check_says_what_would_be_done_without_doing_it() {
    let ((origin, shop), folder) = (shop(), Folder::new());
    folder.write("customers.csv", CUSTOMERS);
    folder.write(
        "buy.toml",
        &format!("target = \"{}\"\n{TEST}", url(&origin)),
    );
    let ran = folder.load(&["check", "buy.toml"]).ended(0);
    ran.shows(&["closed model", "buy", "customers     3", "Little's law"]);
    assert_eq!(
        (origin.connections(), shop.lock().expect("no panic").orders),
        (0, 0)
    );
}

#[test]
fn pages_follow_as_the_matrix_says() {
    let origin = Origin::saying("page");
    let folder = Folder::new();
    folder.write(
        "t.toml",
        &format!(
            "target = \"{}\"\nphase = {{ duration = \"500ms\", rate = 100 }}\n\
             [markov]\nstart = {{ home = 1 }}\n\
             [markov.next]\nhome = {{ search = 1 }}\nsearch = {{ cart = 1 }}\ncart = {{}}\n\
             [[scenario]]\nname = \"home\"\nstep = \"/\"\n[[scenario]]\nname = \"search\"\nstep = \"/search\"\n\
             [[scenario]]\nname = \"cart\"\nstep = \"/cart\"\n",
            url(&origin)
        ),
    );
    let ran = folder.load(&["t.toml", "--json", "r"]);
    let results = folder.json("r");
    let steps = results["steps"].as_array().expect("a list");
    let done: Vec<_> = steps
        .iter()
        .map(|step| step["totals"]["due"].clone())
        .collect();
    assert_eq!(done, [50, 50, 50], "{}", ran.out);
}
