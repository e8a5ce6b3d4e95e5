//! What the rehearsal measured: what `--json` prints, and everything else is made from.
//!
//! Fields keep their names and meaning within one [`FORMAT`]; further ones may come. Times are in the unit that the name ends with.

use serde::Serialize;
use tenfold_load::results::{ErrorKind, Histogram};

use super::mix::Mix;
use super::plan::Act;
use super::promise::Promise;

/// The format of what `--json` prints.
pub(crate) const FORMAT: u32 = 1;

/// A rehearsal.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Rehearsal {
    /// [`FORMAT`].
    pub(crate) format: u32,
    /// Tenfold's.
    pub(crate) version: String,
    /// When it began, seconds since 1970.
    pub(crate) started: f64,
    /// How long it took, starting and seeding left out.
    pub(crate) seconds: f64,
    pub(crate) is_quick: bool,
    pub(crate) machine: Machine,
    pub(crate) settings: Settings,
    /// Before, Tenfold alone, Tenfold and a tuned shop.
    pub(crate) stages: Vec<StageResult>,
    pub(crate) night: Night,
    pub(crate) books: Books,
    pub(crate) next: Next,
    /// What was promised, and whether it was kept.
    pub(crate) promises: Vec<Promise>,
    /// The three mixes at the rate of the peak, as files for `tenfold load`.
    pub(crate) load_files: Vec<MixFile>,
}

impl Rehearsal {
    /// The results of a setup.
    pub(crate) fn stage(&self, setup: Setup) -> Option<&StageResult> {
        self.stages.iter().find(|stage| stage.setup == setup)
    }
}

/// A mix as a file.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MixFile {
    pub(crate) mix: Mix,
    pub(crate) text: String,
}

/// Where everything ran, generator and database included.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Machine {
    pub(crate) host: String,
    pub(crate) system: String,
    pub(crate) processor: String,
    pub(crate) cores: usize,
}

/// What was decided beforehand, and by the calibration.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Settings {
    /// 95 of 100 requests are to be answered within it.
    pub(crate) objective_ms: f64,
    /// What one process of the shop took before anything was done, in page views per second; the normal rate is a share of it.
    pub(crate) calibrated_page_views_per_second: f64,
    /// Whether that is what it took within the objective; otherwise it is the most that it took at all.
    pub(crate) calibrated_within_objective: bool,
    /// That share.
    pub(crate) normal_share: f64,
    /// Page views per second of a normal day.
    pub(crate) normal_page_views_per_second: f64,
    /// How many times that Black Friday is.
    pub(crate) factor: f64,
    pub(crate) products: u64,
    /// By what think times were divided.
    pub(crate) think_times_divided_by: f64,
    /// How long answers were waited for after the end of a run.
    pub(crate) grace_seconds: f64,
    /// Processes of the shop with the gateway.
    pub(crate) shops: usize,
}

/// What stood there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Setup {
    /// The naive shop, one process, nothing before it.
    Before,
    /// The same shop in three processes behind the gateway.
    Alone,
    /// The tuned shop in three processes behind the gateway.
    Tuned,
}

impl Setup {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 3] = [Self::Before, Self::Alone, Self::Tuned];

    /// A title for people.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Before => "Before",
            Self::Alone => "Tenfold alone",
            Self::Tuned => "Tenfold and a tuned shop",
        }
    }

    /// For a column.
    pub(crate) fn short(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Alone => "Tenfold alone",
            Self::Tuned => "Tenfold + tuned",
        }
    }
}

/// What was measured of a setup.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StageResult {
    pub(crate) setup: Setup,
    /// A normal day.
    pub(crate) normal: Run,
    /// Ten times as much.
    pub(crate) peak: Run,
    pub(crate) capacity: Capacity,
    /// What was fetched into the cache beforehand.
    pub(crate) warmed: Option<Warmed>,
}

/// Filling the cache beforehand.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Warmed {
    pub(crate) pages: u64,
    pub(crate) failed: u64,
    pub(crate) seconds: f64,
}

/// How much a setup takes.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Capacity {
    pub(crate) levels: Vec<Level>,
    /// Most page views per second of a level whose p95 is within the objective and of which at most one in a hundred requests failed.
    pub(crate) page_views_per_second: Option<f64>,
    /// Whether the last level was within as well, so that it may take more.
    pub(crate) may_be_more: bool,
    /// Why numbers of the generator are to be doubted.
    pub(crate) doubts: Vec<String>,
}

/// A number of visitors who do not think.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Level {
    pub(crate) visitors: u32,
    pub(crate) page_views_per_second: f64,
    pub(crate) requests_per_second: f64,
    /// Mean of the requests under way.
    pub(crate) under_way: f64,
    pub(crate) mean_ms: Option<f64>,
    pub(crate) p95_ms: Option<f64>,
    /// Share of the requests.
    pub(crate) failed: f64,
}

/// A load for a while.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Run {
    pub(crate) mix: Mix,
    /// How long it was measured.
    pub(crate) seconds: f64,
    /// Page views per second that visitors would have made if everything had gone well.
    pub(crate) wanted_page_views_per_second: f64,
    /// Share of the visits that were due and begun: what the generator could offer.
    pub(crate) offered: f64,
    /// Page views that were delivered, per second.
    pub(crate) page_views_per_second: f64,
    pub(crate) page_views: u64,
    /// Requests that ended or were given up. A page view has one or two.
    pub(crate) requests: u64,
    /// Of them: no answer in time, or another one than was due.
    pub(crate) failed: u64,
    /// Failed ones that may be repeated without harm: GET, and paying, which has a key.
    pub(crate) failed_idempotent: u64,
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p95_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    /// The most frequent first.
    pub(crate) errors: Vec<Failed>,
    pub(crate) cpu: CpuUse,
    /// What the gateway did; none without one.
    pub(crate) gateway: Option<GatewayUse>,
    pub(crate) generator: GeneratorUse,
    /// Second by second, the warm-up too.
    pub(crate) series: Vec<Second>,
    /// How long the warm-up was.
    pub(crate) warm_up_seconds: f64,
    /// All response times, for adding up.
    #[serde(skip)]
    pub(crate) latency: Histogram,
}

impl Run {
    /// Share of the requests that failed.
    pub(crate) fn error_share(&self) -> f64 {
        self.failed as f64 / self.requests.max(1) as f64
    }

    /// Requests of a page view on average.
    pub(crate) fn requests_per_page_view(&self) -> f64 {
        self.requests as f64 / self.page_views.max(1) as f64
    }

    /// CPU of a page view of each part, in milliseconds.
    pub(crate) fn cpu_ms_per_page_view(&self) -> [(&'static str, f64); 4] {
        let views = self.cpu.requests as f64 / self.requests_per_page_view();
        self.cpu.parts().map(|(name, seconds)| {
            let each = if views > 0.0 {
                seconds * 1e3 / views
            } else {
                0.0
            };
            (name, each)
        })
    }
}

/// What failed how often.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Failed {
    pub(crate) kind: ErrorKind,
    pub(crate) what: String,
    /// Page and step.
    pub(crate) step: String,
    pub(crate) count: u64,
}

/// CPU seconds from the beginning of a run to its end, warm-up included.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct CpuUse {
    pub(crate) shops: f64,
    pub(crate) gateway: f64,
    pub(crate) postgres: f64,
    pub(crate) generator: f64,
    /// How long that was.
    pub(crate) seconds: f64,
    /// Requests in that time.
    pub(crate) requests: u64,
    /// Cores of the machine.
    pub(crate) cores: usize,
}

impl CpuUse {
    /// The parts with their names.
    pub(crate) fn parts(&self) -> [(&'static str, f64); 4] {
        [
            ("shop", self.shops),
            ("Postgres", self.postgres),
            ("gateway", self.gateway),
            ("generator", self.generator),
        ]
    }

    /// Share of the machine's CPU that so many seconds are.
    pub(crate) fn share(&self, seconds: f64) -> f64 {
        seconds / (self.seconds * self.cores as f64).max(f64::MIN_POSITIVE)
    }
}

/// What the gateway counted from the beginning of a run to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct GatewayUse {
    /// Requests of clients.
    pub(crate) requests: u64,
    /// Attempts on the shop, repetitions included.
    pub(crate) attempts: u64,
    /// Requests that ended with a status of 500 and above: refused by the gateway, or by the shop.
    pub(crate) refused: u64,
    /// Of cacheable pages: answered from the cache.
    pub(crate) hit: u64,
    /// Answered from the cache while it was brought up to date.
    pub(crate) stale: u64,
    /// Waited for the fetch of another request of its kind.
    pub(crate) collapsed: u64,
    /// The shop was asked, and said that what was stored holds.
    pub(crate) revalidated: u64,
    /// Fetched.
    pub(crate) miss: u64,
    /// The cache took no part: visitors who are known to a shop that renders their names.
    pub(crate) bypass: u64,
}

impl GatewayUse {
    /// What was counted since.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(earlier.requests),
            attempts: self.attempts.saturating_sub(earlier.attempts),
            refused: self.refused.saturating_sub(earlier.refused),
            hit: self.hit.saturating_sub(earlier.hit),
            stale: self.stale.saturating_sub(earlier.stale),
            collapsed: self.collapsed.saturating_sub(earlier.collapsed),
            revalidated: self.revalidated.saturating_sub(earlier.revalidated),
            miss: self.miss.saturating_sub(earlier.miss),
            bypass: self.bypass.saturating_sub(earlier.bypass),
        }
    }

    /// Views of cacheable pages.
    pub(crate) fn cacheable(&self) -> u64 {
        self.hit + self.stale + self.collapsed + self.revalidated + self.miss + self.bypass
    }

    /// Share of them from the cache: those for which no request of their own went to the shop.
    pub(crate) fn hit_share(&self) -> Option<f64> {
        let all = self.cacheable();
        (all > 0).then(|| (self.hit + self.stale + self.collapsed) as f64 / all as f64)
    }

    /// Share of all requests that were answered without the shop, and not by an error.
    pub(crate) fn offload(&self) -> Option<f64> {
        let others = (self.attempts + self.refused) as f64;
        (self.requests > 0).then(|| 1.0 - (others / self.requests as f64).min(1.0))
    }

    /// Without requests of which it is known that nobody wanted them but to look; nearly all of them were hits.
    pub(crate) fn leave_out_hits(&mut self, count: u64) {
        self.requests = self.requests.saturating_sub(count);
        self.hit = self.hit.saturating_sub(count);
    }
}

/// How the generator did.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct GeneratorUse {
    /// One start in a hundred was that late.
    pub(crate) late_p99_ms: Option<f64>,
    /// Share of a core that its thread used.
    pub(crate) busy: f64,
    /// Why its numbers are to be doubted; empty if they are not.
    pub(crate) doubts: Vec<String>,
}

/// One second of a run.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Second {
    /// From the beginning of the run.
    pub(crate) at: f64,
    /// How long it was.
    pub(crate) seconds: f64,
    /// Requests that ended.
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p95_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
}

/// Ten times the load, and what goes wrong at such a time.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Night {
    pub(crate) run: Run,
    pub(crate) events: Vec<Event>,
    pub(crate) price: PriceChange,
    /// Seconds whose p95 was beyond the objective.
    pub(crate) seconds_beyond_objective: f64,
}

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Event {
    /// Seconds since the beginning of the run.
    pub(crate) at: f64,
    pub(crate) act: Act,
    /// In words.
    pub(crate) what: String,
}

/// How a new price came to the clients.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct PriceChange {
    pub(crate) product: u64,
    pub(crate) new: String,
    /// How long saving took.
    pub(crate) saving_ms: f64,
    /// Answers that were looked at after it was saved.
    pub(crate) looks: u64,
    /// Of those, without the page.
    pub(crate) failed: u64,
    /// Answers with the old price that were asked for after it was saved.
    pub(crate) old: u64,
    /// When the last of them came, after it was saved; 0 if there was none. None if the new price was never seen.
    pub(crate) visible_after_ms: Option<f64>,
    /// Whether somebody who had seen the new price saw the old one again.
    pub(crate) went_back: bool,
}

/// Stock, orders, payments and events add up.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Books {
    pub(crate) is_balanced: bool,
    /// All of what `shop check --json` says.
    pub(crate) said: serde_json::Value,
}

impl Books {
    /// The rules that the shop's books have to follow: the rule, how many things it was checked for, and how many broke it.
    pub(crate) fn rules(&self) -> Vec<(String, u64, u64)> {
        let rules = self.said["rules"].as_array().map_or(&[][..], Vec::as_slice);
        let rule = |rule: &serde_json::Value| {
            let count = |name: &str| rule[name].as_u64().unwrap_or(0);
            let words = rule["rule"].as_str().unwrap_or_default();
            (words.to_owned(), count("checked"), count("broken"))
        };
        rules.iter().map(rule).collect()
    }

    /// The same in one line.
    pub(crate) fn words(&self) -> String {
        let rules = self.rules();
        let broken = rules.iter().filter(|(_, _, broken)| *broken > 0).count();
        let orders = self.said["orders"]
            .as_u64()
            .map_or_else(String::new, |orders| {
                format!(" for {} orders", tenfold_load::report::text::count(orders))
            });
        match (rules.len(), broken) {
            (0, _) => "what the shop says of its books is in the JSON".to_owned(),
            (all, 0) => format!("all {all} rules hold{orders}"),
            (all, broken) => format!("{broken} of {all} rules are broken{orders}"),
        }
    }
}

/// The next factor of ten.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Next {
    /// Requests per second of the peak.
    pub(crate) today_requests_per_second: f64,
    pub(crate) factor: f64,
    /// CPU of shop, database and gateway for a request.
    pub(crate) cpu_ms_per_request: f64,
    pub(crate) plan: Option<tenfold_capacity::plan::Plan>,
    /// Why there is no plan, or why part of what was measured bears none.
    pub(crate) refused: Vec<String>,
    /// What the curve of the levels says, if there are enough.
    pub(crate) curve: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::super::fixture;

    #[test]
    fn books_are_told_in_a_line() {
        let mut books = fixture::rehearsal().books;
        assert_eq!(books.words(), "all 2 rules hold for 100,412 orders");
        books.said["rules"][1]["broken"] = 3.into();
        assert_eq!(books.words(), "1 of 2 rules are broken for 100,412 orders");
        books.said = "something else".into();
        assert_eq!(
            books.words(),
            "what the shop says of its books is in the JSON"
        );
    }

    #[test]
    fn shares_of_the_gateway_have_a_whole() {
        let used = super::GatewayUse {
            requests: 200,
            attempts: 50,
            hit: 90,
            collapsed: 5,
            miss: 4,
            revalidated: 1,
            ..Default::default()
        };
        assert_eq!(used.hit_share(), Some(0.95));
        assert_eq!(used.offload(), Some(0.75));
        let none = used.since(&used);
        assert_eq!((none.hit_share(), none.offload()), (None, None));
        // What is tried again is more than was asked for.
        let tried = super::GatewayUse {
            attempts: 300,
            ..used
        };
        assert_eq!(tried.offload(), Some(0.0));
    }
}
