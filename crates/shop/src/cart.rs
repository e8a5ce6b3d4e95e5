//! Baskets: of a session, outside of the process.

use crate::model::{Cart, ProductId};
use crate::session::Token;
use crate::{Error, Shop};

impl Shop {
    /// What is in a session's basket, with prices of now.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn cart(&self, _session: &Token) -> Result<Cart, Error> {
        Err(Error::NotFound)
    }

    /// How many things are in it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn cart_count(&self, _session: &Token) -> Result<i32, Error> {
        Err(Error::NotFound)
    }

    /// Puts more of a product into it (at most [`Cart::MOST_OF_ONE`] are kept), and says how many things are in it now.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a product that is not sold, [`Error::Invalid`] for a number or a basket that is too large.
    pub async fn add_to_cart(
        &self,
        _session: &Token,
        _product: ProductId,
        _quantity: i32,
    ) -> Result<i32, Error> {
        Err(Error::NotFound)
    }

    /// Makes it so many of a product; 0 takes it out. Says how many things are in it now.
    ///
    /// # Errors
    /// As [`Shop::add_to_cart`].
    pub async fn set_in_cart(
        &self,
        _session: &Token,
        _product: ProductId,
        _quantity: i32,
    ) -> Result<i32, Error> {
        Err(Error::NotFound)
    }
}
