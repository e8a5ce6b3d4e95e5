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
    if looks_like_a_url(file) {
        let shown = file.display();
        return Err(Refusal::new(
            format!("there is no file {shown}"),
            format!("if that is a URL, it begins with http:// or https://: http://{shown}"),
        ));
    }
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
    if let Some(connections) = load.connections {
        test.target.connections = connections as usize;
    }
    test.threads = match load.threads {
        Some(_) => quick::threads(load, test.target.connections),
        None => test.threads.min(test.target.connections.max(1)),
    };
    Ok(test)
}

/// Whether something that is no file would be a URL if it said its scheme: `localhost:8080/`, `shop.example/cart`.
fn looks_like_a_url(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let host = text.split('/').next().unwrap_or_default();
    let has_host =
        host == "localhost" || host.contains(':') || text.contains('/') && host.contains('.');
    let is_relative = matches!(host, "" | "." | "..");
    has_host && !is_relative && !path.exists() && !text.ends_with(".toml")
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
