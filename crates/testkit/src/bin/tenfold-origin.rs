//! A fast and predictable origin for benchmarks: canned responses, one thread.
//!
//! `tenfold-origin --listen ADDRESS` answers `GET /1k` (1,024 bytes), `/100k` (102,400 bytes), `/chunked` (4 chunks of
//! 1,024 bytes), and anything else, with a body or without, with a short text.

use std::future::poll_fn;
use std::process::ExitCode;
use std::rc::Rc;

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
}

impl Responses {
    fn new() -> Self {
        let sized = |len: usize| {
            let mut response = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: Fri, 20 Nov 2026 12:00:00 GMT\r\n\
                 Server: tenfold-origin\r\nContent-Length: {len}\r\n\r\n"
            )
            .into_bytes();
            response.extend((0..len).map(|at| b'a' + (at % 26) as u8));
            response
        };
        let mut chunked = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: Fri, 20 Nov 2026 12:00:00 GMT\r\n\
            Server: tenfold-origin\r\nTransfer-Encoding: chunked\r\n\r\n"
            .to_vec();
        for _ in 0..4 {
            chunked.extend_from_slice(b"400\r\n");
            chunked.extend_from_slice(&[b'c'; 1024]);
            chunked.extend_from_slice(b"\r\n");
        }
        chunked.extend_from_slice(b"0\r\n\r\n");
        Self {
            small: sized(1024),
            large: sized(102_400),
            chunked,
            other: sized(16),
        }
    }

    fn of(&self, target: &[u8]) -> &[u8] {
        match target {
            b"/1k" => &self.small,
            b"/100k" => &self.large,
            b"/chunked" => &self.chunked,
            _ => &self.other,
        }
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
    connection.stream_mut().write_all(response).await?;
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
