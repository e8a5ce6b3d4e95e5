//! `GET /`

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::super::Web;
use super::super::caching::Tags;
use super::super::error::Refusal;
use super::super::view::{Tile, number};
use super::super::visitor::{Frame, Visitor};
use crate::changes::tags;
use crate::model::Home;

#[derive(Template)]
#[template(path = "home.html")]
struct Page {
    frame: Frame,
    home: Home,
    new: Vec<Tile>,
    best: Vec<Tile>,
}

/// The first page.
pub(in super::super) async fn show(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    let frame = Frame::new(&web, &visitor).await?;
    let home = web.shop.home().await?;
    let kept = Tags::new()
        .list("home")
        .list(tags::LIST_NEW)
        .list(tags::LIST_BEST);
    let kept = kept.cards(home.new.iter().chain(&home.best));
    let page = Page {
        frame,
        new: Tile::all(&home.new),
        best: Tile::all(&home.best),
        home,
    };
    super::public(&page, kept)
}
