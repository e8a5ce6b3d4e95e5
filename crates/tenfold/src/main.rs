//! `tenfold`: the scalability layer for a web service.
//!
//! This crate is the wiring: arguments, configuration, the admin side, and nothing of the way of a request.

mod admin;
mod cli;
mod command;
mod import;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
// The library's, under the name that it has there: `crate::config` is the same everywhere.
use tenfold::config;

fn main() -> ExitCode {
    let cli::Arguments { command } = cli::Arguments::parse();
    let result = match command {
        cli::Command::Run(arguments) => command::run::run(&arguments),
        cli::Command::Check(arguments) => Ok(command::check::check(&arguments)),
        cli::Command::Fmt(arguments) => Ok(command::fmt::format(&arguments)),
        cli::Command::Import(arguments) => command::import::import(&arguments),
        cli::Command::Schema(arguments) => Ok(printed(&command::schema::print(&arguments))),
        cli::Command::Completions(arguments) => {
            Ok(printed(&command::completions::print(&arguments)))
        }
        cli::Command::Status(arguments) => command::status::run(arguments),
        cli::Command::Cache(arguments) => command::cache::run(arguments),
        cli::Command::Load(arguments) => command::load::run(&arguments),
        cli::Command::Limits(arguments) => command::limits::run(arguments),
        cli::Command::Top(arguments) => command::top::run(arguments),
        cli::Command::Plan(arguments) => command::plan::run(&arguments),
        cli::Command::Demo(arguments) => command::demo::run(&arguments),
    };
    match result {
        Ok(code) => code,
        Err(refusal) => {
            // Nobody may be there to read it any more (`2>&1 | head`); the code is as it is.
            let _gone = writeln!(std::io::stderr(), "{refusal}");
            // The code of every refusal to start, as clap's for a bad flag.
            ExitCode::from(2)
        }
    }
}

/// A reader that has seen enough (`| head`) is no failure.
fn printed(result: &std::io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: cannot write: {error}");
            ExitCode::FAILURE
        }
    }
}
