//! `tenfold load import`: what people did, as a scenario.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use flate2::read::MultiGzDecoder;
use tenfold_load::import::access_log::{self, Model};
use tenfold_load::import::replay::{Methods, Replay};
use tenfold_load::import::{ImportError, Imported, har};

use crate::command::Refusal;
use crate::config::value;

/// `tenfold load import`
#[derive(Debug, Args)]
#[command(
    after_help = "Example: tenfold load import har shop.har -o shop.toml && tenfold load shop.toml"
)]
pub(crate) struct Import {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    /// A recording of a browser (HAR 1.2): one person's way through a site.
    Har(Har),
    /// An access log of nginx, Apache, this program or others: which pages, how often, after what, and when.
    AccessLog(AccessLog),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Requests to other hosts, cookies, passwords and credentials are left out; the comments say which, and what to give instead."
)]
struct Har {
    /// The recording; - is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Only requests to this host. [default: that of the first page]
    #[arg(long, value_name = "HOST")]
    host: Option<String>,

    /// Where requests go. [default: where they went]
    #[arg(long, value_name = "URL", value_parser = url)]
    target: Option<String>,

    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Formats: common and combined (nginx, Apache), a JSON object per line (ours, nginx, Caddy, Traefik, Envoy), each also with gzip.\n\
    A log does not know bodies and cookies; the comments say what was derived from how many lines, and what was left out."
)]
struct AccessLog {
    /// The log; - is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Where requests go.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080", value_parser = url)]
    target: String,

    /// Only requests to this host, if the log says to which they were.
    #[arg(long, value_name = "HOST")]
    host: Option<String>,

    /// Keep the load of the busiest stretch that is so long, in whole minutes.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = minutes)]
    window: u64,

    /// Multiply arrival rates.
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = factor)]
    scale: f64,

    /// What an arrival does.
    #[arg(long, value_enum, default_value_t = Sort::Auto)]
    model: Sort,

    /// The most pages.
    #[arg(long, value_name = "COUNT", default_value = "40", value_parser = clap::value_parser!(u16).range(1..=200))]
    pages: u16,

    /// Leave style sheets, scripts, images and fonts out.
    #[arg(long)]
    pages_only: bool,

    /// Keep what changes data (POST, PUT, DELETE …), without the bodies that nobody knows.
    #[arg(long)]
    include_unsafe: bool,

    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sort {
    /// A session if the log has enough of them, otherwise one request
    Auto,
    /// One request, chosen by how often it was made
    Weights,
    /// A session: each page depends on the one before
    Markov,
}

#[derive(Debug, Args)]
struct Output {
    /// Write the scenario to a file, and the data that it reads beside it.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Replace files that are there already.
    #[arg(long, requires = "output")]
    force: bool,
}

/// Imports. The exit code is 0, or 2 if there is nothing to import.
pub(crate) fn run(arguments: &Import) -> Result<ExitCode, Refusal> {
    match &arguments.from {
        From::Har(har) => from_har(har),
        From::AccessLog(log) => from_log(log),
    }
}

fn from_har(arguments: &Har) -> Result<ExitCode, Refusal> {
    let options = har::Options {
        host: arguments.host.clone(),
        target: arguments.target.clone(),
    };
    let mut source = Source::open(&arguments.file)?;
    let reader = source
        .reader()
        .map_err(|error| unreadable(&arguments.file, &error))?;
    let imported = har::read(reader, &name(&arguments.file), &options);
    let imported = imported.map_err(|error| refusal(&arguments.file, &error))?;
    arguments.output.write(&imported)
}

fn from_log(arguments: &AccessLog) -> Result<ExitCode, Refusal> {
    let options = access_log::Options {
        target: arguments.target.clone(),
        host: arguments.host.clone(),
        minutes: arguments.window,
        scale: arguments.scale,
        includes_unsafe: arguments.include_unsafe,
        pages_only: arguments.pages_only,
        model: match arguments.model {
            Sort::Auto => Model::Auto,
            Sort::Weights => Model::Weights,
            Sort::Markov => Model::Markov,
        },
        most: usize::from(arguments.pages),
        prefix: arguments.output.prefix(),
    };
    let mut source = Source::open(&arguments.file)?;
    let imported = access_log::read(|| source.reader(), &name(&arguments.file), &options);
    let imported = imported.map_err(|error| refusal(&arguments.file, &error))?;
    arguments.output.write(&imported)
}

/// A file that is read from its beginning as often as it takes.
/// Reads a log that is to be replayed; what is not in the replay is said.
pub(super) fn replay(path: &Path, speed: f64, methods: Methods) -> Result<Replay, Refusal> {
    let mut source = Source::open(path)?;
    let reader = source.reader().map_err(|error| unreadable(path, &error))?;
    let replay = Replay::parse(io::BufReader::new(reader), speed, methods);
    let replay = replay.map_err(|error| refusal(path, &error))?;
    let over = replay.passed_over();
    let parts = [
        (over.methods, "requests that change data"),
        (over.no_request, "lines without a request"),
        (over.unreadable, "lines that are none of a log"),
    ];
    for (count, what) in parts.into_iter().filter(|(count, _)| *count > 0) {
        eprintln!("{}: {count} {what} are left out", path.display());
    }
    Ok(replay)
}

struct Source {
    file: File,
    is_gzip: bool,
}

impl Source {
    fn open(path: &Path) -> Result<Self, Refusal> {
        let open = || -> io::Result<Self> {
            let mut file = match path.to_str() {
                Some("-") => spooled()?,
                _ => File::open(path)?,
            };
            let mut magic = Vec::new();
            (&mut file).take(2).read_to_end(&mut magic)?;
            Ok(Self {
                file,
                is_gzip: magic == [0x1f, 0x8b],
            })
        };
        open().map_err(|error| unreadable(path, &error))
    }

    fn reader(&mut self) -> io::Result<Box<dyn Read>> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(match self.is_gzip {
            true => Box::new(MultiGzDecoder::new(io::BufReader::new(file))),
            false => Box::new(file),
        })
    }
}

/// Standard input as a file that has no name.
fn spooled() -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(&mut io::stdin().lock(), &mut file)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

fn unreadable(path: &Path, error: &io::Error) -> Refusal {
    Refusal::new(
        format!("cannot read {}: {error}", path.display()),
        "give a plain file, or - for standard input",
    )
}

fn refusal(path: &Path, error: &ImportError) -> Refusal {
    let path = path.display();
    let what = match error.line {
        Some(line) => format!("{path}:{line}: {}", error.what),
        None => format!("{path} {}", error.what),
    };
    Refusal::new(what, &error.help)
}

/// A file's name for people.
fn name(path: &Path) -> String {
    match (path.to_str(), path.file_name()) {
        (Some("-"), _) | (_, None) => "standard input".to_owned(),
        (_, Some(name)) => name.to_string_lossy().into_owned(),
    }
}

impl Output {
    /// What names of data files begin with, so that two scenarios in a folder have their own.
    fn prefix(&self) -> String {
        let stem = self.output.as_deref().and_then(Path::file_stem);
        let stem = stem.map(|stem| stem.to_string_lossy().into_owned());
        stem.map_or_else(String::new, |stem| stem + "-")
    }

    fn write(&self, imported: &Imported) -> Result<ExitCode, Refusal> {
        match &self.output {
            Some(path) => {
                let folder = path.parent().unwrap_or(Path::new(""));
                write(path, &imported.text, self.force)?;
                for data in &imported.data {
                    write(&folder.join(&data.name), &data.text, self.force)?;
                }
            }
            None if imported.data.is_empty() => {
                match io::stdout().write_all(imported.text.as_bytes()) {
                    Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                        let what = format!("cannot write: {error}");
                        return Err(Refusal::new(what, "is the disk full?"));
                    }
                    _ => {}
                }
            }
            None => {
                let files = imported.data.len();
                return Err(Refusal::new(
                    format!(
                        "the scenario reads {files} files of data, which have to be put somewhere"
                    ),
                    "give a file with -o; its data is written beside it",
                ));
            }
        }
        for note in &imported.notes {
            let _gone = writeln!(io::stderr(), "{note}");
        }
        Ok(ExitCode::SUCCESS)
    }
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

fn url(text: &str) -> Result<String, String> {
    let rest = text
        .strip_prefix("http://")
        .or(text.strip_prefix("https://"));
    let is_url = rest.is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with('/')
            && rest.bytes().all(|byte| byte.is_ascii_graphic())
    });
    match is_url {
        true => Ok(text.to_owned()),
        false => Err("give a URL, for example https://shop.example:8443".to_owned()),
    }
}

fn minutes(text: &str) -> Result<u64, String> {
    let time = value::duration(text)?;
    match time.as_secs() / 60 {
        minutes @ 1..=1440 => Ok(minutes),
        _ => Err("give a time from a minute to a day, for example 30m or 24h".to_owned()),
    }
}

pub(super) fn factor(text: &str) -> Result<f64, String> {
    let factor = text
        .parse()
        .ok()
        .filter(|factor| (1e-6..=1e6).contains(factor));
    factor.ok_or_else(|| "give a number above 0, for example 2 or 0.5".to_owned())
}
