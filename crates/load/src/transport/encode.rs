//! A request as bytes of HTTP/1.1.

use tenfold_http1::Method;

use crate::scenario::Outgoing;
use crate::test::Target;

/// What requests call themselves unless a step says otherwise.
pub(crate) const USER_AGENT: &str = concat!("tenfold-load/", env!("CARGO_PKG_VERSION"));

/// A request's bytes, and what has to be known to read its answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Encoded {
    pub(crate) bytes: Vec<u8>,
    pub(crate) method: Option<Method>,
}

impl Encoded {
    /// Writes a request; what was written before is forgotten.
    pub(crate) fn encode(&mut self, request: &Outgoing, target: &Target) {
        let out = &mut self.bytes;
        out.clear();
        self.method = Some(Method::of(request.method.as_bytes()));
        for part in [&request.method, " ", &request.path, " HTTP/1.1\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        if !has(request, "host") {
            field(out, "Host", &target.authority());
        }
        for (name, value) in &request.fields {
            field(out, name, value);
        }
        if !has(request, "user-agent") {
            field(out, "User-Agent", USER_AGENT);
        }
        if !has(request, "accept") {
            field(out, "Accept", "*/*");
        }
        // Two lengths, or a length beside chunks that a step made itself, are what servers take for an attack.
        if has_body(request)
            && !has(request, "content-length")
            && !has(request, "transfer-encoding")
        {
            field(
                out,
                "Content-Length",
                itoa::Buffer::new().format(request.body.len()),
            );
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&request.body);
    }

    pub(crate) fn method(&self) -> Method {
        self.method.unwrap_or(Method::Other)
    }
}

/// Whether a length is said: also of nothing, where content is expected (RFC 9110 section 8.6).
pub(crate) fn has_body(request: &Outgoing) -> bool {
    !request.body.is_empty() || matches!(request.method.as_str(), "POST" | "PUT" | "PATCH")
}

/// Whether a step gives a field by itself.
pub(crate) fn has(request: &Outgoing, name: &str) -> bool {
    request
        .fields
        .iter()
        .any(|(given, _)| given.eq_ignore_ascii_case(name))
}

fn field(out: &mut Vec<u8>, name: &str, value: &str) {
    for part in [name, ": ", value, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}
