//! `GET /login` (TPC-W "customer registration": who comes back and who is new), `POST /login`, `POST /register`, `POST /logout`

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::super::caching::Tags;
use super::super::error::Refusal;
use super::super::visitor::{Frame, Visitor};
use super::super::{Web, cookies};
use super::form::{self, Asked, Fields, Wrong, told};
use crate::Error;
use crate::session::Session;

/// What either form has in it. Passwords are never sent back.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(in super::super) struct Form {
    name: String,
    mail: String,
    password: String,
    next: String,
}

#[derive(Template)]
#[template(path = "login.html")]
struct Page {
    frame: Frame,
    form: Form,
    /// What is wrong with the left form, as a whole.
    refused: Option<String>,
    /// What is wrong with fields of the right one.
    wrong: Wrong,
    /// Whether the right form was sent.
    is_new: bool,
}

impl Page {
    fn told(&self, name: &str) -> Option<&str> {
        told(&self.wrong, name)
    }

    /// The mail for the form of those who come back.
    fn known_mail(&self) -> &str {
        if self.is_new { "" } else { &self.form.mail }
    }

    /// The mail for the form of those who are new.
    fn new_mail(&self) -> &str {
        if self.is_new { &self.form.mail } else { "" }
    }
}

/// Both forms. The page is the same for everyone but for where it leads.
pub(in super::super) async fn show(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Asked(mut form): Asked<Form>,
) -> Result<Response, Refusal> {
    let frame = Frame::new(&web, &visitor).await?;
    form = Form {
        next: form::next(&form.next).unwrap_or_default().to_owned(),
        ..Form::default()
    };
    let page = Page {
        frame,
        form,
        refused: None,
        wrong: Vec::new(),
        is_new: false,
    };
    super::public(&page, Tags::new().list("login"))
}

/// Logs in.
pub(in super::super) async fn log_in(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Fields(form): Fields<Form>,
) -> Result<Response, Refusal> {
    match web
        .shop
        .log_in(visitor.token(), &form.mail, &form.password)
        .await
    {
        Ok(session) => welcome(&web, &visitor, &session, &form.next).await,
        Err(error @ (Error::WrongPassword | Error::Invalid(_))) => {
            again(&web, &visitor, form, error, false).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes an account and logs in.
pub(in super::super) async fn register(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Fields(form): Fields<Form>,
) -> Result<Response, Refusal> {
    match web
        .shop
        .register(visitor.token(), &form.name, &form.mail, &form.password)
        .await
    {
        Ok(session) => welcome(&web, &visitor, &session, &form.next).await,
        Err(error @ (Error::MailTaken | Error::Invalid(_))) => {
            again(&web, &visitor, form, error, true).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn welcome(
    web: &Web,
    visitor: &Visitor,
    session: &Session,
    next: &str,
) -> Result<Response, Refusal> {
    let count = web.shop.cart_count(&session.token).await?;
    let mut response = super::go(form::next(next).unwrap_or("/orders"));
    visitor.remember(response.headers_mut(), session);
    cookies::set_basket(response.headers_mut(), count);
    Ok(response)
}

/// The forms once more, with what to change.
async fn again(
    web: &Web,
    visitor: &Visitor,
    form: Form,
    error: Error,
    is_new: bool,
) -> Result<Response, Refusal> {
    let frame = Frame::new(web, visitor).await?;
    let (refused, wrong) = match (&error, is_new) {
        (Error::MailTaken, _) => (
            None,
            vec![(
                "mail",
                "There is an account with this mail. Please log in on the left.".to_owned(),
            )],
        ),
        (Error::Invalid(fields), true) => (None, fields.clone()),
        (error, _) => (Some(error.to_string()), Vec::new()),
    };
    let form = Form {
        password: String::new(),
        next: form::next(&form.next).unwrap_or_default().to_owned(),
        ..form
    };
    super::unaccepted(
        &Page {
            frame,
            form,
            refused,
            wrong,
            is_new,
        },
        error,
    )
}

/// Logs out: the session ends, and with it its basket.
pub(in super::super) async fn log_out(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    if let Some(token) = visitor.token() {
        web.shop.end_session(token).await?;
    }
    let mut response = super::go("/");
    cookies::forget(response.headers_mut());
    Ok(response)
}
