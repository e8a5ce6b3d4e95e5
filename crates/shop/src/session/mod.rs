//! Who a visitor is, from request to request: kept outside of the process, so that any process may answer.

use crate::model::Customer;
use crate::{Error, Shop};

/// What a visitor's cookie says: 256 random bits. Only its SHA-256 is stored; never shown in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(pub(crate) [u8; 32]);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// Reads a cookie's value (base64url without padding); anything else is no token.
    #[must_use]
    pub fn parse(_text: &str) -> Option<Self> {
        None
    }

    /// As cookies have it.
    #[must_use]
    pub fn text(&self) -> String {
        String::new()
    }
}

/// A session as it was found.
#[derive(Clone, Debug)]
pub struct Session {
    /// What it is known by.
    pub token: Token,
    /// Who is logged in.
    pub customer: Option<Customer>,
}

impl Shop {
    /// The session of this token, if there is one that has not ended (30 days without being seen).
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn session(&self, _token: &Token) -> Result<Option<Session>, Error> {
        Ok(None)
    }

    /// A new session that nobody is logged into.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn begin_session(&self) -> Result<Session, Error> {
        Err(Error::NotFound)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn end_session(&self, _token: &Token) -> Result<(), Error> {
        Err(Error::NotFound)
    }
}
