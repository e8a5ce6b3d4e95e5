//! From the tables to a text that people read: comments above what they are about, one empty line between tables.
//!
//! Values are written by `toml_writer`, whatever is in them; what stands in comments has no control characters (`ledger`).

use toml_writer::{ToTomlKey, ToTomlValue, TomlKeyBuilder, TomlStringBuilder};

use super::ledger::{Note, Weight};
use super::model::{Action, Draft, Edits, Item, Route, Server, Table, Upstream, Value};
use super::source::Sources;

/// Columns that comments are wrapped at.
const WIDTH: usize = 110;
/// Columns that a list is broken over lines at.
const LIST: usize = 90;

/// Writes all of it.
pub(crate) fn emit(draft: &Draft, sources: &Sources, title: &str) -> String {
    let mut out = Writer {
        text: String::new(),
        sources,
    };
    out.comment("", title);
    for (name, table) in [
        ("gateway", &draft.gateway),
        ("admin", &draft.admin),
        ("timeouts", &draft.timeouts),
        ("limits", &draft.limits),
    ] {
        out.plain_table(&format!("[{name}]"), table);
    }
    for listener in &draft.listeners {
        out.plain_table(
            &format!("[listener.{}]", key(&listener.name)),
            &listener.table,
        );
    }
    for cache in &draft.caches {
        out.plain_table(&format!("[cache.{}]", key(&cache.name)), &cache.table);
    }
    for limit in &draft.rates {
        out.plain_table(&format!("[limit.{}]", key(&limit.name)), &limit.table);
    }
    for item in &draft.items {
        match item {
            Item::Upstream(upstream) => out.upstream(upstream),
            Item::Route(route) => out.route(route),
            Item::Notes(notes) => out.loose_notes(notes),
        }
    }
    out.loose_notes(&draft.notes);
    out.text
}

struct Writer<'s> {
    text: String,
    sources: &'s Sources,
}

impl Writer<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn gap(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    /// Writes a comment over as many lines as it takes.
    fn comment(&mut self, indent: &str, text: &str) {
        let mut line = format!("{indent}#");
        let start = line.len();
        for word in text.split_whitespace() {
            if line.chars().count() + 1 + word.chars().count() > WIDTH && line.len() > start {
                self.line(&line);
                line = format!("{indent}#  ");
            }
            line.push(' ');
            line.push_str(word);
        }
        self.line(&line);
    }

    /// Notes by weight, those with one advice in one comment. What nothing is needed for comes last.
    fn notes(&mut self, indent: &str, notes: &[Note]) {
        let mut groups: Vec<(Weight, &str, Vec<String>)> = Vec::new();
        for note in notes {
            let shown = format!("{} `{}`", self.sources.line(note.place), note.directive);
            let is_like = |group: &&mut (Weight, &str, Vec<String>)| {
                group.0 == note.weight && group.1 == note.advice
            };
            match groups.iter_mut().find(is_like) {
                Some((_, _, all)) if all.contains(&shown) => {}
                Some((_, _, all)) => all.push(shown),
                None => groups.push((note.weight, &note.advice, vec![shown])),
            }
        }
        let (unneeded, groups): (Vec<_>, Vec<_>) = groups
            .into_iter()
            .partition(|(weight, ..)| *weight == Weight::Unneeded);
        for (weight, advice, all) in groups {
            let mark = match weight {
                Weight::Security => "SECURITY ",
                _ => "",
            };
            self.comment(indent, &format!("{mark}{}: {advice}", all.join(", ")));
        }
        if !unneeded.is_empty() {
            let all: Vec<String> = unneeded
                .iter()
                .map(|(_, why, all)| format!("{} ({why})", all.join(", ")))
                .collect();
            self.comment(indent, &format!("Nothing needed for {}", all.join("; ")));
        }
    }

    fn loose_notes(&mut self, notes: &[Note]) {
        if !notes.is_empty() {
            self.gap();
            self.notes("", notes);
        }
    }

    fn entries(&mut self, entries: &[(String, Value)]) {
        for (name, value) in entries {
            let line = format!("{} = {}", key(name), inline(value));
            match value {
                Value::List(list) if line.len() > LIST && !list.is_empty() => {
                    self.line(&format!("{} = [", key(name)));
                    for one in list {
                        self.line(&format!("    {},", inline(one)));
                    }
                    self.line("]");
                }
                _ => self.line(&line),
            }
        }
    }

    /// A table without parts; left out if there is nothing in it, and only its notes if there is no value.
    fn plain_table(&mut self, header: &str, table: &Table) {
        self.loose_notes(&table.notes);
        if table.entries.is_empty() {
            return;
        }
        if table.notes.is_empty() {
            self.gap();
        }
        self.line(header);
        self.entries(&table.entries);
    }

    fn upstream(&mut self, upstream: &Upstream) {
        self.gap();
        self.notes("", &upstream.table.notes);
        self.line(&format!("[upstream.{}]", key(&upstream.name)));
        self.entries(&upstream.table.entries);
        if !upstream.servers.is_empty() {
            self.servers(&upstream.servers);
        }
    }

    fn servers(&mut self, servers: &[Server]) {
        let is_short = |server: &Server| server.notes.is_empty() && !server.is_off;
        let short = format!(
            "servers = [{}]",
            servers.iter().map(server).collect::<Vec<_>>().join(", ")
        );
        if servers.iter().all(is_short) && short.len() <= LIST {
            self.line(&short);
            return;
        }
        // Beside `discover` no server need be left, and an empty list is refused.
        let all = if servers.iter().all(|one| one.is_off) {
            "# "
        } else {
            ""
        };
        self.line(&format!("{all}servers = ["));
        for one in servers {
            self.notes("    ", &one.notes);
            let mark = if one.is_off { "# " } else { "" };
            self.line(&format!("    {mark}{},", server(one)));
        }
        self.line(&format!("{all}]"));
    }

    fn route(&mut self, route: &Route) {
        self.gap();
        self.notes("", &route.table.notes);
        self.line("[[route]]");
        let mut entries = Vec::new();
        matching(route, &mut entries);
        let action = action(&route.action);
        if route.closed {
            self.entries(&entries);
            let refusal = Action::refuse(403, "what protects this is not configured\n");
            let (name, value) = self::action(&refusal);
            self.entries(&[(name, value)]);
            self.line("# When it is protected, in place of respond:");
            self.line(&format!("# {} = {}", action.0, inline(&action.1)));
        } else {
            entries.push(action);
            self.entries(&entries);
        }
        let is_forwarded = matches!(route.action, Action::Upstream(_));
        let has_path = is_forwarded || matches!(route.action, Action::Files { .. });
        let mut changes = Vec::new();
        for (name, value) in &route.table.entries {
            let is_of_use = match name.as_str() {
                "strip" | "rewrite" | "limit" => has_path,
                _ => is_forwarded,
            };
            if is_of_use {
                changes.push((name.clone(), value.clone()));
            }
        }
        if is_forwarded && !route.request.is_empty() {
            changes.push(("request_headers".into(), edits(&route.request)));
        }
        if !route.response.is_empty() {
            changes.push(("response_headers".into(), edits(&route.response)));
        }
        if route.closed {
            for (name, value) in &changes {
                self.line(&format!("# {} = {}", key(name), inline(value)));
            }
        } else {
            self.entries(&changes);
        }
    }
}

fn matching(route: &Route, entries: &mut Vec<(String, Value)>) {
    if let Some(name) = &route.name {
        entries.push(("name".into(), name.clone().into()));
    }
    let mut push = |name: &str, all: Vec<String>| match all.len() {
        0 => {}
        1 => entries.extend(
            all.into_iter()
                .map(|one| (name.to_owned(), Value::Text(one))),
        ),
        _ => {
            let all = all.into_iter().map(Value::Text).collect();
            entries.push((name.to_owned(), Value::List(all)));
        }
    };
    push("listener", route.listeners.clone());
    push("host", route.hosts.clone());
    push(
        "path",
        route.paths.iter().map(ToString::to_string).collect(),
    );
    push("method", route.methods.clone());
    for (name, tests) in [("header", &route.headers), ("query", &route.query)] {
        if !tests.is_empty() {
            entries.push((name.into(), texts(tests)));
        }
    }
}

fn texts(fields: &[(String, String)]) -> Value {
    let pairs = fields.iter();
    Value::Table(
        pairs
            .map(|(name, value)| (name.clone(), Value::Text(value.clone())))
            .collect(),
    )
}

fn edits(edits: &Edits) -> Value {
    let mut all = Vec::new();
    if !edits.set.is_empty() {
        all.push(("set".to_owned(), texts(&edits.set)));
    }
    if !edits.add.is_empty() {
        all.push(("add".to_owned(), texts(&edits.add)));
    }
    if !edits.remove.is_empty() {
        let names = edits.remove.iter().cloned().map(Value::Text).collect();
        all.push(("remove".to_owned(), Value::List(names)));
    }
    Value::Table(all)
}

fn action(action: &Action) -> (String, Value) {
    match action {
        Action::Upstream(shares) => ("upstream".into(), split(shares)),
        Action::Redirect { to, status: 308 } => ("redirect".into(), to.clone().into()),
        Action::Redirect { to, status } => {
            let table = vec![
                ("to".to_owned(), to.clone().into()),
                ("status".to_owned(), u32::from(*status).into()),
            ];
            ("redirect".into(), Value::Table(table))
        }
        Action::Respond {
            status,
            body,
            content_type,
        } => {
            let mut table = vec![("status".to_owned(), Value::from(u32::from(*status)))];
            if !body.is_empty() {
                table.push(("body".to_owned(), body.clone().into()));
            }
            if let Some(content_type) = content_type {
                table.push(("content_type".to_owned(), content_type.clone().into()));
            }
            ("respond".into(), Value::Table(table))
        }
        Action::Files {
            root,
            index,
            fallback,
            cache_control,
        } => {
            let mut table = vec![("root".to_owned(), root.clone().into())];
            for (name, value) in [
                ("index", index),
                ("fallback", fallback),
                ("cache_control", cache_control),
            ] {
                if let Some(value) = value {
                    table.push((name.to_owned(), value.clone().into()));
                }
            }
            match table.len() {
                1 => ("files".into(), root.clone().into()),
                _ => ("files".into(), Value::Table(table)),
            }
        }
    }
}

fn split(shares: &[(String, u32)]) -> Value {
    if let [(name, _)] = shares {
        return name.clone().into();
    }
    let share = |(name, weight): &(String, u32)| {
        Value::Table(vec![
            ("name".to_owned(), name.clone().into()),
            ("weight".to_owned(), (*weight).into()),
        ])
    };
    Value::List(shares.iter().map(share).collect())
}

fn server(server: &Server) -> String {
    let mut table = vec![("address".to_owned(), server.address.clone().into())];
    if let Some(weight) = server.weight {
        table.push(("weight".to_owned(), weight.into()));
    }
    if let Some(zone) = &server.zone {
        table.push(("zone".to_owned(), zone.clone().into()));
    }
    match table.len() {
        1 => inline(&server.address.clone().into()),
        _ => inline(&Value::Table(table)),
    }
}

fn key(name: &str) -> String {
    TomlKeyBuilder::new(name).as_default().to_toml_key()
}

fn inline(value: &Value) -> String {
    match value {
        Value::Text(text) => TomlStringBuilder::new(text).as_basic().to_toml_value(),
        Value::Integer(number) => number.to_string(),
        Value::Decimal(number) => number.clone(),
        Value::Bool(value) => value.to_string(),
        Value::List(list) => {
            let all: Vec<String> = list.iter().map(inline).collect();
            format!("[{}]", all.join(", "))
        }
        Value::Table(entries) => {
            let all: Vec<String> = entries
                .iter()
                .map(|(name, value)| format!("{} = {}", key(name), inline(value)))
                .collect();
            format!("{{ {} }}", all.join(", "))
        }
    }
}
