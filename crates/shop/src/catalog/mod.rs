//! What is sold: everything that pages for everyone are made of.

use crate::model::{Category, Found, Home, List, Product, ProductId, Query};
use crate::{Error, Shop};

impl Shop {
    /// The first page.
    ///
    /// # Errors
    /// When the database does not answer; so have all of these.
    pub async fn home(&self) -> Result<Home, Error> {
        Err(Error::NotFound)
    }

    /// All departments.
    pub async fn categories(&self) -> Result<Vec<Category>, Error> {
        Err(Error::NotFound)
    }

    /// The newest products (24), of a department if one is given.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such department.
    pub async fn new_products(&self, _category: Option<&str>) -> Result<List, Error> {
        Err(Error::NotFound)
    }

    /// What sells best (24), of a department if one is given.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such department.
    pub async fn best_sellers(&self, _category: Option<&str>) -> Result<List, Error> {
        Err(Error::NotFound)
    }

    /// A product.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    pub async fn product(&self, _id: ProductId) -> Result<Product, Error> {
        Err(Error::NotFound)
    }

    /// A page of what a search finds.
    pub async fn search(&self, _query: &Query) -> Result<Found, Error> {
        Err(Error::NotFound)
    }

    /// Numbers of all products, the most popular first.
    pub async fn popular(&self) -> Result<Vec<ProductId>, Error> {
        Err(Error::NotFound)
    }
}
