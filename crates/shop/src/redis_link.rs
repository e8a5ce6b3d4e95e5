//! Redis, bounded in time.
//!
//! One connection that all requests share and that comes back by itself. Nothing waits for Redis longer than a second: who waits for it holds
//! up a visitor, and an error that says what is missing is the better answer.

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, ScriptInvocation};

use crate::Error;

/// A connection. Clones share it.
#[derive(Clone)]
pub(crate) struct RedisLink {
    manager: ConnectionManager,
}

impl std::fmt::Debug for RedisLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RedisLink(…)")
    }
}

impl RedisLink {
    /// How long anything waits for an answer.
    pub(crate) const LIMIT: Duration = Duration::from_secs(1);

    /// To this address. Connects when it is needed.
    ///
    /// # Errors
    /// When the address cannot be read. It is not in the error: there may be a password in it.
    pub(crate) fn open(url: &str) -> Result<Self, Error> {
        let unreadable = |error: RedisError| {
            let why = error.detail().unwrap_or("it cannot be read").to_owned();
            Error::Broken(format!(
                "the address of Redis, such as redis://host:6379/0: {why}"
            ))
        };
        let client = redis::Client::open(url).map_err(unreadable)?;
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(Self::LIMIT))
            .set_connection_timeout(Some(Self::LIMIT))
            .set_max_delay(Duration::from_millis(500));
        let manager = ConnectionManager::new_lazy_with_config(client, config);
        let manager = manager.map_err(unreadable)?;
        Ok(Self { manager })
    }

    /// Several commands, and their answers.
    ///
    /// # Errors
    /// When there is no answer in time, or it says no.
    pub(crate) async fn pipe<T: FromRedisValue>(
        &self,
        commands: &Pipeline,
        limit: Duration,
    ) -> Result<T, Error> {
        let mut connection = self.manager.clone();
        answer(limit, commands.query_async(&mut connection)).await
    }

    /// A script, and its answer.
    ///
    /// # Errors
    /// As [`RedisLink::pipe`].
    pub(crate) async fn script<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, Error> {
        let mut connection = self.manager.clone();
        answer(Self::LIMIT, script.invoke_async(&mut connection)).await
    }

    /// Whether it answers.
    ///
    /// # Errors
    /// As [`RedisLink::pipe`].
    pub(crate) async fn ping(&self) -> Result<(), Error> {
        let mut ping = redis::pipe();
        ping.cmd("PING").ignore();
        self.pipe(&ping, Self::LIMIT).await
    }
}

async fn answer<T>(
    limit: Duration,
    asked: impl Future<Output = RedisResult<T>>,
) -> Result<T, Error> {
    match tokio::time::timeout(limit, asked).await {
        Ok(answer) => answer.map_err(|error| told(&error)),
        Err(_) => Err(Error::Unavailable(
            "Redis does not answer in time".to_owned(),
        )),
    }
}

fn told(error: &RedisError) -> Error {
    // What a server says that starts, is read-only or has no room at the moment.
    const PASSING: [&str; 8] = [
        "LOADING",
        "BUSY",
        "TRYAGAIN",
        "READONLY",
        "MASTERDOWN",
        "CLUSTERDOWN",
        "OOM",
        "MISCONF",
    ];
    // Of a pipeline each command has its error, and all of them are in the text.
    let said = format!("{} {error}", error.code().unwrap_or_default());
    let is_passing = PASSING.iter().any(|code| said.contains(code));
    match error.kind() {
        ErrorKind::Server(_)
        | ErrorKind::Extension
        | ErrorKind::UnexpectedReturnType
        | ErrorKind::Parse
        | ErrorKind::AuthenticationFailed
        | ErrorKind::InvalidClientConfig
            if !is_passing =>
        {
            Error::Broken(format!("Redis says: {error}"))
        }
        _ => Error::Unavailable(format!("Redis does not answer: {error}")),
    }
}
