//! What the results have to be.

use tenfold_load::scenario::Scenario;
use tenfold_load::test::Phase;
use tenfold_load::threshold::{Scope as Part, Threshold};

use super::Scope;
use crate::config::diagnostic::At;
use crate::config::read::{Field, shortened};
use crate::config::suggest;
use crate::load_file::raw;

pub(super) fn check(
    file: &raw::File,
    scenarios: &[Scenario],
    phases: &[Phase],
    scope: &mut Scope<'_>,
) -> Vec<Threshold> {
    let all = file.threshold.value().into_iter().flat_map(|all| &all.0);
    all.filter_map(|one| self::one(one, scenarios, phases, scope))
        .collect()
}

fn one(
    raw: &At<raw::Threshold>,
    scenarios: &[Scenario],
    phases: &[Phase],
    scope: &mut Scope<'_>,
) -> Option<Threshold> {
    let raw::Threshold {
        check,
        step,
        group,
        phase,
        abort,
    } = &raw.value;
    let steps = || scenarios.iter().flat_map(|one| &one.steps);
    known("step", step, steps().map(|step| step.name.as_str()), scope);
    known(
        "group",
        group,
        steps().filter_map(|step| step.group.as_deref()),
        scope,
    );
    known(
        "phase",
        phase,
        phases.iter().map(|phase| phase.name.as_str()),
        scope,
    );
    let mut parts = [step.at(), group.at(), phase.at()].into_iter().flatten();
    if let (Some(_), Some(second)) = (parts.next(), parts.next()) {
        let message = "a threshold is about a step, a group or a phase";
        scope.report.error(second, message, "make two thresholds");
    }
    let text = check.given()?;
    let threshold = match Threshold::parse(&text.value) {
        Ok(threshold) => threshold,
        Err(error) => {
            scope.report.error(text.at, error.what, error.help);
            return None;
        }
    };
    let part = step
        .value()
        .map(|name| Part::step(name.clone()))
        .or_else(|| group.value().cloned().map(Part::Group))
        .or_else(|| phase.value().cloned().map(Part::Phase));
    Some(threshold.of(part).aborting(abort.or(false)))
}

/// Reports a name that nothing has: such a threshold could never hold.
fn known<'n>(
    what: &str,
    name: &Field<String>,
    all: impl Iterator<Item = &'n str>,
    scope: &mut Scope<'_>,
) {
    let Some(given) = name.given() else { return };
    let mut all: Vec<_> = all.collect();
    all.dedup();
    if !all.contains(&given.value.as_str()) {
        let message = format!("there is no {what} `{}`", shortened(&given.value));
        scope
            .report
            .error(given.at, message, suggest::help(&given.value, &all, what));
    }
}
