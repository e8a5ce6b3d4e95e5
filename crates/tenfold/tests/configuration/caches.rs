//! Caches: what their tables mean, what is wrong with them, and what is shown of them.

use std::time::Duration;

use serde_json::json;
use tenfold::config::{self, load_text};
use tenfold_gateway::config::cache::{
    Cache, Condition, Disk, Pattern, Policy, Query, Redis, SetCookie, TRACKING, largest_in,
};

/// What follows each table.
const BASE: &str = r#"
[listener.web]
listen = "127.0.0.1:8080"
[[route]]
upstream = "app"
cache = "pages"
[upstream.app]
servers = ["10.0.0.1:80"]
"#;

fn load(text: &str) -> config::Loaded {
    let text = format!("{text}{BASE}");
    load_text("c", text.as_bytes()).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

fn cache(text: &str) -> Cache {
    let loaded = load(&format!("[cache.pages]\n{text}"));
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    assert_eq!(loaded.config.routes[0].cache, Some(0));
    loaded.config.caches[0].clone()
}

#[test]
fn a_cache_of_which_nothing_is_said_follows_the_rfc() {
    let standard = Cache::new("pages");
    let max_object = standard.policy.max_object.min(largest_in(standard.memory));
    let expected = Cache {
        policy: Policy {
            max_object,
            ..standard.policy.clone()
        },
        ..standard
    };
    assert_eq!(cache(""), expected);
}

#[test]
fn levels() {
    let all = load(
        "[shared]\nredis = 'redis+cluster://a:1,b:2'\nnamespace = 'shop'\ntimeout = '50ms'\n\
         [cache.other]\n\
         [[route]]\npath = '/other/*'\nupstream = 'app'\ncache = 'other'\n\
         [cache.pages]\nmemory = '1GiB'\nmax_object = '10MB'\nshared = true\npurge_from = ['10.0.0.0/8', '::1']\n\
         disk = { path = '/var/cache/tenfold/', size = '20GiB' }\n",
    );
    assert!(all.warnings.is_empty(), "{}", all.warnings);
    let [other, pages] = &all.config.caches[..] else {
        panic!("two caches");
    };
    assert_eq!(other.redis, None);
    assert_eq!(
        (pages.memory, pages.policy.max_object),
        (1 << 30, 10_000_000)
    );
    let redis = Redis {
        url: "redis+cluster://a:1,b:2".into(),
        namespace: "shop".into(),
        timeout: Duration::from_millis(50),
    };
    assert_eq!(pages.redis, Some(redis));
    let disk = Disk {
        path: "/var/cache/tenfold".into(),
        size: 20 << 30,
    };
    assert_eq!(pages.disk, Some(disk));
    assert!(pages.may_purge("10.1.2.3".parse().unwrap()));
    assert!(!pages.may_purge("192.168.1.1".parse().unwrap()));
    let routes: Vec<_> = all.config.routes.iter().map(|it| it.cache).collect();
    assert_eq!(routes, [Some(0), Some(1)]);
}

#[test]
fn lifetimes() {
    let policy = cache(
        "lifetime = '1d'\ndefault_lifetime = '5m'\nmax_lifetime = '30d'\njitter = '10%'\n\
         stale_while_revalidate = '30s'\nstale_if_error = '1h'\nset_cookie = 'remove'\nhonor_request = false\n\
         status_lifetime = { '5xx' = '1s', '400-499' = '2s', '404,410' = '0s', '503' = '3s' }\n",
    )
    .policy;
    assert_eq!(policy.lifetime, Some(86_400));
    assert_eq!(
        (policy.default_lifetime, policy.max_lifetime),
        (300, 2_592_000)
    );
    assert_eq!(policy.jitter_percent, 10);
    assert_eq!(
        (policy.stale_while_revalidate, policy.stale_if_error),
        (30, 3600)
    );
    assert_eq!(policy.set_cookie, SetCookie::Remove);
    assert!(!policy.honors_request);
    let first = |status: u16| {
        let mut all = policy.negative.iter();
        all.find(|(range, _)| range.contains(&status))
            .map(|(_, seconds)| *seconds)
    };
    let found = [404, 410, 403, 503, 502, 200].map(first);
    let expected = [Some(0), Some(0), Some(2), Some(3), Some(1), None];
    assert_eq!(found, expected, "the narrowest counts");
    assert_eq!(cache("min_lifetime = '1.5m'\n").policy.min_lifetime, 90);
}

#[test]
fn keys() {
    let query = |text: &str| cache(text).policy.key.query;
    let patterns = |names: &[&str]| names.iter().map(|it| Pattern::new(it)).collect::<Vec<_>>();
    assert_eq!(query("query = 'all'\n"), Query::All);
    assert_eq!(query("query = 'none'\n"), Query::None);
    let only = query("query = { only = ['page', 'filter_*'] }\n");
    assert_eq!(only, Query::Only(patterns(&["page", "filter_*"])));
    assert_eq!(
        query("ignore_tracking = true\n"),
        Query::Except(patterns(&TRACKING))
    );
    let both = query("query = { except = ['ref', 'utm_*'] }\nignore_tracking = true\n");
    let expected: Vec<_> = ["ref"].into_iter().chain(TRACKING).collect();
    let Query::Except(both) = both else {
        panic!("all but some");
    };
    assert_eq!(both.len(), expected.len(), "each once");
    for one in patterns(&expected) {
        assert!(both.contains(&one), "{one:?}");
    }
    let key = cache("sort_query = true\nkey_headers = ['X-Shop']\nkey_cookies = ['Theme']\n");
    let key = key.policy.key;
    assert!(key.sorts_query);
    assert_eq!(
        (key.headers, key.cookies),
        (vec!["x-shop".into()], vec!["Theme".into()])
    );
}

#[test]
fn bypasses() {
    let bypass = cache(
        "[cache.pages.bypass]\nheader = { X-Preview = '*', X-Mode = 'live' }\ncookie = 'session_*'\n\
         query = ['nocache']\npath = ['/cart', '/admin/*', '/api*']\n",
    );
    let header = |name: &str, value: Option<&str>| Condition::Header {
        name: name.into(),
        value: value.map(str::to_owned),
    };
    let place = |path: &str, and_below| Condition::Place {
        path: path.into(),
        and_below,
    };
    let expected = [
        header("x-preview", None),
        header("x-mode", Some("live")),
        Condition::Cookie(Pattern::new("session_*")),
        Condition::Query(Pattern::new("nocache")),
        place("/cart", false),
        place("/admin", true),
        Condition::Path("/api".into()),
    ];
    assert_eq!(bypass.policy.bypass, expected);
}

/// Tables and what is said about them; an expectation is the beginning of what is said.
#[rustfmt::skip]
const MISTAKES: &[(&str, &str)] = &[
    ("[cache.page]", "c:6:9: there is no cache `pages` (did you mean `page`?)"),
    ("[cache.pages]\nshared = true", r#"c:2:10: the cache `pages` is shared, and nothing says where (add [shared] with redis = "redis://HOST:PORT")"#),
    ("[cache.pages]\nshared = 'yes'", "c:2:10: `shared` takes `true` or `false`, not a text (write true or false, without quotes)"),
    ("[cache.pages]\nmemory = '1MiB'\nmax_object = '2MiB'", "c:3:14: `max_object` is larger than `memory` (give the cache more memory, or a smaller `max_object`)"),
    ("[cache.pages]\ndisk = { path = 'cache', size = '1GiB' }", "c:2:17: a cache's folder is an absolute path, and `cache` is not (for example /var/cache/tenfold: a relative one would move with the configuration file)"),
    ("[cache.pages]\ndisk = { path = '/c' }", "c:2:8: `size` is missing (add size = …: Most bytes in it, at least 1MiB)"),
    ("[cache.pages]\ndisk = { path = '/c', size = 1000 }", "c:2:30: a cache on disk of less than 1MiB holds nothing worth its files (give it more, for example 10GiB)"),
    ("[cache.pages]\ndisk = '/c'", "c:2:8: `disk` takes a table, not a text"),
    ("[cache.pages]\ndisk = { path = '/c', size = '1GiB' }\n[cache.b]\ndisk = { path = '/c/', size = '1GiB' }", "c:4:17: two caches have the folder /c (give each a folder of its own)"),
    ("[cache.pages]\ndisk = { path = '/c/d', size = '1GiB' }\n[cache.b]\ndisk = { path = '/c', size = '1GiB' }", "c:4:17: one cache's folder is inside of another's: /c (give each a folder of its own)"),
    ("[cache.pages]\npurge_from = ['anyone']", "c:2:15: `purge_from` cannot be `anyone` (give a network or an address, for example 10.0.0.0/8 or 192.168.1.5)"),
    ("[cache.pages]\nquery = 'page'", "c:2:9: `query` cannot be `page` (there are: `all`, `none`)"),
    ("[cache.pages]\nquery = ['page']", "c:2:9: `query` takes \"all\", \"none\" or a table, not a list (for example \"none\", or { except = [\"utm_*\"] })"),
    ("[cache.pages]\nquery = {}", "c:2:9: `query` takes exactly one of `only` and `except` (for example"),
    ("[cache.pages]\nquery = { only = ['a'], except = ['b'] }", "c:2:9: `query` takes exactly one of `only` and `except` (for example"),
    ("[cache.pages]\nquery = { except = ['*_id'] }", "c:2:21: `except` cannot be `*_id` (give a name, or its beginning and one * at the end: page, utm_*)"),
    ("[cache.pages]\nkey_headers = ['x y']", "c:2:16: `key_headers` cannot be `x y` ("),
    ("[cache.pages]\nlifetime = '500ms'", "c:2:12: `lifetime` cannot be `500ms` (give whole seconds with a unit, for example 10s, 5m, 12h or 30d)"),
    ("[cache.pages]\nlifetime = 60", "c:2:12: `lifetime` takes a time, not a number (give whole seconds with a unit, for example 10s, 5m, 12h or 30d)"),
    ("[cache.pages]\nmin_lifetime = '2m'\nmax_lifetime = '1m'", "c:2:16: `min_lifetime` is longer than `max_lifetime` (make it shorter, or `max_lifetime` longer)"),
    ("[cache.pages]\nlifetime = '1m'\nmin_lifetime = '2m'", "c:2:12: `lifetime` is shorter than `min_lifetime` (keep one of them: a `lifetime` is the same for all)"),
    ("[cache.pages]\njitter = '101%'", "c:2:10: `jitter` is out of bounds (give whole per cent, from 0% to 100%, for example 10%)"),
    ("[cache.pages]\njitter = '12.5%'", "c:2:10: `jitter` is no whole per cent (give whole per cent, from 0% to 100%, for example 10%)"),
    ("[cache.pages]\nstatus_lifetime = { '4x' = '1s' }", "c:2:21: `status_lifetime` cannot be `4x` (its keys are status codes: \"404\", \"5xx\", \"500-504\" or \"404,410\")"),
    ("[cache.pages]\nstatus_lifetime = { '1xx' = '1s' }", "c:2:21: `status_lifetime` cannot be `1xx` ("),
    ("[cache.pages]\nstatus_lifetime = { '5xx' = '1s', '500-599' = '2s' }", "c:2:35: `500-599` is given twice (keep one of them)"),
    ("[cache.pages]\nset_cookie = 'keep'", "c:2:14: `set_cookie` cannot be `keep` (there are: `refuse`, `remove`)"),
    ("[cache.pages]\nbypass = { header = { x-a = '!' } }", "c:2:29: `x-a` cannot be `!` (give \"*\" for any value, or the whole value)"),
    ("[cache.pages]\nbypass = { header = { x-a = 'a*' } }", "c:2:29: `x-a` cannot be `a*` (give \"*\" for any value, or the whole value)"),
    ("[cache.pages]\nbypass = { header = { 'x a' = '*' } }", "c:2:23: `x a` is no name of a field ("),
    ("[cache.pages]\nbypass = { path = 'cart' }", "c:2:19: `path` cannot be `cart` (give /a for this path, /a/* for it and all below, or /a* for all that begin so)"),
    ("[cache.pages]\nbypass = { path = '/a*b' }", "c:2:19: `path` cannot be `/a*b` (give /a"),
    ("[shared]\n[cache.pages]", "c:1:1: `redis` is missing (add redis = …: The Redis"),
    ("[cache.pages]\n[shared]\nredis = 'localhost:6379'", "c:3:9: `redis` is not where a Redis is (give redis://HOST:PORT"),
    ("[cache.pages]\n[shared]\nredis = 'env:TENFOLD_TEST_UNSET'", "c:3:9: the environment variable TENFOLD_TEST_UNSET is not set (set it to the URL of the Redis"),
    ("[cache.pages]\n[shared]\nredis = 'file:none'", "c:3:9: cannot read none: no such file or directory (paths are relative"),
    ("[cache.pages]\n[shared]\nredis = 'redis+sentinel://a:1'", "c:3:9: `redis` is not where a Redis is (the name of the master is missing: redis+sentinel://HOST:PORT/MASTER)"),
    ("[cache.pages]\n[[route]]\npath = '/f'\nfiles = '/'\ncache = 'pages'", "c:5:9: `cache` is for routes with an upstream, and here files are served (leave it out: nothing of this needs a cache)"),
    ("[cache.pages]\n[[route]]\npath = '/f'\nrespond = 'a'\ncache = 'pages'", "c:5:9: `cache` is for routes with an upstream, and here the gateway answers (leave it out"),
    ("[cache.'a b']\n[cache.pages]", "c:1:8: `a b` cannot name a [cache] ("),
];

#[test]
fn every_mistake_is_told_with_its_place_and_what_would_be_right() {
    let mut wrong = Vec::new();
    for (table, expected) in MISTAKES {
        let text = format!("{table}{BASE}");
        let lines = match load_text("c", text.as_bytes()) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.lines(),
        };
        if lines.len() != 1 || !lines[0].starts_with(expected) {
            wrong.push(format!("{table}\n  {expected}\n  {lines:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn what_looks_wrong_but_works_is_a_warning() {
    let memory = 1 << 30;
    let large = largest_in(memory) + 1;
    let (divided, too_large) = (
        format!("[cache.pages]\nmemory = {memory}\nmax_object = {large}"),
        format!(
            "c:3:14: with this `memory` objects of more than {} bytes are never kept",
            large - 1
        ),
    );
    #[rustfmt::skip]
    let mut all = vec![
        ("[cache.other]\n[cache.pages]", r#"c:1:8: no route uses the cache `other` (add cache = "other" to a [[route]], or remove it)"#),
        ("[cache.pages]\n[shared]\nredis = 'redis://h'", "c:2:1: nothing is in [shared] (add shared = true to a [cache.NAME] or a [limit.NAME], or remove it)"),
        ("[cache.pages]\nquery = 'none'\nsort_query = true", "c:3:14: `sort_query` has no effect: no parameter counts (leave it out)"),
        ("[cache.pages]\nquery = { only = ['a'] }\nignore_tracking = true", "c:3:19: `ignore_tracking` has no effect: `query` leaves them out already (leave it out)"),
        ("[cache.pages]\nlifetime = '2m'\nmin_lifetime = '1m'", "c:3:16: `min_lifetime` has no effect: `lifetime` replaces what it would lengthen (leave it out)"),
        ("[cache.pages]\nstatus_lifetime = { '304' = '1s' }", "c:2:21: `304` has no effect: responses with this status are never stored (leave it out)"),
        ("[cache.pages]\nkey_headers = ['a', 'A']", "c:2:21: `a` stands twice in `key_headers` (leave one out)"),
        ("[cache.pages]\nkey_headers = ['Cookie']", "c:2:16: every client has a `cookie` of its own: nearly nothing would be found (name those that count"),
    ];
    // With one shard everything that fits into memory is kept.
    if large <= memory {
        all.push((&divided, &too_large));
    }
    for (table, expected) in all {
        let lines = load(table).warnings.lines();
        assert_eq!(lines.len(), 1, "{table}\n{lines:?}");
        assert!(lines[0].starts_with(expected), "{table}\n{}", lines[0]);
    }
}

#[test]
fn with_a_level_below_memory_objects_may_be_larger_than_its_parts() {
    let disk = "disk = { path = '/c', size = '1GiB' }\n";
    let pages = cache(&format!("memory = '1MiB'\nmax_object = '20MiB'\n{disk}"));
    assert_eq!(pages.policy.max_object, 20 << 20);
    let pages = cache(&format!("memory = '1MiB'\n{disk}"));
    assert_eq!(pages.policy.max_object, Policy::default().max_object);
}

#[test]
fn a_password_is_read_where_it_is_and_never_shown() {
    let wrong = format!("[shared]\nredis = 'redis://:hunter2@h'\n[cache.pages]{BASE}");
    let errors = load_text("c", wrong.as_bytes()).expect_err("a password in the file");
    for said in [
        errors.to_string(),
        errors.lines().concat(),
        errors.to_json().to_string(),
    ] {
        assert!(!said.contains("hunter2"), "{said}");
    }
    assert!(errors.to_string().contains("env:NAME or file:PATH"));

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tenfold.toml");
    let secret = folder.path().join("redis.url");
    let text = format!("[shared]\nredis = 'file:redis.url'\n[cache.pages]\nshared = true{BASE}");
    std::fs::write(&path, text).expect("written");
    std::fs::write(&secret, "rediss+cluster://ann:hunter2@a:1,b\n").expect("written");
    let loaded = config::load(&path).unwrap_or_else(|errors| panic!("{errors}"));
    let redis = loaded.config.caches[0].redis.as_ref().expect("shared");
    assert_eq!(redis.url, "rediss+cluster://ann:hunter2@a:1,b");
    assert!(loaded.files.contains(&secret), "a reload looks at it");
    let shown = loaded.redacted.to_string();
    assert!(
        !shown.contains("hunter2") && !shown.contains("ann"),
        "{shown}"
    );
    assert_eq!(
        loaded.redacted["shared"]["redis"],
        "rediss+cluster://••••@a:1,b"
    );

    std::fs::write(&secret, "redis://ann:hunter2@a:port").expect("written");
    let errors = config::load(&path).expect_err("no such port");
    assert!(!errors.to_string().contains("hunter2"), "{errors}");
    let said = errors.lines().concat();
    assert!(
        said.contains("what file:redis.url contains is not where a Redis is"),
        "{said}"
    );
}

#[test]
fn what_takes_effect_is_shown_in_the_words_of_the_file() {
    let loaded = load(
        "[cache.pages]\nmemory = '1GiB'\nmax_object = '1MiB'\nignore_tracking = false\nquery = { except = ['utm_*', 'ref'] }\n\
         status_lifetime = { '5xx' = '90s', '404' = '2d', '300-302' = '0s' }\njitter = '10%'\npurge_from = ['10.0.0.0/8']\n\
         disk = { path = '/c', size = '1MiB' }\n\
         bypass = { header = { authorization = 'Basic hunter2', x-mode = 'live' }, path = ['/a', '/b/*', '/c*'] }\n",
    );
    let shown = &loaded.redacted["cache"]["pages"];
    let expected = json!({
        "memory": 1 << 30,
        "max_object": 1 << 20,
        "disk": { "path": "/c", "size": 1 << 20 },
        "shared": false,
        "purge_from": ["10.0.0.0/8"],
        "query": { "except": ["utm_*", "ref"] },
        "sort_query": false,
        "key_headers": [],
        "key_cookies": [],
        "bypass": {
            "header": { "authorization": "••••", "x-mode": "live" },
            "cookie": [],
            "query": [],
            "path": ["/a", "/b/*", "/c*"],
        },
        "lifetime": null,
        "default_lifetime": "0s",
        "min_lifetime": "0s",
        "max_lifetime": null,
        "status_lifetime": { "404": "2d", "300-302": "0s", "5xx": "90s" },
        "jitter": "10%",
        "stale_while_revalidate": "0s",
        "stale_if_error": "0s",
        "set_cookie": "refuse",
        "honor_request": true,
    });
    assert_eq!(shown, &expected);
    assert_eq!(loaded.redacted["route"][0]["cache"], "pages");
    assert_eq!(loaded.redacted["shared"], json!(null));
}
