//! From a tree of values to the structs of [`raw`](super::raw), without stopping at the first mistake.
//!
//! # The idea
//! One table per struct (the macro [`table`]) feeds the reader, the JSON Schema and the reference page: a field's name, its
//! documentation, its type and its default are written once. A field that is wrong is reported and becomes
//! [`Field::Wrong`], so that what checks the whole later does not call it missing.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema};
use serde_json::Value;

use super::diagnostic::{At, Place, Report};
use super::suggest;
use super::tree::{Kind, Node, Table};

/// Reads values, and knows where it is.
pub(crate) struct Reader<'r> {
    pub(crate) report: &'r mut Report,
    /// The key whose value is read.
    pub(crate) key: String,
}

/// A value that can be written in a configuration.
pub(crate) trait Read: JsonSchema + Sized {
    /// Reads it; `None` after what is wrong was reported.
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self>;
}

/// What a key's value was.
#[derive(Clone, Debug, Default)]
pub(crate) enum Field<T> {
    /// The key is not there.
    #[default]
    Missing,
    /// It is there, and its mistake has been reported.
    Wrong,
    /// It is there.
    Given(At<T>),
}

impl<T> Field<T> {
    pub(crate) fn given(&self) -> Option<&At<T>> {
        match self {
            Self::Given(given) => Some(given),
            _ => None,
        }
    }

    pub(crate) fn value(&self) -> Option<&T> {
        self.given().map(|given| &given.value)
    }

    /// Where the value is.
    pub(crate) fn at(&self) -> Option<Place> {
        self.given().map(|given| given.at)
    }

    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }
}

impl<T: Clone> Field<T> {
    pub(crate) fn or(&self, default: T) -> T {
        self.value().cloned().unwrap_or(default)
    }
}

impl Reader<'_> {
    /// Reports a value of the wrong kind.
    pub(crate) fn wrong_kind(&mut self, node: &Node, expected: &str, example: &str) {
        let message = format!("`{}` takes {expected}, not {}", self.key, node.describe());
        self.report.error(node.at, message, example);
    }

    /// Reports a text that is not what it should be.
    pub(crate) fn wrong_text(&mut self, node: &Node, text: &str, help: String) {
        let message = cannot_be(&self.key, text);
        self.report.error(node.at, message, help);
    }

    /// Reads the value of a key.
    pub(crate) fn field<T: Read>(&mut self, node: &Node) -> Field<T> {
        match T::read(node, self) {
            Some(value) => Field::Given(At { value, at: node.at }),
            None => Field::Wrong,
        }
    }

    /// Reports a key that has to be there.
    pub(crate) fn missing(&mut self, node: &Node, key: &str, doc: &[&str]) {
        let what = paragraph(doc);
        let first = what.split_inclusive(". ").next().unwrap_or_default();
        let help = format!("add {key} = …: {}", first.trim_end_matches(['.', ' ']));
        self.report
            .error(node.at, format!("`{key}` is missing"), help);
    }

    /// Reports a key that does not exist.
    pub(crate) fn unknown(&mut self, key: &At<String>, known: &[&str], later: &[&str]) {
        let name = shortened(&key.value);
        if later.contains(&key.value.as_str()) {
            let message = format!("`{name}` is not supported yet");
            self.report
                .error(key.at, message, "leave it out: a later version brings it");
        } else {
            let help = suggest::help(&key.value, known, "key");
            self.report
                .error(key.at, format!("there is no key `{name}` here"), help);
        }
    }
}

/// A message about a text that a key cannot have.
pub(crate) fn cannot_be(key: &str, text: &str) -> String {
    match text {
        "" => format!("`{key}` cannot be empty"),
        text => format!("`{key}` cannot be `{}`", shortened(text)),
    }
}

/// A text that is fit for a message.
pub(crate) fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

/// What the macro needs to know of a struct's field for the schema.
pub(crate) struct Property {
    pub(crate) name: &'static str,
    /// Lines of the documentation as they are written after `///`.
    pub(crate) doc: &'static [&'static str],
    pub(crate) default: Option<Value>,
    pub(crate) is_required: bool,
    pub(crate) schema: Schema,
}

/// The schema of a table. With `short`, the value of that key alone may stand for it.
pub(crate) fn table_schema(
    doc: &[&str],
    properties: Vec<Property>,
    short: Option<&str>,
    later: &[&str],
) -> Schema {
    let mut required = Vec::new();
    let mut short_schema = None;
    let mut map = serde_json::Map::new();
    for property in properties {
        if short == Some(property.name) {
            short_schema = Some(property.schema.clone());
        }
        if property.is_required {
            required.push(property.name);
        }
        let mut schema = property.schema;
        schema.insert("description".into(), paragraph(property.doc).into());
        if let Some(default) = property.default {
            schema.insert("default".into(), default);
        }
        map.insert(property.name.into(), schema.to_value());
    }
    let mut table = serde_json::json!({
        "type": "object",
        "description": paragraph(doc),
        "properties": map,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        table["required"] = required.into();
    }
    if !later.is_empty() {
        table["x-later"] = later.into();
    }
    let schema = match short_schema {
        Some(short) => serde_json::json!({ "anyOf": [short, table] }),
        None => table,
    };
    Schema::try_from(schema).expect("an object is a schema")
}

fn paragraph(lines: &[&str]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| line.trim()).collect();
    lines.join(" ")
}

/// Reads a table: calls `entry` for each key.
pub(crate) fn read_table(
    node: &Node,
    reader: &mut Reader<'_>,
    short: Option<&str>,
    mut entry: impl FnMut(&mut Reader<'_>, &At<String>, &Node),
) -> Option<()> {
    let table = match (&node.kind, short) {
        (Kind::Table(table), _) => Cow::Borrowed(table),
        // A list is never meant as the short form of a table.
        (Kind::Text(_) | Kind::Integer(_) | Kind::Float(_), Some(short)) => {
            let key = At {
                value: short.to_owned(),
                at: node.at,
            };
            Cow::Owned(Table {
                entries: vec![(key, node.clone())],
            })
        }
        (_, short) => {
            let expected = if short.is_some() {
                "a text or a table"
            } else {
                "a table"
            };
            let key = &reader.key;
            let help = match short {
                Some(short) => format!("write a text, or {{ {short} = … }}"),
                None if matches!(key.as_str(), "route" | "phase" | "scenario") => {
                    format!("write [[{key}]], and its keys below")
                }
                None => format!("write [{key}] and its keys below, or {key} = {{ … }}"),
            };
            reader.wrong_kind(node, expected, &help);
            return None;
        }
    };
    let outer = reader.key.clone();
    for (key, value) in &table.entries {
        // With the short form the key is what was written, not what it stands for.
        if short.is_none() || matches!(node.kind, Kind::Table(_)) {
            reader.key.clone_from(&key.value);
        }
        entry(reader, key, value);
    }
    reader.key = outer;
    Some(())
}

/// Defines a struct that is written as a table.
///
/// Each field is a [`Field`]; `= VALUE` documents its default, `=> required` makes it one that must be there. `short KEY`
/// lets a text stand for the table that has only that key. `later [..]` are keys of features to come.
macro_rules! table {
    (
        $(#[doc = $doc:literal])*
        pub(crate) struct $name:ident $(short $short:ident)? {
            $( $(#[doc = $field_doc:literal])* $field:ident: $ty:ty $(= $default:expr)? $(=> $required:ident)?, )*
        }
        $(later $later:tt)?
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, Default)]
        pub(crate) struct $name {
            $( $(#[doc = $field_doc])* pub(crate) $field: $crate::config::read::Field<$ty>, )*
        }

        impl $name {
            const KEYS: &'static [&'static str] = &[$(stringify!($field)),*];
            const LATER: &'static [&'static str] = table!(@later $($later)?);
        }

        impl $crate::config::read::Read for $name {
            fn read(
                node: &$crate::config::tree::Node,
                reader: &mut $crate::config::read::Reader<'_>,
            ) -> Option<Self> {
                let mut table = Self::default();
                let short = table!(@short $($short)?);
                $crate::config::read::read_table(node, reader, short, |reader, key, value| {
                    match key.value.as_str() {
                        $( stringify!($field) => table.$field = reader.field(value), )*
                        _ => reader.unknown(key, Self::KEYS, Self::LATER),
                    }
                })?;
                $(
                    if table!(@required $($required)?) && table.$field.is_missing() {
                        reader.missing(node, stringify!($field), &[$($field_doc),*]);
                    }
                )*
                Some(table)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let properties = vec![$($crate::config::read::Property {
                    name: stringify!($field),
                    doc: &[$($field_doc),*],
                    default: table!(@default $($default)?),
                    is_required: table!(@required $($required)?),
                    schema: generator.subschema_for::<$ty>(),
                }),*];
                $crate::config::read::table_schema(
                    &[$($doc),*],
                    properties,
                    table!(@short $($short)?),
                    Self::LATER,
                )
            }
        }
    };
    (@later) => { &[] };
    (@later $later:tt) => { &$later };
    (@short) => { None::<&str> };
    (@short $short:ident) => { Some(stringify!($short)) };
    (@default) => { None };
    (@default $default:expr) => { Some(serde_json::json!($default)) };
    (@required) => { false };
    (@required required) => { true };
}
pub(crate) use table;
