//! What an import is made into before it is written: the tables of our configuration, each with its notes.
//!
//! This is deliberately not the type of `config::raw`: that one reads, keeps places and has no notes; this one is filled
//! step by step, may be wrong for a while (`finish` mends that), and carries comments.

use super::ledger::{Note, Statement};
use super::path::Pattern;
use super::source::Place;

/// A value of TOML.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    /// A number that is not whole, as it is written.
    Decimal(String),
    Bool(bool),
    List(Vec<Value>),
    Table(Vec<(String, Value)>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(i64::from(number))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// Keys and values, with what is to be said about them. A key has one value: the last one that was set.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Table {
    pub(crate) entries: Vec<(String, Value)>,
    pub(crate) notes: Vec<Note>,
}

impl Table {
    pub(crate) fn set(&mut self, key: &str, value: impl Into<Value>) {
        set(&mut self.entries, key, value.into());
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        let found = self.entries.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value)
    }
}

/// Sets a key of a table, in its place if it is there already.
pub(crate) fn set(entries: &mut Vec<(String, Value)>, key: &str, value: Value) {
    match entries.iter_mut().find(|(name, _)| name == key) {
        Some((_, old)) => *old = value,
        None => entries.push((key.to_owned(), value)),
    }
}

/// All of a configuration, its upstreams and routes in the order of the source.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    pub(crate) gateway: Table,
    pub(crate) admin: Table,
    pub(crate) timeouts: Table,
    pub(crate) limits: Table,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) caches: Vec<Cache>,
    pub(crate) rates: Vec<Limit>,
    pub(crate) items: Vec<Item>,
    /// What belongs to nothing else.
    pub(crate) notes: Vec<Note>,
}

#[expect(clippy::large_enum_variant, reason = "a file has some dozens, once")]
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Upstream(Upstream),
    Route(Route),
    /// What stands between them.
    Notes(Vec<Note>),
}

impl Draft {
    pub(crate) fn upstreams(&self) -> impl Iterator<Item = &Upstream> {
        self.items.iter().filter_map(|item| match item {
            Item::Upstream(upstream) => Some(upstream),
            _ => None,
        })
    }

    pub(crate) fn upstream_mut(&mut self, name: &str) -> Option<&mut Upstream> {
        self.items.iter_mut().find_map(|item| match item {
            Item::Upstream(upstream) if upstream.name == name => Some(upstream),
            _ => None,
        })
    }

    pub(crate) fn routes_mut(&mut self) -> impl Iterator<Item = &mut Route> {
        self.items.iter_mut().filter_map(|item| match item {
            Item::Route(route) => Some(route),
            _ => None,
        })
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Listener {
    pub(crate) name: String,
    pub(crate) table: Table,
}

/// `[cache.NAME]`
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Cache {
    pub(crate) name: String,
    pub(crate) table: Table,
}

/// `[limit.NAME]`
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Limit {
    /// What it was made from.
    pub(crate) zone: String,
    pub(crate) name: String,
    pub(crate) table: Table,
}

/// `[upstream.NAME]`
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Upstream {
    pub(crate) name: String,
    pub(crate) servers: Vec<Server>,
    /// Everything but the servers.
    pub(crate) table: Table,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Server {
    /// As `config::value::endpoint` takes it.
    pub(crate) address: String,
    pub(crate) weight: Option<u32>,
    pub(crate) zone: Option<String>,
    pub(crate) notes: Vec<Note>,
    /// True if it is only mentioned, in a comment.
    pub(crate) is_off: bool,
}

/// `[[route]]`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Route {
    /// The directive that it was made from.
    pub(crate) origin: Option<Origin>,
    pub(crate) name: Option<String>,
    /// Empty for all.
    pub(crate) listeners: Vec<String>,
    /// Empty for all.
    pub(crate) hosts: Vec<String>,
    pub(crate) paths: Vec<Pattern>,
    pub(crate) methods: Vec<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) action: Action,
    /// Set if it refuses instead, because what protects it cannot be said: what to do about it.
    pub(crate) closed: bool,
    pub(crate) request: Edits,
    pub(crate) response: Edits,
    /// strip, rewrite, timeout, …, in the order of the reference page.
    pub(crate) table: Table,
}

/// A directive of the source, for what is found out late.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Origin {
    place: Place,
    text: String,
}

impl Origin {
    pub(crate) fn of(statement: &impl Statement) -> Self {
        Self {
            place: statement.place(),
            text: statement.text(),
        }
    }
}

impl Statement for Origin {
    fn place(&self) -> Place {
        self.place
    }

    fn text(&self) -> String {
        self.text.clone()
    }
}

impl Route {
    pub(crate) fn new(paths: Vec<Pattern>, action: Action) -> Self {
        Self {
            origin: None,
            name: None,
            listeners: Vec::new(),
            hosts: Vec::new(),
            paths,
            methods: Vec::new(),
            headers: Vec::new(),
            query: Vec::new(),
            action,
            closed: false,
            request: Edits::default(),
            response: Edits::default(),
            table: Table::default(),
        }
    }
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    Upstream(Vec<(String, u32)>),
    Redirect {
        to: String,
        status: u16,
    },
    Respond {
        status: u16,
        body: String,
        content_type: Option<String>,
    },
    Files {
        root: String,
        index: Option<String>,
        fallback: Option<String>,
        cache_control: Option<String>,
    },
}

impl Action {
    pub(crate) fn refuse(status: u16, body: &str) -> Self {
        Self::Respond {
            status,
            body: body.to_owned(),
            content_type: None,
        }
    }
}

/// Changes to fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Edits {
    pub(crate) set: Vec<(String, String)>,
    pub(crate) add: Vec<(String, String)>,
    pub(crate) remove: Vec<String>,
}

impl Edits {
    pub(crate) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.add.is_empty() && self.remove.is_empty()
    }

    /// Sets a field; false if it is set already, which is for the caller to say.
    pub(crate) fn set(&mut self, name: &str, value: String) -> bool {
        put(&mut self.set, name, value)
    }

    /// Adds a field; false if it is added already: a table has each name once.
    pub(crate) fn add(&mut self, name: &str, value: String) -> bool {
        put(&mut self.add, name, value)
    }

    pub(crate) fn remove(&mut self, name: &str) {
        let name = name.to_ascii_lowercase();
        if !self.remove.contains(&name) {
            self.remove.push(name);
        }
    }
}

fn put(fields: &mut Vec<(String, String)>, name: &str, value: String) -> bool {
    let name = name.to_ascii_lowercase();
    let is_new = !fields.iter().any(|(other, _)| *other == name);
    if is_new {
        fields.push((name, value));
    }
    is_new
}
