//! Phases: forms of load become plain ones, of which each goes linearly from one amount to another.

use std::collections::HashSet;
use std::time::Duration;

use tenfold_load::test::{Load, Phase};

use super::Scope;
use crate::config::diagnostic::{At, Place};
use crate::config::read::shortened;
use crate::config::scalar::Count;
use crate::config::shape::OneOrMore;
use crate::load_file::raw::phase::{Change, Level, Phase as Raw};

/// Most phases, those that steps and spikes become included.
const MOST: usize = 10_000;

/// What is counted: sessions per second, or users.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Rate,
    Users,
}

impl Kind {
    fn most(self) -> f64 {
        match self {
            Self::Rate => 1e7,
            Self::Users => 1e6,
        }
    }

    fn load(self, from: f64, to: f64) -> Load {
        match self {
            Self::Rate => Load::Rate { from, to },
            Self::Users => Load::Users {
                from: from as u32,
                to: to as u32,
            },
        }
    }
}

/// A part of a phase.
struct Part {
    suffix: String,
    duration: Duration,
    from: f64,
    to: f64,
}

pub(super) fn check(raw: Option<&OneOrMore<Raw>>, scope: &mut Scope<'_>) -> Vec<Phase> {
    let mut phases: Vec<Phase> = Vec::new();
    let mut first: Option<(Kind, Place)> = None;
    let mut before = 0.0;
    let all = raw.map_or(&[][..], |all| &all.0);
    for (one, number) in all.iter().zip(1..) {
        let name = match one.value.name.given() {
            Some(name) => {
                scope.name("name", &name.value, name.at);
                name.value.clone()
            }
            None => format!("phase {number}"),
        };
        let Some((kind, level)) = kind(one, scope) else {
            continue;
        };
        match first {
            Some((other, place)) if other != kind => {
                let message = "phases of a test all have `rate`, or all have `users`";
                let help = "an open and a closed model cannot be told apart in the results: make two tests";
                scope
                    .report
                    .error(level.at, message, help)
                    .also(place, "here it is the other");
                continue;
            }
            Some(_) => {}
            None => first = Some((kind, level.at)),
        }
        let Some(duration) = one.value.duration.value() else {
            continue;
        };
        let parts = parts(&level.value, kind, duration.0, before, level.at, scope);
        before = parts.last().map_or(before, |part| part.to);
        let is_warm_up = one.value.warm_up.or(false);
        phases.extend(parts.into_iter().map(|part| Phase {
            name: format!("{name}{}", part.suffix),
            duration: part.duration,
            load: kind.load(part.from, part.to),
            is_warm_up,
        }));
    }
    whole(&phases, raw, first.map(|(_, place)| place), scope);
    phases
}

fn whole(
    phases: &[Phase],
    raw: Option<&OneOrMore<Raw>>,
    place: Option<Place>,
    scope: &mut Scope<'_>,
) {
    let Some(place) = place else { return };
    let is_nothing = |phase: &Phase| match phase.load {
        Load::Rate { from, to } => from == 0.0 && to == 0.0,
        Load::Users { from, to } => from == 0 && to == 0,
    };
    if !scope.report.has_errors() && phases.iter().all(is_nothing) {
        let help = "give at least one phase a rate or users";
        scope
            .report
            .error(place, "there is no load in any phase", help);
    }
    // A threshold of a phase, and whoever reads the results, tell them apart by their names.
    let mut names = HashSet::new();
    if let Some(twice) = phases.iter().find(|phase| !names.insert(&phase.name)) {
        let message = format!("two phases have the name `{}`", shortened(&twice.name));
        scope.report.error(place, message, "rename one");
    }
    if phases.len() > MOST {
        let message = format!("there are more than {MOST} phases");
        scope.report.error(place, message, "take fewer steps");
    }
    let all = raw.map_or(&[][..], |all| &all.0);
    if !all.is_empty() && all.iter().all(|one| one.value.warm_up.or(false)) {
        let message = "every phase is a warm-up: nothing would be measured";
        scope
            .report
            .error(place, message, "add a phase without warm_up");
    }
}

fn kind<'r>(phase: &'r At<Raw>, scope: &mut Scope<'_>) -> Option<(Kind, &'r At<Level>)> {
    let raw = &phase.value;
    match (raw.rate.given(), raw.users.given()) {
        (Some(rate), None) => Some((Kind::Rate, rate)),
        (None, Some(users)) => Some((Kind::Users, users)),
        (Some(_), Some(users)) => {
            let message = "a phase has `rate` or `users`, not both";
            let help = "`rate` does not wait for answers (open model); `users` do (closed model)";
            scope.report.error(users.at, message, help);
            None
        }
        (None, None) => {
            if raw.rate.is_missing() && raw.users.is_missing() {
                let message = "this phase does not say how much load there is";
                let help = "add rate = 100 (arrivals per second), or users = 50";
                scope.report.error(phase.at, message, help);
            }
            None
        }
    }
}

fn parts(
    level: &Level,
    kind: Kind,
    duration: Duration,
    before: f64,
    at: Place,
    scope: &mut Scope<'_>,
) -> Vec<Part> {
    let plain = |from, to| Part {
        suffix: String::new(),
        duration,
        from,
        to,
    };
    let change = match level {
        Level::Same(amount) => {
            amount_of(*amount, kind, at, scope);
            return vec![plain(*amount, *amount)];
        }
        Level::Change(change) => change,
    };
    for given in [&change.from, &change.to, &change.spike] {
        if let Some(given) = given.given() {
            amount_of(given.value.0, kind, given.at, scope);
        }
    }
    let from = change.from.value().map_or(before, |from| from.0);
    match (change.to.value(), change.spike.value()) {
        (Some(to), None) => {
            without(change.after.at(), "after", "spike", scope);
            without(change.lasts.at(), "lasts", "spike", scope);
            match change.steps.given() {
                Some(steps) => staircase(steps, kind, duration, from, to.0, scope),
                None => vec![plain(from, to.0)],
            }
        }
        (None, Some(top)) => {
            without(change.steps.at(), "steps", "to", scope);
            spike(change, duration, from, top.0, at, scope)
        }
        (Some(_), Some(_)) => {
            let place = change.spike.at().unwrap_or(at);
            let message = "this says both `to` and `spike`";
            scope
                .report
                .error(place, message, "make a ramp and a spike two phases");
            Vec::new()
        }
        (None, None) => {
            if change.to.is_missing() && change.spike.is_missing() {
                let message = "this does not say how the load changes";
                let help = "add to = 500 for a ramp, or spike = 2000";
                scope.report.error(at, message, help);
            }
            Vec::new()
        }
    }
}

fn amount_of(amount: f64, kind: Kind, at: Place, scope: &mut Scope<'_>) {
    if !(0.0..=kind.most()).contains(&amount) {
        let help = format!("give a number from 0 to {}", kind.most());
        scope
            .report
            .error(at, format!("the load cannot be {amount}"), help);
    } else if kind == Kind::Users && amount.fract() != 0.0 {
        let message = format!("there cannot be {amount} users");
        scope.report.error(at, message, "give a whole number");
    }
}

fn without(at: Option<Place>, key: &str, other: &str, scope: &mut Scope<'_>) {
    if let Some(at) = at {
        let message = format!("`{key}` has no meaning without `{other}`");
        scope.report.error(at, message, "leave it out");
    }
}

fn staircase(
    steps: &At<Count>,
    kind: Kind,
    duration: Duration,
    from: f64,
    to: f64,
    scope: &mut Scope<'_>,
) -> Vec<Part> {
    let Some(count) = u32::try_from(steps.value.0)
        .ok()
        .filter(|count| (2..=1000).contains(count))
    else {
        let message = format!("`steps` cannot be {}", steps.value.0);
        scope
            .report
            .error(steps.at, message, "give a number from 2 to 1000");
        return Vec::new();
    };
    let part = |index: u32| {
        let amount = from + (to - from) * f64::from(index) / f64::from(count - 1);
        let amount = match kind {
            Kind::Rate => amount,
            Kind::Users => amount.round(),
        };
        // What is left of the division belongs to the last one, so that the sum is right.
        let each = duration / count;
        Part {
            suffix: format!(" {}/{count}", index + 1),
            duration: match index + 1 == count {
                true => duration - each * (count - 1),
                false => each,
            },
            from: amount,
            to: amount,
        }
    };
    (0..count).map(part).collect()
}

fn spike(
    change: &Change,
    duration: Duration,
    base: f64,
    top: f64,
    at: Place,
    scope: &mut Scope<'_>,
) -> Vec<Part> {
    let lasts = change.lasts.value().map_or(duration / 10, |time| time.0);
    let after = change.after.value().map_or(duration / 2, |time| time.0);
    let Some(rest) = duration.checked_sub(after + lasts) else {
        let place = change.lasts.at().or(change.after.at()).unwrap_or(at);
        let message = "the spike ends after its phase";
        let help = "let `after` and `lasts` together be at most the phase's `duration`";
        scope.report.error(place, message, help);
        return Vec::new();
    };
    let part = |suffix: &str, duration, amount| Part {
        suffix: suffix.to_owned(),
        duration,
        from: amount,
        to: amount,
    };
    let parts = [
        part(" before", after, base),
        part(" spike", lasts, top),
        part(" after", rest, base),
    ];
    parts
        .into_iter()
        .filter(|part| !part.duration.is_zero())
        .collect()
}
