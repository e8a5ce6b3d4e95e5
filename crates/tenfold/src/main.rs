//! `tenfold`: the scalability layer for a web service.
//!
//! This crate is the wiring: arguments, configuration, the admin side, and nothing of the way of a request.

mod admin;
mod cli;
mod command;
mod config;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli::Arguments { command } = cli::Arguments::parse();
    let result = match command {
        cli::Command::Run(arguments) => command::run::run(arguments),
        cli::Command::Status(arguments) => command::status::run(arguments),
        cli::Command::Top(arguments) => command::top::run(arguments),
    };
    match result {
        Ok(code) => code,
        Err(refusal) => {
            eprintln!("{refusal}");
            // The code of every refusal to start, as clap's for a bad flag.
            ExitCode::from(2)
        }
    }
}
