//! What a configuration means.

use std::time::Duration;

use tenfold::config::{self, Loaded};
use tenfold_gateway::config::route::{Action, PathEdit, Share};
use tenfold_gateway::config::upstream::{Address, Check, HashKey, Source};
use tenfold_traffic::Algorithm;

fn load(text: &str) -> Loaded {
    config::load_text("c", text.as_bytes()).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

#[test]
fn what_is_said_for_all_holds_where_nothing_else_is_said() {
    let loaded = load(
        "[gateway]\nzone = 'a'\ntrusted_proxies = ['10.0.0.0/8']\n\
        [timeouts]\nhead = '1s'\nidle = '2s'\nbody = '3s'\nconnect = '4s'\nresponse = '5s'\ntunnel = '6s'\n\
        [limits]\nmax_body = 100\nmax_head = '2KiB'\n\
        [listener.one]\nlisten = ':1'\n\
        [listener.two]\nlisten = ':2'\nhead_timeout = '7s'\ntrusted_proxies = []\nmax_head = 4096\n\
        [[route]]\nupstream = 'a'\n\
        [[route]]\npath = '/b'\nupstream = 'b'\ntimeout = '8s'\nmax_body = '1KB'\n\
        [upstream.a]\nservers = ['h:1']\n\
        [upstream.b]\nservers = ['h:1']\nzones = ['b', 'a']\nconnect_timeout = '9s'\n",
    );
    let config = loaded.config;
    let seconds = Duration::from_secs;
    let [one, two] = &config.listeners[..] else {
        panic!("two listeners");
    };
    assert_eq!(
        (one.head_timeout, one.idle_timeout),
        (seconds(1), seconds(2))
    );
    assert_eq!(
        (two.head_timeout, two.idle_timeout),
        (seconds(7), seconds(2))
    );
    assert_eq!(
        (one.trusted_proxies.len(), two.trusted_proxies.len()),
        (1, 0)
    );
    assert_eq!((one.head_limits.head, two.head_limits.head), (2048, 4096));
    let [a, b] = &config.routes[..] else {
        panic!("two routes");
    };
    assert_eq!(a.timeouts.response, seconds(5));
    assert_eq!(
        (a.timeouts.body, a.timeouts.tunnel),
        (seconds(3), seconds(6))
    );
    assert_eq!(b.timeouts.response, seconds(8));
    assert_eq!((a.max_body, b.max_body), (100, 1000));
    let [a, b] = &config.upstreams[..] else {
        panic!("two upstreams");
    };
    assert_eq!(a.policy.zones, ["a"]);
    assert_eq!(b.policy.zones, ["b", "a"]);
    assert_eq!(
        (a.connect_timeout, b.connect_timeout),
        (seconds(4), seconds(9))
    );
}

#[test]
fn names_of_routes_are_made_and_unique() {
    let loaded = load(
        "[listener.web]\nlisten = ':1'\n\
        [[route]]\nhost = ['a.example', 'b.example']\npath = ['/x/*', '/y']\nrespond = ''\n\
        [[route]]\nhost = 'a.example'\npath = '/x/*'\nmethod = 'GET'\nrespond = ''\n\
        [[route]]\nrespond = ''\n\
        [[route]]\npath = '/z'\nname = '/*'\nrespond = ''\n",
    );
    let names: Vec<_> = loaded
        .config
        .routes
        .iter()
        .map(|route| route.name.as_str())
        .collect();
    assert_eq!(names, ["a.example/x/*", "a.example/x/* 2", "/* 2", "/*"]);
}

#[test]
fn short_forms_mean_what_the_long_ones_do() {
    for (short, long) in [
        ("upstream = 'a'", "upstream = [{ name = 'a', weight = 1 }]"),
        ("redirect = '/x'", "redirect = { to = '/x', status = 308 }"),
        ("respond = 'x'", "respond = { body = 'x', status = 200 }"),
        (
            "files = '/'",
            "files = { root = '/', index = 'index.html' }",
        ),
        (
            "upstream = 'a'\nmirror = 'a'",
            "upstream = 'a'\nmirror = { upstream = 'a', share = '100%' }",
        ),
        (
            "upstream = 'a'\nmethod = 'GET'",
            "upstream = 'a'\nmethod = ['GET']",
        ),
    ] {
        let text = |route| {
            format!(
                "[listener.web]\nlisten = ':1'\n[upstream.a]\nservers = ['h:1']\n[[route]]\n{route}\n"
            )
        };
        assert_eq!(
            load(&text(short)).config,
            load(&text(long)).config,
            "{short}"
        );
    }
}

#[test]
fn routes_and_upstreams() {
    let loaded = load(
        "[listener.web]\nlisten = ':1'\n\
        [[route]]\nlistener = 'web'\npath = '/api/*'\nstrip = '/api'\n\
        upstream = [{ name = 'b', weight = 95 }, { name = 'a', weight = 5 }]\n\
        request_headers = { set = { X-A = '{client_ip}' }, remove = ['Cookie'] }\n\
        mirror = { upstream = 'a', share = 0.25 }\n\
        [upstream.a]\nservers = ['10.0.0.1:1', 'http://10.0.0.2', { address = 'H.example:3', weight = 0, zone = 'z' }, 'unix:/s']\n\
        discover = [{ dns = 'd:1' }, { srv = '_http._tcp.d' }]\n\
        health = { path = '/h', status = '200,300-399', every = '500ms' }\nsticky = true\noutlier = false\n\
        [upstream.b]\nservers = '[::1]:1'\nbalance = 'maglev'\nhash = 'header:X-T'\nbounded_load = 1.5\npanic = '25%'\nhealth = { tcp = true }\n",
    );
    let config = loaded.config;
    let route = &config.routes[0];
    assert_eq!(route.matches.listeners, [0]);
    assert_eq!(route.path, PathEdit::Strip("/api".into()));
    let shares = [
        Share {
            upstream: 1,
            weight: 95,
        },
        Share {
            upstream: 0,
            weight: 5,
        },
    ];
    assert_eq!(route.action, Action::Forward(shares.into()));
    assert_eq!(route.request_fields.remove, ["cookie"]);
    assert_eq!(route.request_fields.set[0].0, "X-A");
    assert_eq!(route.mirror.map(|mirror| mirror.share), Some(0.25));
    let [a, b] = &config.upstreams[..] else {
        panic!("two upstreams");
    };
    let addresses: Vec<_> = a
        .servers
        .iter()
        .map(|server| server.address.clone())
        .collect();
    assert_eq!(
        addresses,
        [
            Address::Tcp(vec!["10.0.0.1:1".parse().expect("valid")]),
            Address::Tcp(vec!["10.0.0.2:80".parse().expect("valid")]),
            Address::Name {
                host: "h.example".into(),
                port: 3
            },
            Address::Unix("/s".into()),
        ]
    );
    assert_eq!(a.servers[1].name, "http://10.0.0.2");
    assert_eq!((a.servers[2].weight, a.servers[2].zone.as_str()), (0, "z"));
    assert_eq!(
        a.sources[0],
        Source::Dns {
            host: "d".into(),
            port: 1
        }
    );
    let probe = a.probe.as_ref().expect("a probe");
    // A probe's default is not longer than the time between two.
    assert_eq!(probe.timeout, Duration::from_millis(500));
    let Check::Http { status, .. } = &probe.check else {
        panic!("{probe:?}");
    };
    assert_eq!(*status, [200..=200, 300..=399]);
    assert_eq!(
        a.sticky.as_ref().map(|sticky| sticky.cookie.as_str()),
        Some("tenfold-a")
    );
    assert_eq!(a.policy.outlier.consecutive_failures, 0);
    assert_eq!(b.policy.algorithm, Algorithm::Maglev);
    assert_eq!(b.hash, HashKey::Header("x-t".into()));
    assert_eq!((b.policy.bounded_load, b.policy.panic), (1.5, 0.25));
    assert_eq!(
        b.probe.as_ref().map(|probe| probe.check.clone()),
        Some(Check::Tcp)
    );
}

#[test]
fn order_is_the_order_of_the_file() {
    let loaded = load(
        "[upstream.z]\nservers = ['h:1']\n[upstream.a]\nservers = ['h:1']\n\
        [listener.z]\nlisten = ':1'\n[listener.a]\nlisten = ':2'\n\
        [[route]]\nupstream = ['a', 'z']\n",
    );
    let names: Vec<_> = loaded
        .config
        .upstreams
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["z", "a"]);
    let names: Vec<_> = loaded
        .config
        .listeners
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["z", "a"]);
}
