//! From an nginx configuration to ours.
//!
//! # The idea
//! `lexer` and `parse` read what nginx reads, with included files in their place. `site`, `server` and `plan` (of a `server`),
//! `kind`, `location`, `content` and `body` (of a `location`) turn blocks into routes, which `placement` puts where they are
//! for; `level` knows what blocks inherit, `guard` who is let in, `table` what is said about everything else. nginx chooses a server
//! first and a location in it then, which our order (host, then path) does, too, if every server answers all paths: each gets
//! a route for the rest.
//!
//! # What is not the same, and is said
//! A prefix is text to nginx and segments to us; expressions go before prefixes there. `close` sees to it that neither opens
//! what was protected.

mod body;
mod cache;
mod close;
mod condition;
mod content;
mod context;
mod finish;
mod guard;
mod headers;
mod kind;
mod level;
mod lexer;
mod limit;
mod listen;
mod location;
mod parse;
mod placement;
mod plan;
mod retry;
mod rewrite;
mod server;
mod settings;
mod site;
mod table;
mod upstream;
mod variables;

use std::collections::HashSet;
use std::path::Path;

use context::Context;
use level::{Level, is_held};
use parse::Directive;
use server::Sites;
use site::Site;
use variables::Variables;

use super::ledger::{Ledger, Note, Weight};
use super::listeners::Listeners;
use super::model::{Draft, Item, Value};
use super::source::{SourceError, Sources};
use crate::config::value;

/// Reads a file and makes a draft of it.
pub(super) fn import(
    path: &Path,
    sources: &mut Sources,
    leaves_gaps: bool,
) -> Result<(Draft, Ledger), SourceError> {
    Ok(translate(parse::parse(path, sources)?, leaves_gaps))
}

fn translate(directives: Vec<Directive>, leaves_gaps: bool) -> (Draft, Ledger) {
    let mut context = Context::default();
    context.leaves_gaps = leaves_gaps;
    let mut top = directives;
    // A part of a configuration: what is in a location, or in a server, has that around it.
    let has = |name: &str| top.iter().any(|one| one.name == name);
    let is_fragment = !has("http");
    let is_bare = ["location", "proxy_pass", "listen", "try_files"]
        .into_iter()
        .any(has);
    if is_fragment && !has("server") && is_bare {
        top = wrapped(top);
    }
    let all: Vec<&Directive> = flat(&top);
    names(&mut context, &all);
    let level = Level::default();
    let http: Vec<Directive> = top
        .iter()
        .filter(|one| one.name == "http")
        .flat_map(|one| one.inside().to_vec())
        .collect();
    let level = level.inner(if is_fragment { &top } else { &http });
    let mut variables = Variables::default();
    rewrite::sets(&top, &mut variables);
    let sites: Vec<Site<'_>> = all
        .iter()
        .filter(|one| one.name == "server" && one.block.is_some())
        .map(|one| Site::new(&mut context, one, &level, &variables))
        .collect();
    let listens: Vec<_> = sites.iter().flat_map(|site| site.listens.iter()).collect();
    let listeners = Listeners::new(&listens.into_iter());
    context.draft.listeners = listeners.tables();
    let mut known = known(&sites, &listeners, is_fragment);
    let mut sites = sites.into_iter().enumerate();
    for directive in &all {
        match directive.name.as_str() {
            "upstream" => upstream::upstream(&mut context, directive),
            "server" if directive.block.is_some() => {
                if let Some((index, site)) = sites.next() {
                    server::server(&mut context, site, index, &mut known);
                }
            }
            _ => general(&mut context, directive),
        }
    }
    standard_body(&mut context, &top);
    let mut notes = Vec::new();
    sweep(&mut context, &top, &mut notes);
    context.draft.notes.append(&mut notes);
    (context.draft, context.ledger)
}

/// Puts a server around what belongs into one.
fn wrapped(top: Vec<Directive>) -> Vec<Directive> {
    let place = top.first().map(|one| one.place).unwrap_or_default();
    let (outside, inside): (Vec<_>, Vec<_>) = top
        .into_iter()
        .partition(|one| matches!(one.name.as_str(), "upstream" | "map" | "split_clients"));
    let server = Directive {
        name: "server".into(),
        args: Vec::new(),
        block: Some(inside),
        // Of nothing that is written: in front of all.
        place: super::source::Place { column: 0, ..place },
    };
    outside.into_iter().chain([server]).collect()
}

/// What is in `http` in its place, and everything beside it.
fn flat(top: &[Directive]) -> Vec<&Directive> {
    let mut all = Vec::new();
    for directive in top {
        match directive.name.as_str() {
            "http" => {
                all.push(directive);
                all.extend(directive.inside());
            }
            "events" => {
                all.push(directive);
                all.extend(directive.inside());
            }
            _ => all.push(directive),
        }
    }
    all
}

/// What is used before it is written: names of upstreams, variables, locations to mirror to.
fn names(context: &mut Context, all: &[&Directive]) {
    let mut copies = HashSet::new();
    mirrored(all.iter().copied(), &mut copies);
    for directive in all {
        match directive.name.as_str() {
            "upstream" => {
                let name = context.free_name(directive.first());
                let known = context.upstreams.entry(directive.first().to_owned());
                known.or_insert(name);
            }
            "map" => map(context, directive),
            "proxy_cache_path" => {
                if let Some(zone) = cache::zone(directive) {
                    context.zones.insert(zone.to_owned(), (*directive).clone());
                }
            }
            "limit_req_zone" => {
                if let Some(zone) = limit::zone(directive) {
                    let zones = &mut context.request_zones;
                    zones.insert(zone.to_owned(), (*directive).clone());
                }
            }
            "limit_conn_zone" => {
                if let Some(zone) = limit::zone(directive) {
                    let zones = &mut context.connection_zones;
                    zones.insert(zone.to_owned(), (*directive).clone());
                }
            }
            "split_clients" => split_clients(context, directive),
            _ => {}
        }
        for inner in directive
            .inside()
            .iter()
            .filter(|one| one.name == "location")
        {
            let pass = inner.inside().iter().find(|one| one.name == "proxy_pass");
            if let (Some(path), Some(pass)) = (inner.args.last(), pass)
                && copies.contains(path)
            {
                context.mirrors.insert(path.clone(), pass.clone());
            }
        }
    }
}

/// Paths that requests are copied to.
fn mirrored<'d>(all: impl Iterator<Item = &'d Directive>, into: &mut HashSet<String>) {
    for directive in all {
        if directive.name == "mirror" {
            into.insert(directive.first().to_owned());
        }
        mirrored(
            &mut directive.inside().iter() as &mut dyn Iterator<Item = _>,
            into,
        );
    }
}

/// `map $http_upgrade $connection_upgrade { … }` is how nginx is told to pass upgrades on.
fn map(context: &mut Context, directive: &Directive) {
    let is_upgrade = directive.first() == "$http_upgrade";
    let name = directive
        .args
        .get(1)
        .map_or("", |name| name.trim_start_matches('$'));
    if is_upgrade {
        context.upgrades.insert(name.to_owned());
    }
}

/// `split_clients "${remote_addr}" $variant { 5% next; * now; }`
fn split_clients(context: &mut Context, directive: &Directive) {
    let name = directive
        .args
        .get(1)
        .map_or("", |name| name.trim_start_matches('$'));
    let mut shares = Vec::new();
    let mut left: u32 = 10_000;
    for inner in directive.inside() {
        let share = match inner.name.as_str() {
            "*" => Some(left),
            text => text.strip_suffix('%').and_then(hundredths),
        };
        let Some(share) = share.filter(|share| *share <= left) else {
            return;
        };
        left -= share;
        shares.push((inner.first().to_owned(), share));
    }
    if !shares.is_empty() && shares.iter().any(|(_, share)| *share > 0) {
        // 5% and 95% rather than 500 and 9500.
        let divisor = [100, 10]
            .into_iter()
            .find(|by| shares.iter().all(|(_, share)| share % by == 0));
        for (_, share) in &mut shares {
            *share /= divisor.unwrap_or(1);
        }
        context.splits.insert(name.to_owned(), shares);
    }
}

/// A percentage with up to two decimals, in hundredths.
fn hundredths(text: &str) -> Option<u32> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(part) || part.len() > 2 || whole.len() > 3 {
        return None;
    }
    let whole: u32 = whole.parse().ok()?;
    let part: u32 = format!("{part:0<2}").parse().ok()?;
    Some(whole * 100 + part)
}

fn known<'s>(sites: &[Site<'_>], listeners: &'s Listeners, is_fragment: bool) -> Sites<'s> {
    let mut defaults: Vec<Option<usize>> = vec![None; listeners.len()];
    for explicit in [true, false] {
        for (index, site) in sites.iter().enumerate() {
            for listen in site
                .listens
                .iter()
                .filter(|one| one.is_default || !explicit)
            {
                if let Some(listener) = listeners.index(listen.address) {
                    defaults[listener].get_or_insert(index);
                }
            }
        }
    }
    let wildcards = sites.iter().enumerate().flat_map(|(index, site)| {
        let wild = site.hosts.iter().filter(|host| host.starts_with("*."));
        wild.map(move |host| (index, host.clone()))
    });
    Sites {
        listeners,
        defaults: defaults
            .into_iter()
            .map(|one| one.unwrap_or(usize::MAX))
            .collect(),
        wildcards: wildcards.collect(),
        claimed: HashSet::new(),
        is_fragment,
    }
}

/// A directive of the main or the `http` block.
fn general(context: &mut Context, directive: &Directive) {
    let mut notes = Vec::new();
    let name = directive.name.as_str();
    let time = match name {
        "keepalive_timeout" => Some("idle"),
        "client_header_timeout" => Some("head"),
        "client_body_timeout" => Some("body"),
        "proxy_connect_timeout" => Some("connect"),
        "proxy_read_timeout" => Some("response"),
        _ => None,
    };
    if let Some(key) = time {
        context.globals.insert(directive.place);
        if let Some(time) = context.time(&mut notes, directive) {
            context.draft.timeouts.set(key, time);
        }
        context.draft.timeouts.notes.append(&mut notes);
        return;
    }
    match name {
        "http" | "events" => context.translated(directive),
        "include" if directive.block.is_some() => context.translated(directive),
        "include" if is_media(directive) => {
            let advice = "media types of files are built in";
            context.note(&mut notes, directive, Weight::Unneeded, advice);
        }
        "set" => {}
        // Whoever uses it translates it.
        "proxy_cache_path" if cache::zone(directive).is_some() => {}
        "limit_req_zone" | "limit_conn_zone" if limit::zone(directive).is_some() => {}
        "client_max_body_size" => {
            context.globals.insert(directive.place);
            if let Some(size) = finish::max_body(context, &mut notes, directive) {
                context.draft.limits.set("max_body", size);
            }
            context.draft.limits.notes.append(&mut notes);
        }
        "large_client_header_buffers" => {
            if let Some(size) = settings::head_size(directive) {
                context.draft.limits.set("max_head", size);
                context.translated(directive);
            }
        }
        "map" if directive.first() == "$http_upgrade" => {
            let advice = "upgrades are passed on";
            context.note(&mut notes, directive, Weight::Unneeded, advice);
            context.cover(directive, Weight::Unneeded, advice);
        }
        "split_clients" if context.splits.contains_key(split_name(directive)) => {
            let advice = "each request is given to one at random, in these shares; nginx gives those of one key to the same";
            context.note(&mut notes, directive, Weight::Differs, advice);
            context.cover(directive, Weight::Differs, advice);
        }
        _ => process(context, directive, &mut notes),
    }
    context.draft.gateway.notes.append(&mut notes);
}

fn split_name(directive: &Directive) -> &str {
    directive
        .args
        .get(1)
        .map_or("", |name| name.trim_start_matches('$'))
}

fn is_media(directive: &Directive) -> bool {
    directive.first().ends_with("mime.types")
}

/// What concerns the process.
fn process(context: &mut Context, directive: &Directive, notes: &mut Vec<Note>) {
    match directive.name.as_str() {
        "worker_processes" => match directive.first().parse::<u32>() {
            Ok(count @ 1..=1024) => {
                context.draft.gateway.set("workers", count);
                context.translated(directive);
            }
            _ => {
                let advice = "there is one worker per core";
                context.note(notes, directive, Weight::Unneeded, advice);
            }
        },
        "worker_shutdown_timeout" => {
            if let Some(time) = context.time(notes, directive) {
                context.draft.gateway.set("drain_timeout", time);
            }
        }
        "access_log" => match directive.first() {
            "off" => {
                let advice = "there is none unless access_log of [gateway] says where";
                context.note(notes, directive, Weight::Unneeded, advice);
            }
            path if crate::config::word::path(path).is_ok()
                && !variables::has_variable(path)
                && !path.starts_with("syslog:")
                && context.draft.gateway.get("access_log").is_none() =>
            {
                let target = if path == "/dev/stdout" { "-" } else { path };
                context.draft.gateway.set("access_log", target);
                context.translated(directive);
            }
            _ => {
                let advice = "there is one access log, in a file";
                context.note(notes, directive, Weight::Differs, advice);
            }
        },
        "set_real_ip_from" if value::network(directive.first()).is_ok() => {
            settings::push(
                &mut context.draft.gateway,
                "trusted_proxies",
                directive.first(),
            );
            context.translated(directive);
        }
        name if is_held(name) => {}
        _ => context.note_known(notes, directive),
    }
}

/// nginx refuses bodies of more than 1 MiB unless it is told otherwise, and so does the result.
fn standard_body(context: &mut Context, top: &[Directive]) {
    let Some(http) = top.iter().find(|one| one.name == "http") else {
        return;
    };
    let has_routes = context
        .draft
        .items
        .iter()
        .any(|item| matches!(item, Item::Route(_)));
    if has_routes && context.draft.limits.get("max_body").is_none() {
        context.draft.limits.set("max_body", Value::from("1MiB"));
        context.draft.limits.notes.push(Note {
            place: http.place,
            directive: "http".into(),
            advice: "max_body is nginx's default of client_max_body_size".into(),
            weight: Weight::Differs,
        });
    }
}

/// Whatever nobody has said anything about.
fn sweep(context: &mut Context, directives: &[Directive], notes: &mut Vec<Note>) {
    for directive in directives {
        let is_made = directive.place.column == 0;
        if !is_made && context.ledger.lacks(directive.place) {
            const USED: &[&str] = &[
                "proxy_pass",
                "alias",
                "try_files",
                "location",
                "server",
                "return",
                "proxy_cache_path",
            ];
            let name = directive.name.as_str();
            let (weight, _) = table::advice(name);
            let is_used = is_held(name) || USED.contains(&name);
            if is_used && weight > Weight::Unneeded {
                context.note(notes, directive, weight, "is in force for no route");
            } else {
                context.note_known(notes, directive);
            }
        }
        sweep(context, directive.inside(), notes);
    }
}
