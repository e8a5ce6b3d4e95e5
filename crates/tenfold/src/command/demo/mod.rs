//! `tenfold demo`.

mod rehearsal;
