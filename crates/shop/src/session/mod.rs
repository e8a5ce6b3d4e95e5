//! Who a visitor is, from request to request: kept outside of the process, so that any process may answer.
//!
//! # The idea
//! A visitor has a token of 256 random bits, the store its SHA-256: who reads the store cannot become anybody, and a fast hash is enough because there is
//! nothing to guess. Whoever logs in gets a new token, so that one that was foisted on a visitor before (session fixation) is worth nothing after;
//! the basket moves. A read is no write: when a session was last seen is noted only every five minutes.

mod postgres;
mod redis;

pub(crate) use postgres::clean;
pub(crate) use redis::{key, random};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;

use crate::model::Customer;
use crate::{Error, Shop};

/// Seconds after which a session that was not seen has ended: 30 days.
pub(crate) const LIFETIME: u32 = 30 * 24 * 3600;
/// Seconds after which it is noted again that a session was seen.
const SEEN_AGAIN: u32 = 300;

/// What a session is stored under.
pub(crate) type SessionId = [u8; 32];

/// What a visitor's cookie says: 256 random bits. Only its SHA-256 is stored; never shown in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(pub(crate) [u8; 32]);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    fn new() -> Result<Self, Error> {
        Ok(Self(crate::random::bytes()?))
    }

    /// Reads a cookie's value (base64url without padding); anything else is no token.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // 32 bytes are 43 characters: nothing longer is worth decoding.
        let bytes = (text.len() == 43).then(|| URL_SAFE_NO_PAD.decode(text).ok())??;
        Some(Self(bytes.try_into().ok()?))
    }

    /// As cookies have it.
    #[must_use]
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What it is stored under.
    pub(crate) fn id(&self) -> SessionId {
        let hash = digest::digest(&digest::SHA256, &self.0);
        hash.as_ref().try_into().expect("SHA-256 has 32 bytes")
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
    pub async fn session(&self, token: &Token) -> Result<Option<Session>, Error> {
        let found = match &self.redis {
            Some(link) => redis::find(link, &token.id()).await?,
            None => postgres::find(&self.database.get().await?, &token.id()).await?,
        };
        Ok(found.map(|customer| Session {
            token: token.clone(),
            customer,
        }))
    }

    /// A new session that nobody is logged into.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn begin_session(&self) -> Result<Session, Error> {
        self.renew_session(None, None).await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn end_session(&self, token: &Token) -> Result<(), Error> {
        match &self.redis {
            Some(link) => redis::end(link, &token.id()).await,
            None => postgres::end(&self.database.get().await?, &token.id()).await,
        }
    }

    /// A new session under a new token, with the basket of the old one, which ends.
    pub(crate) async fn renew_session(
        &self,
        old: Option<&Token>,
        customer: Option<Customer>,
    ) -> Result<Session, Error> {
        let token = Token::new()?;
        let (id, old) = (token.id(), old.map(Token::id));
        match &self.redis {
            Some(link) => redis::renew(link, old.as_ref(), &id, customer.as_ref()).await?,
            None => {
                let mut client = self.database.get().await?;
                let customer = customer.as_ref().map(|customer| customer.id);
                postgres::renew(&mut client, old.as_ref(), &id, customer).await?;
            }
        }
        Ok(Session { token, customer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_as_they_are_written() {
        let token = Token::new().expect("random numbers");
        let text = token.text();
        assert_eq!(Token::parse(&text), Some(token.clone()));
        assert_ne!(Token::new().expect("random numbers"), token);
        assert_ne!(token.id(), token.0);
        assert!(!format!("{token:?}").contains(&text));
        for no in [
            "",
            "x",
            &text[1..],
            &format!("{text}="),
            &"ä".repeat(22),
            &"!".repeat(43),
        ] {
            assert_eq!(Token::parse(no), None, "{no}");
        }
    }
}
