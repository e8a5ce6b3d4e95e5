//! Data that steps use: customers who may log in, products that there are.
//!
//! # The idea
//! All values of a feed lie in one text, and a row is a range of it: a million rows cost little more than their file. A session takes
//! a row when it first needs one and keeps it, so that a name and its password belong together. Of several generators each has
//! its own rows: the first, the first behind the number of generators, and so on.

mod csv;
mod json;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;

use super::value::View;
use crate::test::Shard;

/// Largest text of all values of a feed, in bytes.
const LARGEST: usize = 1 << 30;

/// Most columns.
const MOST_COLUMNS: usize = 1000;

/// Rows of data.
#[derive(Clone, Debug)]
pub struct Feed {
    /// What the file calls it.
    pub name: String,
    /// The data.
    pub rows: Arc<Rows>,
    /// Who gets which row.
    pub order: Order,
    /// How long a row is kept.
    pub per: Per,
}

/// Who gets which row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// One after the other, and from the first again.
    #[default]
    Sequential,
    /// Any, each time anew.
    Random,
    /// One after the other, each only once. Whoever finds none left fails.
    Once,
}

/// How long a row is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Per {
    /// For a whole session.
    #[default]
    Session,
    /// For one request.
    Step,
}

/// The data of a feed: at least one row, and in each a value per column.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rows {
    columns: Vec<String>,
    /// All values, one behind the other.
    text: String,
    /// Where each ends, and whether it is JSON, row by row.
    ends: Vec<(u32, bool)>,
}

/// Why a text is no feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedError {
    /// The line, from 1, or for JSON the row.
    pub line: Option<u64>,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: String,
}

impl FeedError {
    fn new(line: Option<u64>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            line,
            message: message.into(),
            help: help.into(),
        }
    }
}

impl Rows {
    /// Reads CSV (RFC 4180) whose first line names the columns.
    ///
    /// # Errors
    /// No columns or rows, lines that have more or fewer values, bytes that are no UTF-8, sizes beyond all reason.
    pub fn from_csv(bytes: &[u8], delimiter: u8) -> Result<Self, FeedError> {
        csv::read(bytes, delimiter)
    }

    /// Reads a list of JSON objects; the first one's keys are the columns.
    ///
    /// # Errors
    /// As [`Rows::from_csv`]; objects that lack a key of the first.
    pub fn from_json(bytes: &[u8]) -> Result<Self, FeedError> {
        json::read(bytes)
    }

    /// Names of the columns.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len() / self.columns.len().max(1)
    }

    /// True if there is none, which no reader makes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A value, if there is that row and column.
    #[must_use]
    pub fn get(&self, row: usize, column: usize) -> Option<View<'_>> {
        if column >= self.columns.len() {
            return None;
        }
        let index = row.checked_mul(self.columns.len())?.checked_add(column)?;
        let &(end, is_json) = self.ends.get(index)?;
        let start = match index.checked_sub(1) {
            Some(before) => self.ends[before].0,
            None => 0,
        };
        let text = &self.text[start as usize..end as usize];
        Some(View { text, is_json })
    }

    fn named(columns: Vec<String>, line: Option<u64>) -> Result<Self, FeedError> {
        if columns.len() > MOST_COLUMNS {
            let message = format!("there are more than {MOST_COLUMNS} columns");
            return Err(FeedError::new(line, message, "is this the right file?"));
        }
        for (index, column) in columns.iter().enumerate() {
            let shown = super::template::shortened(column);
            if column.is_empty() {
                let message = format!("column {} has no name", index + 1);
                return Err(FeedError::new(
                    line,
                    message,
                    "the first line names the columns",
                ));
            }
            if columns[..index].contains(column) {
                let message = format!("two columns are called `{shown}`");
                return Err(FeedError::new(line, message, "rename one"));
            }
        }
        Ok(Self {
            columns,
            ..Self::default()
        })
    }

    fn push(&mut self, text: &str, is_json: bool, line: u64) -> Result<(), FeedError> {
        self.text.push_str(text);
        match u32::try_from(self.text.len()) {
            Ok(end) if self.text.len() <= LARGEST => self.ends.push((end, is_json)),
            _ => {
                let message = "the data is larger than 1 GiB";
                return Err(FeedError::new(Some(line), message, "take a part of it"));
            }
        }
        Ok(())
    }

    fn finished(mut self) -> Result<Self, FeedError> {
        if self.ends.is_empty() {
            let help = "the first line names the columns, each further one is a row";
            return Err(FeedError::new(None, "there are no rows", help));
        }
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
        Ok(self)
    }
}

/// How far a feed has been taken.
#[derive(Debug, Default)]
pub(super) struct Position(AtomicU64);

impl Position {
    /// The next row; `None` if all have been taken.
    pub(super) fn take(&self, feed: &Feed, shard: Shard, rng: &mut Rng) -> Option<usize> {
        let rows = feed.rows.len() as u64;
        if feed.order == Order::Random {
            return Some(rng.u64(..rows.max(1)) as usize);
        }
        let turn = self.0.fetch_add(1, Ordering::Relaxed);
        let row = turn
            .checked_mul(u64::from(shard.count.max(1)))
            .and_then(|row| row.checked_add(u64::from(shard.index)))?;
        match feed.order {
            Order::Once => (row < rows).then_some(row as usize),
            _ => Some((row % rows.max(1)) as usize),
        }
    }
}

#[cfg(test)]
mod tests;
