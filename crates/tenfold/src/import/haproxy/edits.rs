//! `http-request set-header` and its kin: what is changed on the way.

use super::acl::{Acls, start};
use super::context::Context;
use super::format::template;
use super::lexer::Line;
use super::meaning::Meaning;
use super::refuse;
use super::region::Region;
use super::section::Proxy;
use crate::config::word;
use crate::import::ledger::{Note, Weight};
use crate::import::model::Route;
use crate::import::path::Pattern;
use crate::import::regex::Shape;
use crate::import::source::Place;

/// Fields that belong to one connection or to a message's length: nobody sets them.
const OURS: &[&str] = &[
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Fields that the gateway sets.
const FORWARDED: &[&str] = &[
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "forwarded",
    "x-request-id",
];

/// A change, and the requests that it is for.
#[derive(Clone, Debug)]
pub(super) struct Edit<'s> {
    line: &'s Line,
    meaning: Meaning,
    change: Change,
    /// Rules before it that let some pass, to whom it is not done.
    after: Vec<Place>,
}

#[derive(Clone, Debug)]
enum Change {
    Set(bool, String, String),
    Add(bool, String, String),
    Remove(bool, String),
    Strip(String),
    Rewrite(String),
}

/// The changes of a section, in their order.
pub(super) fn edits<'s>(
    context: &mut Context,
    proxy: &Proxy<'s>,
    acls: &Acls<'_>,
    notes: &mut Vec<Note>,
) -> Vec<Edit<'s>> {
    let mut edits = Vec::new();
    let mut after = Vec::new();
    for line in proxy.rules() {
        if line.word(0) == "http-request" && refuse::passes(line) {
            after.push(line.place);
        }
        let is_response = match line.word(0) {
            "http-request" => false,
            "http-response" | "http-after-response" => true,
            "reqadd" | "rspadd" | "reqdel" | "rspdel" => {
                let advice = "is of HAProxy 1.x: write request_headers or response_headers";
                context.note(notes, line, Weight::Differs, advice);
                continue;
            }
            _ => continue,
        };
        let Some(change) = change(context, line, is_response, notes) else {
            continue;
        };
        let meaning = acls.condition(line.from(start(line)));
        if meaning.best.is_none() || !meaning.is_exact {
            let advice = format!(
                "has no equal ({}): it is not done",
                meaning.remarks.join("; ")
            );
            context.note(notes, line, Weight::Differs, advice);
            continue;
        }
        edits.push(Edit {
            line,
            meaning,
            change,
            after: if is_response {
                Vec::new()
            } else {
                after.clone()
            },
        });
    }
    edits
}

fn change(
    context: &mut Context,
    line: &Line,
    is_response: bool,
    notes: &mut Vec<Note>,
) -> Option<Change> {
    let end = start(line);
    let name = line.word(2).to_ascii_lowercase();
    // Before `if`: `set-header NAME VALUE`.
    let text = if end > 3 { line.word(3) } else { "" };
    match line.word(1) {
        "set-header" | "add-header" => {
            if !is_response && FORWARDED.contains(&name.as_str()) {
                context.note(notes, line, Weight::Unneeded, "the gateway sets it");
                return None;
            }
            let value = field(&name, text);
            match value {
                Ok(value) if line.word(1) == "set-header" => {
                    Some(Change::Set(is_response, name, value))
                }
                Ok(value) => Some(Change::Add(is_response, name, value)),
                Err(advice) => {
                    context.note(notes, line, Weight::Differs, advice);
                    None
                }
            }
        }
        "del-header"
            if word::field_name(&name).is_ok() && !OURS.contains(&name.as_str()) && end == 3 =>
        {
            Some(Change::Remove(is_response, name))
        }
        "set-path" | "set-pathq" | "set-uri" if !is_response => {
            let found = set_path(line.word(2));
            if found.is_none() {
                let advice = "has no equal: strip takes a prefix off, rewrite is a template";
                context.note(notes, line, Weight::Differs, advice);
            }
            found
        }
        "replace-path" | "replace-uri" | "replace-pathq" if !is_response => {
            let found = replaced(line.word(2), line.word(3));
            if found.is_none() {
                context.note_known(notes, line);
            }
            found
        }
        _ => None,
    }
}

fn field(name: &str, text: &str) -> Result<String, String> {
    if word::field_name(name).is_err() || OURS.contains(&name) {
        return Err(
            "this field belongs to a connection or to a message's length: the gateway writes it"
                .into(),
        );
    }
    let template = template(text).map_err(|what| format!("`{what}` has no equal in templates"))?;
    word::field_value(&template).map_err(|_| "has characters that no field can have".into())
}

/// `set-path /v2%[path]`, `set-path %[path,regsub(^/api/,/)]`
fn set_path(text: &str) -> Option<Change> {
    let inside = text
        .strip_prefix("%[path,regsub(")
        .and_then(|rest| rest.strip_suffix(")]"));
    if let Some(inside) = inside {
        let (expression, replacement) = inside.split_once(',')?;
        let replacement = replacement.split(',').next().unwrap_or_default();
        let literal = Shape::parse(expression)?.literal()?;
        let is_prefix = !expression.ends_with('$');
        let both_end = literal.ends_with('/') == replacement.ends_with('/');
        return (is_prefix && both_end).then(|| strip_or_rewrite(&literal, replacement))?;
    }
    let template = template(text).ok()?;
    let is_path = template.starts_with('/') || template.starts_with("{path}");
    (is_path && !template.contains([' ', '#', '?'])).then_some(Change::Rewrite(template))
}

fn strip_or_rewrite(literal: &str, replacement: &str) -> Option<Change> {
    let slashless = literal.trim_end_matches('/');
    Pattern::below(literal)?;
    match replacement {
        "/" | "" if !slashless.is_empty() => Some(Change::Strip(slashless.to_owned())),
        _ => None,
    }
}

/// `replace-path /api/(.*) /\1`, with or without `^`.
fn replaced(expression: &str, replacement: &str) -> Option<Change> {
    let anchored = match expression.starts_with('^') {
        true => expression.to_owned(),
        false => format!("^{expression}"),
    };
    // `^/api(/.*)?` and `^/api(/.*)` keep the slash in the group.
    for ending in ["(/.*)?", "(/.*)?$", "(/.*)", "(/.*)$"] {
        if let Some(start) = anchored.strip_suffix(ending) {
            let literal = Shape::parse(start)?.literal()?;
            return (replacement == "\\1").then(|| strip_or_rewrite(&literal, "/"))?;
        }
    }
    let shape = Shape::parse(&anchored)?;
    let literal = shape.literal()?;
    let is_strip = shape.captures_rest && literal.ends_with('/') && replacement == "/\\1";
    is_strip.then(|| strip_or_rewrite(&literal, "/"))?
}

/// Makes the changes to a route that is for these requests, which passed these rules.
pub(super) fn apply(
    context: &mut Context,
    edits: &[Edit<'_>],
    (region, passed): (&Region, &[Place]),
    is_forwarded: bool,
    route: &mut Route,
) {
    let mut notes = Vec::new();
    for edit in edits {
        let regions = edit.meaning.best.as_deref().unwrap_or_default();
        let is_covered = regions.iter().any(|one| one.covers(region));
        let is_met = regions.iter().any(|one| one.and(region).is_some());
        // `http-response` is about servers' answers, not about what HAProxy answers itself.
        let is_for_all = edit.line.word(0) == "http-after-response";
        let is_passed = edit.after.iter().any(|place| passed.contains(place));
        if (!is_for_all && !is_forwarded) || is_passed || (!is_covered && !is_met) {
            continue;
        }
        if !is_covered {
            let advice = "is for a part of this route's requests only: write a route for them";
            context.note(&mut notes, edit.line, Weight::Differs, advice);
            continue;
        }
        match one(&edit.change, region, route) {
            Ok(()) => context.translated(edit.line),
            Err(advice) => context.note(&mut notes, edit.line, Weight::Differs, advice),
        }
    }
    route.table.notes.append(&mut notes);
}

fn one(change: &Change, region: &Region, route: &mut Route) -> Result<(), &'static str> {
    let twice = "is there already, and a table has each name once";
    match change {
        Change::Set(is_response, name, value) => {
            let edits = if *is_response {
                &mut route.response
            } else {
                &mut route.request
            };
            // The last one holds.
            edits.set.retain(|(other, _)| other != name);
            edits.set(name, value.clone());
        }
        Change::Add(is_response, name, value) => {
            let edits = if *is_response {
                &mut route.response
            } else {
                &mut route.request
            };
            if !edits.add(name, value.clone()) {
                return Err(twice);
            }
        }
        Change::Remove(is_response, name) => {
            let edits = if *is_response {
                &mut route.response
            } else {
                &mut route.request
            };
            edits.set.retain(|(other, _)| other != name);
            edits.add.retain(|(other, _)| other != name);
            edits.remove(name);
        }
        Change::Strip(prefix) => {
            let below = Pattern::below(prefix).ok_or("is no prefix of a path")?;
            let path = region.path.clone().unwrap_or_else(Pattern::every);
            if path.and(&below).is_none() {
                // Nothing of it on this route.
                return Ok(());
            }
            rewrite(route, "strip", prefix)?;
        }
        Change::Rewrite(template) => rewrite(route, "rewrite", template)?,
    }
    Ok(())
}

fn rewrite(route: &mut Route, key: &str, text: &str) -> Result<(), &'static str> {
    let is_free = route.table.get("strip").is_none() && route.table.get("rewrite").is_none();
    if !is_free {
        return Err("the path is changed already, and a route changes it once");
    }
    route.table.set(key, text.to_owned());
    Ok(())
}
