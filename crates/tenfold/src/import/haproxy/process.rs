//! `global`, and the times that are a listener's or everyone's here.

use super::context::Context;
use super::section::{Proxy, Section};
use crate::import::ledger::{Note, Weight};
use crate::import::model::Table;

/// `global`: the process.
pub(super) fn global(context: &mut Context, sections: &[Section]) {
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
pub(super) fn standard_times(context: &mut Context, sections: &[Section]) {
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

/// Times of clients that are a listener's here.
pub(super) fn listener_times(
    context: &mut Context,
    proxy: &Proxy<'_>,
    name: &str,
    notes: &mut Vec<Note>,
) {
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
