//! Answers that need no server: redirects, replies, files.

use std::sync::Arc;

use tenfold_http1::{Buffer, Method, Name, RequestHead, Version, write};
use tokio::io::AsyncWriteExt;

use super::client::Client;
use super::error::{Failure, reason};
use super::request::Request;
use super::route::Local;
use super::served::{Next, Served};
use crate::files::{self, Body, Content};
use crate::worker::Worker;

/// A response that the gateway makes.
struct Answer {
    status: u16,
    fields: Vec<(&'static str, String)>,
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
    let answer = find(request).await;
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

async fn find(request: &Request) -> Answer {
    let no_body = || Payload::Bytes(Arc::default());
    match request.way.local() {
        // Nobody asks for an answer that is not there.
        None => Answer {
            status: 404,
            fields: Vec::new(),
            body: no_body(),
        },
        Some(Local::Redirect { status, location }) => Answer {
            status: *status,
            fields: vec![("Location", String::from_utf8_lossy(location).into_owned())],
            body: no_body(),
        },
        Some(Local::Reply(reply)) if reply.body.is_empty() => Answer {
            status: reply.status,
            fields: Vec::new(),
            body: no_body(),
        },
        Some(Local::Reply(reply)) => Answer {
            status: reply.status,
            fields: vec![("Content-Type", reply.content_type.clone())],
            body: Payload::Bytes(Arc::clone(&reply.body)),
        },
        Some(Local::File { files, path }) => {
            let found = files::find(files, ask(&request.head, path)).await;
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
    }
}

fn ask<'a>(head: &'a RequestHead, path: &'a [u8]) -> files::Ask<'a> {
    let value = |name: &str| {
        head.fields()
            .find(|field| {
                field.name == Name::Other && field.name_bytes.eq_ignore_ascii_case(name.as_bytes())
            })
            .map(|field| field.value)
    };
    files::Ask {
        path,
        if_none_match: value("if-none-match"),
        if_modified_since: value("if-modified-since"),
        range: value("range"),
        if_range: value("if-range"),
        accept_encoding: value("accept-encoding"),
        is_get_or_head: matches!(head.line().method, Method::Get | Method::Head),
    }
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
            let mut left = content.len();
            while left > 0 {
                let piece = content.read(PIECE).await.map_err(|_| Failure::File)?;
                put(worker, client, &piece, timeout).await?;
                sent += piece.len() as u64;
                left = left.saturating_sub(piece.len() as u64);
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
