//! The files that are imported: their text, places in them, and what is wrong with them.
//!
//! All limits are far above what people write and far below what would hurt: a file that includes itself over and over, or
//! a log that was given by mistake, ends in an error instead of in swap.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Most bytes of one file.
const LARGEST_FILE: usize = 4 << 20;
/// Most bytes of all files together, each counted as often as it is included.
const LARGEST_TOTAL: usize = 16 << 20;
/// Most files.
const MOST_FILES: usize = 1000;

/// Where something stands in the files that are imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    /// Index into the files.
    pub(crate) file: u16,
    /// From 1.
    pub(crate) line: u32,
    /// From 1, in characters.
    pub(crate) column: u32,
}

/// Why a file cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceError {
    /// Where: `nginx.conf:12:3`, or the file alone.
    pub(crate) at: String,
    /// What is wrong.
    pub(crate) what: String,
    /// What to do.
    pub(crate) help: String,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}

/// Something wrong at a place, before it is known how the file is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) place: Place,
    pub(crate) what: String,
    pub(crate) help: String,
}

impl Mistake {
    pub(crate) fn new(place: Place, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            place,
            what: what.into(),
            help: help.into(),
        }
    }
}

/// The files that have been read.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    names: Vec<String>,
    total: usize,
}

impl Sources {
    /// Reads a file and gives its index and its text.
    pub(crate) fn read(&mut self, path: &Path) -> Result<(u16, String), SourceError> {
        let bytes = read_limited(path).map_err(|error| SourceError {
            at: path.display().to_string(),
            what: format!("cannot be read: {error}"),
            help: "give a file that exists and that you may read".into(),
        })?;
        self.add(&path.display().to_string(), &bytes)
    }

    /// Takes a text that was read already.
    pub(crate) fn add(&mut self, path: &str, bytes: &[u8]) -> Result<(u16, String), SourceError> {
        let refuse = |what: String, help: &str| SourceError {
            at: path.to_owned(),
            what,
            help: help.into(),
        };
        if bytes.len() > LARGEST_FILE {
            let what = format!("is larger than {} MiB", LARGEST_FILE >> 20);
            return Err(refuse(what, "is this the right file?"));
        }
        self.total += bytes.len();
        if self.total > LARGEST_TOTAL || self.names.len() >= MOST_FILES {
            let what = format!(
                "with the files it includes there are more than {MOST_FILES} files or {} MiB",
                LARGEST_TOTAL >> 20
            );
            return Err(refuse(what, "import the parts one by one"));
        }
        let index = u16::try_from(self.names.len()).expect("fewer than MOST_FILES");
        // What people see is the file's name: the folder is where they are, or what they gave.
        let name = PathBuf::from(path);
        let name = name.file_name().map_or_else(
            || path.to_owned(),
            |name| name.to_string_lossy().into_owned(),
        );
        self.names.push(name);
        // A stray byte of another encoding stands in a comment, as a rule; anywhere else the lexers refuse it.
        let text = String::from_utf8_lossy(bytes).into_owned();
        Ok((index, text))
    }

    /// The name of a file, without its folder.
    pub(crate) fn name(&self, file: u16) -> &str {
        self.names
            .get(usize::from(file))
            .map_or("?", String::as_str)
    }

    /// `nginx.conf:12`
    pub(crate) fn line(&self, place: Place) -> String {
        format!("{}:{}", self.name(place.file), place.line)
    }

    /// The error that a mistake is.
    pub(crate) fn error(&self, mistake: Mistake) -> SourceError {
        let Place { line, column, .. } = mistake.place;
        SourceError {
            at: format!("{}:{line}:{column}", self.name(mistake.place.file)),
            what: mistake.what,
            help: mistake.help,
        }
    }
}

fn read_limited(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = std::fs::File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(std::io::Error::other("it is a folder"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The characters of a text with the place of each.
pub(crate) struct Characters<'t> {
    rest: std::str::Chars<'t>,
    place: Place,
}

impl<'t> Characters<'t> {
    pub(crate) fn new(file: u16, text: &'t str) -> Self {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        Self {
            rest: text.chars(),
            place: Place {
                file,
                line: 1,
                column: 1,
            },
        }
    }

    /// Where the next character stands.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    pub(crate) fn next(&mut self) -> Option<char> {
        let character = self.rest.next()?;
        if character == '\n' {
            self.place.line = self.place.line.saturating_add(1);
            self.place.column = 1;
        } else {
            self.place.column = self.place.column.saturating_add(1);
        }
        Some(character)
    }
}
