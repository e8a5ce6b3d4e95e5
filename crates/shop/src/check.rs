//! `shop check`: do the books balance?
//!
//! # The problem
//! What must never go wrong (something sold twice, paid never, counted twice) leaves no error message. It leaves numbers that do not fit each other.
//!
//! # The idea
//! Each promise of the shop is a `Rule`: a query for what breaks it. All of them read one snapshot (`REPEATABLE READ`), so that they may be
//! asked while the shop sells: an order is seen with all that belongs to it, or not at all. What the worker has not done yet is no mistake;
//! the read model is held against the orders whose events are done.

mod report;
mod rules;

use std::io::Write as _;
use std::process::ExitCode;

use serde::Serialize;
use tokio_postgres::{Client, IsolationLevel, Transaction};

use self::rules::{RULES, Rule};
use crate::Error;
use crate::cli::Check;
use crate::database::{connect, has_shop};

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Books {
    /// Whether no rule is broken.
    pub balanced: bool,
    /// What was looked at, rule by rule.
    pub rules: Vec<Outcome>,
    /// What the worker has not done yet.
    pub open_events: Open,
    /// Orders in all.
    pub orders: i64,
    /// What they cost, in cents.
    pub turnover: i64,
}

/// How a rule is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub rule: &'static str,
    /// How many things it was held against.
    pub checked: i64,
    /// How many of them break it.
    pub broken: i64,
    /// The first of those, for people.
    pub examples: Vec<String>,
}

/// Events that are not done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Open {
    /// How many.
    pub count: i64,
    /// Seconds since the oldest was made.
    pub oldest_seconds: f64,
}

/// `shop check`. The exit code is 0 when the books balance, and 1 when they do not.
///
/// # Errors
/// Why they cannot be looked at.
pub fn run(arguments: &Check) -> Result<ExitCode, String> {
    let url = arguments.database.read()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let books = runtime.block_on(check(&url));
    let books = books.map_err(|error| error.to_string())?;
    let text = match arguments.json {
        true => report::json(&books),
        false => report::text(&books),
    };
    // A reader that has seen enough (`| head`) is no failure.
    let _gone = writeln!(std::io::stdout(), "{text}");
    Ok(ExitCode::from(u8::from(!books.balanced)))
}

/// Looks at the books of this database.
///
/// # Errors
/// When the database does not answer, or has no shop.
pub async fn check(url: &str) -> Result<Books, Error> {
    let mut client = connect(url, "shop check").await?;
    if !has_shop(&client).await? {
        let told = "there is no shop in this database; run `shop seed` first";
        return Err(Error::Broken(told.to_owned()));
    }
    look(&mut client).await
}

async fn look(client: &mut Client) -> Result<Books, Error> {
    let snapshot = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await?;
    // Enough to add up all orders of a product in memory; given back with the transaction.
    snapshot
        .batch_execute("SET LOCAL work_mem = '64MB'")
        .await?;
    let mut outcomes = Vec::with_capacity(RULES.len());
    for rule in &RULES {
        outcomes.push(outcome(&snapshot, rule).await?);
    }
    let open = "SELECT count(*), coalesce(extract(epoch FROM now() - min(created)), 0)::float8 \
        FROM outbox WHERE done IS NULL";
    let open = snapshot.query_one(open, &[]).await?;
    let sums = "SELECT count(*), coalesce(sum(total), 0)::bigint FROM orders";
    let sums = snapshot.query_one(sums, &[]).await?;
    snapshot.rollback().await?;
    Ok(Books {
        balanced: outcomes.iter().all(|outcome| outcome.broken == 0),
        rules: outcomes,
        open_events: Open {
            count: open.get(0),
            // A clock that was set back makes no event younger than now.
            oldest_seconds: open.get::<_, f64>(1).max(0.0),
        },
        orders: sums.get(0),
        turnover: sums.get(1),
    })
}

/// How many offenders are named.
const EXAMPLES: usize = 5;

async fn outcome(snapshot: &Transaction<'_>, rule: &Rule) -> Result<Outcome, Error> {
    let Rule {
        name,
        says,
        of,
        broken_by,
    } = *rule;
    let query = format!(
        "WITH broken (what) AS MATERIALIZED ({broken_by}) \
         SELECT (SELECT count(*) FROM {of}), (SELECT count(*) FROM broken), \
                ARRAY(SELECT what FROM broken LIMIT {EXAMPLES})"
    );
    let row = snapshot.query_one(&query, &[]).await?;
    Ok(Outcome {
        name,
        rule: says,
        checked: row.get(0),
        broken: row.get(1),
        examples: row.get(2),
    })
}
