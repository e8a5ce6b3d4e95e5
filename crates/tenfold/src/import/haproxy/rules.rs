//! Rules of a section in their order: who is kept out, who is sent elsewhere, which backend answers.

use super::acl::{Acls, start};
use super::context::Context;
use super::format::{is_literal, template};
use super::lexer::Line;
use super::meaning::{Depends, Meaning};
use super::region::Region;
use super::section::Proxy;
use crate::config::word;
use crate::import::ledger::{Note, Weight};
use crate::import::model::Action;
use crate::import::path::{Pattern, escaped};
use tenfold_gateway::route::pattern::Template;

/// What a rule does.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    Answer(Action),
    /// To a backend, by HAProxy's name.
    Forward(String),
    /// Keeps out who cannot be named: whatever comes after is closed there.
    Close,
    /// Keeps out everyone but these.
    Require(Action),
}

/// A rule with the requests that it is for.
#[derive(Clone, Debug)]
pub(super) struct Rule<'s> {
    pub(super) line: &'s Line,
    pub(super) regions: Vec<Region>,
    pub(super) effect: Effect,
}

/// Reads the rules of a section; what is not translated becomes notes.
pub(super) fn rules<'s>(
    context: &mut Context,
    proxy: &Proxy<'s>,
    acls: &Acls<'_>,
    notes: &mut Vec<Note>,
) -> Vec<Rule<'s>> {
    let mut rules = Vec::new();
    let mut last = Vec::new();
    for line in proxy.rules() {
        match (line.word(0), line.word(1)) {
            ("http-request", "deny" | "tarpit" | "reject" | "silent-drop" | "auth")
            | ("block", _) => {
                rules.extend(denied(context, line, acls, notes));
            }
            ("tcp-request", _) if line.word(2) == "reject" => {
                rules.extend(denied(context, line, acls, notes));
            }
            ("http-request", "redirect") => rules.extend(answered(context, line, acls, 2, notes)),
            ("redirect", _) => last.extend(answered(context, line, acls, 1, notes)),
            ("http-request", "return") => rules.extend(answered(context, line, acls, 2, notes)),
            ("monitor-uri", path) => rules.extend(monitored(context, line, path, notes)),
            _ => {}
        }
    }
    // HAProxy carries `redirect` out after all `http-request`.
    rules.extend(last);
    for line in proxy.rules().filter(|line| line.word(0) == "use_backend") {
        rules.extend(used(context, line, acls, notes));
    }
    rules
}

/// What keeps someone out.
fn denied<'s>(
    context: &mut Context,
    line: &'s Line,
    acls: &Acls<'_>,
    notes: &mut Vec<Note>,
) -> Option<Rule<'s>> {
    let words = line.from(start(line));
    let meaning = acls.condition(words);
    let is_auth = line.word(1) == "auth";
    let refusal = Action::refuse(status(line), "");
    let rule = |regions, effect| {
        Some(Rule {
            line,
            regions,
            effect,
        })
    };
    if meaning.is_exact && !is_auth {
        context.translated(line);
        return rule(meaning.all, Effect::Answer(refusal));
    }
    match meaning.depends {
        Depends::Rate => {
            let advice = "comes with rate limits, not supported yet";
            context.note(notes, line, Weight::Differs, advice);
            return None;
        }
        Depends::Courtesy => {
            let advice = "requests are not refused by this; it was no protection, since clients send what they like";
            context.note(notes, line, Weight::Differs, advice);
            return None;
        }
        Depends::Nothing | Depends::Other => {}
    }
    let allowed = acls
        .allowed(words)
        .filter(|allowed| allowed.is_exact && !is_auth);
    if let Some(allowed) = allowed {
        context.translated(line);
        return rule(allowed.all, Effect::Require(refusal));
    }
    let why = match meaning.remarks.is_empty() {
        true => String::new(),
        false => format!(" ({})", meaning.remarks.join("; ")),
    };
    let advice = match context.leaves_gaps && meaning.best.is_some() {
        true => format!("does not keep out all that it did{why}: left open (--leave-gaps-open)"),
        false => format!(
            "who is kept out cannot be said{why}: the routes that it is for refuse everyone until you have decided"
        ),
    };
    context.note(notes, line, Weight::Security, advice);
    match (context.leaves_gaps, meaning.best) {
        (true, Some(best)) => rule(best, Effect::Answer(refusal)),
        _ => rule(meaning.all, Effect::Close),
    }
}

/// The status of a refusal.
fn status(line: &Line) -> u16 {
    let at = line
        .words
        .iter()
        .position(|word| word == "deny_status" || word == "status");
    let given = at.and_then(|at| line.word(at + 1).parse().ok());
    given
        .filter(|code| (200..=599).contains(code))
        .unwrap_or(403)
}

/// Redirects and fixed answers.
fn answered<'s>(
    context: &mut Context,
    line: &'s Line,
    acls: &Acls<'_>,
    from: usize,
    notes: &mut Vec<Note>,
) -> Option<Rule<'s>> {
    let end = start(line);
    let words = line.words.get(from..end).unwrap_or_default();
    let is_return = line.word(1) == "return";
    let action = if is_return {
        fixed(words)
    } else {
        redirect(words)
    };
    let action = match action {
        Ok(action) => action,
        Err(advice) => {
            context.note(notes, line, Weight::Differs, advice);
            return None;
        }
    };
    let regions = regions(context, line, acls.condition(line.from(end)), notes)?;
    Some(Rule {
        line,
        regions,
        effect: Effect::Answer(action),
    })
}

/// The regions of a rule that sends requests somewhere; `None`, with a comment, if there are none.
fn regions(
    context: &mut Context,
    line: &Line,
    meaning: Meaning,
    notes: &mut Vec<Note>,
) -> Option<Vec<Region>> {
    let remarks = meaning.remarks.join("; ");
    if meaning.best.is_none() {
        let advice = format!("has no equal ({remarks}): write a route for each case");
        context.note(notes, line, Weight::Differs, advice);
        return None;
    }
    match meaning.is_exact {
        true => context.translated(line),
        false => context.note(notes, line, Weight::Differs, remarks),
    }
    meaning.best
}

/// `scheme https`, `location URL`, `prefix URL`, with `code` and options.
fn redirect(words: &[String]) -> Result<Action, String> {
    let mut status = 302;
    let mut drops_query = false;
    let mut target = None;
    let mut slash = false;
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "scheme" | "location" | "prefix" => {
                target = Some((word, words.next().unwrap_or_default()))
            }
            "code" => status = words.next().and_then(|code| code.parse().ok()).unwrap_or(0),
            "drop-query" => drops_query = true,
            "append-slash" => slash = true,
            "ignore-empty" => {}
            "set-cookie" | "clear-cookie" => return Err("redirects set no cookies".into()),
            _ => {
                return Err(format!(
                    "`{word}` of a redirect is not known to this program"
                ));
            }
        }
    }
    if !matches!(status, 301 | 302 | 303 | 307 | 308) || slash {
        return Err("redirects have status 301, 302, 303, 307 or 308, and a target".into());
    }
    let unknown = |what: String| format!("`{what}` has no equal in templates");
    let query = if drops_query { "" } else { "{query}" };
    let to = match target.ok_or("redirects have a target")? {
        ("scheme", scheme) if is_literal(scheme) => {
            format!("{}://{{host}}{{path}}{query}", escaped(scheme))
        }
        ("prefix", "/") => format!("{{path}}{query}"),
        ("prefix", prefix) => {
            let prefix = template(prefix).map_err(unknown)?;
            format!("{}{{path}}{query}", prefix.trim_end_matches('/'))
        }
        (_, location) => template(location).map_err(unknown)?,
    };
    let is_good = Template::parse(&to, &[]).and_then(|to| to.check_location());
    is_good.map_err(|why| why.clone())?;
    let starts = ["/", "http://", "https://", "{path}"];
    match starts.iter().any(|start| to.starts_with(start)) {
        true => Ok(Action::Redirect { to, status }),
        false => Err("a redirect goes to a URL or to a path".into()),
    }
}

/// `status 200 content-type text/plain string "ok"`
fn fixed(words: &[String]) -> Result<Action, String> {
    let mut status: u16 = 200;
    let mut body = String::new();
    let mut content_type = None;
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let text = words.next().unwrap_or_default();
        match word {
            "status" => status = text.parse().unwrap_or(0),
            "content-type" => content_type = Some(text.to_owned()),
            "string" => body = text.to_owned(),
            "lf-string" if is_literal(text) => body = text.to_owned(),
            "default-errorfiles" => {}
            _ => {
                return Err(format!(
                    "`{word}` has no equal: an answer has status, body (or body_file) and content_type"
                ));
            }
        }
    }
    let kind = content_type.filter(|kind| word::field_value(kind).is_ok());
    if !(200..=599).contains(&status) {
        return Err("answers have status 200 to 599".into());
    }
    let has_body = !matches!(status, 204 | 205 | 304);
    Ok(Action::Respond {
        status,
        body: if has_body { body } else { String::new() },
        content_type: kind,
    })
}

fn monitored<'s>(
    context: &mut Context,
    line: &'s Line,
    path: &str,
    notes: &mut Vec<Note>,
) -> Option<Rule<'s>> {
    let Some(pattern) = Pattern::exact(path) else {
        context.note(
            notes,
            line,
            Weight::Differs,
            "is no path that a route can have",
        );
        return None;
    };
    context.translated(line);
    Some(Rule {
        line,
        regions: vec![Region {
            path: Some(pattern),
            ..Region::default()
        }],
        effect: Effect::Answer(Action::refuse(200, "")),
    })
}

fn used<'s>(
    context: &mut Context,
    line: &'s Line,
    acls: &Acls<'_>,
    notes: &mut Vec<Note>,
) -> Option<Rule<'s>> {
    let name = line.word(1);
    if !is_literal(name) {
        let advice = "the backend depends on the request: write a route for each case (host, path, method, header, query)";
        context.note(notes, line, Weight::Differs, advice);
        return None;
    }
    let regions = regions(context, line, acls.condition(line.from(2)), notes)?;
    Some(Rule {
        line,
        regions,
        effect: Effect::Forward(name.to_owned()),
    })
}
