//! The same reads, mended. Each function has its counterpart of the same name in [`super::naive`].
//!
//! [`cards`] and [`counts`] belong to fix `joins`, [`search`] to `indexes`, the others to `read-model`. What they rest on: the column `words` and the
//! indexes of `shop migrate --profile tuned`, and the tables `product_sales` and `order_counts`, which the worker keeps. The price of the latter: a
//! number is right once the worker has seen the last order, a quarter of a second later.

use std::collections::HashMap;

use deadpool_postgres::GenericClient;

use super::{Matches, PAGE, Scope, Sold, Wanted, card};
use crate::Error;
use crate::model::{Card, Category, ProductId};
use crate::rows::{column, row, rows};

/// Products for a list, in the order of their numbers as given: one query for all.
pub(super) async fn cards(
    client: &impl GenericClient,
    ids: &[ProductId],
) -> Result<Vec<Card>, Error> {
    let sql = "SELECT p.id, p.title, p.maker, p.price, p.list_price, c.slug, c.name, s.available
        FROM products p JOIN categories c ON c.id = p.category_id LEFT JOIN stock s ON s.product_id = p.id
        WHERE p.id = ANY ($1)";
    let found = rows(client, sql, &[&ids]).await?;
    let cards: HashMap<ProductId, Card> = found.iter().map(|row| (row.get(0), card(row))).collect();
    Ok(ids.iter().filter_map(|id| cards.get(id).cloned()).collect())
}

/// Departments with how many products each has: one query.
pub(super) async fn counts(client: &impl GenericClient) -> Result<Vec<(Category, i64)>, Error> {
    let sql = "SELECT c.slug, c.name, count(p.id) FROM categories c LEFT JOIN products p ON p.category_id = c.id
        GROUP BY c.id ORDER BY c.name";
    let found = rows(client, sql, &[]).await?;
    let count = |row: &tokio_postgres::Row| {
        let category = Category {
            slug: row.get(0),
            name: row.get(1),
        };
        (category, row.get(2))
    };
    Ok(found.iter().map(count).collect())
}

/// A page of what has words that begin so, and how many there are: one query, answered by the index of words (GIN).
///
/// A prefix (`tea:*`) finds `teapot` as well, as the naive search does. `to_tsquery` is left out, whose syntax is not the customers' business:
/// only letters and digits are in words.
pub(super) async fn search(client: &impl GenericClient, wanted: &Wanted) -> Result<Matches, Error> {
    const SEARCH: &str = "WITH found AS MATERIALIZED (
            SELECT id, title FROM products
            WHERE words @@ $1::text::tsquery AND ($2::smallint IS NULL OR category_id = $2))
        SELECT (SELECT count(*) FROM found),
               ARRAY(SELECT id FROM found ORDER BY title, id LIMIT $3 OFFSET $4)";
    const BROWSE: &str = "SELECT
        (SELECT count(*) FROM products WHERE $1::smallint IS NULL OR category_id = $1),
        ARRAY(SELECT id FROM products WHERE $1::smallint IS NULL OR category_id = $1
              ORDER BY title, id LIMIT $2 OFFSET $3)";
    let prefixes: Vec<String> = wanted
        .words
        .iter()
        .map(|word| format!("'{word}':*"))
        .collect();
    let prefixes = prefixes.join(" & ");
    let Wanted {
        category, offset, ..
    } = wanted;
    let found = match wanted.words.is_empty() {
        false => row(client, SEARCH, &[&prefixes, category, &PAGE, offset]).await?,
        true => row(client, BROWSE, &[category, &PAGE, offset]).await?,
    };
    let matches = |row: tokio_postgres::Row| Matches {
        count: row.get(0),
        ids: row.get(1),
    };
    Ok(found.map(matches).unwrap_or_default())
}

/// What sells best: the first rows of an index.
pub(super) async fn best(
    client: &impl GenericClient,
    scope: Scope,
    most: i64,
) -> Result<Vec<(ProductId, Sold)>, Error> {
    const SHOP: &str = "SELECT product_id, sold FROM product_sales
        WHERE sold > 0 ORDER BY sold DESC, product_id LIMIT $1";
    const CATEGORY: &str = "SELECT product_id, sold FROM product_sales
        WHERE category_id = $1 AND sold > 0 ORDER BY sold DESC, product_id LIMIT $2";
    let found = match scope {
        None => rows(client, SHOP, &[&most]).await?,
        Some(category) => rows(client, CATEGORY, &[&category, &most]).await?,
    };
    Ok(found.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// How many of a product were sold.
pub(super) async fn sold(client: &impl GenericClient, id: ProductId) -> Result<Sold, Error> {
    let sql = "SELECT sold FROM product_sales WHERE product_id = $1";
    Ok(row(client, sql, &[&id]).await?.map_or(0, |row| row.get(0)))
}

/// How many orders there are: the sum of the days.
pub(super) async fn orders(client: &impl GenericClient) -> Result<i64, Error> {
    let sql = "SELECT coalesce(sum(orders), 0)::bigint FROM order_counts";
    Ok(row(client, sql, &[]).await?.map_or(0, |row| row.get(0)))
}

/// All products, the most popular first.
pub(super) async fn popular(client: &impl GenericClient) -> Result<Vec<ProductId>, Error> {
    let sql = "SELECT p.id FROM products p LEFT JOIN product_sales s ON s.product_id = p.id
        ORDER BY coalesce(s.sold, 0) DESC, p.id";
    column(client, sql, &[]).await
}
