//! What can be said on the command line.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{ArgGroup, Args, Subcommand};
use tenfold_load::test::Shard;
use tenfold_load::threshold::{Scope, Threshold};

use super::import::{self, Import};
use crate::config::value;

/// `tenfold load`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  \
    tenfold load http://127.0.0.1:8080/ --rate 500 --duration 30s\n  \
    tenfold load http://127.0.0.1:8080/ --users 50 --threshold 'p(95) < 300ms' --html report.html\n\n\
    The exit code is 0 if all thresholds hold, 1 if one does not or nothing was measured, 2 if the test could not be done or its\n\
    results not be written, 3 if the generator was the limit and its numbers must not be trusted. Ctrl-C ends a test early, and still reports.",
    group = ArgGroup::new("load").args(["rate", "users"]),
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub(crate) struct Load {
    #[command(subcommand)]
    pub(super) other: Option<Other>,

    /// The URL to ask for, or a file with scenarios.
    #[arg(value_name = "URL|FILE", required = true)]
    pub(super) target: Option<String>,

    /// Arrivals per second, which do not wait for answers (open model). [default: 10]
    #[arg(long, value_name = "PER SECOND", value_parser = rate)]
    pub(super) rate: Option<f64>,

    /// Users, each of whom sends the next request when the last one was answered (closed model).
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) users: Option<u32>,

    /// How long. [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    pub(super) duration: Option<Duration>,

    /// How long before that, with the same load, that is left out of the results.
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    pub(super) warmup: Option<Duration>,

    /// Arrivals that are independent of each other, as strangers are, instead of at equal distances.
    #[arg(long)]
    pub(super) poisson: bool,

    /// A field of the request, `Name: value`; may be given several times.
    #[arg(long, short = 'H', value_name = "FIELD", value_parser = field)]
    pub(super) header: Vec<(String, String)>,

    /// The method. [default: GET, or POST with a body]
    #[arg(long, short = 'X', value_name = "METHOD", value_parser = method)]
    pub(super) method: Option<String>,

    /// The body, or @FILE.
    #[arg(long, short = 'd', value_name = "TEXT|@FILE")]
    pub(super) body: Option<String>,

    /// Ask for what an access log says, when it says so, instead of for the URL's path; what it has in front of it stays.
    #[arg(long, value_name = "LOG", conflicts_with_all = ["rate", "users", "duration", "warmup", "poisson", "method", "body", "ramp_to_knee"])]
    pub(super) replay: Option<PathBuf>,

    /// Replay so many times as fast.
    #[arg(long, value_name = "FACTOR", default_value = "1", requires = "replay", value_parser = import::factor)]
    pub(super) speed: f64,

    /// Replay methods that change data as well (POST, PUT, DELETE …), without the bodies that nobody knows.
    #[arg(long, requires = "replay")]
    pub(super) include_unsafe: bool,

    /// Most connections at once; whoever finds none free waits, and the wait is latency. [default: as many as users, or 10000]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) connections: Option<u32>,

    /// A new connection for each arrival.
    #[arg(long)]
    pub(super) no_reuse: bool,

    /// Speak HTTP/1.1, also if the server offers HTTP/2.
    #[arg(long, conflicts_with = "http2")]
    pub(super) http1: bool,

    /// Speak HTTP/2, also without TLS.
    #[arg(long)]
    pub(super) http2: bool,

    /// Accept any certificate.
    #[arg(long)]
    pub(super) insecure: bool,

    /// Certificates (PEM) to trust besides those of the system.
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    pub(super) ca: Option<PathBuf>,

    /// From sending a request to the end of its answer.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = value::duration)]
    pub(super) timeout: Duration,

    /// For connecting, name and TLS included.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = value::duration)]
    pub(super) connect_timeout: Duration,

    /// What has to hold, for example 'p(95) < 300ms', 'errors < 1%' or 'rate > 450'; of a part 'step GET /cart: p(95) < 300ms', 'group
    /// NAME: …' or 'phase NAME: …'. May be given several times.
    #[arg(long, value_name = "CONDITION", value_parser = threshold)]
    pub(super) threshold: Vec<Threshold>,

    /// Raise the load, in steps of --duration, until a --threshold breaks or the service gives no more, and find where that begins. --rate or
    /// --users is the first step.
    #[arg(long, conflicts_with_all = ["warmup", "shard", "start_at"])]
    pub(super) ramp_to_knee: bool,

    /// The highest load that a ramp may try. [default: 1000 times the first]
    #[arg(long, value_name = "LOAD", requires = "ramp_to_knee", value_parser = rate)]
    pub(super) ramp_most: Option<f64>,

    /// Threads that make load. [default: half of the cores]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) threads: Option<u16>,

    /// What all randomness follows from. [default: 1]
    #[arg(long, value_name = "NUMBER")]
    pub(super) seed: Option<u64>,

    /// Which part of a test this generator does, for example 3/8; all parts together are the whole.
    #[arg(long, value_name = "I/N", default_value = "1/1", value_parser = shard)]
    pub(super) shard: Shard,

    /// When to begin (2026-11-27T20:00:00Z, or seconds since 1970), so that several generators begin together.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(super) start_at: Option<SystemTime>,

    /// Say nothing while it runs.
    #[arg(long, short)]
    pub(super) quiet: bool,

    /// Lines instead of a picture while it runs.
    #[arg(long)]
    pub(super) plain: bool,

    #[command(flatten)]
    pub(super) outputs: Files,
}

/// What else there is about load tests.
#[derive(Debug, Subcommand)]
pub(crate) enum Other {
    /// Say what a file of scenarios would do, and all that is wrong with it.
    Check(Check),
    /// Turn a recording of a browser or an access log into a file of scenarios.
    Import(Import),
    /// Put the results of several generators together, and judge the whole.
    Merge(Merge),
    /// Show results again: as a summary, a page, or beside those of another run.
    Report(Report),
}

/// `tenfold load check`
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The file.
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
}

/// `tenfold load merge`
#[derive(Debug, Args)]
#[command(
    after_help = "The exit code is that of a test: 0, 1 if a threshold does not hold on the whole, 3 if one generator was the limit."
)]
pub(crate) struct Merge {
    /// What the generators wrote with --json.
    #[arg(value_name = "FILE", required = true, num_args = 2..)]
    pub(super) files: Vec<PathBuf>,

    /// Thresholds of the whole instead of those that the generators had; may be given several times.
    #[arg(long, value_name = "CONDITION", value_parser = threshold)]
    pub(super) threshold: Vec<Threshold>,

    #[command(flatten)]
    pub(super) outputs: Files,
}

/// `tenfold load report`
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// What a test wrote with --json.
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,

    #[command(flatten)]
    pub(super) outputs: Files,
}

/// Where results are written.
#[derive(Debug, Args)]
pub(crate) struct Files {
    /// Write the results for programs; `tenfold load merge` and --compare read them.
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,

    /// Write a line per second.
    #[arg(long, value_name = "FILE")]
    pub(super) csv: Option<PathBuf>,

    /// Write a line per step.
    #[arg(long, value_name = "FILE")]
    pub(super) csv_steps: Option<PathBuf>,

    /// Write one page with plots, which needs no network.
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,

    /// Results of an earlier run (--json) to compare with.
    #[arg(long, value_name = "FILE")]
    pub(super) compare: Option<PathBuf>,
}

impl Load {
    /// Whether anything was said that only a URL needs.
    pub(super) fn describes_a_request(&self) -> bool {
        // A ramp's steps have to be of some length, whatever is ramped.
        let is_of_phase = self.duration.is_some() && !self.ramp_to_knee;
        let amount =
            self.rate.is_some() || self.users.is_some() || is_of_phase || self.warmup.is_some();
        let request = !self.header.is_empty() || self.method.is_some() || self.body.is_some();
        let protocol = self.http1 || self.http2 || self.insecure || self.ca.is_some();
        amount || request || protocol || self.replay.is_some() || self.poisson || self.no_reuse
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    let rate = number.parse::<f64>().ok();
    let rate = rate.filter(|rate| (0.001..=10_000_000.0).contains(rate));
    rate.ok_or_else(|| {
        "give arrivals per second, from 0.001 to 10000000, for example 500".to_owned()
    })
}

fn field(text: &str) -> Result<(String, String), String> {
    let wrong = || "give a name and a value, for example 'Accept: text/html'".to_owned();
    let (name, value) = text.split_once(':').ok_or_else(wrong)?;
    let value = value.trim_matches([' ', '\t']);
    if !is_token(name)
        || value
            .bytes()
            .any(|byte| byte < b' ' && byte != b'\t' || byte == 0x7F)
    {
        return Err(wrong());
    }
    if ["content-length", "transfer-encoding", "connection"]
        .contains(&name.to_ascii_lowercase().as_str())
    {
        return Err(format!(
            "{name} follows from the body and the connection: leave it out"
        ));
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn method(text: &str) -> Result<String, String> {
    if is_token(text) && text != "CONNECT" {
        return Ok(text.to_owned());
    }
    Err(
        "a method is a word, for example GET, POST or PURGE; CONNECT is none of a server"
            .to_owned(),
    )
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_token)
}

/// A condition, perhaps of a part: `step NAME: errors < 1%`. No condition has a colon, but names do.
fn threshold(text: &str) -> Result<Threshold, String> {
    let (kind, rest) = text.trim_start().split_once(' ').unwrap_or_default();
    let part = |scope: fn(String) -> Scope| match rest.rsplit_once(':') {
        Some((name, condition)) if !name.trim().is_empty() => {
            Ok((Some(scope(name.trim().to_owned())), condition))
        }
        _ => Err(format!("write for example '{kind} NAME: errors < 1%'")),
    };
    let (scope, condition) = match kind {
        "step" => part(Scope::step)?,
        "group" => part(Scope::Group)?,
        "phase" => part(Scope::Phase)?,
        _ => (None, text),
    };
    let threshold = Threshold::parse(condition);
    let threshold = threshold.map_err(|error| format!("{}; {}", error.what, error.help))?;
    Ok(threshold.of(scope))
}

fn shard(text: &str) -> Result<Shard, String> {
    let parts = text
        .split_once('/')
        .and_then(|(index, count)| Some((index.parse::<u32>().ok()?, count.parse::<u32>().ok()?)));
    match parts {
        Some((index, count)) if (1..=count).contains(&index) && count <= 10_000 => Ok(Shard {
            index: index - 1,
            count,
        }),
        _ => Err("give which of how many, for example 3/8: from 1/8 to 8/8".to_owned()),
    }
}

fn moment(text: &str) -> Result<SystemTime, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        let since =
            Duration::try_from_secs_f64(seconds).map_err(|_| "that is no time".to_owned())?;
        return SystemTime::UNIX_EPOCH
            .checked_add(since)
            .ok_or_else(|| "that is no time".to_owned());
    }
    text.parse::<humantime::Timestamp>()
        .map(SystemTime::from)
        .map_err(|_| {
            "give a time in UTC like 2026-11-27T20:00:00Z, or seconds since 1970".to_owned()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_from_one() {
        assert_eq!(shard("3/8"), Ok(Shard { index: 2, count: 8 }));
        for wrong in ["0/8", "9/8", "1", "a/b", "1/0", "-1/2"] {
            assert!(shard(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_in_utc_or_as_seconds() {
        let at = |seconds| Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(moment("1800000000"), at(1_800_000_000));
        assert_eq!(moment("2026-11-27T20:00:00Z"), at(1_795_809_600));
        for wrong in ["noon", "-1", "2026-13-01T00:00:00Z", "1e300"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn fields_are_checked() {
        assert_eq!(
            field("Accept:  a, b "),
            Ok(("Accept".to_owned(), "a, b".to_owned()))
        );
        for wrong in [
            "Accept",
            "A b: c",
            ": x",
            "A: x\r\nB: y",
            "Content-Length: 5",
        ] {
            assert!(field(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn thresholds_may_be_of_a_part() {
        let scope = |text| threshold(text).map(|it| (it.scope, it.text));
        let of = |scope, text: &str| Ok((scope, text.to_owned()));
        assert_eq!(scope("errors < 1%"), of(None, "errors < 1%"));
        let step = Scope::step("GET /a:b");
        assert_eq!(
            scope("step GET /a:b: p(95) < 1s"),
            of(Some(step), "p(95) < 1s")
        );
        let group = Scope::Group("g".to_owned());
        assert_eq!(scope("group g:errors < 1%"), of(Some(group), "errors < 1%"));
        let phase = Scope::Phase("the peak".to_owned());
        assert_eq!(
            scope("phase the peak : rate > 1/s"),
            of(Some(phase), "rate > 1/s")
        );
        for wrong in [
            "step",
            "step x",
            "step : errors < 1%",
            "step x: errors",
            "page x: errors < 1%",
        ] {
            assert!(threshold(wrong).is_err(), "{wrong}");
        }
    }
}
