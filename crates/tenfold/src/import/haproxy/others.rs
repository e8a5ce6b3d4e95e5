//! What is left of a section when its rules, servers and times have been read.

use super::context::Context;
use super::section::Section;
use super::table;
use crate::import::ledger::{Note, Weight};
use crate::import::model::Item;

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
pub(super) fn others(context: &mut Context, section: &Section, notes: &mut Vec<Note>) {
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
pub(super) fn tcp(context: &mut Context, section: &Section) {
    let mut notes = Vec::new();
    let advice = "only HTTP is spoken yet: TCP listeners come later";
    context.note(&mut notes, &section.head, Weight::Differs, advice);
    for line in &section.lines {
        context.note(&mut notes, line, Weight::Differs, "is part of it");
    }
    context.draft.items.push(Item::Notes(notes));
}

/// Whatever nobody has said anything about.
pub(super) fn rest(context: &mut Context, section: &Section) {
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
