//! The common and the combined log format of Apache and nginx, also with the virtual host in front (`vhost_combined`):
//!
//! `203.0.113.7 - ann [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.1" 200 2326 "https://…" "Mozilla/5.0 …"`
//!
//! What follows the status is not looked at, so fields that somebody added there do no harm.

use std::borrow::Cow;
use std::net::IpAddr;

use super::record::{Fault, Record, method, target};
use crate::import::date;

/// Reads a line.
pub(super) fn read(line: &str) -> Result<Record<'_>, Fault> {
    const DATE: Fault = Fault::Format("no date in square brackets");
    let (before, at, after) = split_at_date(line).ok_or(DATE)?;
    let mut words = before.split_ascii_whitespace();
    let first = words.next().ok_or(Fault::Format("no client"))?;
    let (host, client) = match words
        .next()
        .filter(|second| second.parse::<IpAddr>().is_ok())
    {
        Some(second) if first.parse::<IpAddr>().is_err() => (Some(first), second),
        _ => (None, first),
    };
    const CUT: Fault = Fault::Format("cut off before the status");
    let quoted = after.trim_start().strip_prefix('"');
    let quoted = quoted.ok_or(Fault::Format("no request in quotes"))?;
    let end = end_of_quoted(quoted).ok_or(CUT)?;
    let status = quoted[end + 1..].split_ascii_whitespace().next();
    let status = match status.ok_or(CUT)? {
        "-" => 0,
        digits => digits
            .parse()
            .map_err(|_| Fault::Format("no status after the request"))?,
    };
    let request = &quoted[..end];
    let (verb, rest) = request.split_once(' ').ok_or(Fault::NoRequest)?;
    // Requests of HTTP/0.9 have no version. A target with spaces is no target.
    let path = match rest.rsplit_once(' ') {
        Some((path, version)) if version.starts_with("HTTP/") => path,
        _ => return Err(Fault::NoRequest),
    };
    if path.contains(' ') {
        return Err(Fault::NoRequest);
    }
    Ok(Record {
        at,
        is_fine: false,
        client: Cow::Borrowed(client),
        method: method(Cow::Borrowed(verb))?,
        host: host.map(Cow::Borrowed),
        target: target(&unescaped(path))?,
        status,
    })
}

/// What stands before the date, the date, and what follows. A user's name may have brackets in it, so each is tried.
fn split_at_date(line: &str) -> Option<(&str, i64, &str)> {
    for (place, _) in line.match_indices('[').take(8) {
        let rest = &line[place + 1..];
        let end = rest.find(']')?;
        if let Some(at) = date::common(&rest.as_bytes()[..end]) {
            return Some((&line[..place], at, &rest[end + 1..]));
        }
    }
    None
}

/// Where the quotes end: at one that has no backslash before it.
fn end_of_quoted(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return Some(place),
            _ => {}
        }
    }
    None
}

/// Undoes how nginx (`\x22`) and Apache (`\"`, `\\`) write what could be taken for the end of the text.
fn unescaped(text: &str) -> Cow<'_, [u8]> {
    let bytes = text.as_bytes();
    if !bytes.contains(&b'\\') {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        match tail {
            [b'x', high, low, tail @ ..] => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap_or_default();
                out.push(u8::from_str_radix(digits, 16).unwrap_or(b'?'));
                rest = tail;
            }
            [next, tail @ ..] => {
                out.push(*next);
                rest = tail;
            }
            [] => out.push(b'\\'),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_combined_and_with_the_virtual_host() {
        let rest = r#"- - [10/Oct/2000:13:55:36 -0700] "GET /a?b HTTP/1.1" 304 0"#;
        let common = format!("203.0.113.7 {rest}");
        let combined = format!(r#"{common} "-" "a \"quoted\" agent" 0.003"#);
        let with_host = format!("shop.test:443 {combined}");
        for (line, host) in [
            (&common, None),
            (&combined, None),
            (&with_host, Some("shop.test:443")),
        ] {
            let record = read(line).expect("a record");
            assert_eq!(record.at, 971_211_336_000_000_000);
            assert_eq!(record.client, "203.0.113.7");
            assert_eq!((&*record.method, &*record.target), ("GET", "/a?b"));
            assert_eq!((record.status, record.host.as_deref()), (304, host));
        }
    }

    #[test]
    fn users_with_spaces_and_brackets_are_passed_over() {
        let line = r#"::1 - a [b] c [10/Oct/2000:13:55:36 +0000] "HEAD /x HTTP/2.0" 200 - "-" "-""#;
        let record = read(line).expect("a record");
        assert_eq!((&*record.client, &*record.method), ("::1", "HEAD"));
    }

    #[test]
    fn escapes_of_both_servers() {
        let line = r#"h - - [10/Oct/2000:13:55:36 +0000] "GET /\x22\xC3\xA4\"\\ HTTP/1.1" 200 1"#;
        let record = read(line).expect("a record");
        assert_eq!(record.target, "/%22%C3%A4%22%5C");
    }

    #[test]
    fn what_strangers_send_to_a_port_is_no_request() {
        for request in [
            "-",
            "",
            r"\x16\x03\x01",
            "GET /",
            "GET / a HTTP/1.1",
            "GET * HTTP/1.1",
            "get / HTTP/1.1",
        ] {
            let line = format!(r#"h - - [10/Oct/2000:13:55:36 +0000] "{request}" 400 0"#);
            assert_eq!(read(&line), Err(Fault::NoRequest), "{request}");
        }
    }

    #[test]
    fn a_line_that_was_cut_is_none() {
        let line = r#"h - - [10/Oct/2000:13:55:36 +0000] "GET /a HTTP/1.1" 200"#;
        read(line).expect("a record");
        for end in 0..line.len() - 3 {
            assert!(matches!(read(&line[..end]), Err(Fault::Format(_))), "{end}");
        }
    }
}
