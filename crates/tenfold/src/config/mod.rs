//! From what was written to what is meant.

pub(crate) mod secret;
pub(crate) mod value;
