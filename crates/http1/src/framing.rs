//! Where a message ends: the one spelling that is accepted, and all the others that are refused.
//!
//! A proxy and the server behind it must never disagree about a message's length, or the tail of one
//! client's request becomes the head of another's (request smuggling). RFC 9112 section 6.3 leaves a
//! recipient some leniency; none of it is used here: what is ambiguous anywhere is refused.

use crate::error::HeadError;
use crate::name::{Method, Name, Version};

/// How a body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// There is no body, whatever the fields say.
    None,
    /// Exactly so many bytes.
    Known(u64),
    /// The chunked transfer coding.
    Chunked,
    /// Everything until the connection closes; responses only.
    UntilClose,
}

/// What the `Connection` field (RFC 9110 section 7.6.1) says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// `close` is named.
    pub close: bool,
    /// `keep-alive` is named.
    pub keep_alive: bool,
    /// `upgrade` is named.
    pub upgrade: bool,
    /// `te` is named.
    pub te: bool,
    /// Some other field is named, which must not be forwarded.
    pub others: bool,
}

impl Connection {
    /// Takes in one value of the field, a comma-separated list.
    pub fn add(&mut self, value: &[u8]) {
        for option in list(value) {
            match option.len() {
                5 if option.eq_ignore_ascii_case(b"close") => self.close = true,
                10 if option.eq_ignore_ascii_case(b"keep-alive") => self.keep_alive = true,
                7 if option.eq_ignore_ascii_case(b"upgrade") => self.upgrade = true,
                2 if option.eq_ignore_ascii_case(b"te") => self.te = true,
                _ => self.others = true,
            }
        }
    }

    /// Whether the connection outlives this message (RFC 9112 section 9.3).
    #[must_use]
    pub fn persists(self, version: Version) -> bool {
        match version {
            Version::Http11 => !self.close,
            Version::Http10 => self.keep_alive && !self.close,
        }
    }
}

/// The members of a comma-separated list, without white space and without empty ones (RFC 9110 section 5.6.1).
pub fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
}

/// The framing fields of one head, gathered field by field.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    content_length: Option<u64>,
    transfer_encoding: bool,
    /// The first thing that was wrong.
    error: Option<HeadError>,
    /// What the `Connection` field says.
    pub connection: Connection,
}

impl Facts {
    /// Takes in one field.
    pub fn add(&mut self, name: Name, value: &[u8]) {
        match name {
            Name::ContentLength => self.add_content_length(value),
            Name::TransferEncoding => self.add_transfer_encoding(value),
            Name::Connection => self.connection.add(value),
            _ => {}
        }
    }

    /// `Content-Length = 1*DIGIT` (RFC 9110 section 8.6). The same number twice is tolerated, as it is sent
    /// on once and as a number; a list is not.
    fn add_content_length(&mut self, value: &[u8]) {
        match (decimal(value), self.content_length) {
            (Some(length), None) => self.content_length = Some(length),
            (Some(length), Some(before)) if length == before => {}
            _ => self.fail(HeadError::ContentLength),
        }
    }

    /// `chunked`, once and alone.
    fn add_transfer_encoding(&mut self, value: &[u8]) {
        let repeated = std::mem::replace(&mut self.transfer_encoding, true);
        if value.eq_ignore_ascii_case(b"chunked") && !repeated {
            return;
        }
        let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
        let names_another = list(value).any(|coding| !is_chunked(coding));
        let chunked_count = list(value).filter(|coding| is_chunked(coding)).count();
        let is_well_ordered = chunked_count == 0
            || (chunked_count == 1 && list(value).last().is_some_and(is_chunked));
        self.fail(if names_another && is_well_ordered && !repeated {
            HeadError::UnknownCoding
        } else {
            HeadError::TransferEncoding
        });
    }

    fn fail(&mut self, error: HeadError) {
        self.error.get_or_insert(error);
    }

    fn check(&self, version: Version) -> Result<(), HeadError> {
        if self.transfer_encoding && self.content_length.is_some() {
            return Err(HeadError::LengthAndCoding);
        }
        // RFC 9112 section 6.1: a coding in an HTTP/1.0 message is to be treated as faulty framing.
        if self.transfer_encoding && version == Version::Http10 {
            return Err(HeadError::TransferEncoding);
        }
        self.error.map_or(Ok(()), Err)
    }

    /// The framing of a request's body (RFC 9112 section 6.3).
    ///
    /// # Errors
    /// When the fields are malformed or ambiguous.
    pub fn request(&self, version: Version) -> Result<Length, HeadError> {
        self.check(version)?;
        Ok(match self.content_length {
            _ if self.transfer_encoding => Length::Chunked,
            Some(0) | None => Length::None,
            Some(length) => Length::Known(length),
        })
    }

    /// The framing of a response's body (RFC 9112 section 6.3), which depends on the request's method.
    ///
    /// # Errors
    /// When the fields are malformed or ambiguous.
    pub fn response(
        &self,
        version: Version,
        method: Method,
        status: u16,
    ) -> Result<Length, HeadError> {
        self.check(version)?;
        if method == Method::Head || status < 200 || status == 204 || status == 304 {
            return Ok(Length::None);
        }
        Ok(match self.content_length {
            _ if self.transfer_encoding => Length::Chunked,
            Some(0) => Length::None,
            Some(length) => Length::Known(length),
            None => Length::UntilClose,
        })
    }

    /// The declared `Content-Length`, which a response without a body may still have (HEAD, 304).
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.content_length
    }

    /// True if the fields declare a body of some size.
    #[must_use]
    pub fn declares_body(&self) -> bool {
        self.transfer_encoding || self.content_length.is_some_and(|length| length > 0)
    }
}

/// A number of decimal digits and nothing else; `None` also if it does not fit.
#[must_use]
pub fn decimal(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    bytes.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(fields: &[(Name, &str)]) -> Result<Length, HeadError> {
        let mut facts = Facts::default();
        for (name, value) in fields {
            facts.add(*name, value.as_bytes());
        }
        facts.request(Version::Http11)
    }

    #[test]
    fn lengths_of_requests() {
        use Name::{ContentLength as Cl, TransferEncoding as Te};
        type Case = (&'static [(Name, &'static str)], Result<Length, HeadError>);
        let cases: &[Case] = &[
            (&[], Ok(Length::None)),
            (&[(Cl, "0")], Ok(Length::None)),
            (&[(Cl, "12")], Ok(Length::Known(12))),
            (&[(Cl, "0012")], Ok(Length::Known(12))),
            (&[(Cl, "12"), (Cl, "12")], Ok(Length::Known(12))),
            (&[(Cl, "12"), (Cl, "13")], Err(HeadError::ContentLength)),
            (&[(Cl, "12, 12")], Err(HeadError::ContentLength)),
            (&[(Cl, "+12")], Err(HeadError::ContentLength)),
            (&[(Cl, "-1")], Err(HeadError::ContentLength)),
            (&[(Cl, "0x10")], Err(HeadError::ContentLength)),
            (&[(Cl, "1 2")], Err(HeadError::ContentLength)),
            (&[(Cl, "")], Err(HeadError::ContentLength)),
            (&[(Cl, "18446744073709551615")], Ok(Length::Known(u64::MAX))),
            (
                &[(Cl, "18446744073709551616")],
                Err(HeadError::ContentLength),
            ),
            (&[(Te, "chunked")], Ok(Length::Chunked)),
            (&[(Te, "Chunked")], Ok(Length::Chunked)),
            (
                &[(Te, "chunked"), (Te, "chunked")],
                Err(HeadError::TransferEncoding),
            ),
            (
                &[(Te, "chunked, chunked")],
                Err(HeadError::TransferEncoding),
            ),
            (&[(Te, "chunked, gzip")], Err(HeadError::TransferEncoding)),
            (&[(Te, "gzip, chunked")], Err(HeadError::UnknownCoding)),
            (&[(Te, "gzip")], Err(HeadError::UnknownCoding)),
            (&[(Te, "identity")], Err(HeadError::UnknownCoding)),
            (&[(Te, "xchunked")], Err(HeadError::UnknownCoding)),
            (&[(Te, "chunked;q=1")], Err(HeadError::UnknownCoding)),
            (&[(Te, "")], Err(HeadError::TransferEncoding)),
            (&[(Te, ",chunked")], Err(HeadError::TransferEncoding)),
            (
                &[(Te, "chunked"), (Te, "identity")],
                Err(HeadError::TransferEncoding),
            ),
            (
                &[(Te, "chunked"), (Cl, "5")],
                Err(HeadError::LengthAndCoding),
            ),
            (&[(Cl, "x"), (Te, "chunked")], Err(HeadError::ContentLength)),
        ];
        for (fields, wanted) in cases {
            assert_eq!(request(fields), *wanted, "{fields:?}");
        }
    }

    #[test]
    fn transfer_encoding_in_http_1_0_is_refused() {
        let mut facts = Facts::default();
        facts.add(Name::TransferEncoding, b"chunked");
        assert_eq!(
            facts.request(Version::Http10),
            Err(HeadError::TransferEncoding)
        );
        assert_eq!(
            facts.response(Version::Http10, Method::Get, 200),
            Err(HeadError::TransferEncoding)
        );
    }

    #[test]
    fn lengths_of_responses_depend_on_method_and_status() {
        let mut facts = Facts::default();
        let of = |facts: &Facts, method, status| facts.response(Version::Http11, method, status);
        assert_eq!(of(&facts, Method::Get, 200), Ok(Length::UntilClose));
        facts.add(Name::ContentLength, b"7");
        assert_eq!(of(&facts, Method::Get, 200), Ok(Length::Known(7)));
        for (method, status) in [
            (Method::Head, 200),
            (Method::Get, 204),
            (Method::Get, 304),
            (Method::Get, 101),
        ] {
            assert_eq!(of(&facts, method, status), Ok(Length::None));
        }
        assert_eq!(facts.content_length(), Some(7));
    }

    #[test]
    fn persistence_follows_the_version() {
        let of = |value: &[u8], version| {
            let mut connection = Connection::default();
            connection.add(value);
            connection.persists(version)
        };
        assert!(of(b"", Version::Http11));
        assert!(!of(b"foo, Close", Version::Http11));
        assert!(!of(b"", Version::Http10));
        assert!(of(b"Keep-Alive", Version::Http10));
        assert!(!of(b"keep-alive, close", Version::Http10));
    }
}
