//! `GET /api/v1/cart`, `PUT /api/v1/cart/{product}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::super::error::Refusal;
use super::super::pages::form::{self, Named};
use super::super::visitor::Visitor;
use super::super::{Web, cookies};
use super::Body;
use crate::model::{Cart, CartLine};
use crate::money::Cents;

#[derive(Serialize)]
struct Told {
    lines: Vec<CartLine>,
    count: i32,
    total: Cents,
}

impl From<Cart> for Told {
    fn from(cart: Cart) -> Self {
        Self {
            count: cart.count(),
            total: cart.total(),
            lines: cart.lines,
        }
    }
}

/// How many of a product.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Wanted {
    quantity: i32,
}

/// What is in the basket.
pub(in super::super) async fn show(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    let cart = match visitor.session(&web).await? {
        Some(session) => web.shop.cart(&session.token).await?,
        None => Cart::default(),
    };
    super::personal(StatusCode::OK, &Told::from(cart))
}

/// Makes it so many of a product; 0 takes it out.
pub(in super::super) async fn set(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Named(product): Named,
    Body(wanted): Body<Wanted>,
) -> Result<Response, Refusal> {
    let product = form::product(&product)?;
    let session = visitor.session_or_new(&web).await?;
    let count = web
        .shop
        .set_in_cart(&session.token, product, wanted.quantity)
        .await?;
    let cart = web.shop.cart(&session.token).await?;
    let mut response = super::personal(StatusCode::OK, &Told::from(cart))?;
    visitor.remember(response.headers_mut(), &session);
    cookies::set_basket(response.headers_mut(), count);
    Ok(response)
}
