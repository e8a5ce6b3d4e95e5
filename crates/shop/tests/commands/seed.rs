//! `shop seed`: the same each time, all or nothing, and never over what is there.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use crate::common::{SERVER, SMALL, prepare, run, told};

/// What is in all tables, but for when it was seeded.
fn digests(database: &str) -> Vec<String> {
    let tables = [
        "categories",
        "products",
        "related_products",
        "stock",
        "customers",
        "orders",
        "order_lines",
        "payments",
        "outbox",
        "product_sales",
        "order_counts",
    ];
    let digest = |table: &str| {
        let all = format!(
            "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t"
        );
        format!(
            "{table} {}",
            SERVER.query(database, &all).expect("an answer")
        )
    };
    tables.map(digest).to_vec()
}

fn tables(database: &str) -> String {
    let count = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    SERVER.query(database, count).expect("an answer")
}

#[test]
fn the_same_seed_gives_the_same_shop() {
    for (name, seed) in [("same-1", "7"), ("same-2", "7"), ("other", "8")] {
        let more = [SMALL, &["--seed", seed]].concat();
        let output = run("seed", &SERVER.database(name), &more);
        assert!(output.status.success(), "{}", told(&output));
    }
    let [one, two, other] = ["same-1", "same-2", "other"].map(digests);
    assert_eq!(one, two);
    for (one, other) in one.iter().zip(&other).skip(1) {
        assert_ne!(one, other);
    }
}

#[test]
fn a_seeded_shop_is_whole_and_goes_on() {
    let url = SERVER.database("whole");
    let output = run("seed", &url, SMALL);
    assert!(output.status.success(), "{}", told(&output));
    assert!(told(&output).contains("seeded 200 products, 100 customers and 2000 orders"));
    let ask = |sql: &str| SERVER.query("whole", sql).expect(sql);
    // Keys, references and checks are those of the schema.
    let fresh = SERVER.database("schema");
    let schema = include_str!("../../src/database/schema.sql");
    SERVER.query("schema", schema).expect("made");
    let constraints = "SELECT string_agg(conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid), '; ' ORDER BY conrelid::regclass::text, conname)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace";
    assert_eq!(
        ask(constraints),
        SERVER.query("schema", constraints).expect("an answer"),
        "{fresh}"
    );
    // What is written next has the next number.
    let customer =
        "INSERT INTO customers (mail, name, password_hash) VALUES ('a@b.c', 'A', 'x') RETURNING id";
    assert_eq!(ask(customer).lines().next(), Some("101"));
    // The planner knows what there is.
    let known = "SELECT reltuples FROM pg_class WHERE oid = 'orders'::regclass";
    assert_eq!(ask(known), "2000");
    let visible =
        "SELECT relallvisible = relpages FROM pg_class WHERE oid = 'order_lines'::regclass";
    assert_eq!(ask(visible), "t");
    let mean = "SELECT round(count(*) / 2000.0) FROM order_lines";
    assert_eq!(ask(mean), "3");
    let future =
        "SELECT count(*) FROM orders WHERE placed >= '2026-10-01' OR placed < '2024-10-01'";
    assert_eq!(ask(future), "0");
}

#[test]
fn a_shop_is_replaced_only_if_that_is_said() {
    let url = SERVER.database("replaced");
    let output = run("seed", &url, SMALL);
    assert!(output.status.success(), "{}", told(&output));
    let before = digests("replaced");
    let output = run("seed", &url, &[SMALL, &["--seed", "2"]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(
        told(&output).contains("200 products and 2000 orders; give --replace"),
        "{}",
        told(&output)
    );
    assert_eq!(digests("replaced"), before);
    SERVER
        .query("replaced", "CREATE TABLE mine AS SELECT 1 AS n")
        .expect("made");
    let output = run(
        "seed",
        &url,
        &[SMALL, &["--seed", "2", "--replace"]].concat(),
    );
    assert!(output.status.success(), "{}", told(&output));
    assert_ne!(digests("replaced"), before);
    assert_eq!(
        SERVER
            .query("replaced", "SELECT n FROM mine")
            .expect("still there"),
        "1"
    );
}

#[test]
fn what_is_not_the_shops_is_not_touched() {
    let url = SERVER.database("foreign");
    SERVER
        .query("foreign", "CREATE TABLE orders AS SELECT 1 AS n")
        .expect("made");
    for more in [SMALL, &[SMALL, &["--replace"]].concat()] {
        let output = run("seed", &url, more);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            told(&output).contains("no `shop seed` made (orders)"),
            "{}",
            told(&output)
        );
    }
    assert_eq!(
        SERVER
            .query("foreign", "SELECT n FROM orders")
            .expect("there"),
        "1"
    );
    assert_eq!(tables("foreign"), "1");
}

/// Starts a seed that is large enough to be interrupted, and waits until it writes orders.
fn begin(url: &str) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut command = prepare("seed", url, &["--orders", "3000000", "--replace"]);
    let mut seed = command.stderr(Stdio::piped()).spawn().expect("starts");
    let mut lines = BufReader::new(seed.stderr.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("orders") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).expect("readable"), 0, "it ended");
    }
    (seed, lines)
}

fn signal(seed: &Child, signal: &str) {
    let pid = seed.id().to_string();
    let sent = std::process::Command::new("kill")
        .args([signal, &pid])
        .status();
    assert!(sent.expect("runs").success());
}

#[test]
fn interrupted_it_leaves_what_was_there() {
    let url = SERVER.database("interrupted");
    let output = run("seed", &url, SMALL);
    assert!(output.status.success(), "{}", told(&output));
    let before = digests("interrupted");
    for (kill, says) in [
        ("-INT", Some("interrupted; the database is as it was")),
        ("-KILL", None),
    ] {
        let (mut seed, lines) = begin(&url);
        // Meanwhile it is alone.
        let output = run("seed", &url, SMALL);
        assert!(
            told(&output).contains("another `shop seed`"),
            "{}",
            told(&output)
        );
        signal(&seed, kill);
        let status = seed.wait().expect("ends");
        if let Some(says) = says {
            assert_eq!(status.code(), Some(2));
            assert!(
                lines
                    .lines()
                    .map_while(Result::ok)
                    .any(|line| line.contains(says))
            );
        }
        assert_eq!(digests("interrupted"), before);
        // Nothing of it goes on.
        let output = run("seed", &url, &[SMALL, &["--replace"]].concat());
        assert!(output.status.success(), "{}", told(&output));
        assert_eq!(digests("interrupted"), before);
    }
}

#[test]
fn who_may_not_is_told() {
    let url = SERVER.database("forbidden");
    SERVER
        .query("forbidden", "CREATE ROLE guest LOGIN")
        .expect("made");
    let as_guest = SERVER
        .url("forbidden")
        .replace("user=postgres", "user=guest");
    assert_ne!(as_guest, url, "the address names its user");
    let output = run("seed", &as_guest, SMALL);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        told(&output).contains("a database of its own"),
        "{}",
        told(&output)
    );
    assert_eq!(tables("forbidden"), "0");
}

#[test]
fn a_database_that_was_not_made_is_told() {
    let output = run("seed", &SERVER.url("nobody-made-it"), &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = told(&output);
    assert!(
        said.contains("nobody-made-it") && said.contains("createdb"),
        "{said}"
    );
}

#[test]
fn a_database_that_is_not_there_is_told_without_its_password() {
    for command in ["seed", "check"] {
        let output = run(command, "postgres://me:hush@127.0.0.1:1/shop", &[]);
        assert_eq!(output.status.code(), Some(2));
        let said = told(&output);
        assert!(
            said.contains("127.0.0.1:1") && said.contains("is Postgres running"),
            "{said}"
        );
        assert!(!said.contains("hush"), "{said}");
    }
}
