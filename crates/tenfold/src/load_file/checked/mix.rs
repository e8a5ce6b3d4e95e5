//! How scenarios are chosen.

use tenfold_load::scenario::{LONGEST_PERIOD, Scenario, whole_weights};
use tenfold_load::test::{Markov, Mix};

use super::Scope;
use crate::config::diagnostic::{At, Place};
use crate::config::read::shortened;
use crate::config::scalar::Share;
use crate::config::shape::Named;
use crate::config::suggest;
use crate::load_file::raw;

/// How far a sum of shares may be from 1: people write 0.333.
const ROUNDING: f64 = 0.005;

pub(super) fn check(
    file: &raw::File,
    scenarios: &[Scenario],
    scope: &mut Scope<'_>,
) -> Option<Mix> {
    if let Some(markov) = file.markov.given() {
        if let Some(at) = file.mix.at() {
            let message = "`mix` has no effect: [markov] says what comes next";
            scope.report.warning(at, message, "leave it out");
        }
        return self::markov(markov, scenarios, scope).map(Mix::Markov);
    }
    let weights: Vec<_> = scenarios.iter().map(|one| one.weight).collect();
    let all = file.scenario.at().unwrap_or_default();
    if !weights.is_empty() && weights.iter().all(|weight| *weight == 0.0) {
        let message = "no scenario has a weight above 0: nobody would do anything";
        scope
            .report
            .error(all, message, "give one of them a weight");
        return None;
    }
    let Some(mix) = file.mix.given() else {
        return Some(Mix::Random);
    };
    match mix.value {
        raw::Mix::Random => Some(Mix::Random),
        raw::Mix::Exact => {
            if !weights.is_empty() && whole_weights(&weights).is_none() {
                let message = format!(
                    "these weights repeat themselves only after more than {LONGEST_PERIOD} sessions"
                );
                let help = "give weights with fewer digits, for example percentages";
                scope.report.error(mix.at, message, help);
            }
            Some(Mix::Exact)
        }
    }
}

fn markov(raw: &At<raw::Markov>, scenarios: &[Scenario], scope: &mut Scope<'_>) -> Option<Markov> {
    let most = scope.count("most", &raw.value.most, 1..=100_000, 1000);
    let start = raw.value.start.given()?;
    let mut begins = row(&start.value, scenarios, scope);
    let sum: f64 = begins.iter().sum();
    if (sum - 1.0).abs() > ROUNDING {
        let message = format!("the shares of `start` add up to {sum:.3}");
        scope.report.error(
            start.at,
            message,
            "a session begins somewhere: they add up to 1",
        );
    }
    for share in &mut begins {
        *share /= sum;
    }
    let mut next = vec![vec![0.0; scenarios.len()]; scenarios.len()];
    for (from, shares) in raw.value.next.value()?.given() {
        let Some(index) = index(from, scenarios, scope) else {
            continue;
        };
        next[index] = row(&shares.value, scenarios, scope);
        bounded(&mut next[index], shares.at, scope);
    }
    reached(&begins, &next, start.at, scenarios, scope);
    Some(Markov {
        start: begins,
        next,
        most: u32::try_from(most).unwrap_or(u32::MAX),
    })
}

/// A share for each scenario.
fn row(named: &Named<Share>, scenarios: &[Scenario], scope: &mut Scope<'_>) -> Vec<f64> {
    let mut row = vec![0.0; scenarios.len()];
    for (name, share) in named.given() {
        if !(0.0..=1.0).contains(&share.value.0) {
            let message = "this share is out of bounds";
            scope.report.error(
                share.at,
                message,
                "give a share from 0 to 1, or from 0% to 100%",
            );
        } else if let Some(index) = index(name, scenarios, scope) {
            row[index] = share.value.0;
        }
    }
    row
}

/// What lacks to 1 is leaving; there cannot be more.
fn bounded(row: &mut [f64], at: Place, scope: &mut Scope<'_>) {
    let sum: f64 = row.iter().sum();
    if sum > 1.0 + ROUNDING {
        let message = format!("these shares add up to {sum:.3}");
        let help = "they add up to at most 1; what is missing to it is leaving";
        scope.report.error(at, message, help);
    } else if sum > 1.0 {
        for share in row {
            *share /= sum;
        }
    }
}

fn index(name: &At<String>, scenarios: &[Scenario], scope: &mut Scope<'_>) -> Option<usize> {
    let found = scenarios.iter().position(|one| one.name == name.value);
    if found.is_none() {
        let known: Vec<_> = scenarios.iter().map(|one| one.name.as_str()).collect();
        let message = format!("there is no scenario `{}`", shortened(&name.value));
        scope.report.error(
            name.at,
            message,
            suggest::help(&name.value, &known, "scenario"),
        );
    }
    found
}

/// Warns of pages that nobody comes to.
fn reached(
    start: &[f64],
    next: &[Vec<f64>],
    at: Place,
    scenarios: &[Scenario],
    scope: &mut Scope<'_>,
) {
    let mut is_reached: Vec<bool> = start.iter().map(|share| *share > 0.0).collect();
    let mut open: Vec<usize> = (0..start.len())
        .filter(|index| is_reached[*index])
        .collect();
    while let Some(page) = open.pop() {
        for (other, share) in next[page].iter().enumerate() {
            if *share > 0.0 && !is_reached[other] {
                is_reached[other] = true;
                open.push(other);
            }
        }
    }
    let lost = scenarios
        .iter()
        .zip(&is_reached)
        .filter(|(_, is_reached)| !**is_reached);
    for (scenario, _) in lost {
        let message = format!(
            "nobody ever comes to the scenario `{}`",
            shortened(&scenario.name)
        );
        scope
            .report
            .warning(at, message, "let another one lead there, or leave it out");
    }
}
