//! `upstream`: servers, and how one of them is chosen.

use super::context::{Context, milliseconds};
use super::parse::Directive;
use super::variables::{Piece, pieces};
use crate::import::ledger::{Note, Weight};
use crate::import::model::{Item, Server, Table, Upstream, Value};
use crate::import::value::time;

/// Server parameters that are not for one server here, but for all of an upstream.
#[derive(Default)]
struct Failures {
    most: Vec<u32>,
    pause: Vec<u64>,
    has_backup: bool,
}

/// Adds the upstream to the draft.
pub(super) fn upstream(context: &mut Context, directive: &Directive) {
    let mut notes = Vec::new();
    let name = context.upstreams.get(directive.first()).cloned();
    let is_second = name
        .as_ref()
        .is_none_or(|name| context.draft.upstream_mut(name).is_some());
    let (Some(name), false) = (name, is_second) else {
        let advice = "there is an upstream of this name already";
        context.note(&mut notes, directive, Weight::Differs, advice);
        context.cover(directive, Weight::Differs, advice);
        context.draft.items.push(Item::Notes(notes));
        return;
    };
    context.translated(directive);
    let mut upstream = Upstream {
        name,
        ..Upstream::default()
    };
    let mut failures = Failures::default();
    upstream.table.set("balance", "round_robin");
    for inner in directive.inside() {
        match inner.name.as_str() {
            "server" => upstream
                .servers
                .extend(server(context, inner, &mut failures)),
            _ => setting(context, inner, &mut upstream.table),
        }
    }
    if upstream.servers.len() < 2 && upstream.table.get("hash").is_none() {
        upstream.table.entries.retain(|(key, _)| key != "balance");
    }
    zones(&mut upstream, &failures);
    outlier(&mut upstream.table, &failures);
    if let Some(said) = context.pending.remove(&upstream.name) {
        for (key, value) in said.entries {
            upstream.table.set(&key, value);
        }
    }
    context.draft.items.push(Item::Upstream(upstream));
}

fn setting(context: &mut Context, inner: &Directive, table: &mut Table) {
    let mut notes = std::mem::take(&mut table.notes);
    match inner.name.as_str() {
        "least_conn" => balance(context, inner, table, "least_request"),
        "least_time" => balance(context, inner, table, "peak_ewma"),
        "ip_hash" => balance(context, inner, table, "ip_hash"),
        "random" if inner.first() == "two" => balance(context, inner, table, "p2c"),
        "random" => balance(context, inner, table, "random"),
        "hash" => hash(context, inner, table, &mut notes),
        "keepalive" => match inner.first().parse::<u32>() {
            Ok(count) if count <= 1_000_000 => {
                table.set("idle_connections", count);
                context.translated(inner);
            }
            _ => context.note(&mut notes, inner, Weight::Differs, "is no number"),
        },
        "keepalive_timeout" => {
            if let Some(time) = context.time(&mut notes, inner) {
                table.set("idle_timeout", time);
            }
        }
        "sticky" => sticky(context, inner, table, &mut notes),
        _ => context.note_known(&mut notes, inner),
    }
    table.notes.append(&mut notes);
}

fn balance(context: &mut Context, inner: &Directive, table: &mut Table, algorithm: &str) {
    table.set("balance", algorithm);
    context.translated(inner);
}

fn hash(context: &mut Context, inner: &Directive, table: &mut Table, notes: &mut Vec<Note>) {
    let is_consistent = inner.args.get(1).is_some_and(|arg| arg == "consistent");
    let (key, is_same) = hash_key(inner.first());
    table.set(
        "balance",
        if is_consistent { "ring_hash" } else { "maglev" },
    );
    table.set("hash", key.clone());
    let mut remarks = Vec::new();
    if !is_same {
        remarks.push(format!(
            "requests are hashed by `{key}`, which is close to it"
        ));
    }
    if !is_consistent {
        remarks.push(
            "maglev moves few keys when servers come and go, where nginx moves nearly all"
                .to_owned(),
        );
    }
    match remarks.is_empty() {
        true => context.translated(inner),
        false => context.note(notes, inner, Weight::Differs, remarks.join("; ")),
    }
}

/// What requests are hashed by, and whether that is the same.
fn hash_key(text: &str) -> (String, bool) {
    let [Piece::Variable(name)] = pieces(text)[..] else {
        return ("target".into(), false);
    };
    let field = |name: &str| name.replace('_', "-");
    let key = match name {
        "remote_addr" | "binary_remote_addr" => "client_ip".to_owned(),
        "request_uri" => "target".to_owned(),
        "host" | "http_host" => "header:host".to_owned(),
        _ => match (name.strip_prefix("http_"), name.strip_prefix("cookie_")) {
            (Some(name), _) => format!("header:{}", field(name)),
            (_, Some(name)) => format!("cookie:{name}"),
            _ => return ("target".into(), false),
        },
    };
    match crate::config::word::hash_key(&key) {
        Ok(_) => (key, true),
        Err(_) => ("target".into(), false),
    }
}

/// `sticky cookie NAME expires=1h secure` of the commercial version.
fn sticky(context: &mut Context, inner: &Directive, table: &mut Table, notes: &mut Vec<Note>) {
    let name = inner
        .args
        .get(1)
        .filter(|name| crate::config::word::cookie_name(name).is_ok());
    let (Some(name), "cookie") = (name, inner.first()) else {
        let advice = "only a cookie of the gateway's own keeps clients at a server: sticky = true";
        context.note(notes, inner, Weight::Differs, advice);
        return;
    };
    let mut entries = vec![("cookie".to_owned(), Value::from(name.as_str()))];
    let mut is_whole = true;
    for arg in &inner.args[2..] {
        match arg.split_once('=') {
            Some(("expires", text)) if milliseconds(text).is_some() => {
                let (time, _) = time(milliseconds(text).unwrap_or_default());
                entries.push(("max_age".to_owned(), time.into()));
            }
            None if arg == "secure" => entries.push(("secure".to_owned(), true.into())),
            _ => is_whole = is_whole && matches!(arg.as_str(), "httponly" | "path=/"),
        }
    }
    table.set("sticky", Value::Table(entries));
    match is_whole {
        true => context.translated(inner),
        false => context.note(
            notes,
            inner,
            Weight::Differs,
            "domain, path and samesite are not set",
        ),
    }
}

/// An address of `server` or `proxy_pass` as ours; `None` if it is none.
pub(super) fn address(text: &str) -> Option<String> {
    let text = match text.strip_prefix("unix:") {
        Some(_) => text.to_owned(),
        None if text.starts_with('[') && text.ends_with(']') => format!("{text}:80"),
        None if text.contains(':') => text.to_owned(),
        None => format!("{text}:80"),
    };
    crate::config::host::endpoint(&text).is_ok().then_some(text)
}

fn server(context: &mut Context, inner: &Directive, failures: &mut Failures) -> Option<Server> {
    let mut notes = Vec::new();
    let mut server = Server::default();
    match address(inner.first()) {
        Some(address) => server.address = address,
        None => {
            server.address = inner.first().to_owned();
            server.is_off = true;
            let advice = "is no address that is known here: HOST:PORT or unix:/PATH";
            context.note(&mut notes, inner, Weight::Differs, advice);
        }
    }
    let mut left = Vec::new();
    for arg in inner.args.iter().skip(1) {
        let (name, text) = arg.split_once('=').unwrap_or((arg, ""));
        let number = text.parse::<u32>().ok();
        match (name, number) {
            ("weight", Some(weight @ 1..=1_000_000)) => server.weight = Some(weight),
            ("max_fails", Some(most)) => failures.most.push(most),
            ("fail_timeout", _) if milliseconds(text).is_some() => {
                failures.pause.extend(milliseconds(text));
            }
            ("backup", _) => {
                server.zone = Some("backup".into());
                failures.has_backup = true;
            }
            ("down", _) => {
                server.is_off = true;
                left.push("`down`: switched off; take the `#` away to use it");
            }
            ("max_conns", _) => left.push(
                "`max_conns` is for all servers of an upstream together: concurrency = { limit = …, queue = 0 }",
            ),
            ("slow_start", _) => {
                left.push("`slow_start` is for a whole upstream: slow_start = \"30s\"");
            }
            ("resolve", _) => {}
            ("service", _) => left.push("for SRV use discover = { srv = \"_http._tcp.NAME\" }"),
            _ => left.push("some parameters are not known to this program"),
        }
    }
    match left.is_empty() {
        true => context.translated(inner),
        false => context.note(&mut notes, inner, Weight::Differs, left.join("; ")),
    }
    server.notes = notes;
    Some(server)
}

/// Servers in reserve are a second zone, which gets requests only when nothing is left of the first one.
fn zones(upstream: &mut Upstream, failures: &Failures) {
    if !failures.has_backup {
        return;
    }
    for server in &mut upstream.servers {
        server.zone.get_or_insert_with(|| "main".into());
    }
    let zones = ["main", "backup"].map(Value::from);
    upstream.table.set("zones", Value::List(zones.into()));
    // nginx asks a server in reserve only when all others are down, which is what a hundredfold load means.
    upstream.table.set("overprovision", "10000%");
}

/// The strictest of the servers holds for all of them.
fn outlier(table: &mut Table, failures: &Failures) {
    let most = failures.most.iter().copied().filter(|most| *most > 0).min();
    if most.is_none() && !failures.most.is_empty() {
        table.set("outlier", false);
        return;
    }
    let mut entries = Vec::new();
    if let Some(most) = most {
        entries.push(("consecutive_failures".to_owned(), most.into()));
    }
    if let Some(pause) = failures.pause.iter().copied().max() {
        let (text, _) = time(pause);
        entries.push(("eject".to_owned(), text.clone().into()));
        // nginx's pause does not grow.
        entries.push(("longest".to_owned(), text.into()));
    }
    if !entries.is_empty() {
        table.set("outlier", Value::Table(entries));
    }
}
