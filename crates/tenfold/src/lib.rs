//! The configuration of Tenfold, apart from the program: a fuzz target and other tools link it. Nothing else of the
//! binary is here.

pub mod config;
