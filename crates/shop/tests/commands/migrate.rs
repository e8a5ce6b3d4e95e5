//! `shop migrate`: there and back, again, beside others, and after a failure.

use std::process::Output;

use crate::common::{SERVER, connect, prepare, run, shop, told};

const INDEXES: &str = "SELECT count(*), bool_and(indisvalid) FROM pg_index
    WHERE indexrelid IN (SELECT oid FROM pg_class WHERE relname IN ('order_lines_product', 'orders_customer_placed', 'products_added',
        'products_category_added', 'product_sales_sold', 'product_sales_category_sold', 'products_words'))";

fn migrate(url: &str, profile: &str) -> Output {
    run("migrate", url, &["--profile", profile])
}

fn says(output: &Output, what: &str) {
    assert!(
        output.status.success() && told(output).trim() == what,
        "{}",
        told(output)
    );
}

#[test]
fn there_and_back_and_twice() {
    let url = shop("back");
    says(&migrate(&url, "tuned"), "8 changes");
    assert_eq!(SERVER.query("back", INDEXES).expect("an answer"), "7|t");
    says(&migrate(&url, "tuned"), "nothing to do");
    // Word by word, of title and maker.
    let found = "SELECT count(*) > 0 AND bool_and(title || maker ILIKE '%lamp%') FROM products WHERE words @@ 'lamp:*'";
    assert_eq!(SERVER.query("back", found).expect("an answer"), "t");
    says(&migrate(&url, "naive"), "8 changes");
    assert_eq!(SERVER.query("back", INDEXES).expect("an answer"), "0|");
    says(&migrate(&url, "naive"), "nothing to do");
    assert!(SERVER.query("back", "SELECT words FROM products").is_err());
}

#[test]
fn what_was_broken_off_is_made_anew() {
    let url = shop("broken-off");
    says(&migrate(&url, "tuned"), "8 changes");
    let half = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'products_added'::regclass; DROP INDEX orders_customer_placed";
    SERVER.query("broken-off", half).expect("half of it");
    says(&migrate(&url, "tuned"), "2 changes");
    assert_eq!(
        SERVER.query("broken-off", INDEXES).expect("an answer"),
        "7|t"
    );
}

#[test]
fn two_at_once_do_it_once() {
    let url = shop("twice");
    let [one, two] = [(), ()].map(|()| {
        let mut command = prepare("migrate", &url, &["--profile", "tuned"]);
        command
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("starts")
    });
    let mut said = [one, two].map(|child| told(&child.wait_with_output().expect("ends")));
    said.sort();
    assert_eq!(said, ["8 changes\n", "nothing to do\n"]);
    assert_eq!(SERVER.query("twice", INDEXES).expect("an answer"), "7|t");
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_are_waited_for_and_do_not_wait_long() {
    let url = shop("busy");
    let mut client = connect(&url).await;
    let reading = client.transaction().await.expect("begins");
    reading
        .query("SELECT count(*) FROM products", &[])
        .await
        .expect("read");
    let migration = {
        let url = url.clone();
        tokio::task::spawn_blocking(move || migrate(&url, "tuned"))
    };
    // Others read on behind the migration that waits for the first one.
    let other = connect(&url).await;
    let waits = "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'shop migrate' AND wait_event_type = 'Lock'";
    while !other
        .query_one(waits, &[])
        .await
        .expect("asked")
        .get::<_, bool>(0)
    {}
    let read = other
        .query_one("SELECT count(*) FROM products", &[])
        .await
        .expect("read");
    assert_eq!(read.get::<_, i64>(0), 200);
    assert!(!migration.is_finished());
    reading.commit().await.expect("ends");
    says(&migration.await.expect("ends"), "8 changes");
}

#[test]
fn a_database_without_a_shop_is_told() {
    let output = migrate(&SERVER.database("no-shop"), "tuned");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        told(&output).contains("run `shop seed` first"),
        "{}",
        told(&output)
    );
}
