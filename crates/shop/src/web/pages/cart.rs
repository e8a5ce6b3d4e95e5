//! `GET /cart`, `POST /cart`, `POST /cart/update`

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::super::error::Refusal;
use super::super::view::{Tile, euros};
use super::super::visitor::{Frame, Visitor};
use super::super::{Web, cookies};
use super::form::{self, Fields};
use crate::model::Cart;
use crate::money::Cents;

/// One line, as the template shows it.
pub(super) struct Row {
    pub(super) tile: Tile,
    pub(super) quantity: i32,
    pub(super) costs: String,
}

/// The lines of a basket.
pub(super) fn rows(cart: &Cart) -> Vec<Row> {
    let row = |line: &crate::model::CartLine| Row {
        tile: Tile(line.product.clone()),
        quantity: line.quantity,
        costs: euros(&Cents(line.product.price.0 * i64::from(line.quantity))),
    };
    cart.lines.iter().map(row).collect()
}

#[derive(Template)]
#[template(path = "cart.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    count: i32,
    total: String,
}

impl Page {
    /// What a line may be set to.
    fn choices(&self) -> std::ops::RangeInclusive<i32> {
        1..=Cart::MOST_OF_ONE
    }

    fn is_blocked(&self) -> bool {
        self.rows.iter().any(|row| row.tile.is_sold_out())
    }
}

/// A product and how many of it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(in super::super) struct Wanted {
    product: String,
    quantity: String,
}

/// What is in the basket.
pub(in super::super) async fn show(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    let frame = Frame::new(&web, &visitor).await?;
    let cart = match visitor.session(&web).await? {
        Some(session) => web.shop.cart(&session.token).await?,
        None => Cart::default(),
    };
    let page = Page {
        frame,
        rows: rows(&cart),
        count: cart.count(),
        total: euros(&cart.total()),
    };
    let mut response = super::personal(&page)?;
    // What the cookie says may be behind: another device, a product that is gone.
    cookies::set_basket(response.headers_mut(), cart.count());
    Ok(response)
}

/// Puts something in.
pub(in super::super) async fn add(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Fields(wanted): Fields<Wanted>,
) -> Result<Response, Refusal> {
    let product = form::product(&wanted.product)?;
    let quantity = match wanted.quantity.as_str() {
        "" => 1,
        text => form::quantity(text)?,
    };
    let session = visitor.session_or_new(&web).await?;
    let count = web
        .shop
        .add_to_cart(&session.token, product, quantity)
        .await?;
    let mut response = super::go("/cart");
    visitor.remember(response.headers_mut(), &session);
    cookies::set_basket(response.headers_mut(), count);
    Ok(response)
}

/// Makes it more or less, or takes it out.
pub(in super::super) async fn update(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Fields(wanted): Fields<Wanted>,
) -> Result<Response, Refusal> {
    let (product, quantity) = (
        form::product(&wanted.product)?,
        form::quantity(&wanted.quantity)?,
    );
    let mut response = super::go("/cart");
    // Without a session there is nothing to change.
    if let Some(session) = visitor.session(&web).await? {
        let count = web
            .shop
            .set_in_cart(&session.token, product, quantity)
            .await?;
        cookies::set_basket(response.headers_mut(), count);
    }
    Ok(response)
}
