//! How a value lies in Redis: under which name, and behind which head.
//!
//! The head is what the scripts decide by, and has fixed places and hexadecimal digits so that Lua reads and
//! changes it without touching the value behind it:
//!
//! ```text
//! 0  "V" value or "T" tombstone   1  epoch   15  stamp   29  soft   43  fence   57  the record
//! ```
//!
//! `stamp` is the number of the lease of a value, or of the invalidation that left a tombstone; `soft` is the
//! number of the last soft invalidation since; `fence` is that of the claim under which the value was loaded.

use bytes::Bytes;

use crate::level::Lease;

/// The length of the head.
pub(super) const HEAD: usize = 57;
/// Digits of a number in it: 56 bits, and Lua's numbers are exact up to 2^53.
const DIGITS: usize = 14;

/// What was found under a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stored {
    Tombstone,
    Value {
        epoch: u64,
        stamp: u64,
        /// It was softly invalidated after it had been loaded.
        expired: bool,
        record: Bytes,
    },
    /// Not written by this program.
    Foreign,
}

/// A value with its head.
pub(super) fn encode(lease: Lease, record: &[u8]) -> Vec<u8> {
    let Lease {
        epoch,
        number,
        fence,
    } = lease;
    let mut text = format!("V{epoch:014x}{number:014x}{:014x}{fence:014x}", 0).into_bytes();
    text.extend_from_slice(record);
    text
}

/// Reads what lies under a key.
pub(super) fn decode(bytes: Vec<u8>) -> Stored {
    let number = |at: usize| {
        let start = 1 + at * DIGITS;
        let digits = std::str::from_utf8(bytes.get(start..start + DIGITS)?).ok()?;
        u64::from_str_radix(digits, 16).ok()
    };
    let (Some(epoch), Some(stamp), Some(soft), Some(_)) =
        (number(0), number(1), number(2), number(3))
    else {
        return Stored::Foreign;
    };
    match bytes[0] {
        b'T' => Stored::Tombstone,
        b'V' => Stored::Value {
            epoch,
            stamp,
            expired: soft > stamp,
            record: Bytes::from(bytes).slice(HEAD..),
        },
        _ => Stored::Foreign,
    }
}

/// The names of the keys of one namespace. Those that one script uses together have one hash tag, so that they lie
/// in one slot of a cluster.
#[derive(Debug)]
pub(super) struct Names {
    prefix: Box<str>,
    pub(super) state: Box<str>,
    pub(super) log: Box<str>,
    pub(super) tags: Box<str>,
    pub(super) prefixes: Box<str>,
    pub(super) members: Box<str>,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        let control = |name: &str| format!("{{{prefix}}}{name}").into_boxed_str();
        Self {
            prefix: prefix.into(),
            state: control("state"),
            log: control("log"),
            tags: control("tags"),
            prefixes: control("prefixes"),
            members: control("members"),
        }
    }

    /// The keys of the scripts about all keys.
    pub(super) fn control(&self) -> [&str; 4] {
        [&self.state, &self.log, &self.tags, &self.prefixes]
    }

    /// Under which name the value of `key` lies. Different keys have different names, all begin with the prefix,
    /// and none has a brace: a key made by the builder is its own name, any other is escaped.
    pub(super) fn value(&self, key: &str) -> String {
        let (marker, rest) = match key.strip_prefix(&*self.prefix) {
            Some(rest) => ("", rest),
            None => ("\x01d", key),
        };
        let mut name = String::with_capacity(self.prefix.len() + 2 + rest.len());
        name.push_str(&self.prefix);
        name.push_str(marker);
        for character in rest.chars() {
            match character {
                '\x01' => name.push_str("\x01c"),
                '{' => name.push_str("\x01a"),
                '}' => name.push_str("\x01b"),
                plain => name.push(plain),
            }
        }
        name
    }
}

/// A key that lies in the slot of the value named `name`.
pub(super) fn beside(name: &str, what: &str) -> String {
    format!("{{{name}}}:{what}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_value_comes_back_with_its_head() {
        let lease = Lease {
            epoch: 1_790_000_000_000_000,
            number: 7,
            fence: 9,
        };
        let mut bytes = encode(lease, b"record");
        let value = |expired| Stored::Value {
            epoch: lease.epoch,
            stamp: 7,
            expired,
            record: Bytes::from_static(b"record"),
        };
        assert_eq!(decode(bytes.clone()), value(false));
        bytes[29..43].copy_from_slice(b"00000000000008");
        assert_eq!(decode(bytes.clone()), value(true));
        bytes[0] = b'T';
        assert_eq!(decode(bytes), Stored::Tombstone);
    }

    #[test]
    fn a_builders_key_is_its_own_name() {
        let names = Names::new("shop:v2:");
        assert_eq!(names.value("shop:v2:user:42"), "shop:v2:user:42");
        assert_eq!(&*names.log, "{shop:v2:}log");
    }

    proptest! {
        #[test]
        fn foreign_bytes_are_no_value(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(decode(bytes), Stored::Foreign);
        }

        #[test]
        fn different_keys_have_different_names(one in "[{}x\x01abcd:]{0,6}", other in "(x:)?[{}x\x01abcd:]{0,6}") {
            let names = Names::new("x:");
            prop_assert_eq!(one == other, names.value(&one) == names.value(&other));
            let braces = names.value(&one).contains(['{', '}']);
            prop_assert!(!braces);
        }
    }
}
