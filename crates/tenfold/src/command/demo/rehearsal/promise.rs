//! What was promised, held against what was measured.
//!
//! # The idea
//! One function from numbers to verdicts, without a clock and a socket, so that each rule can be seen broken in a test.
//!
//! The generator shares the machine with what it measures. Where it was the limit, a number says less than it seems to: a promise that would
//! be kept only thanks to that is *unproven*, and so is one that is broken by nothing but that. Two rules: what the generator was
//! late is taken off response times of *before*, so that lateness never makes the difference look larger; and a load of which less than
//! [`LEAST_OFFERED`] could be offered proves nothing.

use serde::Serialize;
use tenfold_load::report::text::{number, percent};

use super::measured::{Books, GatewayUse, Night, PriceChange, Run, StageResult};
use super::plan::{FACTOR, OBJECTIVE, PRICE_WITHIN};

/// Of the visits that are due, at least so many have to be begun.
pub(crate) const LEAST_OFFERED: f64 = 0.99;
/// Of page views that visitors want, at least so many have to be delivered before one may speak of ten times the traffic. Arrivals and lengths of
/// visits are random: in a short run a tenth is chance (of 150 visits, one standard deviation of their pages together).
pub(crate) const LEAST_DELIVERED: f64 = 0.75;
/// Below this share of them the shop may have borne what came, but that was not ten times.
pub(crate) const LEAST_FOR_TEN_TIMES: f64 = 0.9;
/// Of fewer requests than this the 95th percentile is no other than the longest.
pub(crate) const LEAST_REQUESTS: u64 = 20;
/// More than this share of views of cacheable pages comes from the cache.
pub(crate) const LEAST_HITS: f64 = 0.9;

/// Whether a promise was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// It was.
    Kept,
    /// It was not.
    Broken,
    /// Nobody knows: the generator was the limit, or nothing was counted.
    Unproven,
}

impl Verdict {
    /// One word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Broken => "BROKEN",
            Self::Unproven => "unproven",
        }
    }
}

/// A promise.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Promise {
    /// A stable name for programs.
    pub(crate) name: &'static str,
    /// What was promised.
    pub(crate) claim: String,
    pub(crate) verdict: Verdict,
    /// What was measured.
    pub(crate) measured: String,
    /// Why the verdict is not simply yes; empty if it is.
    pub(crate) why: String,
}

/// The numbers that promises are about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence<'a> {
    pub(crate) before: &'a StageResult,
    pub(crate) tuned: &'a StageResult,
    pub(crate) night: &'a Night,
    pub(crate) books: &'a Books,
}

/// All promises, the three of the front page first.
pub(crate) fn promises(evidence: Evidence<'_>) -> Vec<Promise> {
    let mut all = vec![faster(evidence), ten_times(evidence), hits(evidence)];
    all.extend(of_a_night(evidence.night, evidence.books));
    all
}

/// Those about a bad night.
pub(crate) fn of_a_night(night: &Night, books: &Books) -> Vec<Promise> {
    vec![
        price(&night.price),
        balanced(books),
        nothing_lost(&night.run),
    ]
}

/// The exit code: 1 if a promise is broken, else 3 if one is unproven, else 0.
pub(crate) fn exit_code(promises: &[Promise]) -> u8 {
    let has = |verdict| promises.iter().any(|one| one.verdict == verdict);
    match (has(Verdict::Broken), has(Verdict::Unproven)) {
        (true, _) => 1,
        (false, true) => 3,
        (false, false) => 0,
    }
}

fn ms(value: Option<f64>) -> String {
    value.map_or("–".into(), |value| {
        tenfold_load::report::text::seconds(value / 1e3)
    })
}

fn made(
    name: &'static str,
    claim: impl Into<String>,
    measured: impl Into<String>,
    (verdict, why): (Verdict, String),
) -> Promise {
    Promise {
        name,
        claim: claim.into(),
        verdict,
        measured: measured.into(),
        why,
    }
}

fn kept() -> (Verdict, String) {
    (Verdict::Kept, String::new())
}

fn broken(why: impl Into<String>) -> (Verdict, String) {
    (Verdict::Broken, why.into())
}

fn unproven(why: impl Into<String>) -> (Verdict, String) {
    (Verdict::Unproven, why.into())
}

/// Why a load proves nothing.
fn not_offered(run: &Run) -> Option<String> {
    (run.offered < LEAST_OFFERED).then(|| {
        format!(
            "the generator could begin {} of the visits that were due only",
            percent(run.offered)
        )
    })
}

fn faster(evidence: Evidence<'_>) -> Promise {
    let (before, after) = (&evidence.before.normal, &evidence.tuned.normal);
    let measured = format!(
        "p50 {} → {}, p95 {} → {} at {} page views/s",
        ms(before.p50_ms),
        ms(after.p50_ms),
        ms(before.p95_ms),
        ms(after.p95_ms),
        number((before.wanted_page_views_per_second * 10.0).round() / 10.0),
    );
    let late = before.generator.late_p99_ms.unwrap_or(0.0);
    let judge = || {
        if let Some(why) = not_offered(before).or_else(|| not_offered(after)) {
            return unproven(why);
        }
        if before.requests.min(after.requests) < LEAST_REQUESTS {
            return unproven(format!(
                "there were {} and {} requests only, of which there is no percentile: rehearse longer",
                before.requests, after.requests
            ));
        }
        let pairs = [
            ("p50", before.p50_ms, after.p50_ms),
            ("p95", before.p95_ms, after.p95_ms),
        ];
        let mut doubt = None;
        for (name, before, after) in pairs {
            let (Some(before), Some(after)) = (before, after) else {
                return unproven("there was no answer to measure");
            };
            if after * 2.0 > before {
                return broken(format!(
                    "{name} is {after:.1} ms, half is {:.1} ms",
                    before / 2.0
                ));
            }
            if after * 2.0 > before - late {
                doubt = Some(format!(
                    "{name} would not be halved without the {late:.1} ms that the generator was late before"
                ));
            }
        }
        doubt.map_or_else(kept, unproven)
    };
    made(
        "half_the_response_time",
        "Half the response time or less at the same rate",
        measured,
        judge(),
    )
}

fn ten_times(evidence: Evidence<'_>) -> Promise {
    let (day, peak) = (&evidence.before.normal, &evidence.tuned.peak);
    let objective = OBJECTIVE.as_secs_f64() * 1e3;
    let delivered = peak.page_views_per_second / peak.wanted_page_views_per_second;
    let measured = format!(
        "{} page views/s delivered of {} wanted, p95 {}, {} failed (before, on a normal day: {})",
        number((peak.page_views_per_second * 10.0).round() / 10.0),
        number((peak.wanted_page_views_per_second * 10.0).round() / 10.0),
        ms(peak.p95_ms),
        percent(peak.error_share()),
        percent(day.error_share()),
    );
    let judge = || {
        if let Some(why) = not_offered(peak) {
            return unproven(why);
        }
        let Some(p95) = peak.p95_ms else {
            return unproven("there was no answer to measure");
        };
        // One that is late by much of the objective has no processor, and then nobody here has.
        let late = peak.generator.late_p99_ms.unwrap_or(0.0);
        if p95 > objective && p95 - late <= objective {
            return unproven(format!("the generator itself was {late:.0} ms late"));
        }
        if p95 > objective {
            return broken(format!("p95 is above {objective:.0} ms"));
        }
        if peak.error_share() > day.error_share() {
            return broken("more requests failed than on a normal day before");
        }
        if delivered < LEAST_DELIVERED {
            return broken(format!(
                "{} of the page views were delivered",
                percent(delivered)
            ));
        }
        if delivered < LEAST_FOR_TEN_TIMES {
            return unproven(format!(
                "visitors wanted {} of it in this time, by chance",
                percent(delivered)
            ));
        }
        kept()
    };
    made(
        "ten_times_the_traffic",
        format!(
            "{FACTOR:.0} times the traffic with p95 within {objective:.0} ms and no more errors"
        ),
        measured,
        judge(),
    )
}

fn hits(evidence: Evidence<'_>) -> Promise {
    let share = |run: &Run| run.gateway.as_ref().and_then(GatewayUse::hit_share);
    let shares = [share(&evidence.tuned.normal), share(&evidence.tuned.peak)];
    let words = |share: Option<f64>| share.map_or("–".into(), percent);
    let measured = format!(
        "{} on a normal day, {} at {FACTOR:.0} times",
        words(shares[0]),
        words(shares[1])
    );
    let verdict = match shares {
        [Some(normal), Some(peak)] if normal > LEAST_HITS && peak > LEAST_HITS => kept(),
        [Some(_), Some(_)] => broken("it is not above 90 %"),
        _ => unproven("no view of a cacheable page was counted"),
    };
    made(
        "from_the_cache",
        "Over 90 % of the views of cacheable pages from the cache",
        measured,
        verdict,
    )
}

fn price(price: &PriceChange) -> Promise {
    let most = PRICE_WITHIN.as_secs_f64() * 1e3;
    let measured = match price.visible_after_ms {
        Some(after) => format!(
            "{}; {} of {} answers had the old price, {} none",
            match after > 0.0 {
                true => format!("everybody saw it {} after it was saved", ms(Some(after))),
                false => "every answer from the moment it was saved".into(),
            },
            price.old,
            price.looks,
            price.failed,
        ),
        None => format!("never seen in {} answers", price.looks),
    };
    let verdict = match price.visible_after_ms {
        _ if price.looks == price.failed => unproven("no answer had a price"),
        None => broken("nobody saw the new price"),
        _ if price.went_back => broken("somebody saw the old price again after the new one"),
        Some(after) if after > most => broken("that is more than a second"),
        Some(_) => kept(),
    };
    made(
        "price_within_a_second",
        "A changed price is seen by everybody within one second, while a shop is frozen",
        measured,
        verdict,
    )
}

fn balanced(books: &Books) -> Promise {
    let verdict = match books.is_balanced {
        true => kept(),
        false => broken("the books do not balance"),
    };
    made(
        "books_balanced",
        "Nothing is sold twice, and no order is lost",
        books.words(),
        verdict,
    )
}

fn nothing_lost(run: &Run) -> Promise {
    let others = run.failed - run.failed_idempotent.min(run.failed);
    let measured = format!(
        "{} of {} requests failed that may be repeated, {} of those that may not",
        run.failed_idempotent, run.requests, others
    );
    let verdict = match run.failed_idempotent {
        _ if not_offered(run).is_some() => unproven(not_offered(run).unwrap_or_default()),
        0 if run.requests == 0 => unproven("there was no request"),
        0 => kept(),
        _ => broken("a client saw a failure that the gateway could have spared it"),
    };
    made(
        "nothing_lost_in_the_bad_night",
        "No idempotent request fails while a shop is killed and another one is frozen",
        measured,
        verdict,
    )
}

#[cfg(test)]
mod tests;
