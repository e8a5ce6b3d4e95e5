//! What must not get into a scenario: it is kept with the code, and many read it.
//!
//! A name gives a secret away better than its value does, so names are asked first. Rather one value too many is left out, with
//! a note, than one password kept.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Parts of names that say that the value is a secret.
const PARTS: [&str; 15] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "authorization",
    "credential",
    "session",
    "signature",
    "cvv",
    "cvc",
    "cardnumber",
];
/// Whole names that say so.
const NAMES: [&str; 14] = [
    "pass",
    "pwd",
    "pw",
    "pin",
    "otp",
    "auth",
    "jwt",
    "sid",
    "sig",
    "key",
    "code",
    "iban",
    "ssn",
    "phpsessid",
];
/// Parts of names of what guards a form, which is good for one session only.
const GUARDS: [&str; 6] = [
    "csrf",
    "xsrf",
    "authenticitytoken",
    "requestverificationtoken",
    "formkey",
    "nonce",
];
/// Parameters by which advertisers follow people, and by which caches are outwitted: no part of what is asked for.
const TRACKING: [&str; 16] = [
    "gclid", "gclsrc", "dclid", "fbclid", "msclkid", "yclid", "twclid", "ttclid", "igshid",
    "gbraid", "wbraid", "mc_cid", "mc_eid", "_ga", "_gl", "_",
];

/// Whether something of this name (a field, a parameter, a cookie) is a secret.
pub(super) fn is_name(name: &str) -> bool {
    let plain = plain(name);
    NAMES.contains(&plain.as_str())
        || PARTS.iter().any(|part| plain.contains(part))
        || is_guard(name)
}

/// Whether something of this name guards a form against forgery, and comes from an earlier response.
pub(super) fn is_guard(name: &str) -> bool {
    let plain = plain(name);
    GUARDS.iter().any(|part| plain.contains(part))
}

/// Whether a value is a secret whatever its name: a JSON Web Token (RFC 7519), or what an `Authorization` field has.
pub(super) fn is_value(value: &str) -> bool {
    let value = value.trim();
    let is_scheme = ["bearer ", "basic ", "digest "].iter().any(|scheme| {
        value
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    is_scheme || (value.starts_with("eyJ") && value.matches('.').count() >= 2)
}

/// Whether a parameter of the query says nothing about what is asked for.
pub(super) fn is_tracking(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("utm_") || TRACKING.contains(&name.as_str())
}

/// Without what separates words: `X-API-Key` and `api_key` are the same to us.
fn plain(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|char| char.to_ascii_lowercase())
        .collect()
}

/// A path and query for people, without what looks like a secret in it: reports are sent around. What a template fills in is none.
#[must_use]
pub fn without_secrets(target: &str) -> Cow<'_, str> {
    let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
    let segment = |text| if is_value(text) { "…" } else { text };
    let parameter = |part: &str| match part.split_once('=') {
        Some((name, value)) => {
            let plain = percent_decode_str(name).decode_utf8_lossy();
            let is_hole = value.starts_with("${") && value.ends_with('}');
            let is_secret = !value.is_empty() && !is_hole && (is_name(&plain) || is_value(value));
            if is_secret {
                format!("{name}=…")
            } else {
                part.to_owned()
            }
        }
        None => part.to_owned(),
    };
    let path: Vec<_> = path.split('/').map(segment).collect();
    let mut shown = path.join("/");
    if let Some(query) = query.strip_prefix('?') {
        let parts: Vec<_> = query.split('&').map(parameter).collect();
        shown = format!("{shown}?{}", parts.join("&"));
    }
    match shown == target {
        true => Cow::Borrowed(target),
        false => Cow::Owned(shown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_has_no_secrets() {
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln";
        for (target, shown) in [
            ("/a?b=c&flag", "/a?b=c&flag"),
            ("/a?api_key=s3cret&page=2", "/a?api_key=…&page=2"),
            ("/a?%61pi%5Fkey=s3cret", "/a?%61pi%5Fkey=…"),
            ("/a?token=${token}&key=", "/a?token=${token}&key="),
            ("/", "/"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(target), shown);
        }
        assert_eq!(
            without_secrets(&format!("/v/{token}/x?y={token}")),
            "/v/…/x?y=…"
        );
    }

    #[test]
    fn names_of_secrets() {
        for name in [
            "password",
            "user[password]",
            "X-Api-Key",
            "access_token",
            "PHPSESSID",
            "sid",
            "Authorization",
            "csrfmiddlewaretoken",
            "card_number",
            "__RequestVerificationToken",
            "client-secret",
            "pin",
        ] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "q", "page", "quantity", "keyword", "shipping", "monkey", "Accept", "compass",
        ] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn values_that_are_secrets() {
        assert!(is_value("Bearer abc"));
        assert!(is_value("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"));
        assert!(!is_value("eye"));
        assert!(!is_value("bearings"));
    }

    #[test]
    fn trackers() {
        assert!(["utm_source", "gclid", "_"].into_iter().all(is_tracking));
        assert!(!is_tracking("page"));
    }
}
