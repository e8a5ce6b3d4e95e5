//! What paths, hosts, fields and parameters are compared with, as regions.

use super::fetch::{Match, Test};
use super::meaning::{Depends, Meaning};
use super::region::Region;
use crate::config::word;
use crate::import::path::Pattern;
use crate::import::regex::{Shape, literal_start};
use tenfold_gateway::route::pattern::HostPattern;

fn of_path(pattern: Pattern) -> Vec<Region> {
    let is_every = pattern == Pattern::every();
    vec![Region {
        path: (!is_every).then_some(pattern),
        ..Region::default()
    }]
}

/// The folder that a text of a path lies in: what surely contains all paths that begin with it.
fn folder(text: &str) -> Vec<Region> {
    let parent = text.rsplit_once('/').map_or("", |(parent, _)| parent);
    let mut all = of_path(Pattern::below(parent).unwrap_or_else(Pattern::every));
    for region in &mut all {
        region.start = Some(text.to_owned()).filter(|text| !text.is_empty());
    }
    all
}

pub(super) fn path(test: &Test<'_>, text: &str) -> Meaning {
    let unknown = || {
        Meaning::unknown(
            Depends::Other,
            "paths of routes are exact, a prefix, or a pattern of whole segments",
        )
    };
    // A query is part of these.
    let has_query = test.name != "path" && test.how != Match::Begins;
    let meaning = match test.how {
        Match::Found => Meaning::always(),
        Match::Text if !has_query => match Pattern::exact(text) {
            Some(pattern) => Meaning::exact(of_path(pattern)),
            None => unknown(),
        },
        Match::Begins if text == "/" => Meaning::always(),
        Match::Begins => match Pattern::below(text) {
            Some(pattern) if text.ends_with('/') => Meaning::exact(of_path(pattern)),
            Some(pattern) => {
                let remark = format!(
                    "`{text}` also begins paths such as `{text}x`; here a prefix ends where a segment does"
                );
                Meaning::near(of_path(pattern), folder(text), remark)
            }
            None => Meaning {
                all: folder(text),
                ..unknown()
            },
        },
        Match::Regex => regex(text, has_query).unwrap_or_else(unknown),
        _ => unknown(),
    };
    let has_letters = text.chars().any(char::is_alphabetic);
    match test.ignores_case && has_letters {
        true => {
            let remark = "paths of routes have a case (`-i` has no equal)";
            match meaning.best {
                Some(best) => Meaning::near(best, vec![Region::default()], remark),
                None => Meaning::unknown(Depends::Other, remark),
            }
        }
        false => meaning,
    }
}

fn regex(text: &str, has_query: bool) -> Option<Meaning> {
    let start = literal_start(text);
    let all = folder(&start);
    let shaped = Shape::parse(text).and_then(|shape| shape.patterns());
    let Some((patterns, has_gap)) = shaped else {
        let remark = "paths of routes are exact, a prefix, or a pattern of whole segments";
        return Some(Meaning {
            all,
            ..Meaning::unknown(Depends::Other, remark)
        });
    };
    let best: Vec<Region> = patterns.into_iter().flat_map(of_path).collect();
    Some(match has_gap || has_query {
        false => Meaning::exact(best),
        true => Meaning::near(best, all, format!("`{text}` also takes parts of segments")),
    })
}

fn of_host(host: String) -> Region {
    Region {
        host: Some(host),
        ..Region::default()
    }
}

pub(super) fn host(test: &Test<'_>, text: &str) -> Meaning {
    let unknown = || {
        Meaning::unknown(
            Depends::Other,
            "hosts of routes are exact or `*.example.com`",
        )
    };
    let bare = text.split(':').next().unwrap_or_default();
    let one = |text: &str| HostPattern::parse(text).ok().map(|host| host.to_string());
    let everything = vec![Region::default()];
    let both = |text: &str| {
        Some(vec![
            of_host(one(text)?),
            of_host(one(&format!("*.{text}"))?),
        ])
    };
    match test.how {
        Match::Found => Meaning::always(),
        Match::Text => match one(bare) {
            // The port, if one was asked for, is the listener's.
            Some(host) => Meaning::exact(vec![of_host(host)]),
            None => unknown(),
        },
        Match::Ends => match (bare.strip_prefix('.'), both(bare)) {
            (Some(suffix), _) => match one(&format!("*.{suffix}")) {
                Some(host) => Meaning::exact(vec![of_host(host)]),
                None => unknown(),
            },
            (None, Some(best)) => Meaning::near(
                best,
                everything,
                format!("`{text}` also ends hosts such as `x{text}`"),
            ),
            (None, None) => unknown(),
        },
        Match::Part => match both(bare) {
            Some(best) => Meaning::near(
                best,
                everything,
                format!("`{text}` also stands within hosts such as `{text}.example`"),
            ),
            None => unknown(),
        },
        Match::Regex => {
            let shape = Shape::parse(text).filter(|shape| !shape.is_open);
            let texts = shape.and_then(|shape| shape.all_texts());
            let hosts: Option<Vec<Region>> = texts.and_then(|texts| {
                let all = texts.iter().map(|text| one(text).map(of_host));
                all.collect()
            });
            hosts.map_or_else(unknown, Meaning::exact)
        }
        _ => unknown(),
    }
}

/// A field or a parameter of the query.
pub(super) fn field(test: &Test<'_>, text: &str, is_query: bool) -> Meaning {
    let name = test.argument.clone();
    let is_name = match is_query {
        true => !name.is_empty(),
        false => word::field_name(&name).is_ok(),
    };
    let has_meaning = text.is_empty()
        || text == "*"
        || text.starts_with('!')
        || text.ends_with('*')
        || text.chars().any(char::is_control);
    let value = match test.how {
        Match::Found => Some("*".to_owned()),
        Match::Text if test.values.is_empty() => Some("*".to_owned()),
        Match::Text if !has_meaning => Some(text.to_owned()),
        Match::Begins if !has_meaning => Some(format!("{text}*")),
        _ => None,
    };
    let Some(value) = value.filter(|_| is_name) else {
        return Meaning::unknown(
            Depends::Other,
            "values are tested for being there, for a text, or for its beginning",
        );
    };
    let region = |value: String| match is_query {
        true => Region {
            query: vec![(name.clone(), value)],
            ..Region::default()
        },
        false => Region {
            headers: vec![(name.clone(), value)],
            ..Region::default()
        },
    };
    let has_case = test.ignores_case && text.chars().any(char::is_alphabetic);
    match has_case && value != "*" {
        true => Meaning::near(
            vec![region(value)],
            vec![region("*".into())],
            "values of routes have a case (`-i` has no equal)",
        ),
        false => Meaning::exact(vec![region(value)]),
    }
}
