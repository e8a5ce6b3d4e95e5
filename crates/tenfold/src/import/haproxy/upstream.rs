//! `backend` and the servers of `listen`: upstreams.

use super::check;
use super::context::{Context, milliseconds};
use super::lexer::Line;
use super::resilience;
use super::section::Proxy;
use crate::config::{host, word};
use crate::import::ledger::{Note, Weight};
use crate::import::model::{Item, Server, Table, Upstream, Value};
use crate::import::value::time;

/// What servers say that is an upstream's here.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) has_check: bool,
    pub(super) every: Option<u64>,
    pub(super) rise: Option<u32>,
    pub(super) fall: Option<u32>,
    pub(super) port: Option<u32>,
    slow_start: Option<u64>,
    observe_limit: Option<u32>,
    observes: bool,
    has_backup: bool,
    /// `maxconn` of servers is the limit of the upstream.
    has_limit: bool,
}

/// Adds the upstream of a section to the draft.
pub(super) fn upstream(context: &mut Context, proxy: &Proxy<'_>, name: &str) {
    let mut upstream = Upstream {
        name: name.to_owned(),
        ..Upstream::default()
    };
    let mut notes = Vec::new();
    let mut shared = Shared::default();
    let defaults = proxy
        .rules()
        .filter(|line| line.word(0) == "default-server");
    let defaults: Vec<String> = defaults.flat_map(|line| line.from(1).to_vec()).collect();
    let places = resilience::places(proxy, &defaults);
    shared.has_limit = places.is_some();
    let mut left: Vec<(&Line, Vec<String>)> = Vec::new();
    for line in proxy
        .rules()
        .filter(|line| line.word(0) == "default-server")
    {
        let mut server = Server::default();
        let odd = parameters(line.from(1), &mut server, &mut shared);
        // What is not understood is said at the line, once.
        match odd.is_empty() {
            true => context.translated(line),
            false => left.push((line, odd)),
        }
    }
    for (line, odd) in left {
        context.note(&mut notes, line, Weight::Differs, odd.join("; "));
    }
    let mut sources = Vec::new();
    for line in &proxy.section.lines {
        match line.word(0) {
            "server" => {
                let server = server(context, line, &defaults, &mut shared);
                upstream.servers.push(server);
            }
            "server-template" => sources.extend(template(context, line, &mut shared, &mut notes)),
            _ => {}
        }
    }
    balance(context, proxy, &mut upstream, &sources, &mut notes);
    if !sources.is_empty() {
        upstream.table.set("discover", Value::List(sources));
    }
    cookie(context, proxy, &mut upstream.table, &mut notes);
    check::health(context, proxy, &shared, &mut upstream.table, &mut notes);
    common(&mut upstream, &shared);
    resilience::retry(context, proxy, &mut upstream.table, &mut notes);
    if let Some(places) = places {
        resilience::concurrency(context, proxy, places, &mut upstream.table, &mut notes);
    }
    if let Some(line) = proxy
        .setting(&["timeout", "connect"])
        .filter(|line| !context.is_global(line))
        && let Some(time) = context.time(&mut notes, line, 2)
    {
        upstream.table.set("connect_timeout", time);
    }
    upstream.table.notes = notes;
    context.draft.items.push(Item::Upstream(upstream));
}

fn common(upstream: &mut Upstream, shared: &Shared) {
    if shared.observes {
        let most = shared.observe_limit.unwrap_or(10);
        let entries = vec![("consecutive_failures".to_owned(), most.into())];
        upstream.table.set("outlier", Value::Table(entries));
    }
    if let Some(slow_start) = shared.slow_start.filter(|time| *time > 0) {
        upstream.table.set("slow_start", time(slow_start).0);
    }
    if shared.has_backup {
        for server in &mut upstream.servers {
            server.zone.get_or_insert_with(|| "main".into());
        }
        let zones = ["main", "backup"].map(Value::from);
        upstream.table.set("zones", Value::List(zones.into()));
        // HAProxy asks a server in reserve only when all others are down.
        upstream.table.set("overprovision", "10000%");
    }
}

fn server(context: &mut Context, line: &Line, defaults: &[String], shared: &mut Shared) -> Server {
    let mut server = Server::default();
    let mut odd = Vec::new();
    match address(line.word(2)) {
        Some(address) => server.address = address,
        None => {
            server.address = line.word(2).to_owned();
            server.is_off = true;
            odd.push("is no address that is known here: HOST:PORT or unix:/PATH".to_owned());
        }
    }
    // Those of default-server have been spoken about.
    let _said = parameters(defaults, &mut server, shared);
    odd.extend(parameters(line.from(3), &mut server, shared));
    match odd.is_empty() {
        true => context.translated(line),
        false => {
            let mut notes = Vec::new();
            context.note(&mut notes, line, Weight::Differs, odd.join("; "));
            server.notes = notes;
        }
    }
    server
}

/// An address of `server` as ours; `None` if it is none.
pub(super) fn address(text: &str) -> Option<String> {
    let text = match text.split_once('@') {
        Some(("unix", path)) => format!("unix:{path}"),
        Some(("ipv4" | "ipv6", rest)) => rest.to_owned(),
        Some(_) => return None,
        None if text.starts_with('/') => format!("unix:{text}"),
        None => text.to_owned(),
    };
    host::endpoint(&text).is_ok().then_some(text)
}

/// Reads the words behind a server's address, and says what is left.
fn parameters(words: &[String], server: &mut Server, shared: &mut Shared) -> Vec<String> {
    let mut odd: Vec<String> = Vec::new();
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "check" => shared.has_check = true,
            "no-check" => shared.has_check = false,
            "backup" => {
                server.zone = Some("backup".into());
                shared.has_backup = true;
            }
            "disabled" => {
                server.is_off = true;
                odd.push("`disabled`: switched off; take the `#` away to use it".into());
            }
            "enabled" => server.is_off = false,
            "ssl" | "check-ssl" => {
                server.is_off = true;
                odd.push("TLS to servers is not supported yet: switched off".into());
            }
            "send-proxy" | "send-proxy-v2" | "check-send-proxy" => {
                odd.push(format!(
                    "`{word}`: servers get X-Forwarded-For and Forwarded instead"
                ));
            }
            // Nothing needed, or said by what is next to it.
            "resolve-prefer" | "init-addr" | "resolvers" | "resolve-opts" | "id" | "cookie"
            | "alpn" | "proto" | "check-proto" | "pool-max-conn" | "pool-purge-delay"
            | "pool-low-conn" | "tcp-ut" | "namespace" | "on-marked-down" | "on-marked-up"
            | "on-error" | "log-proto" | "max-reuse" | "resolve-net" => {
                words.next();
            }
            "tfo" | "allow-0rtt" | "non-stick" | "stick" | "no-backup" | "no-send-proxy"
            | "no-ssl" => {}
            "verify" | "ca-file" | "crt" | "sni" | "verifyhost" | "ciphers" | "ciphersuites"
            | "crl-file" | "check-sni" | "check-alpn" | "ssl-min-ver" | "ssl-max-ver" => {
                words.next();
            }
            _ => match words.next() {
                Some(value) => odd.extend(pair(word, value, server, shared)),
                None => odd.push(format!("`{word}` is not known to this program")),
            },
        }
    }
    odd.dedup();
    odd
}

fn pair(word: &str, value: &str, server: &mut Server, shared: &mut Shared) -> Option<String> {
    let number = value.parse::<u32>().ok();
    let time = milliseconds(value);
    match (word, number, time) {
        ("weight", Some(weight @ 0..=256), _) => server.weight = Some(weight),
        ("inter", _, Some(time)) => shared.every = Some(time),
        ("rise", Some(count @ 1..=1000), _) => shared.rise = Some(count),
        ("fall", Some(count @ 1..=1000), _) => shared.fall = Some(count),
        ("port", Some(port @ 1..=65535), _) => shared.port = Some(port),
        ("slowstart", _, Some(time)) => shared.slow_start = Some(time),
        ("observe", ..) => shared.observes = true,
        ("error-limit", Some(count), _) => shared.observe_limit = Some(count),
        ("fastinter" | "downinter", ..) => {
            return Some(format!("`{word}`: probes have one interval"));
        }
        ("maxconn", Some(_), _) if shared.has_limit => {}
        ("maxconn" | "minconn" | "maxqueue", ..) => {
            return Some(format!(
                "`{word}`: concurrency = {{ limit = …, queue = … }} of an upstream is for all of its servers together"
            ));
        }
        ("track" | "agent-check" | "agent-port" | "agent-inter" | "agent-addr" | "addr", ..) => {
            return Some(format!(
                "`{word}`: probes go to the server itself (health, with port)"
            ));
        }
        _ => return Some(format!("`{word} {value}` is not known to this program")),
    }
    None
}

/// `server-template app 1-10 app.internal:3000 resolvers dns`: as many servers as the name has addresses.
fn template(
    context: &mut Context,
    line: &Line,
    shared: &mut Shared,
    notes: &mut Vec<Note>,
) -> Option<Value> {
    let name = line.word(3);
    let mut unused = Server::default();
    let odd = parameters(line.from(4), &mut unused, shared);
    let key = match name.starts_with('_') {
        true => Some(("srv", host::host_name(name))),
        false => Some((
            "dns",
            host::name_and_port(name).map(|(host, port)| format!("{host}:{port}")),
        )),
    };
    let Some((key, Ok(name))) = key else {
        let advice = "is no name with a port";
        context.note(notes, line, Weight::Differs, advice);
        return None;
    };
    match odd.is_empty() {
        true => context.translated(line),
        false => context.note(notes, line, Weight::Differs, odd.join("; ")),
    }
    Some(Value::Table(vec![(key.to_owned(), name.into())]))
}

fn balance(
    context: &mut Context,
    proxy: &Proxy<'_>,
    upstream: &mut Upstream,
    sources: &[Value],
    notes: &mut Vec<Note>,
) {
    let is_consistent = proxy
        .setting(&["hash-type"])
        .is_some_and(|line| line.word(1) == "consistent");
    let hashed = if is_consistent { "ring_hash" } else { "maglev" };
    let line = proxy.setting(&["balance"]);
    let whole = line.map_or("roundrobin", |line| line.word(1));
    let (name, argument) = whole.split_once('(').unwrap_or((whole, ""));
    let argument = argument.trim_end_matches(')').to_ascii_lowercase();
    let mut advice = None;
    let (algorithm, hash) = match name {
        "roundrobin" | "static-rr" => ("round_robin", None),
        "leastconn" => ("least_request", None),
        "random" if argument == "1" => ("random", None),
        "random" => ("p2c", None),
        "source" if is_consistent => (hashed, Some("client_ip".to_owned())),
        "source" => ("ip_hash", None),
        "uri" => {
            advice = Some("requests are hashed by the path and the query");
            (hashed, Some("target".to_owned()))
        }
        "hdr" if word::hash_key(&format!("header:{argument}")).is_ok() => {
            (hashed, Some(format!("header:{argument}")))
        }
        "url_param" => {
            advice = Some("requests are hashed by the path and the query, not by one parameter");
            (hashed, Some("target".to_owned()))
        }
        "first" => {
            advice = Some("servers are not filled one after the other: round_robin");
            ("round_robin", None)
        }
        _ => {
            advice = Some("has no equal: round_robin");
            ("round_robin", None)
        }
    };
    let count = upstream.servers.len() + 2 * sources.len();
    if count > 1 {
        upstream.table.set("balance", algorithm);
        if let Some(hash) = hash {
            upstream.table.set("hash", hash);
        }
    }
    if let Some(line) = line {
        match advice {
            Some(advice) => context.note(notes, line, Weight::Differs, advice),
            None => context.translated(line),
        }
    }
    if let Some(line) = proxy.setting(&["hash-type"]) {
        context.translated(line);
    }
    if let Some(line) = proxy.setting(&["hash-balance-factor"]) {
        bounded(
            context,
            line,
            matches!(algorithm, "ring_hash" | "maglev") && count > 1,
            upstream,
            notes,
        );
    }
}

/// `hash-balance-factor 150` is one and a half times the mean.
fn bounded(
    context: &mut Context,
    line: &Line,
    is_hashed: bool,
    upstream: &mut Upstream,
    notes: &mut Vec<Note>,
) {
    match line.word(1).parse::<u32>() {
        Ok(factor @ 101..=100_000) if is_hashed => {
            let number = format!("{}.{:02}", factor / 100, factor % 100);
            upstream.table.set("bounded_load", Value::Decimal(number));
            context.translated(line);
        }
        Ok(0) => context.translated(line),
        _ => {
            let advice = "bounded_load is for ring_hash and maglev, from 1.01";
            context.note(notes, line, Weight::Differs, advice);
        }
    }
}

/// `cookie NAME insert …`
fn cookie(context: &mut Context, proxy: &Proxy<'_>, table: &mut Table, notes: &mut Vec<Note>) {
    let Some(line) = proxy.setting(&["cookie"]) else {
        return;
    };
    let name = line.word(1);
    let has = |flag: &str| line.from(2).iter().any(|word| word == flag);
    if !has("insert") || word::cookie_name(name).is_err() {
        let advice = "only a cookie of the gateway's own keeps clients at a server (`insert`): sticky = true";
        context.note(notes, line, Weight::Differs, advice);
        return;
    }
    let mut entries = vec![("cookie".to_owned(), Value::from(name))];
    let life = line.words.iter().position(|word| word == "maxlife");
    let life = life.and_then(|at| milliseconds(line.word(at + 1)));
    if let Some(life) = life {
        entries.push(("max_age".to_owned(), time(life).0.into()));
    }
    if has("secure") {
        entries.push(("secure".to_owned(), true.into()));
    }
    table.set("sticky", Value::Table(entries));
    match has("domain") || has("maxidle") || has("attr") || has("dynamic") {
        true => context.note(
            notes,
            line,
            Weight::Differs,
            "domain, maxidle and attributes are not set",
        ),
        false => context.translated(line),
    }
}
