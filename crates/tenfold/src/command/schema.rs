//! `tenfold schema`: what can be configured, for editors and for people.

use std::io::{self, Write};

use clap::Args;

use tenfold::load_file;

use crate::config::schema;

/// `tenfold schema`
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Print the reference page (docs/configuration.md) instead.
    #[arg(long)]
    markdown: bool,

    /// Of files of load tests (docs/load-file.md), not of configurations.
    #[arg(long)]
    load: bool,
}

/// Prints it.
pub(crate) fn print(arguments: &Schema) -> io::Result<()> {
    let text = match (arguments.load, arguments.markdown) {
        (false, true) => schema::markdown(),
        (true, true) => load_file::schema::markdown(),
        (false, false) => format!("{:#}\n", schema::json_schema()),
        (true, false) => format!("{:#}\n", load_file::schema::json_schema()),
    };
    io::stdout().write_all(text.as_bytes())
}
