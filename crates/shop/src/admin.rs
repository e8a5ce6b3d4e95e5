//! What an administrator changes: prices and stock.

use crate::model::{Managed, ProductId};
use crate::money::Cents;
use crate::{Error, Shop};

impl Shop {
    /// Products to manage: those whose title has this text, or the first ones (at most 50).
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn managed(&self, _text: &str) -> Result<Vec<Managed>, Error> {
        Err(Error::NotFound)
    }

    /// One of them.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    pub async fn manage(&self, _id: ProductId) -> Result<Managed, Error> {
        Err(Error::NotFound)
    }

    /// Changes price and stock (0 to 1,000,000). When this returns, this process and the caches in front of it (as far as they answer) have forgotten the old
    /// ones; other processes have within a moment.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`].
    pub async fn change(
        &self,
        _id: ProductId,
        _price: Cents,
        _available: i32,
    ) -> Result<(), Error> {
        Err(Error::NotFound)
    }
}
