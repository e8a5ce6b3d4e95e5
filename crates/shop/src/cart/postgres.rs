//! Baskets in tables.

use deadpool_postgres::{GenericClient, Object};

use super::{Change, ended, full};
use crate::Error;
use crate::model::{Cart, ProductId};
use crate::rows::{execute, row, rows};
use crate::session::SessionId;

/// Products and how many of each, in the order in which they were put in.
pub(crate) async fn lines(
    client: &impl GenericClient,
    session: &SessionId,
) -> Result<Vec<(ProductId, i32)>, Error> {
    let sql = "SELECT product_id, quantity FROM cart_lines WHERE session_id = $1 ORDER BY added, product_id";
    let found = rows(client, sql, &[&&session[..]]).await?;
    Ok(found.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Takes everything out. Of two that do at the same time one gets it.
pub(crate) async fn take(
    client: &impl GenericClient,
    session: &SessionId,
) -> Result<Vec<(ProductId, i32)>, Error> {
    let sql = "WITH taken AS (DELETE FROM cart_lines WHERE session_id = $1 RETURNING product_id, quantity, added)
        SELECT product_id, quantity FROM taken ORDER BY added, product_id";
    let found = rows(client, sql, &[&&session[..]]).await?;
    Ok(found.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// # Errors
/// [`Error::NotFound`] if there is no such product.
pub(super) async fn is_sold(client: &impl GenericClient, product: ProductId) -> Result<(), Error> {
    let found = row(client, "SELECT 1 FROM products WHERE id = $1", &[&product]).await?;
    found.map(|_| ()).ok_or(Error::NotFound)
}

/// Changes a basket, and says how many things are in it now.
pub(super) async fn change(
    client: &mut Object,
    session: &SessionId,
    product: ProductId,
    change: Change,
) -> Result<i32, Error> {
    const REMOVE: &str = "DELETE FROM cart_lines WHERE session_id = $1 AND product_id = $2";
    const SET: &str = "INSERT INTO cart_lines (session_id, product_id, quantity)
        SELECT $1, id, $3 FROM products WHERE id = $2
        ON CONFLICT (session_id, product_id) DO UPDATE SET quantity = excluded.quantity";
    const ADD: &str = "INSERT INTO cart_lines (session_id, product_id, quantity)
        SELECT $1, id, $3 FROM products WHERE id = $2
        ON CONFLICT (session_id, product_id)
        DO UPDATE SET quantity = least(cart_lines.quantity + excluded.quantity, $4)";
    const COUNT: &str = "SELECT count(*), coalesce(sum(quantity), 0)::integer FROM cart_lines WHERE session_id = $1";
    let session = &session[..];
    let transaction = client.transaction().await?;
    // One change at a time, so that two do not make the basket too large together.
    let hold = "SELECT 1 FROM sessions WHERE id = $1 FOR NO KEY UPDATE";
    row(&transaction, hold, &[&session])
        .await?
        .ok_or_else(ended)?;
    let changed = match change {
        Change::Set(0) => {
            execute(&transaction, REMOVE, &[&session, &product]).await?;
            1
        }
        Change::Set(quantity) => {
            execute(&transaction, SET, &[&session, &product, &quantity]).await?
        }
        Change::Add(more) => {
            let most = Cart::MOST_OF_ONE;
            execute(&transaction, ADD, &[&session, &product, &more, &most]).await?
        }
    };
    if changed == 0 {
        return Err(Error::NotFound);
    }
    let counts = row(&transaction, COUNT, &[&session]).await?;
    let (kinds, count): (i64, i32) = counts.map_or((0, 0), |row| (row.get(0), row.get(1)));
    if usize::try_from(kinds).is_ok_and(|kinds| kinds > Cart::MOST_LINES) {
        return Err(full());
    }
    transaction.commit().await?;
    Ok(count)
}
