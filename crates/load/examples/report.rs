//! Writes the reports of a test that never was, or of a results file, into a directory, to look at them:
//! `cargo run -p tenfold-load --example report -- DIRECTORY [RESULTS.json]`

#[path = "../src/report/fixture.rs"]
mod fixture;

use std::path::PathBuf;

use tenfold_load::report::{self, Style};
use tenfold_load::{results, threshold};

fn main() -> std::io::Result<()> {
    let directory = std::env::args_os()
        .nth(1)
        .map_or_else(|| ".".into(), PathBuf::from);
    let write = |name: &str, text: String| std::fs::write(directory.join(name), text);
    let (old, mut new) = (fixture::results(1, 1.0), fixture::results(2, 1.08));
    if let Some(path) = std::env::args_os().nth(2) {
        let text = std::fs::read_to_string(path)?;
        new = report::read_json(&text).map_err(std::io::Error::other)?;
    }
    let mut invalid = new.clone();
    invalid
        .generator
        .invalid
        .push("start lag p99 was 4.1 ms, at most 1 ms is good".into());
    invalid.ended_early = Some("Ctrl-C".into());
    write("report.html", report::html(&new, None))?;
    write("compared.html", report::html(&new, Some(&old)))?;
    write("invalid.html", report::html(&invalid, None))?;
    write("report.json", report::json(&new))?;
    write("series.csv", report::csv(&new))?;
    write("steps.csv", report::csv_steps(&new))?;
    for width in [60, 80, 140] {
        let style = Style {
            in_colour: false,
            width,
        };
        let text = report::summary(&invalid, style) + "\n" + &report::comparison(&old, &new, style);
        write(&format!("summary-{width}.txt"), text)?;
    }
    Ok(())
}
