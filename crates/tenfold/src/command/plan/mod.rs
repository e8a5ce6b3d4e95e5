//! `tenfold plan`: from measurements to how many replicas a peak takes.
//!
//! What is computed is crate capacity's; here are its inputs, and its answers as text, JSON and a page. Where the measurements do not
//! bear an answer there is none: what they do say is shown, and what to measure.

mod analysis;
mod arguments;
mod html;
mod http;
mod planned;
mod report;
mod source;
mod text;
mod value;

use std::io::Write as _;
use std::process::ExitCode;

use tenfold_capacity::plan::{PlanError, Value};

use super::Refusal;
use analysis::Analysis;
pub(crate) use arguments::Plan;
use report::Report;

/// What was measured does not bear an answer.
const REFUSED: u8 = 1;

/// Plans. The exit code is 0, or 1 if there is no answer; wrong input is a refusal.
pub(crate) fn run(arguments: &Plan) -> Result<ExitCode, Refusal> {
    let load = &arguments.load;
    let measurements = source::read(
        &arguments.sources,
        load.objective.map(|wanted| wanted.measure),
    )?;
    let analysis = measurements
        .map(|measurements| analysis::analyse(measurements, load.objective, load.ratio))
        .transpose()?;
    let report = report(arguments, analysis)?;
    write(arguments, &report)?;
    let Some(refused) = &report.refused else {
        return Ok(ExitCode::SUCCESS);
    };
    eprintln!("no answer: {refused}");
    Ok(ExitCode::from(REFUSED))
}

fn report(arguments: &Plan, analysis: Option<Analysis>) -> Result<Report, Refusal> {
    // The numbers are checked in any case; whatever today's peak is, they are right or wrong.
    let inputs = planned::inputs(
        arguments,
        analysis.as_ref(),
        arguments.load.today.unwrap_or(Value::Exact(1.0)),
    )?;
    let (planned, refused) = match (refusal(analysis.as_ref()), arguments.load.today) {
        (Some(why), _) => (None, Some(why)),
        (None, None) if analysis.is_none() => {
            return Err(Refusal::new(
                "there is neither a measurement nor today's peak",
                "give --points, --results or --prometheus, and --today for a plan; tenfold plan --help has examples",
            ));
        }
        (None, None) => (None, None),
        (None, Some(_)) => match planned::planned(arguments, &inputs) {
            Ok(planned) => (Some(planned), None),
            Err(PlanError::Invalid(error)) => {
                return Err(Refusal::new(
                    error,
                    "correct the number; tenfold plan --help says what each is",
                ));
            }
            Err(error) => (None, Some(error.to_string())),
        },
    };
    Ok(Report {
        version: env!("CARGO_PKG_VERSION"),
        measured_replicas: arguments.sources.measured_replicas,
        planned,
        refused,
        measurements: analysis,
    })
}

/// Why the measurements bear no capacity, and so no plan.
fn refusal(analysis: Option<&Analysis>) -> Option<String> {
    let analysis = analysis?;
    if analysis.is_bad() {
        let first = analysis
            .notes
            .iter()
            .find(|note| note.contains("is left out"))
            .map_or("", String::as_str);
        return Some(format!(
            "Little's law is broken at {} of {} points, so that the measurement itself is bad (if the latency is a percentile, say so with --latency-is): {first}",
            analysis.little.broken, analysis.little.checked
        ));
    }
    analysis.no_capacity.clone()
}

fn write(arguments: &Plan, report: &Report) -> Result<(), Refusal> {
    if let Some(path) = &arguments.output.html {
        std::fs::write(path, html::page(report)).map_err(|error| {
            Refusal::new(
                format!("cannot write {}: {error}", path.display()),
                "give a file in a folder that exists and may be written to",
            )
        })?;
    }
    let text = match arguments.output.json {
        true => {
            serde_json::to_string_pretty(report).map_err(|error| Refusal::new(error, ""))? + "\n"
        }
        false => text::text(report),
    };
    // A reader that has seen enough is no failure.
    let _gone = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}
