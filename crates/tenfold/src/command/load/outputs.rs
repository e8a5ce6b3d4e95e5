//! Files of results. They are opened before the test: nobody wants to learn after an hour that a directory is not there.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use tenfold_load::Results;
use tenfold_load::report::{self, Style};

use super::super::Refusal;
use super::arguments::Files;

type Make = fn(&Results, Option<&Results>) -> String;

/// What will be written, and what is compared with.
pub(super) struct Outputs {
    files: Vec<(PathBuf, File, Make)>,
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
        let mut opened = Vec::new();
        for (path, make) in wanted {
            if let Some(path) = path {
                // Without emptying it: what is there is kept until there are new results.
                let file = File::options()
                    .create(true)
                    .write(true)
                    .truncate(false)
                    .open(path);
                opened.push((
                    path.clone(),
                    file.map_err(|error| cannot(path, &error))?,
                    make,
                ));
            }
        }
        Ok(Self { files: opened, old })
    }

    /// Writes files and prints the summary.
    pub(super) fn write(self, results: &Results) -> Result<(), Refusal> {
        let old = self.old.as_ref();
        for (path, mut file, make) in self.files {
            let text = make(results, old);
            // What is no file (a pipe, /dev/stdout) has no length.
            let is_file = file.metadata().is_ok_and(|it| it.is_file());
            let emptied = if is_file { file.set_len(0) } else { Ok(()) };
            let written = emptied.and_then(|()| file.write_all(text.as_bytes()));
            written.map_err(|error| cannot(&path, &error))?;
        }
        let style = style();
        print(&report::summary(results, style));
        if let Some(old) = old {
            print(&report::comparison(old, results, style));
        }
        Ok(())
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

fn cannot(path: &Path, error: &io::Error) -> Refusal {
    let help = "give a file in a directory that exists and that this user may write";
    Refusal::new(format!("cannot write {}: {error}", path.display()), help)
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

/// A reader that has gone away changes nothing.
pub(super) fn print(text: &str) {
    let _gone = io::stdout().write_all(text.as_bytes());
    let _gone = io::stdout().flush();
}
