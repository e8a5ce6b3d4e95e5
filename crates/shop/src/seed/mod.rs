//! `shop seed`: a shop that has been open for two years.
//!
//! # The problem
//! A rehearsal needs a database that is large and uneven as real ones are, and the same one each time, or its numbers cannot be compared.
//!
//! # The idea
//! Everything follows from the seed: 24 departments, products with Zipf-shaped sales, customers, orders that grew over two years up to
//! `UNTIL` (a fixed day, not today: else each day would give another shop). What orders add up to is written with them, so that the books balance
//! from the first moment. `content` makes rows, `load` writes them.

mod content;
mod customers;
mod departments;
mod load;
mod materials;
mod orders;
mod products;
mod progress;
mod random;
mod rows;
mod words;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use tokio_postgres::{CancelToken, NoTls};

pub use self::customers::DEMO_PASSWORD;
use self::progress::Progress;
use crate::cli::Seed;
use crate::database::connect;

/// Seconds of a day.
const DAY: i64 = 86_400;
/// The end of the past: 2026-10-01T00:00:00Z, in seconds since 1970.
const UNTIL: i64 = 1_790_812_800;
/// The first order may be placed now: two years before.
const BEGIN: i64 = UNTIL - 730 * DAY;

/// What a shop follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Size {
    /// Another number gives another shop.
    seed: i64,
    /// How many products: 10 to 1,000,000.
    products: i32,
    /// How many customers: at least 1.
    customers: i64,
    /// How many past orders.
    orders: i64,
}

/// `shop seed`.
///
/// # Errors
/// What was not done, and what to do. The database is then as it was.
pub fn run(arguments: &Seed) -> Result<ExitCode, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let done = runtime.block_on(seed(arguments));
    // Content that is still being made is for nobody.
    runtime.shutdown_background();
    // A reader that is gone changes nothing about what was done.
    let _gone = writeln!(std::io::stdout(), "{}", done?);
    Ok(ExitCode::SUCCESS)
}

/// Fills a database, and says what is in it then.
///
/// # Errors
/// As [`run`].
pub async fn seed(arguments: &Seed) -> Result<String, String> {
    let began = Instant::now();
    let url = arguments.database.read()?;
    let connected = connect(&url, "shop seed").await;
    let mut client = connected.map_err(|error| error.to_string())?;
    let size = Size {
        seed: arguments.seed,
        products: arguments.products,
        customers: arguments.customers,
        orders: arguments.orders,
    };
    let things = i64::from(size.products) + size.customers + size.orders;
    let progress = Progress::new(things.unsigned_abs());
    let cancel = client.cancel_token();
    unless_interrupted(
        &cancel,
        load::load(&mut client, size, arguments.replace, &progress),
    )
    .await
    .unwrap_or_else(|| Err("interrupted; the database is as it was".to_owned()))?;
    progress.step("statistics");
    unless_interrupted(&cancel, load::settle(&client))
        .await
        .unwrap_or_else(|| {
            Err("interrupted; the shop is seeded, but slow until it was vacuumed".to_owned())
        })?;
    drop(progress);
    Ok(format!(
        "seeded {} products, {} customers and {} orders in {:.1} s; customer-1@example.com and all others have the password '{DEMO_PASSWORD}'",
        size.products,
        size.customers,
        size.orders,
        began.elapsed().as_secs_f64()
    ))
}

/// What comes of it, or nothing when somebody presses Ctrl-C before.
async fn unless_interrupted<T>(cancel: &CancelToken, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        Ok(()) = tokio::signal::ctrl_c() => {
            // Else the server would go on until it has something to say. If it cannot be told, it does.
            let _untold = cancel.cancel_query(NoTls).await;
            None
        }
    }
}
