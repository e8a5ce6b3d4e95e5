//! Connections to Postgres, bounded in number and in time.
//!
//! # The problem
//! A database that is slow or gone must not take the shop with it: without limits every request waits for a connection until all memory is
//! requests.
//!
//! # The idea
//! Everything has an end: waiting for a connection (`WAIT`), connecting, a statement (`STATEMENT`), a lock, a transaction that nobody goes on
//! with. What comes too late is [`Error::Unavailable`]. Long work (`shop seed`, `shop check`) has a connection of its own without these limits.

mod address;
pub mod listen;
pub mod migrate;

use std::error::Error as _;
use std::time::Duration;

use deadpool_postgres::{Manager, Object, Pool, Runtime, Transaction};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

use crate::Error;

/// Longest wait for a connection of the pool: whoever waits longer would not be answered in time anyhow.
const WAIT: Duration = Duration::from_secs(2);
/// Longest statement, as Postgres counts it. A page that takes longer is given up; the next one finds a database that is not still at it.
const STATEMENT: Duration = Duration::from_secs(5);
/// Longest wait for a row that another transaction has.
const LOCK: Duration = Duration::from_secs(3);
/// A transaction that does nothing for so long belongs to a process that is gone or frozen, and holds locks. Shorter than `LOCK`, so that who waits for
/// them gets them; longer than the relay of events waits for Redis in one.
const IDLE: Duration = Duration::from_secs(2);

/// The shop's tables.
pub(crate) const SCHEMA: &str = include_str!("schema.sql");

/// A pool of connections.
#[derive(Clone, Debug)]
pub struct Database {
    pool: Pool,
    config: Config,
}

impl Database {
    /// At this address, with at most so many connections. Connects when they are needed.
    ///
    /// # Errors
    /// When the address cannot be read.
    pub fn open(url: &str, most: usize) -> Result<Self, Error> {
        let config = address::parse(url)?;
        let manager = Manager::new(limited(config.clone()), NoTls);
        let pool = Pool::builder(manager)
            .max_size(most)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(WAIT * 2))
            .recycle_timeout(Some(WAIT))
            .build()
            .map_err(|error| Error::Broken(format!("the pool of connections: {error}")))?;
        Ok(Self { pool, config })
    }

    /// A connection. Statements of `prepare_cached` are prepared once on each.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is none in time.
    pub async fn get(&self) -> Result<Object, Error> {
        Ok(self.pool.get().await?)
    }

    /// Does work in one transaction: all of it is done, or nothing when it fails.
    ///
    /// # Errors
    /// Those of the work, of the connection and of the commit.
    pub async fn transaction<T, W>(&self, work: W) -> Result<T, Error>
    where
        W: AsyncFnOnce(&Transaction<'_>) -> Result<T, Error>,
    {
        let mut client = self.get().await?;
        // Dropped without a commit, it is rolled back.
        let transaction = client.transaction().await?;
        let done = work(&transaction).await?;
        transaction.commit().await?;
        Ok(done)
    }

    /// How many connections there are, how many of them nobody uses, and how many requests wait for one.
    #[must_use]
    pub fn load(&self) -> Load {
        let status = self.pool.status();
        Load {
            connections: status.size,
            idle: status.available,
            waiting: status.waiting,
        }
    }
}

/// How busy a pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Open connections.
    pub connections: usize,
    /// Those that nobody uses.
    pub idle: usize,
    /// Requests that wait for one.
    pub waiting: usize,
}

/// Limits that the server keeps, set when a connection begins, without a round trip. Options of the address come later, and win.
fn limited(mut config: Config) -> Config {
    let limits = format!(
        "-c statement_timeout={} -c lock_timeout={} -c idle_in_transaction_session_timeout={} {}",
        STATEMENT.as_millis(),
        LOCK.as_millis(),
        IDLE.as_millis(),
        config.get_options().unwrap_or("")
    );
    config.options(limits.trim());
    config
}

/// One connection without limits, for work that takes long. It ends when the client is dropped.
///
/// # Errors
/// When the address cannot be read or nobody answers there: what, where, and what to do.
pub(crate) async fn connect(url: &str, name: &str) -> Result<Client, Error> {
    let mut config = address::parse(url)?;
    config.application_name(name);
    let connected = config.connect(NoTls).await;
    let (client, connection) = connected.map_err(|error| {
        let place = address::describe(&config);
        let told = format!("cannot connect to {place}: {}", told(&error));
        let hint = match error.code() {
            Some(&SqlState::UNDEFINED_DATABASE) => "make it first (createdb)",
            Some(_) => "the server refuses it; see its log and pg_hba.conf",
            None => "is Postgres running there, and may this user reach it?",
        };
        Error::Broken(format!("{told}; {hint}"))
    })?;
    // Its error is told to whoever waits for an answer.
    tokio::spawn(connection);
    Ok(client)
}

/// What went wrong, with its reasons; the error itself says only which kind it is.
pub(crate) fn told(error: &tokio_postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        let detail = said.detail().map(|detail| format!(" ({detail})"));
        return format!("{}{}", said.message(), detail.unwrap_or_default());
    }
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(reason) = source {
        told = format!("{told}: {reason}");
        source = reason.source();
    }
    told
}

/// The tables of the schema, in the order in which they are made.
pub(crate) fn tables() -> impl DoubleEndedIterator<Item = &'static str> {
    let names = SCHEMA
        .lines()
        .filter_map(|line| line.strip_prefix("CREATE TABLE "));
    names.filter_map(|rest| rest.split_whitespace().next())
}

/// Whether there is a shop.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn has_shop(client: &Client) -> Result<bool, Error> {
    let found = client.query_one("SELECT to_regclass('seeded') IS NOT NULL", &[]);
    Ok(found.await?.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_known_by_name() {
        let tables: Vec<&str> = tables().collect();
        assert_eq!(tables.first(), Some(&"categories"));
        assert_eq!(tables.last(), Some(&"seeded"));
        assert!(tables.contains(&"order_lines"));
    }

    #[test]
    fn limits_yield_to_what_the_address_says() {
        let config = address::parse("postgres://me@h/d?options=-c%20lock_timeout%3D7");
        let limited = limited(config.expect("good"));
        let options = limited.get_options().expect("some");
        assert!(options.ends_with("-c lock_timeout=7"), "{options}");
        assert!(options.contains("statement_timeout=5000"), "{options}");
    }

    /// Handlers of a server are moved between threads.
    #[test]
    fn a_transaction_may_move_between_threads() {
        fn moves<T: Send>(_: &T) {}
        let Ok(database) = Database::open("postgres://me@h/d", 1) else {
            panic!("opens without connecting");
        };
        let number = 1_i32;
        let work = database.transaction(async |transaction| {
            let row = transaction.query_one("SELECT $1::int", &[&number]).await?;
            Ok(row.get::<_, i32>(0))
        });
        moves(&work);
    }
}
