//! `tenfold import`: configurations of nginx and HAProxy become ours.
//!
//! # The problem
//! A team that wants to change has a file that grew over years. What a translator drops silently is found in production, and
//! what it opens by accident is found by others.
//!
//! # The idea
//! The source is read by parsers of our own, with places. Each directive is translated or becomes a comment where it would
//! belong (`ledger` counts them all, and a directive without a fate is a mistake of this program). Rules that let only some in
//! and have no equal close the route that they protected. `finish` mends what would not load, `emit` writes it, and the result
//! is loaded before anyone sees it.
//!
//! # The trade-off
//! Only what is provably the same is translated silently. Somebody has to read the comments; nobody has to read the rest.

mod emit;
mod finish;
mod haproxy;
mod ledger;
mod listeners;
mod model;
mod nginx;
mod path;
mod regex;
mod source;
mod value;

use std::path::Path;

pub(crate) use source::SourceError;
use source::Sources;

use crate::config;

/// What is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    Haproxy,
}

/// A configuration that was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Imported {
    /// The configuration.
    pub(crate) text: String,
    /// How many directives were translated, and what is to be said of the others.
    pub(crate) summary: String,
    /// What is wrong with the configuration, if it cannot be loaded: a mistake of this program.
    pub(crate) mistakes: Option<String>,
}

/// Imports a file. With `leaves_gaps` the routes stay open that get requests which the source protected by a pattern that has
/// no equal.
///
/// # Errors
/// When it cannot be read, or is no such configuration: where and why.
pub(crate) fn import(kind: Kind, path: &Path, leaves_gaps: bool) -> Result<Imported, SourceError> {
    let mut sources = Sources::default();
    let (draft, ledger) = match kind {
        Kind::Nginx => nginx::import(path, &mut sources, leaves_gaps)?,
        Kind::Haproxy => haproxy::import(path, &mut sources, leaves_gaps)?,
    };
    Ok(written(draft, ledger, &sources))
}

fn written(mut draft: model::Draft, mut ledger: ledger::Ledger, sources: &Sources) -> Imported {
    finish::finish(&mut draft, &mut ledger);
    let name = sources.name(0);
    let title =
        format!("Imported from {name} by tenfold import. The comments say what has no equal.");
    let text = emit::emit(&draft, sources, &title);
    let text = config::format_text(Path::new("import.toml"), text.as_bytes()).unwrap_or(text);
    let mistakes = config::load_text("import.toml", text.as_bytes()).err();
    Imported {
        text,
        summary: ledger.summary(sources, name),
        mistakes: mistakes.map(|mistakes| mistakes.to_string()),
    }
}
