//! Who asks: as far as the request says, and as far as the store knows them.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;

use super::{Web, cookies};
use crate::Error;
use crate::model::{Category, Customer};
use crate::session::{Session, Token};

/// What the request says about who asks. Reading it costs nothing.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    token: Option<Token>,
    /// Whether it came by HTTPS, as the proxy in front says.
    is_https: bool,
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let scheme = parts
            .headers
            .get("x-forwarded-proto")
            .map(http::HeaderValue::as_bytes);
        Ok(Self {
            token: cookies::read(&parts.headers, cookies::SESSION).and_then(Token::parse),
            is_https: scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"https")),
        })
    }
}

impl Visitor {
    /// The session, if there is one.
    pub(super) async fn session(&self, web: &Web) -> Result<Option<Session>, Error> {
        match &self.token {
            Some(token) => web.shop.session(token).await,
            None => Ok(None),
        }
    }

    /// The session, made if there is none. Only for what changes something: whoever only looks needs none, and a crawler would make thousands.
    pub(super) async fn session_or_new(&self, web: &Web) -> Result<Session, Error> {
        match self.session(web).await? {
            Some(session) => Ok(session),
            None => web.shop.begin_session().await,
        }
    }

    /// The session of somebody who is logged in.
    ///
    /// # Errors
    /// [`Error::NotLoggedIn`]
    pub(super) async fn customer(&self, web: &Web) -> Result<(Session, Customer), Error> {
        let session = self.session(web).await?.ok_or(Error::NotLoggedIn)?;
        let customer = session.customer.clone().ok_or(Error::NotLoggedIn)?;
        Ok((session, customer))
    }

    /// The token as it was sent, whether or not anything is known of it.
    pub(super) const fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// Has the client keep this session.
    pub(super) fn remember(&self, fields: &mut HeaderMap, session: &Session) {
        cookies::set_session(fields, &session.token, self.is_https);
    }
}

/// What is around every page: the header with departments, and who is greeted.
#[derive(Clone, Debug, Default)]
pub(super) struct Frame {
    /// For the menu.
    pub(super) departments: Vec<Category>,
    /// Who looks, where pages are made for each visitor.
    pub(super) greeting: Option<Greeting>,
    /// What is in the search field.
    pub(super) text: String,
}

/// What a page that is made for one visitor says about them.
#[derive(Clone, Debug, Default)]
pub(super) struct Greeting {
    /// What they are called, if they are logged in.
    pub(super) name: Option<String>,
    /// Things in their basket.
    pub(super) basket: i32,
}

impl Frame {
    /// The frame of a page for this visitor.
    pub(super) async fn new(web: &Web, visitor: &Visitor) -> Result<Self, Error> {
        let greeting = match web.is_cacheable() {
            true => None,
            false => Some(Greeting::of(web, visitor).await?),
        };
        let departments = web.shop.categories().await?;
        Ok(Self {
            departments,
            greeting,
            text: String::new(),
        })
    }

    /// What the visitor is called, where the page may know.
    pub(super) fn name(&self) -> Option<&str> {
        self.greeting.as_ref()?.name.as_deref()
    }

    /// The same with this in the search field.
    pub(super) fn searched(mut self, text: &str) -> Self {
        text.clone_into(&mut self.text);
        self
    }
}

impl Greeting {
    async fn of(web: &Web, visitor: &Visitor) -> Result<Self, Error> {
        let Some(session) = visitor.session(web).await? else {
            return Ok(Self::default());
        };
        let basket = web.shop.cart_count(&session.token).await?;
        Ok(Self {
            name: session.customer.map(|customer| customer.name),
            basket,
        })
    }
}
