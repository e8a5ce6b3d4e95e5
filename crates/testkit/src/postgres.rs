//! Real Postgres servers: private, unprivileged, in temporary folders, gone with the test, also if it is killed.

use std::ops::{Deref, DerefMut};

use tenfold_sandbox::{Postgres, PostgresOptions, Sandbox};

/// A running Postgres in a sandbox of its own, in which further programs may be started.
pub struct Server {
    // It is stopped before its folder goes.
    postgres: Postgres,
    sandbox: Sandbox,
}

impl Server {
    /// A server with nothing in it.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&PostgresOptions::default())
    }

    /// The same with other settings.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn with(options: &PostgresOptions) -> Self {
        let sandbox = Sandbox::new().unwrap_or_else(|error| panic!("{error}"));
        let postgres = Postgres::start(&sandbox, options);
        let postgres =
            postgres.unwrap_or_else(|error| panic!("{error} (scripts/setup installs Postgres)"));
        Self { postgres, sandbox }
    }

    /// A new database, as its URL.
    ///
    /// # Panics
    /// If there is one of that name.
    #[must_use]
    pub fn database(&self, name: &str) -> String {
        let made = self.postgres.create_database(name);
        made.unwrap_or_else(|error| panic!("{error}"));
        self.postgres.url(name)
    }

    /// The folder that it runs in, and what starts further programs there.
    #[must_use]
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Starts it again after it was stopped or killed.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&mut self) {
        let started = self.postgres.restart(&self.sandbox);
        started.unwrap_or_else(|error| panic!("{error}"));
    }
}

impl Deref for Server {
    type Target = Postgres;

    fn deref(&self) -> &Postgres {
        &self.postgres
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut Postgres {
        &mut self.postgres
    }
}
