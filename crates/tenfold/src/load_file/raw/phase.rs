//! Phases, as they are written.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::config::read::{Read, Reader, table};
use crate::config::scalar::{Count, Number, Text, Time};
use crate::config::tree::{Kind, Node};

table! {
    /// A part of the test. Exactly one of `rate` and `users` says how much load there is.
    pub(crate) struct Phase {
        /// What reports call it. Without it `phase` and its number.
        name: Text,
        /// How long it takes.
        duration: Time => required,
        /// Arrivals per second: each is a session that does a scenario. A number, or how it changes.
        rate: Level,
        /// Users, each of whom does one session after the other. A number, or how it changes.
        users: Level,
        /// Whether it is left out of totals and thresholds.
        warm_up: bool = false,
    }
}

table! {
    /// Load that changes: `{ to = 500 }` is a ramp from where the phase before ended, `{ from = 100, to = 500, steps = 5 }` a staircase,
    /// `{ from = 100, spike = 2000, after = "1m", lasts = "10s" }` a spike.
    pub(crate) struct Change {
        /// At the beginning. Without it what the phase before ended with, or 0.
        from: Number,
        /// At the end: of a ramp that is straight, of a staircase its last step.
        to: Number,
        /// Steps of equal length, of which the first is `from` and the last is `to`, 2 to 1000.
        steps: Count,
        /// How much there is in the spike. Before and behind it there is `from`.
        spike: Number,
        /// When the spike begins, from the beginning of the phase. Without it in the middle.
        after: Time,
        /// How long the spike lasts. Without it a tenth of the phase.
        lasts: Time,
    }
}

/// How much load there is.
#[derive(Clone, Debug)]
pub(crate) enum Level {
    /// Always the same.
    Same(f64),
    /// Not.
    Change(Box<Change>),
}

impl Read for Level {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.kind {
            Kind::Table(_) => Change::read(node, reader).map(|it| Self::Change(Box::new(it))),
            Kind::Integer(_) | Kind::Float(_) => {
                Number::read(node, reader).map(|number| Self::Same(number.0))
            }
            _ => {
                let help = "for example 100, or { from = 100, to = 500 }";
                reader.wrong_kind(node, "a number or a table", help);
                None
            }
        }
    }
}

impl JsonSchema for Level {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Level".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let number = generator.subschema_for::<Number>();
        let change = generator.subschema_for::<Change>();
        schemars::json_schema!({ "anyOf": [number, change] })
    }
}
