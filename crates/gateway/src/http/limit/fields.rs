//! `RateLimit` and `RateLimit-Policy`, structured fields (RFC 9651) as of draft-ietf-httpapi-ratelimit-headers-10.
//!
//! `RateLimit-Policy: "per-client";q=100;w=1` says what holds: a quota `q` in `w` seconds. `RateLimit: "per-client";r=12;t=1`
//! says how it stands: `r` is left, and in `t` seconds it is all there again; with a refusal, in `t` seconds there is enough.

use std::time::Duration;

/// What is told about the limits of a request.
#[derive(Default)]
pub(super) struct Told {
    policies: Vec<u8>,
    states: Vec<u8>,
}

impl Told {
    pub(super) fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// Adds a limit. Its name needs no escapes: it has letters, digits, `-`, `_` and `.` only.
    pub(super) fn add(&mut self, policy: &[u8], name: &str, remaining: u64, seconds: u32) {
        if !self.is_empty() {
            self.policies.extend_from_slice(b", ");
            self.states.extend_from_slice(b", ");
        }
        self.policies.extend_from_slice(policy);
        let state = format!("\"{name}\";r={remaining};t={seconds}");
        self.states.extend_from_slice(state.as_bytes());
    }

    /// The lines of both fields.
    pub(super) fn lines(&self) -> Vec<u8> {
        if self.is_empty() {
            return Vec::new();
        }
        let parts: [&[u8]; 5] = [
            b"RateLimit-Policy: ",
            &self.policies,
            b"\r\nRateLimit: ",
            &self.states,
            b"\r\n",
        ];
        parts.concat()
    }
}

/// Whole seconds, rounded up; never more than a week: nobody waits longer, and it is wrong for certain by then.
pub(super) fn seconds(time: Duration) -> u32 {
    const WEEK: u64 = 7 * 86_400;
    let whole = time
        .as_secs()
        .saturating_add(u64::from(time.subsec_nanos() > 0));
    whole.min(WEEK) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_items_with_parameters() {
        let mut told = Told::default();
        assert_eq!(told.lines(), b"");
        told.add(b"\"a\";q=10;w=1", "a", 9, 1);
        told.add(b"\"b\";q=5;w=60", "b", 0, 60);
        let lines = String::from_utf8(told.lines()).expect("ASCII");
        assert_eq!(
            lines,
            "RateLimit-Policy: \"a\";q=10;w=1, \"b\";q=5;w=60\r\nRateLimit: \"a\";r=9;t=1, \"b\";r=0;t=60\r\n"
        );
    }

    #[test]
    fn times_are_rounded_up_and_bounded() {
        assert_eq!(seconds(Duration::ZERO), 0);
        assert_eq!(seconds(Duration::from_nanos(1)), 1);
        assert_eq!(seconds(Duration::from_secs(2)), 2);
        assert_eq!(seconds(Duration::MAX), 604_800);
    }
}
