//! `proxy_next_upstream`: which failures are tried again at another server. A location's in nginx, an upstream's here.
//!
//! What carries over is what is worth another attempt and how many there are. What does not: nginx has no budget, and its
//! `proxy_next_upstream_timeout` ends only the trying, where a deadline here ends the request.

use super::context::Context;
use super::level::Level;
use super::parse::Directive;
use crate::import::ledger::{Note, Weight};
use crate::import::model::{Action, Route, Value};

/// Most attempts that a configuration takes.
const MOST: u32 = 10;

/// Says of the upstreams of a route what is tried again.
pub(super) fn retry(context: &mut Context, level: &Level<'_>, route: &mut Route) {
    let Action::Upstream(shares) = &route.action else {
        return;
    };
    let names: Vec<String> = shares.iter().map(|(name, _)| name.clone()).collect();
    let mut notes = Vec::new();
    if let Some(directive) = level.next_upstream_timeout {
        ends(context, directive, &mut notes);
    }
    let tries = level
        .next_upstream_tries
        .and_then(|directive| tries(context, directive, &mut notes));
    // Without the directive it is what nginx does by default.
    let said = level.next_upstream.or(level.next_upstream_tries);
    if let Some(directive) = said {
        let value = match level.next_upstream {
            Some(words) => value(context, words, tries, &mut notes),
            None => of_words(&["error", "timeout"], tries).0,
        };
        for name in names {
            context.set_of_upstream(&mut notes, directive, &name, ("retry", value.clone()));
        }
    }
    route.table.notes.append(&mut notes);
}

/// `proxy_next_upstream_timeout`
fn ends(context: &mut Context, directive: &Directive, notes: &mut Vec<Note>) {
    match directive.first() {
        "0" | "0s" => context.translated(directive),
        _ => {
            let advice = "deadline of the route ends the request then, and not only the trying: per_try_timeout in retry bounds an attempt";
            context.note(notes, directive, Weight::Differs, advice);
        }
    }
}

/// `proxy_next_upstream_tries`: how many attempts, or none for as many as there are servers.
fn tries(context: &mut Context, directive: &Directive, notes: &mut Vec<Note>) -> Option<u32> {
    match directive.first().parse::<u32>() {
        Ok(0) => {
            context.translated(directive);
            None
        }
        Ok(tries) if tries <= MOST => {
            context.translated(directive);
            Some(tries)
        }
        Ok(_) => {
            let advice = format!("attempts is at most {MOST}");
            context.note(notes, directive, Weight::Differs, advice);
            Some(MOST)
        }
        Err(_) => {
            context.note(notes, directive, Weight::Differs, "is no number");
            None
        }
    }
}

fn value(
    context: &mut Context,
    directive: &Directive,
    tries: Option<u32>,
    notes: &mut Vec<Note>,
) -> Value {
    let words: Vec<&str> = directive.args.iter().map(String::as_str).collect();
    let (value, unknown) = of_words(&words, tries);
    let mut advice = Vec::new();
    if !unknown.is_empty() {
        advice.push(format!("{} has no equal", unknown.join(" and ")));
    }
    if value != Value::Bool(false) {
        advice.push("a budget (20 % of the requests) bounds what is tried again".to_owned());
        if tries.is_none() {
            advice.push("there are at most 3 attempts (attempts)".to_owned());
        }
    }
    match advice.is_empty() {
        true => context.translated(directive),
        false => context.note(notes, directive, Weight::Differs, advice.join("; ")),
    }
    value
}

/// The value of `retry`, and the words that have no equal.
fn of_words<'w>(words: &[&'w str], tries: Option<u32>) -> (Value, Vec<&'w str>) {
    if words.contains(&"off") || tries == Some(1) {
        return (Value::Bool(false), Vec::new());
    }
    let (mut on, mut statuses, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    for word in words {
        match (*word, word.strip_prefix("http_").map(str::parse::<u32>)) {
            // What is no HTTP counts as a connection that broke.
            ("error", _) => on.extend(["connect", "reset"]),
            ("invalid_header", _) => on.push("reset"),
            ("timeout", _) => on.push("timeout"),
            ("non_idempotent", _) => {}
            (_, Some(Ok(status @ 400..=599))) => statuses.push(Value::from(status)),
            (word, _) => unknown.push(word),
        }
    }
    let mut seen = Vec::new();
    for word in on.into_iter().map(Value::from).chain(statuses) {
        if !seen.contains(&word) {
            seen.push(word);
        }
    }
    if seen.is_empty() {
        return (Value::Bool(false), unknown);
    }
    let mut entries = Vec::new();
    if let Some(tries) = tries {
        entries.push(("attempts".to_owned(), Value::from(tries)));
    }
    entries.push(("on".to_owned(), Value::List(seen)));
    if words.contains(&"non_idempotent") {
        entries.push(("non_idempotent".to_owned(), true.into()));
    }
    (Value::Table(entries), unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(words: &[&str], tries: Option<u32>, key: &str) -> Option<Value> {
        match of_words(words, tries).0 {
            Value::Table(entries) => {
                let found = entries.into_iter().find(|(name, _)| name == key);
                found.map(|(_, value)| value)
            }
            _ => None,
        }
    }

    #[test]
    fn words_and_tries() {
        let list = |words: &[&str]| {
            words
                .iter()
                .map(|word| Value::from(*word))
                .collect::<Vec<_>>()
        };
        let on = |words: &[&str]| entry(words, None, "on");
        let all = list(&["connect", "reset", "timeout"]);
        assert_eq!(
            on(&["error", "timeout", "invalid_header"]),
            Some(Value::List(all))
        );
        let mut with_status = list(&["connect", "reset"]);
        with_status.push(Value::from(503_u32));
        assert_eq!(on(&["http_503", "error"]), Some(Value::List(with_status)));
        assert_eq!(
            entry(&["error"], Some(2), "attempts"),
            Some(Value::from(2_u32))
        );
        let repeats = entry(&["error", "non_idempotent"], None, "non_idempotent");
        assert_eq!(repeats, Some(Value::Bool(true)));
        assert_eq!(of_words(&["error", "off"], None).0, Value::Bool(false));
        assert_eq!(of_words(&["error"], Some(1)).0, Value::Bool(false));
        assert_eq!(
            of_words(&["updating"], None),
            (Value::Bool(false), vec!["updating"])
        );
    }
}
