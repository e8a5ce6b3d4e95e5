//! Writing a seeded shop into a database: all of it, or nothing.
//!
//! # The idea
//! One transaction makes the tables and fills them, so that whatever ends it (a full disk, Ctrl-C, a crash) leaves what was there before. Keys and
//! references are taken off while rows come in and put back at the end: to sort 300,000 rows once is faster than to insert each of them
//! into three indexes, and to join two tables once faster than to look up each row of one in the other. `FREEZE` writes rows as they would be
//! after a vacuum, so that the first reads do not have to rewrite them.
//!
//! # Source
//! <https://www.postgresql.org/docs/15/populate.html>

use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt as _;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Transaction};

use super::Size;
use super::content::{Content, Piece, Table};
use super::progress::Progress;
use super::rows::{HEADER, TRAILER};
use crate::database::{SCHEMA, tables, told};

/// The number by which two seeds know of each other (`shopsd` in ASCII).
const ONE_AT_A_TIME: i64 = 0x7368_6f70_7364;
/// Pieces that are made ahead of the one that is being written.
const AHEAD: usize = 8;

/// Writes it. The shop that is there is replaced only if that is asked for.
///
/// # Errors
/// What went wrong, and what to do; then nothing was changed.
pub(super) async fn load(
    client: &mut Client,
    size: Size,
    replace: bool,
    progress: &Progress,
) -> Result<(), String> {
    let transaction = client.transaction().await.map_err(explain)?;
    alone(&transaction).await?;
    make_room(&transaction, replace).await?;
    transaction.batch_execute(SCHEMA).await.map_err(explain)?;
    let constraints = take_off(&transaction).await.map_err(explain)?;
    fill(&transaction, size, progress).await?;
    progress.step("keys and references");
    finish(&transaction, &constraints, size)
        .await
        .map_err(explain)?;
    transaction.commit().await.map_err(explain)
}

/// Sets what the planner knows, and that all rows are visible (index-only scans).
///
/// # Errors
/// That it was not done; the shop is whole without it.
pub(super) async fn settle(client: &Client) -> Result<(), String> {
    let names: Vec<&str> = tables().collect();
    let vacuum = format!("VACUUM (ANALYZE) {}", names.join(", "));
    client.batch_execute(&vacuum).await.map_err(|error| {
        let why = told(&error);
        format!("the shop is seeded, but its statistics are missing ({why}); run `{vacuum}` in it")
    })
}

/// What went wrong, for people; all errors end the transaction.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` calls")]
fn explain(error: tokio_postgres::Error) -> String {
    let hint = match error.code() {
        Some(&SqlState::DISK_FULL) => {
            "the database's disk is full; make room (10,000 products and 100,000 orders need about 200 MB), or seed fewer"
        }
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
            "this user may not make tables there; give it a database of its own (createdb -O USER shop)"
        }
        Some(&SqlState::LOCK_NOT_AVAILABLE) => {
            "the shop that is to be replaced is in use; stop its processes first"
        }
        Some(&SqlState::DEPENDENT_OBJECTS_STILL_EXIST) => {
            "something that is not the shop's hangs on its tables; remove that first"
        }
        Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => {
            "this is a replica or read-only; give the address of the primary"
        }
        Some(_) => "this was not expected",
        None => "the connection to the database broke; look at its log, then try again",
    };
    format!("{}: {hint}; nothing was changed", told(&error))
}

/// Waits a little for another seed to end: the server may need a moment to see that one was broken off.
async fn alone(transaction: &Transaction<'_>) -> Result<(), String> {
    for _ in 0..20 {
        let got = "SELECT pg_try_advisory_xact_lock($1)";
        let got = transaction.query_one(got, &[&ONE_AT_A_TIME]).await;
        if got.map_err(explain)?.get(0) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("another `shop seed` is filling this database; wait until it has ended".to_owned())
}

/// Takes away the shop that is there, if that was asked for. What is not the shop's is never touched.
async fn make_room(transaction: &Transaction<'_>, replace: bool) -> Result<(), String> {
    const THERE: &str = "SELECT name FROM unnest($1::text[]) WITH ORDINALITY AS t (name, place) \
        WHERE to_regclass(name) IS NOT NULL ORDER BY place";
    let ours: Vec<&str> = tables().collect();
    let rows = transaction.query(THERE, &[&ours]).await.map_err(explain)?;
    let there: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
    if there.is_empty() {
        return Ok(());
    }
    if !is_a_shop(transaction, &there).await.map_err(explain)? {
        return Err(format!(
            "this database has tables that no `shop seed` made ({}); give the shop an empty database of its own",
            there.join(", ")
        ));
    }
    if !replace {
        let told =
            transaction.query_opt("SELECT at::date::text, products, orders FROM seeded", &[]);
        let row = told.await.map_err(explain)?;
        let size = row.map(|row| {
            let (at, products, orders): (String, i32, i64) = (row.get(0), row.get(1), row.get(2));
            format!(" of {at} with {products} products and {orders} orders")
        });
        let size = size.unwrap_or_default();
        return Err(format!(
            "this database has a shop already{size}; give --replace to throw it away, with all orders"
        ));
    }
    let drop = format!(
        "SET LOCAL lock_timeout = '5s'; DROP TABLE {}; SET LOCAL lock_timeout = 0",
        there.join(", ")
    );
    transaction.batch_execute(&drop).await.map_err(explain)
}

/// Whether the tables are a shop's: `seeded` is among them and looks like ours.
async fn is_a_shop(
    transaction: &Transaction<'_>,
    there: &[&str],
) -> Result<bool, tokio_postgres::Error> {
    const COLUMNS: &str = "SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('seeded') \
        AND attname IN ('at', 'seed', 'products', 'orders', 'customers') AND NOT attisdropped";
    let columns: i64 = transaction.query_one(COLUMNS, &[]).await?.get(0);
    Ok(there.contains(&"seeded") && columns == 5)
}

/// Takes keys and references off the tables, and gives the statements that put them back, keys first.
async fn take_off(transaction: &Transaction<'_>) -> Result<Vec<String>, tokio_postgres::Error> {
    const FOUND: &str = "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) \
        FROM pg_constraint WHERE contype IN ('p', 'u', 'f') \
        AND conrelid IN (SELECT to_regclass(name) FROM unnest($1::text[]) AS name) \
        ORDER BY contype = 'f', conrelid, contype, conname";
    let ours: Vec<&str> = tables().collect();
    let rows = transaction.query(FOUND, &[&ours]).await?;
    let mut off = String::new();
    let mut back = Vec::with_capacity(rows.len());
    for row in &rows {
        let (table, name, definition): (&str, &str, &str) = (row.get(0), row.get(1), row.get(2));
        back.push(format!(
            "ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"
        ));
        // References first: they hang on keys.
        off = format!("ALTER TABLE {table} DROP CONSTRAINT {name};{off}");
    }
    transaction.batch_execute(&off).await?;
    Ok(back)
}

/// Makes rows on one thread while they are written by this one.
async fn fill(
    transaction: &Transaction<'_>,
    size: Size,
    progress: &Progress,
) -> Result<(), String> {
    let (give, mut pieces) = tokio::sync::mpsc::channel(AHEAD);
    let making = tokio::task::spawn_blocking(move || {
        for piece in Content::new(size) {
            if give.blocking_send(piece).is_err() {
                return;
            }
        }
    });
    let mut last = "";
    while let Some(piece) = pieces.recv().await {
        let step = step(piece.table);
        if step != last {
            progress.step(step);
            last = step;
        }
        copy(transaction, &piece).await.map_err(explain)?;
        progress.add(piece.things);
    }
    making
        .await
        .map_err(|error| format!("making the content failed: {error}"))
}

fn step(table: &Table) -> &'static str {
    match table.name {
        "categories" | "products" | "related_products" => "products",
        "customers" => "customers",
        "stock" | "product_sales" | "order_counts" => "stock and sales",
        _ => "orders",
    }
}

async fn copy(transaction: &Transaction<'_>, piece: &Piece) -> Result<(), tokio_postgres::Error> {
    let Table { name, columns } = piece.table;
    let copy = format!("COPY {name} ({columns}) FROM STDIN (FORMAT binary, FREEZE)");
    let sink = transaction.copy_in(&copy).await?;
    let mut sink = std::pin::pin!(sink);
    sink.send(Bytes::from_static(HEADER)).await?;
    sink.send(piece.rows.clone()).await?;
    sink.send(Bytes::from_static(TRAILER)).await?;
    sink.finish().await.map(drop)
}

async fn finish(
    transaction: &Transaction<'_>,
    constraints: &[String],
    size: Size,
) -> Result<(), tokio_postgres::Error> {
    // For sorting; given back with the transaction.
    let memory = "SET LOCAL maintenance_work_mem = '128MB'";
    transaction.batch_execute(memory).await?;
    for constraint in constraints {
        transaction.batch_execute(constraint).await?;
    }
    // The next numbers follow those that were written.
    for table in ["customers", "orders", "payments", "outbox"] {
        let next = format!(
            "SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM {table}), false)"
        );
        transaction.query_one(&next, &[]).await?;
    }
    let seeded = "INSERT INTO seeded (seed, products, orders, customers) VALUES ($1, $2, $3, $4)";
    let Size {
        seed,
        products,
        customers,
        orders,
    } = size;
    transaction
        .execute(seeded, &[&seed, &products, &orders, &customers])
        .await?;
    Ok(())
}
