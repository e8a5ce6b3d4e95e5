//! The office: prices and stock, for whoever has the token.

use std::fmt;
use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use ring::hmac;
use ring::rand::SystemRandom;
use serde::Deserialize;

use super::Web;
use super::error::Refusal;
use super::pages::form::{self, Asked, Fields, Named, Wrong, told};
use super::pages::{go, personal, unaccepted};
use super::view::Tile;
use super::visitor::{Frame, Visitor};
use crate::Error;
use crate::model::{Managed, ProductId};
use crate::money::Cents;

/// Who HTTP Basic has to name.
const USER: &str = "admin";

/// Compares tokens without telling by the time it takes how much of one was right: both go through a keyed hash, and the hashes are compared in constant time.
pub(super) struct Gate {
    opener: Option<(hmac::Key, hmac::Tag)>,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.opener.is_some() {
            "Gate(token)"
        } else {
            "Gate(closed)"
        })
    }
}

impl Gate {
    /// Opens to this token; to none if there is none. An empty one is none.
    pub(super) fn new(token: Option<&str>) -> Self {
        let token = token.map(str::trim).filter(|token| !token.is_empty());
        let opener = token.and_then(|token| {
            let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok()?;
            let tag = hmac::sign(&key, token.as_bytes());
            Some((key, tag))
        });
        Self { opener }
    }

    fn check(&self, fields: &HeaderMap) -> Result<(), Refusal> {
        let (key, tag) = self.opener.as_ref().ok_or(Refusal::NoAdmin)?;
        let shown = shown(fields).ok_or(Refusal::NotAdmin)?;
        hmac::verify(key, &shown, tag.as_ref()).map_err(|_| Refusal::NotAdmin)
    }
}

/// The token that a request shows: `Bearer TOKEN`, or `Basic` with user `admin` (RFC 7617).
fn shown(fields: &HeaderMap) -> Option<Vec<u8>> {
    let (scheme, rest) = fields.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.as_bytes().to_vec());
    }
    let pair = scheme
        .eq_ignore_ascii_case("basic")
        .then(|| STANDARD.decode(rest).ok())??;
    let password = pair.strip_prefix(USER.as_bytes())?.strip_prefix(b":")?;
    Some(password.to_vec())
}

/// A request of an administrator. Whoever takes this as an argument is only called for those.
pub(super) struct Admin;

impl FromRequestParts<Arc<Web>> for Admin {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, web: &Arc<Web>) -> Result<Self, Refusal> {
        web.gate.check(&parts.headers).map(|()| Self)
    }
}

/// What is looked for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    q: String,
}

#[derive(Template)]
#[template(path = "admin.html")]
struct List {
    frame: Frame,
    text: String,
    products: Vec<(Tile, i32)>,
}

#[derive(Template)]
#[template(path = "admin_product.html")]
struct Page {
    frame: Frame,
    tile: Tile,
    price: String,
    stock: String,
    /// How many there are as this page is shown.
    before: i32,
    wrong: Wrong,
    is_saved: bool,
}

impl Page {
    fn told(&self, name: &str) -> Option<&str> {
        told(&self.wrong, name)
    }
}

/// What may be changed, as it was written.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Form {
    price: String,
    stock: String,
    /// How many there were when the form was shown. Without it the number in `stock` counts, whatever was sold since.
    before: String,
}

/// What is in the form, and it fits.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    price: Cents,
    stock: i32,
    before: Option<i32>,
}

impl Form {
    /// What is meant; `Err`: what is wrong with which field.
    fn read(&self) -> Result<Wish, Wrong> {
        let price = self.price.parse::<Cents>();
        let stock = number(&self.stock);
        let before = number(&self.before);
        let mut wrong = Wrong::new();
        if let Err(what) = &price {
            wrong.push(("price", what.to_string()));
        }
        if stock.is_none() {
            wrong.push((
                "stock",
                "a whole number from 0 to 1,000,000, please".to_owned(),
            ));
        }
        match (price, stock) {
            (Ok(price), Some(stock)) => Ok(Wish {
                price,
                stock,
                before,
            }),
            _ => Err(wrong),
        }
    }
}

/// A number of things.
fn number(text: &str) -> Option<i32> {
    let digits = text.trim();
    let is_number =
        (1..=7).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

/// `GET /admin`
pub(super) async fn list(
    _admin: Admin,
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Asked(wanted): Asked<Wanted>,
) -> Result<Response, Refusal> {
    let text = wanted.q.trim().chars().take(100).collect::<String>();
    let found = web.shop.managed(&text).await?;
    let products = found
        .into_iter()
        .map(|managed| (Tile(managed.card), managed.available))
        .collect();
    personal(&List {
        frame: Frame::new(&web, &visitor).await?,
        text,
        products,
    })
}

/// `?saved=1` after a change.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Saved {
    saved: String,
}

/// `GET /admin/products/{id}`
pub(super) async fn edit(
    _admin: Admin,
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Named(id): Named,
    Asked(saved): Asked<Saved>,
) -> Result<Response, Refusal> {
    let managed = web.shop.manage(form::product(&id)?).await?;
    let form = Form {
        price: managed.card.price.to_string(),
        stock: managed.available.to_string(),
        ..Form::default()
    };
    let page = page(&web, &visitor, managed, form, Wrong::new()).await?;
    personal(&Page {
        is_saved: saved.saved == "1",
        ..page
    })
}

async fn page(
    web: &Web,
    visitor: &Visitor,
    managed: Managed,
    form: Form,
    wrong: Wrong,
) -> Result<Page, Error> {
    let frame = Frame::new(web, visitor).await?;
    Ok(Page {
        frame,
        tile: Tile(managed.card),
        price: form.price,
        stock: form.stock,
        before: managed.available,
        wrong,
        is_saved: false,
    })
}

/// `POST /admin/products/{id}`
pub(super) async fn change(
    _admin: Admin,
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Named(id): Named,
    Fields(form): Fields<Form>,
) -> Result<Response, Refusal> {
    let id: ProductId = form::product(&id)?;
    let done = match form.read() {
        Ok(wish) => {
            let Wish {
                price,
                stock,
                before,
            } = wish;
            web.shop.change_from(id, price, stock, before).await
        }
        Err(wrong) => Err(Error::Invalid(wrong)),
    };
    match done {
        Ok(()) => Ok(go(&format!("/admin/products/{id}?saved=1"))),
        Err(Error::Invalid(wrong)) => {
            let managed = web.shop.manage(id).await?;
            let page = page(&web, &visitor, managed, form, wrong.clone()).await?;
            unaccepted(&page, Error::Invalid(wrong))
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn opens(token: Option<&str>, shown: &str) -> Result<(), Refusal> {
        let mut fields = HeaderMap::new();
        if !shown.is_empty() {
            fields.insert(AUTHORIZATION, HeaderValue::from_str(shown).unwrap());
        }
        Gate::new(token).check(&fields)
    }

    #[test]
    fn only_the_token_opens() {
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        for shown in [
            "Bearer open sesame",
            "bearer open sesame",
            &basic("admin:open sesame"),
        ] {
            assert!(opens(Some("open sesame"), shown).is_ok(), "{shown}");
        }
        for shown in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer open",
            "Digest open sesame",
            "Basic %",
            &basic("open sesame"),
            &basic("root:open sesame"),
            &basic("admin:"),
        ] {
            assert!(
                matches!(opens(Some("open sesame"), shown), Err(Refusal::NotAdmin)),
                "{shown}"
            );
        }
    }

    #[test]
    fn without_a_token_nobody_gets_in() {
        for token in [None, Some(""), Some("  ")] {
            assert!(matches!(opens(token, "Bearer "), Err(Refusal::NoAdmin)));
        }
    }

    #[test]
    fn what_does_not_fit_is_told_by_field() {
        let read = |price: &str, stock: &str| {
            Form {
                price: price.to_owned(),
                stock: stock.to_owned(),
                before: "x".to_owned(),
            }
            .read()
        };
        let wish = Wish {
            price: Cents(1234),
            stock: 5,
            before: None,
        };
        assert_eq!(read("12.34", "5"), Ok(wish));
        let wrong = read("free", "-1").unwrap_err();
        assert_eq!(
            wrong.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            ["price", "stock"]
        );
    }
}
