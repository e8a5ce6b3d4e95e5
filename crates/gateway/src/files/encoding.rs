//! Which compressed copy of a file a client wants (RFC 9110 section 12.5.3).
//!
//! Nothing is compressed here: a build step does that once and better, and leaves `app.js.br` beside `app.js`.

/// A content coding, the best first where a client does not mind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Brotli,
    Zstd,
    Gzip,
}

impl Coding {
    const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// As `Content-Encoding` names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// What the copy's name ends in.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
        }
    }

    fn is_named(self, name: &[u8]) -> bool {
        name.eq_ignore_ascii_case(self.name().as_bytes())
            || (self == Self::Gzip && name.eq_ignore_ascii_case(b"x-gzip"))
    }
}

/// The codings that a client takes and does not like less than an uncompressed file, the most wanted first.
pub(super) fn wanted(accept_encoding: Option<&[u8]>) -> Vec<Coding> {
    let accept_encoding = accept_encoding.unwrap_or_default();
    let mut weights = [None; 3];
    let (mut identity, mut others) = (0, 0);
    for member in accept_encoding.split(|&byte| byte == b',') {
        let mut parts = member.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let name = parts.next().unwrap_or_default();
        let weight = parts.next().map_or(1000, weight);
        if name == b"*" {
            others = weight;
        } else if name.eq_ignore_ascii_case(b"identity") {
            identity = weight;
        } else if let Some(known) = Coding::ALL.iter().position(|known| known.is_named(name)) {
            weights[known] = Some(weight);
        }
    }
    let mut wanted: Vec<(u16, Coding)> = Coding::ALL
        .into_iter()
        .zip(weights)
        .map(|(coding, weight)| (weight.unwrap_or(others), coding))
        .filter(|&(weight, _)| weight > 0 && weight >= identity)
        .collect();
    // Stable: of equals the better one stays first.
    wanted.sort_by_key(|&(weight, _)| std::cmp::Reverse(weight));
    wanted.into_iter().map(|(_, coding)| coding).collect()
}

/// `q=0.25` in thousandths (RFC 9110 section 12.4.2). What is malformed is 0: an uncompressed file is never wrong.
fn weight(parameter: &[u8]) -> u16 {
    let (Some(value), true) = (parameter.get(2..), parameter.len() <= 7) else {
        return 0;
    };
    if !parameter[..2].eq_ignore_ascii_case(b"q=") {
        return 0;
    }
    let (whole, fraction) = match value {
        [whole] => (*whole, &[][..]),
        [whole, b'.', fraction @ ..] => (*whole, fraction),
        _ => return 0,
    };
    if !fraction.iter().all(u8::is_ascii_digit) {
        return 0;
    }
    let digits = fraction.iter().chain(b"000").take(3);
    let thousandths = digits.fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match (whole, thousandths) {
        (b'1', 0) => 1000,
        (b'0', thousandths) => thousandths,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::Coding::{Brotli, Gzip, Zstd};
    use super::*;

    #[test]
    fn what_clients_want() {
        let table: &[(&str, &[Coding])] = &[
            ("", &[]),
            ("gzip", &[Gzip]),
            ("X-GZIP", &[Gzip]),
            ("gzip, deflate, br, zstd", &[Brotli, Zstd, Gzip]),
            ("gzip;q=1.0, br;q=0.5", &[Gzip, Brotli]),
            ("gzip ; q=0.1,br;Q=0.123", &[Brotli, Gzip]),
            ("br;q=0, gzip", &[Gzip]),
            ("br;q=0.000, gzip;q=0.001", &[Gzip]),
            ("*", &[Brotli, Zstd, Gzip]),
            ("*;q=0", &[]),
            ("br, *;q=0", &[Brotli]),
            ("*;q=0.5, gzip;q=0.7, br;q=0", &[Gzip, Zstd]),
            ("identity", &[]),
            ("identity;q=0, gzip;q=0.1", &[Gzip]),
            // An uncompressed file is what it likes better.
            ("identity;q=1, *;q=0", &[]),
            ("identity;q=0.5, gzip;q=0.4, br;q=0.6", &[Brotli]),
            ("identity, gzip", &[Gzip]),
            // Malformed.
            (",,,", &[]),
            ("gzip;q", &[]),
            ("gzip;q=", &[]),
            ("gzip;q=2", &[]),
            ("gzip;q=1.001", &[]),
            ("gzip;q=0.5555", &[]),
            ("gzip;q=-1", &[]),
            ("gzip;q=0.x", &[]),
            ("gzip;level=9", &[]),
            ("gzipped, bro", &[]),
        ];
        for (accept_encoding, expected) in table {
            assert_eq!(
                wanted(Some(accept_encoding.as_bytes())),
                *expected,
                "{accept_encoding}"
            );
        }
        assert_eq!(wanted(None), []);
    }
}
