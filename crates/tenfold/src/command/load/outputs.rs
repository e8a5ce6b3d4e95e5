//! Files of results. They are opened before the test: nobody wants to learn after an hour that a directory is not there.
//!
//! The summary is printed before they are written, and each is written whatever becomes of the others: what was measured is not lost because
//! a disk is full.

use std::fs;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use tenfold_load::Results;
use tenfold_load::report::{self, Style};

use super::super::Refusal;
use super::super::output::Output;
use super::arguments::Files;

type Make = fn(&Results, Option<&Results>) -> String;

/// What will be written, and what is compared with.
pub(super) struct Outputs {
    files: Vec<(Output, Make)>,
    old: Option<Results>,
}

impl Outputs {
    pub(super) fn open(files: &Files) -> Result<Self, Refusal> {
        let wanted: [(&Option<PathBuf>, Make); 4] = [
            (&files.json, |results, _| report::json(results)),
            (&files.csv, |results, _| report::csv(results)),
            (&files.csv_steps, |results, _| report::csv_steps(results)),
            (&files.html, report::html),
        ];
        // Before anything is opened to be written: it may be the same file.
        let old = files.compare.as_deref().map(read).transpose()?;
        let mut opened: Vec<(Output, Make)> = Vec::new();
        for (path, make) in wanted {
            let Some(path) = path else { continue };
            if path == Path::new("-") {
                return Err(Refusal::new(
                    "- is no file, and on standard output is the summary",
                    "give a file, or ./- if it is called so",
                ));
            }
            let output = Output::open(path)?;
            if let Some((other, _)) = opened.iter().find(|(other, _)| other.is_same(&output)) {
                return Err(Refusal::new(
                    format!(
                        "{} and {} are one file",
                        other.path().display(),
                        path.display()
                    ),
                    "give each output a file of its own",
                ));
            }
            opened.push((output, make));
        }
        Ok(Self { files: opened, old })
    }

    /// Prints the summary and writes files.
    pub(super) fn write(self, results: &Results) -> Result<(), Refusal> {
        let old = self.old.as_ref();
        let style = style();
        let mut text = report::summary(results, style);
        if let Some(old) = old {
            text += &report::comparison(old, results, style);
        }
        let printed = print(&text);
        let written: Vec<_> = self
            .files
            .into_iter()
            .map(|(mut output, make)| output.write(&make(results, old)))
            .collect();
        written.into_iter().fold(printed, Result::and)
    }
}

/// Reads what a test wrote.
pub(super) fn read(path: &Path) -> Result<Results, Refusal> {
    let help = "give a file that `tenfold load … --json FILE` has written";
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| Refusal::new(format!("cannot read {shown}: {error}"), help))?;
    report::read_json(&text).map_err(|error| Refusal::new(format!("{shown}: {error}"), help))
}

fn style() -> Style {
    let default = Style::default();
    let columns = ratatui::crossterm::terminal::size().map(|(columns, _)| usize::from(columns));
    let is_terminal = io::stdout().is_terminal();
    Style {
        in_colour: is_terminal && std::env::var_os("NO_COLOR").is_none(),
        width: if is_terminal {
            columns.unwrap_or(default.width)
        } else {
            default.width
        },
    }
}

/// A reader that has gone away (`| head`) changes nothing.
pub(super) fn print(text: &str) -> Result<(), Refusal> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Refusal::new(
            format!("cannot write the summary: {error}"),
            "is the disk full? With --json FILE results are kept elsewhere too",
        )),
        _ => Ok(()),
    }
}
