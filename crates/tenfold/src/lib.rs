//! The configuration of Tenfold and its files of load tests, apart from the program: fuzz targets and other tools link them.
//! Nothing else of the binary is here.

pub mod config;
pub mod load_file;
