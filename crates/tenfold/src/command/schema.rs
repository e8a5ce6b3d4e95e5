//! `tenfold schema`: what can be configured, for editors and for people.

use std::io::{self, Write};

use clap::Args;

use crate::config::schema;

/// `tenfold schema`
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Print the reference page (docs/configuration.md) instead.
    #[arg(long)]
    markdown: bool,
}

/// Prints it.
pub(crate) fn print(arguments: &Schema) -> io::Result<()> {
    let text = if arguments.markdown {
        schema::markdown()
    } else {
        format!("{:#}\n", schema::json_schema())
    };
    io::stdout().write_all(text.as_bytes())
}
