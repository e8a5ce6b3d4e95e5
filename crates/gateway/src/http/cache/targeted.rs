//! `CDN-Cache-Control` (RFC 9213): directives for caches that act for the server, such as this one.
//!
//! It is a Dictionary of Structured Fields (RFC 8941 section 3.2), and that is its point: what is not well-formed is ignored as a whole,
//! and `Cache-Control` counts instead. So this parser is as strict as the other one is lenient.

use super::control::{MOST_SECONDS, ResponseControl, Source, shorten};
use super::fields::members;

/// The field's name. `Surrogate-Control`, its older relative, is not read: products disagree about what it means.
pub(crate) const NAME: &str = "cdn-cache-control";

/// The directives; `None` if there is no such field, if it is empty, or if it is not well-formed.
pub(crate) fn parse<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<ResponseControl> {
    let mut control = ResponseControl {
        source: Source::Targeted,
        ..ResponseControl::default()
    };
    let mut is_empty = true;
    for value in values {
        let mut rest = Rest(value.trim_ascii());
        while !rest.0.is_empty() {
            let key = rest.key()?;
            let item = if rest.takes(b'=') {
                rest.item()?
            } else {
                Item::True
            };
            rest.parameters()?;
            add(&mut control, key, &item)?;
            is_empty = false;
            rest.skip(b" \t");
            if rest.0.is_empty() {
                break;
            }
            rest.takes(b',').then_some(())?;
            rest.skip(b" \t");
            // A comma at the end.
            (!rest.0.is_empty()).then_some(())?;
        }
    }
    (!is_empty).then_some(control)
}

/// `None` if a directive has a value of a type that it cannot have: that is as good as an error of syntax, and
/// falling back is what its author can have meant.
fn add(control: &mut ResponseControl, key: &[u8], item: &Item<'_>) -> Option<()> {
    let lifetime = match key {
        b"max-age" => &mut control.max_age,
        b"s-maxage" => &mut control.s_maxage,
        b"stale-while-revalidate" => &mut control.stale_while_revalidate,
        b"stale-if-error" => &mut control.stale_if_error,
        b"no-cache" | b"private" => {
            match item {
                Item::True => control.restrict(key, false),
                // No name has anything to escape.
                Item::String(names) => {
                    let has_names = !names.contains(&b'\\') && members(names).next().is_some();
                    control.restrict(key, has_names);
                }
                Item::False => {}
                Item::Integer(_) | Item::Other => return None,
            }
            return Some(());
        }
        _ => {
            let flag = match key {
                b"no-store" => &mut control.no_store,
                b"public" => &mut control.public,
                b"must-revalidate" => &mut control.must_revalidate,
                b"proxy-revalidate" => &mut control.proxy_revalidate,
                b"must-understand" => &mut control.must_understand,
                _ => return Some(()),
            };
            match item {
                Item::True => *flag = true,
                Item::False => {}
                Item::Integer(_) | Item::String(_) | Item::Other => return None,
            }
            return Some(());
        }
    };
    let Item::Integer(seconds) = item else {
        return None;
    };
    shorten(lifetime, Some(*seconds));
    Some(())
}

/// A value, as far as it can be one of a directive.
enum Item<'a> {
    True,
    False,
    /// Negative ones are 0, great ones [`MOST_SECONDS`].
    Integer(u32),
    /// What is between the quotes.
    String(&'a [u8]),
    /// A token, a decimal, bytes or an inner list.
    Other,
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn takes(&mut self, byte: u8) -> bool {
        let found = self.0.first() == Some(&byte);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    fn skip(&mut self, bytes: &[u8]) {
        self.while_in(|byte| bytes.contains(&byte));
    }

    fn while_in(&mut self, is_in: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self
            .0
            .iter()
            .position(|byte| !is_in(*byte))
            .unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    /// Keys are in small letters (RFC 8941 section 3.1.2).
    fn key(&mut self) -> Option<&'a [u8]> {
        matches!(self.0.first(), Some(b'a'..=b'z' | b'*')).then_some(())?;
        Some(
            self.while_in(
                |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*'),
            ),
        )
    }

    fn item(&mut self) -> Option<Item<'a>> {
        match *self.0.first()? {
            b'0'..=b'9' | b'-' => self.number(),
            b'"' => self.string().map(Item::String),
            b'a'..=b'z' | b'A'..=b'Z' | b'*' => {
                let is_token =
                    |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte);
                self.while_in(is_token);
                Some(Item::Other)
            }
            b'?' => {
                self.takes(b'?');
                match (self.takes(b'1'), self.takes(b'0')) {
                    (true, false) => Some(Item::True),
                    (false, true) => Some(Item::False),
                    // `?10` is no end of an item either.
                    _ => None,
                }
            }
            b':' => {
                self.takes(b':');
                self.while_in(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
                self.takes(b':').then_some(Item::Other)
            }
            b'(' => self.inner_list(),
            _ => None,
        }
    }

    /// At most 15 digits, or 12 and 3 (RFC 8941 sections 3.3.1 and 3.3.2).
    fn number(&mut self) -> Option<Item<'a>> {
        let is_negative = self.takes(b'-');
        let digits = self.while_in(|byte| byte.is_ascii_digit());
        if self.takes(b'.') {
            let fraction = self.while_in(|byte| byte.is_ascii_digit());
            let fits = (1..=12).contains(&digits.len()) && (1..=3).contains(&fraction.len());
            return fits.then_some(Item::Other);
        }
        (1..=15).contains(&digits.len()).then_some(())?;
        let seconds = super::control::seconds(digits).unwrap_or(MOST_SECONDS);
        Some(Item::Integer(if is_negative { 0 } else { seconds }))
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        self.takes(b'"').then_some(())?;
        let all = self.0;
        while let Some((&byte, rest)) = self.0.split_first() {
            self.0 = rest;
            match byte {
                b'"' => return Some(&all[..all.len() - rest.len() - 1]),
                b'\\' => (self.takes(b'"') || self.takes(b'\\')).then_some(())?,
                b' '..=b'~' => {}
                _ => return None,
            }
        }
        None
    }

    fn inner_list(&mut self) -> Option<Item<'a>> {
        self.takes(b'(').then_some(())?;
        loop {
            self.skip(b" ");
            if self.takes(b')') {
                return Some(Item::Other);
            }
            // Lists are not in lists.
            (self.0.first() != Some(&b'(')).then_some(())?;
            self.item()?;
            self.parameters()?;
            matches!(self.0.first(), Some(b' ' | b')')).then_some(())?;
        }
    }

    /// They are read and mean nothing (RFC 9213 section 2.1).
    fn parameters(&mut self) -> Option<()> {
        while self.takes(b';') {
            self.skip(b" ");
            self.key()?;
            if self.takes(b'=') {
                (self.0.first() != Some(&b'(')).then_some(())?;
                self.item()?;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(lines: &[&str]) -> Option<ResponseControl> {
        parse(lines.iter().map(|line| line.as_bytes()))
    }

    #[test]
    fn directives() {
        let targeted = ResponseControl {
            source: Source::Targeted,
            ..ResponseControl::default()
        };
        let max_age = |seconds| ResponseControl {
            max_age: Some(seconds),
            ..targeted
        };
        let private = ResponseControl {
            private: true,
            ..targeted
        };
        let names = ResponseControl {
            names_fields: true,
            ..targeted
        };
        for (lines, expected) in [
            (&["max-age=3600"][..], Some(max_age(3600))),
            (&["max-age=2147483648"], Some(max_age(1 << 31))),
            (&["max-age=99999999999"], Some(max_age(1 << 31))),
            (&["max-age=-5"], Some(max_age(0))),
            (&["foobar, max-age=3600"], Some(max_age(3600))),
            (
                &["max-age=10;a=1;b;c=\"x\" ,\t foo=(1 \"b\" c;d);e"],
                Some(max_age(10)),
            ),
            (&["max-age=10", "max-age=5"], Some(max_age(5))),
            (&["a=:aGk=:, b=1.5, c=?0, max-age=1"], Some(max_age(1))),
            (&["private"], Some(private)),
            (&["private=?1"], Some(private)),
            (&["private=\"set-cookie\""], Some(names)),
            (&["private=?0"], Some(targeted)),
            (&["private=\" \""], Some(private)),
            // Not well-formed, and so of no effect.
            (&[], None),
            (&[""], None),
            (&["max-age =100"], None),
            (&["max-age= 100"], None),
            (&["MaX-aGe=3600"], None),
            (&["max-age=10000, &&&&&"], None),
            (&["max-age=\"10000\""], None),
            (&["max-age=10.5"], None),
            (&["max-age"], None),
            (&["max-age=1,"], None),
            (&["max-age=1 no-store"], None),
            (&["max-age=1;"], None),
            (&["max-age=1, a=(1 (2))"], None),
            (&["max-age=1, a=(1 2"], None),
            (&["max-age=1, a=(1\"b\")"], None),
            (&["max-age=1, a=\"b"], None),
            (&["max-age=1, a=?2"], None),
            (&["max-age=1, a=?10"], None),
            (&["max-age=1, a=1234567890123456"], None),
            (&["no-store=1"], None),
            (&["private=x"], None),
        ] {
            assert_eq!(parsed(lines), expected, "{lines:?}");
        }
    }
}
