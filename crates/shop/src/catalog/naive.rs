//! Reads as they are often written first. Each function has its counterpart of the same name in [`super::tuned`].
//!
//! None of this is a straw man: an object-relational mapper that loads what is touched makes [`cards`], a search box that was made in an
//! afternoon makes [`search`], and "what sells best" is asked of the orders because that is where it is known. With a hundred products and
//! a thousand orders nobody notices.

use deadpool_postgres::GenericClient;

use super::{Matches, PAGE, Scope, Sold, Wanted};
use crate::Error;
use crate::model::{Availability, Card, Category, ProductId};
use crate::money::Cents;
use crate::rows::{column, row, rows};

/// Products for a list, in the order of their numbers as given. Mistake: N+1 queries, here three for each product, one after the other.
pub(super) async fn cards(
    client: &impl GenericClient,
    ids: &[ProductId],
) -> Result<Vec<Card>, Error> {
    const PRODUCT: &str =
        "SELECT title, maker, price, list_price, category_id FROM products WHERE id = $1";
    const CATEGORY: &str = "SELECT slug, name FROM categories WHERE id = $1";
    const STOCK: &str = "SELECT available FROM stock WHERE product_id = $1";
    let mut cards = Vec::with_capacity(ids.len());
    for id in ids {
        let Some(product) = row(client, PRODUCT, &[id]).await? else {
            continue;
        };
        let category: i16 = product.get(4);
        let Some(category) = row(client, CATEGORY, &[&category]).await? else {
            continue;
        };
        let stock = row(client, STOCK, &[id]).await?;
        let price = Cents(product.get(2));
        cards.push(Card {
            id: *id,
            title: product.get(0),
            maker: product.get(1),
            price,
            list_price: product
                .get::<_, Option<i64>>(3)
                .map(Cents)
                .filter(|old| *old > price),
            category: Category {
                slug: category.get(0),
                name: category.get(1),
            },
            availability: Availability::of(stock.map_or(0, |stock| stock.get(0))),
        });
    }
    Ok(cards)
}

/// Departments with how many products each has. Mistake: a query for each.
pub(super) async fn counts(client: &impl GenericClient) -> Result<Vec<(Category, i64)>, Error> {
    let mut counts = Vec::new();
    let sql = "SELECT id, slug, name FROM categories ORDER BY name";
    for found in rows(client, sql, &[]).await? {
        let id: i16 = found.get(0);
        let sql = "SELECT count(*) FROM products WHERE category_id = $1";
        let count = row(client, sql, &[&id]).await?;
        let category = Category {
            slug: found.get(1),
            name: found.get(2),
        };
        counts.push((category, count.map_or(0, |count| count.get(0))));
    }
    Ok(counts)
}

/// A page of what has words that begin so, and how many there are. Mistakes: a pattern that begins with a wildcard, which no index of words
/// answers, so that each search reads all products; and does so twice, once for the number.
pub(super) async fn search(client: &impl GenericClient, wanted: &Wanted) -> Result<Matches, Error> {
    const COUNT: &str = "SELECT count(*) FROM products
        WHERE translate(' ' || title || ' ' || maker, '-''/', '   ') ILIKE ALL ($1)
        AND ($2::smallint IS NULL OR category_id = $2)";
    const SEARCH: &str = "SELECT id FROM products
        WHERE translate(' ' || title || ' ' || maker, '-''/', '   ') ILIKE ALL ($1)
        AND ($2::smallint IS NULL OR category_id = $2)
        ORDER BY title, id LIMIT $3 OFFSET $4";
    // Only letters and digits are in words: nothing that a pattern could take for a wildcard.
    let pattern = |word: &String| format!("% {word}%");
    let patterns: Vec<String> = wanted.words.iter().map(pattern).collect();
    let count = row(client, COUNT, &[&patterns, &wanted.category]).await?;
    let count = count.map_or(0, |count| count.get(0));
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
        [&patterns, &wanted.category, &PAGE, &wanted.offset];
    let ids = column(client, SEARCH, &parameters).await?;
    Ok(Matches { ids, count })
}

/// What sells best. Mistake: adds up all that was ever sold, at every view.
pub(super) async fn best(
    client: &impl GenericClient,
    scope: Scope,
    most: i64,
) -> Result<Vec<(ProductId, Sold)>, Error> {
    let sql = "SELECT l.product_id, sum(l.quantity)::bigint AS sold
        FROM order_lines l JOIN orders o ON o.id = l.order_id JOIN products p ON p.id = l.product_id
        WHERE $1::smallint IS NULL OR p.category_id = $1
        GROUP BY l.product_id ORDER BY sold DESC, l.product_id LIMIT $2";
    let found = rows(client, sql, &[&scope, &most]).await?;
    Ok(found.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// How many of a product were sold. Mistake: as [`best`]; without an index of order lines by product all of them are read for it.
pub(super) async fn sold(client: &impl GenericClient, id: ProductId) -> Result<Sold, Error> {
    let sql = "SELECT coalesce(sum(quantity), 0)::bigint FROM order_lines WHERE product_id = $1";
    Ok(row(client, sql, &[&id]).await?.map_or(0, |row| row.get(0)))
}

/// How many orders there are. Mistake: counts them, which in Postgres means to look at every one.
pub(super) async fn orders(client: &impl GenericClient) -> Result<i64, Error> {
    let sql = "SELECT count(*) FROM orders";
    Ok(row(client, sql, &[]).await?.map_or(0, |row| row.get(0)))
}

/// All products, the most popular first. Mistake: as [`best`].
pub(super) async fn popular(client: &impl GenericClient) -> Result<Vec<ProductId>, Error> {
    let sql = "SELECT p.id FROM products p
        LEFT JOIN (SELECT product_id, sum(quantity) AS sold FROM order_lines GROUP BY product_id) s
        ON s.product_id = p.id ORDER BY coalesce(s.sold, 0) DESC, p.id";
    column(client, sql, &[]).await
}
