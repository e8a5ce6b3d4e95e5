//! nginx's variables, and what they are called in templates.

use std::collections::HashMap;

use crate::import::path::escaped;

/// Longest text that variables may grow into.
const LONGEST: usize = 8 << 10;
/// Deepest chain of `set $a $b`.
const DEEPEST: u8 = 8;

/// What variables stand for at some place of the source.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    /// By `set`, without the `$`.
    pub(super) sets: HashMap<String, String>,
    /// `http` or `https`, if all listeners agree.
    pub(super) scheme: Option<&'static str>,
    /// The first name of the server.
    pub(super) server_name: Option<String>,
    /// Templates of `$1`, `$2` …
    pub(super) captures: Vec<String>,
}

impl Variables {
    /// The text as a template; or the first variable that has no equal.
    pub(super) fn template(&self, text: &str) -> Result<String, String> {
        let mut out = String::new();
        self.expand(text, &mut out, 0)?;
        Ok(out)
    }

    /// The text with the variables of `set` in it and no other.
    pub(super) fn literal(&self, text: &str) -> Result<String, String> {
        let mut out = String::new();
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Variable(name) => match self.sets.get(name) {
                    Some(value) if !value.contains('$') => out.push_str(value),
                    _ => return Err(name.to_owned()),
                },
            }
            if out.len() > LONGEST {
                return Err("…".into());
            }
        }
        Ok(out)
    }

    fn expand(&self, text: &str, out: &mut String, depth: u8) -> Result<(), String> {
        let mut pieces = pieces(text).into_iter().peekable();
        while let Some(piece) = pieces.next() {
            if out.len() > LONGEST || depth > DEEPEST {
                return Err("…".into());
            }
            let name = match piece {
                Piece::Variable(name) => name,
                Piece::Text(text) => {
                    let is_query =
                        matches!(pieces.peek(), Some(Piece::Variable(name)) if is_args(name));
                    match text.strip_suffix('?').filter(|_| is_query) {
                        // `{query}` has its question mark.
                        Some(text) => {
                            pieces.next();
                            out.push_str(&escaped(text));
                            out.push_str("{query}");
                        }
                        None => out.push_str(&escaped(text)),
                    }
                    continue;
                }
            };
            if name == "is_args"
                && matches!(pieces.peek(), Some(Piece::Variable(name)) if is_args(name))
            {
                pieces.next();
                out.push_str("{query}");
                continue;
            }
            if let Some(value) = self.sets.get(name) {
                self.expand(value, out, depth + 1)?;
                continue;
            }
            out.push_str(&self.place(name)?);
        }
        Ok(())
    }

    fn place(&self, name: &str) -> Result<String, String> {
        let place = match name {
            "host" | "http_host" => "{host}",
            "remote_addr" | "realip_remote_addr" => "{client_ip}",
            "request_id" => "{request_id}",
            "uri" | "document_uri" => "{path}",
            "request_uri" => "{path}{query}",
            "scheme" => self.scheme.ok_or(name)?,
            "server_name" => return self.server_name.clone().ok_or_else(|| name.to_owned()),
            _ => {
                let number: Option<usize> = name.parse().ok();
                let capture = number.and_then(|number| self.captures.get(number.checked_sub(1)?));
                return capture.cloned().ok_or_else(|| name.to_owned());
            }
        };
        Ok(place.to_owned())
    }
}

fn is_args(name: &str) -> bool {
    matches!(name, "args" | "query_string")
}

/// A part of a text with variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    Text(&'t str),
    Variable(&'t str),
}

/// Text and variables (`$name`, `${name}`) in their order.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut start = 0;
    while let Some(at) = rest[start..].find('$').map(|at| at + start) {
        let after = &rest[at + 1..];
        let (name, len) = match after.strip_prefix('{') {
            Some(inside) => match inside.find('}') {
                Some(end) => (&inside[..end], end + 2),
                None => ("", 0),
            },
            None => {
                let is_first_digit = after.starts_with(|c: char| c.is_ascii_digit());
                let end = match is_first_digit {
                    true => 1,
                    false => after
                        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                        .unwrap_or(after.len()),
                };
                (&after[..end], end)
            }
        };
        if name.is_empty() {
            start = at + 1;
            continue;
        }
        if at > 0 {
            pieces.push(Piece::Text(&rest[..at]));
        }
        pieces.push(Piece::Variable(name));
        rest = &after[len..];
        start = 0;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// True if there is a variable in it.
pub(super) fn has_variable(text: &str) -> bool {
    pieces(text)
        .iter()
        .any(|piece| matches!(piece, Piece::Variable(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates() {
        let variables = Variables {
            sets: [("app".into(), "x-$host".into())].into(),
            scheme: Some("http"),
            server_name: Some("a.example".into()),
            captures: vec!["{rest}".into()],
        };
        for (text, expected) in [
            ("https://$host$request_uri", "https://{host}{path}{query}"),
            (
                "$scheme://www.${host}$uri$is_args$args",
                "http://www.{host}{path}{query}",
            ),
            ("/x?$args", "/x{query}"),
            ("/new/$1", "/new/{rest}"),
            ("a{b}$", "a{{b}}$"),
            ("$app", "x-{host}"),
            ("$server_name", "a.example"),
        ] {
            assert_eq!(variables.template(text).as_deref(), Ok(expected), "{text}");
        }
        for (text, name) in [("$args", "args"), ("a$2", "2"), ("$http_x", "http_x")] {
            assert_eq!(variables.template(text), Err(name.into()), "{text}");
        }
    }

    #[test]
    fn a_circle_of_variables_ends() {
        let sets = [("a".into(), "$b$b".into()), ("b".into(), "$a$a".into())];
        let variables = Variables {
            sets: sets.into(),
            ..Variables::default()
        };
        assert!(variables.template("$a").is_err());
        assert_eq!(pieces("${a"), [Piece::Text("${a")]);
        assert_eq!(pieces("$"), [Piece::Text("$")]);
    }
}
