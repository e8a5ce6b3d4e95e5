//! The JSON interface: the same shop for programs. Amounts are whole euro cents, times RFC 3339, errors RFC 9457.
//!
//! It reads strictly: a field or parameter that it does not know is refused, because a program that sends one means something by it.

pub(super) mod account;
pub(super) mod cart;
pub(super) mod catalog;
pub(super) mod orders;

use axum::Json;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::caching::{Keep, Tags};
use super::error::Refusal;
use crate::Error;

/// The body of a request.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let Json(body) = Json::from_request(request, state).await?;
        Ok(Self(body))
    }
}

fn text(value: &impl Serialize) -> Result<Bytes, Refusal> {
    let text = serde_json::to_vec(value);
    let text = text.map_err(|error| Error::Broken(format!("an answer: {error}")))?;
    Ok(Bytes::from(text))
}

fn json(status: StatusCode, body: &Bytes) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.clone()).into_response()
}

/// For everybody, until one of these is purged.
fn public(value: &impl Serialize, tags: Tags) -> Result<Response, Refusal> {
    let body = text(value)?;
    let mut response = json(StatusCode::OK, &body);
    response.extensions_mut().insert(Keep::page(&body, tags));
    Ok(response)
}

/// For everybody, for a moment.
fn passing(value: &impl Serialize, tags: Tags) -> Result<Response, Refusal> {
    let body = text(value)?;
    let mut response = json(StatusCode::OK, &body);
    response.extensions_mut().insert(Keep::results(&body, tags));
    Ok(response)
}

/// For one client.
fn personal(status: StatusCode, value: &impl Serialize) -> Result<Response, Refusal> {
    Ok(json(status, &text(value)?))
}
