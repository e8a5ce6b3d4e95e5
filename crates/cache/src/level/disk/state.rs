//! Whether what lies in the directory can be believed, and the secret of its files.
//!
//! What was handed to `write(2)` survives the death of the process, but not that of the machine, which shows in another
//! boot id. After that, the contents count only if the level had been closed, or had forced every invalidation to the
//! medium before it was acknowledged.

use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::path::Path;

use super::directory::{OpenError, STATE, failed};
use super::entry::Secret;

const FIRST_LINE: &str = "tenfold disk cache 1";
/// Names this start of the machine (proc_sys_kernel(5)).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// What the state file says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) secret: Secret,
    /// During which start of the machine it was written.
    pub(super) boot: Option<String>,
    /// Closed, with everything on the medium.
    pub(super) clean: bool,
    /// Invalidations are on the medium before they are acknowledged.
    pub(super) synced: bool,
}

impl State {
    /// Reads the file. `None`: there is none, or it is damaged.
    pub(super) fn read(directory: &Path) -> Result<Option<Self>, OpenError> {
        let path = directory.join(STATE);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(std::str::from_utf8(&bytes).ok().and_then(Self::from_text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &path)(error)),
        }
    }

    /// Whether everything that was acknowledged is certainly there.
    pub(super) fn provable(&self) -> bool {
        self.clean || self.synced || (self.boot.is_some() && self.boot == boot_id())
    }

    pub(super) fn to_text(&self) -> String {
        let [one, other] = self.secret.0;
        let boot = self.boot.as_deref().unwrap_or("unknown");
        let state = if self.clean { "closed" } else { "open" };
        let synced = if self.synced { "synced" } else { "written" };
        let lines = format!("{FIRST_LINE}\n{one:016x}{other:016x}\n{boot}\n{state}\n{synced}\n");
        format!("{lines}{:08x}\n", crc32fast::hash(lines.as_bytes()))
    }

    fn from_text(text: &str) -> Option<Self> {
        let lines = text.strip_suffix('\n')?;
        let (lines, checksum) = lines.split_at(lines.rfind('\n')? + 1);
        if format!("{:08x}", crc32fast::hash(lines.as_bytes())) != checksum {
            return None;
        }
        let mut lines = lines.lines();
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let (one, other) = lines.next()?.split_at_checked(16)?;
        let half = |digits| u64::from_str_radix(digits, 16).ok();
        Some(Self {
            secret: Secret([half(one)?, half(other)?]),
            boot: Some(lines.next()?.to_owned()).filter(|boot| boot != "unknown"),
            clean: lines.next()? == "closed",
            synced: lines.next()? == "synced",
        })
    }
}

pub(super) fn boot_id() -> Option<String> {
    let id = std::fs::read_to_string(BOOT_ID).ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

/// Two numbers from the keys that the operating system gives the standard library's tables.
pub(super) fn new_secret() -> Secret {
    let random = RandomState::new();
    Secret([random.hash_one(1), random.hash_one(2)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(clean: bool, synced: bool, boot: Option<&str>) -> State {
        State {
            secret: new_secret(),
            boot: boot.map(Into::into),
            clean,
            synced,
        }
    }

    #[test]
    fn the_state_comes_back_as_it_was_and_any_change_is_noticed() {
        let written = state(true, false, Some("b"));
        let text = written.to_text();
        assert_eq!(State::from_text(&text), Some(written));
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] ^= 1;
            assert_eq!(
                State::from_text(&String::from_utf8(changed).unwrap()),
                None,
                "byte {at}"
            );
            assert_eq!(State::from_text(&text[..at]), None);
        }
    }

    #[test]
    fn after_another_boot_only_what_was_closed_or_synced_is_believed() {
        assert!(!state(false, false, Some("another")).provable());
        assert!(!state(false, false, None).provable());
        assert!(state(true, false, Some("another")).provable());
        assert!(state(false, true, Some("another")).provable());
        if let Some(boot) = boot_id() {
            assert!(state(false, false, Some(&boot)).provable());
        }
    }
}
