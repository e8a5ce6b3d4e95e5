//! A request as the rules see it: what its server gets of it. A view of the client's head while it waits, or a copy for what
//! goes on without it.
//!
//! What a client sends and its server does not get must not select a response: the server would answer as if it were not
//! there, and the answer would lie where those look whose servers do get it. So the rules do not see the fields that a stranger
//! cannot set; and a request that makes some of its fields the concern of this hop by `Connection` (RFC 9110 section 7.6.1),
//! which nobody does in good faith, goes past the cache. To look for them in each field's turn would cost more than an answer.

use tenfold_http1::framing::Length;
use tenfold_http1::{Method, Name, RequestHead};

use crate::http::cache::ask::{Ask, Request};
use crate::http::cache::fields::{Fields, members};
use crate::http::cache::policy::Policy;
use crate::http::headers::is_for_proxies;

/// What the server gets of a client's fields.
pub(super) struct Passed<'a> {
    head: &'a RequestHead,
    is_trusted: bool,
}

impl<'a> Passed<'a> {
    /// `is_trusted`: what the client says about its own client is believed.
    pub(super) fn new(head: &'a RequestHead, is_trusted: bool) -> Self {
        Self { head, is_trusted }
    }

    /// True if the client came by `https`: to a proxy that is trusted, for TLS does not end here yet.
    fn is_tls(&self) -> bool {
        let said = self
            .is_trusted
            .then(|| self.head.get(Name::XForwardedProto));
        let first = said.flatten().and_then(|said| members(said).next());
        first.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"https"))
    }

    /// The request, whose path was normalised to `target`.
    pub(super) fn request(&'a self, target: &'a [u8]) -> Request<'a, Self> {
        let line = self.head.line();
        Request {
            method: line.method,
            is_tls: self.is_tls(),
            authority: self.head.authority(),
            target,
            is_special: line.length != Length::None || line.connection.others,
            fields: self,
        }
    }
}

impl Fields for Passed<'_> {
    fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let is_trusted = self.is_trusted;
        let stays_here = move |name: Name| {
            matches!(name, Name::Proxy | Name::Lookalike) || !is_trusted && is_for_proxies(name)
        };
        let fields = self.head.fields();
        fields
            .filter(move |field| !stays_here(field.name))
            .map(|field| (field.name_bytes, field.value))
    }
}

/// What the rules need of a request, without a borrow.
pub(super) struct Facts {
    method: Method,
    is_tls: bool,
    authority: Box<[u8]>,
    target: Box<[u8]>,
    is_special: bool,
    fields: Vec<Field>,
}

/// A copied field: name and value.
type Field = (Box<[u8]>, Box<[u8]>);

impl Facts {
    /// A copy of a client's request.
    pub(super) fn copy(request: &Request<'_, Passed<'_>>) -> Self {
        let fields = request.fields.fields();
        Self {
            method: request.method,
            is_tls: request.is_tls,
            authority: request.authority.into(),
            target: request.target.into(),
            is_special: request.is_special,
            fields: fields
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }

    /// Calls `with` with the request and what the rules want to know of it.
    pub(super) fn with<R>(
        &self,
        policy: &Policy,
        with: impl FnOnce(&Request<'_, Copied<'_>>, &Ask<'_>) -> R,
    ) -> R {
        let fields = Copied(&self.fields);
        let request = Request {
            method: self.method,
            is_tls: self.is_tls,
            authority: &self.authority,
            target: &self.target,
            is_special: self.is_special,
            fields: &fields,
        };
        let ask = Ask::of(&request, policy);
        with(&request, &ask)
    }
}

/// Copied fields.
pub(super) struct Copied<'a>(&'a [Field]);

impl Fields for Copied<'_> {
    fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}
