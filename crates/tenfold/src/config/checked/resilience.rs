//! Retries, hedges and breakers of an upstream.

use std::time::Duration;

use tenfold_gateway::config::upstream::{Hedge, Retry};
use tenfold_traffic::resilience::{breaker, budget, retry};

use super::Scope;
use crate::config::raw;
use crate::config::raw::resilience::{Budget, Per, RetryOn};
use crate::config::read::Field;
use crate::config::scalar::Time;
use crate::config::shape::{OneOrMore, Switch};

/// Most attempts of one request: beyond that it is no accident any more.
const MOST_ATTEMPTS: u64 = 10;
/// Most bytes of a body that are kept, for each request under way.
const MOST_REPLAY: u64 = 16 << 20;

fn time(field: &Field<Time>, default: Duration) -> Duration {
    field.value().map_or(default, |time| time.0)
}

/// How an upstream tries again. Nothing written: what costs nothing and harms nobody.
pub(super) fn retry(field: &Field<Switch<raw::resilience::Retry>>, scope: &mut Scope<'_>) -> Retry {
    let raw = match field.value() {
        None => return Retry::default(),
        Some(Switch::Off) => return never(),
        Some(Switch::On(raw)) => raw,
    };
    let standard = retry::Rules::default();
    let attempts = scope.count("attempts", &raw.attempts, 1..=MOST_ATTEMPTS);
    let backoff = time(&raw.backoff, standard.backoff);
    let longest = time(&raw.longest_backoff, standard.longest_backoff.max(backoff));
    if let (true, Some(at)) = (
        longest < backoff,
        raw.longest_backoff.at().or(raw.backoff.at()),
    ) {
        let message = "`longest_backoff` is shorter than `backoff`";
        let help = "the longest wait is at least as long as the first one";
        scope.report.error(at, message, help);
    }
    let replay = raw.replay.value().map_or(64 << 10, |size| size.0);
    if let (true, Some(at)) = (replay > MOST_REPLAY, raw.replay.at()) {
        let help = "give at most 16MiB: it is kept in memory for each request under way";
        scope.report.error(at, "`replay` is out of bounds", help);
    }
    Retry {
        rules: retry::Rules {
            attempts: attempts.map_or(standard.attempts, |count| count as u8),
            on: on(&raw.on),
            non_idempotent: raw.non_idempotent.or(false),
            backoff,
            longest_backoff: longest,
            longest_retry_after: time(&raw.longest_retry_after, standard.longest_retry_after),
        },
        budget: budget(&raw.budget, scope),
        per_try_timeout: raw.per_try_timeout.value().map(|time| time.0),
        replay,
    }
}

/// `retry = false`: the first attempt is the only one.
fn never() -> Retry {
    Retry {
        rules: retry::Rules {
            attempts: 1,
            on: retry::On {
                connect: false,
                reset: false,
                timeout: false,
                statuses: Vec::new(),
            },
            ..retry::Rules::default()
        },
        ..Retry::default()
    }
}

fn on(field: &Field<OneOrMore<RetryOn>>) -> retry::On {
    let Some(given) = field.value() else {
        return retry::On {
            connect: true,
            reset: true,
            timeout: true,
            statuses: vec![502..=504],
        };
    };
    let has = |word: RetryOn| given.0.iter().any(|one| one.value == word);
    let statuses = given.0.iter().filter_map(|one| match &one.value {
        RetryOn::Statuses(statuses) => Some(statuses.clone()),
        _ => None,
    });
    retry::On {
        connect: has(RetryOn::Connect),
        reset: has(RetryOn::Reset),
        timeout: has(RetryOn::Timeout),
        statuses: statuses.flatten().collect(),
    }
}

fn budget(field: &Field<Budget>, scope: &mut Scope<'_>) -> budget::Rules {
    let standard = budget::Rules::default();
    let Some(raw) = field.value() else {
        return standard;
    };
    let help =
        "give a share from 0% to 1000%, for example 20%: a fifth more attempts than requests";
    let share = scope.within("share", &raw.share, |share| share.0, 0.0..=10.0, help);
    let least = scope.count("least", &raw.least, 0..=1000);
    budget::Rules {
        share: share.unwrap_or(standard.share),
        least: least.map_or(standard.least, |count| count as u32),
    }
}

/// When a second server is asked beside the first.
pub(super) fn hedge(
    field: &Field<Switch<raw::resilience::Hedge>>,
    scope: &mut Scope<'_>,
) -> Option<Hedge> {
    let Some(Switch::On(raw)) = field.value() else {
        return None;
    };
    let help = "give a percentile from 50% to 99.9%, for example 95%";
    let percentile = scope.within("after", &raw.after, |share| share.0, 0.5..=0.999, help);
    Some(Hedge {
        percentile: percentile.unwrap_or(0.95),
        least: time(&raw.least, Duration::from_millis(5)),
    })
}

/// The breakers of an upstream.
#[derive(Default)]
pub(super) struct Breakers {
    pub(super) of_each: Option<breaker::Rules>,
    pub(super) of_all: Option<breaker::Rules>,
}

pub(super) fn breaker(
    field: &Field<Switch<raw::resilience::Breaker>>,
    scope: &mut Scope<'_>,
) -> Breakers {
    let Some(Switch::On(raw)) = field.value() else {
        return Breakers::default();
    };
    let standard = breaker::Rules::default();
    let help = "give a share from 1% to 100%, for example 50%";
    let failures = scope.within("failures", &raw.failures, |share| share.0, 0.01..=1.0, help);
    let as_u32 = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    let mut count = |key, field, from, default| {
        let count = scope.count(key, field, from..=1_000_000);
        count.map_or(default, as_u32)
    };
    let least_calls = count(
        "least_requests",
        &raw.least_requests,
        1,
        standard.least_calls,
    );
    let consecutive = count("consecutive", &raw.consecutive, 0, standard.consecutive);
    let trials = count("trials", &raw.trials, 1, standard.trials);
    let window = time(&raw.window, standard.window);
    let bounds = Duration::from_secs(1)..=Duration::from_secs(300);
    if let (false, Some(at)) = (bounds.contains(&window), raw.window.at()) {
        let help = "give a time from 1s to 5m";
        scope
            .report
            .error(at, "`window` of a breaker is out of bounds", help);
    }
    let open = time(&raw.open, standard.open);
    let longest = time(&raw.longest_open, standard.longest.max(open));
    if let (true, Some(at)) = (longest < open, raw.longest_open.at().or(raw.open.at())) {
        let message = "`longest_open` is shorter than `open`";
        let help = "give the same or a longer time: it is the bound of one that grows";
        scope.report.error(at, message, help);
    }
    let rules = breaker::Rules {
        failures: failures.unwrap_or(standard.failures),
        least_calls,
        window,
        consecutive,
        slow: raw.slow.value().map(|time| time.0),
        open,
        longest,
        jitter: standard.jitter,
        trials,
    };
    let per = raw.per.or(Per::Both);
    Breakers {
        of_each: (per != Per::Upstream).then(|| rules.clone()),
        of_all: (per != Per::Endpoint).then_some(rules),
    }
}
