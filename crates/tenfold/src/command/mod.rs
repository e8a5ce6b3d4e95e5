//! What `tenfold` can be told to do, one file each.

mod banner;
pub(crate) mod run;
