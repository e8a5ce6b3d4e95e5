//! `tenfold import`: turns a configuration of nginx or HAProxy into ours.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::Refusal;
use crate::import::{self, Imported, Kind};

/// `tenfold import`
#[derive(Debug, Args)]
#[command(
    after_help = "Example: tenfold import nginx /etc/nginx/nginx.conf -o tenfold.toml && tenfold check tenfold.toml\n\
    Every directive is translated or becomes a comment with its line. What was protected by something that has no equal\n\
    yet (allow, deny, passwords) refuses everyone; look for SECURITY. Limits of rates, and what was refused for a name that\n\
    clients give themselves (User-Agent, Referer), is left open, with a comment that says so."
)]
pub(crate) struct Import {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    /// An nginx.conf, or a part of one (conf.d, sites-enabled), with the files it includes.
    Nginx(Source),
    /// A haproxy.cfg.
    Haproxy(Source),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example: tenfold import nginx /etc/nginx/nginx.conf -o tenfold.toml\n\
    Example: tenfold import haproxy /etc/haproxy/haproxy.cfg -o tenfold.toml\n\
    The summary goes to standard error, the configuration to standard output."
)]
struct Source {
    /// The file to import.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Write the configuration to a file.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Leave routes open that get requests which the source protected by a pattern that has no equal (`location /admin`
    /// protects /admin.php, too, and `path_beg /admin` of HAProxy). Without this, such routes refuse everyone.
    #[arg(long)]
    leave_gaps_open: bool,

    /// Replace the file if it is there already.
    #[arg(long, requires = "output")]
    force: bool,
}

/// Imports. The exit code is 0 if the result can be loaded, and 2 if there is none.
pub(crate) fn import(arguments: &Import) -> Result<ExitCode, Refusal> {
    let (kind, source) = match &arguments.from {
        From::Nginx(source) => (Kind::Nginx, source),
        From::Haproxy(source) => (Kind::Haproxy, source),
    };
    let imported = import::import(kind, &source.file, source.leave_gaps_open)
        .map_err(|error| Refusal::new(&error, &error.help))?;
    let Imported {
        text,
        summary,
        mistakes,
    } = imported;
    match &source.output {
        Some(path) => write(path, &text, source.force)?,
        None => match io::stdout().write_all(text.as_bytes()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                return Err(Refusal::new(
                    format!("cannot write: {error}"),
                    "is the disk full?",
                ));
            }
            _ => {}
        },
    }
    eprint!("{summary}");
    if let Some(mistakes) = mistakes {
        eprintln!("{mistakes}");
        let what = "the result cannot be loaded, which is a mistake of this program";
        let help = "mend what is said above by hand, and please report the file";
        return Err(Refusal::new(what, help));
    }
    Ok(ExitCode::SUCCESS)
}

fn write(path: &Path, text: &str, may_replace: bool) -> Result<(), Refusal> {
    let mut options = fs::OpenOptions::new();
    options.write(true);
    match may_replace {
        true => options.create(true).truncate(true),
        false => options.create_new(true),
    };
    let shown = path.display();
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Refusal::new(
            format!("{shown} is there already"),
            "give another name, or --force to replace it",
        ),
        _ => Refusal::new(
            format!("cannot write {shown}: {error}"),
            "give a path that you may write",
        ),
    })
}
