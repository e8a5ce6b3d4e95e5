//! Values without parts: times, sizes, shares, addresses, names and choices, as they are written in a configuration.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::read::{Read, Reader};
use super::tree::{Kind, Node};
use super::{host, redis, suggest, value, word};

/// A text of any kind.
pub(crate) type Text = String;

impl Read for String {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.kind {
            Kind::Text(text) => Some(text.clone()),
            _ => {
                reader.wrong_kind(node, "a text", "write it in quotes");
                None
            }
        }
    }
}

impl Read for bool {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match node.kind {
            Kind::Bool(value) => Some(value),
            _ => {
                reader.wrong_kind(
                    node,
                    "`true` or `false`",
                    "write true or false, without quotes",
                );
                None
            }
        }
    }
}

/// A whole number from 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count(pub(crate) u64);

impl Read for Count {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.kind {
            Kind::Integer(number) if *number >= 0 => Some(Self(number.unsigned_abs())),
            Kind::Integer(_) | Kind::Float(_) => {
                let message = format!("`{}` takes a whole number from 0", reader.key);
                reader.report.error(node.at, message, "for example 4");
                None
            }
            _ => {
                reader.wrong_kind(node, "a whole number", "write the number without quotes");
                None
            }
        }
    }
}

impl JsonSchema for Count {
    fn schema_name() -> Cow<'static, str> {
        "Count".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 0, "description": "A whole number." })
    }
}

/// How much may go on at the same time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ConcurrencyLimit {
    /// So much.
    Fixed(u64),
    /// As much as is found to be good.
    Adaptive,
}

impl Read for ConcurrencyLimit {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.kind {
            Kind::Integer(number) if *number > 0 => Some(Self::Fixed(number.unsigned_abs())),
            Kind::Text(text) if text == "adaptive" => Some(Self::Adaptive),
            Kind::Integer(number) => {
                let message = format!("`{}` cannot be {number}", reader.key);
                let help = "give a number from 1, or \"adaptive\"; without `concurrency` there is no limit";
                reader.report.error(node.at, message, help);
                None
            }
            Kind::Text(text) => {
                let help = match text.parse::<u64>() {
                    Ok(number) => {
                        format!("write {number} without quotes, in a table: {{ limit = {number} }}")
                    }
                    Err(_) => "give a number from 1, or \"adaptive\"".to_owned(),
                };
                reader.wrong_text(node, text, help);
                None
            }
            _ => {
                let help = "for example 64, or \"adaptive\"";
                reader.wrong_kind(node, "a number or \"adaptive\"", help);
                None
            }
        }
    }
}

impl JsonSchema for ConcurrencyLimit {
    fn schema_name() -> Cow<'static, str> {
        "ConcurrencyLimit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [{ "type": "integer", "minimum": 1 }, { "const": "adaptive" }],
            "description": "A number, or `\"adaptive\"`: found by measuring.",
        })
    }
}

/// A number that need not be whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number(pub(crate) f64);

impl Read for Number {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.kind {
            #[expect(clippy::cast_precision_loss, reason = "no number here is that large")]
            Kind::Integer(number) => Some(Self(*number as f64)),
            Kind::Float(number) if number.is_finite() => Some(Self(*number)),
            _ => {
                reader.wrong_kind(node, "a number", "for example 1.5, without quotes");
                None
            }
        }
    }
}

impl JsonSchema for Number {
    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "description": "A number." })
    }
}

/// Defines a value that is written as a text and understood by a function.
macro_rules! texts {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident($inner:ty) = $parse:path, $expected:literal, $schema:tt;
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Debug)]
        pub(crate) struct $name(pub(crate) $inner);

        impl Read for $name {
            fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
                let Kind::Text(text) = &node.kind else {
                    let help = match $parse("") {
                        Err(help) => help,
                        Ok(_) => "write it in quotes".to_owned(),
                    };
                    reader.wrong_kind(node, $expected, &help);
                    return None;
                };
                match $parse(text) {
                    Ok(value) => Some(Self(value)),
                    Err(help) => {
                        reader.wrong_text(node, text, help);
                        None
                    }
                }
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let mut schema = json_schema!($schema);
                schema.insert("description".into(), concat!($($doc),*).trim().into());
                schema
            }
        }
    )*};
}

texts! {
    /// A time with its unit: `500ms`, `10s`, `2m`, `1h`; at most 24 h.
    Time(Duration) = value::duration, "a time",
        { "type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(ms|s|m|h)$" };
    /// For how long something is kept, in whole seconds: `0s`, `30s`, `10m`, `12h`, `30d`.
    Lifetime(u32) = value::lifetime, "a time",
        { "type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(s|m|h|d)$" };
    /// `IP:PORT`, `localhost:PORT`, or `:PORT` for all of this machine's IPv4 addresses.
    Address(SocketAddr) = value::address, "an address",
        { "type": "string", "pattern": ":[0-9]+$" };
    /// A network or an address: `10.0.0.0/8`, `192.168.1.5`.
    Network(IpNet) = value::network, "a network", { "type": "string" };
    /// Where a server is: `HOST:PORT`, `http://HOST:PORT` or `unix:/PATH`. A name is resolved again when its time to live is over.
    Endpoint((String, tenfold_gateway::config::upstream::Address)) = host::named_endpoint, "a server",
        { "type": "string" };
    /// A name and a port: `app.internal:3000`.
    NameAndPort((String, u16)) = host::name_and_port, "a name and a port",
        { "type": "string", "pattern": ":[0-9]+$" };
    /// A file or a folder. Relative to the file in which it is written.
    FilePath(String) = word::path, "a path", { "type": "string", "minLength": 1 };
    /// A method as requests give it: `GET`.
    Method(String) = word::method, "a method",
        { "type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Z-]+$" };
    /// The name of a field (header).
    FieldName(String) = word::field_name, "the name of a field",
        { "type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" };
    /// A value of a field (header).
    FieldValue(String) = word::field_value, "a text", { "type": "string" };
    /// A cookie's name.
    CookieName(String) = word::cookie_name, "a cookie's name",
        { "type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" };
    /// A plain name: letters, digits, `-`, `_` and `.`.
    PlainName(String) = word::plain_name, "a name",
        { "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$" };
    /// A zone's name: letters, digits, `-`, `_` and `.`.
    Zone(String) = word::plain_name, "a zone's name",
        { "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$" };
    /// What a request is hashed by: `client_ip`, `header:NAME`, `cookie:NAME` or `target` (path and query).
    Hash(tenfold_gateway::config::upstream::HashKey) = word::hash_key, "what requests are hashed by",
        { "type": "string", "pattern": "^(client_ip|target|header:.+|cookie:.+)$" };
    /// So many in a time: `100/s`, `5000/m`, `10/h`, `1000/d`, or `100/10s`.
    Rate(tenfold_traffic::limit::Rate) = value::rate, "a rate",
        { "type": "string", "pattern": "^[0-9]+/([0-9]+(\\.[0-9]+)?)?(ms|s|m|h|d)$" };
    /// What a limit tells clients apart by: `client_ip`, `header:NAME`, `cookie:NAME`, `route` or `global`.
    LimitKey(tenfold_gateway::config::limit::KeyPart) = word::limit_key, "what clients are told apart by",
        { "type": "string", "pattern": "^(client_ip|route|global|header:.+|cookie:.+)$" };
    /// Path and query that are asked for: `/healthz`.
    Target(String) = word::target, "a path", { "type": "string", "pattern": "^/" };
}

/// Where a secret is: `env:NAME` or `file:PATH`. Never the secret itself.
#[derive(Clone, Debug)]
pub(crate) struct SecretSource(pub(crate) String);

impl Read for SecretSource {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let read = match &node.kind {
            Kind::Text(text) => word::secret_source(text),
            _ => word::secret_source(""),
        };
        match read {
            Ok(source) => Some(Self(source)),
            Err(help) => {
                // It may be the secret itself: not to be repeated.
                let message = format!("`{}` is not where a secret is", reader.key);
                reader.report.error(node.at, message, help).is_secret = true;
                None
            }
        }
    }
}

impl JsonSchema for SecretSource {
    fn schema_name() -> Cow<'static, str> {
        "SecretSource".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Where a secret is: `env:NAME` or `file:PATH`. Never the secret itself.",
            "type": "string",
            "pattern": "^(env|file):.+$",
        })
    }
}

/// Where a Redis is: its URL, or with a password in it where that is.
#[derive(Clone, Debug)]
pub(crate) struct RedisSource(pub(crate) String);

impl Read for RedisSource {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let read = match &node.kind {
            Kind::Text(text) => redis::source(text),
            _ => redis::source(""),
        };
        match read {
            Ok(source) => Some(Self(source)),
            Err(help) => {
                // It may contain a password: not to be repeated.
                let message = format!("`{}` is not where a Redis is", reader.key);
                reader.report.error(node.at, message, help).is_secret = true;
                None
            }
        }
    }
}

impl JsonSchema for RedisSource {
    fn schema_name() -> Cow<'static, str> {
        "RedisSource".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Where a Redis is: its URL, or if that contains a password where the URL is: `env:NAME` or `file:PATH`.",
            "type": "string",
            "pattern": "^((env|file):.+|rediss?(\\+(cluster|sentinel))?://[^@]+)$",
        })
    }
}

/// Bytes: `1000`, `"64KiB"`, `"10MB"`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size(pub(crate) u64);

impl Read for Size {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = match &node.kind {
            Kind::Text(text) => text.clone(),
            Kind::Integer(number) => number.to_string(),
            _ => {
                let help = value::size("").err().unwrap_or_default();
                reader.wrong_kind(node, "a size", &help);
                return None;
            }
        };
        match value::size(&text) {
            Ok(size) => Some(Self(size)),
            Err(help) => {
                reader.wrong_text(node, &text, help);
                None
            }
        }
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Bytes, or a text with a unit: `512KiB`, `10MB`, `4GiB`.",
            "anyOf": [
                { "type": "integer", "minimum": 1 },
                { "type": "string", "pattern": "^[0-9]+ *([kKmMgGtT]([iI]?[bB])?|[bB])?$" },
            ],
        })
    }
}

/// A part of a whole: `"50%"` or `0.5`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share(pub(crate) f64);

impl Read for Share {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.kind {
            Kind::Text(text) => match value::share(text) {
                Ok(share) => Some(Self(share)),
                Err(help) => {
                    reader.wrong_text(node, text, help);
                    None
                }
            },
            Kind::Integer(_) | Kind::Float(_) => {
                Number::read(node, reader).map(|number| Self(number.0))
            }
            _ => {
                reader.wrong_kind(node, "a share", "for example \"50%\" or 0.5");
                None
            }
        }
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A share: `\"50%\"` or `0.5`.",
            "anyOf": [
                { "type": "number", "minimum": 0 },
                { "type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?%$" },
            ],
        })
    }
}

/// Status codes: `200`, `"200-399"`, `"200,204"`.
#[derive(Clone, Debug)]
pub(crate) struct Statuses(pub(crate) Vec<std::ops::RangeInclusive<u16>>);

impl Read for Statuses {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = match &node.kind {
            Kind::Text(text) => text.clone(),
            Kind::Integer(number) => number.to_string(),
            _ => {
                reader.wrong_kind(
                    node,
                    "status codes",
                    "for example 200, \"200-399\" or \"200,204\"",
                );
                return None;
            }
        };
        match value::statuses(&text) {
            Ok(statuses) => Some(Self(statuses)),
            Err(help) => {
                reader.wrong_text(node, &text, help);
                None
            }
        }
    }
}

impl JsonSchema for Statuses {
    fn schema_name() -> Cow<'static, str> {
        "Statuses".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Status codes: `200`, `\"200-399\"` or `\"200,204\"`.",
            "anyOf": [
                { "type": "integer", "minimum": 100, "maximum": 599 },
                { "type": "string", "pattern": "^[0-9]{3}(-[0-9]{3})?( *, *[0-9]{3}(-[0-9]{3})?)*$" },
            ],
        })
    }
}

/// Reads one of several words. `later` are those of features to come.
pub(crate) fn choice(
    node: &Node,
    reader: &mut Reader<'_>,
    known: &[&'static str],
    later: &[&str],
) -> Option<usize> {
    let Kind::Text(text) = &node.kind else {
        let help = suggest::help("", known, "value");
        reader.wrong_kind(node, "one of a few words", &help);
        return None;
    };
    let found = known.iter().position(|word| word == text);
    if found.is_none() && later.contains(&text.as_str()) {
        let message = format!("`{}` = `{text}` is not supported yet", reader.key);
        reader
            .report
            .error(node.at, message, suggest::help("", known, "value"));
    } else if found.is_none() {
        reader.wrong_text(node, text, suggest::help(text, known, "value"));
    }
    found
}

/// Defines an enum that is written as one of several words.
macro_rules! choices {
    (
        $(#[doc = $doc:literal])*
        pub(crate) enum $name:ident {
            $( $(#[doc = $word_doc:literal])* $variant:ident = $word:literal, )*
        }
        later $later:tt
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name {
            $( $(#[doc = $word_doc])* $variant, )*
        }

        impl $crate::config::read::Read for $name {
            fn read(
                node: &$crate::config::tree::Node,
                reader: &mut $crate::config::read::Reader<'_>,
            ) -> Option<Self> {
                let all = [$(Self::$variant),*];
                $crate::config::scalar::choice(node, reader, &[$($word),*], &$later)
                    .map(|index| all[index])
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "description": concat!($($doc),*).trim(),
                    "oneOf": [$({ "const": $word, "description": concat!($($word_doc),*).trim() }),*],
                })
            }
        }
    };
}
pub(crate) use choices;
