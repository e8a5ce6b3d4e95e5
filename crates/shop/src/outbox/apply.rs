//! What an event means: the read model, and the order's status.

use std::time::Duration;

use deadpool_postgres::Transaction;

use super::Event;
use crate::Error;
use crate::catalog::leaderboard::{Sales, sales};
use crate::rows::{execute, rows};

/// Pause after the first failure of an event; each one after it doubles, up to [`LONGEST`].
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(3600);

/// Does what events say and marks them done, in the caller's transaction, which has them locked. Says what was sold in all of the products that they concern.
///
/// # Errors
/// When one of them cannot be done; then none was.
pub(super) async fn apply(
    transaction: &Transaction<'_>,
    events: &[Event],
) -> Result<Vec<Sales>, Error> {
    // In the order of products and days, so that two workers wait for each other and never in a circle.
    const SALES: &str = "INSERT INTO product_sales (product_id, category_id, sold, orders)
        SELECT l.product_id, p.category_id, sum(l.quantity), count(DISTINCT l.order_id)
        FROM order_lines l JOIN products p ON p.id = l.product_id
        WHERE l.order_id = ANY ($1) GROUP BY l.product_id, p.category_id ORDER BY l.product_id
        ON CONFLICT (product_id) DO UPDATE
        SET sold = product_sales.sold + excluded.sold, orders = product_sales.orders + excluded.orders
        RETURNING product_id, category_id, sold";
    const COUNTS: &str = "INSERT INTO order_counts (day, orders, total)
        SELECT (placed AT TIME ZONE 'UTC')::date AS day, count(*), sum(total)::bigint
        FROM orders WHERE id = ANY ($1) GROUP BY day ORDER BY day
        ON CONFLICT (day) DO UPDATE
        SET orders = order_counts.orders + excluded.orders, total = order_counts.total + excluded.total";
    const STATUS: &str =
        "UPDATE orders SET status = 'processing' WHERE id = ANY ($1) AND status = 'paid'";
    const DONE: &str = "UPDATE outbox SET done = now() WHERE id = ANY ($1) AND done IS NULL";
    if let Some(event) = events.iter().find(|event| event.kind != "order.created") {
        return Err(Error::Broken(format!(
            "nobody knows what {:?} means",
            event.kind
        )));
    }
    let orders: Vec<i64> = events.iter().map(|event| event.order).collect();
    let ids: Vec<i64> = events.iter().map(|event| event.id).collect();
    let sold = rows(transaction, SALES, &[&orders]).await?;
    execute(transaction, COUNTS, &[&orders]).await?;
    execute(transaction, STATUS, &[&orders]).await?;
    let done = execute(transaction, DONE, &[&ids]).await?;
    match usize::try_from(done).is_ok_and(|done| done == ids.len()) {
        true => Ok(sold.iter().map(sales).collect()),
        false => Err(Error::Broken(format!(
            "{done} of {} events were open",
            ids.len()
        ))),
    }
}

/// Puts off an event that failed.
pub(super) async fn put_off(
    transaction: &Transaction<'_>,
    event: &Event,
    why: &Error,
) -> Result<(), Error> {
    let sql = "UPDATE outbox SET attempts = attempts + 1, failure = left($2, 1000),
        due = now() + make_interval(secs => least($3 * 2 ^ least(attempts, 20), $4))
        WHERE id = $1 AND done IS NULL";
    let (first, longest) = (FIRST.as_secs_f64(), LONGEST.as_secs_f64());
    execute(
        transaction,
        sql,
        &[&event.id, &why.to_string(), &first, &longest],
    )
    .await?;
    Ok(())
}
