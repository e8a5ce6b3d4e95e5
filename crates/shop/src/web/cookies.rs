//! The two cookies: `session`, which is a secret, and `basket`, which only says how many things are in it.

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

use crate::session::Token;

/// Who the visitor is. Not readable by scripts; not sent along by other sites' forms.
pub(super) const SESSION: &str = "session";
/// How many things are in the basket: pages that are the same for everyone show it by script.
pub(super) const BASKET: &str = "basket";

/// As long as a session lives without being seen: 30 days.
const SECONDS: u32 = 30 * 24 * 3600;

/// The value of a cookie, if the request has it.
pub(super) fn read<'a>(fields: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = fields
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok());
    let mut pairs = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Sets the session. `is_https`: browsers then never send it in the clear.
pub(super) fn set_session(fields: &mut HeaderMap, token: &Token, is_https: bool) {
    let secure = if is_https { "; Secure" } else { "" };
    let text = token.text();
    add(
        fields,
        &format!("{SESSION}={text}; Path=/; Max-Age={SECONDS}; HttpOnly; SameSite=Lax{secure}"),
    );
}

/// Says how many things are in the basket.
pub(super) fn set_basket(fields: &mut HeaderMap, count: i32) {
    add(
        fields,
        &format!("{BASKET}={count}; Path=/; Max-Age={SECONDS}; SameSite=Lax"),
    );
}

/// Takes both away.
pub(super) fn forget(fields: &mut HeaderMap) {
    add(
        fields,
        &format!("{SESSION}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"),
    );
    add(
        fields,
        &format!("{BASKET}=; Path=/; Max-Age=0; SameSite=Lax"),
    );
}

fn add(fields: &mut HeaderMap, cookie: &str) {
    let value = HeaderValue::try_from(cookie).expect("base64url and numbers");
    fields.append(SET_COOKIE, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_among_others() {
        let mut fields = HeaderMap::new();
        fields.append(
            COOKIE,
            HeaderValue::from_static("a=1; session=x=y;basket=3"),
        );
        fields.append(
            COOKIE,
            HeaderValue::from_static("mysession=no; session=second; odd"),
        );
        assert_eq!(read(&fields, SESSION), Some("x=y"));
        assert_eq!(read(&fields, BASKET), Some("3"));
        assert_eq!(read(&fields, "odd"), None);
    }
}
