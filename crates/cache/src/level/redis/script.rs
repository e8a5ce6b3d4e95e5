//! The Lua scripts, by which each decision is made where the data lies and in one step.
//!
//! A script is called by its digest, and sent whole when the server does not know it. Not with `SCRIPT LOAD`, which in
//! a cluster goes to every node and so fails when one of them is down; `EVAL` loads it where it is needed.

use std::sync::LazyLock;

use redis::{Cmd, Script};

/// A script with its digest.
pub(super) struct Lua {
    source: String,
    digest: String,
}

macro_rules! scripts {
    ($($name:ident = $($file:literal),+;)*) => {$(
        pub(super) static $name: LazyLock<Lua> =
            LazyLock::new(|| Lua::new(concat!($(include_str!(concat!("lua/", $file, ".lua"))),+)));
    )*};
}

scripts! {
    STATE = "control", "state";
    CHECK = "control", "check";
    RENEW = "control", "renew";
    INVALIDATE = "control", "invalidate";
    PUT = "head", "put";
    TOMBSTONE = "head", "tombstone";
    CLAIM = "claim";
    RELEASE = "release";
    REPORT = "report";
    MEMBERS = "members";
}

impl Lua {
    pub(super) fn new(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            digest: Script::new(source).get_hash().to_owned(),
        }
    }

    /// A call by digest. Arguments follow.
    pub(super) fn by_digest(&self, keys: &[&str]) -> Cmd {
        call("EVALSHA", &self.digest, keys)
    }

    /// A call that sends the whole script. Arguments follow.
    pub(super) fn whole(&self, keys: &[&str]) -> Cmd {
        call("EVAL", &self.source, keys)
    }
}

fn call(command: &str, script: &str, keys: &[&str]) -> Cmd {
    let mut cmd = redis::cmd(command);
    cmd.arg(script).arg(keys.len()).arg(keys);
    cmd
}
