//! Values that only load tests have.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::config::read::{Read, Reader};
use crate::config::tree::{Kind, Node};
use crate::config::value;

/// A text, or what is as good as one: a number, `true`, `false`.
#[derive(Clone, Debug)]
pub(crate) struct Scalar(pub(crate) String);

impl Read for Scalar {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = match &node.kind {
            Kind::Text(text) => text.clone(),
            Kind::Integer(number) => number.to_string(),
            Kind::Float(number) if number.is_finite() => number.to_string(),
            Kind::Bool(value) => value.to_string(),
            _ => {
                reader.wrong_kind(node, "a text or a number", "write it in quotes");
                return None;
            }
        };
        Some(Self(text))
    }
}

impl JsonSchema for Scalar {
    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A text, a number, `true` or `false`.",
            "type": ["string", "number", "boolean"],
        })
    }
}

/// Anything that JSON can say. With its places, because the texts in it are templates.
#[derive(Clone, Debug)]
pub(crate) struct Json(pub(crate) Node);

impl Read for Json {
    fn read(node: &Node, _: &mut Reader<'_>) -> Option<Self> {
        Some(Self(node.clone()))
    }
}

impl JsonSchema for Json {
    fn schema_name() -> Cow<'static, str> {
        "Json".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "A table, a list, a text, a number, `true` or `false`." })
    }
}

/// A time that may be nothing: `0s`, `500ms`, `7s`; at most 24 h.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pause(pub(crate) Duration);

impl Read for Pause {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let hint = || "give a time with its unit, for example 0s, 500ms or 7s".to_owned();
        let Kind::Text(text) = &node.kind else {
            reader.wrong_kind(node, "a time", &hint());
            return None;
        };
        if matches!(text.as_str(), "0s" | "0ms") {
            return Some(Self(Duration::ZERO));
        }
        match value::duration(text) {
            Ok(time) => Some(Self(time)),
            Err(help) => {
                reader.wrong_text(node, text, help);
                None
            }
        }
    }
}

impl JsonSchema for Pause {
    fn schema_name() -> Cow<'static, str> {
        "Pause".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A time that may be nothing: `0s`, `500ms`, `7s`; at most 24 h.",
            "type": "string",
            "pattern": "^[0-9]+(\\.[0-9]+)?(ms|s|m|h)$",
        })
    }
}
