//! `shop check`: each promise is broken by hand, and it is seen.

use serde_json::Value;

use crate::common::{SERVER, connect, run, shop, told};

/// What `shop check` says of this database, and with which code it ended.
fn check(url: &str) -> (Value, Option<i32>) {
    let output = run("check", url, &["--json"]);
    let json = serde_json::from_slice(&output.stdout);
    (
        json.unwrap_or_else(|error| panic!("{error}: {}", told(&output))),
        output.status.code(),
    )
}

/// Names of the rules that are broken.
fn broken(books: &Value) -> Vec<&str> {
    let rules = books["rules"].as_array().expect("rules").iter();
    rules
        .filter(|rule| rule["broken"] != 0)
        .map(|rule| {
            let example = rule["examples"][0].as_str();
            assert!(example.is_some_and(|example| !example.is_empty()), "{rule}");
            rule["name"].as_str().expect("a name")
        })
        .collect()
}

#[test]
fn a_seeded_shop_balances() {
    let url = shop("balanced");
    let (books, code) = check(&url);
    assert_eq!((broken(&books), code), (vec![], Some(0)));
    assert_eq!(books["balanced"], true);
    assert_eq!(books["orders"], 2000);
    assert_eq!(books["open_events"]["count"], 0);
    let output = run("check", &url, &[]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        told(&output).ends_with("The books balance.\n"),
        "{}",
        told(&output)
    );
}

/// A change by hand, and all rules that it breaks.
const BREAKS: [(&str, &[&str]); 19] = [
    ("UPDATE stock SET available = available + 1 WHERE product_id = 1", &["stock"]),
    ("DELETE FROM stock WHERE product_id = 7", &["stock"]),
    (
        "ALTER TABLE stock DROP CONSTRAINT stock_available_check;
         UPDATE stock SET available = -1, received = received - available - 1 WHERE product_id = 2",
        &["never-below-zero"],
    ),
    ("DELETE FROM order_lines WHERE order_id = 3", &["stock", "lines", "sales"]),
    (
        "ALTER TABLE order_lines DROP CONSTRAINT order_lines_order_id_fkey;
         INSERT INTO order_lines VALUES (999999, 1, 1, 1, 100); UPDATE stock SET received = received + 1 WHERE product_id = 1",
        &["lines"],
    ),
    ("UPDATE order_lines SET price = price + 1 WHERE order_id = 3 AND place = 1", &["totals"]),
    ("UPDATE orders SET total = total + 1 WHERE id = 4", &["totals", "payments", "counts"]),
    ("DELETE FROM payments WHERE order_id = 5", &["payments"]),
    (
        "ALTER TABLE payments DROP CONSTRAINT payments_order_id_key;
         INSERT INTO payments (order_id, amount, method) SELECT order_id, amount, method FROM payments WHERE order_id = 5",
        &["payments"],
    ),
    ("UPDATE payments SET amount = amount - 1 WHERE order_id = 5", &["payments"]),
    // What is not known is not right either.
    (
        "ALTER TABLE payments ALTER amount DROP NOT NULL; UPDATE payments SET amount = NULL WHERE order_id = 5",
        &["payments"],
    ),
    (
        "ALTER TABLE orders ALTER total DROP NOT NULL; UPDATE orders SET total = NULL WHERE id = 4",
        &["totals", "payments", "counts"],
    ),
    ("DELETE FROM outbox WHERE order_id = 6", &["events", "sales", "counts"]),
    (
        "ALTER TABLE outbox DROP CONSTRAINT outbox_kind_order_id_key;
         INSERT INTO outbox (kind, order_id, done) VALUES ('order.created', 6, now())",
        &["events"],
    ),
    (
        "ALTER TABLE orders DROP CONSTRAINT orders_customer_id_idempotency_key_key;
         UPDATE orders SET customer_id = 1, idempotency_key = 'twice' WHERE id IN (8, 9)",
        &["once"],
    ),
    (
        "ALTER TABLE orders DROP CONSTRAINT orders_number_key; UPDATE orders SET number = 'X' WHERE id IN (8, 9)",
        &["numbers"],
    ),
    (
        "ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey; UPDATE orders SET customer_id = 999999 WHERE id = 8",
        &["customers"],
    ),
    ("UPDATE orders SET status = 'paid' WHERE id = 7", &["status"]),
    (
        "UPDATE product_sales SET sold = sold + 1 WHERE product_id = 1; UPDATE order_counts SET orders = orders + 1, total = total + 5
         WHERE day = (SELECT min(day) FROM order_counts)",
        &["sales", "counts"],
    ),
];

#[test]
fn every_broken_promise_is_seen() {
    for (number, (change, rules)) in BREAKS.iter().enumerate() {
        let name = format!("broken-{number}");
        let url = shop(&name);
        SERVER.query(&name, change).expect(change);
        let (books, code) = check(&url);
        assert_eq!(
            (broken(&books), code),
            (rules.to_vec(), Some(1)),
            "{change}"
        );
        assert_eq!(books["balanced"], false);
    }
    let (all, _) = check(&shop("names"));
    let names = all["rules"].as_array().expect("rules").iter();
    for name in names.map(|rule| rule["name"].as_str().expect("a name")) {
        assert!(
            BREAKS.iter().any(|(_, rules)| rules.contains(&name)),
            "{name} is not tried"
        );
    }
}

#[test]
fn offenders_are_told_to_people() {
    let url = shop("offenders");
    SERVER
        .query(
            "offenders",
            "UPDATE stock SET available = available + 1 WHERE product_id > 100",
        )
        .expect("changed");
    let output = run("check", &url, &[]);
    assert_eq!(output.status.code(), Some(1));
    let said = told(&output);
    assert!(
        said.contains("- product 101: ") && said.contains("and 95 more"),
        "{said}"
    );
    assert!(said.contains("DO NOT BALANCE: 1 rule is broken"), "{said}");
}

/// One thing of a product, bought and paid for; the worker has not seen it yet.
const SALE: &str = "WITH sold AS (UPDATE stock SET available = available - 1 WHERE product_id = 1 AND available >= 1),
    placed AS (INSERT INTO orders (number, customer_id, idempotency_key, content_hash, status, total, name, street, postcode, city, country)
        VALUES (gen_random_uuid()::text, 1, gen_random_uuid()::text, '', 'paid', 500, '', '', '', '', '') RETURNING id),
    line AS (INSERT INTO order_lines SELECT id, 1, 1, 1, 500 FROM placed),
    paid AS (INSERT INTO payments (order_id, amount, method) SELECT id, 500, 'account' FROM placed)
    INSERT INTO outbox (kind, order_id) SELECT 'order.created', id FROM placed";

#[test]
fn what_the_worker_has_not_done_is_no_mistake() {
    let url = shop("open");
    SERVER.query("open", SALE).expect("sold");
    let (books, code) = check(&url);
    assert_eq!((broken(&books), code), (vec![], Some(0)));
    assert_eq!(books["open_events"]["count"], 1);
    assert!(
        books["open_events"]["oldest_seconds"]
            .as_f64()
            .is_some_and(|age| age >= 0.0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn books_are_looked_at_while_the_shop_sells() {
    let url = shop("selling");
    let seller = connect(&url).await;
    let selling = tokio::spawn(async move {
        loop {
            seller.batch_execute(SALE).await.expect("sold");
        }
    });
    let (mut seen, mut last) = (0, 2000);
    while seen < 5 {
        let url = url.clone();
        let checked = tokio::task::spawn_blocking(move || check(&url));
        let (books, code) = checked.await.expect("ends");
        assert_eq!((broken(&books), code), (vec![], Some(0)));
        let orders = books["orders"].as_i64().expect("a number");
        seen += i32::from(orders > last);
        last = orders;
        assert!(!selling.is_finished(), "it does not sell");
    }
    selling.abort();
}

#[test]
fn what_cannot_be_looked_at_is_neither_right_nor_wrong() {
    let output = run("check", &SERVER.database("nothing"), &["--json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(
        told(&output).contains("run `shop seed` first"),
        "{}",
        told(&output)
    );
}
