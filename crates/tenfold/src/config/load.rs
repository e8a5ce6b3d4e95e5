//! From a path to one tree: the file and those that it includes.

use std::path::{Path, PathBuf};

use super::diagnostic::{Place, Report, Source};
use super::files::{Files, LARGEST};
use super::tree::{self, Kind, Node, Table};

/// Most files of one configuration: more are a pattern that matches what it should not.
const MOST_FILES: usize = 1000;

/// The sources that were read, and what was found wrong with them.
pub(crate) struct Loading<'f> {
    pub(crate) files: &'f dyn Files,
    pub(crate) sources: Vec<Source>,
    pub(crate) report: Report,
    /// The files that are being included, from the outermost inwards.
    open: Vec<PathBuf>,
    /// All that were read, in their canonical form.
    read: Vec<PathBuf>,
}

impl<'f> Loading<'f> {
    pub(crate) fn new(files: &'f dyn Files) -> Self {
        Self {
            files,
            sources: Vec::new(),
            report: Report::default(),
            open: Vec::new(),
            read: Vec::new(),
        }
    }

    /// Reads a file and all that it includes; `None` if one of them is no TOML, or cannot be read.
    pub(crate) fn tree(&mut self, path: &Path) -> Option<Table> {
        let tree = self.file(path, None)?;
        (!self.report.has_errors()).then_some(tree)
    }

    /// A file's text, if it is TOML; what it includes does not matter.
    pub(crate) fn text_of_toml(&mut self, path: &Path) -> Option<String> {
        let text = self.text(path, None)?;
        let tree = tree::parse(&text, 0, &mut self.report);
        self.sources
            .push(Source::new(path.to_owned(), text.clone()));
        tree.map(|_| text)
    }

    fn file(&mut self, path: &Path, included_at: Option<Place>) -> Option<Table> {
        let canonical = self.files.canonical(path);
        let text = self.text(path, included_at)?;
        let file = u32::try_from(self.sources.len()).expect("at most a thousand");
        self.read.push(canonical.clone());
        let tree = tree::parse(&text, file, &mut self.report);
        self.sources.push(Source::new(path.to_owned(), text));
        let mut tree = tree?;
        let includes = tree.take("include");
        self.open.push(canonical);
        for (pattern, at) in self.patterns(includes) {
            self.include(&mut tree, path, &pattern, at);
        }
        self.open.pop();
        Some(tree)
    }

    fn text(&mut self, path: &Path, included_at: Option<Place>) -> Option<String> {
        let shown = path.display();
        let (message, help) = match self.files.read(path) {
            Err(error) => (
                format!("cannot read {shown}: {}", reason(&error)),
                "give a file that exists and that this user may read".to_owned(),
            ),
            Ok(bytes) if bytes.len() as u64 > LARGEST => (
                format!("{shown} is larger than 16 MiB"),
                "is this the right file? Large sets of servers belong into a file of `discover`"
                    .to_owned(),
            ),
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => return Some(text),
                Err(error) => {
                    let good = error.utf8_error().valid_up_to();
                    let bytes = error.as_bytes();
                    let line = 1 + bytes[..good].iter().filter(|byte| **byte == b'\n').count();
                    (
                        format!(
                            "{shown} is no text in UTF-8: line {line} has the byte 0x{:02x}",
                            bytes[good]
                        ),
                        "save it as UTF-8; is this the right file?".to_owned(),
                    )
                }
            },
        };
        let place = included_at.unwrap_or_else(|| {
            self.sources
                .push(Source::new(path.to_owned(), String::new()));
            Place::default()
        });
        self.report.error(place, message, help);
        None
    }

    fn patterns(&mut self, includes: Option<Node>) -> Vec<(String, Place)> {
        let nodes = match includes {
            None => return Vec::new(),
            Some(Node {
                kind: Kind::List(nodes),
                ..
            }) => nodes,
            Some(node) => vec![node],
        };
        let mut patterns = Vec::new();
        for node in nodes {
            let found = node.describe();
            match node.kind {
                Kind::Text(text) if !text.is_empty() => patterns.push((text, node.at)),
                _ => {
                    let message = format!("`include` takes a list of paths, not {found}");
                    let help = "for example include = [\"conf.d/*.toml\"]";
                    self.report.error(node.at, message, help);
                }
            }
        }
        patterns
    }

    fn include(&mut self, tree: &mut Table, from: &Path, pattern: &str, at: Place) {
        let folder = from.parent().unwrap_or(Path::new(""));
        let is_pattern = pattern.contains(['*', '?', '[']);
        let found = if is_pattern {
            // What is special in the folder's own name is not meant as a pattern.
            let folder = glob::Pattern::escape(&folder.to_string_lossy());
            self.files
                .find(&Path::new(&folder).join(pattern).to_string_lossy())
        } else {
            Ok(vec![folder.join(pattern)])
        };
        let found = match found {
            Ok(found) => found,
            Err(why) => {
                let message = format!("`{pattern}` is no pattern: {why}");
                self.report
                    .error(at, message, "for example \"conf.d/*.toml\"");
                return;
            }
        };
        if found.is_empty() {
            let message = format!("no file matches `{pattern}`");
            let help = "paths are relative to the file that includes them";
            self.report.warning(at, message, help);
        }
        for path in found {
            self.include_one(tree, &path, is_pattern, at);
        }
    }

    fn include_one(&mut self, tree: &mut Table, path: &Path, is_pattern: bool, at: Place) {
        let canonical = self.files.canonical(path);
        // conf.d/*.toml in a file of conf.d means the others.
        if is_pattern && self.open.last() == Some(&canonical) {
            return;
        }
        if self.open.contains(&canonical) {
            let message = format!("{} includes itself, by way of this file", path.display());
            self.report
                .error(at, message, "remove one of the includes of the circle");
        } else if self.read.contains(&canonical) {
            let message = format!("{} is included twice", path.display());
            self.report.error(at, message, "remove one of the includes");
        } else if self.read.len() >= MOST_FILES {
            if self.read.len() == MOST_FILES {
                let help = "does a pattern match more than it should?";
                self.report.error(
                    at,
                    format!("more than {MOST_FILES} files are included"),
                    help,
                );
                self.read.push(canonical);
            }
        } else if let Some(further) = self.file(path, Some(at)) {
            tree::merge(tree, further, &mut self.report);
        }
    }
}

/// The operating system's words without its number.
pub(crate) fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_lowercase()
}
