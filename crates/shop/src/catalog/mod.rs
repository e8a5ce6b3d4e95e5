//! What is sold: everything that pages for everyone are made of.
//!
//! # The idea
//! `naive` and `tuned` have the same functions, once as they are often written first and once mended. Every list is made in two steps, which
//! products and what is shown of them, so that each fix replaces one step and can be measured by itself; `read` puts them together,
//! and `cached` keeps what came out. Both profiles give the same answers (a test compares them).
//!
//! # What a search finds
//! Products in whose title or maker each of the words begins a word: `tea` finds `teapot`, not `steamer`. An `s` at the end does not count, so that `chairs` finds a
//! chair. In the order of titles.

mod cached;
pub(crate) mod leaderboard;
mod naive;
mod read;
mod tuned;

pub(crate) use cached::Cached;
pub(crate) use read::card;

use self::leaderboard::Leaderboard;
use crate::database::Database;
use crate::model::{Category, Found, Home, List, Product, ProductId, Query};
use crate::profile::Fixes;
use crate::{Error, Shop};

/// Products of a list.
const LISTED: i64 = 24;
/// Products of a page of a search.
const PAGE: i64 = Query::PAGE as i64;
/// Most words of a search that count.
const WORDS: usize = 8;

/// The whole shop, or a department.
type Scope = Option<i16>;
/// How many were sold.
type Sold = i64;

/// What reads need.
#[derive(Clone, Debug)]
pub(crate) struct Catalog {
    pub(crate) database: Database,
    pub(crate) fixes: Fixes,
    pub(crate) leaderboard: Option<Leaderboard>,
}

/// A search, as it is asked of the database.
struct Wanted {
    words: Vec<String>,
    category: Scope,
    offset: i64,
}

/// What a search finds: a page of it, and how many in all.
#[derive(Default)]
struct Matches {
    ids: Vec<ProductId>,
    count: i64,
}

impl Shop {
    /// The first page.
    ///
    /// # Errors
    /// When the database does not answer; so have all of these.
    pub async fn home(&self) -> Result<Home, Error> {
        match self.cached() {
            Some(cached) => cached.home(&self.catalog).await,
            None => self.catalog.home().await,
        }
    }

    /// All departments, by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn categories(&self) -> Result<Vec<Category>, Error> {
        match self.cached() {
            Some(cached) => cached.categories(&self.catalog).await,
            None => self.catalog.categories().await,
        }
    }

    /// The newest products (24), of a department if one is given.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such department.
    pub async fn new_products(&self, category: Option<&str>) -> Result<List, Error> {
        match self.cached() {
            Some(cached) => cached.new_products(&self.catalog, category).await,
            None => self.catalog.new_products(category).await,
        }
    }

    /// What sells best (24), of a department if one is given.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such department.
    pub async fn best_sellers(&self, category: Option<&str>) -> Result<List, Error> {
        match self.cached() {
            Some(cached) => cached.best_sellers(&self.catalog, category).await,
            None => self.catalog.best_sellers(category).await,
        }
    }

    /// A product.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    pub async fn product(&self, id: ProductId) -> Result<Product, Error> {
        match self.cached() {
            Some(cached) => cached.product(&self.catalog, id).await,
            None => self.catalog.product(id).await,
        }
    }

    /// A page of what a search finds. Text in which no word is finds nothing; no text at all, everything (of the department).
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such department.
    pub async fn search(&self, query: &Query) -> Result<Found, Error> {
        match self.cached() {
            Some(cached) => cached.search(&self.catalog, query).await,
            None => self.catalog.search(query).await,
        }
    }

    /// Numbers of all products, the most popular first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn popular(&self) -> Result<Vec<ProductId>, Error> {
        match self.cached() {
            Some(cached) => cached.popular(&self.catalog).await,
            None => self.catalog.popular().await,
        }
    }
}

/// The words of a text, in small letters; `None` if there is text but no word in it. Whatever is no letter and no digit ends a word: it has no meaning here,
/// nor in the database.
fn words(text: &str) -> Option<Vec<String>> {
    let is_read = |(at, c): &(usize, char)| at + c.len_utf8() <= Query::LONGEST;
    let read = text.char_indices().take_while(is_read);
    let text: String = read.flat_map(|(_, c)| c.to_lowercase()).collect();
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .take(WORDS)
        .map(|word| singular(word).to_owned())
        .collect();
    (!words.is_empty() || text.trim().is_empty()).then_some(words)
}

/// Without the `s` of many. What is found begins so, and what loses its own `s` (`glass`) is found all the same.
fn singular(word: &str) -> &str {
    match word.strip_suffix('s') {
        Some(one) if one.chars().count() >= 3 => one,
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_words_and_nothing_else() {
        let of = |text: &str| words(text).map(|words| words.join(" "));
        assert_eq!(of("  Oak  Chair "), Some("oak chair".to_owned()));
        assert_eq!(
            of("baker's hand-made"),
            Some("baker s hand made".to_owned())
        );
        assert_eq!(of("50%' OR 1=1 --"), Some("50 or 1 1".to_owned()));
        assert_eq!(of("tea:* | !oak\\ & (\0"), Some("tea oak".to_owned()));
        assert_eq!(of("chairs glass as"), Some("chair glas as".to_owned()));
        assert_eq!(of(""), Some(String::new()));
        assert_eq!(of(" \t"), Some(String::new()));
        assert_eq!(of("%%%"), None);
        assert_eq!(of("a b c d e f g h i j").map(|text| text.len()), Some(15));
        assert!(of(&"ä".repeat(1000)).is_some_and(|text| text.len() == Query::LONGEST));
    }
}
