//! One test of a condition: `path_beg /api`, `hdr(host) -i shop.example.com`, `{ method POST }`.

use super::compare::{field, host, path};
use super::meaning::{Depends, Meaning};
use super::region::Region;
use crate::config::word;

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
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
pub(super) struct Test<'w> {
    /// `hdr` of `hdr(host)`.
    pub(super) name: String,
    /// `host` of `hdr(host)`.
    pub(super) argument: String,
    pub(super) how: Match,
    pub(super) ignores_case: bool,
    pub(super) values: Vec<&'w str>,
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
