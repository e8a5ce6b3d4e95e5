//! What sells best as sorted sets in Redis: the first two dozen are read in the time that it takes to read two dozen.
//!
//! # The idea
//! One set for the shop (`shop:best`) and one for each department (`shop:best:7`); the member is a product's number with leading zeros, the score how many were
//! sold, *negative*: so the order of the set is ours, most sold first and equals by number. The worker writes what the table
//! `product_sales` has after each order; scores only ever fall (`ZADD LT`), so writes that overtake each other do no harm.
//!
//! # The trade-off
//! A copy can be wrong: Redis forgets. The sets are read only while the marker `shop:best:whole` is there, which is written when they
//! have been filled from the table, and lives ten minutes; after that they are filled again. Without it, or when Redis takes too long, the table is read.

use std::time::Duration;

use crate::Error;
use crate::database::Database;
use crate::model::ProductId;
use crate::redis_link::RedisLink;
use crate::rows::rows;

const WHOLE: &str = "shop:best:whole";
/// Seconds for which the sets are trusted before they are filled again.
const TRUSTED: u64 = 600;
/// How long a page waits for them: the table is the better answer after that.
const PATIENCE: Duration = Duration::from_millis(100);
/// Members of one command.
const BATCH: usize = 500;

/// The sets.
#[derive(Clone, Debug)]
pub(crate) struct Leaderboard {
    redis: RedisLink,
}

/// How many of a product were sold in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sales {
    pub(crate) product: ProductId,
    pub(crate) category: i16,
    pub(crate) sold: i64,
}

impl Leaderboard {
    pub(crate) const fn new(redis: RedisLink) -> Self {
        Self { redis }
    }

    /// The first ones, with how many were sold; `None`: the table is to be asked.
    pub(super) async fn top(
        &self,
        category: Option<i16>,
        most: i64,
    ) -> Option<Vec<(ProductId, i64)>> {
        let mut ask = redis::pipe();
        ask.exists(WHOLE);
        ask.zrange_withscores(key(category), 0, most as isize - 1);
        let (is_whole, top): (bool, Vec<(String, f64)>) =
            self.redis.pipe(&ask, PATIENCE).await.ok()?;
        let parsed = top
            .iter()
            .map(|(id, score)| Some((id.parse().ok()?, -*score as i64)));
        is_whole.then(|| parsed.collect())?
    }

    /// Takes in what was sold.
    ///
    /// # Errors
    /// When Redis does not answer; then the sets are behind until they are filled again.
    pub(crate) async fn raise(&self, sales: &[Sales]) -> Result<(), Error> {
        for batch in sales.chunks(BATCH) {
            let mut raise = redis::pipe();
            for one in batch {
                let (score, member) = (-one.sold as f64, format!("{:010}", one.product));
                for category in [None, Some(one.category)] {
                    let command = raise.cmd("ZADD").arg(key(category)).arg("LT");
                    command.arg(score).arg(&member).ignore();
                }
            }
            self.redis.pipe::<()>(&raise, RedisLink::LIMIT).await?;
        }
        Ok(())
    }

    /// The sets cannot be trusted: something was not written to them.
    pub(crate) async fn distrust(&self) {
        let mut forget = redis::pipe();
        forget.del(WHOLE).ignore();
        // While Redis cannot be told, it cannot be read either; and the marker ends by itself.
        let _told = self.redis.pipe::<()>(&forget, RedisLink::LIMIT).await;
    }

    /// Fills the sets from the table if that is due.
    ///
    /// # Errors
    /// When the database or Redis do not answer.
    pub(crate) async fn fill(&self, database: &Database) -> Result<(), Error> {
        let mut ask = redis::pipe();
        ask.exists(WHOLE);
        let (is_whole,): (bool,) = self.redis.pipe(&ask, RedisLink::LIMIT).await?;
        if is_whole {
            return Ok(());
        }
        let client = database.get().await?;
        let sql = "SELECT product_id, category_id, sold FROM product_sales WHERE sold > 0";
        let found = rows(&client, sql, &[]).await?;
        let sales: Vec<Sales> = found.iter().map(sales).collect();
        self.raise(&sales).await?;
        let mut mark = redis::pipe();
        mark.set_ex(WHOLE, 1, TRUSTED).ignore();
        self.redis.pipe(&mark, RedisLink::LIMIT).await
    }
}

/// A row of product, department, and how many were sold.
pub(crate) fn sales(row: &tokio_postgres::Row) -> Sales {
    Sales {
        product: row.get(0),
        category: row.get(1),
        sold: row.get(2),
    }
}

fn key(category: Option<i16>) -> String {
    match category {
        None => "shop:best".to_owned(),
        Some(category) => format!("shop:best:{category}"),
    }
}
