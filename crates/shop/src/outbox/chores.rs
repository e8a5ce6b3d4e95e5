//! What a worker does now and then.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::time::Duration;

use tokio::time::Instant;

use crate::Error;
use crate::catalog::leaderboard::Leaderboard;
use crate::changes::{notify, tags};
use crate::database::Database;
use crate::model::ProductId;
use crate::rows::rows;
use crate::session;

/// How often it is looked whether lists of best sellers have changed: pages of them are at most this much older than the sales.
const LISTS: Duration = Duration::from_secs(5);
/// How often it is looked whether the leaderboard has to be filled.
const BOARD: Duration = Duration::from_secs(1);
/// How often ended sessions are taken away, and how many at a time.
const SESSIONS: (Duration, i64) = (Duration::from_secs(600), 5_000);

/// When each was done.
#[derive(Debug, Default)]
pub(super) struct Chores {
    sold: bool,
    lists: Option<(Instant, u64)>,
    board: Option<Instant>,
    sessions: Option<Instant>,
}

impl Chores {
    /// Something was sold, or not.
    pub(super) fn note(&mut self, sold: bool) {
        self.sold |= sold;
    }

    /// Does what is due.
    pub(super) async fn run(
        &mut self,
        database: &Database,
        leaderboard: Option<&Leaderboard>,
    ) -> Result<(), Error> {
        let is_due = |at: Option<Instant>, every| at.is_none_or(|at| at.elapsed() >= every);
        let lists = self.lists.map(|(at, _)| at);
        if lists.is_none() || (self.sold && is_due(lists, LISTS)) {
            self.compare_lists(database).await?;
        }
        if let Some(board) = leaderboard
            && is_due(self.board, BOARD)
        {
            board.fill(database).await?;
            self.board = Some(Instant::now());
        }
        if is_due(self.sessions, SESSIONS.0) {
            session::clean(&database.get().await?, SESSIONS.1).await?;
            self.sessions = Some(Instant::now());
        }
        Ok(())
    }

    /// Tells of lists of best sellers that have changed. How many were sold changes with each order, and is not worth a purge; the order is.
    async fn compare_lists(&mut self, database: &Database) -> Result<(), Error> {
        let sql = "SELECT product_id, overall <= 24, in_category <= 24 FROM (
                SELECT product_id,
                    row_number() OVER (ORDER BY sold DESC, product_id) AS overall,
                    row_number() OVER (PARTITION BY category_id ORDER BY sold DESC, product_id) AS in_category
                FROM product_sales WHERE sold > 0) ranked
            WHERE in_category <= 24 ORDER BY overall";
        let client = database.get().await?;
        let found = rows(&client, sql, &[]).await?;
        let lists: Vec<(ProductId, bool, bool)> = found
            .iter()
            .map(|row| (row.get(0), row.get(1), row.get(2)))
            .collect();
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(lists);
        if self.lists.is_some_and(|(_, before)| before != hash) {
            notify(&client, &[tags::LIST_BEST.to_owned()]).await?;
        }
        self.lists = Some((Instant::now(), hash));
        self.sold = false;
        Ok(())
    }
}
