//! Connections to Postgres, bounded in number and in time.

use crate::Error;

/// A pool of connections.
#[derive(Clone, Debug)]
pub struct Database {
    pool: deadpool_postgres::Pool,
}

impl Database {
    /// At this address, with at most so many connections. Connects when they are needed.
    ///
    /// # Errors
    /// When the address cannot be read.
    pub fn open(url: &str, most: usize) -> Result<Self, Error> {
        let config: tokio_postgres::Config = url
            .parse()
            .map_err(|error| Error::Broken(format!("the database's address: {error}")))?;
        let manager = deadpool_postgres::Manager::new(config, tokio_postgres::NoTls);
        let pool = deadpool_postgres::Pool::builder(manager)
            .max_size(most)
            .build()
            .map_err(|error| Error::Broken(format!("the pool of connections: {error}")))?;
        Ok(Self { pool })
    }

    /// How the pool stands.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let status = self.pool.status();
        Usage {
            used: status.size.saturating_sub(status.available),
            idle: status.available,
            waiting: status.waiting,
            most: status.max_size,
        }
    }

    /// A connection.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn get(&self) -> Result<deadpool_postgres::Object, Error> {
        Ok(self.pool.get().await?)
    }
}

/// How a pool of connections stands at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Connections at work.
    pub used: usize,
    /// Connections that wait for work.
    pub idle: usize,
    /// Requests that wait for a connection.
    pub waiting: usize,
    /// Most connections.
    pub most: usize,
}
