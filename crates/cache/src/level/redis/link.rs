//! The connections: how they are opened, how one call is made on them, and how they come back.
//!
//! # The trade-off
//! The client library reconnects by itself, but then a call waits for it, at worst without limit (redis-rs issues 1953
//! and 2277). Here a call never waits for a connection: it fails, the cache goes on without this level, and a task
//! brings the connection back. A cluster's connection finds the nodes by itself, and is replaced only when no node
//! has answered for a while.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster_async::ClusterConnection;
use redis::{Cmd, FromRedisValue, RedisResult, ServerErrorKind};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::address::{Address, Kind};
use super::dial::Dialler;
use super::error::{self, ConnectError};
use super::script::Lua;
use crate::clock::{Clock, millis};
use crate::level::LevelError;

/// A connection on which nothing has been answered for this long, but something was asked, is replaced.
const SILENCE: Duration = Duration::from_secs(3);
/// Between two attempts to connect: at first, and at last.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// A connection, to be cloned at will.
#[derive(Clone)]
pub(super) enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Connection {
    async fn query<T: FromRedisValue>(&mut self, cmd: &Cmd) -> RedisResult<T> {
        match self {
            Self::One(connection) => cmd.query_async(connection).await,
            Self::Cluster(connection) => cmd.query_async(connection).await,
        }
    }

    /// Calls a script. `arguments` is called once more when the server does not know the script.
    pub(super) async fn script<T: FromRedisValue>(
        &mut self,
        lua: &Lua,
        keys: &[&str],
        arguments: &(dyn Fn(&mut Cmd) + Sync),
    ) -> RedisResult<T> {
        let mut cmd = lua.by_digest(keys);
        arguments(&mut cmd);
        match self.query(&cmd).await {
            Err(error) if error.kind() == redis::ErrorKind::Server(ServerErrorKind::NoScript) => {
                let mut cmd = lua.whole(keys);
                arguments(&mut cmd);
                self.query(&cmd).await
            }
            result => result,
        }
    }

    /// One command with a limit, for a task that has a connection of its own.
    pub(super) async fn ask<T: FromRedisValue>(
        &mut self,
        cmd: &Cmd,
        limit: Duration,
        at: &Address,
    ) -> Result<T, LevelError> {
        within(limit, self.query(cmd), at).await
    }

    /// One script with a limit, for a task that has a connection of its own.
    pub(super) async fn ask_script<T: FromRedisValue>(
        &mut self,
        lua: &Lua,
        keys: &[&str],
        arguments: &(dyn Fn(&mut Cmd) + Sync),
        limit: Duration,
        at: &Address,
    ) -> Result<T, LevelError> {
        within(limit, self.script(lua, keys, arguments), at).await
    }
}

async fn within<T>(
    limit: Duration,
    call: impl Future<Output = RedisResult<T>>,
    at: &Address,
) -> Result<T, LevelError> {
    match timeout(limit, call).await {
        Ok(result) => result.map_err(|error| error::level_error(&error, at)),
        Err(_) => Err(LevelError::Timeout),
    }
}

/// The connection that all calls share.
pub(super) struct Link {
    pub(super) dialler: Dialler,
    limit: Duration,
    current: RwLock<Option<Connection>>,
    why: Mutex<String>,
    broken: Notify,
    /// When something was answered last, by the monotonic clock.
    answered: AtomicU64,
}

impl Link {
    pub(super) fn new(dialler: Dialler, limit: Duration) -> Self {
        Self {
            dialler,
            limit,
            current: RwLock::new(None),
            why: Mutex::new("it has not been reached yet".into()),
            broken: Notify::new(),
            answered: AtomicU64::new(0),
        }
    }

    pub(super) fn address(&self) -> &Address {
        &self.dialler.address
    }

    /// Opens the connection for the first time.
    pub(super) async fn open(&self) -> Result<(), ConnectError> {
        match self.dialler.open(Some(self.limit)).await {
            Ok(connection) => {
                self.answered.store(Clock::System.now(), Ordering::Relaxed);
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(connection);
                Ok(())
            }
            Err(error) => {
                *self.why.lock().unwrap_or_else(PoisonError::into_inner) = error.to_string();
                Err(error)
            }
        }
    }

    /// Whether the server is a single one, or a cluster, as the address says. A user who may not ask is believed.
    pub(super) async fn is_of_its_kind(&self) -> Result<(), ConnectError> {
        let mut cmd = redis::cmd("INFO");
        cmd.arg("cluster");
        match self.ask::<String>(&cmd).await {
            Ok(info) if info.contains("cluster_enabled:1") && !self.is_cluster() => {
                Err(ConnectError::WrongKind {
                    address: self.address().to_string(),
                    why: "it is a node of a cluster: write redis+cluster://".into(),
                })
            }
            _ => Ok(()),
        }
    }

    /// Calls a script without arguments, for the errors.
    pub(super) async fn probe(&self, lua: &Lua, keys: &[&str]) -> Result<(), ConnectError> {
        let error = |why: LevelError| ConnectError::Failed {
            address: self.address().to_string(),
            why: why.to_string(),
        };
        let mut connection = self.connection().map_err(error)?;
        match timeout(
            self.limit,
            connection.script::<redis::Value>(lua, keys, &|_| {}),
        )
        .await
        {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(ConnectError::new(&error, self.address())),
            Err(_) => Err(ConnectError::timeout(self.address())),
        }
    }

    /// One command.
    pub(super) async fn ask<T: FromRedisValue>(&self, cmd: &Cmd) -> Result<T, LevelError> {
        let mut connection = self.connection()?;
        let result = timeout(self.limit, connection.query(cmd)).await;
        self.account(result.ok())
    }

    /// One script.
    pub(super) async fn script<T: FromRedisValue>(
        &self,
        lua: &Lua,
        keys: &[&str],
        arguments: &(dyn Fn(&mut Cmd) + Sync),
    ) -> Result<T, LevelError> {
        let mut connection = self.connection()?;
        let result = timeout(self.limit, connection.script(lua, keys, arguments)).await;
        self.account(result.ok())
    }

    /// Why there is no connection.
    pub(super) fn missing(&self) -> Option<String> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let why = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        current.is_none().then(|| why.clone())
    }

    fn connection(&self) -> Result<Connection, LevelError> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.clone().ok_or_else(|| {
            let why = self.why.lock().unwrap_or_else(PoisonError::into_inner);
            LevelError::Failed(format!("not connected: {why}"))
        })
    }

    /// Takes note of how a call ended (`None`: it took too long).
    fn account<T>(&self, result: Option<RedisResult<T>>) -> Result<T, LevelError> {
        let now = Clock::System.now();
        let (error, broken) = match result {
            Some(Ok(value)) => {
                self.answered.store(now, Ordering::Relaxed);
                return Ok(value);
            }
            Some(Err(error)) => {
                let one = self.address().kind != Kind::Cluster;
                (
                    error::level_error(&error, self.address()),
                    error::is_broken(&error) && one,
                )
            }
            None => (LevelError::Timeout, false),
        };
        let silent = now.saturating_sub(self.answered.load(Ordering::Relaxed)) > millis(SILENCE);
        if broken
            || (silent && matches!(error, LevelError::Timeout))
            || (silent && self.is_cluster())
        {
            self.broken.notify_one();
        }
        Err(error)
    }

    fn is_cluster(&self) -> bool {
        self.address().kind == Kind::Cluster
    }

    /// Brings the connection back whenever it broke. Ends when it is aborted.
    pub(super) async fn keep(&self) {
        loop {
            let missing = self
                .current
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .is_none();
            if !missing {
                self.broken.notified().await;
            }
            let mut pause = Backoff::default();
            while self.open().await.is_err() {
                pause.wait().await;
            }
            // What failed on the old connection meanwhile says nothing about the new one.
            tokio::time::sleep(BACKOFF.0).await;
        }
    }
}

/// Growing pauses, each shortened at random so that many processes do not come back at once.
#[derive(Default)]
pub(super) struct Backoff {
    attempts: u32,
}

impl Backoff {
    pub(super) async fn wait(&mut self) {
        let longest = BACKOFF
            .0
            .saturating_mul(1 << self.attempts.min(10))
            .min(BACKOFF.1);
        self.attempts += 1;
        tokio::time::sleep(longest.mul_f64(0.5 + 0.5 * fastrand::f64())).await;
    }
}
