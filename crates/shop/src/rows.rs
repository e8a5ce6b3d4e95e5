//! Asking the database: statements are prepared once per connection, in both profiles, so that what differs is only what is asked.

use deadpool_postgres::GenericClient;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::Error;

/// Parameters of a statement.
pub(crate) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// All rows.
pub(crate) async fn rows(
    client: &impl GenericClient,
    sql: &str,
    parameters: Parameters<'_>,
) -> Result<Vec<Row>, Error> {
    let statement = client.prepare_cached(sql).await?;
    Ok(client.query(&statement, parameters).await?)
}

/// The row, if there is one.
pub(crate) async fn row(
    client: &impl GenericClient,
    sql: &str,
    parameters: Parameters<'_>,
) -> Result<Option<Row>, Error> {
    Ok(rows(client, sql, parameters).await?.into_iter().next())
}

/// The first column of all rows.
pub(crate) async fn column<T>(
    client: &impl GenericClient,
    sql: &str,
    parameters: Parameters<'_>,
) -> Result<Vec<T>, Error>
where
    T: for<'a> tokio_postgres::types::FromSql<'a>,
{
    let found = rows(client, sql, parameters).await?;
    Ok(found.iter().map(|row| row.get(0)).collect())
}

/// How many rows it concerned.
pub(crate) async fn execute(
    client: &impl GenericClient,
    sql: &str,
    parameters: Parameters<'_>,
) -> Result<u64, Error> {
    let statement = client.prepare_cached(sql).await?;
    Ok(client.execute(&statement, parameters).await?)
}
