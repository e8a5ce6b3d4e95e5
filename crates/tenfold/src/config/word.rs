//! Names, methods, fields, paths and where secrets are: words with rules of their own. Each error says what would be right.

use tenfold_gateway::config::limit::KeyPart;
use tenfold_gateway::config::upstream;

/// A name for upstreams, listeners and zones, which labels of metrics and cookies can carry.
pub fn plain_name(text: &str) -> Result<String, String> {
    let is_good = (1..=64).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if is_good {
        Ok(text.to_owned())
    } else {
        Err(
            "a name has 1 to 64 letters, digits, - _ and . and begins with a letter or digit"
                .into(),
        )
    }
}

/// A path that is not empty.
pub fn path(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains('\0') {
        Err("give a path, for example /var/www".into())
    } else {
        Ok(text.to_owned())
    }
}

/// RFC 9110 section 5.6.2.
pub fn is_token(text: &str) -> bool {
    let is_token_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// `GET`: methods are case-sensitive, and all that exist are in capitals.
pub fn method(text: &str) -> Result<String, String> {
    if is_token(text) && !text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        Ok(text.to_owned())
    } else if is_token(text) {
        Err(format!(
            "methods are written in capitals: {}",
            text.to_ascii_uppercase()
        ))
    } else {
        Err("give a method, for example GET or POST".into())
    }
}

/// The name of a field, as it was written.
pub fn field_name(text: &str) -> Result<String, String> {
    if is_token(text) && text.len() <= 256 {
        Ok(text.to_owned())
    } else {
        Err("the name of a field has letters, digits and -, for example x-frame-options".into())
    }
}

/// A field's value: no control characters, which could end the line.
pub fn field_value(text: &str) -> Result<String, String> {
    let is_good = text
        .bytes()
        .all(|byte| byte == b'\t' || (byte >= b' ' && byte != 0x7F));
    if is_good && text.trim_matches([' ', '\t']) == text {
        Ok(text.to_owned())
    } else {
        Err("a field's value is one line, without spaces at its ends".into())
    }
}

/// A cookie's name.
pub fn cookie_name(text: &str) -> Result<String, String> {
    if is_token(text) && text.len() <= 256 {
        Ok(text.to_owned())
    } else {
        Err("a cookie's name has letters, digits, - and _, for example tenfold-shop".into())
    }
}

/// `client_ip`, `header:NAME`, `cookie:NAME`, `target`.
pub fn hash_key(text: &str) -> Result<upstream::HashKey, String> {
    match text.split_once(':') {
        None if text == "client_ip" => Ok(upstream::HashKey::ClientIp),
        None if text == "target" => Ok(upstream::HashKey::Target),
        Some(("header", name)) => {
            field_name(name).map(|name| upstream::HashKey::Header(name.to_ascii_lowercase()))
        }
        Some(("cookie", name)) => cookie_name(name).map(upstream::HashKey::Cookie),
        _ => Err("give client_ip, header:NAME, cookie:NAME or target".into()),
    }
}

/// `client_ip`, `header:NAME`, `cookie:NAME`, `route`, `global`.
pub fn limit_key(text: &str) -> Result<KeyPart, String> {
    match text.split_once(':') {
        None if text == "client_ip" => Ok(KeyPart::ClientIp),
        None if text == "route" => Ok(KeyPart::Route),
        None if text == "global" => Ok(KeyPart::Global),
        Some(("header", name)) => {
            field_name(name).map(|name| KeyPart::Header(name.to_ascii_lowercase()))
        }
        Some(("cookie", name)) => cookie_name(name).map(KeyPart::Cookie),
        _ => Err("give client_ip, header:NAME, cookie:NAME, route or global".into()),
    }
}

/// `env:NAME` or `file:PATH`.
pub fn secret_source(text: &str) -> Result<String, String> {
    match text.split_once(':') {
        Some(("env" | "file", name)) if !name.is_empty() => Ok(text.to_owned()),
        _ => Err("a secret is given as env:NAME or file:PATH, never as itself".into()),
    }
}

/// A path, perhaps with a query: `/healthz`.
pub fn target(text: &str) -> Result<String, String> {
    let is_good = text.starts_with('/')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if is_good {
        Ok(text.to_owned())
    } else {
        Err("a path begins with / and has no spaces, for example /healthz".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_end_a_line_or_begin_a_field_is_refused() {
        for bad in ["a\r", "a\nb", "\0", "a\u{7f}", " a", "a\t"] {
            assert!(field_value(bad).is_err(), "{bad:?}");
        }
        for good in ["", "a b", "text/plain; charset=utf-8", "ä"] {
            assert!(field_value(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a:", "a\r", "ä", "(a)"] {
            assert!(field_name(bad).is_err(), "{bad:?}");
            assert!(cookie_name(bad).is_err(), "{bad:?}");
            assert!(method(bad).is_err(), "{bad:?}");
        }
        assert!(method("get").is_err_and(|help| help.contains("GET")));
        for bad in ["", "a", "/a b", "/a#b", "/ä", "/a\n"] {
            assert!(target(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn keys_of_hashes() {
        assert_eq!(
            hash_key("cookie:A"),
            Ok(upstream::HashKey::Cookie("A".into()))
        );
        assert_eq!(
            hash_key("header:X-A"),
            Ok(upstream::HashKey::Header("x-a".into()))
        );
        assert_eq!(hash_key("target"), Ok(upstream::HashKey::Target));
        for bad in [
            "",
            "header",
            "header:",
            "cookie:a b",
            "client_ip:x",
            "global",
        ] {
            assert!(hash_key(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_of_limits() {
        assert_eq!(limit_key("global"), Ok(KeyPart::Global));
        assert_eq!(limit_key("header:X-A"), Ok(KeyPart::Header("x-a".into())));
        for bad in ["", "ip", "header:", "cookie:a b", "client_ip:x"] {
            assert!(limit_key(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn plain_names() {
        let long = "a".repeat(65);
        for bad in ["", "-a", "a b", "a/b", "ä", &long] {
            assert!(plain_name(bad).is_err(), "{bad}");
        }
        assert!(plain_name("shop-2.eu_1").is_ok());
    }
}
