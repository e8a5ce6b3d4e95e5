//! Request targets (RFC 9112 section 3.2) and authorities (RFC 3986 section 3.2).

use std::net::Ipv6Addr;

use crate::error::HeadError;
use crate::field::Span;
use crate::name::Method;

/// A target split into what is forwarded and what it says about the host.
pub(crate) struct Target {
    /// Path and query; empty if an absolute target has none.
    pub(crate) path: Span,
    /// The authority of an absolute target.
    pub(crate) authority: Option<Span>,
}

/// Splits the target that stands at `span` of `head`.
///
/// Every visible ASCII byte but `#` may stand in one: browsers send `|` or `{` unescaped, and refusing
/// them would break pages. Bytes above 0x7f and control bytes may not.
pub(crate) fn split(head: &[u8], span: Span, method: Method) -> Result<Target, HeadError> {
    let target = span.of(head);
    if !target
        .iter()
        .all(|byte| byte.is_ascii_graphic() && *byte != b'#')
    {
        return Err(HeadError::Target);
    }
    // CONNECT has the authority form and no other, and its port has no default (RFC 9110 section 9.3.6).
    if method == Method::Connect {
        let has_port = target.contains(&b':') && target.last().is_some_and(u8::is_ascii_digit);
        if !has_port || !is_authority(target) {
            return Err(HeadError::Target);
        }
        return Ok(Target {
            path: Span::default(),
            authority: Some(span),
        });
    }
    // The server-wide `*` is for OPTIONS alone.
    if target.starts_with(b"/") || (target == b"*" && method == Method::Options) {
        return Ok(Target {
            path: span,
            authority: None,
        });
    }
    absolute(target, span)
}

/// `http://authority[/path][?query]`
fn absolute(target: &[u8], span: Span) -> Result<Target, HeadError> {
    let scheme = [&b"http://"[..], b"https://"]
        .into_iter()
        .find(|scheme| {
            target
                .get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        })
        .ok_or(HeadError::Target)?;
    let after = &target[scheme.len()..];
    let len = after
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?'))
        .unwrap_or(after.len());
    // A query without a path would need a byte that is not in the buffer; nobody sends it.
    if !is_authority(&after[..len]) || after.get(len) == Some(&b'?') {
        return Err(HeadError::Target);
    }
    let offset = |at: usize| span.start + u32::try_from(at).expect("a head is at most 64 KiB");
    let authority = Span {
        start: offset(scheme.len()),
        end: offset(scheme.len() + len),
    };
    Ok(Target {
        path: Span {
            start: authority.end,
            end: span.end,
        },
        authority: Some(authority),
    })
}

/// True for `host [":" port]`: no user information (RFC 9110 section 4.2.4) and no empty host.
pub(crate) fn is_authority(bytes: &[u8]) -> bool {
    let (is_host_valid, rest) = if bytes.first() == Some(&b'[') {
        let Some(close) = memchr::memchr(b']', bytes) else {
            return false;
        };
        let address = std::str::from_utf8(&bytes[1..close]).ok();
        (
            address.is_some_and(|text| text.parse::<Ipv6Addr>().is_ok()),
            &bytes[close + 1..],
        )
    } else {
        let end = memchr::memchr(b':', bytes).unwrap_or(bytes.len());
        (end > 0 && is_registered_name(&bytes[..end]), &bytes[end..])
    };
    is_host_valid && is_port(rest)
}

/// `*( unreserved / pct-encoded / sub-delims )`
fn is_registered_name(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        rest = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => after,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => after,
            b'%' if after.len() >= 2 && after[..2].iter().all(u8::is_ascii_hexdigit) => &after[2..],
            _ => return false,
        };
    }
    true
}

/// Nothing, or `":" *DIGIT` up to 65535.
fn is_port(bytes: &[u8]) -> bool {
    match bytes.split_first() {
        None | Some((b':', [])) => true,
        Some((b':', digits)) => {
            crate::framing::decimal(digits).is_some_and(|port| port <= u64::from(u16::MAX))
        }
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities() {
        for good in [
            "a",
            "example.com",
            "example.com:80",
            "127.0.0.1:8080",
            "[::1]",
            "[::1]:443",
            "a_b",
            "a%20b",
            "host:",
            "a;b=c",
        ] {
            assert!(is_authority(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            ":80",
            "a b",
            "a/b",
            "user@host",
            "a:b",
            "a:80:80",
            "a:65536",
            "[::1",
            "[::g]",
            "[::1]x",
            "a%2",
            "a%zz",
            "a?b",
            "a#b",
            "h\u{e9}",
            "a\"b",
            "a<b",
            "[127.0.0.1]",
        ] {
            assert!(!is_authority(bad.as_bytes()), "{bad}");
        }
    }

    fn split_text(target: &str, method: Method) -> Option<(String, Option<String>)> {
        let bytes = target.as_bytes();
        let span = Span {
            start: 0,
            end: u32::try_from(bytes.len()).ok()?,
        };
        let text = |span: Span| String::from_utf8_lossy(span.of(bytes)).into_owned();
        split(bytes, span, method)
            .ok()
            .map(|t| (text(t.path), t.authority.map(text)))
    }

    #[test]
    fn the_four_forms() {
        let some = |path: &str, host: Option<&str>| Some((path.into(), host.map(Into::into)));
        assert_eq!(split_text("/a?b=c|d", Method::Get), some("/a?b=c|d", None));
        assert_eq!(split_text("*", Method::Options), some("*", None));
        assert_eq!(split_text("*", Method::Get), None);
        assert_eq!(
            split_text("a:443", Method::Connect),
            some("", Some("a:443"))
        );
        assert_eq!(split_text("a:443", Method::Get), None);
        assert_eq!(
            split_text("HTTP://a:1/b", Method::Get),
            some("/b", Some("a:1"))
        );
        assert_eq!(split_text("http://a", Method::Get), some("", Some("a")));
        for bad in ["", "a", "a:", "[::1]", "*", "/", "/a", "http://a:80"] {
            assert_eq!(split_text(bad, Method::Connect), None, "CONNECT {bad}");
        }
        for bad in [
            "",
            "a",
            "http://",
            "http:///x",
            "ftp://a/",
            "http://u@a/",
            "/a#b",
            "/\u{e9}",
            "http://a?b",
        ] {
            assert_eq!(split_text(bad, Method::Get), None, "{bad}");
        }
    }
}
