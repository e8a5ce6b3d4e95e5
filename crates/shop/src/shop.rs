//! One process of the shop: what all requests share.

use std::sync::Arc;

use tokio::task::AbortHandle;

use crate::Error;
use crate::catalog::leaderboard::Leaderboard;
use crate::catalog::{Cached, Catalog};
use crate::changes::{self, Purger};
use crate::customers::Hashing;
use crate::database::Database;
use crate::outbox::{Counts, Outbox};
use crate::profile::{Fix, Fixes};
use crate::redis_link::RedisLink;
use crate::rows::row;

/// What a process is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where Postgres is, as `tokio_postgres::Config` reads it.
    pub database: String,
    /// Most connections to it.
    pub pool: usize,
    /// Where Redis is, for sessions, carts, the leaderboard and events; else all that is in Postgres. A database of Redis belongs to one of Postgres: after
    /// `shop seed --replace` it is to be emptied as well.
    pub redis: Option<String>,
    /// Which mistakes are mended.
    pub fixes: Fixes,
    /// Admin addresses of gateways whose caches are purged when something changes.
    pub purge: Vec<String>,
    /// The token of the gateways' admin API, if they want one.
    pub purge_token: Option<String>,
    /// Whether this process does what is in the outbox.
    pub is_worker: bool,
}

/// One process of the shop. Its methods are in the files that know the thing: `catalog`, `cart`, `checkout` …
#[derive(Debug)]
pub struct Shop {
    pub(crate) database: Database,
    pub(crate) redis: Option<RedisLink>,
    pub(crate) catalog: Catalog,
    pub(crate) cached: Option<Cached>,
    pub(crate) hashing: Hashing,
    pub(crate) purger: Purger,
    pub(crate) outbox: Outbox,
    /// End with it.
    _tasks: Vec<Task>,
}

impl Shop {
    /// Connects to what is there. What does not answer yet is waited for by the requests that need it, and `ready` says so.
    ///
    /// # Errors
    /// When an address cannot be read.
    // Asynchronous, because what it starts needs a runtime.
    #[expect(
        clippy::unused_async,
        reason = "it must be called within a runtime, and this says so"
    )]
    pub async fn open(options: Options) -> Result<Arc<Self>, Error> {
        let database = Database::open(&options.database, options.pool)?;
        let redis = options.redis.as_deref().map(RedisLink::open).transpose()?;
        let purger = Purger::new(&options.purge, options.purge_token.as_deref());
        let cached = options.fixes.has(Fix::ProcessCache).then(Cached::new);
        let leaderboard = redis.clone().map(Leaderboard::new);
        let outbox = Outbox::new(database.clone(), redis.clone(), leaderboard.clone());
        let mut tasks = Vec::new();
        if cached.is_some() || !purger.is_empty() {
            let listen = changes::listen(database.clone(), cached.clone(), purger.clone());
            tasks.push(Task::spawn(listen));
        }
        if options.is_worker {
            tasks.push(Task::spawn(outbox.clone().run()));
        }
        Ok(Arc::new(Self {
            catalog: Catalog {
                database: database.clone(),
                fixes: options.fixes,
                leaderboard,
            },
            database,
            redis,
            cached,
            hashing: Hashing::new(options.pool),
            purger,
            outbox,
            _tasks: tasks,
        }))
    }

    /// Whether it can serve: everything it needs answers, and the database is as the fixes need it.
    ///
    /// # Errors
    /// What does not.
    pub async fn ready(&self) -> Result<(), Error> {
        let has_shop = "SELECT to_regclass('seeded') IS NOT NULL, EXISTS (SELECT FROM pg_attribute
            WHERE attrelid = to_regclass('products') AND attname = 'words' AND NOT attisdropped)";
        let client = self.database.get().await?;
        let found = row(&client, has_shop, &[]).await?;
        drop(client);
        let (is_shop, has_words) = found.map_or((false, false), |row| (row.get(0), row.get(1)));
        if !is_shop {
            let told = "there is no shop in this database; run: shop seed --database …";
            return Err(Error::Unavailable(told.to_owned()));
        }
        if !has_words && self.fixes().has(Fix::Indexes) {
            let told = "fix `indexes` needs the indexes of profile tuned; run: shop migrate --profile tuned --database …";
            return Err(Error::Unavailable(told.to_owned()));
        }
        match &self.redis {
            Some(redis) => redis.ping().await,
            None => Ok(()),
        }
    }

    /// Which mistakes are mended.
    #[must_use]
    pub const fn fixes(&self) -> Fixes {
        self.catalog.fixes
    }

    /// What this process did of the outbox.
    #[must_use]
    pub fn outbox(&self) -> &Counts {
        self.outbox.counts()
    }
}

/// Work in the background that ends with whoever holds this.
#[derive(Debug)]
pub(crate) struct Task(AbortHandle);

impl Task {
    pub(crate) fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work).abort_handle())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
