//! Rules of a section in the order in which HAProxy asks them: who is kept out, who is sent elsewhere, which backend answers.

use std::collections::HashSet;

use super::acl::{Acls, Case};
use super::answer;
use super::change::Changed;
use super::context::Context;
use super::format::is_literal;
use super::lexer::Line;
use super::refuse;
use super::region::Region;
use super::section::Proxy;
use crate::import::ledger::{Note, Weight};
use crate::import::model::Action;

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
    /// These skip the other rules of the phase.
    Pass,
}

/// When a rule is asked; the order is HAProxy's, whatever the order of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Phase {
    Connection,
    Session,
    Content,
    Monitor,
    #[default]
    Request,
    Redirect,
    /// Asked of what a server answered; what it would keep back must not be asked for.
    Response,
    Backend,
}

/// A rule with the requests that it is for: those of `regions` without those of `except`.
#[derive(Clone, Debug)]
pub(super) struct Rule<'s> {
    pub(super) line: &'s Line,
    pub(super) phase: Phase,
    pub(super) regions: Vec<Region>,
    pub(super) except: Vec<Region>,
    pub(super) effect: Effect,
}

/// What came before a rule, as far as that changes what it means.
#[derive(Debug)]
pub(super) struct Before {
    /// What of the request is not as it came.
    pub(super) changed: Changed,
    /// Phases in which someone may pass of whom nobody can say who it is.
    pub(super) unsaid: HashSet<Phase>,
}

/// Reads the rules of a section; what is not translated becomes notes. `changed` is what was changed before the section.
pub(super) fn rules<'s>(
    context: &mut Context,
    proxy: &Proxy<'s>,
    acls: &Acls<'_>,
    changed: &Changed,
    notes: &mut Vec<Note>,
) -> Vec<Rule<'s>> {
    let mut lines: Vec<(Phase, &'s Line)> = proxy
        .rules()
        .filter_map(|line| Some((phase(line)?, line)))
        .collect();
    lines.sort_by_key(|(phase, _)| *phase);
    let mut before = Before {
        changed: changed.clone(),
        unsaid: HashSet::new(),
    };
    let mut rules = Vec::new();
    for (at, (phase, line)) in lines.iter().enumerate() {
        if refuse::passes(line) {
            let mut later = lines[at + 1..].iter();
            let matters = later.any(|(other, line)| other == phase && refuse::refuses(line));
            rules.extend(refuse::passed(
                context,
                line,
                acls,
                &mut before,
                matters,
                notes,
            ));
        } else if refuse::refuses(line) {
            let refusal = refuse::refusal(line);
            rules.extend(refuse::denied(
                context, line, acls, &before, &refusal, notes,
            ));
        } else {
            match (line.word(0), line.word(1)) {
                ("http-request", "redirect" | "return") => {
                    rules.extend(answer::answered(context, line, acls, 2, &before, notes));
                }
                ("redirect", _) => {
                    rules.extend(answer::answered(context, line, acls, 1, &before, notes));
                }
                ("monitor-uri", _) => rules.extend(answer::monitored(context, line, notes)),
                ("use_backend", _) if proxy.section.kind() != "backend" => {
                    rules.extend(used(context, line, acls, &before, notes));
                }
                _ => before.changed.note(line),
            }
        }
    }
    rules
}

/// When a line is asked; `None` if it is no rule.
pub(super) fn phase(line: &Line) -> Option<Phase> {
    Some(match (line.word(0), line.word(1)) {
        ("tcp-request", "connection") => Phase::Connection,
        ("tcp-request", "session") => Phase::Session,
        ("tcp-request", "content") => Phase::Content,
        ("monitor-uri", _) => Phase::Monitor,
        ("http-request" | "block", _) => Phase::Request,
        ("redirect", _) => Phase::Redirect,
        ("http-response" | "http-after-response" | "tcp-response", _) => Phase::Response,
        ("use_backend", _) => Phase::Backend,
        _ => return None,
    })
}

/// The rules of a line that sends requests somewhere; none, with a comment, if routes have no such condition at all.
pub(super) fn sent<'s>(
    context: &mut Context,
    line: &'s Line,
    cases: Vec<Case>,
    effect: &Effect,
    before: &Before,
    notes: &mut Vec<Note>,
) -> Vec<Rule<'s>> {
    let mut rules = Vec::new();
    let mut remarks: Vec<String> = Vec::new();
    let mut is_exact = true;
    for case in cases {
        let Case { is, but } = before.changed.case(case);
        is_exact &= is.is_exact;
        remarks.extend(is.remarks);
        rules.extend(is.best.map(|regions| Rule {
            line,
            phase: phase(line).unwrap_or_default(),
            regions,
            except: but,
            effect: effect.clone(),
        }));
    }
    remarks.dedup();
    let remarks = remarks.join("; ");
    if is_exact {
        context.translated(line);
    } else if rules.is_empty() {
        let advice = format!("has no equal ({remarks}): write a route for each case");
        context.note(notes, line, Weight::Differs, advice);
    } else {
        context.note(notes, line, Weight::Differs, remarks);
    }
    rules
}

fn used<'s>(
    context: &mut Context,
    line: &'s Line,
    acls: &Acls<'_>,
    before: &Before,
    notes: &mut Vec<Note>,
) -> Vec<Rule<'s>> {
    let name = line.word(1);
    if !is_literal(name) {
        let advice = "the backend depends on the request: write a route for each case (host, path, method, header, query)";
        context.note(notes, line, Weight::Differs, advice);
        return Vec::new();
    }
    let cases = acls.cases(line.from(2));
    let is_exact = |case: &Case| before.changed.case(case.clone()).is.is_exact;
    if context.refusing.contains(name) && !cases.iter().all(is_exact) {
        // Sending them there is how they are kept out.
        let refusal = Action::refuse(503, "");
        return refuse::denied(context, line, acls, before, &refusal, notes);
    }
    let lost: Vec<Rule<'s>> = cases
        .iter()
        .filter(|case| !is_exact(case))
        .map(|case| {
            let Case { is, but } = before.changed.case(case.clone());
            refuse::rule(line, Phase::Backend, is.all, but, Effect::Close)
        })
        .collect();
    let effect = Effect::Forward(name.to_owned());
    let mut rules = sent(context, line, cases, &effect, before, notes);
    if context.guarded.contains(name) && !lost.is_empty() {
        // What does not come here comes past the rules of this backend.
        let advice = match context.leaves_gaps {
            true => {
                "requests that HAProxy sends here come past what this backend refuses: left open (--leave-gaps-open)"
            }
            false => {
                "requests that HAProxy sends here would come past what this backend refuses: the routes that they come to refuse everyone until you have decided"
            }
        };
        context.note(notes, line, Weight::Security, advice);
        rules.extend(lost.into_iter().filter(|_| !context.leaves_gaps));
    }
    rules
}
