//! What forms and queries are read into: text, which the page checks itself, so that what does not fit is told beside its field.

use axum::Form;
use axum::extract::FromRequestParts;
use axum::extract::{FromRequest, Path, Query, Request};
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::super::error::Refusal;
use crate::Error;
use crate::model::ProductId;

/// The fields of a form.
pub(in super::super) struct Fields<T>(pub(in super::super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Fields<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let Form(fields) = Form::from_request(request, state).await?;
        Ok(Self(fields))
    }
}

/// The parameters of an address. What is not known there is ignored: campaigns and analytics add theirs.
pub(in super::super) struct Asked<T>(pub(in super::super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let read = Query::from_request_parts(parts, state).await;
        let Query(asked) = read.map_err(|error| Refusal::Unreadable(error.body_text()))?;
        Ok(Self(asked))
    }
}

/// The part of an address that says which one.
pub(in super::super) struct Named(pub(in super::super) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let read = Path::<String>::from_request_parts(parts, state).await;
        let Path(name) = read.map_err(|error| Refusal::Unreadable(error.body_text()))?;
        Ok(Self(name))
    }
}

/// Something that is wrong with a field.
pub(in super::super) type Wrong = Vec<(&'static str, String)>;

/// What is wrong with the field of this name; nothing if there is nothing.
pub(in super::super) fn told<'a>(wrong: &'a Wrong, name: &str) -> Option<&'a str> {
    wrong
        .iter()
        .find(|(field, _)| *field == name)
        .map(|(_, what)| what.as_str())
}

/// The number of a product.
///
/// # Errors
/// [`Error::NotFound`]: there is no product that is called by anything but a number.
pub(in super::super) fn product(text: &str) -> Result<ProductId, Error> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // `007` would be a second address of the same page.
    let is_plain = is_number && !text.starts_with('0');
    is_plain
        .then(|| text.parse().ok())
        .flatten()
        .ok_or(Error::NotFound)
}

/// How many.
///
/// # Errors
/// [`Error::Invalid`]
pub(in super::super) fn quantity(text: &str) -> Result<i32, Error> {
    let text = text.trim();
    let is_number = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = is_number.then(|| text.parse().ok()).flatten();
    parsed.ok_or_else(|| Error::Invalid(vec![("quantity", "a whole number, please".to_owned())]))
}

/// Where to go after logging in: a page of this shop and nothing else, or a link that somebody sends could lead from our login to their copy of it.
pub(in super::super) fn next(text: &str) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-?=&.%+".contains(&byte);
    let is_ours = text.starts_with('/') && !text.starts_with("//") && text.len() <= 200;
    (is_ours && text.bytes().all(is_plain)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_shop_come_next() {
        for text in ["/", "/checkout", "/orders/ab-12", "/search?q=tea&page=2"] {
            assert_eq!(next(text), Some(text));
        }
        for text in [
            "",
            "checkout",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/\t/evil",
            "/a\r\nb: c",
            "/ä",
            "javascript:x",
            "/@x:y",
        ] {
            assert_eq!(next(text), None, "{text:?}");
        }
    }

    #[test]
    fn products_have_one_address() {
        assert!(matches!(product("7"), Ok(7)));
        for text in ["", "0", "07", "+7", "-7", "7.0", "99999999999", "x", "٧"] {
            assert!(product(text).is_err(), "{text}");
        }
    }

    #[test]
    fn quantities_are_small_numbers() {
        assert!(matches!((quantity("3"), quantity(" 0 ")), (Ok(3), Ok(0))));
        for text in ["", "-1", "1.5", "12345", "x"] {
            assert!(quantity(text).is_err(), "{text}");
        }
    }
}
