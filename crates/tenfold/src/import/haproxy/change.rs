//! What rules change of a request before others look at it.
//!
//! HAProxy asks each rule about the request as the rules before left it; routes look at it as it came. A condition on something
//! that was changed before is therefore one that routes cannot have.

use std::collections::HashSet;

use super::acl::Case;
use super::lexer::Line;
use super::meaning::{Depends, Meaning};
use super::region::Region;

const REMARK: &str =
    "a rule before this changes what it looks at, and routes look at requests as they came";

/// What was changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Changed {
    headers: HashSet<String>,
    path: bool,
    query: bool,
    method: bool,
    /// By a program, or by a pattern of names.
    everything: bool,
}

impl Changed {
    /// Takes note of what a line changes.
    pub(super) fn note(&mut self, line: &Line) {
        if line.word(0) != "http-request" {
            return;
        }
        match line.word(1) {
            "set-header" | "add-header" | "replace-header" | "replace-value" => {
                self.headers.insert(line.word(2).to_ascii_lowercase());
            }
            "del-header" if line.word(3) == "-m" => self.everything = true,
            "del-header" => {
                self.headers.insert(line.word(2).to_ascii_lowercase());
            }
            "set-path" | "replace-path" => self.path = true,
            "set-pathq" | "replace-pathq" | "set-uri" | "replace-uri" => {
                self.path = true;
                self.query = true;
            }
            "set-query" => self.query = true,
            "set-method" => self.method = true,
            "send-spoe-group" => self.everything = true,
            name if name.starts_with("lua") => self.everything = true,
            _ => {}
        }
    }

    /// A condition as routes can have it after all of this.
    pub(super) fn seen(&self, meaning: Meaning) -> Meaning {
        let mut regions = meaning.all.iter().chain(meaning.best.iter().flatten());
        if !regions.any(|region| self.touches(region)) {
            return meaning;
        }
        let mut remarks = meaning.remarks;
        remarks.push(REMARK.into());
        Meaning {
            all: vec![Region::default()],
            is_exact: false,
            remarks,
            depends: Depends::Other,
            ..meaning
        }
    }

    /// The same for a case: exceptions that cannot be told any more are none.
    pub(super) fn case(&self, case: Case) -> Case {
        let Case { is, but } = case;
        let count = but.len();
        let but: Vec<Region> = but
            .into_iter()
            .filter(|region| !self.touches(region))
            .collect();
        let is = self.seen(is);
        let is = match but.len() == count {
            true => is,
            false => is.and(Meaning::unknown(Depends::Other, REMARK)),
        };
        Case { is, but }
    }

    fn touches(&self, region: &Region) -> bool {
        let has_header = |name: &str| self.headers.contains(name);
        let has_path = region.path.is_some() || region.start.is_some();
        (self.everything && *region != Region::default())
            || (self.path && has_path)
            || (self.query && !region.query.is_empty())
            || (self.method && region.methods.is_some())
            || (region.host.is_some() && has_header("host"))
            || region.headers.iter().any(|(name, _)| has_header(name))
    }
}
