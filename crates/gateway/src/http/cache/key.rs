//! The key under which a response is stored, before `Vary` is considered.
//!
//! The problem: two requests that the server answers differently must never have the same key, or one client gets (or an attacker
//! plants) another's answer. The idea: the key is the address as it is, then for each configured field and cookie a line that says
//! `=` and the value, or `-` for none. A line feed can stand in neither, so that no value can pass for another part. The address ends
//! in a line feed too: all that is stored for one address, and for all that begin so, is a range of keys, which is what purging needs.
//!
//! Nothing is decoded or folded except the host: whether `%7E` and `~`, `/a` and `/A` are one, only the server knows.

use std::borrow::Cow;

use tenfold_http1::Method;

use super::ask::Request;
use super::fields::Fields;
use super::policy::{KeyPolicy, Pattern, Query};

/// Longer keys are not cached, in bytes.
pub(crate) const LONGEST: usize = 16 * 1024;

/// Appends the key of a request. HEAD has that of GET, and so has POST, whose answer may be one to GET (RFC 9110 section 9.3.3).
/// `None` if it has none: of another method, too long, or not of the form that the parser of heads lets pass.
pub(crate) fn write(
    out: &mut Vec<u8>,
    request: &Request<'_, impl Fields + ?Sized>,
    policy: &KeyPolicy,
) -> Option<()> {
    let has_key = matches!(request.method, Method::Get | Method::Head | Method::Post);
    has_key.then_some(())?;
    let start = out.len();
    address(
        out,
        request.is_tls,
        request.authority,
        request.target,
        policy,
    )?;
    for name in &policy.headers {
        // Several lines of one field mean one with commas (RFC 9110 section 5.3).
        part(out, request.fields.values(name), b',')?;
    }
    for name in &policy.cookies {
        let is_named = |(cookie, _): &(&[u8], &[u8])| *cookie == name.as_bytes();
        let values = cookies(request.fields).filter(is_named);
        part(out, values.map(|(_, value)| value), b';')?;
    }
    (out.len() - start <= LONGEST).then_some(())
}

/// Appends the first part of a key, which ends in a line feed: `https://example.org/path?query`. Every key of that address
/// begins with it. `target` is path and query.
pub(crate) fn address(
    out: &mut Vec<u8>,
    is_tls: bool,
    authority: &[u8],
    target: &[u8],
    policy: &KeyPolicy,
) -> Option<()> {
    let is_host = |byte: &u8| byte.is_ascii_graphic() && !b"/?#@".contains(byte);
    let is_sound = !authority.is_empty()
        && authority.iter().all(is_host)
        && target.first() == Some(&b'/')
        && target.iter().all(u8::is_ascii_graphic);
    is_sound.then_some(())?;
    let (scheme, port): (&[u8], &[u8]) = match is_tls {
        true => (b"https://", b":443"),
        false => (b"http://", b":80"),
    };
    out.extend_from_slice(scheme);
    let host = authority.strip_suffix(port).unwrap_or(authority);
    out.extend(host.iter().map(u8::to_ascii_lowercase));
    out.extend_from_slice(&what_counts(target, policy));
    out.push(b'\n');
    Some(())
}

/// Path and query without the parameters that do not count. Who lets only some parameters count should send this to the server:
/// what it cannot see cannot change its answer.
pub(crate) fn what_counts<'a>(target: &'a [u8], policy: &KeyPolicy) -> Cow<'a, [u8]> {
    let Some(mark) = target.iter().position(|byte| *byte == b'?') else {
        return Cow::Borrowed(target);
    };
    let (path, query) = (&target[..mark], &target[mark + 1..]);
    let counts: &dyn Fn(&[u8]) -> bool = match &policy.query {
        Query::All if !policy.sorts_query => return Cow::Borrowed(target),
        Query::None => return Cow::Borrowed(path),
        Query::All => &|_| true,
        Query::Only(names) => &|parameter| is_odd(parameter) || fits(names, parameter),
        Query::Except(names) => &|parameter| is_odd(parameter) || !fits(names, parameter),
    };
    let mut parameters: Vec<_> = query
        .split(|byte| *byte == b'&')
        .filter(|parameter| counts(parameter))
        .collect();
    if policy.sorts_query {
        // Those of one name keep their order: to many servers it means something.
        parameters.sort_by(|a, b| raw_name(a).cmp(raw_name(b)));
    }
    if parameters.is_empty() {
        return Cow::Borrowed(path);
    }
    let joined = parameters.join(&b'&');
    Cow::Owned([path, &joined].join(&b'?'))
}

/// Some servers take `;` for `&`, and would find a parameter that counts inside of one that does not.
fn is_odd(parameter: &[u8]) -> bool {
    parameter.contains(&b';')
}

fn fits(names: &[Pattern], parameter: &[u8]) -> bool {
    let name = decoded(raw_name(parameter));
    names.iter().any(|pattern| pattern.fits(&name))
}

/// True if the query has a parameter of such a name.
pub(super) fn has_parameter(target: &[u8], name: &Pattern) -> bool {
    let mark = target.iter().position(|byte| *byte == b'?');
    let query = mark.map_or(&b""[..], |mark| &target[mark + 1..]);
    query
        .split(|byte| matches!(byte, b'&' | b';'))
        .any(|parameter| !parameter.is_empty() && name.fits(&decoded(raw_name(parameter))))
}

fn raw_name(parameter: &[u8]) -> &[u8] {
    let end = parameter.iter().position(|byte| *byte == b'=');
    &parameter[..end.unwrap_or(parameter.len())]
}

/// As a server reads it: a name that is spelled otherwise is the same name.
fn decoded(name: &[u8]) -> Cow<'_, [u8]> {
    if !name.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(name);
    }
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'%', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                out.push(hex(*high).unwrap_or(0) << 4 | hex(*low).unwrap_or(0));
                rest = after;
            }
            (b'+', _) => out.push(b' '),
            _ => out.push(byte),
        }
    }
    Cow::Owned(out)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// Appends one line.
fn part<'a>(
    out: &mut Vec<u8>,
    values: impl Iterator<Item = &'a [u8]>,
    separator: u8,
) -> Option<()> {
    let mut is_first = true;
    for value in values {
        out.push(if is_first { b'=' } else { separator });
        is_first = false;
        (!value.contains(&b'\n')).then_some(())?;
        out.extend_from_slice(value);
    }
    if is_first {
        out.push(b'-');
    }
    out.push(b'\n');
    Some(())
}

/// Names and values of cookies (RFC 6265 section 5.4); one without a name has an empty one.
pub(super) fn cookies(fields: &(impl Fields + ?Sized)) -> impl Iterator<Item = (&[u8], &[u8])> {
    fields
        .values("cookie")
        .flat_map(|line| line.split(|byte| *byte == b';'))
        .map(|pair| match pair.iter().position(|byte| *byte == b'=') {
            Some(equals) => (pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii()),
            None => (&b""[..], pair.trim_ascii()),
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn patterns(names: &[&str]) -> Vec<Pattern> {
        names.iter().map(|name| Pattern::new(name)).collect()
    }

    #[test]
    fn addresses() {
        let policy = KeyPolicy::default();
        for (is_tls, authority, target, expected) in [
            (
                false,
                "Example.ORG:80",
                "/A?b=1&a=2",
                Some("http://example.org/A?b=1&a=2\n"),
            ),
            (true, "example.org:443", "/", Some("https://example.org/\n")),
            (
                true,
                "example.org:80",
                "/?",
                Some("https://example.org:80/?\n"),
            ),
            (false, "[::1]:8080", "/%7e", Some("http://[::1]:8080/%7e\n")),
            (false, "", "/", None),
            (false, "a/b", "/", None),
            (false, "a", "*", None),
            (false, "a", "", None),
            (false, "a", "/\n", None),
            (false, "a", "/ b", None),
        ] {
            let mut out = Vec::new();
            let key = address(
                &mut out,
                is_tls,
                authority.as_bytes(),
                target.as_bytes(),
                &policy,
            );
            let written = key.map(|()| String::from_utf8(out).unwrap());
            assert_eq!(written.as_deref(), expected, "{authority} {target}");
        }
    }

    #[test]
    fn parameters_that_count() {
        let except = Query::Except(patterns(&["utm_*", "gclid"]));
        let only = Query::Only(patterns(&["id", "page*"]));
        for (query, sorts_query, target, expected) in [
            (Query::All, false, "/?b&a", "/?b&a"),
            (Query::All, true, "/?b=1&a=2&b=0", "/?a=2&b=1&b=0"),
            (Query::None, false, "/?b&a", "/"),
            (
                except.clone(),
                false,
                "/a?x=1&utm_source=2&gclid=3&y",
                "/a?x=1&y",
            ),
            (except.clone(), false, "/a?utm_source=2", "/a"),
            (
                except.clone(),
                false,
                "/a?%75tm_source=2&gclidx=1",
                "/a?gclidx=1",
            ),
            (except.clone(), true, "/a?z=1&utm_x&a=1", "/a?a=1&z=1"),
            // An attacker's parameter within one that does not count.
            (
                except,
                false,
                "/a?utm_source=1;id=2",
                "/a?utm_source=1;id=2",
            ),
            (only.clone(), false, "/?x=1&id=2&pages=3", "/?id=2&pages=3"),
            (only.clone(), false, "/?%69d=2&+id=1&x%3", "/?%69d=2"),
            (only.clone(), false, "/?x=1;id=2", "/?x=1;id=2"),
            (only, false, "/", "/"),
        ] {
            let policy = KeyPolicy {
                query,
                sorts_query,
                ..KeyPolicy::default()
            };
            let counts = what_counts(target.as_bytes(), &policy);
            assert_eq!(
                String::from_utf8_lossy(&counts),
                expected,
                "{target} {policy:?}"
            );
        }
    }

    fn key(
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        policy: &KeyPolicy,
    ) -> Option<Vec<u8>> {
        let request = Request {
            method: Method::of(method.as_bytes()),
            is_tls: false,
            authority: b"a",
            target: target.as_bytes(),
            is_special: false,
            fields,
        };
        let mut out = Vec::new();
        write(&mut out, &request, policy).map(|()| out)
    }

    #[test]
    fn fields_and_cookies() {
        let policy = KeyPolicy {
            headers: vec!["x-a".into(), "x-b".into()],
            cookies: vec!["c".into()],
            ..KeyPolicy::default()
        };
        let of = |fields: &[(&str, &str)]| {
            String::from_utf8(key("GET", "/", fields, &policy).unwrap()).unwrap()
        };
        assert_eq!(of(&[]), "http://a/\n-\n-\n-\n");
        assert_eq!(
            of(&[("X-B", "1"), ("X-A", ""), ("x-b", "2")]),
            "http://a/\n=\n=1,2\n-\n"
        );
        assert_eq!(of(&[("Cookie", "C=0; c=1; d=2")]), "http://a/\n-\n-\n=1\n");
        assert_eq!(
            of(&[("Cookie", "c = 1"), ("Cookie", "c=2;c")]),
            "http://a/\n-\n-\n=1;2\n"
        );
        assert_eq!(key("GET", "/", &[("X-A", "1\n=")], &policy), None);
        let policy = KeyPolicy::default();
        assert_eq!(
            key("HEAD", "/", &[], &policy),
            key("GET", "/", &[], &policy)
        );
        assert_eq!(key("PUT", "/", &[], &policy), None);
        let long = format!("/{}", "a".repeat(LONGEST));
        assert_eq!(key("GET", &long, &[], &policy), None);
    }

    proptest! {
        /// Whatever clients send: the same key means the same address, fields and cookies.
        #[test]
        fn different_requests_have_different_keys(
            a in ("/[a=&?;-]{0,4}", proptest::option::of("[a=,-]{0,3}"), proptest::option::of("[a=,-]{0,3}")),
            b in ("/[a=&?;-]{0,4}", proptest::option::of("[a=,-]{0,3}"), proptest::option::of("[a=,-]{0,3}")),
        ) {
            let policy = KeyPolicy {
                headers: vec!["x-a".into(), "x-b".into()],
                ..KeyPolicy::default()
            };
            let of = |(target, first, second): &(String, Option<String>, Option<String>)| {
                let fields: Vec<_> = [("X-A", first), ("X-B", second)]
                    .into_iter()
                    .filter_map(|(name, value)| Some((name, value.as_deref()?)))
                    .collect();
                key("GET", target, &fields, &policy)
            };
            prop_assert_eq!(of(&a) == of(&b), a == b);
        }
    }
}
