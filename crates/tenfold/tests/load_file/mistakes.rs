//! A table of mistakes and what is said about them: the line, the column, what is wrong, and what to do.
//!
//! An expectation is the beginning of what is said.

use proptest::prelude::*;
use tenfold::load_file::{describe, load_text};

/// What follows each of [`TOP`].
const BASE: &str = "
target = 'http://h'
[[phase]]
duration = '1s'
rate = 1
[[scenario]]
name = 'a'
step = '/'
";

/// Mistakes in what stands before [`BASE`].
#[rustfmt::skip]
const TOP: &[(&str, &[&str])] = &[
    ("sceanrio = 1", &["t:1:1: there is no key `sceanrio` here (did you mean `scenario`?)"]),
    ("name = ''", &["t:1:8: `name` cannot be `` (a name has 1 to 128 characters, and no line breaks)"]),
    ("threads = 0", &["t:1:11: `threads` cannot be 0 (give a number from 1 to 1024)"]),
    ("seed = -1", &["t:1:8: `seed` takes a whole number from 0"]),
    ("arrivals = 'evne'", &["t:1:12: `arrivals` cannot be `evne` (did you mean `even`?)"]),
    ("headers = { content-length = 5 }", &["t:1:13: the field `content-length` cannot be given (it follows from the body and the connection: leave it out)"]),
    ("headers = { 'a b' = '1' }", &["t:1:13: `a b` is no name of a field"]),
    ("headers = { a = '1', A = '2' }", &["t:1:22: the field `A` is given twice"]),
    ("headers = { a = \"x\\ny\" }", &["t:1:17: it has a line break or another control character (a field's value is one line of text)"]),
    ("headers = { a = '${x}' }", &["t:1:17: there is no variable `x` (extract it in an earlier step"]),
    ("think = 5", &["t:1:9: `think` takes a time, not a number"]),
    ("think = '5'", &["t:1:9: `think` cannot be `5` (give a time with its unit"]),
    ("think = { from = '5s', to = '1s' }", &["t:1:9: `from` is longer than `to`"]),
    ("think = { from = '5s', mean = '1s' }", &["t:1:9: this is not one way to think"]),
    ("think = { from = '5s' }", &["t:1:9: this time has no end (add `to`"]),
    ("feed.f = 'none.csv'", &["t:1:10: cannot read none.csv: no such file or directory (paths are relative"]),
    ("feed.f = 'f.xml'", &["t:1:10: the name of f.xml does not tell its format (add format"]),
    ("feed.f = 'ragged.csv'", &["t:1:10: ragged.csv, line 3: 1 values instead of 2"]),
    ("feed.f = { file = 'f.csv', delimiter = ';;' }", &["t:1:40: `delimiter` cannot be `;;` (give one character"]),
    ("feed.'a b' = 'f.csv'", &["t:1:6: `a b` cannot name a [feed]"]),
    ("threshold = { check = 'errors < 1%', step = 'GET' }", &["t:1:45: there is no step `GET` (did you mean `GET /`?)"]),
    ("threshold = { check = 'errors < 1%', phase = 'x' }", &["t:1:46: there is no phase `x` (the only phase is `phase 1`)"]),
    ("threshold = { check = 'errors < 1%', step = 'GET /', phase = 'phase 1' }", &["t:1:62: a threshold is about a step, a group or a phase"]),
    ("threshold = ['errors < 1%', 'p(95)']", &["t:1:29: "]),
    ("markov = { start = { b = 1 }, next = {} }", &["t:1:20: the shares of `start` add up to 0.000", "t:1:22: there is no scenario `b` (the only scenario is `a`)"]),
    ("markov = { start = { a = 1 }, next = { a = { a = 2 } } }", &["t:1:50: this share is out of bounds"]),
    ("markov = { start = { a = 0.5 }, next = { a = {} } }", &["t:1:20: the shares of `start` add up to 0.500"]),
    ("markov = { start = { a = 1 } }", &["t:1:10: `next` is missing"]),
    ("setup = { path = '/', extract = { 'a b' = '$.x' } }", &["t:1:35: `a b` is no name of a variable"]),
    ("setup = ['/${x}', { path = '/', extract = { x = '$.x' } }]", &["t:1:10: `x` has no value here: no earlier step extracts it"]),
];

/// Mistakes in the only step.
#[rustfmt::skip]
const STEP: &[(&str, &[&str])] = &[
    ("", &["t:7:8: `path` is missing (add path = …"]),
    ("path = 'x'", &["t:7:17: `path` cannot be `x` (a path begins with /)"]),
    ("path = 'http://h/'", &["t:7:17: `path` cannot be `http://h/` (give what follows the target's URL"]),
    ("path = '/', pth = 1", &["t:7:22: there is no key `pth` here (did you mean `path`?)"]),
    ("path = '/${'", &["t:7:17: `${` is not closed (close it with }"]),
    ("path = '/${zipf(0, 1)}'", &["t:7:17: `zipf(0, 1)` cannot be (the first number of zipf(n, s) is how many things there are"]),
    ("path = '/${zpf(1, 1)}'", &["t:7:17: `zpf(1, 1)` cannot be (there are zipf(n, s)"]),
    ("path = '/${f.idd}'", &["t:7:17: the feed `f` has no column `idd` (did you mean `id`?)"]),
    ("path = '/${g.id}'", &["t:7:17: there is no feed `g` (the only feed is `f`)"]),
    ("path = '/${env:NOT_SET}'", &["t:7:17: the environment variable NOT_SET is not set"]),
    ("path = '/${x}', extract = { x = '$.x' }", &["t:7:17: `x` has no value here: no earlier step extracts it"]),
    ("path = '/${tokn}', extract = { token = '$.x' }", &["t:7:17: there is no variable `tokn` (did you mean `token`?)"]),
    ("path = '/', method = 'get'", &["t:7:31: `method` cannot be `get` (methods are written in capitals: GET)"]),
    ("path = '/', json = {}, body = ''", &["t:7:40: a request has one body: `json` or `body`"]),
    ("path = '/', json = inf", &["t:7:29: this is no number of JSON"]),
    ("path = '/', json = { a = ['${'] }", &["t:7:36: `${` is not closed"]),
    ("path = '/', query = { a = {} }", &["t:7:36: `a` takes a text or a number, not a table"]),
    ("path = '/', body_file = 'none'", &["t:7:34: cannot read none: no such file or directory"]),
    ("path = '/', extract = { x = 'x.y' }", &["t:7:38: `x.y` is no JSON path"]),
    ("path = '/', extract = { x = {} }", &["t:7:38: a value comes from one of `json`, `header`, `cookie` and `regex`"]),
    ("path = '/', extract = { x = { json = '$', header = 'a' } }", &["t:7:38: a value comes from one of"]),
    ("path = '/', extract = { x = { regex = '(' } }", &["t:7:48: `(` is no regular expression: unclosed group"]),
    ("path = '/', extract = { x = { json = '$.a', pick = 'any' } }", &["t:7:61: `pick` cannot be `any`"]),
    ("path = '/', expect = { status = 99 }", &["t:7:42: `status` cannot be `99`"]),
    ("path = '/', expect = { body = { contains = 'a', lacks = 'b' } }", &["t:7:40: a test of the body is one of"]),
    ("path = '/', expect = { json = { 'x' = 1 } }", &["t:7:42: `x` is no JSON path"]),
    ("path = '/', expect = { min_size = 5, max_size = 4 }", &["t:7:44: `min_size` is above `max_size`"]),
    ("path = '/', timeout = 5", &["t:7:32: `timeout` takes a time, not a number"]),
    ("path = '/', on_failure = 'stop'", &["t:7:35: `on_failure` cannot be `stop`"]),
];

/// Mistakes in the only phase.
#[rustfmt::skip]
const PHASE: &[(&str, &[&str])] = &[
    ("", &["t:2:1: `duration` is missing (add duration = …: How long it takes)", "t:2:1: this phase does not say how much load there is (add rate = 100"]),
    ("duration = '1s'", &["t:2:1: this phase does not say how much load there is"]),
    ("duration = '0s'\nrate = 1", &["t:3:12: `duration` cannot be `0s`"]),
    ("duration = '1s'\nrate = 1\nusers = 1", &["t:5:9: a phase has `rate` or `users`, not both"]),
    ("duration = '1s'\nrate = -1", &["t:4:8: the load cannot be -1 (give a number from 0 to 10000000)"]),
    ("duration = '1s'\nrate = nan", &["t:4:8: `rate` takes a number, not a number"]),
    ("duration = '1s'\nrate = '5'", &["t:4:8: `rate` takes a number or a table, not a text"]),
    ("duration = '1s'\nrate = 0", &["t:4:8: there is no load in any phase"]),
    ("duration = '1s'\nusers = 1.5", &["t:4:9: there cannot be 1.5 users (give a whole number)"]),
    ("duration = '1s'\nusers = 2_000_000", &["t:4:9: the load cannot be 2000000"]),
    ("duration = '1s'\nrate = {}", &["t:4:8: this does not say how the load changes"]),
    ("duration = '1s'\nrate = { to = 1, spike = 2 }", &["t:4:26: this says both `to` and `spike`"]),
    ("duration = '1s'\nrate = { to = 1, steps = 1 }", &["t:4:26: `steps` cannot be 1 (give a number from 2 to 1000)"]),
    ("duration = '1s'\nrate = { to = 1, after = '1s' }", &["t:4:26: `after` has no meaning without `spike`"]),
    ("duration = '1s'\nrate = { spike = 1, lasts = '2s' }", &["t:4:29: the spike ends after its phase"]),
    ("duration = '1s'\nrate = 1\nwarm_up = true", &["t:4:8: every phase is a warm-up"]),
    ("duration = '1s'\nrate = 1\n[[phase]]\nduration = '1s'\nusers = 1", &["t:7:9: phases of a test all have `rate`, or all have `users`"]),
];

fn said(text: &str) -> Vec<String> {
    let others: [(&str, &[u8]); 3] = [
        ("f.csv", b"id,name\n1,a\n"),
        ("f.xml", b""),
        ("ragged.csv", b"a,b\n1,2\n3\n"),
    ];
    match load_text("t", text.as_bytes(), &others) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.lines(),
    }
}

fn check(text: &str, expected: &[&str]) {
    let said = said(text);
    let is_same = said.len() == expected.len()
        && said
            .iter()
            .zip(expected)
            .all(|(said, expected)| said.starts_with(expected));
    assert!(is_same, "{text}\n{said:#?}\n{expected:#?}");
}

#[test]
fn at_the_top() {
    for (mistake, expected) in TOP {
        check(&format!("{mistake}{BASE}"), expected);
    }
}

#[test]
fn in_a_step() {
    for (mistake, expected) in STEP {
        let text = format!(
            "target = 'http://h'\nfeed.f = 'f.csv'\n[[phase]]\nduration = '1s'\nrate = 1\n\
            [[scenario]]\nstep = {{ {mistake} }}\nname = 'a'\n"
        );
        check(&text, expected);
    }
}

#[test]
fn in_a_phase() {
    for (mistake, expected) in PHASE {
        let scenario = "[[scenario]]\nname = 'a'\nstep = '/'\n";
        check(
            &format!("target = 'http://h'\n[[phase]]\n{mistake}\n{scenario}"),
            expected,
        );
    }
}

#[test]
fn in_the_whole() {
    let phase = "[[phase]]\nduration = '1s'\nrate = 1\n";
    let scenario = "[[scenario]]\nname = 'a'\nstep = '/'\n";
    let target = "target = 'http://h'\n";
    check(
        "",
        &["t: there is nothing in it (the smallest load test is:"],
    );
    check(&format!("{phase}{scenario}"), &["t: `target` is missing"]);
    check(&format!("{target}{scenario}"), &["t: `phase` is missing"]);
    check(&format!("{target}{phase}"), &["t: `scenario` is missing"]);
    check(
        &format!("{target}{phase}[scenario]\nname = 'a'\nstep = []"),
        &["t:7:8: `step` is an empty list"],
    );
    check(
        &format!(
            "scenario = 5
{target}{phase}"
        ),
        &[
            "t:1:12: `scenario` takes a table, not a number (write [[scenario]], and its keys below)",
        ],
    );
    let same = format!("{target}{phase}{scenario}{scenario}");
    check(
        &same,
        &["t:9:8: two scenarios have the name `a` (rename one)"],
    );
    let named = "[[phase]]\nname = 'phase 2'\nduration = '1s'\nrate = 1\n";
    check(
        &format!("{target}{named}{phase}{scenario}"),
        &["t:5:8: two phases have the name `phase 2` (rename one)"],
    );
    let none = format!("{target}{phase}{scenario}weight = 0");
    check(&none, &["t:5:1: no scenario has a weight above 0"]);
    let exact = format!(
        "mix = 'exact'\n{target}{phase}{scenario}weight = 1\n[[scenario]]\nname = 'b'\nstep = '/'\nweight = 0.00000012345"
    );
    check(
        &exact,
        &["t:1:7: these weights repeat themselves only after more than 100000 sessions"],
    );
    let steps = format!(
        "{target}{phase}[[scenario]]\nname = 'a'\nstep = [{{ name = 'x', path = '/' }}, {{ name = 'x', path = '/' }}]\n"
    );
    check(&steps, &["t:7:46: two steps have the name `x`"]);
}

#[test]
fn targets() {
    for (url, help) in [
        ("", "give a URL"),
        ("h", "give a URL"),
        ("h:80", "give a URL"),
        ("ftp://h", "give a URL"),
        ("http://", "give a URL"),
        ("http://a b/", "give a URL"),
        ("http://u:p@h/", "a target has no user"),
        ("http://h/?x", "a target has no query"),
        ("http://h:0", "port 0 is no port"),
        ("http://h:99999", "a port lies between"),
    ] {
        let text = BASE.replace("http://h", url);
        let said = said(&text);
        assert_eq!(said.len(), 1, "{url}: {said:?}");
        assert!(
            said[0].contains(&format!("is no target ({help}")),
            "{url}: {said:?}"
        );
    }
}

/// The longest of the examples, with everything that a file can have.
const EXAMPLE: &str = include_str!("../../../../examples/load/shop.toml");
const PAGES: &str = include_str!("../../../../examples/load/tpcw.toml");

/// Loads it, and describes it if it is right.
fn survives(text: &str) {
    let customers: &[u8] = b"mail,password\na,b\n";
    if let Ok(loaded) = load_text("t", text.as_bytes(), &[("customers.csv", customers)]) {
        let _text = describe(&loaded.test, std::time::Duration::from_millis(100));
    }
}

proptest! {
    #[test]
    fn no_damage_panics(
        is_pages: bool,
        at in any::<prop::sample::Index>(),
        length in 0_usize..40,
        put in "[a-z0-9\\[\\]{}\"'=., $\n-]{0,6}|0|-1|1e300|nan|'\\$\\{zipf\\(9,1\\)\\}'",
    ) {
        let text = if is_pages { PAGES } else { EXAMPLE };
        let start = text.floor_char_boundary(at.index(text.len()));
        let end = text.floor_char_boundary((start + length).min(text.len()));
        survives(&format!("{}{put}{}", &text[..start], &text[end.max(start)..]));
    }
}
