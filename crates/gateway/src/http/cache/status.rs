//! `Cache-Status` (RFC 9211): what the cache did, for whoever wonders.

use smallvec::SmallVec;

/// Why a request went to the server (RFC 9211 section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forward {
    /// The cache was told to take no part.
    Bypass,
    /// The method asks for it.
    Method,
    /// Nothing is stored for the address.
    UriMiss,
    /// Something is, but not for these request fields.
    VaryMiss,
    /// What is stored would do, but the request wants more.
    Request,
    /// What is stored is stale.
    Stale,
}

impl Forward {
    fn as_str(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Request => "request",
            Self::Stale => "stale",
        }
    }
}

/// What the cache did for one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CacheStatus {
    /// `None` is a hit.
    pub(crate) forward: Option<Forward>,
    /// The status that the server answered with.
    pub(crate) forward_status: Option<u16>,
    /// Its response was stored.
    pub(crate) is_stored: bool,
    /// The request waited for another one of its kind.
    pub(crate) is_collapsed: bool,
    /// For how many seconds the response is fresh; negative if it is stale.
    pub(crate) ttl: Option<i64>,
    /// More about it: a token.
    pub(crate) detail: Option<&'static str>,
}

/// Long enough for most.
pub(crate) type Value = SmallVec<[u8; 96]>;

impl CacheStatus {
    /// The member to append to the list, with the name of this cache.
    pub(crate) fn value(&self) -> Value {
        let mut out = Value::new();
        out.extend_from_slice(b"tenfold");
        match self.forward {
            None => out.extend_from_slice(b"; hit"),
            Some(forward) => {
                out.extend_from_slice(b"; fwd=");
                out.extend_from_slice(forward.as_str().as_bytes());
            }
        }
        let mut digits = itoa::Buffer::new();
        if let Some(status) = self.forward_status {
            out.extend_from_slice(b"; fwd-status=");
            out.extend_from_slice(digits.format(status).as_bytes());
        }
        if self.is_stored {
            out.extend_from_slice(b"; stored");
        }
        if self.is_collapsed {
            out.extend_from_slice(b"; collapsed");
        }
        if let Some(ttl) = self.ttl {
            out.extend_from_slice(b"; ttl=");
            out.extend_from_slice(digits.format(ttl).as_bytes());
        }
        if let Some(detail) = self.detail {
            out.extend_from_slice(b"; detail=");
            out.extend_from_slice(detail.as_bytes());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members() {
        let hit = CacheStatus {
            ttl: Some(-30),
            ..CacheStatus::default()
        };
        let stale = CacheStatus {
            forward: Some(Forward::Stale),
            forward_status: Some(304),
            is_stored: true,
            is_collapsed: true,
            ttl: Some(60),
            detail: Some("validated"),
        };
        for (status, expected) in [
            (CacheStatus::default(), "tenfold; hit"),
            (hit, "tenfold; hit; ttl=-30"),
            (
                stale,
                "tenfold; fwd=stale; fwd-status=304; stored; collapsed; ttl=60; detail=validated",
            ),
        ] {
            assert_eq!(String::from_utf8_lossy(&status.value()), expected);
        }
        let forwards = [
            Forward::Bypass,
            Forward::Method,
            Forward::UriMiss,
            Forward::VaryMiss,
            Forward::Request,
        ];
        let texts = forwards.map(Forward::as_str);
        assert_eq!(
            texts,
            ["bypass", "method", "uri-miss", "vary-miss", "request",]
        );
    }
}
