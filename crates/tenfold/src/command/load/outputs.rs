//! Files of results. They are opened before the test: nobody wants to learn after an hour that a directory is not there.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use tenfold_load::Results;
use tenfold_load::report;

use super::super::Refusal;
use super::arguments::Files;

type Make = fn(&Results) -> String;

/// What will be written.
pub(super) struct Outputs(Vec<(PathBuf, File, Make)>);

impl Outputs {
    pub(super) fn open(files: &Files) -> Result<Self, Refusal> {
        let wanted: [(&Option<PathBuf>, Make); 2] =
            [(&files.json, report::json), (&files.csv, report::csv)];
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
        Ok(Self(opened))
    }

    pub(super) fn write(self, results: &Results) -> Result<(), Refusal> {
        for (path, mut file, make) in self.0 {
            let text = make(results);
            let written = file
                .set_len(0)
                .and_then(|()| file.write_all(text.as_bytes()));
            written.map_err(|error| cannot(&path, &error))?;
        }
        Ok(())
    }
}

fn cannot(path: &Path, error: &std::io::Error) -> Refusal {
    let help = "give a file in a directory that exists and that this user may write";
    Refusal::new(format!("cannot write {}: {error}", path.display()), help)
}
