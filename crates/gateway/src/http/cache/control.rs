//! `Cache-Control` and what stands for it: `Pragma` in requests, `CDN-Cache-Control` in responses.
//!
//! The problem: the field is written by hand and often wrong. The idea: **what restricts is read leniently, what permits
//! strictly**. `no-store=1` forbids storing; `public=1` declares nothing; a lifetime that is no number is a lifetime of zero (RFC
//! 9111 section 4.2.1 encourages it); of two lifetimes the shorter counts, which satisfies that section's "the first, or stale"
//! whichever is first. The trade-off: a sloppy server is cached less, never more, than it wanted.

use super::fields::{Fields, members, unquoted};
use super::targeted;

/// The greatest number of seconds: greater ones mean this (RFC 9111 section 1.2.2).
pub(crate) const MOST_SECONDS: u32 = 1 << 31;

/// The directives of a response (RFC 9111 section 5.2.2, RFC 5861).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResponseControl {
    /// `max-age` in seconds; an invalid one is 0.
    pub(crate) max_age: Option<u32>,
    /// `s-maxage` in seconds; an invalid one is 0.
    pub(crate) s_maxage: Option<u32>,
    /// `stale-while-revalidate` in seconds; an invalid one is 0.
    pub(crate) stale_while_revalidate: Option<u32>,
    /// `stale-if-error` in seconds; an invalid one is 0.
    pub(crate) stale_if_error: Option<u32>,
    pub(crate) no_store: bool,
    /// Without field names.
    pub(crate) no_cache: bool,
    /// Without field names.
    pub(crate) private: bool,
    pub(crate) public: bool,
    pub(crate) must_revalidate: bool,
    pub(crate) proxy_revalidate: bool,
    pub(crate) must_understand: bool,
    /// `no-cache` or `private` with names: those fields are not stored (see [`named_fields`]).
    pub(crate) names_fields: bool,
    /// Where the directives come from; `Expires` counts with `Cache-Control` only.
    pub(crate) source: Source,
}

/// The field that the directives were read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Source {
    /// There is none.
    #[default]
    None,
    /// `Cache-Control`
    CacheControl,
    /// `CDN-Cache-Control` (RFC 9213), which displaces `Cache-Control` and `Expires`.
    Targeted,
}

impl ResponseControl {
    /// Reads the field that is meant for us (RFC 9213 section 2.2): the targeted one, if it is there and well-formed.
    pub(crate) fn of(fields: &(impl Fields + ?Sized)) -> Self {
        if let Some(control) = targeted::parse(fields.values(targeted::NAME)) {
            return control;
        }
        let mut control = Self::default();
        for value in fields.values("cache-control") {
            control.source = Source::CacheControl;
            for member in members(value) {
                control.add(&Directive::of(member));
            }
        }
        control
    }

    fn add(&mut self, directive: &Directive<'_>) {
        let names_fields = matches!(directive.argument, Argument::Quoted(names) if members(names).next().is_some());
        let is_bare = directive.argument == Argument::None;
        let is = |name: &str| directive.is(name);
        if is("max-age") {
            shorten(&mut self.max_age, directive.seconds());
        } else if is("s-maxage") {
            shorten(&mut self.s_maxage, directive.seconds());
        } else if is("stale-while-revalidate") {
            shorten(&mut self.stale_while_revalidate, directive.seconds());
        } else if is("stale-if-error") {
            shorten(&mut self.stale_if_error, directive.seconds());
        } else if is("no-cache") || is("private") {
            self.restrict(directive.name, names_fields);
        } else if is("public") {
            self.public |= is_bare;
        } else if is("no-store") {
            self.no_store = true;
        } else if is("must-revalidate") {
            self.must_revalidate = true;
        } else if is("proxy-revalidate") {
            self.proxy_revalidate = true;
        } else if is("must-understand") {
            self.must_understand = true;
        }
    }

    /// `no-cache` and `private`, which speak of the whole response or of some fields.
    pub(super) fn restrict(&mut self, name: &[u8], names_fields: bool) {
        if names_fields {
            self.names_fields = true;
        } else if name.eq_ignore_ascii_case(b"private") {
            self.private = true;
        } else {
            self.no_cache = true;
        }
    }

    /// A lifetime from a directive, in seconds: what it says for shared caches counts first (RFC 9111 section 4.2.1).
    pub(crate) fn lifetime(&self) -> Option<u32> {
        self.s_maxage.or(self.max_age)
    }

    /// True if nothing stale may be served, whatever else is said (RFC 9111 section 4.2.4).
    pub(crate) fn forbids_stale(&self) -> bool {
        self.no_cache || self.must_revalidate || self.proxy_revalidate
    }
}

/// Of several values the least.
pub(super) fn shorten(seconds: &mut Option<u32>, value: Option<u32>) {
    let value = value.unwrap_or(0);
    *seconds = Some(seconds.map_or(value, |before| before.min(value)));
}

/// The directives of a request (RFC 9111 section 5.2.1, RFC 5861 section 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestControl {
    /// The greatest age in seconds; an invalid one is 0.
    pub(crate) max_age: Option<u32>,
    /// The least time in seconds that the response must stay fresh; an invalid one means as long as can be.
    pub(crate) min_fresh: Option<u32>,
    /// For how many seconds it may have been stale; without a number, for any time.
    pub(crate) max_stale: Option<u32>,
    /// The same, if the server cannot answer.
    pub(crate) stale_if_error: Option<u32>,
    pub(crate) no_cache: bool,
    pub(crate) no_store: bool,
    pub(crate) only_if_cached: bool,
}

impl RequestControl {
    /// Takes in one line of `Cache-Control`.
    pub(crate) fn add_line(&mut self, value: &[u8]) {
        for directive in members(value).map(Directive::of) {
            if directive.is("max-age") {
                shorten(&mut self.max_age, directive.seconds());
            } else if directive.is("min-fresh") {
                let wanted = directive.seconds().unwrap_or(MOST_SECONDS);
                self.min_fresh = self.min_fresh.max(Some(wanted));
            } else if directive.is("max-stale") && directive.argument == Argument::None {
                shorten(&mut self.max_stale, Some(MOST_SECONDS));
            } else if directive.is("max-stale") {
                shorten(&mut self.max_stale, directive.seconds());
            } else if directive.is("stale-if-error") {
                shorten(&mut self.stale_if_error, directive.seconds());
            } else if directive.is("no-cache") {
                self.no_cache = true;
            } else if directive.is("no-store") {
                self.no_store = true;
            } else if directive.is("only-if-cached") {
                self.only_if_cached = true;
            }
        }
    }
}

/// True if a `Pragma` field says `no-cache`, which counts in requests without `Cache-Control` (RFC 9111 section 5.4).
pub(crate) fn is_pragma_no_cache(value: &[u8]) -> bool {
    members(value).any(|member| member.eq_ignore_ascii_case(b"no-cache"))
}

/// The names in `no-cache="…"` and `private="…"`, of whichever field [`ResponseControl::of`] reads.
pub(crate) fn named_fields(fields: &(impl Fields + ?Sized), source: Source) -> Vec<&[u8]> {
    let field = match source {
        Source::None => return Vec::new(),
        Source::CacheControl => "cache-control",
        Source::Targeted => targeted::NAME,
    };
    // A targeted directive may have parameters.
    let bare = |member: &'_ [u8]| -> usize {
        unquoted(member, b';')
            .filter(|_| source == Source::Targeted)
            .unwrap_or(member.len())
    };
    let directives = fields
        .values(field)
        .flat_map(members)
        .map(move |member| Directive::of(&member[..bare(member)]))
        .filter(|directive| directive.is("no-cache") || directive.is("private"));
    directives
        .filter_map(|directive| match directive.argument {
            Argument::Quoted(names) => Some(members(names)),
            _ => None,
        })
        .flatten()
        .collect()
}

/// One directive.
struct Directive<'a> {
    name: &'a [u8],
    argument: Argument<'a>,
}

#[derive(PartialEq, Eq)]
enum Argument<'a> {
    None,
    Token(&'a [u8]),
    /// What is between the quotes, with its escapes: none of the arguments that we know needs one.
    Quoted(&'a [u8]),
    /// Neither, or with white space around the `=`, which the grammar does not have.
    Invalid,
}

impl<'a> Directive<'a> {
    fn of(member: &'a [u8]) -> Self {
        let Some(equals) = member.iter().position(|byte| *byte == b'=') else {
            return Self {
                name: member,
                argument: Argument::None,
            };
        };
        let (name, value) = (&member[..equals], &member[equals + 1..]);
        let argument = match value {
            _ if name.last().is_some_and(u8::is_ascii_whitespace) => Argument::Invalid,
            [b'"', inside @ .., b'"'] if !inside.contains(&b'"') => Argument::Quoted(inside),
            value if super::fields::is_token(value) => Argument::Token(value),
            _ => Argument::Invalid,
        };
        Self {
            name: name.trim_ascii(),
            argument,
        }
    }

    fn is(&self, name: &str) -> bool {
        super::fields::is(self.name, name)
    }

    /// Both spellings are read (RFC 9111 section 5.2); `None` if it is no number.
    fn seconds(&self) -> Option<u32> {
        match self.argument {
            Argument::Token(digits) | Argument::Quoted(digits) => seconds(digits),
            Argument::None | Argument::Invalid => None,
        }
    }
}

/// delta-seconds (RFC 9111 section 1.2.2); what is too great is [`MOST_SECONDS`].
pub(crate) fn seconds(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().fold(0_u32, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u32::from(digit - b'0'))
    });
    Some(number.min(MOST_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(lines: &[&str]) -> ResponseControl {
        let fields: Vec<_> = lines.iter().map(|line| ("Cache-Control", *line)).collect();
        ResponseControl::of(&fields[..])
    }

    #[test]
    fn lifetimes() {
        const MOST: u32 = MOST_SECONDS;
        for (lines, expected) in [
            (&["max-age=3600"][..], Some(3600)),
            (&["MaX-aGe=3600"], Some(3600)),
            (&["max-age=0"], Some(0)),
            (&["max-age=003600"], Some(3600)),
            (&["max-age=2147483647"], Some(MOST - 1)),
            (&["max-age=2147483648"], Some(MOST)),
            (&["max-age=2147483649"], Some(MOST)),
            (&["max-age=99999999999"], Some(MOST)),
            (&["max-age=99999999999999999999999999"], Some(MOST)),
            (&["foobar, max-age=3600"], Some(3600)),
            (&["max-age=\"3600\""], Some(3600)),
            (&["extension=\"max-age=3600\", max-age=1"], Some(1)),
            (&["max-age=1, extension=\"max-age=3600\""], Some(1)),
            (&["extension=\"max-age=3600\", max-age=\"1\""], Some(1)),
            (&["extension=\"max-age=3600, max-age=4000"], None),
            // The shared lifetime counts first.
            (&["s-maxage=3600"], Some(3600)),
            (&["max-age=3600, s-maxage=1"], Some(1)),
            (&["s-maxage=1, max-age=3600"], Some(1)),
            (&["max-age=3600", "s-maxage=1"], Some(1)),
            (&["max-age=1, s-maxage=3600"], Some(3600)),
            // Of several, the least.
            (&["max-age=1800, max-age=1"], Some(1)),
            (&["max-age=1", "max-age=1800"], Some(1)),
            // Invalid ones are stale.
            (&["max-age=-3600"], Some(0)),
            (&["max-age='3600'"], Some(0)),
            (&["max-age=3600.0"], Some(0)),
            (&["max-age=3600.5"], Some(0)),
            (&["max-age=a3600"], Some(0)),
            (&["max-age=3600a"], Some(0)),
            (&["max-age =3600"], Some(0)),
            (&["max-age= 3600"], Some(0)),
            (&["max-age=3600 60"], Some(0)),
            (&["max-age"], Some(0)),
            (&["max-age="], Some(0)),
            (&["max-age=\"3600"], Some(0)),
            (&["maxage=3600"], None),
            (&[""], None),
            (&[], None),
        ] {
            assert_eq!(response(lines).lifetime(), expected, "{lines:?}");
        }
    }

    #[test]
    fn what_restricts_is_read_leniently_and_what_permits_strictly() {
        assert!(response(&["No-StOrE"]).no_store);
        assert!(response(&["no-store=1, max-age=5"]).no_store);
        assert!(response(&["max-age=10000, No-CaChE"]).no_cache);
        assert!(response(&["private, max-age=3600"]).private);
        assert!(response(&["private=set-cookie"]).private);
        assert!(response(&["private=\"\""]).private);
        assert!(response(&["private=\"unclosed"]).private);
        assert!(response(&["public"]).public);
        assert!(!response(&["public=1"]).public);
        assert!(!response(&["x=\"public, private\""]).public);
        assert!(!response(&["publicly, privately, no-stores"]).no_store);
        assert_eq!(response(&["stale-if-error=x"]).stale_if_error, Some(0));
    }

    #[test]
    fn some_directives_name_fields() {
        let fields = [
            ("cache-control", "no-cache=\"a, b\", private=\"C\", x=\"y\""),
            ("Cache-Control", "max-age=3600"),
        ];
        let control = ResponseControl::of(&fields[..]);
        assert!(control.names_fields && !control.no_cache && !control.private);
        assert_eq!(
            named_fields(&fields[..], control.source),
            [&b"a"[..], b"b", b"C"]
        );
        let fields = [("CDN-Cache-Control", "private=\"a\";p=1, max-age=5")];
        let control = ResponseControl::of(&fields[..]);
        assert_eq!(named_fields(&fields[..], control.source), [&b"a"[..]]);
        assert!(named_fields(&fields[..], Source::None).is_empty());
    }

    #[test]
    fn the_targeted_field_displaces_the_general_one() {
        let of = |fields: &[(&str, &str)]| ResponseControl::of(fields);
        let control = of(&[
            ("Cache-Control", "no-store"),
            ("CDN-Cache-Control", "max-age=10"),
        ]);
        assert_eq!((control.no_store, control.max_age), (false, Some(10)));
        let control = of(&[
            ("Cache-Control", "no-store"),
            ("CDN-Cache-Control", "max-age=10, &"),
        ]);
        assert_eq!((control.no_store, control.max_age), (true, None));
        assert_eq!(of(&[]).source, Source::None);
    }

    #[test]
    fn requests() {
        let request = |line: &str| {
            let mut control = RequestControl::default();
            control.add_line(line.as_bytes());
            control
        };
        assert_eq!(request("max-age=0").max_age, Some(0));
        assert_eq!(request("max-age=x").max_age, Some(0));
        assert_eq!(request("min-fresh=5, min-fresh=9").min_fresh, Some(9));
        assert_eq!(request("min-fresh=x").min_fresh, Some(MOST_SECONDS));
        assert_eq!(request("max-stale").max_stale, Some(MOST_SECONDS));
        assert_eq!(request("max-stale=7").max_stale, Some(7));
        assert_eq!(request("max-stale=x").max_stale, Some(0));
        assert_eq!(request("stale-if-error=7").stale_if_error, Some(7));
        assert!(request("No-Cache").no_cache);
        assert!(request("no-store").no_store);
        assert!(request("only-if-cached").only_if_cached);
        assert!(is_pragma_no_cache(b"x, no-Cache"));
        assert!(!is_pragma_no_cache(b"unrecognised-extension"));
    }
}
