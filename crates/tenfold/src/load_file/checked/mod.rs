//! What is meant: defaults filled in, names resolved, data read, and everything refused that cannot work.

mod extract;
mod feed;
mod mix;
mod phase;
mod step;
mod target;
mod template;
mod threshold;

use std::path::{Path, PathBuf};

use tenfold_load::Test;
use tenfold_load::scenario::Scenario;
use tenfold_load::test::{Arrivals, GRACE, Mix, Shard};

use super::raw;
use crate::config::diagnostic::{Place, Report, Source};
use crate::config::files::Files;
use crate::config::load::reason;
use crate::config::read::{Field, shortened};
use crate::config::scalar::Count;
use step::{Defaults, Steps};
use template::Names;

/// What the checks read and write besides the file.
pub(super) struct Scope<'s> {
    pub(super) report: &'s mut Report,
    pub(super) files: &'s dyn Files,
    pub(super) sources: &'s [Source],
}

impl Scope<'_> {
    /// A path that was written in a file: relative to that file.
    fn resolve(&self, path: &str, at: Place) -> PathBuf {
        let file = &self.sources[at.file as usize].path;
        file.parent().unwrap_or(Path::new("")).join(path)
    }

    /// The content of a file that the test names, of at most `most` bytes.
    fn content(&mut self, path: &str, at: Place, most: u64) -> Option<Vec<u8>> {
        let path = self.resolve(path, at);
        let shown = path.display();
        match self.files.read_at_most(&path, most) {
            Ok(bytes) if bytes.len() as u64 > most => {
                let message = format!("{shown} is larger than {} MiB", most >> 20);
                self.report
                    .error(at, message, "it is kept in memory: take a part of it");
                None
            }
            Ok(bytes) => Some(bytes),
            Err(error) => {
                let message = format!("cannot read {shown}: {}", reason(&error));
                let help = "paths are relative to the file in which they are written";
                self.report.error(at, message, help);
                None
            }
        }
    }

    /// A whole number within bounds; `default` if it is not given.
    fn count(
        &mut self,
        key: &str,
        field: &Field<Count>,
        bounds: std::ops::RangeInclusive<u64>,
        default: u64,
    ) -> u64 {
        let Some(given) = field.given() else {
            return default;
        };
        if !bounds.contains(&given.value.0) {
            let message = format!("`{key}` cannot be {}", given.value.0);
            let help = format!("give a number from {} to {}", bounds.start(), bounds.end());
            self.report.error(given.at, message, help);
        }
        given.value.0
    }

    /// A name that reports can show.
    fn name(&mut self, key: &str, name: &str, at: Place) {
        let is_good = (1..=128).contains(&name.chars().count()) && !name.contains(char::is_control);
        if !is_good {
            let message = format!("`{key}` cannot be `{}`", shortened(name));
            let help = "a name has 1 to 128 characters, and no line breaks";
            self.report.error(at, message, help);
        }
    }
}

/// The test, or `None` after what is wrong was reported.
pub(super) fn build(file: &raw::File, file_name: &str, scope: &mut Scope<'_>) -> Option<Test> {
    if let Some(name) = file.name.given() {
        scope.name("name", &name.value, name.at);
    }
    let target = file
        .target
        .value()
        .and_then(|raw| target::check(raw, scope));
    let feeds = feed::check(&file.feed, scope);
    let names = Names::new(file, &feeds);
    let defaults = Defaults::new(file, &names, scope);
    let is_markov = !file.markov.is_missing();
    let mut steps = Steps::new(&names, &defaults);
    let setup = steps.list(file.setup.value(), false, scope);
    let scenarios = scenarios(file, &mut steps, is_markov, scope);
    // It knows what setup found, and nothing of the sessions.
    let teardown = steps.list(file.teardown.value(), false, scope);
    let phases = phase::check(file.phase.value(), scope);
    let mix = mix::check(file, &scenarios, scope);
    let thresholds = threshold::check(file, &scenarios, &phases, scope);
    let threads = match file.threads.given() {
        Some(_) => scope.count("threads", &file.threads, 1..=1024, 1),
        None => std::thread::available_parallelism().map_or(1, |all| all.get() as u64 / 2),
    };
    let target = target?;
    Some(Test {
        name: file.name.or(file_name.to_owned()),
        phases,
        arrivals: match file.arrivals.or(raw::Arrivals::Even) {
            raw::Arrivals::Even => Arrivals::Even,
            raw::Arrivals::Poisson => Arrivals::Poisson,
        },
        scenarios,
        mix: mix.unwrap_or(Mix::Random),
        replay: None,
        setup,
        teardown,
        variables: names
            .variables
            .iter()
            .map(|name| (*name).to_owned())
            .collect(),
        thresholds,
        seed: file.seed.or(Count(1)).0,
        threads: usize::try_from(threads.max(1)).unwrap_or(1),
        shard: Shard::default(),
        start_at: None,
        grace: file
            .grace
            .value()
            .map_or(GRACE.min(target.timeout), |grace| grace.0),
        feeds,
        target,
    })
}

fn scenarios(
    file: &raw::File,
    steps: &mut Steps<'_>,
    is_markov: bool,
    scope: &mut Scope<'_>,
) -> Vec<Scenario> {
    let all = file.scenario.value().map_or(&[][..], |all| &all.0);
    if is_markov {
        // Any page may have been before any other.
        let before = all.iter().filter_map(|one| one.value.step.value());
        steps.know(before.flat_map(|steps| &steps.0).map(|step| &step.value));
    }
    let mut made: Vec<Scenario> = Vec::new();
    for one in all {
        let raw = &one.value;
        let name = raw.name.or(String::new());
        if let Some(given) = raw.name.given() {
            scope.name("name", &given.value, given.at);
            if made.iter().any(|other| other.name == given.value) {
                let message = format!("two scenarios have the name `{}`", shortened(&given.value));
                scope.report.error(given.at, message, "rename one");
            }
        }
        let weight = raw.weight.value().map_or(1.0, |weight| weight.0);
        if let Some(given) = raw.weight.given() {
            if !(0.0..=1e9).contains(&weight) {
                let help = "give a number from 0, for example 3";
                scope
                    .report
                    .error(given.at, "`weight` is out of bounds", help);
            } else if is_markov {
                let message = "`weight` has no effect: [markov] says what comes next";
                scope.report.warning(given.at, message, "leave it out");
            }
        }
        let steps = steps.of_scenario(raw, is_markov, scope);
        made.push(Scenario {
            name,
            weight,
            steps,
        });
    }
    made
}
