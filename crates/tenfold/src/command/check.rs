//! `tenfold check`: says whether a configuration is right, and all that is wrong with it.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::config::{self, Diagnostics, Loaded};

/// `tenfold check`
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The configuration.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Print what was found as JSON, on standard output.
    #[arg(long)]
    json: bool,
}

/// Checks. The exit code is 0 if it is right, else 2.
pub(crate) fn check(arguments: &Check) -> ExitCode {
    let result = config::load(&arguments.file);
    let code = match result {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(2),
    };
    let (to_stdout, to_stderr) = match (arguments.json, result) {
        (true, result) => (format!("{:#}\n", as_json(result.as_ref())), String::new()),
        (false, Ok(loaded)) => (summary(&loaded), loaded.warnings.to_string()),
        (false, Err(errors)) => {
            let count = errors.len();
            let plural = if count == 1 { "" } else { "s" };
            (String::new(), format!("{errors}\n{count} error{plural}\n"))
        }
    };
    // A reader that has gone away does not change the verdict.
    let _gone = io::stderr().write_all(to_stderr.as_bytes());
    let _gone = io::stdout().write_all(to_stdout.as_bytes());
    code
}

fn summary(loaded: &Loaded) -> String {
    let counted = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    let config = &loaded.config;
    let warnings = match loaded.warnings.len() {
        0 => String::new(),
        count => format!("; {}", counted(count, "warning")),
    };
    let caches = match config.caches.len() {
        0 => String::new(),
        count => format!(", {}", counted(count, "cache")),
    };
    format!(
        "ok: {}, {}, {}{caches}{warnings}\n",
        counted(config.listeners.len(), "listener"),
        counted(config.routes.len(), "route"),
        counted(config.upstreams.len(), "upstream"),
    )
}

fn as_json(result: Result<&Loaded, &Diagnostics>) -> Value {
    match result {
        Ok(loaded) => json!({
            "ok": true,
            "diagnostics": loaded.warnings.to_json(),
            "config": loaded.redacted,
        }),
        Err(errors) => json!({ "ok": false, "diagnostics": errors.to_json() }),
    }
}
