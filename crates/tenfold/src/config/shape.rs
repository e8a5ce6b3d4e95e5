//! Values with parts: one or more, lists, tables with names of the user's, switches.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::diagnostic::At;
use super::read::{Field, Read, Reader, read_table};
use super::tree::{Kind, Node};

/// One value, or a list of at least one.
#[derive(Clone, Debug)]
pub(crate) struct OneOrMore<T>(pub(crate) Vec<At<T>>);

impl<T> Default for OneOrMore<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Read> Read for OneOrMore<T> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Kind::List(nodes) = &node.kind else {
            let value = T::read(node, reader)?;
            return Some(Self(vec![At { value, at: node.at }]));
        };
        if nodes.is_empty() {
            let message = format!("`{}` is an empty list", reader.key);
            reader
                .report
                .error(node.at, message, "leave the key out, or give at least one");
            return None;
        }
        read_list(nodes, reader).map(Self)
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMore<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}OrList", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        schemars::json_schema!({
            "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }]
        })
    }
}

/// A list.
#[derive(Clone, Debug)]
pub(crate) struct List<T>(pub(crate) Vec<At<T>>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Read> Read for List<T> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.kind {
            Kind::List(nodes) => read_list(nodes, reader).map(Self),
            _ => {
                let help = format!("write {} = [ … ]", reader.key);
                reader.wrong_kind(node, "a list", &help);
                None
            }
        }
    }
}

/// All of them; `None` if one is wrong, after all that are were reported.
fn read_list<T: Read>(nodes: &[Node], reader: &mut Reader<'_>) -> Option<Vec<At<T>>> {
    let mut list = Vec::with_capacity(nodes.len());
    for node in nodes {
        if let Some(value) = T::read(node, reader) {
            list.push(At { value, at: node.at });
        }
    }
    (list.len() == nodes.len()).then_some(list)
}

impl<T: JsonSchema> JsonSchema for List<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("ListOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        schemars::json_schema!({ "type": "array", "items": one })
    }
}

/// A table whose keys are names that the user gives. Entries that are wrong are kept as [`Field::Wrong`]: their names exist.
#[derive(Clone, Debug)]
pub(crate) struct Named<T>(pub(crate) Vec<(At<String>, Field<T>)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Named<T> {
    /// The entries that are right.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&At<String>, &At<T>)> {
        self.0
            .iter()
            .filter_map(|(name, field)| Some((name, field.given()?)))
    }
}

impl<T: Read> Read for Named<T> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut entries = Vec::new();
        read_table(node, reader, None, |reader, key, value| {
            let field = reader.field(value);
            entries.push((key.clone(), field));
        })?;
        Some(Self(entries))
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Named{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        schemars::json_schema!({ "type": "object", "additionalProperties": one })
    }
}

/// `true`, `false`, or a table that says more than `true`.
#[derive(Clone, Debug)]
pub(crate) enum Switch<T> {
    Off,
    On(T),
}

impl<T: Read + Default> Read for Switch<T> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.kind {
            Kind::Bool(false) => Some(Self::Off),
            Kind::Bool(true) => Some(Self::On(T::default())),
            Kind::Table(_) => T::read(node, reader).map(Self::On),
            _ => {
                reader.wrong_kind(
                    node,
                    "`true`, `false` or a table",
                    "write true for the defaults",
                );
                None
            }
        }
    }
}

impl<T: JsonSchema> JsonSchema for Switch<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}OrBool", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        schemars::json_schema!({ "anyOf": [{ "type": "boolean" }, one] })
    }
}
