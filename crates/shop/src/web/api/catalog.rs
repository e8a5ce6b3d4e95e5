//! `GET /api/v1/products`, `/products/{id}`, `/best-sellers`, `/new`, `/categories`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::super::Web;
use super::super::caching::Tags;
use super::super::error::Refusal;
use super::super::pages::form::{self, Asked, Named};
use crate::Error;
use crate::changes::tags;
use crate::model::{Card, Category, List, Product, Query};

/// A department.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in super::super) struct Of {
    category: Option<String>,
}

/// What is searched for, and which part of it is wanted.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in super::super) struct Wanted {
    q: String,
    category: Option<String>,
    page: u32,
    limit: u32,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            q: String::new(),
            category: None,
            page: 1,
            limit: Query::PAGE,
        }
    }
}

impl Wanted {
    /// Says what does not fit.
    fn check(&self) -> Result<(), Error> {
        let mut wrong = Vec::new();
        if self.q.len() > Query::LONGEST {
            wrong.push(("q", format!("at most {} bytes", Query::LONGEST)));
        }
        if !(1..=Query::PAGE).contains(&self.limit) {
            wrong.push(("limit", format!("1 to {}", Query::PAGE)));
        } else if !(1..=self.last()).contains(&self.page) {
            wrong.push(("page", format!("1 to {}", self.last())));
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(wrong))
        }
    }

    /// The last page of this size.
    const fn last(&self) -> u32 {
        Query::MOST_PAGES * Query::PAGE / self.limit
    }

    /// The shop's page on which this one begins, and how far into it.
    const fn begins(&self) -> (u32, usize) {
        let first = (self.page - 1) * self.limit;
        (first / Query::PAGE + 1, (first % Query::PAGE) as usize)
    }

    fn query(&self, page: u32) -> Query {
        Query {
            text: self.q.trim().to_owned(),
            category: self.category.clone(),
            page,
        }
    }
}

#[derive(Serialize)]
struct Products {
    products: Vec<Card>,
    page: u32,
    limit: u32,
    count: i64,
}

#[derive(Serialize)]
struct Listed {
    category: Option<Category>,
    products: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    #[serde(flatten)]
    card: Card,
    #[serde(skip_serializing_if = "Option::is_none")]
    sold: Option<i64>,
}

#[derive(Serialize)]
struct Detailed {
    #[serde(flatten)]
    card: Card,
    description: String,
    details: Vec<Detail>,
    sold: i64,
    related: Vec<Card>,
}

#[derive(Serialize)]
struct Detail {
    name: String,
    value: String,
}

impl From<Product> for Detailed {
    fn from(product: Product) -> Self {
        let Product {
            card,
            description,
            details,
            sold,
            related,
        } = product;
        let details = details
            .into_iter()
            .map(|(name, value)| Detail { name, value })
            .collect();
        Self {
            card,
            description,
            details,
            sold,
            related,
        }
    }
}

/// A page of products. The shop knows pages of [`Query::PAGE`], so that a page of another size can need two of them.
pub(in super::super) async fn products(
    State(web): State<Arc<Web>>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Response, Refusal> {
    wanted.check()?;
    let (page, offset) = wanted.begins();
    let limit = wanted.limit as usize;
    let found = web.shop.search(&wanted.query(page)).await?;
    let mut products: Vec<Card> = found
        .products
        .into_iter()
        .skip(offset)
        .take(limit)
        .collect();
    let is_more = offset + limit > Query::PAGE as usize && page < Query::MOST_PAGES;
    if is_more && found.count > i64::from(page * Query::PAGE) {
        let more = web.shop.search(&wanted.query(page + 1)).await?;
        products.extend(more.products.into_iter().take(limit - products.len()));
    }
    let tags = Tags::new().list("search").cards(&products);
    let told = Products {
        products,
        page: wanted.page,
        limit: wanted.limit,
        count: found.count,
    };
    super::passing(&told, tags)
}

/// A product.
pub(in super::super) async fn product(
    State(web): State<Arc<Web>>,
    Named(id): Named,
) -> Result<Response, Refusal> {
    let product = web.shop.product(form::product(&id)?).await?;
    let tags = Tags::new()
        .product(product.card.id)
        .category(&product.card.category)
        .cards(&product.related);
    super::public(&Detailed::from(product), tags)
}

/// What sells best.
pub(in super::super) async fn best_sellers(
    State(web): State<Arc<Web>>,
    Asked(of): Asked<Of>,
) -> Result<Response, Refusal> {
    list(
        web.shop.best_sellers(of.category.as_deref()).await?,
        tags::LIST_BEST,
    )
}

/// The newest products.
pub(in super::super) async fn new(
    State(web): State<Arc<Web>>,
    Asked(of): Asked<Of>,
) -> Result<Response, Refusal> {
    list(
        web.shop.new_products(of.category.as_deref()).await?,
        tags::LIST_NEW,
    )
}

fn list(list: List, name: &str) -> Result<Response, Refusal> {
    let kept = Tags::new()
        .list(name)
        .cards(list.products.iter().map(|(card, _)| card));
    let kept = list.category.iter().fold(kept, Tags::category);
    let products = list
        .products
        .into_iter()
        .map(|(card, sold)| Entry { card, sold })
        .collect();
    super::public(
        &Listed {
            category: list.category,
            products,
        },
        kept,
    )
}

#[derive(Serialize)]
struct Categories {
    categories: Vec<Category>,
}

/// All departments.
pub(in super::super) async fn categories(State(web): State<Arc<Web>>) -> Result<Response, Refusal> {
    let categories = web.shop.categories().await?;
    super::public(&Categories { categories }, Tags::new().list("categories"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(page: u32, limit: u32) -> Wanted {
        Wanted {
            page,
            limit,
            ..Wanted::default()
        }
    }

    #[test]
    fn pages_have_limits() {
        assert!(
            wanted(1, 1).check().is_ok()
                && wanted(1200, 1).check().is_ok()
                && wanted(50, 24).check().is_ok()
        );
        for (page, limit) in [(0, 24), (1, 0), (1, 25), (51, 24), (1201, 1), (u32::MAX, 1)] {
            assert!(wanted(page, limit).check().is_err(), "{page} of {limit}");
        }
    }

    #[test]
    fn a_page_of_another_size_begins_inside_one_of_the_shops() {
        assert_eq!(wanted(1, 10).begins(), (1, 0));
        assert_eq!(wanted(3, 10).begins(), (1, 20));
        assert_eq!(wanted(4, 10).begins(), (2, 6));
        assert_eq!(wanted(50, 24).begins(), (50, 0));
    }
}
