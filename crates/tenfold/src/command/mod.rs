//! What `tenfold` can be told to do, one file each.

mod banner;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod fmt;
pub(crate) mod run;
pub(crate) mod schema;
