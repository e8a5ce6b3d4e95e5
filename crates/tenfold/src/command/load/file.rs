//! From a file of scenarios: what it says, and what the command line says instead.

use std::io::{self, Write};
use std::path::Path;

use tenfold::load_file;
use tenfold_load::Test;

use super::super::Refusal;
use super::arguments::Load;
use super::quick;

/// What is for tests without a file.
const OF_URLS: &str = "--rate, --users, --duration and what a request consists of are for a URL: the file says that for itself";

/// The test of a file.
pub(super) fn test(load: &Load, file: &Path) -> Result<Test, Refusal> {
    if load.describes_a_request() {
        return Err(Refusal::new(
            format!("{} is a file", file.display()),
            OF_URLS,
        ));
    }
    let mut test = read(file)?;
    test.thresholds.extend(load.threshold.iter().cloned());
    test.seed = load.seed.unwrap_or(test.seed);
    test.shard = load.shard;
    test.start_at = load.start_at;
    if load.threads.is_some() {
        test.threads = quick::threads(load);
    }
    if let Some(connections) = load.connections {
        test.target.connections = connections as usize;
    }
    Ok(test)
}

/// Reads a file; what looks wrong and works is said.
pub(super) fn read(file: &Path) -> Result<Test, Refusal> {
    match load_file::load(file) {
        Ok(loaded) => {
            let _gone = io::stderr().write_all(loaded.warnings.to_string().as_bytes());
            Ok(loaded.test)
        }
        Err(errors) => {
            let count = errors.len();
            let plural = if count == 1 { "" } else { "s" };
            let _gone = writeln!(io::stderr(), "{errors}");
            let help = "`tenfold load check FILE` looks at a file without making load";
            Err(Refusal::new(
                format!("{} has {count} error{plural}", file.display()),
                help,
            ))
        }
    }
}
