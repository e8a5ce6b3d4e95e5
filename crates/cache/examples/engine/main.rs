//! Measures the memory engine: hit rates on traces beside other policies and the optimum, and the time of a hit beside
//! the bare engine.
//!
//! `make bench-engine` runs it on a made-up trace; `make bench-engine TRACES=directory` on recorded ones as well (`--speed` in place of a directory: the times only): files whose
//! name ends in `.trace` or `.trace.xz` (read through the program `xz`), one big-endian 32-bit key after the other.

#![allow(clippy::print_stdout, reason = "it is a program that prints")]

mod optimum;
mod replay;
mod speed;
mod trace;

use std::path::{Path, PathBuf};

fn main() {
    let directories: Vec<PathBuf> = std::env::args_os().skip(1).map(Into::into).collect();
    if directories
        .first()
        .is_some_and(|first| first == Path::new("--speed"))
    {
        return speed::print();
    }
    let mut traces = vec![trace::zipf()];
    for directory in &directories {
        match trace::read_all(directory) {
            Ok(read) => traces.extend(read),
            Err(error) => {
                eprintln!("{}: {error}", directory.display());
                std::process::exit(1);
            }
        }
    }
    replay::print(&traces);
    speed::print();
}
