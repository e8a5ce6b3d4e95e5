//! From what was written to what is meant.
//!
//! # The idea
//! Four steps, each of which keeps where things stood: `load` makes one `tree` of a file and those that it includes,
//! `read` turns it into the structs of `raw` (exactly what was written), `checked` into what it means: the
//! gateway's own types, with every default filled in and every name resolved. A mistake never ends a step: all of them are
//! shown at once, each with its line and with what would be right.
//!
//! The library half of this crate exists for this module: a fuzz target cannot link a binary.

mod checked;
pub(crate) mod diagnostic;
mod effective;
pub(crate) mod files;
mod format;
pub mod host;
pub(crate) mod load;
mod raw;
pub(crate) mod read;
mod redis;
mod render;
pub(crate) mod scalar;
pub mod schema;
pub mod secret;
pub mod seen;
pub(crate) mod shape;
pub(crate) mod suggest;
pub(crate) mod tree;
pub mod value;
pub mod word;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tenfold_gateway::config::Config;
use tenfold_observe::lines;

pub use diagnostic::Diagnostics;
use diagnostic::{Place, Report};
use files::{Files, Memory};
use load::Loading;
use secret::Secret;
use seen::{Seen, Watching};

/// What concerns the process rather than requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Worker threads, 1 to 1024; one per core if it is not said.
    pub workers: Option<usize>,
    /// Where to write a line per request.
    pub access_log: Option<lines::Target>,
    /// The zone in which this gateway stands. Upstreams know already.
    pub zone: Option<String>,
    /// For requests under way to end.
    pub drain_timeout: Duration,
    /// Client connections per worker.
    pub max_connections: Option<usize>,
    /// Whether to reload when a file changes.
    pub watch: bool,
    /// Where the admin side listens.
    pub admin: SocketAddr,
    /// What callers of the admin side have to know.
    pub admin_token: Option<Secret>,
    /// Where that was read: `env:NAME`, `file:PATH`.
    pub admin_token_source: Option<String>,
}

impl Default for Process {
    fn default() -> Self {
        Self {
            workers: None,
            access_log: None,
            zone: None,
            drain_timeout: tenfold_gateway::DRAIN_TIMEOUT,
            max_connections: None,
            watch: false,
            admin: SocketAddr::from(([127, 0, 0, 1], 9900)),
            admin_token: None,
            admin_token_source: None,
        }
    }
}

/// A configuration without errors.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What the gateway does.
    pub config: Config,
    /// What the process does.
    pub process: Process,
    /// What looks wrong, but works.
    pub warnings: Diagnostics,
    /// Every file that it was made from: itself, those it includes, bodies, secrets.
    pub files: Vec<PathBuf>,
    /// All of it as it takes effect, for people and programs; of secrets only where they were read.
    pub redacted: serde_json::Value,
}

/// Reads a configuration.
///
/// # Errors
/// All that is wrong with it, as far as one mistake does not hide another.
pub fn load(path: &Path) -> Result<Loaded, Diagnostics> {
    load_and_note(path).0
}

/// Reads a configuration, and tells what it depends on, also if there are errors.
pub fn load_and_note(path: &Path) -> (Result<Loaded, Diagnostics>, Seen) {
    let disk = Watching::default();
    let loaded = load_from(path, &disk);
    (loaded, disk.seen())
}

/// Reads a configuration of one text, which can use no file and no variable of the environment. Errors name it `name`.
///
/// # Errors
/// As [`load`].
pub fn load_text(name: &str, text: &[u8]) -> Result<Loaded, Diagnostics> {
    let path = PathBuf::from(name);
    let files = Memory {
        files: [(path.clone(), text.to_owned())].into(),
        ..Memory::default()
    };
    load_from(&path, &files)
}

/// Gives a configuration its usual form, without changing what it says.
///
/// # Errors
/// When it is no TOML.
pub fn format_text(name: &Path, text: &[u8]) -> Result<String, Diagnostics> {
    let files = Memory {
        files: [(name.to_owned(), text.to_owned())].into(),
        ..Memory::default()
    };
    let mut loading = Loading::new(&files);
    let formatted = loading.text_of_toml(name).map(|text| format::format(&text));
    if let Some(None) = formatted {
        let help = "please report this file; it has been left as it is";
        loading.report.error(
            Place::default(),
            "its form cannot be changed without changing what it says",
            help,
        );
    }
    let (errors, _) = loading.report.finish(&Arc::new(loading.sources));
    formatted.flatten().ok_or(errors)
}

fn load_from(path: &Path, files: &dyn Files) -> Result<Loaded, Diagnostics> {
    let mut loading = Loading::new(files);
    let tree = loading.tree(path);
    let Loading {
        sources,
        mut report,
        ..
    } = loading;
    let made = tree.and_then(|tree| make(tree, files, &sources, &mut report));
    let mut files: Vec<_> = sources.iter().map(|source| source.path.clone()).collect();
    let (errors, warnings) = report.finish(&Arc::new(sources));
    match made {
        Some((config, process, further)) if errors.is_empty() => {
            files.extend(further);
            Ok(Loaded {
                redacted: effective::describe(&config, &process),
                config,
                process,
                warnings,
                files,
            })
        }
        _ => Err(errors),
    }
}

fn make(
    tree: tree::Table,
    files: &dyn Files,
    sources: &[diagnostic::Source],
    report: &mut Report,
) -> Option<(Config, Process, Vec<PathBuf>)> {
    let whole = Place::default();
    if tree.entries.is_empty() {
        report.error(whole, "there is nothing in it", MINIMAL);
        return None;
    }
    let node = tree::Node {
        kind: tree::Kind::Table(tree),
        at: whole,
    };
    let mut reader = read::Reader {
        report,
        key: "configuration".to_owned(),
    };
    let raw: raw::File = read::Read::read(&node, &mut reader)?;
    let has_none = raw.listener.value().is_some_and(|all| all.0.is_empty());
    if raw.listener.is_missing() || has_none {
        let help = "add [listener.web] with listen = \"0.0.0.0:8080\"";
        report.error(whole, "there is no listener: nothing could connect", help);
    }
    let mut scope = checked::Scope {
        report,
        files,
        sources,
        watched: Vec::new(),
    };
    let (config, process) = checked::build(&raw, &mut scope);
    Some((config, process, scope.watched))
}

/// What an empty file should be.
const MINIMAL: &str = "the smallest configuration is:

    [listener.web]
    listen = \"0.0.0.0:8080\"

    [[route]]
    upstream = \"app\"

    [upstream.app]
    servers = [\"127.0.0.1:3000\"]";
