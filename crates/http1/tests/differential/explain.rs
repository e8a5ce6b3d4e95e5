//! Why hyper and this crate may differ.

use tenfold_http1::chunked::MAX_TRAILERS;

/// What this crate made of a request. hyper did the opposite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ours {
    Accepts,
    Refuses(&'static str),
    /// It did not look at the request: the one before was the last, or something was missing.
    Stops,
}

/// What one side accepted and the other did not.
pub(crate) struct Case<'a> {
    /// The request, and whatever follows it; empty if this crate did not look at it.
    pub(crate) message: &'a [u8],
    /// The request before it, and whatever follows that.
    pub(crate) previous: &'a [u8],
    pub(crate) ours: Ours,
}

impl<'a> Case<'a> {
    /// The head and what follows it. It ends where the more lenient of the two sees its end: behind an
    /// empty line, which may end in a bare LF.
    fn split(&self) -> (&'a [u8], &'a [u8]) {
        let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        // Empty lines in front of a request are not its end.
        let start = self
            .message
            .iter()
            .position(|byte| !is_line_end(byte))
            .unwrap_or(0);
        let lines = (start..self.message.len()).filter(|at| self.message[*at] == b'\n');
        let end = lines
            .map(|at| at + 1)
            .find_map(|at| match &self.message[at..] {
                [b'\n', ..] => Some(at + 1),
                [b'\r', b'\n', ..] => Some(at + 2),
                _ => None,
            });
        self.message.split_at(end.unwrap_or(self.message.len()))
    }

    /// The same, said of the request before.
    fn before(&self) -> Self {
        Self {
            message: self.previous,
            previous: b"",
            ours: self.ours,
        }
    }

    fn head(&self) -> &'a [u8] {
        self.split().0
    }

    /// The head as its request line (with what stands in front of it), its field lines and its empty line.
    fn lines(&self) -> (&'a [u8], &'a [u8], &'a [u8]) {
        let head = self.head();
        let start = head.iter().position(|byte| *byte == b' ').unwrap_or(0);
        let behind = head[start..].iter().position(|byte| *byte == b'\n');
        let fields = behind.map_or(head.len(), |at| start + at + 1);
        let end = head.strip_suffix(b"\n").unwrap_or(head);
        let end = end.strip_suffix(b"\r").unwrap_or(end).len().max(fields);
        (&head[..fields], &head[fields..end], &head[end..])
    }

    fn target(&self) -> &'a [u8] {
        self.head()
            .split(|byte| *byte == b' ')
            .nth(1)
            .unwrap_or_default()
    }

    /// What stands in front of the `://` of the target, and from there to the next `/`.
    fn scheme_and_authority(&self) -> Option<(&'a [u8], &'a [u8])> {
        let mut parts = self.target().split(|byte| *byte == b'/');
        let scheme = parts.next()?.strip_suffix(b":")?;
        let authority = parts.nth(1)?;
        Some((scheme, authority))
    }

    /// True if one of the fields of that name has such a value.
    fn has(&self, name: &str, is_such: impl FnMut(&&[u8]) -> bool) -> bool {
        self.values(name).iter().any(is_such)
    }

    /// The values of the fields of that name.
    fn values(&self, name: &str) -> Vec<&'a [u8]> {
        let lines = self.head().split(|byte| *byte == b'\n');
        let value_in = |line: &'a [u8]| {
            let (start, rest) = line.split_at_checked(name.len())?;
            let is_named = start.eq_ignore_ascii_case(name.as_bytes());
            Some(rest.strip_prefix(b":").filter(|_| is_named)?.trim_ascii())
        };
        lines.filter_map(value_in).collect()
    }

    /// What stands behind the digits of each chunk's size, and how many digits there are; and the trailer section
    /// with whatever follows it.
    fn chunks(&self) -> (Vec<(usize, &'a [u8])>, &'a [u8]) {
        let mut rest = self.split().1;
        let mut sizes = Vec::new();
        while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
            let digits = rest
                .iter()
                .take_while(|byte| byte.is_ascii_hexdigit())
                .count();
            let size = std::str::from_utf8(&rest[..digits]).ok();
            let Some(size) = size.and_then(|size| usize::from_str_radix(size, 16).ok()) else {
                break;
            };
            sizes.push((digits, &rest[digits.min(end)..end]));
            rest = &rest[end + 2..];
            if size == 0 {
                break;
            }
            rest = rest.get(size.saturating_add(2)..).unwrap_or_default();
        }
        (sizes, rest)
    }

    /// The same of the first chunk of which this crate does not take it.
    fn odd_chunk(&self) -> (usize, &'a [u8]) {
        let is_odd = |(digits, behind): &(usize, &[u8])| {
            let is_extension = behind.starts_with(b";") && behind.len() <= 1 + 256;
            let is_plain = behind.is_empty() || (is_extension && !has_control(behind));
            !is_plain || *digits > 16
        };
        self.chunks().0.into_iter().find(is_odd).unwrap_or_default()
    }

    /// The trailer section, without the empty line that ends it.
    fn trailers(&self) -> &'a [u8] {
        let section = self.chunks().1;
        let end = section.windows(4).position(|four| four == b"\r\n\r\n");
        &section[..end.map_or(0, |at| at + 2)]
    }
}

/// A difference that is meant to be.
#[derive(Debug)]
pub(crate) struct Explanation {
    pub(crate) reason: &'static str,
    ours: Ours,
    /// Whether the request has what the reason speaks of.
    applies: fn(&Case<'_>) -> bool,
}

impl Explanation {
    pub(crate) fn covers(&self, case: &Case<'_>) -> bool {
        self.ours == case.ours && (self.applies)(case)
    }
}

const fn refused(
    kind: &'static str,
    reason: &'static str,
    applies: fn(&Case<'_>) -> bool,
) -> Explanation {
    Explanation {
        reason,
        ours: Ours::Refuses(kind),
        applies,
    }
}

const fn accepted(reason: &'static str, applies: fn(&Case<'_>) -> bool) -> Explanation {
    Explanation {
        reason,
        ours: Ours::Accepts,
        applies,
    }
}

/// The first that covers a case is counted. What may come along with another oddity comes last, so that no entry is
/// needed only because of another's cases.
pub(crate) const EXPLANATIONS: &[Explanation] = &[
    // What hyper accepts, and this crate does not.
    refused(
        "bad_line_ending",
        "hyper takes a bare LF for the end of a field line",
        |case| has_bare_lf(case.lines().1),
    ),
    refused(
        "bad_line_ending",
        "hyper takes a bare LF for the empty line behind the fields",
        |case| has_bare_lf(case.lines().2),
    ),
    refused(
        "bad_line_ending",
        "hyper takes a bare LF for an empty line in front of a request",
        |case| case.message.starts_with(b"\n"),
    ),
    refused(
        "bad_line_ending",
        "hyper takes a bare LF for the end of the request line",
        |case| has_bare_lf(case.lines().0),
    ),
    refused(
        "bad_host",
        "hyper leaves a missing Host to the application",
        |case| case.values("host").is_empty(),
    ),
    refused(
        "bad_host",
        "hyper leaves a repeated Host to the application",
        |case| case.values("host").len() > 1,
    ),
    refused(
        "bad_host",
        "hyper leaves a malformed Host to the application",
        |case| case.has("host", |value| !is_plain_authority(value)),
    ),
    refused(
        "bad_target",
        "hyper takes any form of a target in CONNECT",
        |case| case.head().starts_with(b"CONNECT "),
    ),
    refused(
        "bad_target",
        "hyper takes an authority for a target in every method",
        |case| !case.target().contains(&b'/') && case.target() != b"*",
    ),
    refused(
        "bad_target",
        "hyper takes * for a target in every method",
        |case| case.target() == b"*",
    ),
    refused(
        "bad_target",
        "hyper cuts off the fragment of a target",
        |case| case.target().contains(&b'#'),
    ),
    refused("bad_target", "hyper takes UTF-8 in a target", |case| {
        !case.target().is_ascii()
    }),
    refused("bad_target", "hyper takes any scheme", |case| {
        case.scheme_and_authority().is_some_and(|(scheme, _)| {
            !scheme.eq_ignore_ascii_case(b"http") && !scheme.eq_ignore_ascii_case(b"https")
        })
    }),
    refused(
        "bad_target",
        "hyper takes a user name in a target",
        |case| {
            case.scheme_and_authority()
                .is_some_and(|(_, authority)| authority.contains(&b'@'))
        },
    ),
    refused(
        "bad_target",
        "hyper takes a query behind an authority",
        |case| {
            case.scheme_and_authority()
                .is_some_and(|(_, authority)| authority.contains(&b'?'))
        },
    ),
    refused(
        "bad_target",
        "hyper takes any host and port in a target",
        |case| {
            case.scheme_and_authority()
                .is_some_and(|(_, authority)| !is_plain_authority(authority))
        },
    ),
    refused(
        "length_and_coding",
        "hyper ignores Content-Length beside Transfer-Encoding",
        |case| {
            !case.values("content-length").is_empty()
                && !case.values("transfer-encoding").is_empty()
        },
    ),
    refused(
        "bad_content_length",
        "hyper does not look at Content-Length behind Transfer-Encoding",
        |case| {
            !case.values("content-length").is_empty()
                && !case.values("transfer-encoding").is_empty()
        },
    ),
    refused(
        "bad_transfer_encoding",
        "hyper takes chunked twice",
        |case| {
            case.values("transfer-encoding")
                .join(&b',')
                .to_ascii_lowercase()
                .windows(7)
                .filter(|seven| seven == b"chunked")
                .count()
                > 1
        },
    ),
    refused(
        "bad_transfer_encoding",
        "hyper takes empty members in a list of codings",
        |case| case.has("transfer-encoding", |value| value.starts_with(b",")),
    ),
    refused(
        "unknown_transfer_coding",
        "hyper takes any codings in front of chunked",
        |case| {
            case.values("transfer-encoding").len() > 1
                || case.has("transfer-encoding", |value| value.contains(&b','))
        },
    ),
    refused(
        "bad_chunk",
        "hyper takes white space behind a chunk's size",
        |case| matches!(case.odd_chunk().1, [b' ' | b'\t', ..]),
    ),
    refused(
        "bad_chunk",
        "hyper takes control bytes in a chunk extension",
        |case| has_control(case.odd_chunk().1),
    ),
    refused(
        "bad_chunk",
        "hyper takes chunk extensions of up to 16 KiB",
        |case| case.odd_chunk().1.len() > 1 + 256,
    ),
    refused(
        "bad_chunk",
        "hyper takes any number of leading zeros in a chunk's size",
        |case| case.odd_chunk().0 > 16,
    ),
    refused(
        "bad_trailer",
        "hyper takes a bare LF for the end of a line of the trailer section",
        |case| has_bare_lf(case.trailers()),
    ),
    refused(
        "bad_trailer",
        "hyper takes trailer fields that would change the framing or the routing",
        |case| {
            let names: [&[u8]; 3] = [b"content-length:", b"transfer-encoding:", b"host:"];
            let trailers = case.trailers().to_ascii_lowercase();
            trailers
                .split(|byte| *byte == b'\n')
                .any(|line| names.iter().any(|name| line.starts_with(name)))
        },
    ),
    refused(
        "bad_trailer",
        "hyper takes trailer sections of up to 16 KiB",
        |case| case.trailers().len() + 2 > MAX_TRAILERS,
    ),
    // What this crate accepts, and hyper does not.
    accepted(
        "hyper refuses characters that browsers do not escape",
        |case| case.target().iter().any(|byte| b"<>^`\\".contains(byte)),
    ),
    accepted("hyper refuses escapes in an authority", |case| {
        case.target().contains(&b'%')
    }),
    accepted("hyper refuses a Content-Length above 2^64 - 3", |case| {
        case.has("content-length", |value| {
            value.starts_with(b"1844674407370955161")
        })
    }),
    // Where one of them takes the connection to be at its end.
    accepted(
        "hyper does not see the keep-alive in a Connection field with a byte above 0x7f",
        |case| case.before().has("connection", |value| !value.is_ascii()),
    ),
    Explanation {
        reason: "hyper does not see the close in a Connection field with a byte above 0x7f",
        ours: Ours::Stops,
        applies: |case| case.before().has("connection", |value| !value.is_ascii()),
    },
];

fn has_control(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .any(|byte| byte.is_ascii_control() && *byte != b'\t')
}

fn has_bare_lf(bytes: &[u8]) -> bool {
    (0..bytes.len()).any(|at| bytes[at] == b'\n' && (at == 0 || bytes[at - 1] != b'\r'))
}

/// A name or an IPv4 address, and perhaps a port of up to four digits: what is surely right.
fn is_plain_authority(value: &[u8]) -> bool {
    let colon = value
        .iter()
        .position(|byte| *byte == b':')
        .unwrap_or(value.len());
    let (host, port) = value.split_at(colon);
    !host.is_empty()
        && host
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(byte))
        && port.len() <= 5
        && port.iter().skip(1).all(u8::is_ascii_digit)
}
