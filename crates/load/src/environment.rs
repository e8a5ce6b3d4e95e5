//! Where a generator runs.

use std::fs;

use crate::results::Environment;

/// What this machine is, as far as it says so.
#[must_use]
pub(crate) fn environment(threads: usize) -> Environment {
    let uname = rustix::system::uname();
    let kernel = format!(
        "{} {}",
        uname.sysname().to_string_lossy(),
        uname.release().to_string_lossy()
    );
    let system = match value("/etc/os-release", "PRETTY_NAME", '=') {
        Some(name) => format!("{name}, {kernel}"),
        None => kernel,
    };
    Environment {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: uname.nodename().to_string_lossy().into_owned(),
        system,
        processor: value("/proc/cpuinfo", "model name", ':')
            .unwrap_or_else(|| uname.machine().to_string_lossy().into_owned()),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        threads,
    }
}

/// The first value of a key in a file of lines.
fn value(path: &str, key: &str, separator: char) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let mut lines = text.lines().filter_map(|line| line.split_once(separator));
    let (_, value) = lines.find(|(name, _)| name.trim() == key)?;
    Some(value.trim().trim_matches('"').to_owned())
}
