//! Templates filled from a request.
//!
//! # The problem
//! What a client sends lands in fields, in paths and in `Location`. A line break ends a field, `//evil.org` is another
//! host to a browser, `&` begins another parameter.
//!
//! # The idea
//! A template knows where it is while it is written, and each value is encoded for that place: as part of a host, of
//! a path, of a query. Whatever values are, the host of a target is the template's; see
//! [`Template::check_location`] for the templates of which that could not be said.

use std::io::Write as _;
use std::net::IpAddr;

use super::ask::Captures;
use super::encode::{self, HOST, LABEL, PARAMETER, PATH, QUERY, SEGMENT};
use super::host::without_port;
use super::pattern::{Part, Template};

/// What the places of a template are filled with.
#[derive(Clone, Copy, Debug)]
pub struct Filled<'a> {
    /// The authority of the request, with or without a port.
    pub host: &'a [u8],
    /// The path in normal form, which was looked up.
    pub path: &'a [u8],
    /// The query without its `?`.
    pub query: &'a [u8],
    /// What the `*` of the route's path stands for.
    pub rest: &'a [u8],
    /// The client's address.
    pub client_ip: IpAddr,
    /// The request's identifier.
    pub request_id: &'a [u8],
    /// The captures of the route's path.
    pub captures: Captures<'a>,
}

/// Room for an address as text.
type AddressText = [u8; 48];

impl<'a> Filled<'a> {
    /// What stands at a place, as it is; of the query what stands behind the `?`.
    fn value<'b>(&self, part: &'b Part, room: &'b mut AddressText) -> &'b [u8]
    where
        'a: 'b,
    {
        match part {
            Part::Text(text) => text.as_bytes(),
            Part::Host => without_port(self.host),
            Part::Path => self.path,
            Part::Query => self.query,
            Part::Rest => self.rest,
            Part::ClientIp => {
                let mut free = &mut room[..];
                write!(free, "{}", self.client_ip).expect("an address has at most 45 characters");
                let len = 48 - free.len();
                &room[..len]
            }
            Part::RequestId => self.request_id,
            Part::Capture(name) => self.captures.get(name, self.path).unwrap_or_default(),
        }
    }
}

impl Template {
    /// Appends the value of a field. Control characters of values are left out.
    pub fn write_field(&self, out: &mut Vec<u8>, filled: &Filled<'_>) {
        for part in &self.parts {
            let mut room = [0; 48];
            let value = filled.value(part, &mut room);
            if matches!(part, Part::Query) && !value.is_empty() {
                out.push(b'?');
            }
            out.extend(value.iter().filter(|byte| !byte.is_ascii_control()));
        }
    }

    /// Appends a `Location`: an address with a host that the template names, or else a path with a single `/` at its
    /// beginning.
    pub fn write_location(&self, out: &mut Vec<u8>, filled: &Filled<'_>) {
        let prefix = self.authority_start();
        let start = out.len();
        let place = if prefix > 0 {
            Place::Authority
        } else {
            Place::Path
        };
        self.write_target(out, filled, place, prefix);
        if prefix > 0 {
            // Browsers skip the slashes of `https:///evil.org`. Without a host (HTTP/1.0) the address is a path.
            let end = start + prefix;
            let has_host = !matches!(out.get(end), None | Some(b'/' | b'?' | b'#' | b'\\'));
            if has_host {
                return;
            }
            out.drain(start..end);
        }
        begin_with_one_slash(out, start);
    }

    /// Appends a path, with its query if the template has one, that begins with a single `/`.
    pub(super) fn write_path(&self, out: &mut Vec<u8>, filled: &Filled<'_>) {
        let start = out.len();
        self.write_target(out, filled, Place::Forwarded, 0);
        begin_with_one_slash(out, start);
    }

    fn write_target(&self, out: &mut Vec<u8>, filled: &Filled<'_>, place: Place, prefix: usize) {
        let mut writer = Writer { out, place };
        for (at, part) in self.parts.iter().enumerate() {
            let mut room = [0; 48];
            let value = filled.value(part, &mut room);
            match part {
                Part::Text(text) if at == 0 => {
                    writer.out.extend_from_slice(&text.as_bytes()[..prefix]);
                    writer.text(&text.as_bytes()[prefix..]);
                }
                Part::Text(_) => writer.text(value),
                Part::Host => writer.value(value, HOST, SEGMENT),
                Part::Path => writer.path(value),
                Part::Query => writer.query(value),
                Part::Rest => writer.value(value, LABEL, PATH),
                Part::ClientIp | Part::RequestId | Part::Capture(_) => {
                    writer.value(value, LABEL, SEGMENT);
                }
            }
        }
    }
}

/// Where in a target the next byte stands.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Authority,
    Path,
    /// The path of a target that a server gets, which has no fragment.
    Forwarded,
    /// Also a fragment.
    Query,
    ForwardedQuery,
}

struct Writer<'o> {
    out: &'o mut Vec<u8>,
    place: Place,
}

impl Writer<'_> {
    /// What the operator wrote.
    fn text(&mut self, text: &[u8]) {
        for byte in text {
            let is_forwarded = matches!(self.place, Place::Forwarded | Place::ForwardedQuery);
            if !byte.is_ascii_graphic() || (*byte == b'#' && is_forwarded) {
                encode::push_encoded(self.out, *byte);
                continue;
            }
            self.out.push(*byte);
            self.place = match (self.place, byte) {
                (Place::Authority, b'/' | b'\\') => Place::Path,
                (Place::Authority | Place::Path, b'?' | b'#') => Place::Query,
                (Place::Forwarded, b'?') => Place::ForwardedQuery,
                (place, _) => place,
            };
        }
    }

    fn value(&mut self, value: &[u8], in_authority: encode::Set, in_path: encode::Set) {
        let set = match self.place {
            Place::Authority => in_authority,
            Place::Path | Place::Forwarded => in_path,
            Place::Query | Place::ForwardedQuery => PARAMETER,
        };
        encode::push(self.out, value, set);
    }

    /// A path ends the authority, since it begins with a slash.
    fn path(&mut self, path: &[u8]) {
        if self.place == Place::Authority {
            self.place = Place::Path;
            if !path.starts_with(b"/") {
                self.out.push(b'/');
            }
        }
        self.value(path, PATH, PATH);
    }

    fn query(&mut self, query: &[u8]) {
        if query.is_empty() {
            return;
        }
        match self.place {
            Place::Authority | Place::Path => {
                self.out.push(b'?');
                self.place = Place::Query;
            }
            Place::Forwarded => {
                self.out.push(b'?');
                self.place = Place::ForwardedQuery;
            }
            // `/search?lang=en{query}`: further parameters.
            Place::Query | Place::ForwardedQuery => {
                if !matches!(self.out.last(), Some(b'?' | b'&')) {
                    self.out.push(b'&');
                }
            }
        }
        encode::push(self.out, query, QUERY);
    }
}

/// A target without an authority: `//evil.org` would be one. A backslash counts, since browsers take it for a slash;
/// values have none left, a template may.
fn begin_with_one_slash(out: &mut Vec<u8>, start: usize) {
    let is_slash = |byte: &&u8| matches!(byte, b'/' | b'\\');
    let count = out[start..].iter().take_while(is_slash).count();
    out.splice(start..start + count, *b"/");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::ask::Capture;
    use super::*;

    fn filled<'a>(host: &'a [u8], path: &'a [u8], query: &'a [u8], rest: &'a [u8]) -> Filled<'a> {
        Filled {
            host,
            path,
            query,
            rest,
            client_ip: IpAddr::from([192, 0, 2, 1]),
            request_id: b"id-1",
            captures: Captures::default(),
        }
    }

    fn template(text: &str) -> Template {
        Template::parse(text, &["id"]).expect(text)
    }

    fn location(text: &str, filled: &Filled<'_>) -> String {
        let mut out = b"before".to_vec();
        template(text).write_location(&mut out, filled);
        let text = String::from_utf8(out).expect("ASCII");
        text.strip_prefix("before").expect("it appends").into()
    }

    #[test]
    fn locations() {
        let plain = filled(b"example.com:8080", b"/a/b", b"c=d&e", b"b");
        for (text, expected) in [
            (
                "https://{host}{path}{query}",
                "https://example.com/a/b?c=d&e",
            ),
            ("https://{host}:8443{path}", "https://example.com:8443/a/b"),
            ("/v2/{rest}", "/v2/b"),
            ("{path}", "/a/b"),
            ("v2{path}", "/v2/a/b"),
            ("/s?q={path}{query}", "/s?q=/a/b&c=d&e"),
            ("/s?{query}", "/s?c=d&e"),
            ("/s#{rest}", "/s#b"),
            ("/{client_ip}/{request_id}", "/192.0.2.1/id-1"),
            ("/caf\u{e9} {rest}", "/caf%C3%A9%20b"),
            ("//cdn.example.com{path}", "//cdn.example.com/a/b"),
            ("", "/"),
        ] {
            assert_eq!(location(text, &plain), expected, "{text}");
        }
    }

    #[test]
    fn no_redirect_leaves_the_host_of_its_template() {
        let evil = filled(b"example.com", b"//evil.org/x", b"", b"/evil.org");
        for (text, expected) in [
            ("{path}", "/evil.org/x"),
            ("/{rest}", "/evil.org"),
            ("/\\{rest}", "/evil.org"),
            ("{rest}", "/evil.org"),
            ("https://{host}{path}", "https://example.com//evil.org/x"),
            (
                "https://example.com{rest}",
                "https://example.com%2Fevil.org",
            ),
        ] {
            assert_eq!(location(text, &evil), expected, "{text}");
        }
        let backslash = filled(b"a@evil.org", b"/\\evil.org", b"", b"\\evil.org");
        assert_eq!(location("{path}", &backslash), "/%5Cevil.org");
        assert_eq!(location("/{rest}", &backslash), "/%5Cevil.org");
        assert_eq!(
            location("https://{host}/", &backslash),
            "https://a%40evil.org/"
        );
        let scheme = filled(b"", b"/javascript:alert(1)", b"", b"javascript:alert(1)");
        assert_eq!(location("{rest}", &scheme), "/javascript:alert(1)");
        let no_host = filled(b"", b"//evil.org/", b"a", b"");
        assert_eq!(
            location("https://{host}{path}{query}", &no_host),
            "/evil.org/?a"
        );
        assert_eq!(
            location("https://{host}:80{path}", &no_host),
            "https://:80//evil.org/"
        );
    }

    #[test]
    fn a_value_stays_one_parameter() {
        let named = [Capture {
            name: "id".into(),
            segment: 0,
        }];
        let mut values = filled(b"h", b"/7&admin=1+%26#x", b"", b"");
        values.captures = Captures::new(&named);
        assert_eq!(
            location("/q?id={id}&x", &values),
            "/q?id=7%26admin%3D1%2B%26%23x&x"
        );
        assert_eq!(location("/u/{id}", &values), "/u/7&admin=1+%26%23x");
    }

    #[test]
    fn fields() {
        let values = filled(b"[::1]:80", b"/a", b"b", b"x\r\ny\0\x7f");
        let mut out = Vec::new();
        template("{host} {path}{query} {rest} {{}}").write_field(&mut out, &values);
        assert_eq!(out, b"[::1] /a?b xy {}");
    }

    fn any_template() -> impl Strategy<Value = Template> {
        let part = prop_oneof![
            Just("{host}"),
            Just("{path}"),
            Just("{query}"),
            Just("{rest}"),
            Just("{client_ip}"),
            Just("{request_id}"),
            Just("{id}"),
            Just("/"),
            Just("https://"),
            Just("?"),
            Just("#"),
            Just("\\"),
            Just("a b"),
            Just("\u{e9}"),
            Just("."),
            Just("//"),
        ];
        proptest::collection::vec(part, 0..6).prop_map(|parts| template(&parts.concat()))
    }

    proptest! {
        #[test]
        fn no_value_breaks_a_line(
            template in any_template(),
            values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..12), 5),
        ) {
            let mut values = filled_from(&values);
            let named = [Capture { name: "id".into(), segment: 1 }];
            values.captures = Captures::new(&named);
            let (mut field, mut location, mut path) = (vec![], vec![], vec![]);
            template.write_field(&mut field, &values);
            template.write_location(&mut location, &values);
            template.write_path(&mut path, &values);
            prop_assert!(!field.iter().any(u8::is_ascii_control));
            prop_assert!(location.iter().chain(&path).all(u8::is_ascii_graphic));
            prop_assert!(path.starts_with(b"/") && !path.starts_with(b"//") && !path.contains(&b'#'));
        }

        #[test]
        fn no_value_chooses_the_host(
            template in any_template(),
            values in proptest::collection::vec("[/\\\\@:.%a-c?#;]{0,8}", 5),
        ) {
            let bytes: Vec<Vec<u8>> = values.iter().map(|text| text.as_bytes().to_vec()).collect();
            let values = filled_from(&bytes);
            let mut location = Vec::new();
            template.write_location(&mut location, &values);
            let text = String::from_utf8(location).expect("ASCII");
            let prefix = template.authority_start();
            let shown = template.to_string();
            if prefix == 0 || !text.starts_with(&shown[..prefix]) {
                prop_assert!(text.starts_with('/'));
                prop_assert!(!text[1..].starts_with(['/', '\\']), "{text}");
            } else if template.check_location().is_ok() {
                let end = text[prefix..].find(['/', '?', '#', '\\']);
                let authority = &text[prefix..end.map_or(text.len(), |end| prefix + end)];
                prop_assert!(!authority.is_empty() && !authority.contains('@'), "{text}");
            }
        }
    }

    fn filled_from(values: &[Vec<u8>]) -> Filled<'_> {
        let mut filled = filled(&values[0], &values[1], &values[2], &values[3]);
        filled.request_id = &values[4];
        filled
    }
}
