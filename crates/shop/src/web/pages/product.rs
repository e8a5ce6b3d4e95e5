//! `GET /products/{id}`

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::super::Web;
use super::super::caching::Tags;
use super::super::error::Refusal;
use super::super::view::{Tile, number};
use super::super::visitor::{Frame, Visitor};
use super::form::{self, Named};
use crate::model::{Cart, Product};

#[derive(Template)]
#[template(path = "product.html")]
struct Page {
    frame: Frame,
    tile: Tile,
    related: Vec<Tile>,
    product: Product,
}

impl Page {
    fn paragraphs(&self) -> impl Iterator<Item = &str> {
        self.product
            .description
            .split("\n\n")
            .filter(|text| !text.trim().is_empty())
    }

    /// The beginning of the description, for search engines.
    fn summary(&self) -> String {
        let text: String = self.product.description.chars().take(150).collect();
        text.replace('\n', " ")
    }

    const fn most(&self) -> i32 {
        Cart::MOST_OF_ONE
    }
}

/// A product.
pub(in super::super) async fn show(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Named(id): Named,
) -> Result<Response, Refusal> {
    let product = web.shop.product(form::product(&id)?).await?;
    let frame = Frame::new(&web, &visitor).await?;
    let tags = Tags::new()
        .product(product.card.id)
        .category(&product.card.category)
        .cards(&product.related);
    let page = Page {
        frame,
        tile: Tile(product.card.clone()),
        related: Tile::all(&product.related),
        product,
    };
    super::public(&page, tags)
}
