//! `shop migrate`: the indexes that profile `tuned` has and `naive` has not.
//!
//! # The idea
//! Safe beside a shop that sells: indexes are made `CONCURRENTLY`, which blocks nobody; the one change that needs the whole table for a moment (the
//! column for full text) gives up quickly when it cannot have it, and tries again. Whatever was broken off is found (`indisvalid`) and made anew;
//! doing it twice changes nothing.
//!
//! # Trade-off
//! The column is made by rewriting the table of products, during which nobody reads it: well under a second for 10,000 of them, about a minute for a
//! million. Adding it empty and filling it in pieces would avoid that, at the price of a trigger for ever.
//!
//! # Source
//! <https://www.postgresql.org/docs/15/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY>

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::{connect, has_shop, told};
use crate::Error;
use crate::cli::{Migrate, Profile};

/// An index of profile `tuned`.
#[derive(Debug)]
pub(crate) struct Index {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it is on.
    pub(crate) on: &'static str,
}

/// All of them, and what each is for.
pub(crate) const INDEXES: [Index; 7] = [
    // How many of a product were sold; the reference of order lines to products.
    index("order_lines_product", "order_lines (product_id)"),
    // A customer's orders, the newest first.
    index(
        "orders_customer_placed",
        "orders (customer_id, placed DESC, id DESC)",
    ),
    // New products, of the shop and of a department.
    index("products_added", "products (added DESC, id)"),
    index(
        "products_category_added",
        "products (category_id, added DESC, id)",
    ),
    // Best sellers, of the shop and of a department.
    index(
        "product_sales_sold",
        "product_sales (sold DESC, product_id)",
    ),
    index(
        "product_sales_category_sold",
        "product_sales (category_id, sold DESC, product_id)",
    ),
    // The search.
    index("products_words", "products USING gin (words)"),
];

const fn index(name: &'static str, on: &'static str) -> Index {
    Index { name, on }
}

/// What the search looks into: the words of title and maker as they are. Not as stems (`english`): both profiles are to find the same, and the search looks for
/// beginnings of words. Hyphens and slashes part words; Postgres would take `linen/cotton` for the name of a file.
const ADD_WORDS: &str = "ALTER TABLE products ADD COLUMN IF NOT EXISTS words tsvector GENERATED ALWAYS AS \
    (to_tsvector('simple', translate(title || ' ' || maker, '-''/', '   '))) STORED";
const DROP_WORDS: &str = "ALTER TABLE products DROP COLUMN IF EXISTS words";

/// The number by which two migrations know of each other (`shopidx` in ASCII).
const ONE_AT_A_TIME: i64 = 0x0073_686f_7069_6478;
/// Longest wait for another migration.
const OTHERS: Duration = Duration::from_secs(60);
/// Longest wait for the table of products, with all that queue behind it; then they go first.
const TABLE: Duration = Duration::from_millis(500);
/// How often the table is tried for.
const TRIES: u32 = 20;

/// `shop migrate`.
///
/// # Errors
/// What was not done, and what to do.
pub fn run(arguments: &Migrate) -> Result<ExitCode, String> {
    let url = arguments.database.read()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let done = runtime.block_on(migrate(&url, arguments.profile));
    let told = match done.map_err(|error| error.to_string())? {
        0 => "nothing to do".to_owned(),
        1 => "1 change".to_owned(),
        changes => format!("{changes} changes"),
    };
    // A reader that is gone changes nothing about what was done.
    let _gone = writeln!(std::io::stdout(), "{told}");
    Ok(ExitCode::SUCCESS)
}

/// Makes the indexes of a profile and takes away the others. Says how many changes there were.
///
/// # Errors
/// When the database does not answer, has no shop, or is too busy.
pub async fn migrate(url: &str, profile: Profile) -> Result<usize, Error> {
    let client = connect(url, "shop migrate").await?;
    if !has_shop(&client).await? {
        let told = "there is no shop in this database; run `shop seed` first";
        return Err(Error::Broken(told.to_owned()));
    }
    alone(&client).await?;
    let changes = match profile {
        Profile::Tuned => tune(&client).await?,
        Profile::Naive => untune(&client).await?,
    };
    if changes > 0 {
        // What the planner knows of the columns that it may use now.
        client
            .batch_execute("ANALYZE products, order_lines, orders, product_sales")
            .await?;
    }
    Ok(changes)
}

/// Waits for another migration to end. By asking again: whoever waits inside of the database has a snapshot, which `CONCURRENTLY` would wait for.
async fn alone(client: &Client) -> Result<(), Error> {
    let since = Instant::now();
    loop {
        let got = client.query_one("SELECT pg_try_advisory_lock($1)", &[&ONE_AT_A_TIME]);
        if got.await?.get(0) {
            return Ok(());
        }
        if since.elapsed() > OTHERS {
            let told =
                "another `shop migrate` is at work in this database; wait until it has ended";
            return Err(Error::Unavailable(told.to_owned()));
        }
        sleep(Duration::from_millis(200)).await;
    }
}

async fn tune(client: &Client) -> Result<usize, Error> {
    let mut changes = 0;
    if !has_words(client).await? {
        soon(client, ADD_WORDS).await?;
        changes += 1;
    }
    for Index { name, on } in &INDEXES {
        match state(client, name).await? {
            Some(true) => continue,
            // Of a migration that was broken off: it costs every write, and no read uses it.
            Some(false) => take_away(client, name).await?,
            None => {}
        }
        let make = format!("CREATE INDEX CONCURRENTLY {name} ON {on}");
        let made = client.batch_execute(&make).await;
        made.map_err(|error| full_or_other(name, &error))?;
        changes += 1;
    }
    Ok(changes)
}

async fn untune(client: &Client) -> Result<usize, Error> {
    let mut changes = 0;
    for Index { name, .. } in &INDEXES {
        if state(client, name).await?.is_some() {
            take_away(client, name).await?;
            changes += 1;
        }
    }
    if has_words(client).await? {
        soon(client, DROP_WORDS).await?;
        changes += 1;
    }
    Ok(changes)
}

/// Whether an index is there, and if so, whether it is whole.
async fn state(client: &Client, name: &str) -> Result<Option<bool>, Error> {
    let state = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)";
    let row = client.query_opt(state, &[&name]).await?;
    Ok(row.map(|row| row.get(0)))
}

async fn has_words(client: &Client) -> Result<bool, Error> {
    let found = "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'products'::regclass AND attname = 'words' AND NOT attisdropped)";
    Ok(client.query_one(found, &[]).await?.get(0))
}

async fn take_away(client: &Client, name: &str) -> Result<(), Error> {
    Ok(client
        .batch_execute(&format!("DROP INDEX CONCURRENTLY IF EXISTS {name}"))
        .await?)
}

/// Does something that needs a whole table, in a moment in which nobody has it.
async fn soon(client: &Client, change: &str) -> Result<(), Error> {
    let limit = TABLE.as_millis();
    let statement = format!("BEGIN; SET LOCAL lock_timeout = {limit}; {change}; COMMIT");
    for _ in 0..TRIES {
        let Err(error) = client.batch_execute(&statement).await else {
            return Ok(());
        };
        client.batch_execute("ROLLBACK").await?;
        if error.code() != Some(&SqlState::LOCK_NOT_AVAILABLE) {
            return Err(full_or_other("the column `words`", &error));
        }
        sleep(TABLE).await;
    }
    let told = "somebody holds the table `products` all the time (a long transaction? see pg_stat_activity); nothing was changed";
    Err(Error::Unavailable(told.to_owned()))
}

fn full_or_other(what: &str, error: &tokio_postgres::Error) -> Error {
    let hint = match error.code() {
        Some(&SqlState::DISK_FULL) => "; make room on the database's disk, then run this again",
        _ => "; run this again, it goes on where it ended",
    };
    Error::Broken(format!("cannot make {what}: {}{hint}", told(error)))
}
