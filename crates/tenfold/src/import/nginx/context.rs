//! What the whole translation of an nginx configuration shares.

use std::collections::{HashMap, HashSet};

use super::cache::Made;
use super::parse::Directive;
use super::table;
use crate::import::ledger::{Ledger, Note, Weight};
use crate::import::model::{Draft, Item, Server, Table, Upstream, Value};
use crate::import::source::Place;
use crate::import::value::{time, unique};

/// The draft and what is known besides.
#[derive(Debug, Default)]
pub(super) struct Context {
    pub(super) draft: Draft,
    pub(super) ledger: Ledger,
    /// Where comments have been made already: an inherited directive is explained once.
    said: HashSet<(Place, String)>,
    /// Our names of upstreams by nginx's.
    pub(super) upstreams: HashMap<String, String>,
    /// Upstreams made of an address in `proxy_pass`.
    implied: HashMap<String, String>,
    /// `split_clients` by variable: values and weights.
    pub(super) splits: HashMap<String, Vec<(String, u32)>>,
    /// Variables that only say whether a connection is upgraded.
    pub(super) upgrades: HashSet<String>,
    /// `proxy_pass` of the locations that are mirrored to, by their path.
    pub(super) mirrors: HashMap<String, Directive>,
    /// `proxy_cache_path` by the zone that it makes.
    pub(super) zones: HashMap<String, Directive>,
    /// `limit_req_zone` by the zone that it makes.
    pub(super) request_zones: HashMap<String, Directive>,
    /// `limit_conn_zone` by the zone that it makes.
    pub(super) connection_zones: HashMap<String, Directive>,
    /// What locations say of upstreams that come later in the source.
    pub(super) pending: HashMap<String, Table>,
    /// The caches that zones have become.
    pub(super) caches: Vec<Made>,
    /// Directives that are in `[timeouts]` or `[limits]`, and therefore in no route.
    pub(super) globals: HashSet<Place>,
    /// What was protected by a pattern that has no equal is left open, with a comment.
    pub(super) leaves_gaps: bool,
}

impl Context {
    /// A comment, once for each directive and advice.
    pub(super) fn note(
        &mut self,
        notes: &mut Vec<Note>,
        directive: &Directive,
        weight: Weight,
        advice: impl Into<String>,
    ) {
        let note = self.ledger.note(directive, weight, advice);
        if self.said.insert((note.place, note.advice.clone())) {
            notes.push(note);
        }
    }

    /// The comment of the table, for the directive and all that is in it.
    pub(super) fn note_known(&mut self, notes: &mut Vec<Note>, directive: &Directive) {
        let (weight, advice) = table::advice(&directive.name);
        self.note(notes, directive, weight, advice);
        self.cover(directive, weight, advice);
    }

    /// Counts what is in a block with the block.
    pub(super) fn cover(&mut self, directive: &Directive, weight: Weight, advice: &str) {
        for inner in directive.inside() {
            if self.ledger.lacks(inner.place) {
                self.ledger.note(inner, weight, advice);
            }
            self.cover(inner, weight, advice);
        }
    }

    pub(super) fn is_global(&self, directive: &Directive) -> bool {
        self.globals.contains(&directive.place)
    }

    pub(super) fn translated(&mut self, directive: &Directive) {
        self.ledger.translated(directive);
    }

    /// A time of the source as we write it, with a comment if it had to be bounded; `None`, with one, if it is none.
    pub(super) fn time(&mut self, notes: &mut Vec<Note>, directive: &Directive) -> Option<String> {
        let Some(milliseconds) = milliseconds(directive.first()) else {
            let advice = "is no time that can be read; the default is used";
            self.note(notes, directive, Weight::Differs, advice);
            return None;
        };
        let (text, is_bounded) = time(milliseconds);
        match is_bounded {
            true => {
                let advice = format!("times lie between 1ms and 24h: {text} is used");
                self.note(notes, directive, Weight::Differs, advice);
            }
            false => self.translated(directive),
        }
        Some(text)
    }

    /// The name of the upstream that is this one server, which is made if it is not there yet.
    pub(super) fn implied_upstream(&mut self, address: &str) -> String {
        if let Some(name) = self.implied.get(address) {
            return name.clone();
        }
        let plain = address.strip_prefix("unix:").map_or(address, |path| {
            let file = path.rsplit('/').next().unwrap_or(path);
            file.strip_suffix(".sock").unwrap_or(file)
        });
        let name = self.free_name(plain);
        let mut upstream = Upstream {
            name: name.clone(),
            ..Upstream::default()
        };
        upstream.servers.push(Server {
            address: address.to_owned(),
            ..Server::default()
        });
        self.implied.insert(address.to_owned(), name.clone());
        self.draft.items.push(Item::Upstream(upstream));
        name
    }

    /// Sets what is a location's in nginx and an upstream's here; with a comment if the upstream has something else already.
    pub(super) fn set_of_upstream(
        &mut self,
        notes: &mut Vec<Note>,
        directive: &Directive,
        name: &str,
        (key, value): (&str, Value),
    ) {
        let table = match self.draft.upstream_mut(name) {
            Some(upstream) => &mut upstream.table,
            None => self.pending.entry(name.to_owned()).or_default(),
        };
        if table.get(key).is_some_and(|old| *old != value) {
            let advice = format!("`{name}` has another {key} already, and an upstream has one");
            self.note(notes, directive, Weight::Differs, advice);
        } else {
            table.set(key, value);
        }
    }

    /// A name for an upstream that none has.
    pub(super) fn free_name(&self, wanted: &str) -> String {
        unique(wanted, |name| {
            let mut taken = self.upstreams.values().chain(self.implied.values());
            taken.any(|other| other == name)
        })
    }
}

/// `30`, `500ms`, `1m30s`, `1d` (ngx_parse_time).
pub(super) fn milliseconds(text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let number: u64 = rest[..end].parse().ok()?;
        let units: [(&str, u64); 9] = [
            ("ms", 1),
            ("s", 1000),
            ("m", 60_000),
            ("h", 3_600_000),
            ("d", 86_400_000),
            ("w", 7 * 86_400_000),
            ("M", 30 * 86_400_000),
            ("y", 365 * 86_400_000),
            ("", 1000),
        ];
        let after = &rest[end..];
        let (unit, scale) = units
            .into_iter()
            .find(|(unit, _)| after.starts_with(unit))?;
        if unit.is_empty() && !after.is_empty() {
            return None;
        }
        total = total.checked_add(number.checked_mul(scale)?)?;
        rest = after[unit.len()..].trim_start();
    }
    Some(total)
}

/// `8k`, `10m`, `1g`, `4096` (ngx_parse_offset).
pub(super) fn bytes(text: &str) -> Option<u64> {
    let (number, scale) = match text.to_ascii_lowercase().chars().last()? {
        'k' => (&text[..text.len() - 1], 1 << 10),
        'm' => (&text[..text.len() - 1], 1 << 20),
        'g' => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1_u64),
    };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| is_number)?;
    number.checked_mul(scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes() {
        for (text, expected) in [
            ("30", Some(30_000)),
            ("500ms", Some(500)),
            ("1m30s", Some(90_000)),
            ("1d", Some(86_400_000)),
            ("", None),
            ("s", None),
            ("5x", None),
            ("99999999999999999999", None),
            ("9999999999999999y", None),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
        assert_eq!(bytes("8k"), Some(8192));
        assert_eq!(bytes("0"), Some(0));
        assert_eq!(bytes("1G"), Some(1 << 30));
        for bad in ["", "k", "-1", "+1", "8kb", "99999999999999999g"] {
            assert_eq!(bytes(bad), None, "{bad}");
        }
    }
}
