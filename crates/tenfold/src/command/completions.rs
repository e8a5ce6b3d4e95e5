//! `tenfold completions`: a script that makes a shell complete the arguments.

use std::io::{self, Write};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::Arguments;

/// `tenfold completions`
#[derive(Debug, Args)]
#[command(
    after_help = "Example: tenfold completions bash > /etc/bash_completion.d/tenfold\n\
    For zsh: tenfold completions zsh > \"${fpath[1]}/_tenfold\"; for fish: tenfold completions fish | source"
)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// Prints the script.
pub(crate) fn print(arguments: &Completions) -> io::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        "tenfold",
        &mut script,
    );
    io::stdout().write_all(&script)
}
