//! Placeholder.
use std::time::Duration;

/// Within which an adaptive limit is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The lowest limit, at least 1.
    pub min: u32,
    /// The highest limit.
    pub max: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { min: 4, max: 1000 }
    }
}

/// x
#[derive(Debug, Default)]
pub struct Adaptive {}

impl Adaptive {
    pub(crate) fn configure(&self, bounds: Bounds) -> u32 {
        bounds.max
    }
    pub(crate) fn observe(&self, _: Duration, _: bool, _: u32, _: u32) -> Option<u32> {
        None
    }
}
