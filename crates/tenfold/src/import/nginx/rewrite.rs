//! `return`, `rewrite`, `if` and `set`: what is decided before a location answers.

use super::body::Edit;
use super::condition::{self, Part, Test};
use super::context::Context;
use super::location::Location;
use super::parse::Directive;
use super::variables::{Variables, has_variable};
use crate::import::ledger::{Note, Weight};
use crate::import::model::{Action, Route};
use crate::import::path::Pattern;
use crate::import::regex::Shape;
use tenfold_gateway::route::pattern::Template;

/// What is left to do.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// The answer is fixed.
    Answer(Action),
    /// Whatever answers gets this path.
    Continue(Edit),
}

/// What was decided, and the routes that come before.
#[derive(Clone, Debug)]
pub(super) struct Decided {
    pub(super) before: Vec<Route>,
    /// What all that follow have to meet.
    pub(super) requires: Vec<Part>,
    /// For those that do not.
    pub(super) after: Vec<Route>,
    /// A condition that has no equal kept someone out.
    pub(super) is_closed: bool,
    pub(super) verdict: Verdict,
}

/// Takes note of `set NAME VALUE`.
pub(super) fn sets(directives: &[Directive], variables: &mut Variables) {
    for directive in directives.iter().filter(|one| one.name == "set") {
        let name = directive.first().trim_start_matches('$').to_owned();
        let text = directive.args.get(1).cloned().unwrap_or_default();
        variables.sets.insert(name, text);
    }
    // What an `if` sets is not known.
    for condition in directives.iter().filter(|one| one.name == "if") {
        for inner in condition.inside().iter().filter(|one| one.name == "set") {
            variables.sets.remove(inner.first().trim_start_matches('$'));
        }
    }
}

/// Goes through a location's directives in their order.
pub(super) fn location(
    context: &mut Context,
    location: &Location<'_>,
    patterns: &[Pattern],
    notes: &mut Vec<Note>,
) -> Decided {
    let mut decided = Decided {
        before: Vec::new(),
        requires: Vec::new(),
        after: Vec::new(),
        is_closed: false,
        verdict: Verdict::Continue(Edit::Keep),
    };
    let variables = &location.variables;
    for directive in location.directive.inside() {
        match directive.name.as_str() {
            "set" => set(context, directive, variables, notes),
            "break" => context.translated(directive),
            "if" => branch(context, directive, location, patterns, &mut decided, notes),
            "return" => {
                let default_type = location.level.default_type;
                let action = answer(context, directive, variables, default_type, notes);
                decided.verdict = Verdict::Answer(action);
                return decided;
            }
            "rewrite" => match rewrite(context, directive, variables, patterns, notes) {
                Some(Rewritten::Everything(verdict @ Verdict::Answer(_))) => {
                    decided.verdict = verdict;
                    return decided;
                }
                Some(Rewritten::Everything(verdict)) => decided.verdict = verdict,
                Some(Rewritten::Some(route)) => decided.before.push(*route),
                None => {}
            },
            _ => {}
        }
    }
    decided
}

pub(super) fn set(
    context: &mut Context,
    directive: &Directive,
    variables: &Variables,
    notes: &mut Vec<Note>,
) {
    let text = directive.args.get(1).map_or("", String::as_str);
    match variables.template(text) {
        Ok(_) => context.translated(directive),
        Err(_) => context.note_known(notes, directive),
    }
}

/// `return CODE [TEXT | URL]`, `return URL`.
pub(super) fn answer(
    context: &mut Context,
    directive: &Directive,
    variables: &Variables,
    default_type: Option<&Directive>,
    notes: &mut Vec<Note>,
) -> Action {
    let (code, text) = match directive.first().parse::<u16>() {
        Ok(code) => (code, directive.args.get(1).map(String::as_str)),
        Err(_) => (302, Some(directive.first())),
    };
    if let (301 | 302 | 303 | 307 | 308, Some(text)) = (code, text) {
        return match variables
            .template(text)
            .map_err(|name| unknown(&name))
            .and_then(|to| location_of(&to))
        {
            Ok(to) => {
                context.translated(directive);
                Action::Redirect { to, status: code }
            }
            Err(advice) => {
                context.note(notes, directive, Weight::Differs, advice);
                Action::refuse(501, "not supported by the gateway\n")
            }
        };
    }
    let text = text.unwrap_or_default();
    let status = match code {
        444 => {
            let advice = "connections are not closed without an answer: 403";
            context.note(notes, directive, Weight::Differs, advice);
            403
        }
        200..=599 => {
            context.translated(directive);
            code
        }
        _ => {
            context.note(
                notes,
                directive,
                Weight::Differs,
                "answers are 200 to 599: 404",
            );
            404
        }
    };
    if has_variable(text) {
        let advice = "texts of answers have no variables";
        context.note(notes, directive, Weight::Differs, advice);
    }
    let may_have_body = !matches!(status, 204 | 205 | 304);
    let content_type = default_type.map(Directive::first).filter(|kind| {
        !text.is_empty() && *kind != "text/plain" && crate::config::word::field_value(kind).is_ok()
    });
    Action::Respond {
        status,
        body: if may_have_body {
            text.to_owned()
        } else {
            String::new()
        },
        content_type: content_type.map(str::to_owned),
    }
}

fn unknown(name: &str) -> String {
    format!("the variable ${name} has no equal here: until it is mended this is a 501")
}

/// A template that may be a `Location`: not one in which the client chooses the host.
pub(super) fn location_of(template: &str) -> Result<String, String> {
    let captures: [&str; 0] = [];
    let is_good = Template::parse(template, &captures).and_then(|to| to.check_location());
    let starts = ["/", "http://", "https://"];
    match is_good {
        Ok(()) if starts.iter().any(|start| template.starts_with(start)) => Ok(template.to_owned()),
        Ok(()) => Ok(format!("/{template}")),
        Err(why) => Err(format!("{why}; until it is mended this is a 501")),
    }
}

/// What a `rewrite` is for.
pub(super) enum Rewritten {
    /// All requests of the patterns that were given.
    Everything(Verdict),
    /// Some of them, which get a route of their own.
    Some(Box<Route>),
}

/// `rewrite EXPRESSION REPLACEMENT [FLAG]`; `None`, with a comment, if it has no equal.
pub(super) fn rewrite(
    context: &mut Context,
    directive: &Directive,
    variables: &Variables,
    patterns: &[Pattern],
    notes: &mut Vec<Note>,
) -> Option<Rewritten> {
    let replacement = directive.args.get(1).map_or("", String::as_str);
    let flag = directive.args.get(2).map_or("", String::as_str);
    let Some((pattern, captures)) = matched(directive.first()) else {
        context.note_known(notes, directive);
        return None;
    };
    let is_url = ["http://", "https://", "$scheme"]
        .iter()
        .any(|start| replacement.starts_with(start));
    let (text, keeps_query) = match replacement.strip_suffix('?') {
        Some(text) => (text, false),
        None => (replacement, true),
    };
    let with_captures = Variables {
        captures,
        ..variables.clone()
    };
    // `{rest}` belongs to the route's path, which has to be the expression's.
    let is_everything = patterns.iter().all(|one| pattern.covers(one));
    let is_same = patterns.iter().all(|one| *one == pattern);
    let template = match with_captures.template(text) {
        Ok(template) if is_same || !is_everything || !template.contains("{rest}") => template,
        _ => {
            context.note_known(notes, directive);
            return None;
        }
    };
    let status = match flag {
        "permanent" => Some(301),
        "redirect" => Some(302),
        _ if is_url => Some(302),
        _ => None,
    };
    let verdict = match status {
        Some(status) => {
            let query =
                match keeps_query && !template.contains("{query}") && !template.contains('?') {
                    true => "{query}",
                    false => "",
                };
            match location_of(&format!("{template}{query}")) {
                Ok(to) => Verdict::Answer(Action::Redirect { to, status }),
                Err(advice) => {
                    context.note(notes, directive, Weight::Differs, advice);
                    return None;
                }
            }
        }
        None => Verdict::Continue(edit(&template, &pattern)?),
    };
    let is_within = patterns.iter().any(|one| one.covers(&pattern));
    match (is_everything, verdict) {
        (true, verdict) => {
            note_last(context, directive, flag, notes);
            Some(Rewritten::Everything(verdict))
        }
        (false, Verdict::Answer(action)) if is_within => {
            context.translated(directive);
            Some(Rewritten::Some(Box::new(Route::new(vec![pattern], action))))
        }
        _ => {
            context.note_known(notes, directive);
            None
        }
    }
}

fn note_last(context: &mut Context, directive: &Directive, flag: &str, notes: &mut Vec<Note>) {
    if matches!(flag, "last" | "") && !directive.args.get(1).is_some_and(|to| to.contains("://")) {
        let advice = "the new path is sent to the servers of this location; nginx looks for a location again";
        context.note(notes, directive, Weight::Differs, advice);
    } else {
        context.translated(directive);
    }
}

fn edit(template: &str, pattern: &Pattern) -> Option<Edit> {
    if template == "/{rest}" && pattern.is_prefix {
        let text = pattern.literal_start();
        return Some(match text.as_str() {
            "" => Edit::Keep,
            _ => Edit::Strip(text),
        });
    }
    let is_path = template.starts_with('/') || template.starts_with("{path}");
    (is_path && !template.contains([' ', '#', '?'])).then(|| Edit::Rewrite(template.to_owned()))
}

/// The one pattern of an expression, and what its groups stand for.
fn matched(expression: &str) -> Option<(Pattern, Vec<String>)> {
    match expression {
        "^" | ".*" | "^.*" | "^.*$" => return Some((Pattern::every(), Vec::new())),
        "^(.*)$" | "(.*)" | "^(.*)" => return Some((Pattern::every(), vec!["{path}".to_owned()])),
        _ => {}
    }
    let shape = Shape::parse(expression)?;
    let literal = shape.literal()?;
    let (patterns, has_gap) = shape.patterns()?;
    let [pattern] = &patterns[..] else {
        return None;
    };
    let captures = match (shape.captures_rest, has_gap) {
        (true, false) => vec!["{rest}".to_owned()],
        // `^/api(.*)$`: the group has the slash.
        (true, true) => vec!["/{rest}".to_owned()],
        (false, true) => return None,
        (false, false) => Vec::new(),
    };
    debug_assert!(literal.starts_with('/'), "patterns begin with a slash");
    Some((pattern.clone(), captures))
}

/// `if (…) { return …; }`: a route for the same paths with a condition, or, if it is negative, the condition for all routes
/// that follow and a route for the others.
pub(super) fn branch(
    context: &mut Context,
    directive: &Directive,
    location: &Location<'_>,
    patterns: &[Pattern],
    decided: &mut Decided,
    notes: &mut Vec<Note>,
) {
    let level = location.level.inner(directive.inside());
    let test = condition::parse(directive);
    let answers = directive.inside().iter().find(|one| one.name == "return");
    let is_simple = directive
        .inside()
        .iter()
        .all(|one| matches!(one.name.as_str(), "return" | "add_header" | "default_type"));
    let mut route = Route::new(patterns.to_vec(), Action::refuse(403, ""));
    let is_possible = match &test {
        Some(Test::Is(parts)) => {
            for part in parts {
                part.apply(&mut route);
            }
            let is_inside = |path| patterns.iter().any(|one| one.covers(path));
            route.paths.iter().all(is_inside)
        }
        Some(Test::Not(part)) => decided.requires.iter().all(|other| !part.is_like(other)),
        Some(Test::Courtesy) | None => false,
    };
    let (Some(answers), true) = (answers, is_simple && is_possible) else {
        decided.is_closed |= condition::refused(context, directive, test.as_ref(), notes);
        return;
    };
    let mut own = Vec::new();
    route.action = answer(
        context,
        answers,
        &location.variables,
        level.default_type,
        &mut own,
    );
    route.table.notes = own;
    super::finish::route(context, &level, &location.variables, &mut route);
    context.translated(directive);
    match test {
        Some(Test::Not(part)) => {
            decided.requires.push(part);
            decided.after.push(route);
        }
        _ => {
            for part in &decided.requires {
                if part.fits(&route) {
                    part.apply(&mut route);
                }
            }
            decided.before.push(route);
        }
    }
}
