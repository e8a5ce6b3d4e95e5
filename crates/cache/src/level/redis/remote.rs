//! Scripts on a Redis, for what is shared and no cache: counters.
//!
//! The same addresses, connections and reconnecting as the level's, without its log and its tasks: a call never waits for a
//! connection, it fails.

use std::sync::Arc;

use tokio::task::AbortHandle;

use super::dial::Dialler;
use super::link::Link;
use super::script::Lua;
use super::{ConnectError, RedisOptions};
use crate::level::LevelError;

/// A script, which is sent whole only to a server that does not know it.
pub struct Script(Lua);

impl Script {
    /// A script in Lua. It may touch one key, so that a cluster knows where to run it.
    #[must_use]
    pub fn new(source: &str) -> Self {
        Self(Lua::new(source))
    }

    /// The script that counts requests for rate limits. KEYS: the client; ARGV and answer: see `lua/limit.lua`.
    #[must_use]
    pub fn limit() -> Self {
        Self::new(include_str!("lua/limit.lua"))
    }
}

/// A Redis that runs scripts.
pub struct Remote {
    link: Arc<Link>,
    keeping: AbortHandle,
}

impl Remote {
    /// Connects, or begins without a connection that comes later. Must be called within a Tokio runtime, on which the connection
    /// is then kept; calls may come from any thread. Of the options those that concern the connection count.
    ///
    /// # Errors
    /// When the options cannot be right, the server is not of the kind that the address says, or it denies access.
    pub async fn open(options: &RedisOptions) -> Result<Self, ConnectError> {
        let link = Link::new(Dialler::new(options)?, options.timeout);
        let link = Arc::new(link);
        let reached = async {
            link.open().await?;
            link.is_of_its_kind().await
        };
        match reached.await {
            Err(error) if !error.is_transient() => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let kept = Arc::clone(&link);
        let keeping = tokio::spawn(async move { kept.keep().await }).abort_handle();
        Ok(Self { link, keeping })
    }

    /// Calls a script on one key.
    ///
    /// # Errors
    /// When there is no connection, the server says no, or the options' time is over. Whoever has less patience drops the future.
    pub async fn call(
        &self,
        script: &Script,
        key: &str,
        arguments: &[&str],
    ) -> Result<Vec<i64>, LevelError> {
        let arguments = |cmd: &mut redis::Cmd| {
            cmd.arg(arguments);
        };
        self.link.script(&script.0, &[key], &arguments).await
    }

    /// Why there is no connection, if there is none.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        self.link.missing()
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}
