//! The table against cases, and against a matcher that is plainly right and slow.

use std::cmp::Reverse;

use proptest::prelude::*;

use super::pattern::{HostPattern, PathPattern, Segment};
use super::{Ask, Found, Table, TableError};
use crate::config::route::{
    Action, Condition, FieldEdits, Match, PathEdit, Route, RouteTimeouts, Test,
};

/// A route from what a file would say: `host path [METHOD …] [header=test …] [?parameter=test …] [@listener …]`, with
/// `-` for no host.
fn route(text: &str) -> Route {
    let mut matches = Match::default();
    for (at, word) in text.split(' ').enumerate() {
        let condition = |text: &str| {
            let (name, test) = text.split_once('=').expect("a condition");
            Condition {
                name: name.into(),
                test: Test::parse(test).expect("a test"),
            }
        };
        match (at, word) {
            (0, "-") => {}
            (0, host) => {
                let hosts = host
                    .split(',')
                    .map(|host| HostPattern::parse(host).expect("a host"));
                matches.hosts = hosts.collect();
            }
            (1, path) => {
                let paths = path
                    .split(',')
                    .map(|path| PathPattern::parse(path).expect("a path"));
                matches.paths = paths.collect();
            }
            (_, word) => match (word.split_at(1), word.contains('=')) {
                (("@", listener), _) => matches.listeners.push(listener.parse().expect("a number")),
                (("?", parameter), _) => matches.query.push(condition(parameter)),
                (_, true) => matches.headers.push(condition(word)),
                (_, false) => matches.methods.push(word.into()),
            },
        }
    }
    with(text.into(), matches)
}

fn with(name: String, matches: Match) -> Route {
    Route {
        name,
        matches,
        action: Action::Forward(Vec::new()),
        path: PathEdit::Keep,
        request_fields: FieldEdits::default(),
        response_fields: FieldEdits::default(),
        timeouts: RouteTimeouts::default(),
        deadline_header: None,
        max_body: 0,
        mirror: None,
        cache: None,
        limits: Vec::new(),
        concurrency: None,
        fallback: Vec::new(),
        priority: Default::default(),
        priority_header: None,
    }
}

fn table(routes: &[&str], listeners: usize) -> Table {
    let routes: Vec<Route> = routes.iter().map(|text| route(text)).collect();
    Table::new(&routes, listeners).expect("a table")
}

const NONE: &[(&str, &str)] = &[];

fn get<'a>(host: &'a str, path: &'a str) -> Ask<'a> {
    Ask {
        listener: 0,
        host: host.as_bytes(),
        path: path.as_bytes(),
        query: b"",
        method: b"GET",
        fields: &NONE,
    }
}

fn index(table: &Table, ask: &Ask<'_>) -> Option<usize> {
    table.find(ask).map(|found| found.index)
}

fn check(routes: &[&str], cases: &[(&str, &str, Option<usize>)]) {
    let table = table(routes, 1);
    for (host, path, expected) in cases {
        assert_eq!(index(&table, &get(host, path)), *expected, "{host}{path}");
    }
}

#[test]
fn hosts() {
    check(
        &[
            "a.example.com /x",
            "*.example.com /*",
            "*.b.example.com /x",
            "- /x",
            "[::1] /*",
            "localhost /*",
        ],
        &[
            ("a.example.com", "/x", Some(0)),
            ("A.EXAMPLE.com.:8080", "/x", Some(0)),
            ("a.example.com", "/y", Some(1)),
            ("c.example.com", "/x", Some(1)),
            ("c.b.example.com", "/x", Some(2)),
            ("d.c.b.example.com:80", "/x", Some(2)),
            ("C.b.Example.com", "/y", Some(1)),
            ("example.com", "/x", Some(3)),
            (".example.com", "/x", Some(3)),
            ("xexample.com", "/x", Some(3)),
            ("example.com", "/y", None),
            ("", "/x", Some(3)),
            ("[::1]:8080", "/", Some(4)),
            ("[0:0::1]", "/", Some(4)),
            ("localhost:1", "/", Some(5)),
        ],
    );
}

#[test]
fn a_host_beyond_all_bounds_is_nobodys() {
    let routes = ["*.a /*", "- /x"];
    for host in [
        "a.".repeat(30_000) + "a",
        "A.".repeat(30_000) + "A",
        "[".repeat(60_000),
    ] {
        check(&routes, &[(&host, "/", None), (&host, "/x", Some(1))]);
    }
}

#[test]
fn paths() {
    check(
        &[
            "- /a",
            "- /a/*",
            "- /a/b/*",
            "- /a/{x}",
            "- /{x}/b",
            "- /{x}/b/c/*",
            "- /a/",
            "- /z//",
        ],
        &[
            ("", "/a", Some(0)),
            ("", "/a/", Some(6)),
            ("", "/a/x", Some(3)),
            ("", "/a/b", Some(3)),
            ("", "/a/b/", Some(2)),
            ("", "/a/b/x", Some(2)),
            ("", "/a/b/c/d", Some(5)),
            ("", "/a//", Some(1)),
            ("", "/x/b", Some(4)),
            ("", "/x/b/", None),
            ("", "//b", None),
            ("", "/ab", None),
            ("", "/", None),
            ("", "/z//", Some(7)),
            ("", "/z/", None),
            ("", "*", None),
        ],
    );
    check(
        &["- /a/*"],
        &[("", "/a", Some(0)), ("", "/a/", Some(0)), ("", "/", None)],
    );
    check(
        &["- /", "h /*"],
        &[("", "/", Some(0)), ("", "/x", None), ("h", "*", Some(1))],
    );
}

#[test]
fn no_path_and_no_host_is_everything() {
    let table = Table::new(&[with("all".into(), Match::default())], 1).expect("a table");
    for (path, rest) in [
        ("/", ""),
        ("/a/b", "a/b"),
        ("//a", "/a"),
        ("*", ""),
        ("", ""),
    ] {
        let found = table.find(&get("any", path)).expect("everything");
        assert_eq!(found.rest.of(path.as_bytes()), rest.as_bytes(), "{path}");
    }
    assert!(
        Table::new(&[], 1)
            .expect("no routes")
            .find(&get("", "/"))
            .is_none()
    );
}

#[test]
fn captures_and_rest() {
    let table = table(
        &[
            "- /users/{user}/orders/{order}/*",
            "- /{first}",
            "- /x/*",
            "h /*",
        ],
        1,
    );
    let find = |host, path| -> Found<'_> { table.find(&get(host, path)).expect(path) };
    let path = "/users/7/orders/8/items/9";
    let found = find("", path);
    assert_eq!(found.captures.get("user", path.as_bytes()), Some(&b"7"[..]));
    assert_eq!(
        found.captures.get("order", path.as_bytes()),
        Some(&b"8"[..])
    );
    assert_eq!(found.captures.get("other", path.as_bytes()), None);
    assert_eq!(found.rest.of(path.as_bytes()), b"items/9");
    let found = find("", "/abc");
    assert_eq!(found.captures.get("first", b"/abc"), Some(&b"abc"[..]));
    assert!(found.rest.is_empty());
    for (host, path, rest) in [
        ("", "/x", ""),
        ("", "/x/", ""),
        ("", "/x//", "/"),
        ("", "/x/y/", "y/"),
        ("h", "/", ""),
        ("h", "/a/b", "a/b"),
        ("h", "*", ""),
    ] {
        let found = find(host, path);
        if path == "/x" {
            assert_eq!(
                found.index, 1,
                "a path that ends goes before one that is open"
            );
        }
        assert_eq!(found.rest.of(path.as_bytes()), rest.as_bytes(), "{path}");
    }
}

#[test]
fn conditions_fall_through_paths_and_hosts() {
    let table = table(
        &[
            "h /a POST",
            "h /a x-canary=yes",
            "h /a x-canary=yes GET",
            "h /* ?v=2",
            "*.b /a DELETE",
            "- /a",
            "- /* PUT",
        ],
        1,
    );
    let yes: &[(&str, &str)] = &[("X-Canary", "yes")];
    let ask = |method: &'static str, canary: bool, query: &'static str, path: &'static str| {
        let mut ask = get("h", path);
        ask.method = method.as_bytes();
        ask.query = query.as_bytes();
        if canary {
            ask.fields = &yes;
        }
        index(&table, &ask)
    };
    assert_eq!(ask("POST", false, "", "/a"), Some(0));
    assert_eq!(
        ask("POST", true, "", "/a"),
        Some(0),
        "the first of those with one condition"
    );
    assert_eq!(ask("GET", true, "", "/a"), Some(2));
    assert_eq!(ask("HEAD", true, "", "/a"), Some(2), "GET holds for HEAD");
    assert_eq!(ask("PUT", true, "", "/a"), Some(1));
    assert_eq!(ask("GET", false, "v=2", "/a"), Some(3));
    assert_eq!(
        ask("GET", false, "v=3", "/a"),
        Some(5),
        "the less specific host"
    );
    assert_eq!(ask("PUT", false, "", "/b"), Some(6));
    assert_eq!(ask("get", false, "", "/b"), None, "methods have a case");
}

#[test]
fn listeners() {
    let table = table(&["- /a @0", "- /a @1", "- /b", "- /c @0 @2"], 3);
    let at = |listener, path| {
        let mut ask = get("", path);
        ask.listener = listener;
        index(&table, &ask)
    };
    assert_eq!(
        [at(0, "/a"), at(1, "/a"), at(2, "/a")],
        [Some(0), Some(1), None]
    );
    assert_eq!([at(0, "/b"), at(1, "/b"), at(2, "/b")], [Some(2); 3]);
    assert_eq!(
        [at(0, "/c"), at(1, "/c"), at(2, "/c")],
        [Some(3), None, Some(3)]
    );
    assert_eq!(at(3, "/b"), None);
}

#[test]
fn a_route_that_is_never_reached_is_refused() {
    for routes in [
        &["- /a", "- /a"][..],
        &["- /*", "- /*"],
        &["h /a", "H /a"],
        &["- /{x}/a", "- /{y}/a"],
        &["- /%61", "- /a"],
        &["- /a", "- /a @0"],
        &["- /a,/b", "- /b"],
        &["- /a GET POST", "- /a POST"],
        &["- /a GET", "- /a HEAD"],
        &["- /a x=1 ?y=2 z=3", "- /a z=3 x=1 ?y=2"],
    ] {
        let routes: Vec<Route> = routes.iter().map(|text| route(text)).collect();
        let expected = TableError::Unreachable {
            route: routes[1].name.clone(),
            by: routes[0].name.clone(),
        };
        assert_eq!(Table::new(&routes, 1).err(), Some(expected));
    }
    let split = ["- /a GET", "- /a POST", "- /a GET POST"].map(route);
    assert!(Table::new(&split, 1).is_err());
    for routes in [
        &["- /a", "- /a/"][..],
        &["- /a", "- /a,/b"],
        &["- /a", "h /a"],
        &["- /a GET", "- /a GET POST"],
        &["- /a HEAD", "- /a GET"],
        &["- /a x=1", "- /a x=2"],
        &["- /a x=1", "- /a ?x=1"],
        &["- /a,/a"],
        &["h,h /a"],
        &["- /a @0", "- /a"],
    ] {
        table(routes, 2);
    }
}

#[test]
fn errors_name_the_routes() {
    let routes = ["- /a", "- /a"].map(route);
    let error = Table::new(&routes, 1).err().expect("an error").to_string();
    assert!(error.contains("`- /a` can never be reached"), "{error}");
    let error = Table::new(&[route("- /a @1")], 1)
        .err()
        .expect("an error")
        .to_string();
    assert!(error.contains("`- /a @1` is for listener 1"), "{error}");
}

/// The route that a request takes, by trying all and sorting: what the specification says, word for word.
fn naive(routes: &[Route], ask: &Ask<'_>) -> Option<(usize, String)> {
    let host = String::from_utf8_lossy(ask.host).to_lowercase();
    let host = host.split(':').next().unwrap_or_default().to_string();
    let path = String::from_utf8_lossy(ask.path).into_owned();
    let asked: Vec<&str> = path[1..].split('/').collect();
    let mut found = Vec::new();
    for (index, route) in routes.iter().enumerate() {
        let matches = &route.matches;
        let of_listener = matches.listeners.is_empty() || matches.listeners.contains(&ask.listener);
        if !of_listener || !naive_conditions(matches, ask) {
            continue;
        }
        let conditions =
            usize::from(!matches.methods.is_empty()) + matches.headers.len() + matches.query.len();
        for host_rank in naive_hosts(&matches.hosts, &host) {
            for (path_rank, rest) in naive_paths(&matches.paths, &asked) {
                found.push(((host_rank, path_rank, Reverse(conditions), index), rest));
            }
        }
    }
    let best = found.into_iter().min()?;
    Some((best.0.3, best.1))
}

fn naive_hosts(hosts: &[HostPattern], host: &str) -> Vec<(u8, Reverse<usize>)> {
    if hosts.is_empty() {
        return vec![(2, Reverse(0))];
    }
    let rank = |pattern: &HostPattern| match pattern {
        HostPattern::Exact(name) => (name == host).then_some((0, Reverse(0))),
        HostPattern::Suffix(suffix) => (host.ends_with(&**suffix) && host.len() > suffix.len())
            .then_some((1, Reverse(suffix.len()))),
    };
    hosts.iter().filter_map(rank).collect()
}

type PathRank = (bool, Reverse<usize>, Vec<bool>);

fn naive_paths(paths: &[PathPattern], asked: &[&str]) -> Vec<(PathRank, String)> {
    let rank = |pattern: &PathPattern| {
        let len = pattern.segments.len();
        let fits = if pattern.is_prefix {
            len <= asked.len()
        } else {
            len == asked.len()
        };
        let all = fits
            && pattern
                .segments
                .iter()
                .zip(asked)
                .all(|(segment, asked)| match segment {
                    Segment::Literal(text) => text == asked,
                    Segment::Capture(_) => !asked.is_empty(),
                });
        let captures = pattern
            .segments
            .iter()
            .map(|segment| matches!(segment, Segment::Capture(_)))
            .collect();
        all.then(|| {
            (
                (pattern.is_prefix, Reverse(len), captures),
                asked[len..].join("/"),
            )
        })
    };
    paths.iter().filter_map(rank).collect()
}

fn naive_conditions(matches: &Match, ask: &Ask<'_>) -> bool {
    let method = std::str::from_utf8(ask.method).expect("ASCII");
    let of_method = |one: &String| one == method || (one == "GET" && method == "HEAD");
    let query: Vec<(&str, &str)> = std::str::from_utf8(ask.query)
        .expect("ASCII")
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .collect();
    let test = |test: &Test, values: Vec<&str>| match test {
        Test::Present => !values.is_empty(),
        Test::Absent => values.is_empty(),
        Test::Equals(text) => values.contains(&text.as_str()),
        Test::StartsWith(text) => values.iter().any(|value| value.starts_with(&**text)),
    };
    let header = |condition: &Condition| {
        let mut values = Vec::new();
        for value in ["1", "2"] {
            let has = |asked: &[u8]| asked == value.as_bytes();
            if ask.fields.any(&condition.name, &mut { has }) {
                values.push(value);
            }
        }
        test(&condition.test, values)
    };
    let parameter = |condition: &Condition| {
        let named = query.iter().filter(|(name, _)| *name == condition.name);
        test(&condition.test, named.map(|(_, value)| *value).collect())
    };
    (matches.methods.is_empty() || matches.methods.iter().any(of_method))
        && matches.headers.iter().all(header)
        && matches.query.iter().all(parameter)
}

fn any_condition() -> impl Strategy<Value = Condition> {
    let test = prop_oneof![
        Just(Test::Present),
        Just(Test::Absent),
        Just(Test::Equals("1".into())),
        Just(Test::StartsWith("2".into())),
    ];
    ("[xy]", test).prop_map(|(name, test)| Condition { name, test })
}

fn any_path() -> impl Strategy<Value = PathPattern> {
    let segment = prop_oneof![
        3 => Just("a"), 2 => Just("b"), 1 => Just(""), 3 => Just("{}"),
    ];
    (proptest::collection::vec(segment, 1..5), any::<bool>()).prop_map(|(segments, is_prefix)| {
        let mut text = String::new();
        for (at, segment) in segments.iter().enumerate() {
            text += "/";
            text += &segment.replace("{}", &format!("{{c{at}}}"));
        }
        PathPattern::parse(&(text + if is_prefix { "/*" } else { "" })).expect("a pattern")
    })
}

fn any_match() -> impl Strategy<Value = Match> {
    let host = prop_oneof![
        Just("a"),
        Just("b.a"),
        Just("*.a"),
        Just("*.b.a"),
        Just("c.b.a"),
    ];
    let host = host.prop_map(|host| HostPattern::parse(host).expect("a host"));
    let method = prop_oneof![Just("GET"), Just("HEAD"), Just("POST")].prop_map(String::from);
    (
        proptest::collection::vec(0..2_usize, 0..2),
        proptest::collection::vec(host, 0..3),
        proptest::collection::vec(
            prop_oneof![5 => any_path(), 1 => Just(PathPattern::every())],
            1..4,
        ),
        proptest::collection::vec(method, 0..2),
        proptest::collection::vec(any_condition(), 0..2),
        proptest::collection::vec(any_condition(), 0..2),
    )
        .prop_map(|(listeners, hosts, paths, methods, headers, query)| Match {
            listeners,
            hosts,
            paths,
            methods,
            headers,
            query,
        })
}

type Asked = (usize, String, String, String, String, Vec<(String, String)>);

fn any_ask() -> impl Strategy<Value = Asked> {
    (
        0..2_usize,
        "(a|A|b\\.a|C\\.b\\.a|d\\.a|d\\.b\\.a|d|)(:80)?",
        "(/(a|a|b|c|)){1,6}",
        "([xy]=[12](&[xy]=[12])?)?",
        "(GET|HEAD|POST|PUT)",
        proptest::collection::vec(
            (
                "[xyXY]".prop_map(String::from),
                "[12]".prop_map(String::from),
            ),
            0..3,
        ),
    )
}

/// Routes without those that could never be reached.
fn reachable(matches: Vec<Match>) -> (Vec<Route>, Table) {
    let mut routes: Vec<Route> = matches
        .into_iter()
        .enumerate()
        .map(|(at, matches)| with(at.to_string(), matches))
        .collect();
    loop {
        match Table::new(&routes, 2) {
            Ok(table) => return (routes, table),
            Err(TableError::Unreachable { route, .. }) => routes.retain(|one| one.name != route),
            Err(error) => panic!("{error}"),
        }
    }
}

fn ask_of(asked: &Asked) -> Ask<'_> {
    Ask {
        listener: asked.0,
        host: asked.1.as_bytes(),
        path: asked.2.as_bytes(),
        query: asked.3.as_bytes(),
        method: asked.4.as_bytes(),
        fields: &NONE,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_table_agrees_with_the_specification(
        matches in proptest::collection::vec(any_match(), 0..24),
        asks in proptest::collection::vec(any_ask(), 32),
    ) {
        let (routes, table) = reachable(matches);
        for asked in &asks {
            let fields = &asked.5[..];
            let mut ask = ask_of(asked);
            ask.fields = &fields;
            let found = table.find(&ask);
            let seen = found.map(|found| {
                let rest = String::from_utf8_lossy(found.rest.of(ask.path)).into_owned();
                (found.index, rest)
            });
            prop_assert_eq!(seen, naive(&routes, &ask), "{:?}", asked);
        }
    }

    /// A route that is refused changes nothing for any request: it could indeed not be reached.
    #[test]
    fn what_is_refused_takes_no_request(
        matches in proptest::collection::vec(any_match(), 0..24),
        asks in proptest::collection::vec(any_ask(), 32),
    ) {
        let all: Vec<Route> = matches
            .iter()
            .enumerate()
            .map(|(at, matches)| with(at.to_string(), matches.clone()))
            .collect();
        let Err(TableError::Unreachable { route, .. }) = Table::new(&all, 2) else {
            return Ok(());
        };
        for asked in &asks {
            let fields = &asked.5[..];
            let mut ask = ask_of(asked);
            ask.fields = &fields;
            if let Some((index, _)) = naive(&all, &ask) {
                prop_assert_ne!(&all[index].name, &route, "{:?}", asked);
            }
        }
    }
}
