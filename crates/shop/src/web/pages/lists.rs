//! `GET /new`, `GET /best-sellers`

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::super::Web;
use super::super::caching::Tags;
use super::super::error::Refusal;
use super::super::view::{Tile, number};
use super::super::visitor::{Frame, Visitor};
use super::form::Asked;
use crate::changes::tags;
use crate::model::{Category, List};

/// Which department; all if none is named.
#[derive(Deserialize)]
pub(in super::super) struct Of {
    category: Option<String>,
}

impl Of {
    fn slug(&self) -> Option<&str> {
        self.category.as_deref().filter(|slug| !slug.is_empty())
    }
}

/// Which of the two lists.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    New,
    BestSellers,
}

#[derive(Template)]
#[template(path = "list.html")]
struct Page {
    frame: Frame,
    kind: Kind,
    category: Option<Category>,
    /// Each with how many were sold, where that is the order.
    tiles: Vec<(Tile, Option<i64>)>,
}

impl Page {
    const fn is_new(&self) -> bool {
        matches!(self.kind, Kind::New)
    }

    const fn path(&self) -> &'static str {
        match self.kind {
            Kind::New => "/new",
            Kind::BestSellers => "/best-sellers",
        }
    }

    const fn title(&self) -> &'static str {
        match self.kind {
            Kind::New => "New arrivals",
            Kind::BestSellers => "Best sellers",
        }
    }

    /// Whether this is the department that is shown.
    fn is_here(&self, category: &Category) -> bool {
        self.category.as_ref() == Some(category)
    }
}

/// The newest products.
pub(in super::super) async fn new(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Asked(of): Asked<Of>,
) -> Result<Response, Refusal> {
    let frame = Frame::new(&web, &visitor).await?;
    let list = web.shop.new_products(of.slug()).await?;
    page(frame, Kind::New, list)
}

/// What sells best.
pub(in super::super) async fn best_sellers(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Asked(of): Asked<Of>,
) -> Result<Response, Refusal> {
    let frame = Frame::new(&web, &visitor).await?;
    let list = web.shop.best_sellers(of.slug()).await?;
    page(frame, Kind::BestSellers, list)
}

fn page(frame: Frame, kind: Kind, list: List) -> Result<Response, Refusal> {
    let name = if kind == Kind::New {
        tags::LIST_NEW
    } else {
        tags::LIST_BEST
    };
    let kept = Tags::new()
        .list(name)
        .cards(list.products.iter().map(|(card, _)| card));
    let kept = list.category.iter().fold(kept, Tags::category);
    let tiles = list
        .products
        .into_iter()
        .map(|(card, sold)| (Tile(card), sold))
        .collect();
    super::public(
        &Page {
            frame,
            kind,
            category: list.category,
            tiles,
        },
        kept,
    )
}
