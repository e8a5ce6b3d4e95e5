//! `shop`: the reference shop.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use tenfold_shop::cli::{Arguments, Command};
use tenfold_shop::{check, database, seed, web, worker};

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let done = match command {
        Command::Seed(arguments) => seed::run(&arguments),
        Command::Migrate(arguments) => database::migrate::run(&arguments),
        Command::Serve(arguments) => web::serve::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Worker(arguments) => worker::run(&arguments),
    };
    done.unwrap_or_else(|told| {
        // Nobody may be there to read it any more (`2>&1 | head`); the code is as it is.
        let _gone = writeln!(std::io::stderr(), "error: {told}");
        // The code of everything that was not done, as clap's for a bad argument.
        ExitCode::from(2)
    })
}
