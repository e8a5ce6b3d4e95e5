//! Whole files: every line has a fate, whatever is written loads, and requests come where HAProxy sends them.

use std::path::Path;

use proptest::prelude::*;
use tenfold_gateway::config::Config;
use tenfold_gateway::config::route::Action;
use tenfold_gateway::route::{Ask, Table};

use super::super::source::{Mistake, Sources};
use super::{Context, lexer, section, translate};
use crate::config;
use crate::import::Imported;

/// Imports a text, and sees to it that nothing of it is lost.
fn imported(text: &str, leaves_gaps: bool) -> Result<Imported, Mistake> {
    let mut sources = Sources::default();
    let (file, text) = sources
        .add("haproxy.cfg", text.as_bytes())
        .expect("a small file");
    let sections = section::sections(lexer::lines(file, &text)?)?;
    let mut context = Context::default();
    context.leaves_gaps = leaves_gaps;
    translate(&mut context, &sections);
    for section in &sections {
        for line in std::iter::once(&section.head).chain(&section.lines) {
            let is_lost = context.ledger.lacks(line.place);
            assert!(!is_lost, "nothing is said of {:?} in\n{text}", line.words);
        }
    }
    let all = crate::import::written(context.draft, context.ledger, &sources);
    assert_eq!(all.mistakes, None, "of\n{text}\nbecame\n{}", all.text);
    Ok(all)
}

#[test]
fn every_line_of_the_inputs_has_a_fate() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["tests/import/haproxy", "../../examples/import"];
    let mut count = 0;
    for folder in folders {
        for entry in std::fs::read_dir(root.join(folder)).expect("inputs") {
            let path = entry.expect("readable").path();
            if path.extension().is_some_and(|ending| ending == "cfg") {
                let text = std::fs::read_to_string(&path).expect("text");
                imported(&text, false).expect("a configuration");
                count += 1;
            }
        }
    }
    assert!(count > 5);
}

/// What a request is like, as far as conditions here ask.
#[derive(Clone, Debug)]
struct Request {
    host: &'static str,
    path: &'static str,
    method: &'static str,
    field: Option<&'static str>,
    parameter: Option<&'static str>,
    is_inside: bool,
}

/// A condition in HAProxy's words, whether routes have it, and what it means.
type Term = (&'static str, bool, fn(&Request) -> bool);

const TERMS: &[Term] = &[
    ("{ hdr(host) -i a.example }", true, |it| {
        it.host == "a.example"
    }),
    ("{ hdr_end(host) -i .example }", true, |it| {
        it.host.ends_with(".example")
    }),
    ("{ path_beg /a/ }", true, |it| it.path.starts_with("/a/")),
    ("{ path_beg /a/z/ /ad/ }", true, |it| {
        it.path.starts_with("/a/z/") || it.path.starts_with("/ad/")
    }),
    ("{ path /a/b /c }", true, |it| {
        it.path == "/a/b" || it.path == "/c"
    }),
    ("METH_POST", true, |it| it.method == "POST"),
    ("METH_GET", true, |it| {
        it.method == "GET" || it.method == "HEAD"
    }),
    ("{ method HEAD }", true, |it| it.method == "HEAD"),
    ("{ req.hdr(x-key) -m found }", true, |it| it.field.is_some()),
    ("{ req.hdr(x-key) one }", true, |it| it.field == Some("one")),
    ("{ urlp(v) 2 }", true, |it| it.parameter == Some("2")),
    ("{ src 10.0.0.0/8 }", false, |it| it.is_inside),
    ("{ path_beg /ad }", false, |it| it.path.starts_with("/ad")),
    ("{ path_end .php }", false, |it| it.path.ends_with(".php")),
    ("{ path_reg ^/c[0-9] }", false, |it| {
        it.path.starts_with("/c1")
    }),
];

/// Terms, each with its `!`, that all have to hold; `true` for `unless`.
type Condition = (bool, Vec<(bool, usize)>);

fn holds(condition: &Condition, request: &Request) -> bool {
    let (is_unless, terms) = condition;
    let meets = |(is_not, at): &(bool, usize)| TERMS[*at].2(request) != *is_not;
    terms.iter().all(meets) != *is_unless
}

/// True if routes have the condition, as it is, as a test of a few things that all have to hold.
fn is_plain(condition: &Condition) -> bool {
    let (is_unless, terms) = condition;
    !is_unless && terms.iter().all(|(is_not, at)| TERMS[*at].1 && !is_not)
}

fn written(condition: &Condition) -> String {
    let (is_unless, terms) = condition;
    if terms.is_empty() {
        return String::new();
    }
    let mut text = String::from(if *is_unless { " unless" } else { " if" });
    for (is_not, at) in terms {
        text.push_str(if *is_not { " !" } else { " " });
        text.push_str(TERMS[*at].0);
    }
    text
}

/// What a rule does: 0 to 2 keep out, 3 lets pass, 4 answers, above that a backend.
type Rule = (usize, Condition);

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    Refused(u16),
    Answered(u16),
    Backend(usize),
}

/// `http-request` rules, first match.
fn checked(rules: &[Rule], request: &Request) -> Option<Fate> {
    for (kind, condition) in rules.iter().filter(|(kind, _)| *kind < 5) {
        if holds(condition, request) {
            match kind {
                0 => return Some(Fate::Refused(403)),
                1 => return Some(Fate::Refused(429)),
                2 => return Some(Fate::Refused(404)),
                3 => return None,
                _ => return Some(Fate::Answered(204)),
            }
        }
    }
    None
}

/// As HAProxy does it.
fn fate(frontend: &[Rule], backends: &[Vec<Rule>], request: &Request) -> Fate {
    if let Some(fate) = checked(frontend, request) {
        return fate;
    }
    let chosen = frontend
        .iter()
        .find(|(kind, condition)| *kind >= 5 && holds(condition, request));
    let backend = chosen.map_or(0, |(kind, _)| kind - 4);
    checked(&backends[backend], request).unwrap_or(Fate::Backend(backend))
}

fn rules(rules: &[Rule]) -> String {
    let mut text = String::new();
    for (kind, condition) in rules {
        let condition = written(condition);
        text.push_str(&match kind {
            0 => format!("  http-request deny{condition}\n"),
            1 => format!("  http-request deny deny_status 429{condition}\n"),
            2 => format!("  http-request return status 404{condition}\n"),
            3 => format!("  http-request allow{condition}\n"),
            4 => format!("  http-request return status 204{condition}\n"),
            kind => format!("  use_backend b{}{condition}\n", kind - 4),
        });
    }
    text
}

fn file(frontend: &[Rule], backends: &[Vec<Rule>]) -> String {
    let mut text = format!(
        "defaults\n  mode http\nfrontend in\n  bind :8080\n{}  default_backend b0\n",
        rules(frontend)
    );
    for (at, own) in backends.iter().enumerate() {
        text.push_str(&format!(
            "backend b{at}\n{}  server s 127.0.0.1:{}\n",
            rules(own),
            3000 + at
        ));
    }
    text
}

/// What our routes do.
fn ours(config: &Config, table: &Table, request: &Request) -> Fate {
    let field: Vec<(&str, &str)> = request
        .field
        .iter()
        .map(|value| ("x-key", *value))
        .collect();
    let query = request.parameter.map(|value| format!("v={value}"));
    let found = table.find(&Ask {
        listener: 0,
        host: request.host.as_bytes(),
        path: request.path.as_bytes(),
        query: query.as_deref().unwrap_or_default().as_bytes(),
        method: request.method.as_bytes(),
        fields: &&field[..],
    });
    let found = found.expect("a route for everything");
    match &config.routes[found.index].action {
        Action::Respond(reply) if reply.status >= 400 => Fate::Refused(reply.status),
        Action::Respond(reply) => Fate::Answered(reply.status),
        Action::Forward(shares) => {
            let name = &config.upstreams[shares[0].upstream].name;
            Fate::Backend(name[1..].parse().expect("b and a number"))
        }
        other => panic!("{other:?}"),
    }
}

fn requests() -> impl Strategy<Value = Request> {
    let field = prop::sample::select(vec![None, Some("one"), Some("two")]);
    let parameter = prop::sample::select(vec![None, Some("1"), Some("2")]);
    let path = prop::sample::select(vec![
        "/", "/a/x", "/a/b", "/a/z/q", "/ad/y", "/adz", "/c", "/c1", "/x.php", "/a/x.php",
    ]);
    (
        prop::sample::select(vec!["a.example", "b.example", "other"]),
        path,
        prop::sample::select(vec!["GET", "POST", "HEAD"]),
        field,
        parameter,
        any::<bool>(),
    )
        .prop_map(
            |(host, path, method, field, parameter, is_inside)| Request {
                host,
                path,
                method,
                field,
                parameter,
                is_inside,
            },
        )
}

fn conditions(plain: bool) -> BoxedStrategy<Condition> {
    let terms = TERMS.iter().enumerate();
    let usable: Vec<usize> = terms
        .filter(|(_, term)| term.1 || !plain)
        .map(|(at, _)| at)
        .collect();
    let term = (any::<bool>(), prop::sample::select(usable))
        .prop_map(move |(is_not, at)| (is_not && !plain, at));
    (any::<bool>(), prop::collection::vec(term, 1..3))
        .prop_map(move |(is_unless, terms)| (is_unless && !plain, terms))
        .boxed()
}

fn rule(plain: bool) -> impl Strategy<Value = Rule> {
    (0..8_usize, conditions(plain))
}

fn backends(plain: bool) -> impl Strategy<Value = Vec<Vec<Rule>>> {
    let own = (0..5_usize, conditions(plain));
    prop::collection::vec(prop::collection::vec(own, 0..3), 4)
}

fn loaded(text: &str) -> (Config, Table) {
    let config = config::load_text("imported.toml", text.as_bytes());
    let config = config.expect("checked before").config;
    let table = Table::new(&config.routes, config.listeners.len()).expect("checked before");
    (config, table)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_routes_can_say_comes_where_haproxy_sends_it(
        frontend in prop::collection::vec(rule(true), 0..7),
        backends in backends(true),
        requests in prop::collection::vec(requests(), 1..60),
    ) {
        prop_assert!(frontend.iter().all(|(_, condition)| is_plain(condition)));
        let text = file(&frontend, &backends);
        let imported = imported(&text, false).expect("a configuration");
        let (config, table) = loaded(&imported.text);
        for request in requests {
            let (theirs, ours) = (fate(&frontend, &backends, &request), ours(&config, &table, &request));
            prop_assert_eq!(theirs, ours, "{:?}\n{}\n{}", request, text, imported.text);
        }
    }

    #[test]
    fn who_is_kept_out_is_kept_out_whatever_the_condition(
        frontend in prop::collection::vec(rule(false), 0..7),
        backends in backends(false),
        requests in prop::collection::vec(requests(), 1..60),
    ) {
        let text = file(&frontend, &backends);
        let imported = imported(&text, false).expect("a configuration");
        let (config, table) = loaded(&imported.text);
        for request in requests {
            let theirs = fate(&frontend, &backends, &request);
            let ours = ours(&config, &table, &request);
            let is_opened = matches!(theirs, Fate::Refused(_)) && matches!(ours, Fate::Backend(_));
            prop_assert!(!is_opened, "{:?}: {:?}\n{}\n{}", request, ours, text, imported.text);
        }
    }
}

/// Lines and parts of lines that make sense, nonsense of them, and nonsense.
const PARTS: &[&str] = &[
    "\n",
    "\n ",
    "\nglobal\n",
    "\ndefaults\n mode http\n",
    "\ndefaults d\n",
    "\nfrontend f\n",
    "\nbackend b\n",
    "\nlisten l\n",
    "\nuserlist u\n",
    "\nquux q\n",
    " from d",
    " mode tcp\n",
    " mode http\n",
    " bind :80\n",
    " bind [::]:80,:81-90 ssl crt x\n",
    " bind /a.sock\n",
    " acl a path_beg /\n",
    " acl a src 10.0.0.0/8\n",
    " acl b hdr_end(host) .x\n",
    " use_backend b",
    " use_backend %[path]",
    " default_backend b\n",
    " http-request deny",
    " http-request auth",
    " http-request allow",
    " http-request tarpit deny_status 999",
    " http-request return status 7",
    " http-request set-header x %[",
    " http-request set-path %[path,regsub(",
    " http-request replace-path (/.*)? \\1",
    " http-response deny",
    " tcp-request connection reject",
    " redirect scheme https",
    " redirect prefix {",
    " server s 127.0.0.1:80 check",
    " server s h:0 weight 300 backup",
    " server-template t 1-3 _http._tcp.x",
    " balance uri\n",
    " balance hdr(\n",
    " hash-type consistent\n",
    " hash-balance-factor 1\n",
    " cookie c insert maxlife 99d",
    " option httpchk GET x",
    " http-check expect status 1-9",
    " timeout client 99999999999d\n",
    " timeout server\n",
    " monitor-uri x\n",
    " if",
    " unless",
    " a",
    " !a",
    " !",
    " or",
    " ||",
    " {",
    " }",
    " { path }",
    " !{ ssl_fc }",
    " { method get }",
    " { path_reg ^/(((a)|b)*c }",
    " { urlp(",
    " { hdr(x) -m",
    " -i",
    " -f",
    " code 301",
    " \\",
    "\\\n",
    "\"x\"",
    "'",
    "\"",
    "#",
    "${X}",
    "\"${X-y}\"",
    "\u{0}",
    "\u{e9}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn whatever_is_written_loads_or_is_refused_with_its_place(
        parts in prop::collection::vec(prop::sample::select(PARTS), 0..40),
        leaves_gaps in any::<bool>(),
    ) {
        let text = parts.concat();
        if let Err(mistake) = imported(&text, leaves_gaps) {
            let lines = text.split('\n').count();
            prop_assert!((1..=lines).contains(&(mistake.place.line as usize)), "{:?}", mistake);
            prop_assert!(!mistake.what.is_empty() && !mistake.help.is_empty());
        }
    }
}

/// Found by the property above: an empty list of servers is refused.
#[test]
fn a_discovered_backend_whose_written_servers_all_fall_away_loads() {
    let text = "defaults\n mode http\nbackend b\n server-template t 1-3 _http._tcp.x\n \
                server s h:0 weight 300 backup\nlisten l\n bind :80\n default_backend b\n";
    let all = imported(text, false).expect("a configuration");
    assert!(all.text.contains("# servers = ["), "{}", all.text);
}

/// Hundreds of rules that all cross each other would be more routes than anyone can read.
#[test]
fn rules_that_cross_each_other_end_in_a_bound_and_say_so() {
    let mut text = String::from("defaults\n mode http\nfrontend f\n bind :80\n");
    for at in 0..300 {
        let condition = match at % 3 {
            0 => format!("{{ hdr(x-{at}) -m found }}"),
            1 => format!("{{ path_beg /p{at}/ }} !{{ urlp(q{at}) 1 }}"),
            _ => format!("{{ hdr_end(host) .h{at}.example }}"),
        };
        text.push_str(&format!(" use_backend b{} if {condition}\n", at % 7));
    }
    for at in 0..7 {
        text.push_str(&format!(
            "backend b{at}\n server s 127.0.0.1:{}\n",
            3000 + at
        ));
    }
    let all = imported(&text, false).expect("a configuration");
    assert!(
        all.summary.contains("would become more than 1000 routes"),
        "{}",
        all.summary
    );
}
