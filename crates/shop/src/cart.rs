//! Baskets: of a session, outside of the process.

pub(crate) mod postgres;
pub(crate) mod redis;

use crate::model::{Cart, CartLine, ProductId};
use crate::session::{SessionId, Token};
use crate::{Error, Shop};

/// A change of a basket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// So many more.
    Add(i32),
    /// So many.
    Set(i32),
}

impl Shop {
    /// What is in a session's basket, with prices of now.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn cart(&self, session: &Token) -> Result<Cart, Error> {
        let id = session.id();
        let (client, lines) = match &self.redis {
            Some(link) => {
                let lines = redis::contents(link, &id).await?.lines;
                if lines.is_empty() {
                    return Ok(Cart::default());
                }
                (self.database.get().await?, lines)
            }
            None => {
                let client = self.database.get().await?;
                let lines = postgres::lines(&client, &id).await?;
                (client, lines)
            }
        };
        let ids: Vec<ProductId> = lines.iter().map(|(product, _)| *product).collect();
        let products = self.catalog.cards(&client, &ids).await?;
        let line = |product: crate::model::Card| {
            let (_, quantity) = lines.iter().find(|(id, _)| *id == product.id)?;
            let quantity = *quantity;
            Some(CartLine { product, quantity })
        };
        Ok(Cart {
            lines: products.into_iter().filter_map(line).collect(),
        })
    }

    /// How many things are in it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn cart_count(&self, session: &Token) -> Result<i32, Error> {
        let lines = match &self.redis {
            Some(link) => redis::contents(link, &session.id()).await?.lines,
            None => postgres::lines(&self.database.get().await?, &session.id()).await?,
        };
        Ok(lines.iter().map(|(_, quantity)| quantity).sum())
    }

    /// Puts more of a product into it (at most [`Cart::MOST_OF_ONE`] are kept), and says how many things are in it now.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a product that is not sold, [`Error::Invalid`] for a number or a basket that is too large.
    pub async fn add_to_cart(
        &self,
        session: &Token,
        product: ProductId,
        quantity: i32,
    ) -> Result<i32, Error> {
        if !(1..=Cart::MOST_OF_ONE).contains(&quantity) {
            return Err(wrong_quantity(1));
        }
        let change = Change::Add(quantity);
        self.change_cart(&session.id(), product, change).await
    }

    /// Makes it so many of a product; 0 takes it out. Says how many things are in it now.
    ///
    /// # Errors
    /// As [`Shop::add_to_cart`].
    pub async fn set_in_cart(
        &self,
        session: &Token,
        product: ProductId,
        quantity: i32,
    ) -> Result<i32, Error> {
        if !(0..=Cart::MOST_OF_ONE).contains(&quantity) {
            return Err(wrong_quantity(0));
        }
        let change = Change::Set(quantity);
        self.change_cart(&session.id(), product, change).await
    }

    async fn change_cart(
        &self,
        session: &SessionId,
        product: ProductId,
        change: Change,
    ) -> Result<i32, Error> {
        let Some(link) = &self.redis else {
            let mut client = self.database.get().await?;
            return postgres::change(&mut client, session, product, change).await;
        };
        if change != Change::Set(0) {
            postgres::is_sold(&self.database.get().await?, product).await?;
        }
        redis::change(link, session, product, change).await
    }
}

fn wrong_quantity(least: i32) -> Error {
    let told = format!("give a number from {least} to {}", Cart::MOST_OF_ONE);
    Error::Invalid(vec![("quantity", told)])
}

/// A basket that is full.
fn full() -> Error {
    let told = format!(
        "a basket holds {} kinds of things at most",
        Cart::MOST_LINES
    );
    Error::Invalid(vec![("product", told)])
}

/// A session that ended between being looked up and being used.
fn ended() -> Error {
    Error::Unavailable("this session has just ended".to_owned())
}
