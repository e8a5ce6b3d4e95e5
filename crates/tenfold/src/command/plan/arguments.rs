//! What `tenfold plan` can be told.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tenfold_capacity::plan::{Price, Value};

use super::http::PrometheusUrl;
use super::value::{self, Change, CpuUse, Measure, MemoryUse, Tail, Wanted};
use crate::config::secret::Secret;

/// `tenfold plan`
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  \
    tenfold plan --points examples/plan/shop.csv --objective 'mean < 40ms'\n  \
    tenfold plan --points examples/plan/shop.csv --objective 'mean < 40ms' --today 300..400 --factor 10 \\\n      \
        --cpu 1.4@955 --cores 2 --memory 240MB@32 --memory-at-rest 180MB --memory-limit 512MB --what-if cache=70%\n\n\
    A number that is not sure may be a range: 300..400. Answers are then the 5th, 50th and 95th percentile.\n\
    The exit code is 0, 1 if what was measured does not bear an answer (it says what to measure), 2 if the input is wrong."
)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(super) sources: Sources,

    #[command(flatten, next_help_heading = "Load")]
    pub(super) load: LoadArguments,

    #[command(flatten, next_help_heading = "One replica")]
    pub(super) replica: Replica,

    #[command(flatten, next_help_heading = "Rules")]
    pub(super) rules: Rules,

    #[command(flatten, next_help_heading = "Output")]
    pub(super) output: Output,
}

/// What was measured.
#[derive(Debug, Args)]
#[command(next_help_heading = "Measurements")]
pub(super) struct Sources {
    /// A table with the header concurrency,throughput or concurrency,throughput,latency (seconds; latency_ms).
    #[arg(long, value_name = "FILE.csv", conflicts_with_all = ["results", "prometheus"])]
    pub(super) points: Option<PathBuf>,

    /// What `tenfold load --json` wrote; may be given several times.
    #[arg(long, value_name = "FILE.json", conflicts_with = "prometheus")]
    pub(super) results: Vec<PathBuf>,

    #[command(flatten)]
    pub(super) prometheus: Prometheus,

    /// What the latency of a table or of Prometheus is: mean, or p95 and the like.
    #[arg(
        long,
        value_name = "MEASURE",
        default_value = "mean",
        conflicts_with = "results"
    )]
    pub(super) latency_is: Measure,

    /// How many replicas took the measured load together.
    #[arg(long, value_name = "COUNT", default_value = "1", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) measured_replicas: u32,
}

/// What a running service showed.
#[derive(Debug, Args)]
pub(super) struct Prometheus {
    /// Prometheus's address: http://HOST:PORT.
    #[arg(long, value_name = "URL", requires_all = ["throughput", "concurrency"])]
    pub(super) prometheus: Option<PrometheusUrl>,

    /// Good answers per second, for example sum(rate(http_requests_total{code!~"5.."}[1m])).
    #[arg(long, value_name = "QUERY", requires = "prometheus")]
    pub(super) throughput: Option<String>,

    /// Requests under way, for example sum(http_requests_in_flight).
    #[arg(long, value_name = "QUERY", requires = "prometheus")]
    pub(super) concurrency: Option<String>,

    /// Response time in seconds.
    #[arg(long, value_name = "QUERY", requires = "prometheus")]
    pub(super) latency: Option<String>,

    /// How far to look back.
    #[arg(long, value_name = "TIME", default_value = "6h", requires = "prometheus", value_parser = range)]
    pub(super) range: Duration,

    /// Time between two points; a 240th of the range, and at least 15s, if it is not given.
    #[arg(long, value_name = "TIME", requires = "prometheus", value_parser = range)]
    pub(super) step: Option<Duration>,

    /// Prometheus's bearer token: env:NAME or file:PATH.
    #[arg(long, value_name = "SECRET", requires = "prometheus")]
    pub(super) prometheus_token: Option<Secret>,
}

impl Prometheus {
    pub(super) fn token(&self) -> Option<&Secret> {
        self.prometheus_token.as_ref()
    }
}

/// What comes.
#[derive(Debug, Args)]
pub(super) struct LoadArguments {
    /// What must hold: 'p95 < 300ms', 'mean < 100ms'.
    #[arg(long, value_name = "OBJECTIVE")]
    pub(super) objective: Option<Wanted>,

    /// How many times the mean the objective's percentile is, where only means were measured: a number, or exponential.
    #[arg(long, value_name = "TIMES", requires = "objective")]
    pub(super) ratio: Option<Tail>,

    /// Today's peak in requests per second; without it there is no plan, only what the measurements say.
    #[arg(long, value_name = "RATE", value_parser = value::rate)]
    pub(super) today: Option<Value>,

    /// How many times today's peak is expected.
    #[arg(long, value_name = "TIMES", default_value = "10", value_parser = value::factor)]
    pub(super) factor: Value,

    /// Replicas of today: says their headroom.
    #[arg(long, value_name = "COUNT", requires = "today", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) replicas: Option<u32>,

    /// A change before the peak, planned beside the rest: cache=70%, query=60%/3 (60 % of the response time, 3 times as fast).
    #[arg(long, value_name = "CHANGE", requires = "today")]
    pub(super) what_if: Vec<Change>,
}

/// What a replica needs and has.
#[derive(Debug, Args)]
pub(super) struct Replica {
    /// CPU time of a request (2ms), or busy cores at a rate (1.4@955).
    #[arg(long, value_name = "USE", requires = "cores")]
    pub(super) cpu: Option<CpuUse>,

    /// Cores that a replica may use: 2, 500m.
    #[arg(long, value_name = "CORES", requires = "cpu", value_parser = value::cores)]
    pub(super) cores: Option<Value>,

    /// Memory of a request under way (2MB), or of a replica with so many under way (240MB@32).
    #[arg(long, value_name = "USE", requires_all = ["memory_at_rest", "memory_limit"])]
    pub(super) memory: Option<MemoryUse>,

    /// Memory of a replica without requests.
    #[arg(long, value_name = "SIZE", requires = "memory", value_parser = value::bytes)]
    pub(super) memory_at_rest: Option<Value>,

    /// Memory that a replica may use.
    #[arg(long, value_name = "SIZE", requires = "memory", value_parser = value::bytes)]
    pub(super) memory_limit: Option<Value>,

    /// Mean response time under load; that at the capacity, if it is not given.
    #[arg(long, value_name = "TIME", value_parser = value::time)]
    pub(super) response_time: Option<Value>,

    /// Price per hour: '0.05 EUR'.
    #[arg(long, value_name = "PRICE", requires = "today", value_parser = value::price)]
    pub(super) price: Option<Price>,
}

/// What is kept free.
#[derive(Debug, Args)]
pub(super) struct Rules {
    /// Share of CPU and memory that stays free.
    #[arg(long, value_name = "SHARE", default_value = "20%", value_parser = value::share)]
    pub(super) headroom: f64,

    /// How many times the expected load is planned for.
    #[arg(long, value_name = "TIMES", default_value = "2")]
    pub(super) margin: f64,

    /// Replicas that may fail.
    #[arg(long, value_name = "COUNT", default_value = "1")]
    pub(super) spare: u32,

    /// What draws from ranges follow from.
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    pub(super) seed: u64,
}

/// What to print.
#[derive(Debug, Args)]
pub(super) struct Output {
    /// Print everything as JSON.
    #[arg(long)]
    pub(super) json: bool,

    /// Write a report with a plot: one file that needs no network.
    #[arg(long, value_name = "FILE.html")]
    pub(super) html: Option<PathBuf>,
}

/// 1 s to 366 days.
fn range(text: &str) -> Result<Duration, String> {
    let hint = || "give a time with its unit, for example 90s, 6h or 7d".to_owned();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let scale = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        "w" => 604_800.0,
        _ => return Err(hint()),
    };
    let seconds = number.parse::<f64>().map_err(|_| hint())? * scale;
    if !(1.0..=366.0 * 86_400.0).contains(&seconds) {
        return Err("a range lies between 1s and 366d".into());
    }
    Ok(Duration::from_secs_f64(seconds))
}
