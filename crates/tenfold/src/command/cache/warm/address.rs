//! An address to warm, as a request to the gateway: whom it is for, and what it asks for.

use hyper::Uri;
use percent_encoding::{CONTROLS, utf8_percent_encode};

/// Longer ones are not cached.
const LONGEST: usize = 8 << 10;

/// An address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Address {
    /// Clients ask for it by `https`.
    pub(super) is_https: bool,
    /// What `Host` says.
    pub(super) host: String,
    /// Path and query.
    pub(super) target: String,
}

impl Address {
    /// From `https://host/path?query`. Letters beyond ASCII are encoded, as browsers do.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let wrong = || format!("{url:?} is no address: it looks like https://shop.example.com/tea");
        if url.len() > LONGEST {
            return Err(format!("an address has more than {LONGEST} bytes"));
        }
        let encoded = utf8_percent_encode(url, CONTROLS).to_string();
        let uri: Uri = encoded.parse().map_err(|_| wrong())?;
        let is_https = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong()),
        };
        let authority = uri.authority().ok_or_else(wrong)?.as_str();
        if authority.contains('@') {
            return Err(wrong());
        }
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let address = Self::new(authority, target).ok_or_else(wrong)?;
        Ok(Self {
            is_https,
            ..address
        })
    }

    /// From what a log says, which is nothing about the scheme.
    pub(super) fn new(host: &str, target: &str) -> Option<Self> {
        let target = match target.starts_with('?') {
            true => format!("/{target}"),
            false => target.to_owned(),
        };
        let is_host = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic());
        let is_target =
            target.starts_with('/') && target.bytes().all(|byte| byte.is_ascii_graphic());
        let fits = host.len() + target.len() <= LONGEST;
        (is_host && is_target && fits).then(|| Self {
            is_https: false,
            host: host.to_owned(),
            target,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (url, host, target) in [
            ("http://a", "a", "/"),
            ("https://a:8443?b=1", "a:8443", "/?b=1"),
            (
                "https://shop.example/tee/grün?x=1&y#part",
                "shop.example",
                "/tee/gr%C3%BCn?x=1&y",
            ),
            ("http://[::1]:80/x", "[::1]:80", "/x"),
        ] {
            let address = Address::parse(url).expect(url);
            assert_eq!((&*address.host, &*address.target), (host, target), "{url}");
            assert_eq!(address.is_https, url.starts_with("https:"), "{url}");
        }
        let long = format!("http://a/{}", "x".repeat(LONGEST));
        for bad in [
            "",
            "/a",
            "a/b",
            "ftp://a/",
            "http://",
            "http://a b/",
            "http://u@a/",
            "http://a/b c",
            &long,
        ] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
        assert!(Address::new("a\r\nX: y", "/").is_none());
        assert!(Address::new("a", "/ HTTP/1.1\r\n").is_none());
        assert!(Address::new("a", "*").is_none());
    }
}
