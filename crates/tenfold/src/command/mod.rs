//! What `tenfold` can be told to do.

mod banner;
mod notify;
pub(crate) mod reload;
pub(crate) mod run;
mod upgrade;

use std::fmt;

/// Why the program does not start: what is wrong, and what to do.
#[derive(Debug)]
pub(crate) struct Refusal {
    what: String,
    help: String,
}

impl Refusal {
    pub(crate) fn new(what: impl fmt::Display, help: impl fmt::Display) -> Self {
        Self {
            what: what.to_string(),
            help: help.to_string(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.help.is_empty() {
            return f.write_str(&self.what);
        }
        write!(f, "error: {}\n help: {}", self.what, self.help)
    }
}
