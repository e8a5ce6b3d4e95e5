//! A line of JSON per request.

use std::cell::RefCell;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use tenfold_http1::{Name, RequestHead};
use tenfold_observe::lines::Lines;

use super::served::Served;

/// A batch is handed over when it is as large as this, or a second old.
const BATCH: usize = 32 * 1024;
/// Longest target or user agent that is logged, in bytes; longer ones are cut.
const LONGEST: usize = 2048;

/// One worker's lines that have not been handed over.
pub(crate) struct AccessLog {
    lines: Lines,
    batch: RefCell<Batch>,
}

#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    lines: u64,
}

/// What a line says.
pub(super) struct Line<'a> {
    /// Missing if none was found.
    pub(super) route: Option<&'a str>,
    /// What was answered because all else had failed.
    pub(super) fallback: Option<&'static str>,
    pub(super) peer: IpAddr,
    /// Missing if no request could be read.
    pub(super) head: Option<&'a RequestHead>,
    pub(super) id: &'a [u8],
    pub(super) received: u64,
    pub(super) duration: Duration,
    pub(super) served: &'a Served,
}

impl AccessLog {
    /// A log that hands its lines over.
    pub(crate) fn new(lines: Lines) -> Self {
        Self {
            lines,
            batch: RefCell::default(),
        }
    }

    /// Adds a line.
    pub(super) fn write(&self, entry: &Line<'_>) {
        let mut batch = self.batch.borrow_mut();
        format(&mut batch.bytes, entry, SystemTime::now());
        batch.lines += 1;
        if batch.bytes.len() >= BATCH {
            self.hand_over(&mut batch);
        }
    }

    /// Hands over what there is.
    pub(crate) fn flush(&self) {
        let mut batch = self.batch.borrow_mut();
        if batch.lines > 0 {
            self.hand_over(&mut batch);
        }
    }

    fn hand_over(&self, batch: &mut Batch) {
        let Batch { bytes, lines } = std::mem::take(batch);
        self.lines.offer(bytes, lines);
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Appends one line.
fn format(out: &mut Vec<u8>, entry: &Line<'_>, now: SystemTime) {
    let mut number = itoa::Buffer::new();
    let since_1970 = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    out.extend_from_slice(b"{\"time\":");
    out.extend_from_slice(number.format(since_1970.as_secs()).as_bytes());
    out.push(b'.');
    let millis = since_1970.subsec_millis();
    out.extend_from_slice(&[millis / 100, millis / 10 % 10, millis % 10].map(|d| b'0' + d as u8));
    text(out, "client", entry.peer.to_string().as_bytes());
    if let Some(head) = entry.head {
        text(out, "method", head.method_bytes());
        text(out, "host", head.authority());
        text(out, "target", head.target());
        if let Some(agent) = head.get(Name::UserAgent) {
            text(out, "user_agent", agent);
        }
    }
    for (name, value) in [
        ("status", u64::from(entry.served.status)),
        ("request_bytes", entry.received),
        ("response_bytes", entry.served.sent),
        (
            "duration_us",
            u64::try_from(entry.duration.as_micros()).unwrap_or(u64::MAX),
        ),
    ] {
        key(out, name);
        out.extend_from_slice(number.format(value).as_bytes());
    }
    if let Some(route) = entry.route {
        text(out, "route", route.as_bytes());
    }
    if let Some(kind) = entry.fallback {
        text(out, "fallback", kind.as_bytes());
    }
    if let Some(member) = &entry.served.endpoint {
        text(out, "endpoint", member.endpoint.name().as_bytes());
    }
    if let Some(failure) = &entry.served.failure {
        text(out, "error", failure.kind().as_bytes());
        text(out, "blame", failure.blame().as_bytes());
    }
    if !entry.id.is_empty() {
        text(out, "request_id", entry.id);
    }
    out.extend_from_slice(b"}\n");
}

fn key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Appends a string that a stranger chose: JSON's own escapes (RFC 8259 section 7), and every byte that is not printable
/// ASCII as `\u00XX`, so that a line is always valid JSON and harmless in a terminal.
fn text(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    key(out, name);
    out.push(b'"');
    for byte in &value[..value.len().min(LONGEST)] {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b' '..=b'~' => out.push(*byte),
            _ => {
                let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
            }
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::error::Failure;
    use crate::http::served::Next;

    #[test]
    fn a_line_is_json_whatever_a_stranger_sends() {
        let mut out = Vec::new();
        text(&mut out, "x", b"a\"b\\c\x1b[31m\xff");
        assert_eq!(out, br#","x":"a\"b\\c\u001b[31m\u00ff""#);
    }

    #[test]
    fn a_line_without_a_request_still_says_what_happened() {
        let served = Served {
            status: 400,
            sent: 10,
            endpoint: None,
            failure: Some(Failure::ClientTimeout),
            ended: None,
            next: Next::Linger,
        };
        let entry = Line {
            route: None,
            fallback: None,
            peer: IpAddr::from([127, 0, 0, 1]),
            head: None,
            id: b"",
            received: 0,
            duration: Duration::from_micros(1500),
            served: &served,
        };
        let mut out = Vec::new();
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_042);
        format(&mut out, &entry, time);
        let wanted = concat!(
            r#"{"time":1700000000.042,"client":"127.0.0.1","status":400,"request_bytes":0,"#,
            r#""response_bytes":10,"duration_us":1500,"error":"client_timeout","blame":"client"}"#,
            "\n"
        );
        assert_eq!(String::from_utf8_lossy(&out), wanted);
    }
}
