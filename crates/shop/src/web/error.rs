//! What a request is told when it is not answered as asked. The only place that makes a status of an error.
//!
//! # The idea
//! Handlers and layers give back a [`Refusal`] without knowing who asked; [`explain`] makes a page of it, or for the JSON interface a problem (RFC 9457).
//! What happened inside is logged and not told.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::rejection::{FormRejection, JsonRejection};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::Web;
use super::pages;
use crate::Error;

/// Why a request was not answered as asked: the shop's reasons, and those of HTTP.
#[derive(Debug)]
pub(super) enum Refusal {
    /// What the shop says.
    Shop(Error),
    /// Another site made the browser ask for a change.
    CrossSite,
    /// This cannot be done to what is there.
    Method,
    /// The body or the query cannot be read: why.
    Unreadable(String),
    /// It is not of a media type that is read.
    MediaType,
    /// It is larger than what is read.
    TooLarge,
    /// Nobody is an administrator, because no token was given at the start.
    NoAdmin,
    /// Only the administrator may.
    NotAdmin,
    /// So many requests wait already that this one would in vain.
    Full,
    /// It took too long.
    Late,
    /// A mistake in the program.
    Panicked,
    /// It was chosen to fail (`--fail-rate`).
    Chosen,
}

/// Seconds after which it makes sense to ask again.
const AGAIN: HeaderValue = HeaderValue::from_static("1");

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Shop(error)
    }
}

impl From<FormRejection> for Refusal {
    fn from(rejection: FormRejection) -> Self {
        Self::of_body(rejection.status(), rejection.body_text())
    }
}

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Self {
        Self::of_body(rejection.status(), rejection.body_text())
    }
}

impl Refusal {
    fn of_body(status: StatusCode, text: String) -> Self {
        match status {
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::MediaType,
            _ => Self::Unreadable(text),
        }
    }

    /// What it is in HTTP.
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::Shop(error) => status(error),
            Self::CrossSite | Self::NoAdmin => StatusCode::FORBIDDEN,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotAdmin => StatusCode::UNAUTHORIZED,
            Self::Full | Self::Late => StatusCode::SERVICE_UNAVAILABLE,
            Self::Panicked | Self::Chosen => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A short name that does not change: `type` of a problem, and what people read.
    const fn name(&self) -> (&'static str, &'static str) {
        match self {
            Self::Shop(Error::NotFound) => ("not-found", "We cannot find that"),
            Self::Shop(Error::NotLoggedIn) => ("not-logged-in", "Please log in first"),
            Self::Shop(Error::WrongPassword) => ("wrong-password", "That did not fit"),
            Self::Shop(Error::MailTaken) => ("mail-taken", "You have an account already"),
            Self::Shop(Error::Invalid(_)) | Self::Unreadable(_) => {
                ("invalid", "We could not read that")
            }
            Self::Shop(Error::SoldOut(_)) => ("sold-out", "Somebody was faster"),
            Self::Shop(Error::EmptyCart) => ("empty-cart", "Your basket is empty"),
            Self::Shop(Error::KeyReused) => {
                ("key-reused", "This order was changed after it was sent")
            }
            Self::Shop(Error::Unavailable(_)) | Self::Full | Self::Late => {
                ("unavailable", "It is very busy in here")
            }
            Self::Shop(Error::Broken(_)) | Self::Panicked | Self::Chosen => {
                ("broken", "That went wrong, and it was us")
            }
            Self::CrossSite => ("cross-site", "That came from another site"),
            Self::Method => ("method", "That cannot be done here"),
            Self::MediaType => ("media-type", "We do not read that kind of thing"),
            Self::TooLarge => ("too-large", "That is more than we read"),
            Self::NoAdmin => ("no-admin", "The office is closed"),
            Self::NotAdmin => ("not-admin", "Staff only"),
        }
    }

    /// What to do about it. Says nothing of what is inside.
    fn advice(&self) -> String {
        match self {
            Self::Shop(Error::NotFound) => "It may have been moved, sold for good, or never have been here. The search knows everything we have.".to_owned(),
            Self::Shop(Error::Broken(_)) | Self::Panicked | Self::Chosen => "We have taken note of it. Trying again may help; nothing was ordered or charged twice.".to_owned(),
            Self::Shop(Error::Unavailable(_)) | Self::Full | Self::Late => "Please try again in a moment. Your basket is kept.".to_owned(),
            Self::Shop(Error::KeyReused) => "The form was sent before with another basket or address. Look at your orders to see what was placed, then begin a new checkout.".to_owned(),
            Self::Shop(error) => format!("{error}."),
            Self::CrossSite => "A page of another site tried to act in your name, so nothing was done. If it was you, open the shop and do it here.".to_owned(),
            Self::Method => "The address exists, but not for this method.".to_owned(),
            Self::Unreadable(why) => why.clone(),
            Self::MediaType => "Forms are read as application/x-www-form-urlencoded, the interface reads application/json.".to_owned(),
            Self::TooLarge => "At most 64 KiB are read.".to_owned(),
            Self::NoAdmin => "This shop was started without an administrator. Start it with --admin-token env:NAME or file:PATH, and log in here as admin with that token.".to_owned(),
            Self::NotAdmin => "Log in as admin with the shop's token, or send Authorization: Bearer and the token.".to_owned(),
        }
    }

    /// What the operator should know: (is it ours, what happened).
    fn note(&self) {
        match self {
            Self::Shop(Error::Broken(what)) => tracing::error!("a request failed: {what}"),
            Self::Shop(Error::Unavailable(what)) if is_time_to_say() => {
                tracing::warn!("requests are put off: {what}");
            }
            _ => {}
        }
    }

    /// A problem as RFC 9457 has it.
    fn problem(&self) -> Response {
        let (name, title) = self.name();
        let mut told = json!({
            "type": format!("urn:fieldhouse:problem:{name}"),
            "title": title,
            "status": self.status().as_u16(),
            "detail": self.advice(),
        });
        if let Self::Shop(Error::Invalid(fields)) = self {
            told["fields"] = fields
                .iter()
                .map(|(name, what)| ((*name).to_owned(), Value::from(what.as_str())))
                .collect();
        }
        if let Self::Shop(Error::SoldOut(products)) = self {
            told["products"] = json!(products);
        }
        let kind = [(CONTENT_TYPE, "application/problem+json")];
        (kind, told.to_string()).into_response()
    }

    fn page(&self) -> Response {
        let (_, title) = self.name();
        let is_busy = self.status() == StatusCode::SERVICE_UNAVAILABLE;
        pages::sorry(self.status(), title, &self.advice(), is_busy)
    }
}

/// How often it is said that requests are put off: once an operator knows, a line for each of them is only in the way.
const SAID_EVERY: Duration = Duration::from_secs(10);

fn is_time_to_say() -> bool {
    static SAID: Mutex<Option<Instant>> = Mutex::new(None);
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    let is_time = said.is_none_or(|said| said.elapsed() >= SAID_EVERY);
    if is_time {
        *said = Some(Instant::now());
    }
    is_time
}

/// What an error of the shop is in HTTP.
const fn status(error: &Error) -> StatusCode {
    match error {
        Error::NotFound => StatusCode::NOT_FOUND,
        Error::NotLoggedIn | Error::WrongPassword => StatusCode::UNAUTHORIZED,
        Error::MailTaken | Error::SoldOut(_) | Error::EmptyCart => StatusCode::CONFLICT,
        Error::Invalid(_) | Error::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
        Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// Puts refusals into the words of who asked.
pub(super) async fn explain(
    State(_web): State<Arc<Web>>,
    request: Request,
    next: Next,
) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let mut response = next.run(request).await;
    let Some(refusal) = response.extensions_mut().remove::<Arc<Refusal>>() else {
        return response;
    };
    refusal.note();
    let mut told = if is_api {
        refusal.problem()
    } else {
        refusal.page()
    };
    *told.status_mut() = refusal.status();
    for (name, value) in response.headers() {
        // What was found on the way stays: `Allow`, cookies.
        if !told.headers().contains_key(name) && name != http::header::CONTENT_LENGTH {
            told.headers_mut().append(name, value.clone());
        }
    }
    match refusal.status() {
        StatusCode::SERVICE_UNAVAILABLE => {
            told.headers_mut().insert(RETRY_AFTER, AGAIN);
        }
        // The scheme with which a browser asks for a name and a password. A customer is asked by a page.
        StatusCode::UNAUTHORIZED if matches!(*refusal, Refusal::NotAdmin) => {
            let asks =
                HeaderValue::from_static("Basic realm=\"Fieldhouse office\", charset=\"UTF-8\"");
            told.headers_mut().insert(WWW_AUTHENTICATE, asks);
        }
        // RFC 9110 wants a challenge with every 401; this one no browser opens a window for.
        StatusCode::UNAUTHORIZED => {
            let asks = HeaderValue::from_static("Session realm=\"Fieldhouse\"");
            told.headers_mut().insert(WWW_AUTHENTICATE, asks);
        }
        _ => {}
    }
    told
}

/// No such address.
pub(super) async fn not_found() -> Refusal {
    Refusal::Shop(Error::NotFound)
}

/// No such method for this address.
pub(super) async fn method_not_allowed() -> Refusal {
    Refusal::Method
}
