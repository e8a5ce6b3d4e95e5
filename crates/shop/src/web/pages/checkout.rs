//! `GET /checkout` (TPC-W "buy request"), `POST /checkout` ("buy confirm")
//!
//! The form carries a key that is new each time it is shown. Whatever sends it twice (a double click, a reload, a gateway that tries again) means the
//! same order, and gets the same answer.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::Deserialize;

use super::super::error::Refusal;
use super::super::metrics::Sold;
use super::super::view::euros;
use super::super::visitor::{Frame, Visitor};
use super::super::{Web, cookies};
use super::cart::{Row, rows};
use super::form::{Fields, Wrong, told};
use crate::Error;
use crate::checkout::Placed;
use crate::model::{Address, Cart, ProductId};
use crate::session::Session;

/// Ways to pay; all of them made up.
const CARDS: [(&str, &str); 2] = [
    ("account", "On account: pay within 14 days"),
    ("test", "Test card ending in 4242"),
];

/// Countries that the form offers.
const COUNTRIES: [&str; 12] = [
    "Austria",
    "Belgium",
    "Czechia",
    "Denmark",
    "France",
    "Germany",
    "Ireland",
    "Italy",
    "Netherlands",
    "Poland",
    "Spain",
    "Sweden",
];

/// What the form has in it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(in super::super) struct Form {
    key: String,
    name: String,
    street: String,
    city: String,
    postcode: String,
    country: String,
    card: String,
}

impl Form {
    fn address(&self) -> Address {
        let trimmed = |text: &str| text.trim().to_owned();
        Address {
            name: trimmed(&self.name),
            street: trimmed(&self.street),
            postcode: trimmed(&self.postcode),
            city: trimmed(&self.city),
            country: trimmed(&self.country),
        }
    }

    /// This shop has no business with anybody's card: what looks like the number of one is not even passed on.
    fn card_is_real(&self) -> bool {
        let digits: String = self.card.chars().filter(char::is_ascii_digit).collect();
        digits.len() >= 12 && digits != "4242424242424242"
    }
}

#[derive(Template)]
#[template(path = "checkout.html")]
struct Page {
    frame: Frame,
    form: Form,
    wrong: Wrong,
    rows: Vec<Row>,
    total: String,
}

impl Page {
    fn told(&self, name: &str) -> Option<&str> {
        told(&self.wrong, name)
    }

    const fn cards(&self) -> [(&'static str, &'static str); 2] {
        CARDS
    }

    const fn countries(&self) -> [&'static str; 12] {
        COUNTRIES
    }

    /// Whether this way of paying is chosen: the first one unless another is.
    fn is_card(&self, card: &str) -> bool {
        let known = CARDS.iter().any(|(name, _)| *name == self.form.card);
        card == if known { &self.form.card } else { CARDS[0].0 }
    }

    fn is_country(&self, country: &str) -> bool {
        country
            == if self.form.country.is_empty() {
                "Germany"
            } else {
                &self.form.country
            }
    }

    /// A country that is not offered but was sent stays chosen.
    fn other_country(&self) -> Option<&str> {
        let country = self.form.country.as_str();
        (!country.is_empty() && !COUNTRIES.contains(&country)).then_some(country)
    }
}

#[derive(Template)]
#[template(path = "sold_out.html")]
struct Gone {
    frame: Frame,
    /// What there is not enough of, and how many were wanted.
    rows: Vec<Row>,
}

/// The form, for whoever is logged in and has something in the basket.
pub(in super::super) async fn show(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    let (session, customer) = match visitor.customer(&web).await {
        Ok(found) => found,
        Err(Error::NotLoggedIn) => return Ok(super::go("/login?next=/checkout")),
        Err(error) => return Err(error.into()),
    };
    let cart = web.shop.cart(&session.token).await?;
    if cart.lines.is_empty() {
        return Ok(super::go("/cart"));
    }
    let form = Form {
        key: fresh_key()?,
        name: customer.name,
        ..Form::default()
    };
    let frame = Frame::new(&web, &visitor).await?;
    super::personal(&filled(frame, form, Vec::new(), &cart))
}

fn filled(frame: Frame, form: Form, wrong: Wrong, cart: &Cart) -> Page {
    Page {
        frame,
        form,
        wrong,
        rows: rows(cart),
        total: euros(&cart.total()),
    }
}

/// 128 random bits as a UUID of version 4 (RFC 9562).
fn fresh_key() -> Result<String, Error> {
    let mut bytes = [0_u8; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::Broken("no random numbers".to_owned()))?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    ))
}

/// Places the order.
pub(in super::super) async fn buy(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Fields(form): Fields<Form>,
) -> Result<Response, Refusal> {
    let session = match visitor.customer(&web).await {
        Ok((session, _)) => session,
        Err(Error::NotLoggedIn) => return Ok(super::go("/login?next=/checkout")),
        Err(error) => return Err(error.into()),
    };
    if form.card_is_real() {
        let error = Error::Invalid(vec![(
            "card",
            "This is no real shop: please never enter a real card.".to_owned(),
        )]);
        return again(&web, &visitor, &session, form, error).await;
    }
    let result = web
        .shop
        .check_out(&session, &form.key, &form.address())
        .await;
    web.metrics.sold(Sold::of(&result));
    match result {
        Ok(Placed::New(order)) => Ok(thanks(&order.summary.number, true)),
        Ok(Placed::Again(order)) => Ok(thanks(&order.summary.number, false)),
        Err(Error::EmptyCart) => Ok(super::go("/cart")),
        Err(Error::SoldOut(products)) => gone(&web, &visitor, &session, products).await,
        Err(error @ Error::Invalid(_)) => again(&web, &visitor, &session, form, error).await,
        Err(error) => Err(error.into()),
    }
}

/// On to the order. The basket is empty after the first time; after that there may be something in it again.
fn thanks(number: &str, is_first: bool) -> Response {
    let mut response = super::go(&format!("/orders/{number}"));
    if is_first {
        cookies::set_basket(response.headers_mut(), 0);
    }
    response
}

async fn again(
    web: &Web,
    visitor: &Visitor,
    session: &Session,
    form: Form,
    error: Error,
) -> Result<Response, Refusal> {
    let Error::Invalid(wrong) = &error else {
        return Err(error.into());
    };
    let cart = web.shop.cart(&session.token).await?;
    if cart.lines.is_empty() {
        return Ok(super::go("/cart"));
    }
    let form = Form {
        card: if form.card_is_real() {
            String::new()
        } else {
            form.card.clone()
        },
        ..form
    };
    let page = filled(Frame::new(web, visitor).await?, form, wrong.clone(), &cart);
    super::unaccepted(&page, error)
}

/// What is not there any more. The basket stays as it is, so that nobody has to collect it again.
async fn gone(
    web: &Web,
    visitor: &Visitor,
    session: &Session,
    products: Vec<ProductId>,
) -> Result<Response, Refusal> {
    let mut cart = web.shop.cart(&session.token).await?;
    cart.lines
        .retain(|line| products.contains(&line.product.id));
    let page = Gone {
        frame: Frame::new(web, visitor).await?,
        rows: rows(&cart),
    };
    let answered = super::unaccepted(&page, Error::SoldOut(products))?;
    Ok(answered.into_response())
}

impl Sold {
    /// What became of a checkout, for the metric.
    pub(in super::super) const fn of(result: &Result<Placed, Error>) -> Self {
        match result {
            Ok(Placed::New(_)) => Self::Placed,
            Ok(Placed::Again(_)) => Self::Again,
            Err(Error::SoldOut(_)) => Self::NotEnough,
            Err(Error::Unavailable(_) | Error::Broken(_)) => Self::Failed,
            Err(_) => Self::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_uuids_and_differ() {
        let (one, other) = (fresh_key().unwrap(), fresh_key().unwrap());
        assert_ne!(one, other);
        assert_eq!((one.len(), &one[14..15]), (36, "4"));
        assert!("89ab".contains(&one[19..20]));
    }

    #[test]
    fn numbers_of_real_cards_are_not_taken() {
        let card = |card: &str| {
            Form {
                card: card.to_owned(),
                ..Form::default()
            }
            .card_is_real()
        };
        assert!(card("4111 1111 1111 1111"));
        assert!(!card("4242 4242 4242 4242") && !card("account") && !card(""));
    }
}
