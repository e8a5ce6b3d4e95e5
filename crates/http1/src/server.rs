//! The server's side of a connection: reading requests.

use std::task::{Context, Poll};

use crate::connection::Connection;
use crate::error::ReadError;
use crate::head::RequestHead;
use crate::parse::{self, Limits};
use crate::transport::Transport;

impl<S: Transport> Connection<S> {
    /// Reads the head of the next request. `None` is a client that closed the connection between two requests.
    ///
    /// # Errors
    /// [`ReadError::Closed`] when the stream ends inside a head, [`ReadError::Head`] when the head is refused; the
    /// connection is of no further use then.
    pub fn poll_request(
        &mut self,
        cx: &mut Context<'_>,
        limits: &Limits,
    ) -> Poll<Result<Option<RequestHead>, ReadError>> {
        self.poll_head(cx, limits, true, |bytes, fields| {
            parse::request(bytes, fields, limits)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::buffer::{HEAD, Pool, RELAY};
    use crate::error::HeadError;

    /// Sends `input` in pieces and returns what `poll_request` says, one result per request.
    async fn read(input: Vec<u8>, piece: usize) -> Vec<Result<String, String>> {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        let sender = async move {
            for part in input.chunks(piece) {
                client.write_all(part).await.expect("the pipe is open");
                tokio::task::yield_now().await;
            }
        };
        let reader = async move {
            let pool = Pool::new();
            let mut connection = Connection::server(server, &pool);
            let mut seen = Vec::new();
            loop {
                match poll_fn(|cx| connection.poll_request(cx, &Limits::default())).await {
                    Ok(Some(head)) => {
                        seen.push(Ok(String::from_utf8_lossy(head.target()).into_owned()));
                        connection.put_back(head.into_rest(0));
                    }
                    Ok(None) => return seen,
                    Err(error) => {
                        seen.push(Err(error.to_string()));
                        return seen;
                    }
                }
            }
        };
        tokio::join!(sender, reader).1
    }

    #[tokio::test]
    async fn pipelined_requests_arrive_one_by_one_however_they_are_cut() {
        let input =
            b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n"
                .to_vec();
        for piece in 1..=input.len() {
            let seen = read(input.clone(), piece).await;
            assert_eq!(
                seen,
                [Ok("/1".to_owned()), Ok("/2".to_owned())],
                "pieces of {piece}"
            );
        }
    }

    #[tokio::test]
    async fn a_head_up_to_the_limit_is_read_and_one_above_is_refused() {
        let head = |len: usize| {
            let start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
            format!("{start}{}\r\n\r\n", "x".repeat(len - start.len() - 4)).into_bytes()
        };
        for len in [HEAD - 1, HEAD, HEAD + 1, RELAY] {
            assert_eq!(
                read(head(len), 1000).await,
                [Ok("/".to_owned())],
                "{len} bytes"
            );
        }
        let too_large = Err(HeadError::TooLarge.to_string());
        assert_eq!(read(head(RELAY + 1), 1000).await, [too_large]);
        let long_target = format!("GET /{}", "x".repeat(RELAY)).into_bytes();
        assert_eq!(
            read(long_target, 1000).await,
            [Err(HeadError::TargetTooLong.to_string())]
        );
    }

    #[tokio::test]
    async fn a_stream_that_ends_inside_a_head_is_an_error() {
        assert_eq!(read(b"".to_vec(), 1).await, []);
        let seen = read(b"GET / HTTP/1.1\r\nHost:".to_vec(), 4).await;
        assert_eq!(seen, [Err(ReadError::Closed.to_string())]);
    }

    #[tokio::test]
    async fn bare_line_feeds_are_refused_however_they_arrive() {
        for piece in [1, 5, 100] {
            let seen = read(b"GET / HTTP/1.1\nHost: a\n\n".to_vec(), piece).await;
            assert_eq!(
                seen,
                [Err(HeadError::LineEnding.to_string())],
                "pieces of {piece}"
            );
        }
    }
}
