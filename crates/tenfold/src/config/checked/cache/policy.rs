//! How long responses are kept.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use tenfold_gateway::config::cache::{Policy, SetCookie};

use super::Scope;
use crate::config::diagnostic::At;
use crate::config::raw::cache::{self, Cache};
use crate::config::read::{Field, cannot_be};
use crate::config::scalar::Lifetime;
use crate::config::shape::Named;
use crate::config::value;

pub(super) fn check(raw: &Cache, scope: &mut Scope<'_>) -> Policy {
    let standard = Policy::default();
    let time = |field: &Field<Lifetime>, default| field.value().map_or(default, |time| time.0);
    let policy = Policy {
        lifetime: raw.lifetime.value().map(|time| time.0),
        default_lifetime: time(&raw.default_lifetime, standard.default_lifetime),
        min_lifetime: time(&raw.min_lifetime, standard.min_lifetime),
        max_lifetime: time(&raw.max_lifetime, standard.max_lifetime),
        negative: by_status(&raw.status_lifetime, scope),
        jitter_percent: jitter(raw, scope).unwrap_or(standard.jitter_percent),
        stale_while_revalidate: time(&raw.stale_while_revalidate, standard.stale_while_revalidate),
        stale_if_error: time(&raw.stale_if_error, standard.stale_if_error),
        set_cookie: match raw.set_cookie.or(cache::SetCookie::Refuse) {
            cache::SetCookie::Refuse => SetCookie::Refuse,
            cache::SetCookie::Remove => SetCookie::Remove,
        },
        honors_request: raw.honor_request.or(standard.honors_request),
        ..standard
    };
    contradictions(raw, &policy, scope);
    policy
}

/// Lifetimes of which one makes another useless.
fn contradictions(raw: &Cache, policy: &Policy, scope: &mut Scope<'_>) {
    let max = policy.max_lifetime;
    for (key, field, seconds) in [
        ("min_lifetime", &raw.min_lifetime, policy.min_lifetime),
        ("lifetime", &raw.lifetime, policy.lifetime.unwrap_or(0)),
        (
            "default_lifetime",
            &raw.default_lifetime,
            policy.default_lifetime,
        ),
    ] {
        if let (true, Some(at)) = (seconds > max, field.at()) {
            let message = format!("`{key}` is longer than `max_lifetime`");
            let help = "make it shorter, or `max_lifetime` longer";
            scope.report.error(at, message, help);
        }
    }
    if policy.lifetime.is_some_and(|it| it >= policy.min_lifetime) {
        let why = "`lifetime` replaces what it would lengthen";
        scope.without_effect("min_lifetime", raw.min_lifetime.at(), why);
    } else if let (Some(_), Some(at)) = (policy.lifetime, raw.lifetime.at()) {
        let help = "keep one of them: a `lifetime` is the same for all";
        scope
            .report
            .error(at, "`lifetime` is shorter than `min_lifetime`", help);
    }
}

fn jitter(raw: &Cache, scope: &mut Scope<'_>) -> Option<u8> {
    let help = "give whole per cent, from 0% to 100%, for example 10%";
    let share = scope.within("jitter", &raw.jitter, |share| share.0, 0.0..=1.0, help)?;
    let percent = (share * 100.0).round();
    if (share * 100.0 - percent).abs() > 1e-9 {
        let at = raw.jitter.at().unwrap_or_default();
        scope
            .report
            .error(at, "`jitter` is no whole per cent", help);
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole and lies between 0 and 100"
    )]
    Some(percent as u8)
}

/// Statuses of which no response is ever stored: see `is_storable` of the gateway's rules.
const NEVER: [u16; 16] = [
    206, 304, 401, 407, 408, 411, 412, 413, 415, 416, 417, 421, 425, 426, 431, 511,
];

/// The narrowest range first.
fn by_status(
    field: &Field<Named<Lifetime>>,
    scope: &mut Scope<'_>,
) -> Vec<(RangeInclusive<u16>, u32)> {
    let mut all = Vec::new();
    let mut seen = HashSet::new();
    for (key, time) in field.value().into_iter().flat_map(Named::given) {
        for range in statuses(key, scope) {
            if !seen.insert(range.clone()) {
                let message = format!("`{}` is given twice", key.value);
                scope.report.error(key.at, message, "keep one of them");
            }
            if range.start() == range.end() && NEVER.contains(range.start()) {
                let why = "responses with this status are never stored";
                scope.without_effect(&key.value, Some(key.at), why);
            }
            all.push((range, time.value.0));
        }
    }
    all.sort_by_key(|(range, _)| range.end() - range.start());
    all
}

/// `404`, `5xx`, `500-599`, `404,410`.
fn statuses(key: &At<String>, scope: &mut Scope<'_>) -> Vec<RangeInclusive<u16>> {
    let text = key.value.as_str();
    let class = text
        .strip_suffix("xx")
        .and_then(|it| it.parse::<u16>().ok());
    let read = match class {
        Some(class @ 2..=5) => Ok(vec![class * 100..=class * 100 + 99]),
        Some(_) => Err(()),
        None => value::statuses(text).map_err(|_| ()),
    };
    read.unwrap_or_else(|()| {
        let message = cannot_be("status_lifetime", text);
        let help = "its keys are status codes: \"404\", \"5xx\", \"500-504\" or \"404,410\"";
        scope.report.error(key.at, message, help);
        Vec::new()
    })
}
