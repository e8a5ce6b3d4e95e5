//! What an administrator changes: prices and stock.

use tokio_postgres::Row;

use crate::catalog::card;
use crate::changes::{notify, tags};
use crate::model::{Managed, ProductId};
use crate::money::Cents;
use crate::rows::{execute, row, rows};
use crate::{Error, Shop};

/// Most things of one kind in stock.
const MOST: i32 = 1_000_000;
/// Products of the list.
const LISTED: i64 = 50;
/// Characters of the text that is looked for.
const TEXT: usize = 100;

impl Shop {
    /// Products to manage: those whose title has this text, or the first ones (at most 50).
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn managed(&self, text: &str) -> Result<Vec<Managed>, Error> {
        let sql = "SELECT p.id, p.title, p.maker, p.price, p.list_price, c.slug, c.name, s.available
            FROM products p JOIN categories c ON c.id = p.category_id JOIN stock s ON s.product_id = p.id
            WHERE p.title ILIKE $1 OR p.id::text = $2 ORDER BY p.id LIMIT $3";
        // Postgres has no NUL in texts, and titles have no control characters.
        let text: String = text
            .chars()
            .filter(|c| !c.is_control())
            .take(TEXT)
            .collect();
        let text = text.trim();
        let escaped = text
            .replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_");
        let client = self.database.get().await?;
        let found = rows(&client, sql, &[&format!("%{escaped}%"), &text, &LISTED]).await?;
        Ok(found.iter().map(managed).collect())
    }

    /// One of them.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    pub async fn manage(&self, id: ProductId) -> Result<Managed, Error> {
        let sql = "SELECT p.id, p.title, p.maker, p.price, p.list_price, c.slug, c.name, s.available
            FROM products p JOIN categories c ON c.id = p.category_id JOIN stock s ON s.product_id = p.id
            WHERE p.id = $1";
        let client = self.database.get().await?;
        let found = row(&client, sql, &[&id]).await?;
        found.as_ref().map(managed).ok_or(Error::NotFound)
    }

    /// Changes price and stock (0 to 1,000,000). When this returns, this process and the caches in front of it (as far as they answer) have forgotten the old
    /// ones; other processes have within a moment.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`].
    pub async fn change(&self, id: ProductId, price: Cents, available: i32) -> Result<(), Error> {
        self.change_from(id, price, available, None).await
    }

    /// The same for somebody who saw so many `before`: only the difference counts, so that what was sold while they were looking stays sold.
    ///
    /// # Errors
    /// As [`Shop::change`]; [`Error::Invalid`] also when there are not enough any more to take the difference from.
    pub async fn change_from(
        &self,
        id: ProductId,
        price: Cents,
        available: i32,
        before: Option<i32>,
    ) -> Result<(), Error> {
        const STOCK: &str = "SELECT available FROM stock WHERE product_id = $1 FOR UPDATE";
        const PRICE: &str = "UPDATE products SET price = $2 WHERE id = $1 AND price <> $2";
        // What came in or was written off is not sold: the books stay balanced.
        const COUNT: &str = "UPDATE stock SET available = $2, received = received + ($2 - available) WHERE product_id = $1";
        validate(price, available)?;
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await?;
        // First the stock, as checkout does.
        let found = row(&transaction, STOCK, &[&id]).await?;
        let now: i32 = found.ok_or(Error::NotFound)?.get(0);
        let available = match before {
            // Both are from 0 to a million.
            Some(before) => now.saturating_add(available.saturating_sub(before)),
            None => available,
        };
        validate(price, available).map_err(|error| match error {
            Error::Invalid(_) => Error::Invalid(vec![(
                "stock",
                format!("that does not fit what there is by now: {now}"),
            )]),
            other => other,
        })?;
        execute(&transaction, PRICE, &[&id, &price.0]).await?;
        execute(&transaction, COUNT, &[&id, &available]).await?;
        let changed = vec![tags::product(id)];
        notify(&transaction, &changed).await?;
        transaction.commit().await?;
        drop(client);
        // Every process does so when it hears of it; this one now, so that whoever made the change sees it.
        if let Some(cached) = &self.cached {
            cached.forget(&changed).await;
        }
        self.purger.purged(&changed).await;
        Ok(())
    }
}

fn validate(price: Cents, available: i32) -> Result<(), Error> {
    let mut wrong = Vec::new();
    if !(1..=Cents::MOST.0).contains(&price.0) {
        wrong.push(("price", crate::money::NoPrice.to_string()));
    }
    if !(0..=MOST).contains(&available) {
        wrong.push(("stock", format!("give a number from 0 to {MOST}")));
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Error::Invalid(wrong)),
    }
}

fn managed(row: &Row) -> Managed {
    Managed {
        card: card(row),
        available: row.get(7),
    }
}
