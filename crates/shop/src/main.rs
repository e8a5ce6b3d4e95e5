//! `shop`: the reference shop.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use tenfold_shop::cli::{Arguments, Command};
use tenfold_shop::{check, database, seed};

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let done = match command {
        Command::Seed(arguments) => seed::run(&arguments),
        Command::Migrate(arguments) => database::migrate::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Serve(_) | Command::Worker(_) => Err("this command is not there yet".to_owned()),
    };
    done.unwrap_or_else(|told| {
        // Nobody may be there to read it any more (`2>&1 | head`); the code is as it is.
        let _gone = writeln!(std::io::stderr(), "error: {told}");
        // The code of everything that was not done, as clap's for a bad argument.
        ExitCode::from(2)
    })
}
