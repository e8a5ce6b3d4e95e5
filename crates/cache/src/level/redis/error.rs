//! What Redis says when something is wrong, in words that say what to do.
//!
//! The messages of the client library never hold a password, and what a server says hardly does; where one turns up
//! all the same, it is blotted out.

use std::fmt;

use redis::{ErrorKind, RedisError, ServerErrorKind};

use super::address::{Address, Kind};
use crate::level::LevelError;

/// Why a Redis level could not be set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectError {
    /// The address or a certificate cannot be right: why.
    Options(String),
    /// The name of a host has no address.
    UnknownHost {
        /// The address of the level, without user and password.
        address: String,
    },
    /// Nothing listens there.
    Refused {
        /// The address of the level, without user and password.
        address: String,
    },
    /// It did not answer in time.
    Timeout {
        /// The address of the level, without user and password.
        address: String,
    },
    /// The user or the password is wrong or missing, or the user may not do what is needed.
    Denied {
        /// The address of the level, without user and password.
        address: String,
        /// What the server said.
        why: String,
    },
    /// The server is of another kind than the address says.
    WrongKind {
        /// The address of the level, without user and password.
        address: String,
        /// What it is, and what to write.
        why: String,
    },
    /// Anything else.
    Failed {
        /// The address of the level, without user and password.
        address: String,
        /// What happened.
        why: String,
    },
}

impl ConnectError {
    /// Whether trying again may help without anybody changing the options.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        !matches!(
            self,
            Self::Options(_) | Self::Denied { .. } | Self::WrongKind { .. }
        )
    }

    pub(super) fn timeout(address: &Address) -> Self {
        Self::Timeout {
            address: address.to_string(),
        }
    }

    pub(super) fn new(error: &RedisError, at: &Address) -> Self {
        let address = at.to_string();
        let why = message(error, at);
        let has = |text: &str| why.contains(text);
        if error.is_timeout() || has("timed out") {
            Self::Timeout { address }
        } else if denied(error) || has("NOAUTH") || has("WRONGPASS") || has("NOPERM") {
            Self::Denied { address, why }
        } else if has("lookup address") || has("Name or service not known") || has("No DNS") {
            Self::UnknownHost { address }
        } else if error.is_connection_refusal() || has("Connection refused") {
            Self::Refused { address }
        } else if has("cluster support disabled") {
            Self::WrongKind {
                address,
                why: "it is no cluster: write redis:// for a single server".into(),
            }
        } else if error.is_cluster_error() && at.kind != Kind::Cluster {
            Self::WrongKind {
                address,
                why: "it is a node of a cluster: write redis+cluster://".into(),
            }
        } else if error.kind() == ErrorKind::MasterNameNotFoundBySentinel {
            Self::WrongKind {
                address,
                why: "its Sentinels do not know a master of this name, or it is down".into(),
            }
        } else if has("unknown command") {
            let why = format!("Redis 5.0 or later is needed, with scripts and streams ({why})");
            Self::WrongKind { address, why }
        } else {
            Self::Failed { address, why }
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options(why) => write!(out, "the address of the Redis level is not valid: {why}"),
            Self::UnknownHost { address } => {
                write!(
                    out,
                    "{address}: the name of the host has no address: is it spelled right?"
                )
            }
            Self::Refused { address } => {
                write!(
                    out,
                    "{address}: nothing listens there: is Redis running, and is this its port?"
                )
            }
            Self::Timeout { address } => write!(
                out,
                "{address}: no answer in time: is it a Redis, and is the connection let through (TLS or not)?"
            ),
            Self::Denied { address, why } => write!(
                out,
                "{address}: access denied: check the user and password in the address, and what the user may do ({why})"
            ),
            Self::WrongKind { address, why } => write!(out, "{address}: {why}"),
            Self::Failed { address, why } => write!(out, "{address}: {why}"),
        }
    }
}

impl std::error::Error for ConnectError {}

fn denied(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed
        || error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm)
}

/// What the library says, without the passwords. A server that does not know AUTH (it can be renamed) repeats what it was
/// sent.
fn message(error: &RedisError, at: &Address) -> String {
    let secrets = [&at.password, &at.sentinel_password];
    let secrets = secrets.into_iter().flatten();
    secrets
        .filter(|secret| secret.len() > 2)
        .fold(error.to_string(), |text, secret| {
            text.replace(secret, "***")
        })
}

/// The error of a command.
pub(super) fn level_error(error: &RedisError, at: &Address) -> LevelError {
    if error.is_timeout() {
        LevelError::Timeout
    } else {
        LevelError::Failed(message(error, at))
    }
}

/// Whether the error says that this connection, or the server behind it, is not the right one any more: it broke, or
/// the server became a replica, or is not the one that it was.
pub(super) fn is_broken(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_connection_dropped()
        || error.is_unrecoverable_error()
        || matches!(
            error.kind(),
            ErrorKind::Server(
                ServerErrorKind::ReadOnly
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::BusyLoading
            )
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_repeated() {
        let mut at = Address::parse("redis+sentinel://ann:hunter2@h/main").unwrap();
        at.sentinel_password = Some("correct horse".into());
        let said = "unknown command 'AUTH', with args beginning with: 'hunter2' 'correct horse'";
        let error = RedisError::from((ErrorKind::Client, "an error", said.into()));
        for text in [
            ConnectError::new(&error, &at).to_string(),
            level_error(&error, &at).to_string(),
        ] {
            assert!(text.contains("'***' '***'"), "{text}");
        }
    }
}
