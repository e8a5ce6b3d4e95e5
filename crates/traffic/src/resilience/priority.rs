//! Who goes first when there is not enough for all.
//!
//! Three classes are enough to say what an operator means ("the checkout before the catalogue before the export"); with more, nobody
//! knows any longer what comes before what. A class is a promise of order and not of speed: as long as something of a lower class
//! could be given up instead, nothing of a higher one is (Google's criticality levels; "Handling Overload" in *Site Reliability
//! Engineering*, 2016).

/// How much a request matters. The order is that in which they are served: the first is the last to be given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Given up last: somebody pays, or everything else depends on it.
    Critical = 0,
    /// What most requests are.
    #[default]
    Normal = 1,
    /// Given up first: it can be done later, or nobody looks at it.
    Bulk = 2,
}

impl Priority {
    /// All of them, the one that is served first in front.
    pub const ALL: [Self; 3] = [Self::Critical, Self::Normal, Self::Bulk];

    /// Its name in configurations, fields and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Normal => "normal",
            Self::Bulk => "bulk",
        }
    }

    /// The one with that name, in whatever case.
    #[must_use]
    pub fn of_name(name: &[u8]) -> Option<Self> {
        let is_it = |it: &Self| it.name().as_bytes().eq_ignore_ascii_case(name);
        Self::ALL.into_iter().find(is_it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_nothing_else_is() {
        for priority in Priority::ALL {
            assert_eq!(
                Priority::of_name(priority.name().as_bytes()),
                Some(priority)
            );
        }
        assert_eq!(Priority::of_name(b"BULK"), Some(Priority::Bulk));
        assert_eq!(Priority::of_name(b"bulky"), None);
        assert_eq!(Priority::of_name(b""), None);
        assert!(Priority::Critical < Priority::Normal && Priority::Normal < Priority::Bulk);
    }
}
