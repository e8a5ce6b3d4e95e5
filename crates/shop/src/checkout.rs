//! Selling: one transaction, and once, whatever is repeated.

use crate::model::{Address, Order};
use crate::session::Session;
use crate::{Error, Shop};

/// What became of an order.
#[derive(Clone, Debug)]
pub enum Placed {
    /// It is placed now.
    New(Order),
    /// It was placed before, with the same key and content.
    Again(Order),
}

impl Shop {
    /// Orders what is in the session's basket. `key` is the client's, 1 to 255 visible ASCII characters; the same key again gives the same order.
    ///
    /// # Errors
    /// [`Error::NotLoggedIn`], [`Error::EmptyCart`], [`Error::SoldOut`], [`Error::KeyReused`], [`Error::Invalid`].
    pub async fn check_out(
        &self,
        _session: &Session,
        _key: &str,
        _address: &Address,
    ) -> Result<Placed, Error> {
        Err(Error::NotFound)
    }
}
