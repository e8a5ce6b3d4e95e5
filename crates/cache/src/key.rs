//! Keys: what a value is stored under, in memory, on disk and in Redis alike.
//!
//! # The problem
//! A key put together by hand (`format!("user:{id}")`) has two failures. Two parts can run into each other
//! (`a:b` + `c` and `a` + `b:c` are the same string), so that one user gets another one's data. And when the
//! type of a value changes, the new program reads what the old one wrote.
//!
//! # The idea
//! A [`Namespace`] carries a name and a version, which is raised whenever the stored type changes; a
//! [`KeyBuilder`] puts parts behind it and escapes what would separate them: `shop:v2:user:42:profile`. The
//! parts of a key can be told from the key, so different parts never make the same one.
//!
//! The braces that Redis Cluster reads as a hash tag are escaped as well: a key's slot follows from all of it.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// The longest key in bytes. Redis takes more; a longer key is a mistake or an attack.
pub const MAX_KEY: usize = 4096;

/// What a value is stored under. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Arc<str>);

impl Key {
    /// A key that was made elsewhere, as it is.
    ///
    /// # Errors
    /// When it is empty or longer than [`MAX_KEY`].
    pub fn new(key: &str) -> Result<Self, KeyError> {
        match key.len() {
            0 => Err(KeyError::Empty),
            1..=MAX_KEY => Ok(Self(key.into())),
            length => Err(KeyError::TooLong { length }),
        }
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Key({:?})", &*self.0)
    }
}

/// Why something cannot be a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyError {
    /// It has no characters.
    Empty,
    /// It is longer than [`MAX_KEY`] bytes.
    TooLong {
        /// Its length in bytes, escapes included.
        length: usize,
    },
}

impl fmt::Display for KeyError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => out.write_str("a key must not be empty"),
            Self::TooLong { length } => {
                write!(
                    out,
                    "a key has at most {MAX_KEY} bytes, and this one has {length}: use a digest of the long part"
                )
            }
        }
    }
}

impl std::error::Error for KeyError {}

/// What all keys of one cache begin with: its name and the version of what it stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace(Arc<str>);

impl Namespace {
    /// The namespace `name:vVERSION:`. Raise the version when the stored type changes: what the old program
    /// wrote is then never read by the new one, and ages out.
    #[must_use]
    pub fn new(name: &str, version: u32) -> Self {
        let mut prefix = String::with_capacity(name.len() + 8);
        escape(name, &mut prefix);
        prefix.push_str(":v");
        prefix.push_str(&version.to_string());
        prefix.push(':');
        Self(prefix.into())
    }

    /// What every key of this namespace begins with, the last colon included.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.0
    }

    /// Begins a key: `kind` says what is stored, as `user` or `product`.
    #[must_use]
    pub fn key(&self, kind: &str) -> KeyBuilder {
        let mut text = String::with_capacity(self.0.len() + kind.len() + 24);
        text.push_str(&self.0);
        escape(kind, &mut text);
        KeyBuilder { text }
    }
}

/// A key under construction.
#[derive(Debug, Clone)]
pub struct KeyBuilder {
    text: String,
}

impl KeyBuilder {
    /// Adds a part: an identifier, a locale, a page number.
    #[must_use]
    pub fn part(mut self, part: impl fmt::Display) -> Self {
        self.text.push(':');
        escape(&part.to_string(), &mut self.text);
        self
    }

    /// The key.
    ///
    /// # Errors
    /// When it became longer than [`MAX_KEY`] bytes.
    pub fn build(self) -> Result<Key, KeyError> {
        Key::new(&self.text)
    }
}

/// Escapes as in a URL what would separate parts (`:`), what Redis Cluster reads as a hash tag (`{`, `}`), the
/// escape itself, control characters and spaces.
fn escape(part: &str, into: &mut String) {
    use fmt::Write as _;
    for character in part.chars() {
        match character {
            ':' | '{' | '}' | '%' | '\0'..=' ' | '\x7f' => {
                write!(into, "%{:02X}", character as u32).expect("writing to a String never fails");
            }
            plain => into.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_reads_as_it_was_built() {
        let shop = Namespace::new("shop", 2);
        let key = shop.key("user").part(42).part("profile").build().unwrap();
        assert_eq!(key.as_str(), "shop:v2:user:42:profile");
    }

    #[test]
    fn a_key_that_is_too_long_is_refused_with_its_length() {
        let long = Namespace::new("shop", 1)
            .key("page")
            .part("x".repeat(5000))
            .build();
        assert_eq!(long, Err(KeyError::TooLong { length: 5013 }));
    }

    proptest! {
        #[test]
        fn different_parts_never_make_the_same_key(
            one in proptest::collection::vec(".{0,6}", 1..4),
            other in proptest::collection::vec(".{0,6}", 1..4),
        ) {
            let build = |parts: &[String]| {
                let mut builder = Namespace::new("n", 1).key(&parts[0]);
                for part in &parts[1..] {
                    builder = builder.part(part);
                }
                builder.build().unwrap()
            };
            prop_assert_eq!(one == other, build(&one) == build(&other));
        }
    }
}
