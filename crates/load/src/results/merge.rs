//! Results of several generators as one.

use std::fmt;

use super::Results;

/// Why results cannot be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeError {
    /// For people.
    pub message: String,
}

impl fmt::Display for MergeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for MergeError {}

impl Results {
    /// Adds another generator's part of the same test.
    ///
    /// # Errors
    /// When it is part of another test, or already in here.
    pub fn add(&mut self, other: &Self) -> Result<(), MergeError> {
        let _ = other;
        Err(MergeError {
            message: String::new(),
        })
    }
}
