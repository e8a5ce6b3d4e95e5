//! Pages: each file asks the shop for one thing and fills one template with it.

pub(super) mod account;
pub(super) mod cart;
pub(super) mod checkout;
pub(super) mod form;
pub(super) mod home;
pub(super) mod lists;
pub(super) mod orders;
pub(super) mod product;
pub(super) mod search;

use askama::Template;
use axum::response::{Html, IntoResponse, Redirect, Response};
use bytes::Bytes;
use http::StatusCode;

use super::caching::{Keep, Tags};
use super::error::Refusal;
use super::visitor::Frame;
use crate::Error;

/// Fills a template.
fn rendered(template: &impl Template) -> Result<Bytes, Refusal> {
    let text = template.render();
    let text = text.map_err(|error| Error::Broken(format!("a template: {error}")))?;
    Ok(Bytes::from(text))
}

fn html(body: &Bytes) -> Response {
    Html(body.clone()).into_response()
}

/// A page for everybody, which may be kept until one of these is purged.
pub(super) fn public(template: &impl Template, tags: Tags) -> Result<Response, Refusal> {
    let body = rendered(template)?;
    let mut response = html(&body);
    response.extensions_mut().insert(Keep::page(&body, tags));
    Ok(response)
}

/// A page for everybody, which may be kept for a moment.
pub(super) fn passing(template: &impl Template, tags: Tags) -> Result<Response, Refusal> {
    let body = rendered(template)?;
    let mut response = html(&body);
    response.extensions_mut().insert(Keep::results(&body, tags));
    Ok(response)
}

/// A page for one visitor, which nobody may keep.
pub(super) fn personal(template: &impl Template) -> Result<Response, Refusal> {
    rendered(template).map(|body| html(&body))
}

/// A form that was not accepted, with what to change beside its fields.
pub(super) fn unaccepted(template: &impl Template, error: Error) -> Result<Response, Refusal> {
    let mut response = personal(template)?;
    *response.status_mut() = Refusal::Shop(error).status();
    Ok(response)
}

/// On to another page, by GET (303).
pub(super) fn go(to: &str) -> Response {
    Redirect::to(to).into_response()
}

#[derive(Template)]
#[template(path = "sorry.html")]
struct Sorry<'a> {
    frame: Frame,
    status: u16,
    title: &'a str,
    advice: &'a str,
    is_busy: bool,
}

/// The page of an error. It needs no database: that may be what is wrong.
pub(super) fn sorry(status: StatusCode, title: &str, advice: &str, is_busy: bool) -> Response {
    let page = Sorry {
        frame: Frame::default(),
        status: status.as_u16(),
        title,
        advice,
        is_busy,
    };
    let text = page.render().unwrap_or_else(|_| advice.to_owned());
    Html(text).into_response()
}
