//! A request as the rules see it: the client's while it waits, or a copy for what goes on without it.

use tenfold_http1::framing::Length;
use tenfold_http1::{Method, RequestHead};

use crate::http::cache::ask::{Ask, Request};
use crate::http::cache::fields::Fields;
use crate::http::cache::policy::Policy;

/// What the rules need of a request, without a borrow.
pub(super) struct Facts {
    method: Method,
    authority: Box<[u8]>,
    target: Box<[u8]>,
    has_body: bool,
    fields: Vec<Field>,
}

/// A copied field: name and value.
type Field = (Box<[u8]>, Box<[u8]>);

impl Facts {
    /// A copy of a client's request, whose path was normalised to `target`.
    pub(super) fn copy(head: &RequestHead, target: &[u8]) -> Self {
        let fields = head.fields();
        Self {
            method: head.line().method,
            authority: head.authority().into(),
            target: target.into(),
            has_body: head.line().length != Length::None,
            fields: fields
                .map(|field| (field.name_bytes.into(), field.value.into()))
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
            is_tls: false,
            authority: &self.authority,
            target: &self.target,
            has_body: self.has_body,
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

/// A client's request as the rules see it.
pub(super) fn request<'a>(head: &'a RequestHead, target: &'a [u8]) -> Request<'a, RequestHead> {
    Request {
        method: head.line().method,
        // TLS is not there yet.
        is_tls: false,
        authority: head.authority(),
        target,
        has_body: head.line().length != Length::None,
        fields: head,
    }
}
