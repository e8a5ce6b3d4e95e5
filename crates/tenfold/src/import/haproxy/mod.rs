//! From a HAProxy configuration to ours.
//!
//! # The idea
//! `lexer` and `section` read lines and what they take from `defaults`. `acl` and `fetch` turn conditions into `region`s, sets
//! of requests that routes can name; `rules` reads who is kept out and who goes where; `expand` turns first-match order into
//! ours. `upstream` and `check` are the servers, `edits` what is changed on the way, `table` what is said about the rest.
//!
//! # What is not the same, and is said
//! A condition that routes do not have sends nobody anywhere, and closes what it kept someone out of.

mod acl;
mod bind;
mod check;
mod context;
mod edits;
mod expand;
mod fetch;
mod format;
mod frontend;
mod lexer;
mod meaning;
mod region;
mod rules;
mod section;
mod table;
mod upstream;

use std::collections::HashMap;
use std::path::Path;

use acl::Acls;
use context::Context;
use fetch::Ports;
use frontend::{All, Backend};
use lexer::Line;
use section::{Proxy, Section};

use super::ledger::{Ledger, Note, Weight};
use super::listeners::{Listen, Listeners};
use super::model::{Draft, Item, Table};
use super::source::{SourceError, Sources};
use super::value::unique;

/// Reads a file and makes a draft of it.
pub(super) fn import(
    path: &Path,
    sources: &mut Sources,
    leaves_gaps: bool,
) -> Result<(Draft, Ledger), SourceError> {
    let (file, text) = sources.read(path)?;
    read(file, &text, sources, leaves_gaps)
}

fn read(
    file: u16,
    text: &str,
    sources: &Sources,
    leaves_gaps: bool,
) -> Result<(Draft, Ledger), SourceError> {
    let sections = lexer::lines(file, text).and_then(section::sections);
    let sections = sections.map_err(|mistake| sources.error(mistake))?;
    let mut context = Context::default();
    context.leaves_gaps = leaves_gaps;
    translate(&mut context, &sections);
    Ok((context.draft, context.ledger))
}

/// A frontend with what it listens on.
struct Front<'s> {
    proxy: Proxy<'s>,
    listens: Vec<Listen>,
    notes: Vec<Note>,
}

fn translate(context: &mut Context, sections: &[Section]) {
    global(context, sections);
    standard_times(context, sections);
    for section in sections.iter().filter(|section| has_servers(section)) {
        let name = unique(section.name(), |name| {
            context.upstreams.values().any(|one| one == name)
        });
        context
            .upstreams
            .entry(section.name().to_owned())
            .or_insert(name);
    }
    let mut fronts: HashMap<usize, Front<'_>> = HashMap::new();
    let mut order = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        let proxy = Proxy::new(section, sections);
        if matches!(section.kind(), "frontend" | "listen") && proxy.mode() == "http" {
            fronts.insert(index, front(context, proxy));
            order.push(index);
        }
    }
    let all: Vec<Listen> = order
        .iter()
        .filter_map(|index| fronts.get(index))
        .filter(|front| answers(&front.proxy))
        .flat_map(|front| front.listens.clone())
        .collect();
    let listeners = Listeners::new(&all.iter());
    context.draft.listeners = listeners.tables();
    let mut backends = All(HashMap::new());
    for section in sections {
        let proxy = Proxy::new(section, sections);
        match section.kind() {
            "backend" if proxy.mode() == "http" => backend(context, proxy, &mut backends),
            "listen" if proxy.mode() == "http" => listen(context, &proxy, &mut backends),
            "frontend" if proxy.mode() == "http" => {}
            "frontend" | "listen" | "backend" => tcp(context, section),
            _ => {}
        }
    }
    for index in order {
        if let Some(front) = fronts.remove(&index) {
            place(context, front, &listeners, &backends);
        }
    }
    for section in sections {
        rest(context, section);
    }
}

fn has_servers(section: &Section) -> bool {
    matches!(section.kind(), "backend")
        || (section.kind() == "listen"
            && section
                .lines
                .iter()
                .any(|line| matches!(line.word(0), "server" | "server-template")))
}

/// True if a section has anything to say to clients but statistics.
fn answers(proxy: &Proxy<'_>) -> bool {
    proxy.section.kind() == "frontend"
        || has_servers(proxy.section)
        || proxy.rules().any(|line| {
            matches!(
                line.word(0),
                "use_backend" | "default_backend" | "redirect" | "http-request"
            )
        })
}

/// `global`: the process.
fn global(context: &mut Context, sections: &[Section]) {
    for section in sections.iter().filter(|section| section.kind() == "global") {
        context.translated(&section.head);
        let mut notes = Vec::new();
        for line in &section.lines {
            match (line.word(0), line.word(1).parse::<u32>()) {
                ("nbthread", Ok(count @ 1..=1024)) => {
                    context.draft.gateway.set("workers", count);
                    context.translated(line);
                }
                ("hard-stop-after", _) => {
                    if let Some(time) = context.time(&mut notes, line, 1) {
                        context.draft.gateway.set("drain_timeout", time);
                    }
                }
                ("maxconn", _) => {
                    let advice =
                        "max_connections of [gateway] is for each worker; its default is 16384";
                    context.note(&mut notes, line, Weight::Differs, advice);
                }
                _ => context.note_known(&mut notes, line),
            }
        }
        context.draft.gateway.notes.append(&mut notes);
    }
}

/// Times of the only `defaults` are those of all.
fn standard_times(context: &mut Context, sections: &[Section]) {
    let defaults: Vec<&Section> = sections
        .iter()
        .filter(|section| section.kind() == "defaults")
        .collect();
    for section in &defaults {
        context.translated(&section.head);
    }
    let [only] = defaults[..] else { return };
    let mut notes = Vec::new();
    for (key, name) in [
        ("connect", "connect"),
        ("response", "server"),
        ("body", "client"),
        ("head", "http-request"),
        ("idle", "http-keep-alive"),
        ("tunnel", "tunnel"),
    ] {
        let line = only
            .lines
            .iter()
            .rfind(|line| line.word(0) == "timeout" && line.word(1) == name);
        if let Some(line) = line {
            context.globals.insert(line.place);
            if let Some(time) = context.time(&mut notes, line, 2) {
                context.draft.timeouts.set(key, time);
            }
        }
    }
    context.draft.timeouts.notes.append(&mut notes);
}

fn front<'s>(context: &mut Context, proxy: Proxy<'s>) -> Front<'s> {
    let mut notes = Vec::new();
    let name = proxy.section.name();
    let listens = proxy
        .section
        .lines
        .iter()
        .filter(|line| line.word(0) == "bind")
        .flat_map(|line| bind::listens(context, &mut notes, line, name))
        .collect();
    Front {
        proxy,
        listens,
        notes,
    }
}

/// Adds an upstream, and takes note of what its section asks and changes.
fn backend<'s>(context: &mut Context, proxy: Proxy<'s>, backends: &mut All<'s>) {
    let name = proxy.section.name().to_owned();
    if backends.0.contains_key(&name) {
        let mut notes = Vec::new();
        let advice = "there is a section of this name already";
        context.note(&mut notes, &proxy.section.head, Weight::Differs, advice);
        context.draft.items.push(Item::Notes(notes));
        return;
    }
    let ours = context
        .upstreams
        .get(&name)
        .cloned()
        .unwrap_or_else(|| name.clone());
    context.translated(&proxy.section.head);
    let mut notes = Vec::new();
    // Conditions of a backend cannot ask about listeners.
    let acls = Acls::new(proxy.rules(), Ports::default());
    let rules = rules::rules(context, &proxy, &acls, &mut notes);
    let edits = edits::edits(context, &proxy, &acls, &mut notes);
    used(context, &proxy);
    upstream::upstream(context, &proxy, &ours);
    others(context, proxy.section, &mut notes);
    if let Some(upstream) = context.draft.upstream_mut(&ours) {
        upstream.table.notes.append(&mut notes);
    }
    backends.0.insert(
        name,
        Backend {
            proxy,
            rules,
            edits,
        },
    );
}

/// The servers of a `listen`; its rules are its frontend's.
fn listen<'s>(context: &mut Context, proxy: &Proxy<'s>, backends: &mut All<'s>) {
    let name = proxy.section.name().to_owned();
    if !has_servers(proxy.section) || backends.0.contains_key(&name) {
        return;
    }
    let ours = context
        .upstreams
        .get(&name)
        .cloned()
        .unwrap_or_else(|| name.clone());
    upstream::upstream(context, proxy, &ours);
    backends.0.insert(
        name,
        Backend {
            proxy: proxy.clone(),
            rules: Vec::new(),
            edits: Vec::new(),
        },
    );
}

/// Lists that a rule of this section names are part of that rule.
fn used(context: &mut Context, proxy: &Proxy<'_>) {
    let lines: Vec<&Line> = proxy.rules().collect();
    let names = |line: &Line| {
        let mut words = line.words.iter().skip(1);
        words.any(|word| word == "if" || word == "unless")
    };
    for acl in lines.iter().filter(|line| line.word(0) == "acl") {
        let name = acl.word(1);
        let is_used = lines.iter().filter(|line| names(line)).any(|line| {
            line.words
                .iter()
                .any(|word| word.trim_start_matches('!') == name)
        });
        if is_used {
            context.translated(acl);
        }
    }
}

fn place(context: &mut Context, front: Front<'_>, listeners: &Listeners, backends: &All<'_>) {
    let Front {
        proxy,
        listens,
        mut notes,
    } = front;
    let mut indexes: Vec<usize> = Vec::new();
    for listen in &listens {
        match listeners.index(listen.address) {
            Some(index) if !indexes.contains(&index) => indexes.push(index),
            Some(_) => {}
            None => {
                let advice = "another section listens at a port of this one on all addresses, and one listener takes them all: this would be open to everyone, and is left out there";
                let line = proxy
                    .section
                    .lines
                    .iter()
                    .find(|line| line.word(0) == "bind");
                if let Some(line) = line.filter(|_| answers(&proxy)) {
                    context.note(&mut notes, line, Weight::Security, advice);
                }
            }
        }
    }
    if indexes.is_empty() {
        let advice = "is left out, since it has no listener or nothing to answer";
        context.note(&mut notes, &proxy.section.head, Weight::Differs, advice);
        for line in &proxy.section.lines {
            let (weight, known) = table::advice(&line.words);
            let is_own = known.starts_with("not known") || weight == Weight::Unneeded;
            match is_own {
                true => context.note(&mut notes, line, Weight::Differs, "is part of it"),
                false => context.note(&mut notes, line, weight, known),
            }
        }
        context.draft.items.push(Item::Notes(notes));
        return;
    }
    context.translated(&proxy.section.head);
    let names: Vec<String> = indexes
        .iter()
        .map(|index| listeners.name(*index).to_owned())
        .collect();
    let ports = Ports {
        names: names.clone(),
        all: indexes
            .iter()
            .map(|index| {
                let of = |listen: &&Listen| listeners.index(listen.address) == Some(*index);
                let first = listens.iter().find(of);
                let port = first.map_or(0, |listen| listen.address.port());
                let is_tls = first.is_some_and(|listen| listen.is_tls);
                (listeners.name(*index).to_owned(), port, is_tls)
            })
            .collect(),
    };
    for name in &names {
        listener_times(context, &proxy, name, &mut notes);
    }
    let acls = Acls::new(proxy.rules(), ports);
    used(context, &proxy);
    let is_all = names.len() == listeners.len();
    frontend::frontend(context, &proxy, &acls, &names, is_all, backends, notes);
}

/// Times of clients that are a listener's here.
fn listener_times(context: &mut Context, proxy: &Proxy<'_>, name: &str, notes: &mut Vec<Note>) {
    for (key, word) in [
        ("head_timeout", "http-request"),
        ("idle_timeout", "http-keep-alive"),
    ] {
        let line = proxy
            .setting(&["timeout", word])
            .filter(|line| !context.is_global(line));
        if let Some(line) = line
            && let Some(time) = context.time(notes, line, 2)
            && let Some(table) = table_of(context, name)
        {
            table.set(key, time);
        }
    }
}

fn table_of<'c>(context: &'c mut Context, listener: &str) -> Option<&'c mut Table> {
    let mut all = context.draft.listeners.iter_mut();
    all.find(|one| one.name == listener)
        .map(|one| &mut one.table)
}

/// Words that are translated elsewhere, if they are.
const OWN: &[&str] = &[
    "acl",
    "bind",
    "server",
    "server-template",
    "default-server",
    "balance",
    "hash-type",
    "cookie",
    "hash-balance-factor",
    "use_backend",
    "default_backend",
    "redirect",
    "monitor-uri",
    "http-check",
];

/// Says what is left of a section.
fn others(context: &mut Context, section: &Section, notes: &mut Vec<Note>) {
    for line in &section.lines {
        let (first, second) = (line.word(0), line.word(1));
        let is_header = matches!(
            first,
            "http-request" | "http-response" | "http-after-response"
        ) && (second.ends_with("-header")
            || second.starts_with("set-path")
            || second.starts_with("replace-"));
        let is_time = first == "timeout"
            && matches!(
                second,
                "connect"
                    | "client"
                    | "server"
                    | "http-request"
                    | "http-keep-alive"
                    | "tunnel"
                    | "check"
            );
        let is_later = OWN.contains(&first)
            || is_header
            || is_time
            || (first == "option" && second == "httpchk");
        if first == "mode" {
            context.translated(line);
        } else if !is_later && context.ledger.lacks(line.place) {
            context.note_known(notes, line);
        }
    }
}

/// A section that is not about HTTP.
fn tcp(context: &mut Context, section: &Section) {
    let mut notes = Vec::new();
    let advice = "only HTTP is spoken yet: TCP listeners come later";
    context.note(&mut notes, &section.head, Weight::Differs, advice);
    for line in &section.lines {
        context.note(&mut notes, line, Weight::Differs, "is part of it");
    }
    context.draft.items.push(Item::Notes(notes));
}

/// Whatever nobody has said anything about.
fn rest(context: &mut Context, section: &Section) {
    let mut notes = Vec::new();
    if context.ledger.lacks(section.head.place) {
        context.note_known(&mut notes, &section.head);
    }
    let (weight, advice) = table::advice(&section.head.words);
    let is_proxy = matches!(
        section.kind(),
        "global" | "defaults" | "frontend" | "backend" | "listen"
    );
    for line in &section.lines {
        if !context.ledger.lacks(line.place) {
            continue;
        }
        match is_proxy {
            true if OWN.contains(&line.word(0))
                || matches!(line.word(0), "timeout" | "http-request" | "http-response") =>
            {
                let (known, advice) = table::advice(&line.words);
                let advice = match advice.starts_with("not known") {
                    true => "is in force for nothing",
                    false => advice,
                };
                context.note(&mut notes, line, known, advice);
            }
            true if line.word(0) == "mode" => context.translated(line),
            true => context.note_known(&mut notes, line),
            // A section of another kind is spoken about as a whole.
            false => context.note(&mut notes, line, weight, advice),
        }
    }
    match section.kind() {
        "defaults" => context.draft.timeouts.notes.append(&mut notes),
        _ if !notes.is_empty() => context.draft.items.push(Item::Notes(notes)),
        _ => {}
    }
}
