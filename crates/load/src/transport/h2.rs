//! HTTP/2, by crate h2: users of a thread share connections, as a browser's tabs or a service's calls do.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderName, HeaderValue, Method, Uri};

use super::connect::connect;
use super::encode::{USER_AGENT, has, has_body};
use super::{Failure, Network, Stream, Traffic};
use crate::results::ErrorKind;
use crate::scenario::{Answer, MOST_BODY, Outgoing, Step};
use crate::test::Target;

/// Streams of one connection before another one is opened, where there may be another: what most servers allow (RFC 9113 section 6.5.2
/// recommends at least 100).
const STREAMS: u32 = 100;
/// How much of answers may be under way per stream and per connection, so that reading is never what limits.
const WINDOWS: (u32, u32) = (1 << 20, 1 << 24);

/// A connection.
pub(crate) struct Connection {
    sender: SendRequest<Bytes>,
    /// Streams under way.
    streams: Cell<u32>,
    /// What has come on any of them: heads and pieces of bodies.
    heard: Cell<u64>,
    /// Whether requests may still be begun on it. Those under way go on when not.
    is_open: Rc<Cell<bool>>,
}

/// A shared connection, or another one where none has room and there may be more.
///
/// Also tells whether it was there before.
pub(super) async fn shared_or_new(network: &Network) -> Result<(Rc<Connection>, bool), Failure> {
    if !network.target.reuses {
        // Each session has its own.
        let (stream, _) = connect(network).await?;
        return Ok((open(stream).await?, false));
    }
    if let Some(shared) = shared(network) {
        return Ok((shared, true));
    }
    let _opening = network.opening.lock().await;
    // Somebody else may have opened one meanwhile.
    if let Some(shared) = shared(network) {
        return Ok((shared, true));
    }
    let (stream, _) = connect(network).await?;
    let opened = open(stream).await?;
    network.shared.borrow_mut().push(Rc::clone(&opened));
    Ok((opened, false))
}

/// A shared connection that has room, or the one with the most room if there may be no other.
fn shared(network: &Network) -> Option<Rc<Connection>> {
    let mut all = network.shared.borrow_mut();
    all.retain(|one| one.is_open.get());
    let emptiest = all.iter().min_by_key(|one| one.streams.get())?;
    let has_room = emptiest.streams.get() < STREAMS;
    (has_room || all.len() >= network.most_shared).then(|| Rc::clone(emptiest))
}

/// Begins HTTP/2 on a stream.
async fn open(stream: Stream) -> Result<Rc<Connection>, Failure> {
    let (stream_window, connection_window) = WINDOWS;
    let begun = h2::client::Builder::new()
        .enable_push(false)
        .initial_window_size(stream_window)
        .initial_connection_window_size(connection_window)
        .handshake(stream)
        .await;
    let (sender, driver) = begun.map_err(|error| failure(&error))?;
    let is_open = Rc::new(Cell::new(true));
    let opened = Rc::new(Connection {
        sender,
        streams: Cell::new(0),
        heard: Cell::new(0),
        is_open: Rc::clone(&is_open),
    });
    tokio::task::spawn_local(async move {
        // Each stream learns by itself what became of it.
        let _why = driver.await;
        is_open.set(false);
    });
    Ok(opened)
}

/// Counts a stream for as long as it lives.
struct Under<'c> {
    connection: &'c Connection,
    /// What the connection had heard when it began.
    heard: u64,
    is_done: bool,
}

impl<'c> Under<'c> {
    fn new(connection: &'c Connection) -> Self {
        connection.streams.set(connection.streams.get() + 1);
        Self {
            connection,
            heard: connection.heard.get(),
            is_done: false,
        }
    }
}

impl Drop for Under<'_> {
    fn drop(&mut self) {
        let connection = self.connection;
        connection.streams.set(connection.streams.get() - 1);
        // Whoever waited has lost patience, and meanwhile nobody has heard anything: a connection whose other side is gone without a
        // word would be shared until the system gives it up, which takes a quarter of an hour. HTTP/1.1 gives it up in this case as well.
        if !self.is_done && connection.heard.get() == self.heard {
            connection.is_open.set(false);
        }
    }
}

impl Connection {
    pub(super) fn is_usable(&self) -> bool {
        self.is_open.get()
    }

    pub(super) async fn exchange(
        self: Rc<Self>,
        outgoing: &Outgoing,
        target: &Target,
        step: &Step,
        answer: &mut Answer,
        traffic: &mut Traffic,
    ) -> Result<(), Failure> {
        let request = request(outgoing, target)?;
        let mut under = Under::new(&self);
        let exchanged = self
            .exchanged(request, &outgoing.body, step, answer, traffic)
            .await;
        under.is_done = true;
        exchanged.map_err(|error| {
            // A server that is leaving (GOAWAY) answers what it has begun, and takes nothing new: until the last answer the connection
            // looks open.
            if error.is_go_away() || error.is_io() {
                self.is_open.set(false);
            }
            failure(&error)
        })
    }

    async fn exchanged(
        &self,
        request: http::Request<()>,
        content: &[u8],
        step: &Step,
        answer: &mut Answer,
        traffic: &mut Traffic,
    ) -> Result<(), h2::Error> {
        let mut sender = self.sender.clone().ready().await?;
        let is_over = content.is_empty();
        let path = request
            .uri()
            .path_and_query()
            .map_or(0, |it| it.as_str().len());
        let (response, mut stream) = sender.send_request(request, is_over)?;
        traffic.sent += (path + content.len()) as u64;
        if !is_over {
            // It waits for the server's window by itself; if the server refuses the body, its answer says so.
            let _refused = stream.send_data(Bytes::copy_from_slice(content), true);
        }
        let (head, mut body) = response.await?.into_parts();
        self.heard.set(self.heard.get() + 1);
        answer.status = head.status.as_u16();
        for (name, value) in &head.headers {
            traffic.received += (name.as_str().len() + value.len()) as u64;
            if step.wants_fields() {
                answer
                    .fields
                    .push((name.as_str().to_owned(), value.as_bytes().to_vec()));
            }
        }
        // An answer without fields is one all the same.
        traffic.received = traffic.received.max(1);
        while let Some(data) = poll_fn(|cx| body.poll_data(cx)).await {
            let data = data?;
            self.heard.set(self.heard.get() + 1);
            let _gone_with_the_stream = body.flow_control().release_capacity(data.len());
            answer.size += data.len() as u64;
            traffic.received += data.len() as u64;
            if step.wants_body() {
                let room = MOST_BODY.saturating_sub(answer.body.len());
                answer.body.extend_from_slice(&data[..data.len().min(room)]);
            }
        }
        Ok(())
    }
}

fn request(outgoing: &Outgoing, target: &Target) -> Result<http::Request<()>, Failure> {
    let wrong = |what: &str| Failure::new(ErrorKind::Prepare, format!("{what} cannot be sent"));
    let scheme = if target.is_tls { "https" } else { "http" };
    let mut authority = target.authority();
    if let Some((_, host)) = outgoing
        .fields
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("host"))
    {
        authority.clone_from(host);
    }
    let uri = Uri::builder()
        .scheme(scheme)
        .authority(authority)
        .path_and_query(outgoing.path.as_str());
    let uri = uri.build().map_err(|_| wrong("the path"))?;
    let method = Method::from_bytes(outgoing.method.as_bytes()).map_err(|_| wrong("the method"))?;
    let mut request = http::Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.version_mut() = http::Version::HTTP_2;
    let fields = request.headers_mut();
    for (name, value) in &outgoing.fields {
        // What belongs to a connection of HTTP/1.1 has no place here (RFC 9113 section 8.2.2).
        let lower = name.to_ascii_lowercase();
        if matches!(
            lower.as_str(),
            "host"
                | "connection"
                | "keep-alive"
                | "transfer-encoding"
                | "upgrade"
                | "proxy-connection"
        ) {
            continue;
        }
        let name =
            HeaderName::from_bytes(lower.as_bytes()).map_err(|_| wrong("the name of a field"))?;
        let value =
            HeaderValue::from_bytes(value.as_bytes()).map_err(|_| wrong("the value of a field"))?;
        fields.append(name, value);
    }
    for (name, value) in [("user-agent", USER_AGENT), ("accept", "*/*")] {
        if !has(outgoing, name) {
            fields.insert(name, HeaderValue::from_static(value));
        }
    }
    if has_body(outgoing) {
        fields.insert("content-length", HeaderValue::from(outgoing.body.len()));
    }
    Ok(request)
}

fn failure(error: &h2::Error) -> Failure {
    if error.is_io() || error.is_go_away() {
        return Failure::new(ErrorKind::Closed, format!("the connection broke: {error}"));
    }
    if error.is_reset() {
        return Failure::new(
            ErrorKind::Closed,
            format!("the server ended the stream: {error}"),
        );
    }
    Failure::new(ErrorKind::Protocol, format!("no HTTP/2: {error}"))
}
