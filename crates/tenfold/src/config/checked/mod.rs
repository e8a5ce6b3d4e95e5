//! What is meant: defaults filled in, names resolved, and everything refused that cannot work.
//!
//! Each file here turns one room of [`raw`](super::raw) into the gateway's types. None stops at a mistake: what is wrong is
//! reported and left out, so that one look shows all of it.

mod cache;
mod concurrency;
mod limit;
mod listener;
mod process;
mod resilience;
mod route;
mod upstream;
mod whole;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tenfold_gateway::config::Config;

use super::diagnostic::{At, Place, Report, Source};
use super::files::{Files, LARGEST};
use super::load::reason;
use super::raw;
use super::read::Field;
use super::shape::Named;
use super::{Process, suggest, word};

/// What the checks read and write besides the configuration.
pub(crate) struct Scope<'s> {
    pub(crate) report: &'s mut Report,
    pub(crate) files: &'s dyn Files,
    pub(crate) sources: &'s [Source],
    /// Files that the configuration takes something from.
    pub(crate) watched: Vec<PathBuf>,
}

impl Scope<'_> {
    /// A path that was written in a file: relative to that file.
    fn resolve(&self, path: &str, at: Place) -> PathBuf {
        let file = &self.sources[at.file as usize].path;
        file.parent().unwrap_or(Path::new("")).join(path)
    }

    /// The content of a file that the configuration names.
    fn content(&mut self, path: &Path, at: Place) -> Option<Vec<u8>> {
        self.watched.push(path.to_owned());
        let shown = path.display();
        match self.files.read(path) {
            Ok(bytes) if bytes.len() as u64 > LARGEST => {
                let help = "it is kept in memory; serve large files with `files`";
                self.report
                    .error(at, format!("{shown} is larger than 16 MiB"), help);
                None
            }
            Ok(bytes) => Some(bytes),
            Err(error) => {
                let message = format!("cannot read {shown}: {}", reason(&error));
                let help = "paths are relative to the file in which they are written";
                self.report.error(at, message, help);
                None
            }
        }
    }

    /// The text behind `env:NAME` or `file:PATH`.
    fn secret(&mut self, source: &str, at: Place, help: &str) -> Option<String> {
        match source.split_once(':')? {
            ("env", name) => {
                let text = self.files.variable(name);
                if text.is_none() {
                    let message = format!("the environment variable {name} is not set");
                    self.report.error(at, message, help);
                }
                text
            }
            (_, path) => {
                let path = self.resolve(path, at);
                let bytes = self.content(&path, at)?;
                Some(String::from_utf8_lossy(&bytes).into_owned())
            }
        }
    }

    /// Warns of a key that does nothing where it is.
    fn without_effect(&mut self, key: &str, at: Option<Place>, why: &str) {
        if let Some(at) = at {
            let message = format!("`{key}` has no effect: {why}");
            self.report.warning(at, message, "leave it out");
        }
    }

    /// A number within bounds; `None` after it was reported, or if it is not given.
    fn within<T>(
        &mut self,
        key: &str,
        field: &Field<T>,
        number: impl Fn(&T) -> f64,
        bounds: std::ops::RangeInclusive<f64>,
        help: &str,
    ) -> Option<f64> {
        let given = field.given()?;
        let number = number(&given.value);
        if bounds.contains(&number) {
            return Some(number);
        }
        self.report
            .error(given.at, format!("`{key}` is out of bounds"), help);
        None
    }

    /// A whole number within bounds.
    fn count(
        &mut self,
        key: &str,
        field: &Field<super::scalar::Count>,
        bounds: std::ops::RangeInclusive<u64>,
    ) -> Option<u64> {
        let given = field.given()?;
        if bounds.contains(&given.value.0) {
            return Some(given.value.0);
        }
        let message = format!("`{key}` cannot be {}", given.value.0);
        let help = format!("give a number from {} to {}", bounds.start(), bounds.end());
        self.report.error(given.at, message, help);
        None
    }
}

/// Names of listeners, upstreams, caches or limits, and the indexes that stand for them.
pub(crate) struct Names<'r> {
    index: HashMap<&'r str, usize>,
    all: Vec<&'r str>,
    /// `listener`, `upstream`, `cache`, `limit` or `tier`.
    table: &'static str,
    /// What the names stand in, `limit.per-client.`; empty for most.
    parent: String,
}

impl<'r> Names<'r> {
    fn new<T>(named: Option<&'r Named<T>>, table: &'static str, report: &mut Report) -> Self {
        let mut all = Vec::new();
        for (name, _) in named.iter().flat_map(|named| &named.0) {
            if let Err(help) = word::plain_name(&name.value) {
                let shown = super::read::shortened(&name.value);
                report.error(name.at, format!("`{shown}` cannot name a [{table}]"), help);
            }
            all.push(name.value.as_str());
        }
        let index = all.iter().enumerate().map(|(index, name)| (*name, index));
        Self {
            index: index.collect(),
            all,
            table,
            parent: String::new(),
        }
    }

    /// The same, of a table within another one.
    fn within(self, table: &str, name: &str) -> Self {
        let parent = format!("{table}.{}.", super::read::shortened(name));
        Self { parent, ..self }
    }

    /// The index of a name that is referred to.
    fn find(&self, name: &At<String>, report: &mut Report) -> Option<usize> {
        let found = self.index.get(name.value.as_str()).copied();
        if found.is_none() {
            let shown = super::read::shortened(&name.value);
            let table = self.table;
            let help = match self.all.as_slice() {
                [] => format!("add [{}{table}.{shown}]", self.parent),
                _ if report.is_long() => format!("give the name of one of the [{table}]s"),
                all => suggest::help(&name.value, all, table),
            };
            report.error(name.at, format!("there is no {table} `{shown}`"), help);
        }
        found
    }
}

/// Everything, or what could be made of it: valid only if nothing was reported as an error.
pub(crate) fn build(file: &raw::File, scope: &mut Scope<'_>) -> (Config, Process) {
    let listeners = Names::new(file.listener.value(), "listener", scope.report);
    let upstreams = Names::new(file.upstream.value(), "upstream", scope.report);
    let caches = Names::new(file.cache.value(), "cache", scope.report);
    let limit_names = Names::new(file.limit.value(), "limit", scope.report);
    let process = process::check(file, scope);
    let shared = cache::shared(&file.shared, scope);
    let limits = limit::check(file, shared.as_ref(), scope);
    let config = Config {
        listeners: listener::check(file, scope),
        routes: route::check(
            file,
            &route::Known {
                listeners,
                upstreams,
                caches,
                limits: limit_names,
            },
            &limits,
            scope,
        ),
        upstreams: upstream::check(file, process.zone.as_deref(), scope),
        caches: cache::check(file, shared.as_ref(), scope),
        limits,
    };
    whole::check(file, &config, &process, scope);
    (config, process)
}
