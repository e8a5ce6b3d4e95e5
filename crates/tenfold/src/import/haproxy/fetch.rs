//! One test of a condition: `path_beg /api`, `hdr(host) -i shop.example.com`, `{ method POST }`.

use super::meaning::{Depends, Meaning};
use super::region::Region;
use crate::config::word;
use crate::import::path::Pattern;
use crate::import::regex::{Shape, literal_start};
use tenfold_gateway::route::pattern::HostPattern;

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Match {
    /// Equal.
    Text,
    Begins,
    Ends,
    /// A part between dots or slashes.
    Part,
    Regex,
    /// It is there.
    Found,
    Other,
}

/// The listeners of a frontend, as conditions can ask about them.
#[derive(Clone, Debug, Default)]
pub(super) struct Ports {
    pub(super) names: Vec<String>,
    /// Name and port of each, and whether it is for TLS.
    pub(super) all: Vec<(String, u16, bool)>,
}

/// A test with its flags taken apart.
struct Test<'w> {
    /// `hdr` of `hdr(host)`.
    name: String,
    /// `host` of `hdr(host)`.
    argument: String,
    how: Match,
    ignores_case: bool,
    values: Vec<&'w str>,
}

/// What the words of a test mean.
pub(super) fn meaning(words: &[String], ports: &Ports) -> Meaning {
    let Some((first, rest)) = words.split_first() else {
        return Meaning::unknown(Depends::Other, "an empty condition");
    };
    let test = match parse(first, rest) {
        Ok(test) => test,
        Err(remark) => return Meaning::unknown(Depends::Other, remark),
    };
    if test.values.iter().any(|value| value.contains("${")) {
        return Meaning::unknown(Depends::Other, "it depends on the environment");
    }
    match test.name.as_str() {
        "path" | "url" | "pathq" | "baseq" => each(&test, path),
        "method" => methods(&test),
        "hdr" if matches!(test.argument.as_str(), "host" | ":authority") => each(&test, host),
        "hdr"
            if matches!(
                test.argument.as_str(),
                "user-agent" | "referer" | "accept-language"
            ) =>
        {
            Meaning::unknown(
                Depends::Courtesy,
                format!("`{first}` is what clients say as they like"),
            )
        }
        "hdr" => each(&test, |test, value| field(test, value, false)),
        "urlp" => each(&test, |test, value| field(test, value, true)),
        "hdr_cnt" => count(&test),
        "ssl_fc" => listeners(ports, |(_, _, is_tls)| *is_tls),
        "dst_port" => dst_port(&test, ports),
        "always_true" => Meaning::always(),
        "always_false" => Meaning::never(),
        name => {
            let is_rate = name.starts_with("sc_")
                || name.starts_with("src_")
                || name.starts_with("table_")
                || (name.starts_with("sc")
                    && name.as_bytes().get(2).is_some_and(u8::is_ascii_digit));
            let depends = if is_rate {
                Depends::Rate
            } else {
                Depends::Other
            };
            Meaning::unknown(
                depends,
                format!("routes have no condition such as `{first}`"),
            )
        }
    }
}

fn parse<'w>(first: &str, rest: &'w [String]) -> Result<Test<'w>, String> {
    // Converters that change nothing here: hosts have no case and no port.
    let (fetch, converters) = first.split_once(',').unwrap_or((first, ""));
    let (name, argument) = match fetch.split_once('(') {
        Some((name, inside)) => (name, inside.trim_end_matches(')')),
        None => (fetch, ""),
    };
    let argument = argument
        .split(',')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let is_host = argument == "host";
    let harmless = |one: &str| {
        one.is_empty()
            || one == "lower"
            || (is_host && one.starts_with("field(1")
                || one.starts_with(":)")
                || one == "host_only"
                || one == "1")
    };
    if !converters.split(',').all(harmless) {
        return Err(format!("routes have no converters: `{first}`"));
    }
    let name = name.strip_prefix("req.").unwrap_or(name);
    let (name, how) = split(name);
    let mut test = Test {
        name: name.to_owned(),
        argument,
        how,
        ignores_case: converters.contains("lower"),
        values: Vec::new(),
    };
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-i" => test.ignores_case = true,
            "-n" | "--" if word == "--" => {
                test.values.extend(words.by_ref().map(String::as_str));
            }
            "-m" => {
                let how = words.next().map_or("", String::as_str);
                test.how = method_of(how)
                    .ok_or_else(|| format!("routes have no comparison `-m {how}`"))?;
            }
            "-f" | "-M" | "-u" | "-n" => {
                return Err("lists in files are not supported: write routes".into());
            }
            value => test.values.push(value),
        }
    }
    Ok(test)
}

/// `path_beg` is `path -m beg`.
fn split(name: &str) -> (&str, Match) {
    let name = match name {
        "capture.req.method" => "method",
        "url_param" => "urlp",
        name => name,
    };
    if name == "hdr_cnt" || name == "dst_port" || name == "ssl_fc" {
        return (name, Match::Text);
    }
    for (ending, how) in [
        ("_beg", Match::Begins),
        ("_end", Match::Ends),
        ("_dom", Match::Part),
        ("_dir", Match::Part),
        ("_reg", Match::Regex),
        ("_sub", Match::Other),
        ("_len", Match::Other),
    ] {
        if let Some(base) = name.strip_suffix(ending) {
            let base = if base == "url_param" { "urlp" } else { base };
            return (base, how);
        }
    }
    (name, Match::Text)
}

fn method_of(text: &str) -> Option<Match> {
    Some(match text {
        "str" => Match::Text,
        "beg" => Match::Begins,
        "end" => Match::Ends,
        "dom" | "dir" => Match::Part,
        "reg" => Match::Regex,
        "found" => Match::Found,
        "sub" | "len" | "int" | "bool" | "ip" | "bin" => Match::Other,
        _ => return None,
    })
}

/// One of the values has to match.
fn each(test: &Test<'_>, one: impl Fn(&Test<'_>, &str) -> Meaning) -> Meaning {
    if test.how == Match::Found || test.values.is_empty() {
        return one(test, "");
    }
    let mut all = test.values.iter().map(|value| one(test, value));
    let first = all.next().unwrap_or_else(Meaning::never);
    all.fold(first, Meaning::or)
}

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
    of_path(Pattern::below(parent).unwrap_or_else(Pattern::every))
}

fn path(test: &Test<'_>, text: &str) -> Meaning {
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

fn host(test: &Test<'_>, text: &str) -> Meaning {
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

fn methods(test: &Test<'_>) -> Meaning {
    let methods: Vec<String> = test
        .values
        .iter()
        .map(|value| (*value).to_owned())
        .collect();
    let is_good = methods.iter().all(|method| word::method(method).is_ok());
    match test.how == Match::Text && is_good && !methods.is_empty() {
        true => Meaning::exact(vec![Region {
            methods: Some(methods),
            ..Region::default()
        }]),
        false => Meaning::unknown(Depends::Other, "methods are compared as a whole"),
    }
}

/// A field or a parameter of the query.
fn field(test: &Test<'_>, text: &str, is_query: bool) -> Meaning {
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

/// `hdr_cnt(x) 0`, `hdr_cnt(x) gt 0`
fn count(test: &Test<'_>) -> Meaning {
    let test_of = match test.values[..] {
        ["0"] | ["eq", "0"] | ["lt", "1"] => "!",
        ["gt", "0"] | ["ge", "1"] | [] => "*",
        _ => return Meaning::unknown(Depends::Other, "fields are not counted"),
    };
    if word::field_name(&test.argument).is_err() {
        return Meaning::unknown(Depends::Other, "fields are not counted");
    }
    Meaning::exact(vec![Region {
        headers: vec![(test.argument.clone(), test_of.to_owned())],
        ..Region::default()
    }])
}

fn listeners(ports: &Ports, is_meant: impl Fn(&&(String, u16, bool)) -> bool) -> Meaning {
    let names: Vec<String> = ports
        .all
        .iter()
        .filter(is_meant)
        .map(|(name, ..)| name.clone())
        .collect();
    if names.len() == ports.names.len() && !names.is_empty() {
        return Meaning::always();
    }
    match names.is_empty() {
        true => Meaning::never(),
        false => Meaning::exact(vec![Region {
            listeners: Some(names),
            ..Region::default()
        }]),
    }
}

fn dst_port(test: &Test<'_>, ports: &Ports) -> Meaning {
    let wanted: Vec<u16> = test
        .values
        .iter()
        .filter(|value| **value != "eq")
        .filter_map(|value| value.parse().ok())
        .collect();
    let is_plain = test
        .values
        .iter()
        .all(|value| *value == "eq" || value.parse::<u16>().is_ok());
    if !is_plain || wanted.is_empty() {
        return Meaning::unknown(Depends::Other, "ports are compared one by one");
    }
    listeners(ports, |(_, port, _)| wanted.contains(port))
}
