use super::*;
use crate::command::fixture;

#[test]
fn a_look_is_a_readable_text() {
    let status = fixture::status(0);
    let text = render(&status, None, None, false);
    let has = |line: &str| assert!(text.contains(line), "{line:?} is missing in\n{text}");
    has("tenfold 0.1.0  up 2h13m, generation 3, 2 workers\n");
    has("  web       0.0.0.0:8080");
    has(
        "upstream shop  p2c, 2 of 3 available, 61 of 64 (adaptive) under way, 3 wait, turned away: 0 critical, 7 normal, 100 bulk\n",
    );
    has("  10.0.0.13:3000  ejected");
    has("  search      local ");
    has("  50.0%  client_ip, route\n");
    has("  pages     90.0%  900k");
    has("18s left: 5 failures in a row\n");
    has("upstream search  maglev, 0 of 1 available, panic: all of them get requests\n");
    assert!(!text.contains('\x1b') && !text.contains("ROUTE"), "{text}");
    assert!(!text.contains('–') && !text.contains(PER_SECOND), "{text}");
    let painted = render(&status, None, None, true);
    assert!(painted.contains("\x1b[31mejected\x1b[0m"), "{painted}");
    assert!(painted.contains("\x1b[32mup\x1b[0m"), "{painted}");
}

#[test]
fn a_limit_that_has_lost_its_store_is_seen() {
    let limit = |name: &str, mode: &str| LimitStatus {
        name: name.into(),
        key: vec!["client_ip".into(), "route".into()],
        is_shared: true,
        mode: mode.into(),
        allowed: 12_000,
        refused: 34,
        ..LimitStatus::default()
    };
    let status = Status {
        limits: vec![limit("per-client", "shared"), limit("search", "open")],
        ..Status::default()
    };
    let text = render(&status, None, None, false);
    assert!(text.contains("  per-client  shared"), "{text}");
    assert!(text.contains("client_ip, route"), "{text}");
    let painted = render(&status, None, None, true);
    assert!(painted.contains("\x1b[31mopen\x1b[0m"), "{painted}");
    assert!(!painted.contains("\x1b[31mshared"), "{painted}");
}

#[test]
fn with_an_earlier_look_there_are_rates() {
    let (then, now) = (fixture::look(0), fixture::look(1));
    let earlier = Earlier::new(&then, &now).expect("comparable");
    let routes = now.routes.as_deref();
    let text = render(&now.status, Some(&earlier), routes, false);
    let row = |name: &str| {
        let row = text
            .lines()
            .find(|line| line.trim_start().starts_with(name));
        let row = row.unwrap_or_else(|| panic!("{name} is missing in\n{text}"));
        row.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let endpoint = row("10.0.0.11:3000");
    assert_eq!(endpoint[5..7], ["1.10M", "100"], "{endpoint:?}");
    let busiest = text.find("  static").expect("a route");
    assert!(busiest < text.find("  api").expect("another"), "{text}");
    assert!(text.contains("routes with fewer requests"), "{text}");
    let requests = "34 active, 966k (12.3k/s) answered, 15 (3.0/s) with 5xx\n";
    assert!(text.contains(requests), "{text}");
}

#[test]
fn the_exit_code_tells_an_upstream_without_endpoints() {
    let mut status = fixture::status(0);
    assert_eq!(verdict(&status), ExitCode::FAILURE);
    status.upstreams.retain(|one| one.name == "shop");
    assert_eq!(verdict(&status), ExitCode::SUCCESS);
    assert_eq!(verdict(&Status::default()), ExitCode::SUCCESS);
}

#[test]
fn what_a_gateway_says_cannot_command_the_terminal() {
    let mut status = fixture::status(0);
    let evil = || "a\x1b]0;b\x07".to_owned();
    status.version = evil();
    status.listeners[0].name = evil();
    status.upstreams[0].name = evil();
    status.upstreams[0].algorithm = evil();
    status.upstreams[0].endpoints[0].cause = evil();
    let text = render(&status, None, None, false);
    assert!(!text.contains(['\x1b', '\x07']), "{text:?}");
}
