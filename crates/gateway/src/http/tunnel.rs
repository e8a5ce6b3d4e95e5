//! A connection that has changed to another protocol (RFC 9110 section 7.8): bytes both ways, nothing understood.
//!
//! Each direction ends on its own, and its end is passed on, so that a half-closed tunnel works. An idle
//! tunnel holds no buffer.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use tenfold_http1::Transport;
use tenfold_http1::body::Decoder;
use tenfold_http1::framing::Length;
use tokio::io::AsyncWrite;

use super::body::{Format, Pump, PumpError};
use super::client::Client;
use super::error::Failure;
use super::request::Request;
use crate::upstream::Connection;
use crate::worker::Worker;

/// Passes on the 101, with which `down` begins, then carries bytes until both sides have ended, one has failed, or
/// nothing has moved for long.
pub(super) async fn run(
    worker: &Worker,
    client: &mut Client,
    request: &Request,
    upstream: &mut Connection,
    down: &mut Pump,
) -> Result<(), Failure> {
    let mut early = worker.buffers.head();
    early.push(request.head.rest());
    let decoder = Decoder::new(Length::UntilClose);
    let mut up = Pump::new(&worker.buffers, decoder, Format::Same, None, Some(early))
        .map_err(Failure::Body)?;
    let mut up = Direction {
        pump: &mut up,
        is_over: false,
    };
    let mut down = Direction {
        pump: down,
        is_over: false,
    };
    let timeout = request.route().timeouts.tunnel;
    let mut progress = 0;

    worker.metrics.tunnels.increment();
    client.timer.set(worker.clock.read(), timeout);
    let result = poll_fn(|cx| {
        let (here, there) = (client.connection.stream_mut(), upstream.stream_mut());
        let results = [up.poll(cx, here, there), down.poll(cx, there, here)];
        let moved = up.pump.progress() + down.pump.progress();
        if moved != progress {
            progress = moved;
            client.timer.set(worker.clock.read(), timeout);
        }
        match results {
            [Poll::Ready(Ok(())), Poll::Ready(Ok(()))] => Poll::Ready(Ok(())),
            [Poll::Ready(Err(_)), _] | [_, Poll::Ready(Err(_))] => {
                Poll::Ready(Err(Failure::TunnelBroken))
            }
            _ if client.timer.is_due(cx) => Poll::Ready(Err(Failure::TunnelIdle)),
            _ => Poll::Pending,
        }
    })
    .await;
    worker.metrics.tunnels.decrement();
    worker.metrics.received_bytes.add(up.pump.written());
    result
}

/// One direction: a body until the sender closes, and then the receiver is told so.
struct Direction<'p> {
    pump: &'p mut Pump,
    is_over: bool,
}

impl Direction<'_> {
    fn poll<S: Transport, D: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut S,
        target: &mut D,
    ) -> Poll<Result<(), PumpError>> {
        if !self.is_over {
            std::task::ready!(self.pump.poll(cx, source, target))?;
            // A shut-down socket is told once; tokio's sockets do it without waiting.
            let _already_gone = Pin::new(target).poll_shutdown(cx);
            self.is_over = true;
        }
        Poll::Ready(Ok(()))
    }
}
