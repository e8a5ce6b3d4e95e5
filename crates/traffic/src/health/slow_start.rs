//! Slow start: an endpoint that has just come gets little at first, and its share grows to the whole.
//!
//! A process that has just started has cold caches, no connections to its database, code that is not compiled yet; at its full
//! share its first seconds are its clients' slowest. Use it where a restart is felt; with a hashing algorithm
//! it also moves keys slowly. Linear from [`LEAST`] to 1, as Envoy's slow start with an aggression of 1.

use std::time::Duration;

/// The share at the start. Zero would mean that it never warms up (Envoy: `min_weight_percent`, 10 %).
pub(crate) const LEAST: f64 = 0.1;

/// The part of its weight that an endpoint has at `now` which came at `since`.
pub(crate) fn ramp(since: Option<Duration>, now: Duration, over: Duration) -> f64 {
    match since {
        Some(since) if now < since + over => {
            let part = now.saturating_sub(since).as_secs_f64() / over.as_secs_f64();
            LEAST + (1.0 - LEAST) * part
        }
        _ => 1.0,
    }
}

/// How often the shares are looked at while somebody is starting: a hundred steps, if that is neither too often nor too coarse.
pub(crate) fn step(over: Duration) -> Duration {
    (over / 100).clamp(Duration::from_millis(100), Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_grows_from_a_tenth_to_the_whole() {
        let second = Duration::from_secs;
        let ramp = |now| ramp(Some(second(100)), second(now), second(10));
        assert!((ramp(100) - 0.1).abs() < 1e-9);
        assert!((ramp(105) - 0.55).abs() < 1e-9);
        assert_eq!(ramp(110), 1.0);
        assert!((ramp(99) - 0.1).abs() < 1e-9, "another worker's clock");
    }

    #[test]
    fn without_a_beginning_or_a_length_there_is_no_ramp() {
        let now = Duration::from_secs(1);
        assert_eq!(ramp(None, now, now), 1.0);
        assert_eq!(ramp(Some(now), now, Duration::ZERO), 1.0);
    }
}
