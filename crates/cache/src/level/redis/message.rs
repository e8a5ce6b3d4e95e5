//! How an invalidation lies in the log (a Redis Stream), one entry for each call of `invalidate`.
//!
//! An entry's fields are `e` epoch, `n` number, `o` origin (the id of the process that invalidated) and one field
//! for each target: its name is the mode (`s` soft, `h` hard), the kind (`k` key, `t` tag, `p` prefix) and a counter;
//! its value is the target. "All" is the empty prefix.

use redis::FromRedisValue as _;
use redis::streams::StreamId;

use crate::invalidate::{Invalidation, Mode, Target};
use crate::key::Key;

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) epoch: u64,
    pub(super) number: u64,
    pub(super) origin: String,
    pub(super) what: Vec<Invalidation>,
}

impl Message {
    /// Reads an entry; `None`: this program did not write it, or a later version did.
    pub(super) fn read(entry: StreamId) -> Option<Self> {
        let text = |name: &str| String::from_redis_value_ref(entry.map.get(name)?).ok();
        let (epoch, number, origin) = (text("e")?, text("n")?, text("o")?);
        let mut what = Vec::with_capacity(entry.map.len().saturating_sub(3));
        for (name, value) in &entry.map {
            if matches!(name.as_str(), "e" | "n" | "o") {
                continue;
            }
            what.push(target(
                name.get(..2)?,
                &String::from_redis_value_ref(value).ok()?,
            )?);
        }
        Some(Self {
            id: entry.id,
            epoch: epoch.parse().ok()?,
            number: number.parse().ok()?,
            origin,
            what,
        })
    }
}

/// The code and the text of a target, as the scripts take them.
pub(super) fn code(what: &Invalidation) -> (&'static str, &str) {
    match (&what.target, what.mode) {
        (Target::Key(key), Mode::Soft) => ("sk", key.as_str()),
        (Target::Key(key), Mode::Hard) => ("hk", key.as_str()),
        (Target::Tag(tag), Mode::Soft) => ("st", tag),
        (Target::Tag(tag), Mode::Hard) => ("ht", tag),
        (Target::Prefix(prefix), Mode::Soft) => ("sp", prefix),
        (Target::Prefix(prefix), Mode::Hard) => ("hp", prefix),
        (Target::All, Mode::Soft) => ("sp", ""),
        (Target::All, Mode::Hard) => ("hp", ""),
    }
}

/// The reverse of [`code`].
pub(super) fn target(code: &str, text: &str) -> Option<Invalidation> {
    let (mode, kind) = code.split_at_checked(1)?;
    let mode = match mode {
        "s" => Mode::Soft,
        "h" => Mode::Hard,
        _ => return None,
    };
    let target = match kind {
        "k" => Target::Key(Key::new(text).ok()?),
        "t" => Target::Tag(text.into()),
        "p" if text.is_empty() => Target::All,
        "p" => Target::Prefix(text.into()),
        _ => return None,
    };
    Some(Invalidation { target, mode })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_invalidation_comes_back() {
        let key = Key::new("shop:v1:a").unwrap();
        for what in [
            Invalidation::key(&key),
            Invalidation::tag("t"),
            Invalidation::prefix("shop:"),
            Invalidation::all(),
        ] {
            for what in [what.clone(), what.soft()] {
                let (code, text) = code(&what);
                assert_eq!(target(code, text), Some(what));
            }
        }
    }

    #[test]
    fn what_is_unknown_is_none() {
        for (code, text) in [("xk", "a"), ("hx", "a"), ("hk", ""), ("", "a"), ("é", "a")] {
            assert_eq!(target(code, text), None, "{code}");
        }
    }
}
