//! `GET /orders` (TPC-W "order inquiry"), `GET /orders/{number}` ("order display")

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::super::Web;
use super::super::error::Refusal;
use super::super::view::{date, euros, instant, status};
use super::super::visitor::{Frame, Visitor};
use super::form::{self, Named};
use crate::Error;
use crate::model::{Order, OrderSummary, Status};
use crate::money::Cents;

#[derive(Template)]
#[template(path = "orders.html")]
struct List {
    frame: Frame,
    name: String,
    orders: Vec<OrderSummary>,
}

#[derive(Template)]
#[template(path = "order.html")]
struct Page {
    frame: Frame,
    order: Order,
}

impl Page {
    /// The steps of an order: what it is called, whether it is done, whether it is what happens now.
    fn steps(&self) -> [(&'static str, bool, bool); 4] {
        let reached = match self.order.summary.status {
            Status::Paid => 1,
            Status::Processing => 2,
            Status::Shipped => 3,
        };
        let names = ["Placed", "Paid", "Being packed", "On its way"];
        std::array::from_fn(|index| (names[index], index <= reached, index == reached))
    }

    fn costs(&self, line: &crate::model::OrderLine) -> String {
        euros(&Cents(line.price.0 * i64::from(line.quantity)))
    }
}

/// My orders.
pub(in super::super) async fn list(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    let customer = match visitor.customer(&web).await {
        Ok((_, customer)) => customer,
        Err(Error::NotLoggedIn) => return Ok(super::go("/login?next=/orders")),
        Err(error) => return Err(error.into()),
    };
    let orders = web.shop.orders(customer.id).await?;
    super::personal(&List {
        frame: Frame::new(&web, &visitor).await?,
        name: customer.name,
        orders,
    })
}

/// One of them.
pub(in super::super) async fn show(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Named(number): Named,
) -> Result<Response, Refusal> {
    let customer = match visitor.customer(&web).await {
        Ok((_, customer)) => customer,
        Err(Error::NotLoggedIn) => {
            let here = format!("/orders/{number}");
            let next = form::next(&here).unwrap_or("/orders");
            return Ok(super::go(&format!("/login?next={next}")));
        }
        Err(error) => return Err(error.into()),
    };
    let order = web.shop.order(customer.id, &number).await?;
    super::personal(&Page {
        frame: Frame::new(&web, &visitor).await?,
        order,
    })
}
