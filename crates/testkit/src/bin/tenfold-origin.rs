//! A fast and predictable origin for benchmarks: canned responses, one thread.
//!
//! `tenfold-origin --listen ADDRESS` answers `GET /1k` (1,024 bytes), `/100k` (102,400 bytes), `/chunked` (4 chunks of
//! 1,024 bytes), and anything else, with a body or without, with a short text.
//!
//! For caches: `/cached/1k` and `/cached/100k` are the same with a lifetime of a day, `/cached/N` is a different object of
//! 1,024 bytes for each number, and `/requests` says how many requests came so far (itself not counted), so that a benchmark
//! can tell which of its requests a cache has answered.

use std::borrow::Cow;
use std::cell::Cell;
use std::future::poll_fn;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::SystemTime;

use tenfold_http1::body::Decoder;
use tenfold_http1::chunked::Output;
use tenfold_http1::{Connection, Limits, Pool, RequestHead};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};

struct Responses {
    small: Vec<u8>,
    large: Vec<u8>,
    chunked: Vec<u8>,
    other: Vec<u8>,
    cached_small: Vec<u8>,
    cached_large: Vec<u8>,
    /// Requests so far.
    requests: Cell<u64>,
}

const DATE: &str = "Fri, 20 Nov 2026 12:00:00 GMT";

/// A response with fields of its own, and a body of so many letters.
fn sized(len: usize, date: &str, fields: &str) -> Vec<u8> {
    let mut response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: {date}\r\nServer: tenfold-origin\r\n\
         {fields}Content-Length: {len}\r\n\r\n"
    )
    .into_bytes();
    response.extend((0..len).map(|at| b'a' + (at % 26) as u8));
    response
}

impl Responses {
    fn new() -> Self {
        let mut chunked = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: {DATE}\r\n\
             Server: tenfold-origin\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        .into_bytes();
        for _ in 0..4 {
            chunked.extend_from_slice(b"400\r\n");
            chunked.extend_from_slice(&[b'c'; 1024]);
            chunked.extend_from_slice(b"\r\n");
        }
        chunked.extend_from_slice(b"0\r\n\r\n");
        // A cache reckons an age from this date, so it has to be a true one.
        let now = httpdate::fmt_http_date(SystemTime::now());
        let cached = |len| sized(len, &now, "Cache-Control: max-age=86400\r\n");
        Self {
            small: sized(1024, DATE, ""),
            large: sized(102_400, DATE, ""),
            chunked,
            other: sized(16, DATE, ""),
            cached_small: cached(1024),
            cached_large: cached(102_400),
            requests: Cell::new(0),
        }
    }

    fn of(&self, target: &[u8]) -> Cow<'_, [u8]> {
        if target == b"/requests" {
            return self.count().into();
        }
        self.requests.set(self.requests.get() + 1);
        let canned = match target {
            b"/1k" => &self.small,
            b"/100k" => &self.large,
            b"/chunked" => &self.chunked,
            b"/cached/1k" => &self.cached_small,
            b"/cached/100k" => &self.cached_large,
            _ => match target.strip_prefix(b"/cached/") {
                Some(number) => return self.numbered(number).into(),
                None => &self.other,
            },
        };
        canned.into()
    }

    /// An object that ends in its number, so that no two are alike.
    fn numbered(&self, number: &[u8]) -> Vec<u8> {
        let mut response = self.cached_small.clone();
        let digits = &number[..number.len().min(20)];
        let start = response.len() - digits.len();
        response[start..].copy_from_slice(digits);
        response
    }

    fn count(&self) -> Vec<u8> {
        let count = self.requests.get().to_string();
        let length = count.len();
        format!(
            "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: {length}\r\n\r\n{count}"
        )
        .into_bytes()
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [flag, address] = &arguments[..] else {
        return usage();
    };
    if flag != "--listen" {
        return usage();
    }
    match serve(address) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tenfold-origin: {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: tenfold-origin --listen ADDRESS");
    ExitCode::from(2)
}

fn serve(address: &str) -> std::io::Result<()> {
    let runtime = Builder::new_current_thread()
        .enable_io()
        .build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        let (pool, responses) = (Pool::new(), Rc::new(Responses::new()));
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let (pool, responses) = (Rc::clone(&pool), Rc::clone(&responses));
            tokio::task::spawn_local(async move {
                let mut connection = Connection::server(stream, &pool);
                while let Ok(true) = answer(&mut connection, &responses).await {}
            });
        }
    })
}

/// Answers one request; false if there is none.
async fn answer(
    connection: &mut Connection<TcpStream>,
    responses: &Responses,
) -> std::io::Result<bool> {
    let limits = Limits::default();
    let Ok(Some(head)) = poll_fn(|cx| connection.poll_request(cx, &limits)).await else {
        return Ok(false);
    };
    let response = responses.of(head.target());
    read_body(connection, head).await?;
    connection.stream_mut().write_all(&response).await?;
    Ok(true)
}

/// Reads the body and puts back what follows it.
async fn read_body(
    connection: &mut Connection<TcpStream>,
    head: RequestHead,
) -> std::io::Result<()> {
    let mut decoder = Decoder::new(head.line().length);
    let mut rest = head.into_rest(0);
    loop {
        let step = decoder
            .decode(rest.filled_mut(), Output::Data)
            .map_err(std::io::Error::other)?;
        rest.consume(step.consumed);
        if decoder.is_done() {
            connection.put_back(rest);
            return Ok(());
        }
        rest.make_room();
        if poll_fn(|cx| rest.poll_fill(cx, connection.stream_mut())).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}
