//! What a client says about how long it waits, and what its servers are told of that.
//!
//! A server that is told what the client said works for somebody who has gone: queues, connections and earlier attempts have taken their
//! part of that time. So each attempt tells what is left then, in the fields in which the client has told it. Who has not said anything is
//! not spoken for: a service that knows nothing of such fields is not to see one.

use std::time::Duration;

use tenfold_http1::{Name, RequestHead};
use tenfold_traffic::resilience::deadline::{self, Deadline};

use crate::config::Route;

/// In which gRPC tells it (gRPC over HTTP/2, "Requests").
const GRPC: &[u8] = b"grpc-timeout";
/// gRPC's numbers have at most eight digits.
const MOST_GRPC: u128 = 99_999_999;

/// When a request that came at `started` is given up, and whether its client has had a say in that. What it says only counts where
/// the route knows of deadlines, and only shortens: looking for fields that hardly anybody sends is not free.
pub(super) fn deadline_of(
    route: &Route,
    head: &RequestHead,
    started: Duration,
) -> (Deadline, bool) {
    let limit = route.timeouts.deadline;
    let own = limit.map_or(Deadline::NONE, |limit| Deadline::after(started, limit));
    if limit.is_none() && route.deadline_header.is_none() {
        return (own, false);
    }
    let header = route.deadline_header.as_deref();
    let said = head.fields().filter(|field| field.name == Name::Other);
    let said = said.filter_map(|field| Said::read(field.name_bytes, field.value, header));
    let first = said.map(|said| Deadline::after(started, said.time)).min();
    (
        first.map_or(own, |first| own.shortened(first)),
        first.is_some(),
    )
}

/// The request with `left` in place of what the client has said. `header` is the route's field for it.
pub(super) fn tell(request: &[u8], header: Option<&str>, left: Duration) -> Vec<u8> {
    let mut out = Vec::with_capacity(request.len() + 32);
    let mut rest = request;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let (line, behind) = rest.split_at(end + 1);
        rest = behind;
        let field = memchr::memchr(b':', line).map(|colon| line.split_at(colon));
        let said = field.and_then(|(name, value)| {
            let said = Said::read(name, value[1..].trim_ascii(), header)?;
            Some((name, said))
        });
        match said {
            Some((name, said)) => {
                out.extend_from_slice(name);
                out.extend_from_slice(format!(": {}\r\n", said.again(left)).as_bytes());
            }
            None => out.extend_from_slice(line),
        }
        // The end of the head: a body may look like anything.
        if line == b"\r\n" {
            break;
        }
    }
    out.extend_from_slice(rest);
    out
}

/// A field that says how long a client waits.
struct Said {
    time: Duration,
    form: Form,
}

/// How it says so.
#[derive(Clone, Copy)]
enum Form {
    Grpc,
    /// Milliseconds without a unit.
    Number,
    /// A number with a unit.
    Unit,
}

impl Said {
    /// `None` if the field is another one, or malformed.
    fn read(name: &[u8], value: &[u8], header: Option<&str>) -> Option<Self> {
        if header.is_some_and(|header| name.eq_ignore_ascii_case(header.as_bytes())) {
            let form = match value.iter().all(u8::is_ascii_digit) {
                true => Form::Number,
                false => Form::Unit,
            };
            let time = deadline::parse_plain(value)?;
            return Some(Self { time, form });
        }
        let time = match name.eq_ignore_ascii_case(GRPC) {
            true => deadline::parse_grpc(value)?,
            false => return None,
        };
        let form = Form::Grpc;
        Some(Self { time, form })
    }

    /// The same with another time: in milliseconds, rounded down, but never none at all, which means other things to other people.
    fn again(&self, left: Duration) -> String {
        let millis = left.as_millis().max(1);
        match self.form {
            Form::Grpc if millis > MOST_GRPC => format!("{}S", (millis / 1000).min(MOST_GRPC)),
            Form::Grpc => format!("{millis}m"),
            Form::Number => millis.to_string(),
            Form::Unit => format!("{millis}ms"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(request: &str, millis: u64) -> String {
        let left = Duration::from_millis(millis);
        let told = tell(request.as_bytes(), Some("x-timeout"), left);
        String::from_utf8(told).expect("ASCII")
    }

    #[test]
    fn each_field_keeps_its_name_and_its_form() {
        let request = "GET /grpc-timeout:1S HTTP/1.1\r\nHost: a\r\nGrpc-Timeout: 5S\r\nX-Timeout: 5s\r\nx-timeout: 5000\r\n\r\n";
        let expected = "GET /grpc-timeout:1S HTTP/1.1\r\nHost: a\r\nGrpc-Timeout: 1234m\r\nX-Timeout: 1234ms\r\nx-timeout: 1234\r\n\r\n";
        assert_eq!(told(request, 1234), expected);
    }

    #[test]
    fn what_is_no_time_and_what_is_no_field_is_left_alone() {
        let request = "PUT / HTTP/1.1\r\ngrpc-timeout: soon\r\nx-other: 5S\r\nContent-Length: 20\r\n\r\ngrpc-timeout: 5S\r\n\r\n";
        assert_eq!(told(request, 1), request);
        assert_eq!(told("no head at all", 1), "no head at all");
    }

    #[test]
    fn the_shortest_and_the_longest_that_can_be_said() {
        let request = "GET / HTTP/1.1\r\ngrpc-timeout: 5S\r\n\r\n";
        assert!(told(request, 0).contains(": 1m\r\n"));
        assert!(told(request, 99_999_999).contains(": 99999999m\r\n"));
        assert!(told(request, 100_000_000).contains(": 100000S\r\n"));
        let forever = tell(request.as_bytes(), None, Duration::MAX);
        assert!(String::from_utf8_lossy(&forever).contains(": 99999999S\r\n"));
    }
}
