//! How much may go on at the same time, and what waits.

use std::time::Duration;

use tenfold_traffic::resilience::bulkhead::{Limit, MOST, Settings};
use tenfold_traffic::resilience::concurrency::Bounds;
use tenfold_traffic::resilience::queue::QueuePolicy;

use super::Scope;
use crate::config::raw::upstream::Concurrency;
use crate::config::read::Field;
use crate::config::scalar::{ConcurrencyLimit, Time};

/// Most that may wait: each takes memory of its own, besides the client's connection.
const LONGEST: u64 = 1_000_000;

pub(super) fn check(field: &Field<Concurrency>, scope: &mut Scope<'_>) -> Option<Settings> {
    let raw = field.value()?;
    let limit = match *raw.limit.value()? {
        ConcurrencyLimit::Fixed(_) => {
            let why = "the limit is fixed";
            scope.without_effect("min", raw.min.at(), why);
            scope.without_effect("max", raw.max.at(), why);
            let limit = scope.within(
                "limit",
                &raw.limit,
                |limit| match limit {
                    ConcurrencyLimit::Fixed(limit) => *limit as f64,
                    ConcurrencyLimit::Adaptive => 1.0,
                },
                1.0..=f64::from(MOST),
                "give a number from 1 to 2097151",
            )?;
            Limit::Fixed(limit as u32)
        }
        ConcurrencyLimit::Adaptive => Limit::Adaptive(bounds(raw, scope)),
    };
    let standard = Settings::new(limit);
    let share = |share: &crate::config::scalar::Share| share.0;
    let help = "give a share from 0% to 90%, for example 10%";
    let reserve = scope.within("reserve", &raw.reserve, share, 0.0..=0.9, help);
    Some(Settings {
        queue: queue(raw, scope),
        reserve: reserve.unwrap_or(standard.reserve),
        ..standard
    })
}

fn bounds(raw: &Concurrency, scope: &mut Scope<'_>) -> Bounds {
    let standard = Bounds::default();
    let most = u64::from(MOST);
    let number = |count: Option<u64>| count.and_then(|count| u32::try_from(count).ok());
    let min = number(scope.count("min", &raw.min, 1..=most));
    let max = number(scope.count("max", &raw.max, 1..=most));
    // Whoever gives one of them does not mean the other one to be in its way.
    let (min, max) = match (min, max) {
        (Some(min), None) => (min, standard.max.max(min)),
        (None, Some(max)) => (standard.min.min(max), max),
        (min, max) => (min.unwrap_or(standard.min), max.unwrap_or(standard.max)),
    };
    if let (true, Some(at)) = (min > max, raw.min.at().or(raw.max.at())) {
        let message = format!("`min` is {min}, and `max` only {max}");
        let help = "the lowest limit cannot be above the highest one";
        scope.report.error(at, message, help);
    }
    Bounds {
        min,
        max: max.max(min),
    }
}

fn queue(raw: &Concurrency, scope: &mut Scope<'_>) -> QueuePolicy {
    let standard = QueuePolicy::default();
    let length = scope.count("queue", &raw.queue, 0..=LONGEST);
    let policy = QueuePolicy {
        length: length.map_or(standard.length, |it| {
            usize::try_from(it).unwrap_or(usize::MAX)
        }),
        timeout: time(&raw.queue_timeout, standard.timeout),
        target: time(&raw.target, standard.target),
        interval: time(&raw.interval, standard.interval),
    };
    if policy.length == 0 {
        for (key, at) in [
            ("queue_timeout", raw.queue_timeout.at()),
            ("target", raw.target.at()),
            ("interval", raw.interval.at()),
        ] {
            scope.without_effect(key, at, "nobody may wait");
        }
        return policy;
    }
    if let (true, Some(at)) = (policy.timeout.is_zero(), raw.queue_timeout.at()) {
        let message = "`queue_timeout` cannot be 0";
        scope
            .report
            .error(at, message, "to let nobody wait, give queue = 0");
    }
    if let (true, Some(at)) = (policy.target > policy.timeout, raw.target.at()) {
        let why = "nobody waits for as long as that, because of `queue_timeout`";
        scope.without_effect("target", Some(at), why);
    }
    policy
}

fn time(field: &Field<Time>, default: Duration) -> Duration {
    field.value().map_or(default, |time| time.0)
}
