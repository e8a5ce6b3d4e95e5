//! The words of HTTP that a proxy has to know: field names, methods, versions.

/// The field names that a proxy has to know. Everything else is [`Name::Other`] and passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// `Accept`
    Accept,
    /// `Connection`
    Connection,
    /// `Content-Length`
    ContentLength,
    /// `Date`
    Date,
    /// `Expect`
    Expect,
    /// `Forwarded` (RFC 7239)
    Forwarded,
    /// `Host`
    Host,
    /// `HTTP2-Settings`, which belongs to the h2c upgrade only
    Http2Settings,
    /// `Keep-Alive`
    KeepAlive,
    /// `Proxy`, which no standard defines and CGI programs mistake for configuration (CVE-2016-5385)
    Proxy,
    /// `Proxy-Connection`, an old misspelling of `Connection`
    ProxyConnection,
    /// `TE`
    Te,
    /// `traceparent` (W3C Trace Context)
    Traceparent,
    /// `Trailer`
    Trailer,
    /// `Transfer-Encoding`
    TransferEncoding,
    /// `Upgrade`
    Upgrade,
    /// `User-Agent`
    UserAgent,
    /// `Via`
    Via,
    /// `X-Forwarded-For`
    XForwardedFor,
    /// `X-Forwarded-Host`
    XForwardedHost,
    /// `X-Forwarded-Port`
    XForwardedPort,
    /// `X-Forwarded-Proto`
    XForwardedProto,
    /// Any other `X-Forwarded-…`: back ends believe them too
    XForwardedOther,
    /// `X-Real-IP`
    XRealIp,
    /// `X-Request-Id`
    XRequestId,
    /// One of the above (`X-Forwarded-…` of any name among them) spelled with `_` for `-`: CGI and its heirs read both as the same name, so
    /// that it could stand in for a field that the proxy vouches for.
    Lookalike,
    /// Any other name.
    Other,
}

impl Name {
    /// Recognises a field name, in any case (RFC 9110 section 5.1).
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let candidates: &[(&[u8], Self)] = match bytes.len() {
            2 => &[(b"te", Self::Te)],
            3 => &[(b"via", Self::Via)],
            4 => &[(b"host", Self::Host), (b"date", Self::Date)],
            5 => &[(b"proxy", Self::Proxy)],
            6 => &[(b"accept", Self::Accept), (b"expect", Self::Expect)],
            7 => &[(b"upgrade", Self::Upgrade), (b"trailer", Self::Trailer)],
            9 => &[
                (b"forwarded", Self::Forwarded),
                (b"x-real-ip", Self::XRealIp),
            ],
            10 => &[
                (b"connection", Self::Connection),
                (b"user-agent", Self::UserAgent),
                (b"keep-alive", Self::KeepAlive),
            ],
            11 => &[(b"traceparent", Self::Traceparent)],
            12 => &[(b"x-request-id", Self::XRequestId)],
            14 => &[
                (b"content-length", Self::ContentLength),
                (b"http2-settings", Self::Http2Settings),
            ],
            15 => &[(b"x-forwarded-for", Self::XForwardedFor)],
            16 => &[
                (b"x-forwarded-host", Self::XForwardedHost),
                (b"x-forwarded-port", Self::XForwardedPort),
                (b"proxy-connection", Self::ProxyConnection),
            ],
            17 => &[
                (b"transfer-encoding", Self::TransferEncoding),
                (b"x-forwarded-proto", Self::XForwardedProto),
            ],
            _ => &[],
        };
        for (name, known) in candidates {
            match compare(bytes, name) {
                Likeness::Same => return *known,
                Likeness::Lookalike => return Self::Lookalike,
                Likeness::Different => {}
            }
        }
        match bytes
            .get(..FORWARDED_PREFIX.len())
            .map(|start| compare(start, FORWARDED_PREFIX))
        {
            Some(Likeness::Same) if !bytes.contains(&b'_') => Self::XForwardedOther,
            Some(Likeness::Same | Likeness::Lookalike) => Self::Lookalike,
            Some(Likeness::Different) | None => Self::Other,
        }
    }
}

const FORWARDED_PREFIX: &[u8] = b"x-forwarded-";

enum Likeness {
    Same,
    Lookalike,
    Different,
}

/// Compares without regard to case, and notices `_` written for `-`.
fn compare(bytes: &[u8], name: &[u8]) -> Likeness {
    let mut likeness = Likeness::Same;
    for (byte, wanted) in bytes.iter().zip(name) {
        if byte.to_ascii_lowercase() != *wanted {
            if *byte != b'_' || *wanted != b'-' {
                return Likeness::Different;
            }
            likeness = Likeness::Lookalike;
        }
    }
    likeness
}

/// A request method. Methods are case-sensitive (RFC 9110 section 9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `DELETE`
    Delete,
    /// `OPTIONS`
    Options,
    /// `PATCH`
    Patch,
    /// `CONNECT`
    Connect,
    /// `TRACE`
    Trace,
    /// Any other token.
    Other,
}

impl Method {
    /// Recognises a method.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        match bytes {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"DELETE" => Self::Delete,
            b"OPTIONS" => Self::Options,
            b"PATCH" => Self::Patch,
            b"CONNECT" => Self::Connect,
            b"TRACE" => Self::Trace,
            _ => Self::Other,
        }
    }

    /// True if repeating the request has the same effect as sending it once (RFC 9110 section 9.2.2).
    #[must_use]
    pub fn is_idempotent(self) -> bool {
        matches!(
            self,
            Self::Get | Self::Head | Self::Put | Self::Delete | Self::Options | Self::Trace
        )
    }
}

/// A protocol version that this crate speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_recognised_in_any_case() {
        for (bytes, name) in [
            (&b"Host"[..], Name::Host),
            (b"hOST", Name::Host),
            (b"X-Forwarded-For", Name::XForwardedFor),
            (b"TRANSFER-ENCODING", Name::TransferEncoding),
            (b"Transfer-Encodinh", Name::Other),
            (b"", Name::Other),
            (b"X-Custom", Name::Other),
        ] {
            assert_eq!(Name::of(bytes), name, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn underscored_spellings_of_known_names_are_lookalikes() {
        for bytes in [
            &b"Content_Length"[..],
            b"x_forwarded-for",
            b"X_Request_Id",
            b"keep_alive",
        ] {
            assert_eq!(Name::of(bytes), Name::Lookalike);
        }
        assert_eq!(Name::of(b"my_header_"), Name::Other);
        for bytes in [&b"x_forwarded_Ssl"[..], b"X-Forwarded-Client_Cert"] {
            assert_eq!(Name::of(bytes), Name::Lookalike);
        }
        for bytes in [&b"X-Forwarded-Prefix"[..], b"X-Forwarded-Client-Cert"] {
            assert_eq!(Name::of(bytes), Name::XForwardedOther);
        }
    }

    #[test]
    fn post_and_patch_are_not_idempotent() {
        assert!(Method::of(b"PUT").is_idempotent());
        assert!(!Method::of(b"POST").is_idempotent());
        assert!(!Method::of(b"PATCH").is_idempotent());
        assert!(
            !Method::of(b"get").is_idempotent(),
            "methods are case-sensitive"
        );
    }
}
