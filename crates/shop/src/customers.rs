//! Accounts and logging in.

use crate::session::{Session, Token};
use crate::{Error, Shop};

impl Shop {
    /// Makes an account and logs in: a new session (with the basket of the old one), because whoever knew the old token must not know this one.
    ///
    /// # Errors
    /// [`Error::MailTaken`], [`Error::Invalid`].
    pub async fn register(
        &self,
        _old: Option<&Token>,
        _name: &str,
        _mail: &str,
        _password: &str,
    ) -> Result<Session, Error> {
        Err(Error::NotFound)
    }

    /// Logs in: a new session, as [`Shop::register`].
    ///
    /// # Errors
    /// [`Error::WrongPassword`]; [`Error::Unavailable`] when too many are logging in already (hashing is dear on purpose).
    pub async fn log_in(
        &self,
        _old: Option<&Token>,
        _mail: &str,
        _password: &str,
    ) -> Result<Session, Error> {
        Err(Error::NotFound)
    }
}
