//! One process of the shop: what all requests share.

use std::sync::Arc;

use crate::Error;
use crate::database::Database;
use crate::profile::Fixes;

/// What a process is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where Postgres is, as `tokio_postgres::Config` reads it.
    pub database: String,
    /// Most connections to it.
    pub pool: usize,
    /// Where Redis is, for sessions, carts, the leaderboard and events; else all that is in Postgres.
    pub redis: Option<String>,
    /// Which mistakes are mended.
    pub fixes: Fixes,
    /// Admin addresses of gateways whose caches are purged when something changes.
    pub purge: Vec<String>,
    /// Whether this process does what is in the outbox.
    pub is_worker: bool,
}

/// One process of the shop. Its methods are in the files that know the thing: `catalog`, `cart`, `checkout` …
#[derive(Debug)]
pub struct Shop {
    pub(crate) database: Database,
    pub(crate) fixes: Fixes,
}

impl Shop {
    /// Connects to what is there. What does not answer yet is waited for by the requests that need it, and `ready` says so.
    ///
    /// # Errors
    /// When an address cannot be read.
    pub async fn open(options: Options) -> Result<Arc<Self>, Error> {
        let database = Database::open(&options.database, options.pool)?;
        Ok(Arc::new(Self {
            database,
            fixes: options.fixes,
        }))
    }

    /// Whether it can serve: everything it needs answers.
    ///
    /// # Errors
    /// What does not.
    pub async fn ready(&self) -> Result<(), Error> {
        let client = self.database.get().await?;
        client.simple_query("SELECT 1").await?;
        Ok(())
    }

    /// Which mistakes are mended.
    #[must_use]
    pub const fn fixes(&self) -> Fixes {
        self.fixes
    }
}
