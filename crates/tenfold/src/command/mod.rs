//! What `tenfold` can be told to do.

mod arguments;
mod banner;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod fmt;
pub(crate) mod import;
mod notify;
pub(crate) mod reload;
pub(crate) mod run;
pub(crate) mod schema;
mod upgrade;

use std::fmt::{self as format, Display};

/// Why the program does not start: what is wrong, and what to do.
#[derive(Debug)]
pub(crate) struct Refusal {
    what: String,
    help: String,
}

impl Refusal {
    pub(crate) fn new(what: impl Display, help: impl Display) -> Self {
        Self {
            what: what.to_string(),
            help: help.to_string(),
        }
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut format::Formatter<'_>) -> format::Result {
        if self.help.is_empty() {
            return f.write_str(&self.what);
        }
        write!(f, "error: {}\n help: {}", self.what, self.help)
    }
}
