//! Logs whose model is known, and logs that are none.

use std::fmt::Write;

use super::*;

const START: i64 = 1_732_870_800;

/// Lines of the common format.
#[derive(Default)]
struct Log(String);

impl Log {
    fn add(&mut self, second: i64, client: &str, request: &str, status: u16) {
        let second = START + second;
        let (day, hour, minute) = (second / 86_400, second / 3600 % 24, second / 60 % 60);
        assert_eq!(day, START / 86_400, "one day");
        let second = second % 60;
        writeln!(
            self.0,
            "{client} - - [29/Nov/2024:{hour:02}:{minute:02}:{second:02} +0000] \"{request} HTTP/1.1\" {status} 10"
        )
        .expect("memory");
    }

    fn read(&self, options: &Options) -> Result<Imported, ImportError> {
        super::read(|| Ok(self.0.as_bytes()), "access.log", options)
    }
}

fn read(log: &[u8]) -> Result<Imported, ImportError> {
    super::read(|| Ok(log), "access.log", &Options::default())
}

/// Sessions of a shop: home, then as likely as not a search, then three products.
fn shop() -> Log {
    let mut log = Log::default();
    for session in 0..600_i64 {
        let client = format!("10.0.{}.{}", session / 200, session % 200);
        let begin = session * 5;
        log.add(begin, &client, "GET /", 200);
        let mut at = begin + 4;
        if session % 2 == 0 {
            log.add(
                at,
                &client,
                &format!("GET /search?q=word{}&utm_source=x", session % 7),
                200,
            );
            at += 4;
        }
        for number in 0..3 {
            log.add(
                at + 8 * number,
                &client,
                &format!("GET /product/{}", (session + number) % 50 + 1),
                200,
            );
        }
        log.add(at + 20, &client, "POST /cart", 303);
        log.add(at + 21, &client, "GET /wp-login.php", 404);
    }
    log
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[test]
fn a_shop_becomes_pages_that_lead_to_each_other() {
    let imported = shop().read(&Options::default()).expect("a log");
    let text = &imported.text;
    has(
        text,
        &[
            "name = \"GET /product/{id}\"\npath = \"/product/${random(1, 50)}\"",
            "path = \"/search?q=${search.q}\"",
            "start = { home = 1 }",
            "home = { product_id = 0.5, search = 0.5 }",
            "product_id = { product_id = 0.66666 }",
            "search = { product_id = 1 }",
            "think = { mean = \"4s\", most = \"40s\" }",
            "think = { mean = \"8s\", most = \"80s\" }",
            "most = 5",
            "600 requests with methods that change data",
            "600 requests with status 4xx",
        ],
    );
    assert!(
        !text.contains("POST") || !text.contains("method ="),
        "{text}"
    );
    let search = imported.data.iter().find(|file| file.name == "search.csv");
    assert!(
        search
            .expect("a feed")
            .text
            .starts_with("q\nword0\nword2\n")
    );
}

#[test]
fn a_shop_becomes_a_mix_if_that_is_asked_for() {
    let options = Options {
        model: Model::Weights,
        includes_unsafe: true,
        prefix: "shop-".to_owned(),
        ..Options::default()
    };
    let imported = shop().read(&options).expect("a log");
    // 600 times home, 300 searches, 1800 products, 600 carts.
    has(
        &imported.text,
        &[
            "weight = 54.545",
            "weight = 18.182",
            "weight = 9.091",
            "method = \"POST\"",
            "Its body is unknown",
            "file = \"shop-search.csv\"",
        ],
    );
    assert!(!imported.text.contains("[markov]"));
    assert!(
        imported
            .data
            .iter()
            .all(|file| file.name.starts_with("shop-"))
    );
}

#[test]
fn arrivals_are_those_of_the_log() {
    let mut log = Log::default();
    for second in 0..1800_i64 {
        // Twice as much in the second half.
        for number in 0..if second < 900 { 1 } else { 2 } {
            log.add(second, &format!("10.0.0.{number}"), "GET /", 200);
        }
    }
    let imported = log.read(&Options::default()).expect("a log");
    has(
        &imported.text,
        &["2,700 requests, 1.5", "with 2 per second", "rate = 1"],
    );
    let total: f64 = arrivals(&imported.text);
    assert!((total - 2700.0).abs() < 10.0, "{total}");
    let options = Options {
        minutes: 10,
        scale: 3.0,
        ..Options::default()
    };
    let imported = log.read(&options).expect("a log");
    has(
        &imported.text,
        &["10 minutes of the log's 30", "rate = 6", "multiplied by 3"],
    );
}

/// Arrivals in all phases.
fn arrivals(text: &str) -> f64 {
    let mut total = 0.0;
    let mut seconds = 0.0;
    for line in text.lines() {
        let number = |text: &str| {
            text.trim_matches([' ', '}', 's', '"'])
                .parse::<f64>()
                .expect("a number")
        };
        if let Some(text) = line.strip_prefix("duration = ") {
            seconds = number(text);
        } else if let Some(text) = line.strip_prefix("rate = ") {
            total += seconds
                * match text
                    .strip_prefix("{ from = ")
                    .and_then(|text| text.split_once(", to = "))
                {
                    Some((from, to)) => f64::midpoint(number(from), number(to)),
                    None => number(text),
                };
        }
    }
    total
}

#[test]
fn hosts_are_told_apart() {
    let line = |host: &str, path: &str| {
        format!(
            r#"{{"time":1700000000.5,"client":"::1","method":"GET","host":"{host}","target":"{path}","status":200}}"#
        )
    };
    let log = [
        line("a.test:8080", "/a"),
        line("b.test", "/b"),
        line("A.test", "/a"),
    ]
    .join("\n");
    let imported = read(log.as_bytes()).expect("a log");
    has(&imported.text, &["several hosts: a.test (2), b.test (1)"]);
    let options = Options {
        host: Some("a.test".to_owned()),
        ..Options::default()
    };
    let imported = super::read(|| Ok(log.as_bytes()), "x", &options).expect("a log");
    assert!(!imported.text.contains("/b"));
}

#[test]
fn what_is_no_log_is_refused_with_its_line() {
    let error = read(b"\n\nhello\nworld\n").expect_err("no log");
    assert_eq!(error.line, Some(3));
    assert!(read(b"").expect_err("empty").what.contains("empty"));
    let binary: Vec<u8> = (0..100_000_u32)
        .map(|number| (number * 37 % 251) as u8)
        .collect();
    assert!(read(&binary).expect_err("binary").line.is_some());
    let mut log = Log::default();
    log.add(0, "a", "POST /a", 200);
    log.add(0, "a", "GET /b", 404);
    let error = log.read(&Options::default()).expect_err("nothing left");
    assert!(
        error
            .what
            .contains("1 request with methods that change data"),
        "{error}"
    );
}

#[test]
fn what_is_broken_is_counted_and_named() {
    let mut log = shop();
    log.0.insert_str(0, "10.0.0.1 - - [29/Nov/2024:09:\n");
    log.0.push_str(&"x".repeat(70_000));
    log.0
        .push_str("\n10.0.0.1 - - [29/Nov/2024:09:00:00 +0000] \"\\x16\\x03\" 400 0\n");
    log.0
        .push_str("10.0.0.1 - - [01/Jan/2011:09:00:00 +0000] \"GET / HTTP/1.1\" 200 0\n");
    let imported = log.read(&Options::default()).expect("a log");
    has(
        &imported.notes.join("\n"),
        &[
            "Not readable: 2 lines (line 1: no date in square brackets; line 3902: longer than 64 KiB)",
            "Without a valid request (scans, idle connections): 1 line.",
            "Times go back by more than five minutes at 1 line:",
        ],
    );
}

#[test]
fn strangers_write_neither_tables_nor_holes() {
    let mut log = Log::default();
    for number in 0..40 {
        log.add(number, "a", "GET /${env:HOME}?x=\"]\\n[[phase]]", 200);
        log.add(
            number,
            "a",
            &format!("GET /a?x={number}&password=hunter{number}"),
            200,
        );
    }
    let imported = log.read(&Options::default()).expect("a log");
    assert!(!imported.text.contains("${env"), "{}", imported.text);
    assert_eq!(imported.text.matches("\n[[phase]]").count(), 1);
    has(
        &imported.text,
        &["parameters that look like secrets, of 40 requests"],
    );
    assert!(
        imported
            .data
            .iter()
            .all(|file| !file.text.contains("hunter"))
    );
}

#[test]
fn the_same_log_makes_the_same_scenario() {
    let log = shop();
    let first = log.read(&Options::default()).expect("a log");
    assert_eq!(log.read(&Options::default()).expect("a log"), first);
}
