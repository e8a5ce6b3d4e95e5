//! Panic: when too few are well, those that probes or ejections pass over take part too.
//!
//! If most of an upstream is judged to be bad, then either the judges are wrong (a probe asks for something that broke everywhere), or
//! the few that are left are about to be crushed by the whole traffic. Both are worse than sending some requests
//! to endpoints that may fail them (Envoy's panic threshold). Endpoints that refuse connections stay out: a
//! refusal costs an attempt and helps nobody.

use super::Standing;

/// Counts who is well.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Census {
    all: u32,
    well: u32,
}

impl Census {
    /// Counts a member; those that are leaving or get no traffic anyway do not count.
    pub(crate) fn add(&mut self, weight: u32, standing: &Standing) {
        if weight > 0 && !standing.is_draining {
            self.all += 1;
            self.well += u32::from(standing.is_well());
        }
    }

    /// True if a smaller share than `threshold` is well, or none.
    pub(crate) fn is_panicking(&self, threshold: f64) -> bool {
        self.all > 0 && (self.well == 0 || f64::from(self.well) < threshold * f64::from(self.all))
    }

    /// True if somebody is well.
    pub(crate) fn has_well(&self) -> bool {
        self.well > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panic_begins_below_the_threshold_or_when_none_is_left() {
        let census = |all, well| Census { all, well };
        assert!(!census(10, 5).is_panicking(0.5));
        assert!(census(10, 4).is_panicking(0.5));
        assert!(!census(10, 1).is_panicking(0.0));
        assert!(census(10, 0).is_panicking(0.0));
        assert!(!census(0, 0).is_panicking(0.5), "nobody to turn to");
    }
}
