//! How a `location` is chosen: exactly, by a prefix, by an expression, or by name.

use super::parse::Directive;
use crate::import::path::Pattern;
use crate::import::regex::{Shape, literal_start};

/// How a location is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `= /a`
    Exact(String),
    /// `/a`, and `^~ /a`, which no expression goes before.
    Prefix { text: String, is_strong: bool },
    /// `~ expression`, `~* expression`
    Regex { text: String, ignores_case: bool },
    /// `@name`
    Named(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    Exact,
    Strong,
    Prefix,
    Regex,
    /// Before all locations: `return`, `if` and `rewrite` of the server.
    First,
}

impl Kind {
    pub(super) fn of(directive: &Directive) -> Self {
        let second = || directive.args.get(1).cloned().unwrap_or_default();
        let prefix = |text: String, is_strong| Self::Prefix { text, is_strong };
        let regex = |ignores_case| Self::Regex {
            text: second(),
            ignores_case,
        };
        match directive.first() {
            "=" => Self::Exact(second()),
            "^~" => prefix(second(), true),
            "~" => regex(false),
            "~*" => regex(true),
            text if text.starts_with('@') => Self::Named(text[1..].to_owned()),
            // Without a space in between: `=/a`, `~\.php$`.
            text if text.starts_with('=') => Self::Exact(text[1..].to_owned()),
            text if text.starts_with("^~") => prefix(text[2..].to_owned(), true),
            text if text.starts_with("~*") => Self::Regex {
                text: text[2..].to_owned(),
                ignores_case: true,
            },
            text if text.starts_with('~') => Self::Regex {
                text: text[1..].to_owned(),
                ignores_case: false,
            },
            text => prefix(text.to_owned(), false),
        }
    }

    pub(super) fn rank(&self) -> Rank {
        match self {
            Self::Exact(_) => Rank::Exact,
            Self::Prefix {
                is_strong: true, ..
            } => Rank::Strong,
            Self::Prefix { .. } | Self::Named(_) => Rank::Prefix,
            Self::Regex { .. } => Rank::Regex,
        }
    }

    /// The patterns, and whether they take less than the location does.
    pub(super) fn patterns(&self) -> Option<(Vec<Pattern>, bool)> {
        match self {
            Self::Exact(path) => Some((vec![Pattern::exact(path)?], false)),
            Self::Prefix { text, .. } => Some((vec![Pattern::below(text)?], !text.ends_with('/'))),
            Self::Regex { text, ignores_case } => {
                let has_letters = text.chars().any(char::is_alphabetic);
                if *ignores_case && has_letters {
                    return None;
                }
                Shape::parse(text)?.patterns()
            }
            Self::Named(_) => None,
        }
    }

    /// What all paths begin with.
    pub(super) fn start(&self) -> String {
        match self {
            Self::Exact(text) | Self::Prefix { text, .. } => text.clone(),
            Self::Regex {
                text,
                ignores_case: false,
            } => literal_start(text),
            Self::Regex { .. } | Self::Named(_) => String::new(),
        }
    }

    /// An expression that is about hidden files: `/\.ht`, `/\.(?!well-known)`.
    pub(super) fn is_about_hidden(&self) -> bool {
        matches!(self, Self::Regex { text, .. } if text.starts_with(r"/\.") || text.starts_with(r"^/\.") || text.starts_with(r"(^|/)\."))
    }
}
