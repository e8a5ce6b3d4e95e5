//! Hosts: what a pattern may be, and the form in which a request's host is looked up.
//!
//! Hosts are compared in lower case, without port and without the dot that ends an absolute name; IPv6 addresses in
//! the one form of RFC 5952, in brackets.

use std::fmt;
use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use memchr::memchr;

use super::pattern::HostPattern;

/// Most bytes of a name (RFC 1035 section 3.1, as text without the last dot). A longer one cannot match any pattern, and
/// is not looked up.
pub(super) const LONGEST: usize = 253;
/// Most bytes of a label (RFC 1035 section 2.3.4).
const LONGEST_LABEL: usize = 63;

/// The host of an authority: what stands before the port.
#[must_use]
pub fn without_port(authority: &[u8]) -> &[u8] {
    let end = if authority.starts_with(b"[") {
        memchr(b']', authority).map(|close| close + 1)
    } else {
        memchr(b':', authority)
    };
    &authority[..end.unwrap_or(authority.len())]
}

/// The host of an authority as it is looked up; `None` if it has to be written anew, by [`write_canonical`].
pub(super) fn canonical(authority: &[u8]) -> Option<&[u8]> {
    let host = without_port(authority);
    let host = host.strip_suffix(b".").unwrap_or(host);
    let is_plain = !host.starts_with(b"[") && !host.iter().any(u8::is_ascii_uppercase);
    is_plain.then_some(host)
}

/// Writes the host of an authority as it is looked up; returns nothing for one that no pattern can match.
pub(super) fn write_canonical<'b>(
    authority: &[u8],
    buffer: &'b mut [u8; LONGEST],
) -> Option<&'b [u8]> {
    let host = without_port(authority);
    let host = host.strip_suffix(b".").unwrap_or(host);
    if host.starts_with(b"[") {
        let inside = std::str::from_utf8(host[1..].strip_suffix(b"]")?).ok()?;
        let address: Ipv6Addr = inside.parse().ok()?;
        let mut free = &mut buffer[..];
        write!(free, "[{address}]").ok()?;
        let len = LONGEST - free.len();
        return Some(&buffer[..len]);
    }
    let out = buffer.get_mut(..host.len())?;
    out.copy_from_slice(host);
    out.make_ascii_lowercase();
    Some(out)
}

impl HostPattern {
    /// Reads `example.com`, `*.example.com`, `10.0.0.1`, `::1` or `[::1]`.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Err("`*` alone is not a host: leave `host` out to match every host".into());
        }
        let bare = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(text).parse::<Ipv6Addr>() {
            return Ok(Self::Exact(format!("[{address}]")));
        }
        if let Some((_, rest)) = text.split_once("://") {
            let host = rest.split('/').next().unwrap_or(rest);
            return Err(format!("a host has no scheme: write `{host}`"));
        }
        if text.contains('/') {
            return Err("a host has no path: put it into `path`".into());
        }
        if let Some((host, _)) = text.rsplit_once(':') {
            return Err(if text.starts_with('[') || host.contains(':') {
                format!(
                    "`{text}` is no IPv6 address: write it without port, such as `[2001:db8::1]`"
                )
            } else {
                format!("a host has no port, all ports of a listener are matched: write `{host}`")
            });
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let Some(suffix) = name.strip_prefix("*.") else {
            check_name(&name)?;
            return Ok(Self::Exact(name));
        };
        check_name(suffix)?;
        if suffix.parse::<Ipv4Addr>().is_ok() {
            return Err("an address has no subdomains: leave `*.` out".into());
        }
        Ok(Self::Suffix(format!(".{suffix}")))
    }
}

fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("a host is missing: write a name such as `example.com`".into());
    }
    if name.contains('*') {
        return Err("`*` stands for whole labels at the beginning: write `*.example.com`".into());
    }
    if !name.is_ascii() {
        return Err(format!(
            "`{name}` has letters beyond ASCII: write its encoded form (`xn--…`), which clients send"
        ));
    }
    if name.len() > LONGEST {
        return Err(format!("a host has at most {LONGEST} characters"));
    }
    for label in name.split('.') {
        if label.is_empty() {
            return Err(format!(
                "`{name}` has an empty label: write single dots between labels"
            ));
        }
        if label.len() > LONGEST_LABEL {
            return Err(format!(
                "a label of a host has at most {LONGEST_LABEL} characters"
            ));
        }
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if let Some(odd) = label.chars().find(|c| !is_allowed(*c)) {
            return Err(format!(
                "{odd:?} cannot stand in a host: use letters, digits, `-`, `_` and dots"
            ));
        }
    }
    Ok(())
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Suffix(suffix) => write!(f, "*{suffix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (text, shown) in [
            ("example.com", "example.com"),
            ("Shop.Example.COM.", "shop.example.com"),
            ("*.Example.com", "*.example.com"),
            ("10.0.0.1", "10.0.0.1"),
            ("::1", "[::1]"),
            ("[2001:DB8:0:0::1]", "[2001:db8::1]"),
            ("my_app", "my_app"),
        ] {
            let pattern = HostPattern::parse(text).expect(text);
            assert_eq!(pattern.to_string(), shown);
            assert_eq!(HostPattern::parse(shown), Ok(pattern));
        }
    }

    #[test]
    fn mistakes_are_told() {
        let label = "a".repeat(64);
        let name = "a.".repeat(127) + "a";
        for (text, hint) in [
            ("", "missing"),
            ("*", "leave `host` out"),
            ("*.", "`*.example.com`"),
            (".", "missing"),
            ("a*.example.com", "`*.example.com`"),
            ("a.*.com", "`*.example.com`"),
            ("example.com:8080", "write `example.com`"),
            ("[::1]:80", "without port"),
            ("[::g]", "no IPv6"),
            ("https://example.com/x", "write `example.com`"),
            ("example.com/x", "`path`"),
            ("a..b", "empty label"),
            (".a", "empty label"),
            ("a b", "' '"),
            ("a\r\nb", "'\\r'"),
            ("caf\u{e9}.fr", "xn--"),
            ("*.10.0.0.1", "subdomains"),
            (&label, "63"),
            (&name, "253"),
        ] {
            let error = HostPattern::parse(text).expect_err(text);
            assert!(error.contains(hint), "{text}: {error}");
        }
    }

    #[test]
    fn what_requests_say() {
        let written = |authority: &str| {
            let mut buffer = [0; LONGEST];
            let host = canonical(authority.as_bytes());
            let host = host.or_else(|| write_canonical(authority.as_bytes(), &mut buffer));
            host.map(|host| String::from_utf8_lossy(host).into_owned())
        };
        for (authority, host) in [
            ("example.com", Some("example.com")),
            ("example.com:80", Some("example.com")),
            ("EXAMPLE.com.:80", Some("example.com")),
            ("", Some("")),
            (":80", Some("")),
            ("[::1]:80", Some("[::1]")),
            ("[0:0::0001]", Some("[::1]")),
            ("[::FFFF:1.2.3.4]", Some("[::ffff:1.2.3.4]")),
            ("[", None),
            ("[]", None),
            ("[::1", None),
        ] {
            assert_eq!(written(authority).as_deref(), host, "{authority}");
        }
        assert_eq!(written(&"A".repeat(70_000)), None);
    }
}
