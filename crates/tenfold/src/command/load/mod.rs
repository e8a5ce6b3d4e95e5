//! `tenfold load`: makes load, and says what came of it.
//!
//! What is to be done comes from arguments ([`quick`]: a URL and a rate) or from a file; crate load does it. Here are only the
//! edges: signals, the view while it runs ([`live`]), files of results ([`outputs`]), the exit code.

mod arguments;
mod file;
mod import;
mod knee;
mod live;
mod outputs;
mod quick;

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use tenfold::load_file;
use tenfold_load::test::Load as Amount;
use tenfold_load::threshold::{Scope, Threshold};
use tenfold_load::{Progress, Results, Stop, Test, threshold};
use tokio::runtime::Builder;

use super::Refusal;
use super::run::raise_descriptor_limit;
use super::signals::Signals;
pub(crate) use arguments::Load;
use arguments::{Merge, Other};
use live::{Live, Next};
use outputs::Outputs;

/// A threshold does not hold.
const FAILED: u8 = 1;
/// The numbers must not be trusted: the generator was the limit.
const INVALID: u8 = 3;

/// Does what the arguments say. The exit code is 0 if all thresholds hold, 1 if one does not, 2 for what is wrong with the
/// arguments, the file or the target, 3 if the generator was the limit.
pub(crate) fn run(load: &Load) -> Result<ExitCode, Refusal> {
    match &load.other {
        Some(Other::Check(arguments)) => check(&arguments.file),
        Some(Other::Import(arguments)) => import::run(arguments),
        Some(Other::Merge(arguments)) => merge(arguments),
        Some(Other::Report(report)) => {
            let outputs = Outputs::open(&report.outputs)?;
            let results = outputs::read(&report.file)?;
            outputs.write(&results)?;
            Ok(code(&results))
        }
        None => {
            let target = load.target.as_deref().unwrap_or_default();
            let outputs = Outputs::open(&load.outputs)?;
            let test = match target.contains("://") {
                true => quick::test(load, target)?,
                false => file::test(load, Path::new(target))?,
            };
            let steps = test.scenarios.iter().flat_map(|one| &one.steps);
            let names = steps.map(|step| (step.name.as_str(), step.group.as_deref()));
            let phases = test.phases.iter().map(|phase| phase.name.as_str());
            know_parts(&load.threshold, names, phases)?;
            let making = Making::prepare(&test, load)?;
            if load.ramp_to_knee {
                let found = knee::find(&test, load, &making)?;
                outputs::print(&format!("\n{}\n\n", found.outcome))?;
                outputs.write(&found.results)?;
                return Ok(found.code());
            }
            let results = making.make(test)?;
            outputs.write(&results)?;
            Ok(code(&results))
        }
    }
}

/// Says what a file would do.
fn check(file: &Path) -> Result<ExitCode, Refusal> {
    let test = file::read(file)?;
    outputs::print(&load_file::describe(&test, load_file::ASSUMED_RESPONSE))?;
    Ok(ExitCode::SUCCESS)
}

/// The exit code that results come to.
fn code(results: &Results) -> ExitCode {
    if !results.doubts().is_empty() {
        return ExitCode::from(INVALID);
    }
    // Without a sample nothing is known, also if nobody has said what has to hold.
    let is_known = results.total.done > 0;
    match is_known && results.thresholds.iter().all(|verdict| verdict.holds) {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(FAILED),
    }
}

/// What it takes to make load.
struct Making {
    stop: Stop,
    /// Nothing is shown while it runs.
    is_quiet: bool,
    /// Lines, and no picture.
    is_plain: bool,
}

impl Making {
    fn prepare(test: &Test, load: &Load) -> Result<Self, Refusal> {
        let allowed = raise_descriptor_limit();
        // Besides connections: the runtime's, those of results, standard ones.
        let connections = surely_used(test, load);
        if connections > 0 && allowed < connections + 64 {
            let what = format!(
                "this process may open {allowed} files, and the test has {connections} connections"
            );
            return Err(Refusal::new(
                what,
                "raise `ulimit -n`, give fewer --connections, or use several generators (--shard)",
            ));
        }
        let stop = Stop::default();
        stop_at_signals(&stop)?;
        Ok(Self {
            stop,
            // A ramp says what became of each step.
            is_quiet: load.quiet || load.ramp_to_knee,
            is_plain: load.plain,
        })
    }

    fn make(&self, test: Test) -> Result<Results, Refusal> {
        let broken = |error: io::Error| {
            Refusal::new(format!("the terminal: {error}"), "use --plain, or --quiet")
        };
        let mut live = match self.is_quiet {
            true => None,
            false => Some(Live::start(self.is_plain).map_err(broken)?),
        };
        let mut watch = |progress: &Progress<'_>| {
            let shown = live.as_mut()?.show(progress);
            match shown {
                Ok(Next::GoOn) => None,
                Ok(Next::End) => Some("it was interrupted".to_owned()),
                // The test goes on without a picture.
                Err(_) => {
                    live = None;
                    None
                }
            }
        };
        let results = tenfold_load::run(&Arc::new(test), &self.stop, &mut watch);
        // The terminal is given back before anything is printed.
        drop(live);
        results.map_err(|error| {
            Refusal::new(
                error,
                "nothing was measured: see that what is tested runs, and that the URL is right",
            )
        })
    }
}

/// Connections that the test needs: those that were asked for, or one for each user. An open model has most of what it may have only if
/// the service does not keep up.
fn surely_used(test: &Test, load: &Load) -> u64 {
    let users = test.phases.iter().map(|phase| match phase.load {
        Amount::Users { from, to } => u64::from(from.max(to)),
        Amount::Rate { .. } => 0,
    });
    let most = users
        .max()
        .unwrap_or(0)
        .div_ceil(u64::from(test.shard.count));
    let allowed = test.target.connections as u64;
    match (test.is_open(), load.connections) {
        (true, None) => 0,
        (true, Some(_)) => allowed,
        (false, _) => most.min(allowed),
    }
}

/// Puts results together, and judges the whole.
fn merge(arguments: &Merge) -> Result<ExitCode, Refusal> {
    let outputs = Outputs::open(&arguments.outputs)?;
    let parts: Result<Vec<_>, _> = arguments
        .files
        .iter()
        .map(|path| outputs::read(path))
        .collect();
    let mut whole = Results::merge(parts?).map_err(|error| {
        let help = "give each generator's results of one test once";
        Refusal::new(error, help)
    })?;
    if !arguments.threshold.is_empty() {
        let steps = whole.steps.iter();
        let names = steps.map(|step| (step.name.as_str(), step.group.as_deref()));
        let phases = whole.phases.iter().map(|phase| phase.name.as_str());
        know_parts(&arguments.threshold, names, phases)?;
        whole.thresholds = threshold::judge(&arguments.threshold, &whole);
    }
    outputs.write(&whole)?;
    Ok(code(&whole))
}

/// Refuses thresholds of parts that the test does not have: they could never hold. Steps have a name and perhaps a group.
fn know_parts<'n>(
    thresholds: &[Threshold],
    steps: impl Iterator<Item = (&'n str, Option<&'n str>)>,
    phases: impl Iterator<Item = &'n str>,
) -> Result<(), Refusal> {
    let (steps, groups): (Vec<_>, Vec<_>) = steps.unzip();
    let groups: Vec<_> = groups.into_iter().flatten().collect();
    let phases: Vec<_> = phases.collect();
    for threshold in thresholds {
        let (kind, name, known) = match &threshold.scope {
            None => continue,
            Some(Scope::Step { name, .. }) => ("step", name, &steps),
            Some(Scope::Group(name)) => ("group", name, &groups),
            Some(Scope::Phase(name)) => ("phase", name, &phases),
        };
        if known.contains(&name.as_str()) {
            continue;
        }
        let mut some: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
        some.dedup();
        some.truncate(8);
        let help = match some.as_slice() {
            [] => format!("the test has no {kind}s: leave `{kind} …:` out"),
            some => format!("there are {}", some.join(", ")),
        };
        let what = format!(
            "the threshold `{}` is about a {kind} `{name}`, which is not there",
            threshold.text
        );
        return Err(Refusal::new(what, help));
    }
    Ok(())
}

/// The first signal ends the test, which is reported then; the second one ends the program.
fn stop_at_signals(stop: &Stop) -> Result<(), Refusal> {
    let failed = |error: io::Error| {
        let help = "raise the limits of this process (ulimit -a)";
        Refusal::new(format!("cannot wait for signals: {error}"), help)
    };
    let stop = stop.clone();
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    let mut signals = runtime.block_on(async { Signals::new() }).map_err(failed)?;
    let wait = move || {
        runtime.block_on(async {
            signals.end().await;
            stop.stop();
            signals.end().await;
            // The terminal may be ours.
            ratatui::restore();
            // 128 and the number of SIGINT, as shells say it.
            std::process::exit(130);
        });
    };
    let spawned = std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(wait);
    spawned.map_err(failed)?;
    Ok(())
}
