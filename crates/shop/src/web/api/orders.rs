//! `POST /api/v1/orders` with `Idempotency-Key`, `GET /api/v1/orders`, `/orders/{number}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use super::super::error::Refusal;
use super::super::metrics::Sold;
use super::super::pages::form::Named;
use super::super::view::instant;
use super::super::visitor::Visitor;
use super::super::{Web, cookies};
use super::Body;
use crate::Error;
use crate::checkout::Placed;
use crate::model::{Address, Order, OrderLine, OrderSummary, Status};
use crate::money::Cents;

/// Where it goes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct To {
    name: String,
    street: String,
    postcode: String,
    city: String,
    country: String,
}

impl From<To> for Address {
    fn from(to: To) -> Self {
        let To {
            name,
            street,
            postcode,
            city,
            country,
        } = to;
        Self {
            name,
            street,
            postcode,
            city,
            country,
        }
    }
}

#[derive(Serialize)]
struct Summary {
    number: String,
    placed: String,
    total: Cents,
    status: Status,
    count: i64,
}

impl From<OrderSummary> for Summary {
    fn from(order: OrderSummary) -> Self {
        let OrderSummary {
            number,
            placed,
            total,
            status,
            count,
        } = order;
        Self {
            number,
            placed: instant(&placed),
            total,
            status,
            count,
        }
    }
}

#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    summary: Summary,
    address: Address,
    lines: Vec<OrderLine>,
}

impl From<Order> for Told {
    fn from(order: Order) -> Self {
        let Order {
            summary,
            address,
            lines,
        } = order;
        Self {
            summary: summary.into(),
            address,
            lines,
        }
    }
}

#[derive(Serialize)]
struct List {
    orders: Vec<Summary>,
}

/// Orders what is in the basket: 201 the first time, 200 with the same order when the key comes again.
pub(in super::super) async fn place(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    fields: HeaderMap,
    Body(to): Body<To>,
) -> Result<Response, Refusal> {
    let (session, _) = visitor.customer(&web).await?;
    let key = key(&fields)?;
    let result = web.shop.check_out(&session, key, &to.into()).await;
    web.metrics.sold(Sold::of(&result));
    let (status, order) = match result? {
        Placed::New(order) => (StatusCode::CREATED, order),
        Placed::Again(order) => (StatusCode::OK, order),
    };
    let place = HeaderValue::try_from(format!("/api/v1/orders/{}", order.summary.number));
    let mut response = super::personal(status, &Told::from(order))?;
    if let Ok(place) = place {
        response.headers_mut().insert(LOCATION, place);
    }
    if status == StatusCode::CREATED {
        cookies::set_basket(response.headers_mut(), 0);
    }
    Ok(response)
}

/// The client's key, which it has to choose: without one, an order that was sent again would be another order.
fn key(fields: &HeaderMap) -> Result<&str, Error> {
    let told = fields
        .get("idempotency-key")
        .and_then(|key| key.to_str().ok());
    told.ok_or_else(|| {
        let what = "send this field with a key of your own for this order, such as a UUID; send the same one when you try again";
        Error::Invalid(vec![("Idempotency-Key", what.to_owned())])
    })
}

/// My orders.
pub(in super::super) async fn list(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    let (_, customer) = visitor.customer(&web).await?;
    let orders = web.shop.orders(customer.id).await?;
    let orders = orders.into_iter().map(Summary::from).collect();
    super::personal(StatusCode::OK, &List { orders })
}

/// One of them.
pub(in super::super) async fn show(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Named(number): Named,
) -> Result<Response, Refusal> {
    let (_, customer) = visitor.customer(&web).await?;
    let order = web.shop.order(customer.id, &number).await?;
    super::personal(StatusCode::OK, &Told::from(order))
}
