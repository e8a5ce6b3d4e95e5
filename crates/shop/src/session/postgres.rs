//! Sessions in tables.

use deadpool_postgres::{GenericClient, Object};

use super::{LIFETIME, SEEN_AGAIN, SessionId};
use crate::Error;
use crate::model::Customer;
use crate::rows::{execute, row};

/// Who is logged into a session, if there is one.
pub(super) async fn find(
    client: &impl GenericClient,
    id: &SessionId,
) -> Result<Option<Option<Customer>>, Error> {
    const FIND: &str = "SELECT c.id, c.name, c.mail, s.seen < now() - make_interval(secs => $3)
        FROM sessions s LEFT JOIN customers c ON c.id = s.customer_id
        WHERE s.id = $1 AND s.seen > now() - make_interval(secs => $2)";
    // Of several requests at the same time one notes it.
    const SEEN: &str = "UPDATE sessions SET seen = now()
        WHERE id = $1 AND seen < now() - make_interval(secs => $2)";
    let (lifetime, again) = (f64::from(LIFETIME), f64::from(SEEN_AGAIN));
    let id = &id[..];
    let Some(found) = row(client, FIND, &[&id, &lifetime, &again]).await? else {
        return Ok(None);
    };
    if found.get(3) {
        execute(client, SEEN, &[&id, &again]).await?;
    }
    let customer = |customer| Customer {
        id: customer,
        name: found.get(1),
        mail: found.get(2),
    };
    Ok(Some(found.get::<_, Option<i64>>(0).map(customer)))
}

pub(super) async fn end(client: &impl GenericClient, id: &SessionId) -> Result<(), Error> {
    execute(client, "DELETE FROM sessions WHERE id = $1", &[&&id[..]]).await?;
    Ok(())
}

/// Begins a session with the basket of an old one.
pub(super) async fn renew(
    client: &mut Object,
    old: Option<&SessionId>,
    new: &SessionId,
    customer: Option<i64>,
) -> Result<(), Error> {
    let new = &new[..];
    let insert = "INSERT INTO sessions (id, customer_id) VALUES ($1, $2)";
    let Some(old) = old else {
        execute(client, insert, &[&new, &customer]).await?;
        return Ok(());
    };
    let old = &old[..];
    let transaction = client.transaction().await?;
    // Held, so that nothing is put into the old basket between moving it and the session's end.
    let hold = "SELECT 1 FROM sessions WHERE id = $1 FOR UPDATE";
    row(&transaction, hold, &[&old]).await?;
    execute(&transaction, insert, &[&new, &customer]).await?;
    let carry = "UPDATE cart_lines SET session_id = $2 WHERE session_id = $1";
    execute(&transaction, carry, &[&old, &new]).await?;
    end(
        &transaction,
        old.try_into().expect("32 bytes before, 32 bytes now"),
    )
    .await?;
    Ok(transaction.commit().await?)
}

/// Takes away sessions that have ended, at most so many at a time, and says how many.
pub(crate) async fn clean(client: &impl GenericClient, most: i64) -> Result<u64, Error> {
    let sql = "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions
        WHERE seen < now() - make_interval(secs => $1) LIMIT $2 FOR UPDATE SKIP LOCKED)";
    execute(client, sql, &[&f64::from(LIFETIME), &most]).await
}
