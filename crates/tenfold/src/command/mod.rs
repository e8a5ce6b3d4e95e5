//! What `tenfold` can be told to do.

mod arguments;
mod banner;
pub(crate) mod cache;
pub(crate) mod check;
pub(crate) mod client;
pub(crate) mod completions;
pub(crate) mod demo;
#[cfg(test)]
mod fixture;
pub(crate) mod fmt;
mod format;
pub(crate) mod import;
pub(crate) mod limits;
pub(crate) mod load;
mod notify;
pub(crate) mod plan;
mod rates;
mod refuse;
pub(crate) mod reload;
pub(crate) mod run;
pub(crate) mod schema;
mod signals;
pub(crate) mod status;
mod table;
pub(crate) mod top;
mod upgrade;

use std::fmt::{self as text, Display};

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
    fn fmt(&self, f: &mut text::Formatter<'_>) -> text::Result {
        if self.help.is_empty() {
            return f.write_str(&self.what);
        }
        write!(f, "error: {}\n help: {}", self.what, self.help)
    }
}
