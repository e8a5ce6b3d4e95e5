//! What pages are made of, put together from reads of which each is right or wrong as the fixes say.

use deadpool_postgres::{GenericClient, Object};
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::leaderboard::Leaderboard;
use super::{Catalog, LISTED, Matches, PAGE, Scope, Sold, Wanted, naive, tuned};
use crate::Error;
use crate::model::{Availability, Card, Category, Found, Home, List, Product, ProductId, Query};
use crate::money::Cents;
use crate::profile::Fix;
use crate::rows::{column, row, rows};

/// Products of each strip on the first page.
const STRIP: i64 = 8;

impl Catalog {
    pub(super) async fn home(&self) -> Result<Home, Error> {
        let client = &self.database.get().await?;
        let categories = match self.fixes.has(Fix::Joins) {
            true => tuned::counts(client).await?,
            false => naive::counts(client).await?,
        };
        let new = newest(client, None, STRIP).await?;
        let best = self.best(client, None, STRIP).await?;
        let best: Vec<ProductId> = best.iter().map(|(id, _)| *id).collect();
        Ok(Home {
            categories,
            new: self.cards(client, &new).await?,
            best: self.cards(client, &best).await?,
            orders: match self.fixes.has(Fix::ReadModel) {
                true => tuned::orders(client).await?,
                false => naive::orders(client).await?,
            },
        })
    }

    pub(super) async fn categories(&self) -> Result<Vec<Category>, Error> {
        let client = &self.database.get().await?;
        let found = rows(
            client,
            "SELECT slug, name FROM categories ORDER BY name",
            &[],
        )
        .await?;
        let category = |row: &Row| Category {
            slug: row.get(0),
            name: row.get(1),
        };
        Ok(found.iter().map(category).collect())
    }

    pub(super) async fn new_products(&self, category: Option<&str>) -> Result<List, Error> {
        let client = &self.database.get().await?;
        let category = department(client, category).await?;
        let ids = newest(client, category.as_ref().map(|(id, _)| *id), LISTED).await?;
        let cards = self.cards(client, &ids).await?;
        Ok(List {
            category: category.map(|(_, category)| category),
            products: cards.into_iter().map(|card| (card, None)).collect(),
        })
    }

    pub(super) async fn best_sellers(&self, category: Option<&str>) -> Result<List, Error> {
        let client = &self.database.get().await?;
        let category = department(client, category).await?;
        let scope = category.as_ref().map(|(id, _)| *id);
        let best = self.best(client, scope, LISTED).await?;
        let ids: Vec<ProductId> = best.iter().map(|(id, _)| *id).collect();
        let cards = self.cards(client, &ids).await?;
        let sold = |id| {
            best.iter()
                .find(|(other, _)| *other == id)
                .map(|(_, sold)| *sold)
        };
        Ok(List {
            category: category.map(|(_, category)| category),
            products: cards
                .into_iter()
                .map(|card| {
                    let sold = sold(card.id);
                    (card, sold)
                })
                .collect(),
        })
    }

    pub(super) async fn product(&self, id: ProductId) -> Result<Product, Error> {
        let client = &self.database.get().await?;
        let text = "SELECT description, details FROM products WHERE id = $1";
        let text = row(client, text, &[&id]).await?.ok_or(Error::NotFound)?;
        let related =
            "SELECT related_id FROM related_products WHERE product_id = $1 ORDER BY place";
        let related: Vec<ProductId> = column(client, related, &[&id]).await?;
        let details: Json<Vec<(String, String)>> = text
            .try_get(1)
            .map_err(|error| Error::Broken(format!("the details of product {id}: {error}")))?;
        let sold = match self.fixes.has(Fix::ReadModel) {
            true => tuned::sold(client, id).await?,
            false => naive::sold(client, id).await?,
        };
        let all: Vec<ProductId> = std::iter::once(id).chain(related).collect();
        let mut cards = self.cards(client, &all).await?.into_iter();
        Ok(Product {
            card: cards
                .next()
                .filter(|card| card.id == id)
                .ok_or(Error::NotFound)?,
            description: text.get(0),
            details: details.0,
            sold,
            related: cards.collect(),
        })
    }

    pub(super) async fn search(&self, query: &Query) -> Result<Found, Error> {
        let Some(words) = super::words(&query.text) else {
            return Ok(Found {
                products: Vec::new(),
                count: 0,
            });
        };
        let client = &self.database.get().await?;
        let category = department(client, query.category.as_deref()).await?;
        let wanted = Wanted {
            words,
            category: category.map(|(id, _)| id),
            offset: i64::from(query.page.clamp(1, Query::MOST_PAGES) - 1) * PAGE,
        };
        let Matches { ids, count } = match self.fixes.has(Fix::Indexes) {
            true => tuned::search(client, &wanted).await?,
            false => naive::search(client, &wanted).await?,
        };
        let ids = match query.page > Query::MOST_PAGES {
            true => Vec::new(),
            false => ids,
        };
        Ok(Found {
            products: self.cards(client, &ids).await?,
            count,
        })
    }

    pub(super) async fn popular(&self) -> Result<Vec<ProductId>, Error> {
        let client = &self.database.get().await?;
        match self.fixes.has(Fix::ReadModel) {
            true => tuned::popular(client).await,
            false => naive::popular(client).await,
        }
    }

    /// Products as lists show them, in this order; those that are not there are left out.
    pub(crate) async fn cards(
        &self,
        client: &impl GenericClient,
        ids: &[ProductId],
    ) -> Result<Vec<Card>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        match self.fixes.has(Fix::Joins) {
            true => tuned::cards(client, ids).await,
            false => naive::cards(client, ids).await,
        }
    }

    async fn best(
        &self,
        client: &Object,
        scope: Scope,
        most: i64,
    ) -> Result<Vec<(ProductId, Sold)>, Error> {
        if !self.fixes.has(Fix::ReadModel) {
            return naive::best(client, scope, most).await;
        }
        // The leaderboard is a copy of what the other branch reads; whatever is wrong with it, that one is right.
        match self
            .leaderboard
            .as_ref()
            .map(|board: &Leaderboard| board.top(scope, most))
        {
            Some(top) => match top.await {
                Some(top) => Ok(top),
                None => tuned::best(client, scope, most).await,
            },
            None => tuned::best(client, scope, most).await,
        }
    }
}

/// The department of a slug. What cannot be one is not asked for.
async fn department(
    client: &impl GenericClient,
    slug: Option<&str>,
) -> Result<Option<(i16, Category)>, Error> {
    let Some(slug) = slug else {
        return Ok(None);
    };
    let is_slug = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !slug.bytes().all(is_slug) {
        return Err(Error::NotFound);
    }
    let sql = "SELECT id, slug, name FROM categories WHERE slug = $1";
    let row = row(client, sql, &[&slug]).await?.ok_or(Error::NotFound)?;
    let category = Category {
        slug: row.get(1),
        name: row.get(2),
    };
    Ok(Some((row.get(0), category)))
}

/// The newest products. The same query in both profiles: with the index of fix `indexes` its first rows are read, without it all products are, and sorted.
async fn newest(
    client: &impl GenericClient,
    scope: Scope,
    most: i64,
) -> Result<Vec<ProductId>, Error> {
    const SHOP: &str = "SELECT id FROM products ORDER BY added DESC, id LIMIT $1";
    const CATEGORY: &str =
        "SELECT id FROM products WHERE category_id = $1 ORDER BY added DESC, id LIMIT $2";
    match scope {
        None => column(client, SHOP, &[&most]).await,
        Some(category) => column(client, CATEGORY, &[&category, &most]).await,
    }
}

/// A product of a row: id, title, maker, price, list price, slug and name of its department, number in stock.
pub(crate) fn card(row: &Row) -> Card {
    let price = Cents(row.get(3));
    Card {
        id: row.get(0),
        title: row.get(1),
        maker: row.get(2),
        price,
        list_price: row
            .get::<_, Option<i64>>(4)
            .map(Cents)
            .filter(|old| *old > price),
        category: Category {
            slug: row.get(5),
            name: row.get(6),
        },
        availability: Availability::of(row.get::<_, Option<i32>>(7).unwrap_or(0)),
    }
}
