//! From a HAProxy configuration to ours.
//!
//! # The idea
//! `lexer` and `section` read lines and what they take from `defaults`. `acl` and `fetch` turn conditions into `region`s, sets
//! of requests that routes can name; `rules` reads who goes where, `refuse` who is kept out, and `change` what they cannot ask
//! about any more; `expand` turns first-match order into ours. `upstream` and `check` are the servers, `edits` what is changed on the way, `table` what is said about the rest.
//!
//! # What is not the same, and is said
//! A condition that routes do not have sends nobody anywhere, and closes what it kept someone out of.

mod acl;
mod answer;
mod bind;
mod change;
mod check;
mod compare;
mod context;
mod edits;
mod expand;
mod fetch;
mod format;
mod frontend;
mod lexer;
mod meaning;
mod others;
mod process;
mod refuse;
mod region;
mod resilience;
mod rules;
mod section;
mod table;
#[cfg(test)]
mod tests;
mod upstream;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use acl::Acls;
use change::Changed;
use context::Context;
use fetch::Ports;
use frontend::{All, Backend};
use lexer::Line;
use section::{Proxy, Section};

use super::ledger::{Ledger, Note, Weight};
use super::listeners::{Listen, Listeners};
use super::model::{Draft, Item};
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
    process::global(context, sections);
    process::standard_times(context, sections);
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
    let changed = changed(sections);
    context.refusing = refusing(sections);
    context.guarded = guarded(sections);
    for section in sections {
        let proxy = Proxy::new(section, sections);
        match section.kind() {
            "backend" if proxy.mode() == "http" => {
                backend(context, proxy, &changed, &mut backends);
            }
            "listen" if proxy.mode() == "http" => listen(context, &proxy, &mut backends),
            "frontend" if proxy.mode() == "http" => {}
            "frontend" | "listen" | "backend" => others::tcp(context, section),
            _ => {}
        }
    }
    for index in order {
        if let Some(front) = fronts.remove(&index) {
            place(context, front, &listeners, &backends);
        }
    }
    for section in sections {
        others::rest(context, section);
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

/// What any frontend changes before a backend looks at a request.
fn changed(sections: &[Section]) -> Changed {
    let mut changed = Changed::default();
    let fronts = sections
        .iter()
        .filter(|section| matches!(section.kind(), "frontend" | "listen"));
    for section in fronts {
        for line in Proxy::new(section, sections).rules() {
            changed.note(line);
        }
    }
    changed
}

/// Backends that answer nobody: without servers, or with a rule that keeps everyone out.
fn refusing(sections: &[Section]) -> HashSet<String> {
    let backends = sections
        .iter()
        .filter(|section| section.kind() == "backend");
    let refuses = |section: &&Section| {
        let mut lines = section.lines.iter();
        let denies = |line: &Line| refuse::refuses(line) && acl::start(line) == line.words.len();
        let answers = |line: &Line| {
            let is_answer = line.word(0) == "redirect"
                || (line.word(0) == "http-request"
                    && matches!(line.word(1), "redirect" | "return"));
            is_answer || line.word(0).starts_with("server")
        };
        lines.clone().any(denies) || !lines.any(answers)
    };
    let names = backends.filter(refuses).map(Section::name);
    names.map(str::to_owned).collect()
}

/// Backends with rules about who is kept out.
fn guarded(sections: &[Section]) -> HashSet<String> {
    let keeps_out = |line: &Line| {
        refuse::refuses(line) || (line.word(0) == "http-request" && line.word(1) == "return")
    };
    let has_rules = |section: &&Section| {
        let proxy = Proxy::new(section, sections);
        section.kind() == "backend" && proxy.rules().any(keeps_out)
    };
    let names = sections.iter().filter(has_rules).map(Section::name);
    names.map(str::to_owned).collect()
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
fn backend<'s>(context: &mut Context, proxy: Proxy<'s>, changed: &Changed, backends: &mut All<'s>) {
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
    let rules = rules::rules(context, &proxy, &acls, changed, &mut notes);
    let edits = edits::edits(context, &proxy, &acls, &mut notes);
    used(context, &proxy);
    upstream::upstream(context, &proxy, &ours);
    others::others(context, proxy.section, &mut notes);
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
        process::listener_times(context, &proxy, name, &mut notes);
    }
    let acls = Acls::new(proxy.rules(), ports);
    used(context, &proxy);
    let is_all = names.len() == listeners.len();
    frontend::frontend(context, &proxy, &acls, &names, is_all, backends, notes);
}
