//! Heads on their way through: what is left out, what is added, what is rewritten.
//!
//! Fields are copied in their order and in their spelling. Left out are those that speak about one
//! connection only (RFC 9110 section 7.6.1), those that a stranger must not be able to set, and the framing, which
//! is made anew from what was understood.

use tenfold_http1::field::FieldRef;
use tenfold_http1::framing::{Length, list};
use tenfold_http1::{Buffer, Name, RequestHead, ResponseHead, Version, write};

use super::body::Format;
use super::client::{Client, forwarded_node};
use super::ids;

/// The protocol name and pseudonym of this hop (RFC 9110 section 7.6.3).
const VIA: &[u8] = b"Via: 1.1 tenfold\r\n";

/// Where the request's identifier stands in what was written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct IdSpan {
    start: u32,
    end: u32,
}

impl IdSpan {
    fn new(start: usize, end: usize) -> Self {
        let offset = |at| u32::try_from(at).expect("a head is far below 4 GiB");
        Self {
            start: offset(start),
            end: offset(end),
        }
    }

    pub(super) fn of(self, out: &[u8]) -> &[u8] {
        &out[self.start as usize..self.end as usize]
    }
}

/// Writes the head that the server gets, with another `target` than the client's if there is one. `random` gives fresh random
/// numbers.
pub(super) fn request(
    out: &mut Buffer,
    head: &RequestHead,
    target: Option<&[u8]>,
    client: &Client,
    random: impl Fn() -> u64,
) -> IdSpan {
    let line = head.line();
    let upgrade = upgrade_of(head);
    let target = target.unwrap_or_else(|| head.target());
    write::request_line(out, head.method_bytes(), target);
    let needs_host = line.absolute || line.authority.is_empty();
    if line.absolute {
        write::field(out, b"Host", head.authority());
    } else if needs_host {
        // HTTP/1.0 without Host, which servers of HTTP/1.1 refuse: the host is where the client connected to
        // (RFC 9112 section 3.3).
        write::field(out, b"Host", client.local_authority().as_bytes());
    }

    let mut seen = Seen::default();
    write::copy_fields(out, head.bytes(), head.fields(), |field| {
        keeps_request_field(field, head, client, needs_host, &mut seen)
    });
    match line.length {
        Length::Known(length) => write::content_length(out, length),
        Length::Chunked => out.push(b"Transfer-Encoding: chunked\r\n"),
        Length::None if seen.content_length => write::content_length(out, 0),
        Length::None | Length::UntilClose => {}
    }
    match (upgrade, seen.te_trailers) {
        (Some(protocol), _) => {
            write::field(out, b"Connection", b"Upgrade");
            write::field(out, b"Upgrade", protocol);
        }
        (None, true) => out.push(b"Connection: TE\r\nTE: trailers\r\n"),
        (None, false) => {}
    }
    if client.is_trusted {
        continue_forwarding(out, head, client, &seen);
    } else {
        start_forwarding(out, head, client);
    }
    out.push(VIA);
    let id = identify(out, head, &seen, random);
    out.push(b"\r\n");
    id
}

/// What was noticed while copying a request's fields.
#[derive(Default)]
struct Seen {
    content_length: bool,
    te_trailers: bool,
    request_id: bool,
    traceparent: bool,
    forwarded_host: bool,
    forwarded_proto: bool,
}

fn keeps_request_field(
    field: &FieldRef<'_>,
    head: &RequestHead,
    client: &Client,
    needs_host: bool,
    seen: &mut Seen,
) -> bool {
    match field.name {
        Name::Other | Name::Accept | Name::UserAgent | Name::Date | Name::Trailer => {}
        Name::Host => return !needs_host,
        Name::Expect | Name::Via => return true,
        Name::ContentLength => {
            seen.content_length = true;
            return false;
        }
        Name::Te => {
            let takes = |coding: &[u8]| coding.eq_ignore_ascii_case(b"trailers");
            seen.te_trailers |= head.line().connection.te && list(field.value).any(takes);
            return false;
        }
        Name::XRequestId => {
            return first_good(&mut seen.request_id, ids::is_request_id(field.value));
        }
        Name::Traceparent => {
            return first_good(&mut seen.traceparent, ids::is_traceparent(field.value));
        }
        // Continued below, in one line each.
        Name::XForwardedFor | Name::Forwarded => return false,
        Name::XForwardedHost => {
            seen.forwarded_host = true;
            return client.is_trusted;
        }
        Name::XForwardedProto => {
            seen.forwarded_proto = true;
            return client.is_trusted;
        }
        Name::XForwardedPort | Name::XForwardedOther | Name::XRealIp => return client.is_trusted,
        Name::Connection
        | Name::KeepAlive
        | Name::ProxyConnection
        | Name::TransferEncoding
        | Name::Upgrade
        | Name::Http2Settings
        | Name::Proxy
        | Name::Lookalike => return false,
    }
    !head.line().connection.others || !is_named_by_connection(head.fields(), field.name_bytes)
}

/// True for fields in which a proxy says who its client is, and which nobody else is believed.
pub(super) fn is_for_proxies(name: Name) -> bool {
    matches!(
        name,
        Name::XForwardedFor
            | Name::Forwarded
            | Name::XForwardedHost
            | Name::XForwardedProto
            | Name::XForwardedPort
            | Name::XForwardedOther
            | Name::XRealIp
    )
}

/// True for the first good one.
fn first_good(seen: &mut bool, is_good: bool) -> bool {
    is_good && !std::mem::replace(seen, true)
}

/// True if `Connection` names this field, which makes it the concern of the last hop only.
fn is_named_by_connection<'h>(mut fields: impl Iterator<Item = FieldRef<'h>>, name: &[u8]) -> bool {
    fields.any(|field| {
        field.name == Name::Connection
            && list(field.value).any(|option| option.eq_ignore_ascii_case(name))
    })
}

/// The protocol that the client asks to change to. Only in HTTP/1.1, without a body, and never to HTTP/2: a tunnel into a
/// server's HTTP/2 would carry requests past every rule of this gateway.
pub(super) fn upgrade_of(head: &RequestHead) -> Option<&[u8]> {
    let line = head.line();
    if !line.connection.upgrade || line.version != Version::Http11 || line.length != Length::None {
        return None;
    }
    let protocol = head.get(Name::Upgrade).filter(|value| !value.is_empty())?;
    let is_http2 = |name: &[u8]| {
        let name = name.split(|byte| *byte == b'/').next().unwrap_or_default();
        name.eq_ignore_ascii_case(b"h2c") || name.eq_ignore_ascii_case(b"h2")
    };
    (!list(protocol).any(is_http2)).then_some(protocol)
}

/// The peer is a client: what it says about itself is replaced by what is seen.
fn start_forwarding(out: &mut Buffer, head: &RequestHead, client: &Client) {
    let host = head.authority();
    out.push(&client.forwarding);
    out.push(host);
    out.push(b"\"\r\n");
    if !host.is_empty() {
        write::field(out, b"X-Forwarded-Host", host);
    }
}

/// The peer is a trusted proxy: what it says is kept, and the peer itself is added.
fn continue_forwarding(out: &mut Buffer, head: &RequestHead, client: &Client, seen: &Seen) {
    let peer = client.peer.to_string();
    let chain = |out: &mut Buffer, wanted: Name| {
        for field in head
            .fields()
            .filter(|field| field.name == wanted && !field.value.is_empty())
        {
            out.push(field.value);
            out.push(b", ");
        }
    };
    out.push(b"X-Forwarded-For: ");
    chain(out, Name::XForwardedFor);
    out.push(peer.as_bytes());
    out.push(b"\r\n");
    if !seen.forwarded_proto {
        out.push(b"X-Forwarded-Proto: http\r\n");
    }
    if !seen.forwarded_host && !head.authority().is_empty() {
        write::field(out, b"X-Forwarded-Host", head.authority());
    }
    out.push(b"Forwarded: ");
    chain(out, Name::Forwarded);
    out.push(b"for=");
    out.push(forwarded_node(client.peer).as_bytes());
    out.push(b";proto=http;host=\"");
    out.push(head.authority());
    out.push(b"\"\r\n");
}

/// Adds the identifiers that the client did not bring.
fn identify(out: &mut Buffer, head: &RequestHead, seen: &Seen, random: impl Fn() -> u64) -> IdSpan {
    let made = ids::request_id([random(), random()]);
    let span = match brought_id(head).filter(|_| seen.request_id) {
        Some(id) => locate(out.filled(), id),
        None => {
            out.push(b"X-Request-Id: ");
            let span = append(out, &made);
            out.push(b"\r\n");
            span
        }
    };
    if !seen.traceparent {
        write::field(out, b"traceparent", &ids::traceparent(made, random()));
    }
    span
}

/// Writes nothing but the identifier, for a request that no server gets.
pub(super) fn identifier(out: &mut Buffer, head: &RequestHead, random: impl Fn() -> u64) -> IdSpan {
    match brought_id(head) {
        Some(id) => append(out, id),
        None => append(out, &ids::request_id([random(), random()])),
    }
}

/// The identifier that the client gave the request.
fn brought_id(head: &RequestHead) -> Option<&[u8]> {
    let is_passed =
        |field: &FieldRef<'_>| field.name == Name::XRequestId && ids::is_request_id(field.value);
    head.fields().find(is_passed).map(|field| field.value)
}

fn append(out: &mut Buffer, id: &[u8]) -> IdSpan {
    let start = out.len();
    out.push(id);
    IdSpan::new(start, out.len())
}

/// Where an identifier stands; nowhere if a route has taken it out, and every trace of it.
pub(super) fn locate(out: &[u8], id: &[u8]) -> IdSpan {
    let found = memchr::memmem::find(out, id);
    found.map_or(IdSpan::default(), |start| {
        IdSpan::new(start, start + id.len())
    })
}

/// How a response's body goes to a client of that version.
pub(super) fn response_format(length: Length, version: Version) -> Format {
    match (length, version) {
        (Length::Chunked, Version::Http10) => Format::Data,
        (Length::UntilClose, Version::Http11) => Format::Chunks,
        _ => Format::Same,
    }
}

/// What a response's head has to say about the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Persistence {
    /// Nothing: HTTP/1.1 stays open.
    Implied,
    /// `Connection: keep-alive`, for HTTP/1.0.
    KeepAlive,
    /// `Connection: close`.
    Close,
}

/// Writes the head that the client gets.
pub(super) fn response(
    out: &mut Buffer,
    head: &ResponseHead,
    format: Format,
    persistence: Persistence,
    date: impl FnOnce() -> [u8; 29],
) {
    let line = head.line();
    let mut has_date = false;
    write::status_line(out, line.status, head.reason());
    write::copy_fields(out, head.bytes(), head.fields(), |field| match field.name {
        Name::Date => !std::mem::replace(&mut has_date, true),
        Name::ContentLength => false,
        // A server that insists on another protocol must say which (RFC 9110 section 15.5.22).
        Name::Upgrade => line.status == 426,
        _ => keeps_response_field(field, head),
    });
    match (line.length, format) {
        (Length::Known(length), _) => write::content_length(out, length),
        (Length::None, _) if line.status != 204 => {
            if let Some(length) = line.content_length {
                write::content_length(out, length);
            }
        }
        (Length::Chunked, Format::Same) | (Length::UntilClose, Format::Chunks) => {
            out.push(b"Transfer-Encoding: chunked\r\n");
        }
        _ => {}
    }
    out.push(VIA);
    if !has_date {
        write::field(out, b"Date", &date());
    }
    if line.status == 426 {
        out.push(b"Connection: Upgrade\r\n");
    }
    match persistence {
        Persistence::Implied => {}
        Persistence::KeepAlive => out.push(b"Connection: keep-alive\r\n"),
        Persistence::Close => out.push(b"Connection: close\r\n"),
    }
    out.push(b"\r\n");
}

/// Writes an interim response (RFC 9110 section 15.2): no framing, no date, no connection.
pub(super) fn interim(out: &mut Buffer, head: &ResponseHead) {
    write::status_line(out, head.line().status, head.reason());
    write::copy_fields(out, head.bytes(), head.fields(), |field| {
        field.name != Name::ContentLength && keeps_response_field(field, head)
    });
    out.push(b"\r\n");
}

/// Writes the head of `101 Switching Protocols`, which does speak about this connection.
pub(super) fn switching(out: &mut Buffer, head: &ResponseHead) {
    write::status_line(out, head.line().status, head.reason());
    write::copy_fields(out, head.bytes(), head.fields(), |field| {
        field.name == Name::Upgrade
            || (field.name != Name::ContentLength && keeps_response_field(field, head))
    });
    out.push(VIA);
    out.push(b"Connection: Upgrade\r\n\r\n");
}

fn keeps_response_field(field: &FieldRef<'_>, head: &ResponseHead) -> bool {
    match field.name {
        Name::Connection
        | Name::KeepAlive
        | Name::ProxyConnection
        | Name::TransferEncoding
        | Name::Te
        | Name::Upgrade => false,
        _ => {
            !head.line().connection.others
                || !is_named_by_connection(head.fields(), field.name_bytes)
        }
    }
}
