//! What can be said on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::config::value;

/// `tenfold demo`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tenfold demo --quick\n  \
    tenfold demo --keep --listen 127.0.0.1:8080\n\n\
    Everything runs in a temporary folder and on loopback addresses, and is gone afterwards: also after Ctrl-C.\n\
    The exit code is 0 if every promise holds, 1 if one does not, 2 if something cannot be started or falls over, 3 if the load\n\
    generator was the limit, 130 after Ctrl-C.")]
pub(crate) struct Demo {
    /// Rehearse in less than 90 seconds.
    #[arg(long)]
    pub(crate) quick: bool,

    /// Write the results as JSON into a file, or to standard output with `-`.
    #[arg(long, value_name = "FILE|-")]
    pub(crate) json: Option<PathBuf>,

    /// Write the page with plots into a file. [default: tenfold-demo.html in the current folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Rehearse so many bad nights instead, one after the other, in which shops are killed and frozen at random.
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["json", "html"], value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) nights: Option<u32>,

    /// With --nights: what is drawn follows from it.
    #[arg(long, value_name = "NUMBER", requires = "nights", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Do not rehearse: start a shop of three processes behind the gateway, and say where it is, until Ctrl-C.
    #[arg(long, conflicts_with_all = ["quick", "json", "html", "nights"])]
    pub(crate) keep: bool,

    /// Do not rehearse: start only the database with its goods, and say where it is, until Ctrl-C.
    #[arg(long, conflicts_with_all = ["quick", "json", "html", "keep", "nights", "listen", "profile"])]
    pub(crate) only_database: bool,

    /// With --keep: which shop, and which file for the gateway. [default: tuned]
    #[arg(long, value_enum, value_name = "PROFILE", requires = "keep")]
    pub(crate) profile: Option<Profile>,

    /// Where the gateway listens. [default: a free port of 127.0.0.1]
    #[arg(long, value_name = "ADDRESS", value_parser = value::address)]
    pub(crate) listen: Option<SocketAddr>,

    /// Where the temporary folder is made: some hundred MiB. [default: TMPDIR, or /tmp]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) dir: Option<PathBuf>,

    /// The shop's program. [default: shop, beside this one]
    #[arg(long, value_name = "FILE")]
    pub(crate) shop: Option<PathBuf>,

    /// The folder of Postgres's programs, as `pg_config --bindir` prints it. [default: looked for]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) postgres: Option<PathBuf>,

    /// Products in the shop.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    pub(crate) products: u32,

    /// Orders of the past.
    #[arg(long, value_name = "COUNT", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(0..=100_000_000))]
    pub(crate) orders: u32,
}

/// How the shop is made: the same shop, with the usual mistakes, or with each of them mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// One query per row, no indexes, no cache headers
    Naive,
    /// Joins, indexes, read models, cache headers
    Tuned,
}

impl Profile {
    /// As the shop's own arguments say it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::Tuned => "tuned",
        }
    }
}
