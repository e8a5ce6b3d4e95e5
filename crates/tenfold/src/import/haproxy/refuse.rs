//! Who is kept out, and who may pass.
//!
//! What routes can say is refused as HAProxy refuses it. Whoever else is kept out, the routes that they would come to refuse
//! everyone: a wrong refusal is seen at once, a wrong permission is not. Two kinds of rules stay open, with a comment about
//! SECURITY, since closing would refuse all for what is done to few: limits of rates, and lists of clients by what they say of
//! themselves. Only to be *let in* by those closes.

use super::acl::{Acls, Case, start};
use super::context::Context;
use super::lexer::Line;
use super::meaning::{Depends, Meaning};
use super::region::Region;
use super::rules::{Before, Effect, Phase, Rule, phase};
use crate::import::ledger::{Note, Weight};
use crate::import::model::Action;

/// True if a line keeps someone out.
pub(super) fn refuses(line: &Line) -> bool {
    match line.word(0) {
        "http-request" => matches!(
            line.word(1),
            "deny" | "tarpit" | "reject" | "silent-drop" | "auth"
        ),
        "http-response" | "http-after-response" => {
            matches!(line.word(1), "deny" | "tarpit" | "reject" | "silent-drop")
        }
        "tcp-request" | "tcp-response" => matches!(line.word(2), "reject" | "silent-drop"),
        "block" => true,
        _ => false,
    }
}

/// True if a line lets someone pass whom later ones would keep out.
pub(super) fn passes(line: &Line) -> bool {
    match line.word(0) {
        "http-request" | "http-response" => line.word(1) == "allow",
        "tcp-request" => line.word(2) == "accept",
        _ => false,
    }
}

/// What is answered instead.
pub(super) fn refusal(line: &Line) -> Action {
    let at = line
        .words
        .iter()
        .position(|word| word == "deny_status" || word == "status");
    let given = at.and_then(|at| line.word(at + 1).parse().ok());
    let given = given.filter(|code| (400..=599).contains(code));
    // HAProxy's own.
    let standard = if line.word(1) == "tarpit" { 500 } else { 403 };
    Action::refuse(given.unwrap_or(standard), "")
}

/// The rules of a line that keeps someone out.
pub(super) fn denied<'s>(
    context: &mut Context,
    line: &'s Line,
    acls: &Acls<'_>,
    before: &Before,
    refusal: &Action,
    notes: &mut Vec<Note>,
) -> Vec<Rule<'s>> {
    let mut rules = Vec::new();
    for case in acls.cases(line.from(start(line))) {
        let case = before.changed.case(case);
        let rule = one(context, line, case, before, refusal, notes);
        rules.extend(rule);
    }
    rules
}

fn one<'s>(
    context: &mut Context,
    line: &'s Line,
    case: Case,
    before: &Before,
    refusal: &Action,
    notes: &mut Vec<Note>,
) -> Option<Rule<'s>> {
    let Case { is, but } = case;
    let phase = phase(line).unwrap_or_default();
    let has_password = line.word(0) == "http-request" && line.word(1) == "auth";
    let is_late = phase == Phase::Response;
    let is_sure = is.is_exact && !has_password && !is_late && !before.unsaid.contains(&phase);
    if is_sure {
        said(context, line, notes);
        let is_everyone = is.all == [Region::default()] && !but.is_empty();
        return Some(match is_everyone {
            true => rule(
                line,
                phase,
                but,
                Vec::new(),
                Effect::Require(refusal.clone()),
            ),
            false => rule(line, phase, is.all, but, Effect::Answer(refusal.clone())),
        });
    }
    if let Some(advice) = left_open(&is) {
        context.note(notes, line, Weight::Security, advice);
        return None;
    }
    let mut remarks = is.remarks.clone();
    if has_password {
        remarks.push("passwords are not asked for yet".into());
    } else if is_late {
        remarks.push("answers are not looked at".into());
    } else if before.unsaid.contains(&phase) {
        remarks.push(
            "a rule before this lets some pass of whom routes cannot say who they are".into(),
        );
    }
    let why = match remarks.is_empty() {
        true => String::new(),
        false => format!(" ({})", remarks.join("; ")),
    };
    let best = is
        .best
        .filter(|_| context.leaves_gaps && !has_password && !is_late);
    let advice = match best {
        Some(_) => format!("does not keep out all that it did{why}: left open (--leave-gaps-open)"),
        None => format!(
            "who is kept out cannot be said{why}: the routes that it is for refuse everyone until you have decided"
        ),
    };
    context.note(notes, line, Weight::Security, advice);
    Some(match best {
        Some(best) => rule(line, phase, best, but, Effect::Answer(refusal.clone())),
        None => rule(line, phase, is.all, but, Effect::Close),
    })
}

pub(super) fn rule(
    line: &Line,
    phase: Phase,
    regions: Vec<Region>,
    except: Vec<Region>,
    effect: Effect,
) -> Rule<'_> {
    Rule {
        line,
        phase,
        regions,
        except,
        effect,
    }
}

/// A refusal that is translated; how it is made may differ.
fn said(context: &mut Context, line: &Line, notes: &mut Vec<Note>) {
    let words = [line.word(1), line.word(2)];
    let is_tcp = line.word(0) == "tcp-request";
    if words.contains(&"tarpit") {
        let advice = "is answered at once";
        context.note(notes, line, Weight::Differs, advice);
    } else if is_tcp || words.contains(&"reject") || words.contains(&"silent-drop") {
        let advice = "is answered with 403, instead of by closing the connection";
        context.note(notes, line, Weight::Differs, advice);
    } else {
        context.translated(line);
    }
}

/// What is said of a rule that is left out; `None` if it must not be.
fn left_open(is: &Meaning) -> Option<&'static str> {
    match is.depends {
        Depends::Rate => Some("limits of rates are not supported yet: nobody is refused by this"),
        Depends::Courtesy => Some(
            "nobody is refused by this: it depends on what clients say of themselves, as they like",
        ),
        Depends::Nothing | Depends::Other => None,
    }
}

/// Who may pass the other rules of the phase. `matters` says that these keep someone out.
pub(super) fn passed<'s>(
    context: &mut Context,
    line: &'s Line,
    acls: &Acls<'_>,
    before: &mut Before,
    matters: bool,
    notes: &mut Vec<Note>,
) -> Vec<Rule<'s>> {
    let phase = phase(line).unwrap_or_default();
    let mut rules = Vec::new();
    for case in acls.cases(line.from(start(line))) {
        let Case { is, but } = before.changed.case(case);
        if is.is_exact && but.is_empty() && phase != Phase::Response {
            context.translated(line);
            rules.push(rule(line, phase, is.all, Vec::new(), Effect::Pass));
        } else if matters {
            before.unsaid.insert(phase);
            let why = is.remarks.join("; ");
            let advice = format!("who may pass cannot be said ({why}): nobody does");
            context.note(notes, line, Weight::Security, advice);
        } else {
            let advice = "nothing after it would keep anyone out";
            context.note(notes, line, Weight::Unneeded, advice);
        }
    }
    rules
}
