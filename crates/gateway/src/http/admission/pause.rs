//! A request waits before another attempt, outside its upstream's bulkhead.
//!
//! A server may ask to be left alone for seconds. If a request kept its place for that long, a few of them would take all the
//! places of a service that has nothing to do. So it leaves, and queues again like anybody else. Its place in its route's bulkhead it keeps: it is
//! still the route's.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::leaving::Leaving;
use super::{enter, wait};
use crate::http::client::Client;
use crate::http::error::Failure;
use crate::http::request::Request;
use crate::worker::Worker;

/// Waits for so long and takes a place again. `is_good` says how the attempt before went.
///
/// # Errors
/// If the client leaves, or no place is to be had.
pub(in crate::http) async fn pause(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
    is_good: bool,
    time: Duration,
) -> Result<(), Failure> {
    request.way.upstream_place.judge(is_good);
    request.way.leave_upstream();
    // There is no overload that would be a reason to doubt it.
    let mut leaving = Leaving::watch_lasting(request);
    let stream = client.connection.stream_mut();
    // Not the worker's wheel, whose ticks are longer than most of these waits.
    let mut sleep = pin!(tokio::time::sleep(time));
    let is_there = poll_fn(|cx| match sleep.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(true),
        Poll::Pending => leaving.poll(cx, stream).map(|()| false),
    });
    if !is_there.await {
        return Err(Failure::ClientGone);
    }
    worker.clock.read();
    match enter(client, request) {
        true => Ok(()),
        false => wait::enter(worker, client, request).await,
    }
}
