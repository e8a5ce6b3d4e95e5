//! Files of load tests: from what was written to a [`Test`].
//!
//! The same steps as those of a [configuration](crate::config), with the same machinery: a tree of values with their places, `raw` for
//! what was written, `checked` for what it means. All mistakes are shown at once, each with its line.

mod checked;
mod describe;
mod raw;
pub mod schema;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tenfold_load::Test;

use crate::config::diagnostic::{Place, Report, Source};
use crate::config::files::{Disk, Files, Memory};
use crate::config::load::Loading;
use crate::config::read::{Read, Reader};
use crate::config::{Diagnostics, tree};

pub use describe::{ASSUMED_RESPONSE, describe};

/// A load test without errors.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The test.
    pub test: Test,
    /// What looks wrong, but works.
    pub warnings: Diagnostics,
}

/// Reads a load test's file, and the data that it names.
///
/// # Errors
/// All that is wrong with it, as far as one mistake does not hide another.
pub fn load(path: &Path) -> Result<Loaded, Diagnostics> {
    load_from(path, &Disk)
}

/// Reads a load test of one text. `others` are the files that it may use; there are no others, and no variables of the environment.
/// Errors name it `name`.
///
/// # Errors
/// As [`load`].
pub fn load_text(name: &str, text: &[u8], others: &[(&str, &[u8])]) -> Result<Loaded, Diagnostics> {
    let path = PathBuf::from(name);
    let all = others.iter().copied().chain([(name, text)]);
    let files = Memory {
        files: all
            .map(|(name, text)| (PathBuf::from(name), text.to_vec()))
            .collect(),
        ..Memory::default()
    };
    load_from(&path, &files)
}

fn load_from(path: &Path, files: &dyn Files) -> Result<Loaded, Diagnostics> {
    let mut loading = Loading::new(files);
    let tree = loading.tree(path);
    let Loading {
        sources,
        mut report,
        ..
    } = loading;
    let test = tree.and_then(|tree| make(tree, path, files, &sources, &mut report));
    let (errors, warnings) = report.finish(&Arc::new(sources));
    match test {
        Some(test) if errors.is_empty() => Ok(Loaded { test, warnings }),
        _ => Err(errors),
    }
}

fn make(
    tree: tree::Table,
    path: &Path,
    files: &dyn Files,
    sources: &[Source],
    report: &mut Report,
) -> Option<Test> {
    let whole = Place::default();
    if tree.entries.is_empty() {
        report.error(whole, "there is nothing in it", MINIMAL);
        return None;
    }
    let node = tree::Node {
        kind: tree::Kind::Table(tree),
        at: whole,
    };
    let mut reader = Reader {
        report,
        key: "load test".to_owned(),
    };
    let raw: raw::File = Read::read(&node, &mut reader)?;
    let mut scope = checked::Scope {
        report,
        files,
        sources,
    };
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    checked::build(&raw, &name, &mut scope)
}

/// What an empty file should be.
const MINIMAL: &str = "the smallest load test is:

    target = \"http://127.0.0.1:8080\"

    [[phase]]
    duration = \"30s\"
    rate = 100

    [[scenario]]
    name = \"front page\"
    step = \"/\"";
