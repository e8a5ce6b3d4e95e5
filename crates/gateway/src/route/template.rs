//! Templates as they are written: `https://{host}{path}`; `{{` and `}}` stand for braces.

use std::fmt;

use super::pattern::{Part, Template};

/// The places that every template may have.
const PLACES: [(&str, Part); 6] = [
    ("host", Part::Host),
    ("path", Part::Path),
    ("query", Part::Query),
    ("rest", Part::Rest),
    ("client_ip", Part::ClientIp),
    ("request_id", Part::RequestId),
];

/// What a name means in every template.
pub(super) fn place(name: &str) -> Option<Part> {
    let known = PLACES.into_iter().find(|(known, _)| *known == name);
    known.map(|(_, part)| part)
}

impl Template {
    /// Reads a text with places. `captures` are the names that the route's paths define.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn parse(text: &str, captures: &[&str]) -> Result<Self, String> {
        if text.chars().any(char::is_control) {
            return Err(format!(
                "{text:?}: a template has no line breaks and no other control characters"
            ));
        }
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            let after = &rest[at + 1..];
            if let Some(after) = after.strip_prefix(brace) {
                literal.push_str(brace);
                rest = after;
                continue;
            }
            let name = after.find(['{', '}']).filter(|_| brace == "{");
            let name = name.filter(|end| after[*end..].starts_with('}'));
            let Some(end) = name else {
                return Err(format!(
                    "`{text}`: a `{brace}` without its partner; write `{brace}{brace}` for the sign itself"
                ));
            };
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(named(&after[..end], captures)?);
            rest = &after[end + 1..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self { parts })
    }

    /// True if it says itself what becomes of the query: with `{query}`, or with a `?` of its own.
    #[must_use]
    pub fn sets_query(&self) -> bool {
        self.parts.iter().any(|part| match part {
            Part::Query => true,
            Part::Text(text) => text.contains('?'),
            _ => false,
        })
    }

    /// Checks that it can be a path that is forwarded (`rewrite`).
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn check_rewrite(&self) -> Result<(), String> {
        if !self.begins_with_slash() {
            return Err(format!(
                "`{self}`: a path begins with `/`: write `/…` or `{{path}}`"
            ));
        }
        let is_fragment = |part: &Part| matches!(part, Part::Text(text) if text.contains('#'));
        if self.parts.iter().any(is_fragment) {
            return Err(format!(
                "`{self}`: `#` is never sent to servers: write `%23` for the sign"
            ));
        }
        Ok(())
    }

    /// Checks that it can be a `Location`, and that no client can choose its host (an open redirect).
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn check_location(&self) -> Result<(), String> {
        let prefix = self.authority_start();
        if prefix == 0 {
            return if self.begins_with_slash() {
                Ok(())
            } else {
                Err(format!(
                    "`{self}`: write a whole address (`https://…`) or a path that begins with `/`"
                ))
            };
        }
        let mut parts = self.authority(prefix).peekable();
        let mut is_empty = true;
        while let Some(part) = parts.next() {
            is_empty = is_empty && part == AuthorityPart::Text("");
            if part != AuthorityPart::Chosen {
                continue;
            }
            // `https://{tenant}.example.com` is fine, `https://example.com{rest}` is `example.com.evil.org`.
            let is_closed = match parts.next() {
                Some(AuthorityPart::Text(".")) => parts.peek() == Some(&AuthorityPart::Host),
                Some(AuthorityPart::Text(text)) => text.starts_with('.'),
                _ => false,
            };
            if !is_closed {
                return Err(format!(
                    "`{self}`: the client would choose the host: put `/` or `.example.com` behind the place"
                ));
            }
        }
        if is_empty {
            return Err(format!(
                "`{self}`: the host is missing: write `https://{{host}}…`"
            ));
        }
        Ok(())
    }

    fn begins_with_slash(&self) -> bool {
        match self.parts.first() {
            Some(Part::Text(text)) => text.starts_with('/'),
            Some(Part::Path) => true,
            _ => false,
        }
    }

    /// Length of what stands before the authority (`https://`, `//`); 0 if there is none.
    pub(super) fn authority_start(&self) -> usize {
        let Some(Part::Text(text)) = self.parts.first() else {
            return 0;
        };
        let Some(slashes) = text.find("//") else {
            return 0;
        };
        let is_scheme = |scheme: &str| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        };
        match text[..slashes].strip_suffix(':') {
            Some(scheme) if is_scheme(scheme) => slashes + 2,
            None if slashes == 0 => 2,
            _ => 0,
        }
    }

    /// What the authority is made of.
    fn authority(&self, prefix: usize) -> impl Iterator<Item = AuthorityPart<'_>> {
        let mut is_over = false;
        self.parts.iter().enumerate().map_while(move |(at, part)| {
            if is_over {
                return None;
            }
            match part {
                Part::Text(text) => {
                    let text = if at == 0 { &text[prefix..] } else { text };
                    let end = text.find(['/', '?', '#', '\\']);
                    is_over = end.is_some();
                    Some(AuthorityPart::Text(&text[..end.unwrap_or(text.len())]))
                }
                Part::Host => Some(AuthorityPart::Host),
                Part::Path | Part::Query => None,
                Part::Rest | Part::ClientIp | Part::RequestId | Part::Capture(_) => {
                    Some(AuthorityPart::Chosen)
                }
            }
        })
    }
}

#[derive(Clone, Copy, PartialEq)]
enum AuthorityPart<'a> {
    Text(&'a str),
    Host,
    /// By the client.
    Chosen,
}

fn named(name: &str, captures: &[&str]) -> Result<Part, String> {
    if let Some(part) = place(name) {
        return Ok(part);
    }
    if captures.contains(&name) {
        return Ok(Part::Capture(name.into()));
    }
    let known = PLACES.iter().map(|(known, _)| *known);
    let known: Vec<String> = known
        .chain(captures.iter().copied())
        .map(|known| format!("{{{known}}}"))
        .collect();
    Err(format!(
        "`{{{name}}}` means nothing here: there are {}; write `{{{{` for a brace",
        known.join(", ")
    ))
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Text(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}"))?,
                Part::Capture(name) => write!(f, "{{{name}}}")?,
                known => {
                    let name = PLACES.iter().find(|(_, part)| part == known);
                    write!(f, "{{{}}}", name.map_or("", |(name, _)| name))?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates() {
        for text in [
            "",
            "text",
            "https://{host}{path}{query}",
            "{client_ip} {request_id}",
            "/v2/{rest}",
            "{id}{id}",
            "{{{id}}}",
            "a{{b}}c",
            "caf\u{e9}",
        ] {
            let template = Template::parse(text, &["id"]).expect(text);
            assert_eq!(template.to_string(), text);
        }
        let braces = Template::parse("{{id}}", &["id"]).expect("text");
        assert_eq!(braces.parts, [Part::Text("{id}".into())]);
    }

    #[test]
    fn mistakes_are_told() {
        for (text, hint) in [
            ("{", "`{{`"),
            ("}", "`}}`"),
            ("{host", "`{{`"),
            ("host}", "`}}`"),
            ("{ho{st}", "`{{`"),
            ("{}", "means nothing"),
            ("{ host }", "means nothing"),
            (
                "{other}",
                "{host}, {path}, {query}, {rest}, {client_ip}, {request_id}, {id}",
            ),
            ("a\r\nb", "control"),
            ("a\0", "control"),
            ("a\u{85}", "control"),
        ] {
            let error = Template::parse(text, &["id"]).expect_err(text);
            assert!(error.contains(hint), "{text}: {error}");
        }
    }

    #[test]
    fn locations_whose_host_a_client_would_choose_are_refused() {
        let check = |text: &str| Template::parse(text, &["id"]).expect(text).check_location();
        for text in [
            "/",
            "/x/{rest}",
            "{path}{query}",
            "https://{host}{path}",
            "https://example.com/{rest}",
            "https://{id}.example.com/{rest}",
            "https://{id}.{host}{path}",
            "//cdn.example.com{path}",
            "https://example.com?to={rest}",
            "app://open/{id}",
            "https://{host}:8443{path}",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in [
            "https://{rest}",
            "https://example.com{rest}",
            "https://{id}/",
            "https://{id}",
            "https://{id}.",
            "https://{id}./x",
            "https://{id}.{rest}",
            "https://example.com:{id}/",
            "//{rest}",
            "https://{id}\\.example.com",
        ] {
            let error = check(text).expect_err(text);
            assert!(error.contains("choose the host"), "{text}: {error}");
        }
        for text in [
            "",
            "x",
            "{rest}",
            "{id}/x",
            "{query}",
            "mailto:a",
            "java{rest}",
        ] {
            let error = check(text).expect_err(text);
            assert!(error.contains("begins with `/`"), "{text}: {error}");
        }
        for text in ["https://", "https:///x", "https://{path}"] {
            let error = check(text).expect_err(text);
            assert!(error.contains("missing"), "{text}: {error}");
        }
    }

    #[test]
    fn rewrites() {
        let check = |text: &str| Template::parse(text, &["id"]).expect(text).check_rewrite();
        for text in ["/", "{path}", "/{rest}", "/{id}?a=b"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in ["", "x", "{rest}", "https://x/", "/a#b"] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
