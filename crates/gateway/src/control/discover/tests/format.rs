//! The format of a file of servers.

use proptest::prelude::*;

use super::super::file::{MOST_BYTES, parse};
use super::*;

fn lines(text: &str) -> Vec<String> {
    let show = |server: &Server| match &server.address {
        Address::Name { host, port } => format!("{}~{host}:{port} {}", server.name, server.weight),
        _ => line(server),
    };
    parse(text.as_bytes()).unwrap().iter().map(show).collect()
}

fn problem(text: &str) -> String {
    parse(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn servers_weights_zones_and_comments() {
    let text = "\u{feff}# servers\r\n\r\n10.0.0.1:80 weight=3  zone=a # one\r\n[fd00::1]:80 zone=b-1\r\n\
        App.internal:80\tweight=0\nunix:/run/app.sock\n10.0.0.1:80 zone=a weight=3";
    let all = [
        "10.0.0.1:80=[10.0.0.1:80] 3 a",
        "[fd00::1]:80=[[fd00::1]:80] 1 b-1",
        "App.internal:80~app.internal:80 0",
        "unix:/run/app.sock=[/run/app.sock] 1",
    ];
    assert_eq!(lines(text), all);
}

#[test]
fn no_servers_only_if_it_says_so() {
    assert!(lines("# all gone\nnone # really\n").is_empty());
    for text in ["", "\n\n", "# nothing\n"] {
        assert!(problem(text).contains("write the line `none`"), "{text:?}");
    }
    assert_eq!(
        problem("10.0.0.1:80\nnone\n"),
        "line 2: `none` stands beside servers"
    );
    assert_eq!(problem("none weight=1"), "line 1: `weight=1` behind `none`");
}

#[test]
fn mistakes_are_named_with_their_line() {
    let cases = [
        (
            "10.0.0.1:80\n10.0.0.2",
            "line 2: `10.0.0.2` is not a server",
        ),
        ("10.0.0.1:0", "line 1: `10.0.0.1:0` has the port 0"),
        ("10.0.0.256:80", "line 1: `10.0.0.256:80` is not a server"),
        ("app:99999", "line 1: `app:99999` is not a server"),
        ("-app:80", "line 1: `-app:80` is not a server"),
        ("a..b:80", "line 1: `a..b:80` is not a server"),
        (":80", "line 1: `:80` is not a server"),
        ("unix:run", "line 1: a Unix socket is written unix:/PATH"),
        (
            "\n\na:1 weight=-1",
            "line 3: a weight lies between 0 and 1000000, `-1` does not",
        ),
        ("a:1 weight=1000001", "line 1: a weight lies between"),
        ("a:1 weight=1 weight=1", "line 1: `weight=1` is given twice"),
        ("a:1 zone=", "line 1: a zone has 1 to 64"),
        ("a:1 zone=a/b", "line 1: a zone has 1 to 64"),
        (
            "a:1 wieght=1",
            "line 1: `wieght=1` is neither weight=N nor zone=NAME",
        ),
        (
            "a:1\nb:1\na:1 weight=2",
            "line 3: `a:1` is in line 1 too, and not the same",
        ),
        ("a:1 \u{1b}[31m", "line 1: `\\u{1b}[31m` is neither"),
    ];
    for (text, expected) in cases {
        let problem = problem(text);
        assert!(problem.starts_with(expected), "{text:?}: {problem}");
    }
    assert_eq!(
        parse(b"a:1\n\xff\xfe").unwrap_err().to_string(),
        "line 2: this is not text (UTF-8)"
    );
    assert!(problem(&"x".repeat(5000)).len() < 300);
}

#[test]
fn there_are_limits() {
    let many: String = (0..10_001).map(|n| format!("a{n}:1\n")).collect();
    assert_eq!(problem(&many), "the file has more than 10000 lines");
    let most: String = (0..10_000).map(|n| format!("a{n}:1\n")).collect();
    assert_eq!(lines(&most).len(), 10_000);
    assert_eq!(
        problem(&"#".repeat(MOST_BYTES + 1)),
        "the file is larger than 1 MiB"
    );
}

proptest! {
    #[test]
    fn whatever_is_in_a_file_is_servers_or_a_problem(text in "(none|[a-c.:0-9#= \n\u{e9}-]|weight=|zone=|unix:/){0,60}") {
        match parse(text.as_bytes()) {
            Ok(servers) => {
                let mut names: Vec<_> = servers.iter().map(|server| &server.name).collect();
                names.sort_unstable();
                names.dedup();
                prop_assert_eq!(names.len(), servers.len());
            }
            Err(problem) => prop_assert!(!problem.to_string().contains('\n')),
        }
    }
}
