//! The tables of docs/balancing.md, and putting them there.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::RUNS;
use crate::report::Summary;
use crate::scenario::Scenario;
use crate::table::table;

const BEGIN: &str = "<!-- make simulate: begin -->\n";
const END: &str = "<!-- make simulate: end -->\n";

/// The tables of all scenarios.
pub(crate) fn tables(scenarios: &[Scenario], results: &[Vec<Summary>]) -> String {
    let mut text = String::new();
    for (scenario, summaries) in scenarios.iter().zip(results) {
        let (title, about) = (scenario.title, scenario.about);
        let requests = scenario.rate * (scenario.measured.1 - scenario.measured.0).as_secs_f64();
        // Writing to a String cannot fail.
        _ = write!(
            text,
            "### {title}\n\n{about} {:.0} requests per second, {RUNS} runs, {:.0},000 requests.\n\n{}\n",
            scenario.rate,
            requests * RUNS as f64 / 1e3,
            table(summaries)
        );
    }
    text
}

/// Writes the tables between the markers of the page, and the figure beside it.
pub(crate) fn write(docs: &Path, tables: &str, figure: &str) -> Result<(), String> {
    let path = docs.join("balancing.md");
    let fail = |error: std::io::Error| format!("{}: {error}", path.display());
    let old = fs::read_to_string(&path).map_err(fail)?;
    let new = between(&old, tables)
        .ok_or_else(|| format!("{}: the markers are missing", path.display()))?;
    fs::write(&path, new).map_err(fail)?;
    let figures = docs.join("figures");
    fs::create_dir_all(&figures).map_err(fail)?;
    let path = figures.join("balancers.svg");
    fs::write(&path, figure).map_err(|error| format!("{}: {error}", path.display()))
}

/// The page with other tables between its markers.
pub(crate) fn between(page: &str, tables: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{tables}{END}{after}"))
}
