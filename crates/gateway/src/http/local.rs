//! Answers that need no server: redirects, replies, files.

use std::borrow::Cow;
use std::sync::Arc;

use tenfold_http1::{Buffer, Method, Name, RequestHead, Version, write};
use tokio::io::AsyncWriteExt;

use super::client::Client;
use super::error::{Failure, reason};
use super::request::Request;
use super::route::Local;
use super::served::{Next, Served};
use crate::config::route::Action;
use crate::files::{self, Body, Content};
use crate::route::split_query;
use crate::worker::Worker;

/// A response that the gateway makes.
struct Answer {
    status: u16,
    fields: Vec<(&'static str, Cow<'static, str>)>,
    body: Payload,
}

enum Payload {
    Bytes(Arc<[u8]>),
    File(Content),
}

impl Payload {
    fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(content) => content.len(),
        }
    }
}

/// How much of a file is read at a time.
const PIECE: usize = 64 * 1024;
/// A body up to this size is written in one piece with its head.
const COPIED: usize = 16 * 1024;

/// Answers.
pub(super) async fn answer(worker: &Worker, client: &mut Client, request: &Request) -> Served {
    let answer = find(worker, request).await;
    let is_body_uncertain = request.head.line().expects_continue && !request.is_sent();
    let persists = !is_body_uncertain && request.persists() && !client.is_leaving(worker);
    let mut served = Served {
        status: answer.status,
        sent: 0,
        endpoint: None,
        failure: None,
        ended: None,
        next: Next::Cut,
    };
    let head = head(worker, request, &answer, persists);
    match send(worker, client, request, head, answer.body).await {
        Ok(sent) => {
            served.sent = sent;
            served.next = if persists {
                Next::KeepAlive
            } else {
                Next::Linger
            };
        }
        Err(failure) => served.failure = Some(failure),
    }
    served
}

async fn find(worker: &Worker, request: &Request) -> Answer {
    let no_body = || Payload::Bytes(Arc::default());
    match (request.way.local(), &request.route().action) {
        (Some(Local::Redirect { status, location }), _) => Answer {
            status: *status,
            fields: vec![(
                "Location",
                String::from_utf8_lossy(location).into_owned().into(),
            )],
            body: no_body(),
        },
        (Some(Local::Reply(reply)), _) if reply.body.is_empty() => Answer {
            status: reply.status,
            fields: Vec::new(),
            body: no_body(),
        },
        (Some(Local::Reply(reply)), _) => Answer {
            status: reply.status,
            fields: vec![("Content-Type", reply.content_type.clone().into())],
            body: Payload::Bytes(Arc::clone(&reply.body)),
        },
        (Some(Local::File { path }), Action::Files(files)) => {
            let found = files::find(files.clone(), ask(&request.head, path)).await;
            if let Some(error) = found.trouble {
                complain(worker, found.status, &error);
            }
            Answer {
                status: found.status,
                fields: found.fields,
                body: match found.body {
                    Body::None => no_body(),
                    Body::Text(text) => Payload::Bytes(text.as_bytes().into()),
                    Body::File(content) => Payload::File(content),
                },
            }
        }
        // Nobody asks for an answer that is not there.
        (None | Some(Local::File { .. }), _) => Answer {
            status: 404,
            fields: Vec::new(),
            body: no_body(),
        },
    }
}

/// Tells the operator why a file is not served; what meets every request is said now and then only.
fn complain(worker: &Worker, status: u16, error: &std::io::Error) {
    if status < 500 {
        tracing::debug!(%error, "a file may not be read");
    } else if worker.may_complain() {
        tracing::warn!(%error, "a file cannot be served");
    }
}

/// What matters to files of a request.
fn ask(head: &RequestHead, path: &[u8]) -> files::Ask {
    let (sent_path, sent_query) = split_query(head.target());
    let mut ask = files::Ask {
        method: match head.line().method {
            Method::Get => files::Method::Get,
            Method::Head => files::Method::Head,
            _ => files::Method::Other,
        },
        path: path.to_vec(),
        sent_path: sent_path.to_vec(),
        sent_query: (!sent_query.is_empty()).then(|| sent_query.to_vec()),
        ..files::Ask::default()
    };
    for field in head.fields().filter(|field| field.name == Name::Other) {
        let mut known = [
            ("if-match", &mut ask.if_match),
            ("if-unmodified-since", &mut ask.if_unmodified_since),
            ("if-none-match", &mut ask.if_none_match),
            ("if-modified-since", &mut ask.if_modified_since),
            ("range", &mut ask.range),
            ("if-range", &mut ask.if_range),
            ("accept-encoding", &mut ask.accept_encoding),
        ];
        let is_it = |name: &str| field.name_bytes.eq_ignore_ascii_case(name.as_bytes());
        match known.iter_mut().find(|(name, _)| is_it(name)) {
            Some((_, Some(joined))) => {
                joined.extend_from_slice(b", ");
                joined.extend_from_slice(field.value);
            }
            Some((_, first)) => **first = Some(field.value.to_vec()),
            None => {}
        }
    }
    ask
}

fn head(worker: &Worker, request: &Request, answer: &Answer, persists: bool) -> Buffer {
    let mut out = worker.buffers.head();
    write::status_line(&mut out, answer.status, reason(answer.status).as_bytes());
    for (name, value) in &answer.fields {
        write::field(&mut out, name.as_bytes(), value.as_bytes());
    }
    if !matches!(answer.status, 204 | 304) {
        write::content_length(&mut out, answer.body.len());
    }
    let now = worker.clock.read();
    write::field(&mut out, b"Date", &worker.clock.date(now));
    if !persists {
        out.push(b"Connection: close\r\n");
    } else if request.version() == Version::Http10 {
        out.push(b"Connection: keep-alive\r\n");
    }
    out.push(b"\r\n");
    if let Some(lines) = request.way.response_lines() {
        let edits = &request.way.entry().response_edits;
        edits.apply(&mut out, &worker.buffers, lines);
    }
    out
}

/// Sends the response; returns how many bytes that were.
async fn send(
    worker: &Worker,
    client: &mut Client,
    request: &Request,
    mut head: Buffer,
    body: Payload,
) -> Result<u64, Failure> {
    let timeout = request.route().timeouts.body;
    let has_body = request.method() != Method::Head;
    let mut rest = None;
    match body {
        Payload::Bytes(bytes) if has_body && bytes.len() <= COPIED => head.push(&bytes),
        // Was read along when it was opened.
        Payload::File(mut content) if has_body && content.len() <= COPIED as u64 => {
            let piece = content.read(Vec::new(), COPIED).await;
            head.push(&piece.map_err(|_| Failure::File)?);
        }
        other => rest = Some(other).filter(|_| has_body),
    }
    let mut sent = head.len() as u64;
    put(worker, client, head.filled(), timeout).await?;
    drop(head);
    match rest {
        None => {}
        Some(Payload::Bytes(bytes)) => {
            put(worker, client, &bytes, timeout).await?;
            sent += bytes.len() as u64;
        }
        Some(Payload::File(mut content)) => {
            let mut piece = Vec::new();
            loop {
                let read = content.read(piece, PIECE).await;
                piece = read.map_err(|_| Failure::File)?;
                if piece.is_empty() {
                    break;
                }
                put(worker, client, &piece, timeout).await?;
                sent += piece.len() as u64;
            }
        }
    }
    Ok(sent)
}

/// Writes it all, as long as the client takes some of it from time to time.
async fn put(
    worker: &Worker,
    client: &mut Client,
    bytes: &[u8],
    timeout: std::time::Duration,
) -> Result<(), Failure> {
    let Client {
        connection, timer, ..
    } = client;
    let stream = connection.stream_mut();
    let mut rest = bytes;
    while !rest.is_empty() {
        timer.set(worker.clock.read(), timeout);
        match timer.limit(stream.write(rest)).await {
            Some(Ok(count @ 1..)) => rest = &rest[count..],
            Some(Ok(0) | Err(_)) | None => return Err(Failure::ClientGone),
        }
    }
    Ok(())
}
