//! What `tenfold` can be told to do, one file each.

mod banner;
pub(crate) mod client;
#[cfg(test)]
mod fixture;
mod format;
mod rates;
pub(crate) mod run;
pub(crate) mod status;
mod table;
pub(crate) mod top;
