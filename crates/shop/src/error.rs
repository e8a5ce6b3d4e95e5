//! What can go wrong. `web/error.rs` alone turns it into a status.

use std::fmt;

use tokio_postgres::error::SqlState;

use crate::model::ProductId;

/// Why something was not done.
#[derive(Debug)]
pub enum Error {
    /// There is no such thing, or it is somebody else's.
    NotFound,
    /// Nobody is logged in.
    NotLoggedIn,
    /// Mail or password are wrong; which one is not said.
    WrongPassword,
    /// There is an account with this mail.
    MailTaken,
    /// What was sent does not fit: name of the field, and what would.
    Invalid(Vec<(&'static str, String)>),
    /// There is not enough of these products.
    SoldOut(Vec<ProductId>),
    /// There is nothing in the cart.
    EmptyCart,
    /// The key of an order was used for something else.
    KeyReused,
    /// Something that is needed does not answer in time, or is at its limit; it may answer later.
    Unavailable(String),
    /// The database or Redis says something that was not expected.
    Broken(String),
}

impl Error {
    /// Whether the same may be asked again with a chance of success.
    #[must_use]
    pub const fn retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Whether two transactions were in each other's way and this one gave way: tried again it gets through.
    pub(crate) fn is_conflict(&self) -> bool {
        let Self::Unavailable(said) = self else {
            return false;
        };
        let codes = [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
        ];
        let is_said = |code: SqlState| said.ends_with(&format!("({})", code.code()));
        codes.into_iter().any(is_said)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("there is no such thing here"),
            Self::NotLoggedIn => f.write_str("please log in first"),
            Self::WrongPassword => f.write_str("mail and password do not fit each other"),
            Self::MailTaken => f.write_str("there is an account with this mail; please log in"),
            Self::Invalid(fields) => {
                let each = fields.iter().map(|(name, what)| format!("{name}: {what}"));
                f.write_str(&each.collect::<Vec<_>>().join("; "))
            }
            Self::SoldOut(products) => write!(f, "not enough in stock of {products:?}"),
            Self::EmptyCart => f.write_str("the cart is empty"),
            Self::KeyReused => {
                f.write_str("this key has been used for another order; take a new one")
            }
            Self::Unavailable(what) => write!(f, "{what}; please try again"),
            Self::Broken(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(told) = error.as_db_error() else {
            let why = crate::database::told(&error);
            return Self::Unavailable(format!("the database does not answer: {why}"));
        };
        let code = told.code();
        let said = format!("the database says: {} ({})", told.message(), code.code());
        match is_passing(code) {
            true => Self::Unavailable(said),
            false => Self::Broken(said),
        }
    }
}

/// Whether the database may say something else a moment later: it has no room, gives up a connection, a wait or a conflict, or does not write just now.
fn is_passing(code: &SqlState) -> bool {
    // Connections, conflicts, resources, what operators do (a stop, a cancelled statement). Class codes are those of appendix A of Postgres' manual.
    const CLASSES: [&str; 4] = ["08", "40", "53", "57"];
    let alone = [
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::READ_ONLY_SQL_TRANSACTION,
        // A process that was frozen in the middle of a transaction finds it ended when it goes on.
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ];
    let class = code.code().get(..2).unwrap_or_default();
    CLASSES.contains(&class) || alone.contains(code)
}

impl From<deadpool_postgres::PoolError> for Error {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        match error {
            deadpool_postgres::PoolError::Backend(error) => error.into(),
            other => Self::Unavailable(format!("no connection to the database: {other}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_is_known_by_its_code() {
        let said = |text: &str| Error::Unavailable(text.to_owned());
        assert!(said("the database says: deadlock detected (40P01)").is_conflict());
        assert!(said("the database says: could not serialize access (40001)").is_conflict());
        assert!(!said("the database says: canceling statement (57014)").is_conflict());
        assert!(!Error::Broken("(40P01)".to_owned()).is_conflict());
    }

    #[test]
    fn what_may_pass_is_told_from_mistakes() {
        let passes = |code: &str| is_passing(&SqlState::from_code(code));
        for code in [
            "40001", "40P01", "57014", "55P03", "25006", "53300", "53200", "57P01", "57P02",
            "57P03", "53100", "25P03", "57P05", "08006",
        ] {
            assert!(passes(code), "{code}");
        }
        for code in [
            "22021", "23505", "23514", "42P01", "42601", "28P01", "3D000", "25P02", "XX000",
        ] {
            assert!(!passes(code), "{code}");
        }
    }
}
