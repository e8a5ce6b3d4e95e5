//! `tenfold cache`: purging, looking, and filling beforehand.

mod purge;
mod show;
mod warm;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use tokio::runtime::{Builder, Runtime};

use super::Refusal;

pub(crate) use show::{percent, table};
pub(crate) use warm::fill;

/// `tenfold cache`
#[derive(Debug, Args)]
pub(crate) struct Cache {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Drop what is stored: addresses, all that begins so, all with a tag, or everything.
    Purge(purge::Purge),
    /// Show how the caches do.
    Stats(show::Stats),
    /// Show what is stored for an address.
    Get(show::Get),
    /// Ask the gateway for many addresses, so that their responses are stored before clients want them.
    Warm(warm::Warm),
}

/// Does it.
pub(crate) fn run(arguments: Cache) -> Result<ExitCode, Refusal> {
    match arguments.what {
        What::Purge(arguments) => purge::run(arguments),
        What::Stats(arguments) => show::stats(arguments),
        What::Get(arguments) => show::get(arguments),
        What::Warm(arguments) => warm::run(&arguments),
    }
}

fn runtime() -> Result<Runtime, Refusal> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Refusal::new(error, "raise the limits of this process (ulimit -a)"))
}
