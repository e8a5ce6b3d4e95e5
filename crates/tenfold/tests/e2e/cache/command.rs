//! `tenfold cache` as a process.
