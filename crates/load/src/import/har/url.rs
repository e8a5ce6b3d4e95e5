//! The parts of a URL that a request is made of.

/// An `http` or `https` URL in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) is_tls: bool,
    /// With the port if it was written: `shop.test:8080`, in lower case.
    pub(super) authority: String,
    /// Begins with `/`.
    pub(super) path: String,
    /// Without the question mark.
    pub(super) query: Option<String>,
}

impl Url {
    /// Reads a URL; nothing if it is of another kind (`data:`, `blob:`, `wss:`, extensions of a browser).
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let is_tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let authority = authority.rsplit('@').next()?.to_ascii_lowercase();
        let is_host = !authority.is_empty()
            && authority
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._~:[]".contains(&byte));
        if !is_host || target.chars().any(char::is_control) {
            return None;
        }
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        let path = if path.is_empty() { "/" } else { path };
        Some(Self {
            is_tls,
            authority,
            path: path.to_owned(),
            query,
        })
    }

    /// Whether its host is this one, which may have a port.
    pub(super) fn is_at(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.authority == host || self.host() == host
    }

    /// Without the port.
    pub(super) fn host(&self) -> &str {
        match self.authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => &self.authority,
        }
    }

    /// `https://host:port`.
    pub(super) fn origin(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let url = Url::parse("HTTPS://u:p@Shop.test:8443/a/b?c=d#e").expect("a URL");
        assert_eq!(
            (url.origin().as_str(), url.host()),
            ("https://shop.test:8443", "shop.test")
        );
        assert_eq!(
            (url.path.as_str(), url.query.as_deref()),
            ("/a/b", Some("c=d"))
        );
        assert!(url.is_at("SHOP.test") && url.is_at("shop.test:8443") && !url.is_at("shop.test:1"));
        let bare = Url::parse("http://[::1]?q").expect("a URL");
        assert_eq!((bare.path.as_str(), bare.host()), ("/", "[::1]"));
    }

    #[test]
    fn other_kinds() {
        for text in [
            "",
            "data:text/plain,x",
            "wss://a/",
            "http://",
            "http://a b/",
            "http://a/\n",
            "about:blank",
        ] {
            assert_eq!(Url::parse(text), None, "{text}");
        }
    }
}
