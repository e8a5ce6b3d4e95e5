//! `if (…)`: the conditions that routes have, too.

use super::context::Context;
use super::parse::Directive;
use super::variables::{Piece, has_variable, pieces};
use crate::import::ledger::{Note, Weight};
use crate::import::model::Route;
use crate::import::path::Pattern;
use crate::import::regex::Shape;

/// What a condition asks of a request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    /// All of these.
    Is(Vec<Part>),
    /// Not this.
    Not(Part),
    /// Something that clients choose as they like (their program's name, where they come from): it protects nothing.
    Courtesy,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    Hosts(Vec<String>),
    Methods(Vec<String>),
    Header(String, String),
    Query(String, String),
    Path(Pattern),
}

impl Part {
    /// Adds the condition to a route, which has none of its kind.
    pub(super) fn apply(&self, route: &mut Route) {
        match self {
            Self::Hosts(hosts) => route.hosts = hosts.clone(),
            Self::Methods(methods) => route.methods = methods.clone(),
            Self::Header(name, value) => put(&mut route.headers, name, value),
            Self::Query(name, value) => put(&mut route.query, name, value),
            Self::Path(pattern) => route.paths = vec![pattern.clone()],
        }
    }

    /// Whether both ask about the same.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Header(one, _), Self::Header(other, _))
            | (Self::Query(one, _), Self::Query(other, _)) => one == other,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    /// Whether a route can have this condition besides its own.
    pub(super) fn fits(&self, route: &Route) -> bool {
        match self {
            Self::Methods(_) => route.methods.is_empty(),
            Self::Header(name, _) => !route.headers.iter().any(|(other, _)| other == name),
            Self::Query(name, _) => !route.query.iter().any(|(other, _)| other == name),
            Self::Hosts(_) | Self::Path(_) => false,
        }
    }
}

fn put(tests: &mut Vec<(String, String)>, name: &str, value: &str) {
    tests.push((name.to_owned(), value.to_owned()));
}

/// Reads the condition; `None` if routes have no such one.
pub(super) fn parse(directive: &Directive) -> Option<Test> {
    let mut words = directive.args.clone();
    let first = words.first_mut()?;
    *first = first.strip_prefix('(')?.to_owned();
    let last = words.last_mut()?;
    *last = last.strip_suffix(')')?.to_owned();
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    words.retain(|word| !word.is_empty());
    match words[..] {
        [variable] => {
            let name = name_of(variable)?;
            if is_courtesy(name) {
                return Some(Test::Courtesy);
            }
            let (kind, name) = kind(name)?;
            match kind {
                Of::Header => Some(Test::Is(vec![Part::Header(name, "*".into())])),
                Of::Query => Some(Test::Is(vec![Part::Query(name, "*".into())])),
                _ => None,
            }
        }
        [variable, operator, text] => compared(name_of(variable)?, operator, text),
        // `$a = ""`
        [variable, operator @ ("=" | "!=")] => compared(name_of(variable)?, operator, ""),
        _ => None,
    }
}

fn name_of(text: &str) -> Option<&str> {
    match pieces(text)[..] {
        [Piece::Variable(name)] => Some(name),
        _ => None,
    }
}

fn is_courtesy(name: &str) -> bool {
    matches!(
        name,
        "http_user_agent" | "http_referer" | "invalid_referer" | "http_accept_language"
    )
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Host,
    Method,
    Header,
    Query,
    Path,
}

fn kind(name: &str) -> Option<(Of, String)> {
    let own = match name {
        "host" | "http_host" => Of::Host,
        "request_method" => Of::Method,
        "uri" | "document_uri" => Of::Path,
        _ => {
            if let Some(field) = name.strip_prefix("http_") {
                return Some((Of::Header, field.replace('_', "-")));
            }
            return name
                .strip_prefix("arg_")
                .filter(|name| !name.is_empty())
                .map(|name| (Of::Query, name.to_owned()));
        }
    };
    Some((own, String::new()))
}

fn compared(name: &str, operator: &str, text: &str) -> Option<Test> {
    if is_courtesy(name) {
        return Some(Test::Courtesy);
    }
    let (kind, name) = kind(name)?;
    let (is_not, is_expression) = match operator {
        "=" => (false, false),
        "!=" => (true, false),
        "~" => (false, true),
        "!~" => (true, true),
        // Hosts have no case.
        "~*" if kind == Of::Host => (false, true),
        _ => return None,
    };
    if has_variable(text) && !is_expression {
        return None;
    }
    let texts = match is_expression {
        true => alternatives(text)?,
        false => vec![text.to_owned()],
    };
    let one = || match &texts[..] {
        [one] => Some(one.clone()),
        _ => None,
    };
    let part = match kind {
        Of::Host => Part::Hosts(hosts(&texts)?),
        Of::Method => {
            let is_good = texts
                .iter()
                .all(|text| crate::config::word::method(text).is_ok());
            Part::Methods(Some(texts).filter(|_| is_good)?)
        }
        Of::Path => Part::Path(Pattern::exact(&one()?)?),
        Of::Header => Part::Header(name, plain(one()?)?),
        Of::Query => Part::Query(name, plain(one()?)?),
    };
    match (is_not, part) {
        (false, part) => Some(Test::Is(vec![part])),
        (true, part @ (Part::Methods(_) | Part::Header(..) | Part::Query(..))) => {
            Some(Test::Not(part))
        }
        (true, _) => None,
    }
}

/// A value that has no meaning of its own in our tests; nothing means absent.
fn plain(text: String) -> Option<String> {
    match text.as_str() {
        "" => Some("!".to_owned()),
        "*" | "!" => None,
        _ if text.ends_with('*') || text.starts_with('!') => None,
        _ if text.chars().any(char::is_control) => None,
        _ => Some(text),
    }
}

fn hosts(texts: &[String]) -> Option<Vec<String>> {
    let host = |text: &String| {
        let is_host = crate::config::host::host_name(text).is_ok();
        is_host.then(|| text.to_ascii_lowercase())
    };
    texts.iter().map(host).collect()
}

/// `^(a|b)$` as its texts.
fn alternatives(expression: &str) -> Option<Vec<String>> {
    let shape = Shape::parse(expression)?;
    match shape.is_open {
        true => None,
        false => shape.all_texts(),
    }
}

/// Says that a condition has no equal. True if it kept someone out, so that what it stands in has to be closed.
pub(super) fn refused(
    context: &mut Context,
    directive: &Directive,
    test: Option<&Test>,
    notes: &mut Vec<Note>,
) -> bool {
    let keeps_out = directive.inside().iter().any(|one| {
        one.name == "deny"
            || (one.name == "return"
                && matches!(
                    one.first(),
                    "400" | "401" | "402" | "403" | "404" | "405" | "410" | "444"
                ))
    });
    match (keeps_out, test) {
        (true, Some(Test::Courtesy)) => {
            let advice = "requests are not refused by this; it was no protection, since clients send what they like";
            context.note(notes, directive, Weight::Differs, advice);
        }
        (true, _) => {
            let advice = "routes have no such condition (they have host, path, method, header, query), and it kept someone out: this refuses everyone until you have decided";
            context.note(notes, directive, Weight::Security, advice);
        }
        (false, _) => {
            let advice = "write a route for each case (host, path, method, header, query)";
            context.note(notes, directive, Weight::Differs, advice);
        }
    }
    for inner in directive.inside() {
        context.note(notes, inner, Weight::Differs, "is part of the condition");
        context.cover(inner, Weight::Differs, "is part of the condition");
    }
    keeps_out && test != Some(&Test::Courtesy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(words: &str) -> Option<Test> {
        parse(&Directive {
            name: "if".into(),
            args: words.split(' ').map(str::to_owned).collect(),
            ..Directive::default()
        })
    }

    #[test]
    fn conditions() {
        let hosts = |all: &[&str]| Part::Hosts(all.iter().map(|one| (*one).to_owned()).collect());
        assert_eq!(
            test("($host = www.a.example)"),
            Some(Test::Is(vec![hosts(&["www.a.example"])]))
        );
        assert_eq!(
            test("($request_method !~ ^(GET|HEAD)$ )"),
            Some(Test::Not(Part::Methods(vec!["GET".into(), "HEAD".into()])))
        );
        assert_eq!(
            test("($http_x_forwarded_proto != https)"),
            Some(Test::Not(Part::Header(
                "x-forwarded-proto".into(),
                "https".into()
            )))
        );
        assert_eq!(test("($http_user_agent ~* bot)"), Some(Test::Courtesy));
        for odd in [
            "",
            "$a",
            "($remote_addr = 1.2.3.4)",
            "(-f $request_filename)",
            "($host ~ a)",
        ] {
            assert_eq!(test(odd), None, "{odd}");
        }
    }
}
