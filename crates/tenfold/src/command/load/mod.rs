//! `tenfold load`: makes load, and says what came of it.
//!
//! What is to be done comes from arguments ([`arguments`]: a URL and a rate) or from a file; crate load does it. Here are only the edges: signals, the view
//! while it runs, files of results, the exit code.

mod arguments;
mod outputs;
mod quick;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;

use tenfold_load::report::{self, Style};
use tenfold_load::{Progress, Results, Stop, Test};
use tokio::runtime::Builder;

use super::Refusal;
use super::run::raise_descriptor_limit;
use super::signals::Signals;
pub(crate) use arguments::Load;
use outputs::Outputs;

/// A threshold does not hold.
const FAILED: u8 = 1;
/// The numbers must not be trusted: the generator was the limit.
const INVALID: u8 = 3;

/// Does what the arguments say. The exit code is 0 if all thresholds hold, 1 if one does not, 2 for what is wrong with the arguments, the file or the
/// target, 3 if the generator was the limit.
pub(crate) fn run(load: Load) -> Result<ExitCode, Refusal> {
    let outputs = Outputs::open(&load.outputs)?;
    let test = quick::test(&load)?;
    let allowed = raise_descriptor_limit();
    // Besides connections: the runtime's, those of results, standard ones.
    let needed = test.target.connections as u64 + 64;
    if allowed < needed {
        tracing::warn!(
            allowed,
            needed,
            "this process may open fewer files than the test has connections: raise `ulimit -n`"
        );
    }
    let stop = Stop::default();
    stop_at_signals(&stop)?;
    let test = Arc::new(test);
    let results = make(&test, &stop, load.quiet)?;
    outputs.write(&results)?;
    let style = Style {
        in_colour: io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        ..Style::default()
    };
    print(&report::summary(&results, style));
    Ok(code(&results))
}

/// The exit code that results come to.
fn code(results: &Results) -> ExitCode {
    if !results.generator.invalid.is_empty() {
        return ExitCode::from(INVALID);
    }
    match results.thresholds.iter().all(|verdict| verdict.holds) {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(FAILED),
    }
}

fn make(test: &Arc<Test>, stop: &Stop, is_quiet: bool) -> Result<Results, Refusal> {
    let mut watch = |progress: &Progress<'_>| {
        if !is_quiet {
            print(&line(progress));
        }
        None
    };
    tenfold_load::run(test, stop, &mut watch).map_err(|error| {
        let help = "nothing was measured";
        Refusal::new(error, help)
    })
}

fn line(progress: &Progress<'_>) -> String {
    let last = progress.results.series.iter().rev().nth(1);
    let time = |share| {
        last.and_then(|it| it.latency.quantile(share))
            .map_or("-".to_owned(), |it| format!("{it:?}"))
    };
    format!(
        "{:>5} s  {}  {} done  {} failed  p50 {}  p99 {}\n",
        progress.elapsed.as_secs(),
        progress.test.phases[progress.phase].name,
        last.map_or(0, |it| it.done),
        last.map_or(0, |it| it.failed),
        time(0.5),
        time(0.99),
    )
}

/// A reader that has gone away changes nothing.
fn print(text: &str) {
    let _gone = io::stdout().write_all(text.as_bytes());
    let _gone = io::stdout().flush();
}

/// The first signal ends the test, which is reported then; the second one ends the program.
fn stop_at_signals(stop: &Stop) -> Result<(), Refusal> {
    let failed = |error: io::Error| {
        Refusal::new(
            format!("cannot wait for signals: {error}"),
            "raise the limits of this process (ulimit -a)",
        )
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
            // What 128 + SIGINT says everywhere.
            std::process::exit(130);
        });
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(wait)
        .map_err(failed)?;
    Ok(())
}
