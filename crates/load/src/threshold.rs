//! What the results have to be.

/// A condition on the results.
#[derive(Clone, Debug)]
pub struct Threshold {
    /// As it was written.
    pub text: String,
}
