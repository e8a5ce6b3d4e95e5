//! `POST /api/v1/customers`, `POST /api/v1/sessions`: who is logged in is told by the cookie `session`, as for browsers.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::super::error::Refusal;
use super::super::visitor::Visitor;
use super::super::{Web, cookies};
use super::Body;
use crate::session::Session;

/// A new customer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct New {
    name: String,
    mail: String,
    password: String,
}

/// A known one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Known {
    mail: String,
    password: String,
}

#[derive(Serialize)]
struct Told<'a> {
    name: &'a str,
    mail: &'a str,
}

/// Makes an account and logs in.
pub(in super::super) async fn register(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Body(new): Body<New>,
) -> Result<Response, Refusal> {
    let session = web
        .shop
        .register(visitor.token(), &new.name, &new.mail, &new.password)
        .await?;
    welcome(&web, &visitor, &session).await
}

/// Logs in.
pub(in super::super) async fn log_in(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Body(known): Body<Known>,
) -> Result<Response, Refusal> {
    let session = web
        .shop
        .log_in(visitor.token(), &known.mail, &known.password)
        .await?;
    welcome(&web, &visitor, &session).await
}

async fn welcome(web: &Web, visitor: &Visitor, session: &Session) -> Result<Response, Refusal> {
    let count = web.shop.cart_count(&session.token).await?;
    let customer = session.customer.as_ref();
    let told = customer.map(|customer| Told {
        name: &customer.name,
        mail: &customer.mail,
    });
    let mut response = super::personal(StatusCode::CREATED, &told)?;
    visitor.remember(response.headers_mut(), session);
    cookies::set_basket(response.headers_mut(), count);
    Ok(response)
}
