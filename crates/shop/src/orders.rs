//! Orders that were placed: each is shown to its customer only.

use deadpool_postgres::GenericClient;
use tokio_postgres::Row;

use crate::model::{Address, Order, OrderLine, OrderSummary, Status};
use crate::money::Cents;
use crate::profile::Fix;
use crate::rows::{row, rows};
use crate::{Error, Shop};

/// Orders of a list.
const LISTED: i64 = 50;

impl Shop {
    /// A customer's orders, the newest first (at most 50).
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn orders(&self, customer: i64) -> Result<Vec<OrderSummary>, Error> {
        let client = self.database.get().await?;
        match self.fixes().has(Fix::Joins) {
            true => joined(&client, customer).await,
            false => one_by_one(&client, customer).await,
        }
    }

    /// One of them.
    ///
    /// # Errors
    /// [`Error::NotFound`] also for somebody else's.
    pub async fn order(&self, customer: i64, number: &str) -> Result<Order, Error> {
        let client = self.database.get().await?;
        find(&client, customer, number)
            .await?
            .ok_or(Error::NotFound)
    }
}

/// One query.
async fn joined(client: &impl GenericClient, customer: i64) -> Result<Vec<OrderSummary>, Error> {
    let sql = "SELECT o.number, o.placed, o.total, o.status, sum(l.quantity)::bigint
        FROM (SELECT * FROM orders WHERE customer_id = $1 ORDER BY placed DESC, id DESC LIMIT $2) o
        JOIN order_lines l ON l.order_id = o.id
        GROUP BY o.id, o.number, o.placed, o.total, o.status ORDER BY o.placed DESC, o.id DESC";
    let found = rows(client, sql, &[&customer, &LISTED]).await?;
    found.iter().map(summary).collect()
}

/// The same with a query for each order (N+1).
async fn one_by_one(
    client: &impl GenericClient,
    customer: i64,
) -> Result<Vec<OrderSummary>, Error> {
    const LIST: &str =
        "SELECT id FROM orders WHERE customer_id = $1 ORDER BY placed DESC, id DESC LIMIT $2";
    const ONE: &str = "SELECT number, placed, total, status,
        (SELECT coalesce(sum(quantity), 0)::bigint FROM order_lines WHERE order_id = $1) FROM orders WHERE id = $1";
    let mut orders = Vec::new();
    for found in rows(client, LIST, &[&customer, &LISTED]).await? {
        let id: i64 = found.get(0);
        if let Some(found) = row(client, ONE, &[&id]).await? {
            orders.push(summary(&found)?);
        }
    }
    Ok(orders)
}

/// A customer's order of this number.
pub(crate) async fn find(
    client: &impl GenericClient,
    customer: i64,
    number: &str,
) -> Result<Option<Order>, Error> {
    const ORDER: &str = "SELECT number, placed, total, status,
        (SELECT coalesce(sum(quantity), 0)::bigint FROM order_lines WHERE order_id = o.id),
        id, name, street, postcode, city, country
        FROM orders o WHERE number = $1 AND customer_id = $2";
    const LINES: &str = "SELECT l.product_id, p.title, l.quantity, l.price
        FROM order_lines l JOIN products p ON p.id = l.product_id WHERE l.order_id = $1 ORDER BY l.place";
    // What no number is made of is not worth asking for, and Postgres has no NUL in texts.
    if !number.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(None);
    }
    let Some(found) = row(client, ORDER, &[&number, &customer]).await? else {
        return Ok(None);
    };
    let id: i64 = found.get(5);
    let lines = rows(client, LINES, &[&id]).await?;
    let line = |row: &Row| OrderLine {
        product: row.get(0),
        title: row.get(1),
        quantity: row.get(2),
        price: Cents(row.get(3)),
    };
    Ok(Some(Order {
        summary: summary(&found)?,
        address: Address {
            name: found.get(6),
            street: found.get(7),
            postcode: found.get(8),
            city: found.get(9),
            country: found.get(10),
        },
        lines: lines.iter().map(line).collect(),
    }))
}

/// Of a row: number, when, total, status, how many things.
fn summary(row: &Row) -> Result<OrderSummary, Error> {
    let status = match row.get(3) {
        "paid" => Status::Paid,
        "processing" => Status::Processing,
        "shipped" => Status::Shipped,
        other => return Err(Error::Broken(format!("an order has the status {other:?}"))),
    };
    Ok(OrderSummary {
        number: row.get(0),
        placed: row.get(1),
        total: Cents(row.get(2)),
        status,
        count: row.get(4),
    })
}
