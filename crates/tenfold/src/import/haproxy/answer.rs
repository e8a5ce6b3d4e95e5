//! Redirects and fixed answers.

use super::acl::{Acls, start};
use super::context::Context;
use super::format::{is_literal, template};
use super::lexer::Line;
use super::refuse;
use super::region::Region;
use super::rules::{Before, Effect, Phase, Rule, sent};
use crate::config::word;
use crate::import::ledger::{Note, Weight};
use crate::import::model::Action;
use crate::import::path::{Pattern, escaped};
use tenfold_gateway::route::pattern::Template;

/// `redirect …`, `http-request redirect …`, `http-request return …`, whose words begin at `from`.
pub(super) fn answered<'s>(
    context: &mut Context,
    line: &'s Line,
    acls: &Acls<'_>,
    from: usize,
    before: &Before,
    notes: &mut Vec<Note>,
) -> Vec<Rule<'s>> {
    let end = start(line);
    let words = line.words.get(from..end).unwrap_or_default();
    let action = match line.word(1) {
        "return" => fixed(words),
        _ => redirect(words),
    };
    let action = match action {
        Ok(action) => action,
        Err(_) if line.word(1) == "return" && returned_status(words) >= 400 => {
            Action::refuse(returned_status(words), "")
        }
        Err(advice) => {
            context.note(notes, line, Weight::Differs, advice);
            return Vec::new();
        }
    };
    if matches!(action, Action::Respond { status: 400.., .. }) {
        // It keeps someone out, whatever it is called.
        return refuse::denied(context, line, acls, before, &action, notes);
    }
    let cases = acls.cases(line.from(end));
    sent(context, line, cases, &Effect::Answer(action), before, notes)
}

/// The status of `return status 403 …`, 200 if it says none.
fn returned_status(words: &[String]) -> u16 {
    let at = words.iter().position(|word| word == "status");
    let given = at.and_then(|at| words.get(at + 1)?.parse().ok());
    given
        .filter(|code| (200..=599).contains(code))
        .unwrap_or(200)
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
                target = Some((word, words.next().unwrap_or_default()));
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

/// `monitor-uri /alive`
pub(super) fn monitored<'s>(
    context: &mut Context,
    line: &'s Line,
    notes: &mut Vec<Note>,
) -> Option<Rule<'s>> {
    let Some(pattern) = Pattern::exact(line.word(1)) else {
        let advice = "is no path that a route can have";
        context.note(notes, line, Weight::Differs, advice);
        return None;
    };
    context.translated(line);
    Some(Rule {
        line,
        phase: Phase::Monitor,
        regions: vec![Region {
            path: Some(pattern),
            ..Region::default()
        }],
        except: Vec::new(),
        effect: Effect::Answer(Action::refuse(200, "")),
    })
}
