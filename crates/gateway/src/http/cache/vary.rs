//! `Vary`: which request fields a response depends on, and what of them makes a difference (RFC 9111 section 4.1).
//!
//! Responses of one key differ by a second key, made of the values of the fields that `Vary` names. Values are normalised only where
//! that cannot change what a server answers: spaces around commas, lines of one field joined, the order of what is equally
//! welcome. `Accept-Encoding` is folded further, into the set of codings that the client takes: browsers spell it in dozens of ways, and any
//! response coded for one client of a set can be read by all others of it. Fields that tell clients apart (`Cookie`, `Authorization`) are
//! compared byte by byte.

use std::fmt::Write as _;

use super::fields::{Fields, is, is_token, members};

/// Fields that the gateway itself makes for each client or each request: a response that varies by one of them is for one client
/// only, whatever that client sent.
const MADE_HERE: [&str; 5] = [
    "x-forwarded-for",
    "forwarded",
    "x-real-ip",
    "x-request-id",
    "traceparent",
];
/// Names beyond this number: nobody negotiates by so many, and the response is not stored.
const MOST_NAMES: usize = 16;
/// A second key beyond this length, in bytes, is not cached.
const LONGEST: usize = 8 * 1024;

/// What a response says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Vary {
    /// It is the same for all.
    Nothing,
    Names(Names),
    /// It depends on what no field says, or on what cannot be understood.
    Everything,
}

/// Names in small letters, sorted, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names(Box<str>);

impl Vary {
    /// Reads all lines. A `*` anywhere among the members counts, and so does a member that is no name. What is coded and does not say
    /// that it varies by `Accept-Encoding` is taken to do so: its server forgot it, and not everybody could read it.
    pub(crate) fn of(fields: &(impl Fields + ?Sized)) -> Self {
        let mut names = Vec::new();
        for member in fields.values("vary").flat_map(members) {
            let is_made_here = MADE_HERE.iter().any(|made| is(member, made));
            if !is_token(member) || member == b"*" || is_made_here || names.len() == MOST_NAMES {
                return Self::Everything;
            }
            names.push(String::from_utf8_lossy(member).to_ascii_lowercase());
        }
        let is_coded = |value: &[u8]| members(value).any(|coding| !is(coding, "identity"));
        if fields.values("content-encoding").any(is_coded) {
            names.push("accept-encoding".into());
        }
        names.sort();
        names.dedup();
        if names.is_empty() {
            return Self::Nothing;
        }
        Self::Names(Names(names.join(",").into()))
    }
}

impl Names {
    /// True if one of them is this one, in small letters.
    pub(crate) fn has(&self, name: &[u8]) -> bool {
        self.0.split(',').any(|known| known.as_bytes() == name)
    }

    /// From what [`Names::as_str`] gave.
    pub(crate) fn from_stored(text: &str) -> Option<Self> {
        let is_name = |name: &str| {
            is_token(name.as_bytes()) && !name.bytes().any(|byte| byte.is_ascii_uppercase())
        };
        let names: Vec<_> = text.split(',').collect();
        // One more: see `Vary::of`.
        let is_sound = names.len() <= MOST_NAMES + 1
            && names.iter().all(|name| is_name(name))
            && names.is_sorted_by(|a, b| a < b);
        is_sound.then(|| Self(text.into()))
    }

    /// The names with commas between them.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Appends the second key of a request: one line per name, `=` and the value or `-` for none, as in the first
    /// key. Two requests select the same response if and only if theirs are equal. `None` if it is too long.
    pub(crate) fn write(&self, out: &mut Vec<u8>, request: &(impl Fields + ?Sized)) -> Option<()> {
        let start = out.len();
        for name in self.0.split(',') {
            if !request.has(name) {
                out.extend_from_slice(b"-\n");
                continue;
            }
            out.push(b'=');
            let value = out.len();
            normalise(out, name, request);
            (!out[value..].contains(&b'\n')).then_some(())?;
            out.push(b'\n');
            (out.len() - start <= LONGEST).then_some(())?;
        }
        Some(())
    }
}

fn normalise(out: &mut Vec<u8>, name: &str, request: &(impl Fields + ?Sized)) {
    let preferences = match name {
        "cookie" | "authorization" | "proxy-authorization" => {
            for (at, value) in request.values(name).enumerate() {
                // A byte that no value can have, so that two lines are never one.
                out.extend_from_slice(if at == 0 { b"" } else { b"\0" });
                out.extend_from_slice(value);
            }
            return;
        }
        "accept-encoding" | "accept-language" => Preference::all(request.values(name)),
        _ => None,
    };
    match (name, preferences) {
        ("accept-encoding", Some(all)) => codings(out, all),
        (_, Some(all)) => languages(out, all),
        (_, None) => {
            for (at, member) in request.values(name).flat_map(members).enumerate() {
                out.extend_from_slice(if at == 0 { b"" } else { b"," });
                out.extend_from_slice(member);
            }
        }
    }
}

/// A member with its weight (RFC 9110 section 12.4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Preference {
    /// In small letters.
    what: String,
    /// In thousandths.
    weight: u16,
}

impl Preference {
    /// `None` if one of them is not understood: then all is compared as it is.
    fn all<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<Vec<Self>> {
        values.flat_map(members).map(Self::of).collect()
    }

    fn of(member: &[u8]) -> Option<Self> {
        let mut parts = member.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let what = parts.next().filter(|what| is_token(what))?;
        let weight = match parts.next() {
            None => 1000,
            Some([b'q' | b'Q', b'=', digits @ ..]) => thousandths(digits)?,
            Some(_) => return None,
        };
        let what = String::from_utf8_lossy(what).to_ascii_lowercase();
        parts.next().is_none().then_some(Self { what, weight })
    }
}

/// `0.5`, with at most three digits.
fn thousandths(digits: &[u8]) -> Option<u16> {
    let (whole, fraction) = match digits {
        [whole @ (b'0' | b'1')] => (whole, &b""[..]),
        [whole @ (b'0' | b'1'), b'.', fraction @ ..] if fraction.len() <= 3 => (whole, fraction),
        _ => return None,
    };
    fraction.iter().all(u8::is_ascii_digit).then_some(())?;
    let places = [100, 10, 1];
    let weight: u16 = fraction
        .iter()
        .zip(places)
        .map(|(digit, place)| u16::from(digit - b'0') * place)
        .sum();
    let weight = u16::from(whole - b'0') * 1000 + weight;
    (weight <= 1000).then_some(weight)
}

/// The codings that are taken, sorted, without their weights. What is refused matters only beside `*`, and `identity`, which is
/// taken unless it is refused (RFC 9110 section 12.5.3).
fn codings(out: &mut Vec<u8>, mut all: Vec<Preference>) {
    for one in &mut all {
        if let Some(plain) = one.what.strip_prefix("x-")
            && matches!(plain, "gzip" | "compress")
        {
            one.what = plain.into();
        }
    }
    let weight = |what: &str| {
        all.iter()
            .find(|one| one.what == what)
            .map(|one| one.weight)
    };
    let takes_all = weight("*").is_some_and(|weight| weight > 0);
    let refuses_identity = match weight("identity") {
        Some(weight) => weight == 0,
        None => weight("*") == Some(0),
    };
    let mut words: Vec<String> = all
        .iter()
        .filter(|one| one.what != "identity" && (one.weight > 0 || takes_all))
        .map(|one| {
            if one.weight > 0 {
                one.what.clone()
            } else {
                format!("{};q=0", one.what)
            }
        })
        .collect();
    if refuses_identity {
        words.push("identity;q=0".into());
    }
    words.sort();
    words.dedup();
    out.extend_from_slice(words.join(",").as_bytes());
}

/// In the order of preference, and where that is equal, of the alphabet.
fn languages(out: &mut Vec<u8>, mut all: Vec<Preference>) {
    all.sort_by(|a, b| (b.weight, &a.what).cmp(&(a.weight, &b.what)));
    let mut text = String::new();
    for one in all {
        let _ = write!(text, "{};{},", one.what, one.weight);
    }
    out.extend_from_slice(text.trim_end_matches(',').as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(lines: &[&str]) -> Vary {
        let fields: Vec<_> = lines.iter().map(|line| ("Vary", *line)).collect();
        Vary::of(&fields[..])
    }

    #[test]
    fn parsing() {
        let some = |text: &str| Vary::Names(Names(text.into()));
        let many = (0..=MOST_NAMES)
            .map(|at| format!("a{at}"))
            .collect::<Vec<_>>()
            .join(",");
        for (lines, expected) in [
            (&[][..], Vary::Nothing),
            (&["", " , "], Vary::Nothing),
            (&["Foo"], some("foo")),
            (&["Foo, Bar,", "foo"], some("bar,foo")),
            (&["*"], Vary::Everything),
            (&["*, *"], Vary::Everything),
            (&["*", "*"], Vary::Everything),
            (&[", *"], Vary::Everything),
            (&["", "*"], Vary::Everything),
            (&["*, Foo"], Vary::Everything),
            (&["Foo, *"], Vary::Everything),
            (&["Foo Bar"], Vary::Everything),
            (&["\"Foo, *\""], Vary::Everything),
            (&[many.as_str()], Vary::Everything),
            (&["Accept, X-Forwarded-For"], Vary::Everything),
            (&["forwarded"], Vary::Everything),
            (&["Forwarded-For"], some("forwarded-for")),
        ] {
            assert_eq!(names(lines), expected, "{lines:?}");
        }
        let coded = |coding: &str, vary: &str| {
            Vary::of(&[("Content-Encoding", coding), ("Vary", vary)][..])
        };
        assert_eq!(coded("br", ""), some("accept-encoding"));
        assert_eq!(
            coded("gzip", "Foo, Accept-Encoding"),
            some("accept-encoding,foo")
        );
        assert_eq!(coded("Identity", ""), Vary::Nothing);
        assert_eq!(
            Names::from_stored("bar,foo").map(Vary::Names),
            Some(some("bar,foo"))
        );
        for unsound in ["", "foo,bar", "foo,foo", "Foo", "a b", "a,"] {
            assert_eq!(Names::from_stored(unsound), None, "{unsound}");
        }
    }

    /// The second key of a request for `Vary: names`.
    fn key(names: &str, fields: &[(&str, &str)]) -> String {
        let Vary::Names(names) = self::names(&[names]) else {
            panic!("no names: {names}");
        };
        let mut out = Vec::new();
        names.write(&mut out, fields).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn selection() {
        type Fields = &'static [(&'static str, &'static str)];
        let none: Fields = &[];
        let cases: &[(&str, Fields, Fields, bool)] = &[
            ("Foo", &[("Foo", "1")], &[("foo", "1")], true),
            ("Foo", &[("Foo", "1")], &[("Foo", "2")], false),
            ("Foo", none, &[("Foo", "1")], false),
            ("Foo", none, &[("Foo", "")], false),
            (
                "Foo",
                &[("Foo", "1"), ("Other", "2")],
                &[("Foo", "1"), ("Other", "3")],
                true,
            ),
            (
                "Foo, Bar",
                &[("Foo", "1"), ("Bar", "abc")],
                &[("Bar", "abc"), ("Foo", "1")],
                true,
            ),
            (
                "Foo, Bar",
                &[("Foo", "1"), ("Bar", "abc")],
                &[("Foo", "2"), ("Bar", "abc")],
                false,
            ),
            ("Foo, Bar", &[("Foo", "1"), ("Bar", "abc")], none, false),
            ("Foo, Bar", &[("Foo", "1")], &[("Bar", "1")], false),
            (
                "Foo, Bar, Baz",
                &[("Foo", "1"), ("Baz", "789")],
                &[("Baz", "789"), ("Foo", "1")],
                true,
            ),
            (
                "Foo, Bar, Baz",
                &[("Bar", "abc4"), ("Baz", "789")],
                &[("Bar", "abc"), ("Baz", "789")],
                false,
            ),
            // Normalised.
            (
                "Foo",
                &[("Foo", "1, 2")],
                &[("Foo", "1"), ("Foo", "2")],
                true,
            ),
            ("Foo", &[("Foo", "1,2")], &[("Foo", " 1, 2 ")], true),
            ("Foo", &[("Foo", "\"1, 2\"")], &[("Foo", "\"1,2\"")], false),
            ("Foo", &[("Foo", "a")], &[("Foo", "A")], false),
            (
                "Accept-Language",
                &[("Accept-Language", "en, de")],
                &[("Accept-Language", "de, en")],
                true,
            ),
            (
                "Accept-Language",
                &[("Accept-Language", "en, de")],
                &[("Accept-Language", "eN, De")],
                true,
            ),
            (
                "Accept-Language",
                &[("Accept-Language", "en, de")],
                &[("Accept-Language", " en ,   de")],
                true,
            ),
            (
                "Accept-Language",
                &[("Accept-Language", "en, de;q=0.5")],
                &[("Accept-Language", "de;q=0.50, en;q=1")],
                true,
            ),
            (
                "Accept-Language",
                &[("Accept-Language", "en, de;q=0.5")],
                &[("Accept-Language", "de, en;q=0.5")],
                false,
            ),
            (
                "Accept-Language",
                &[("Accept-Language", "en, de;q=x")],
                &[("Accept-Language", "de;q=x, en")],
                false,
            ),
            // Byte by byte.
            (
                "Cookie",
                &[("Cookie", "a=1, b")],
                &[("Cookie", "a=1,b")],
                false,
            ),
            (
                "Cookie",
                &[("Cookie", "a"), ("Cookie", "b")],
                &[("Cookie", "a;b")],
                false,
            ),
            (
                "Authorization",
                &[("Authorization", "A")],
                &[("Authorization", "a")],
                false,
            ),
        ];
        for (names, stored, asked, expected) in cases {
            let is_same = key(names, stored) == key(names, asked);
            assert_eq!(is_same, *expected, "{names}: {stored:?} {asked:?}");
        }
    }

    #[test]
    fn codings_are_a_set() {
        for (value, expected) in [
            ("gzip, deflate, br, zstd", "br,deflate,gzip,zstd"),
            (
                "br;q=1.0, gzip;q=0.8,deflate , zstd;q=0.001",
                "br,deflate,gzip,zstd",
            ),
            ("GZIP", "gzip"),
            ("x-gzip, gzip", "gzip"),
            ("gzip, br;q=0", "gzip"),
            ("identity", ""),
            ("", ""),
            ("*", "*"),
            ("*, gzip;q=0", "*,gzip;q=0"),
            ("gzip, *;q=0", "gzip,identity;q=0"),
            ("gzip, identity;q=0", "gzip,identity;q=0"),
            ("identity, *;q=0", ""),
            ("gzip;q=2", "gzip;q=2"),
            ("gzip; q=0.5 , br", "br,gzip"),
            ("unknown", "unknown"),
        ] {
            let written = key("Accept-Encoding", &[("Accept-Encoding", value)]);
            assert_eq!(written, format!("={expected}\n"), "{value}");
        }
    }

    #[test]
    fn it_has_a_bound() {
        let long = "a".repeat(LONGEST);
        let fields = [("Foo", long.as_str())];
        let names = Names("foo".into());
        assert_eq!(names.write(&mut Vec::new(), &fields[..]), None);
    }
}
