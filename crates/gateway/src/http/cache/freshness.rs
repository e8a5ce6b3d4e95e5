//! How old a response is and for how long it is fresh (RFC 9111 section 4.2, RFC 5861).

use super::control::{MOST_SECONDS, ResponseControl, Source, seconds};
use super::date::{self, Millis};
use super::fields::{Fields, members};
use super::policy::Policy;

/// A guessed lifetime is this part of the time since the last change (RFC 9111 section 4.2.2 names 10 %)...
const HEURISTIC_PART: i64 = 10;
/// ...and at most this, in seconds: a page from last year has not thereby become one that may be wrong for a month.
const MOST_HEURISTIC: i64 = 86_400;

/// When a response was asked for, and when its head was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exchange {
    pub(crate) requested: Millis,
    pub(crate) received: Millis,
}

/// What a response and the operator say about its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Freshness {
    pub(crate) born: Millis,
    pub(crate) fresh_until: Millis,
    pub(crate) stale_while_revalidate: u32,
    pub(crate) stale_if_error: u32,
    pub(crate) basis: Basis,
}

/// Where a lifetime comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Basis {
    /// The server says it.
    Explicit,
    /// The operator says it for this status, or for lack of anything else.
    Policy,
    /// Guessed from `Last-Modified`.
    Heuristic,
    /// Nobody says anything.
    None,
}

/// A response, as far as time is concerned.
pub(crate) struct Subject<'a, F: ?Sized> {
    pub(crate) status: u16,
    pub(crate) fields: &'a F,
    pub(crate) control: &'a ResponseControl,
    pub(crate) exchange: Exchange,
    /// The request had a cookie: such a response may be made for one client, and then nothing is guessed.
    pub(crate) has_cookie: bool,
}

impl<F: Fields + ?Sized> Subject<'_, F> {
    /// Computes it all. `random` is a fresh random number, for the jitter.
    pub(crate) fn freshness(&self, policy: &Policy, random: u32) -> Freshness {
        let Exchange { received, .. } = self.exchange;
        let age = initial_age(self.fields, self.exchange);
        let (lifetime, basis) = self.lifetime(policy);
        let remaining = self.adjusted(i64::from(lifetime) * 1000 - age, policy);
        let remaining = shortened(remaining, policy.jitter_percent, random);
        let (stale_while_revalidate, stale_if_error) = stale_windows(self.control, policy);
        Freshness {
            born: received - age,
            fresh_until: received + remaining,
            stale_while_revalidate,
            stale_if_error,
            basis,
        }
    }

    /// In seconds, by what comes first: a directive, `Expires`, the operator for this status, a guess, the operator.
    fn lifetime(&self, policy: &Policy) -> (u32, Basis) {
        let is_general = self.control.source != Source::Targeted;
        if let Some(seconds) = self.control.lifetime() {
            return (seconds, Basis::Explicit);
        }
        if is_general && let Some(seconds) = expires(self.fields, self.exchange.received) {
            return (seconds, Basis::Explicit);
        }
        let mut listed = policy.negative.iter();
        if !self.may_be_personal()
            && let Some((_, seconds)) = listed.find(|(statuses, _)| statuses.contains(&self.status))
        {
            return (*seconds, Basis::Policy);
        }
        if !self.may_guess() {
            return (0, Basis::None);
        }
        if let Some(seconds) = heuristic(self.fields, self.exchange.received) {
            return (seconds, Basis::Heuristic);
        }
        match policy.default_lifetime {
            0 => (0, Basis::None),
            seconds => (seconds, Basis::Policy),
        }
    }

    /// True for what a server makes of who somebody is, if the request had a cookie that may have said it: pages, where somebody is
    /// sent, and what is forbidden. That something is not there, or that the server has failed, is the same for all.
    fn may_be_personal(&self) -> bool {
        let is_about_who = self.status < 400 || self.status == 403;
        is_about_who && self.has_cookie && !self.control.public
    }

    fn may_guess(&self) -> bool {
        // Without `Cache-Control`, `Pragma` is the only thing that an old server can have said.
        let is_forbidden = self.control.source == Source::None
            && self
                .fields
                .values("pragma")
                .any(super::control::is_pragma_no_cache);
        let is_public = self.control.public;
        (is_heuristic(self.status) || is_public) && !is_forbidden && (!self.has_cookie || is_public)
    }

    /// What the operator makes of the milliseconds that are left.
    fn adjusted(&self, remaining: i64, policy: &Policy) -> i64 {
        let millis = |seconds: u32| i64::from(seconds) * 1000;
        let mut remaining = remaining;
        if self.status < 400 && !self.control.no_cache {
            remaining = policy.lifetime.map_or(remaining, millis);
            // Not `max(0)`: a stale response stays as stale as it is, unless there is a minimum.
            if policy.min_lifetime > 0 {
                remaining = remaining.max(millis(policy.min_lifetime));
            }
        }
        remaining.min(millis(policy.max_lifetime))
    }
}

/// Statuses for which a lifetime may be guessed (RFC 9110 section 15.1), without 206, which is not stored.
pub(crate) fn is_heuristic(status: u16) -> bool {
    matches!(
        status,
        200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501
    )
}

/// For how many seconds a stale response may be served: while it is validated, and if that fails.
///
/// `s-maxage` forbids stale responses as `proxy-revalidate` does (RFC 9111 section 5.2.2.10), but who writes `s-maxage=60,
/// stale-while-revalidate=30` means both, and a window that the server itself opens is what section 4.2.4 asks for. So `s-maxage`
/// turns off the operator's windows only, and the explicit prohibitions turn off all.
fn stale_windows(control: &ResponseControl, policy: &Policy) -> (u32, u32) {
    if control.forbids_stale() {
        return (0, 0);
    }
    let default = |seconds: u32| {
        if control.s_maxage.is_some() {
            0
        } else {
            seconds
        }
    };
    let while_revalidate = control.stale_while_revalidate;
    let if_error = control.stale_if_error;
    (
        while_revalidate.unwrap_or(default(policy.stale_while_revalidate)),
        if_error.unwrap_or(default(policy.stale_if_error)),
    )
}

/// The age on arrival in milliseconds (RFC 9111 section 4.2.3).
pub(crate) fn initial_age(fields: &(impl Fields + ?Sized), exchange: Exchange) -> Millis {
    let Exchange {
        requested,
        received,
    } = exchange;
    let delay = received.saturating_sub(requested).max(0);
    let corrected = i64::from(age(fields)) * 1000 + delay;
    // Dates are in whole seconds, so that is what they are compared in.
    let apparent = date(fields, received).map_or(0, |date| received.div_euclid(1000) - date);
    corrected
        .max(apparent.saturating_mul(1000))
        .min(i64::from(MOST_SECONDS) * 1000)
}

/// `Age` in seconds: the first member counts, and if it is no number the field does not (RFC 9111 section 5.1).
fn age(fields: &(impl Fields + ?Sized)) -> u32 {
    let mut values = fields.values("age").flat_map(members);
    values.next().and_then(seconds).unwrap_or(0)
}

/// `Date` in seconds since 1970, if it is one. Who has none is taken to have sent the response when it came (RFC 9110 section 6.6.1).
pub(super) fn date(fields: &(impl Fields + ?Sized), now: Millis) -> Option<i64> {
    date::parse(fields.first("date")?, now)
}

/// From `Expires` and `Date`; invalid dates have passed, and of several dates the first to come counts (RFC 9111 sections 5.3 and
/// 4.2.1).
fn expires(fields: &(impl Fields + ?Sized), received: Millis) -> Option<u32> {
    let since = date(fields, received).unwrap_or(received.div_euclid(1000));
    let lifetimes = fields
        .values("expires")
        .map(|value| date::parse(value, received).map_or(0, |expires| expires - since));
    lifetimes.min().map(clamped)
}

fn heuristic(fields: &(impl Fields + ?Sized), received: Millis) -> Option<u32> {
    let since = date(fields, received).unwrap_or(received.div_euclid(1000));
    let modified = date::parse(fields.first("last-modified")?, received)?;
    let lifetime = (since - modified) / HEURISTIC_PART;
    Some(clamped(lifetime.min(MOST_HEURISTIC)))
}

fn clamped(seconds: i64) -> u32 {
    let seconds = seconds.clamp(0, i64::from(MOST_SECONDS));
    u32::try_from(seconds).unwrap_or(MOST_SECONDS)
}

/// Takes away up to `percent` of what is left.
fn shortened(remaining: i64, percent: u8, random: u32) -> i64 {
    if remaining <= 0 {
        return remaining;
    }
    let most = remaining / 100 * i64::from(percent.min(100));
    let part = i128::from(most) * i128::from(random) / (i128::from(u32::MAX) + 1);
    remaining - i64::try_from(part).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21 00:00:00.
    const NOW: Millis = 1_795_219_200_000;

    fn at(offset: i64) -> String {
        let seconds = u64::try_from(NOW / 1000 + offset).unwrap();
        let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        httpdate::fmt_http_date(time)
    }

    /// Of a response that came a moment ago; `@60` in a value stands for the date in 60 seconds.
    fn freshness(status: u16, fields: &[(&str, &str)], policy: &Policy) -> Freshness {
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| {
                let offset = value
                    .strip_prefix('@')
                    .and_then(|offset| offset.parse().ok());
                (*name, offset.map_or((*value).to_owned(), at))
            })
            .collect();
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let control = ResponseControl::of(&fields[..]);
        let subject = Subject {
            status,
            fields: &fields[..],
            control: &control,
            exchange: Exchange {
                requested: NOW,
                received: NOW,
            },
            has_cookie: false,
        };
        subject.freshness(policy, 0)
    }

    /// Seconds from now until it is stale; negative ones are as good as none.
    fn remaining(status: u16, fields: &[(&str, &str)]) -> i64 {
        let freshness = freshness(status, fields, &Policy::default());
        ((freshness.fresh_until - NOW) / 1000).max(0)
    }

    #[test]
    fn lifetimes() {
        const MOST: i64 = 1 << 31;
        let date = ("Date", "@0");
        let hour = ("Cache-Control", "max-age=3600");
        let cases: &[(&[(&str, &str)], i64)] = &[
            (&[], 0),
            (&[hour], 3600),
            (&[date, hour, ("Age", "7200")], 0),
            (&[date, hour, ("Age", "600")], 3000),
            (&[("Date", "@-7200"), hour], 0),
            (&[("Date", "@7200"), hour], 3600),
            (&[("Cache-Control", "max-age=99999999999")], MOST),
            (&[hour, ("Expires", "@-7200"), date], 3600),
            (&[hour, ("Expires", "0"), date], 3600),
            (
                &[("Expires", "@3600"), ("Cache-Control", "max-age=0"), date],
                0,
            ),
            (
                &[
                    ("Expires", "@-10"),
                    ("Cache-Control", "max-age=0, s-maxage=3600"),
                ],
                3600,
            ),
            // Ages that are none do not count; of several the first does.
            (&[date, hour, ("Age", "abc")], 3600),
            (&[date, hour, ("Age", "-7200")], 3600),
            (&[date, hour, ("Age", "7200.0")], 3600),
            (&[date, hour, ("Age", "7200;foo=bar")], 3600),
            (&[date, hour, ("Age", "2147483647")], 0),
            (&[date, hour, ("Age", "2147483649")], 0),
            (&[date, hour, ("Age", "99999999999999999999")], 0),
            (&[date, hour, ("Age", "7200, 0")], 0),
            (&[date, hour, ("Age", "0, 7200")], 3600),
            (&[date, hour, ("Age", "7200"), ("Age", "0")], 0),
            (&[date, hour, ("Age", "0"), ("Age", "7200")], 3600),
            (
                &[
                    date,
                    ("Cache-Control", "max-age=10000"),
                    ("Age", "3600"),
                    ("Age", "3600"),
                ],
                6400,
            ),
            // Expires.
            (&[("Expires", "@2592000"), date], 2_592_000),
            (&[("Expires", "@-2592000"), date], 0),
            (&[("Expires", "@0"), date], 0),
            (&[("Expires", "@300"), ("Date", "@400")], 0),
            (&[("Expires", "0"), date], 0),
            (&[("Date", "foo"), ("Expires", "@10")], 10),
            (&[("Expires", "@10")], 10),
            (&[("Date", "@-10"), ("Expires", "@10"), ("Age", "25")], 0),
            (&[("Date", "@10"), ("Expires", "@20"), ("Age", "15")], 0),
            (&[("Expires", "@20"), ("Expires", "@10"), date], 10),
            (&[("Expires", "@20"), ("Expires", "soon"), date], 0),
            (
                &[("Expires", "Thursday, 18-Aug-50 02:01:18 GMT"), date],
                749_181_678,
            ),
            (&[("Expires", "Fri, 31 Dec 9999 23:59:59 GMT"), date], MOST),
            // For us.
            (
                &[
                    ("CDN-Cache-Control", "max-age=3600"),
                    ("Expires", "@-10000"),
                    date,
                ],
                3600,
            ),
            (
                &[
                    ("CDN-Cache-Control", "max-age=0"),
                    ("Expires", "@10000"),
                    date,
                ],
                0,
            ),
            (
                &[("CDN-Cache-Control", "foo"), ("Expires", "@10000"), date],
                0,
            ),
            (&[("CDN-Cache-Control", "max-age=1"), hour], 1),
            (
                &[("CDN-Cache-Control", "max-age=3600"), date, ("Age", "7200")],
                0,
            ),
            // Guessed.
            (&[("Last-Modified", "@-86400"), date], 8640),
            (&[("Last-Modified", "@-100"), date], 10),
            (&[("Last-Modified", "@-99999999"), date], 86_400),
            (&[("Last-Modified", "@100"), date], 0),
            (&[("Last-Modified", "yesterday"), date], 0),
            (&[("Last-Modified", "@-86400"), ("Pragma", "no-cache")], 0),
            (&[("Last-Modified", "@-86400"), ("Pragma", "other")], 8640),
        ];
        for (fields, expected) in cases {
            assert_eq!(remaining(200, fields), *expected, "{fields:?}");
        }
    }

    #[test]
    fn only_some_statuses_are_guessed_for() {
        let fields = [("Last-Modified", "@-86400"), ("Date", "@0")];
        for status in [200, 203, 204, 404, 405, 410, 414, 501] {
            assert_eq!(remaining(status, &fields), 8640, "{status}");
        }
        for status in [201, 202, 302, 403, 502, 503, 504, 599] {
            assert_eq!(remaining(status, &fields), 0, "{status}");
        }
        let public = [fields[0], fields[1], ("Cache-Control", "public")];
        assert_eq!(remaining(599, &public), 8640);
    }

    #[test]
    fn the_way_counts_as_age() {
        let fields = [("Age", "10")];
        let age = |requested, received| {
            initial_age(
                &fields[..],
                Exchange {
                    requested,
                    received,
                },
            )
        };
        assert_eq!(age(NOW - 2500, NOW), 12_500);
        assert_eq!(age(NOW + 2500, NOW), 10_000, "a clock that was put back");
        let old = [("Date", "Mon, 01 Jan 0001 00:00:00 GMT")];
        let exchange = Exchange {
            requested: NOW,
            received: NOW,
        };
        assert_eq!(
            initial_age(&old[..], exchange),
            i64::from(MOST_SECONDS) * 1000
        );
    }

    #[test]
    fn stale_is_served_only_where_that_is_allowed() {
        let generous = Policy {
            stale_while_revalidate: 7,
            stale_if_error: 8,
            ..Policy::default()
        };
        for (value, expected) in [
            ("max-age=1", (7, 8)),
            (
                "max-age=1, stale-while-revalidate=3, stale-if-error=4",
                (3, 4),
            ),
            ("max-age=1, stale-while-revalidate=x", (0, 8)),
            ("s-maxage=1", (0, 0)),
            ("s-maxage=1, stale-while-revalidate=3", (3, 0)),
            (
                "max-age=1, must-revalidate, stale-while-revalidate=3",
                (0, 0),
            ),
            ("max-age=1, proxy-revalidate, stale-if-error=3", (0, 0)),
            ("max-age=1, no-cache, stale-if-error=3", (0, 0)),
        ] {
            let it = freshness(200, &[("Cache-Control", value)], &generous);
            assert_eq!(
                (it.stale_while_revalidate, it.stale_if_error),
                expected,
                "{value}"
            );
        }
    }

    #[test]
    fn the_operator_decides() {
        let with = |policy: &Policy, status, fields: &[(&str, &str)]| {
            (freshness(status, fields, policy).fresh_until - NOW) / 1000
        };
        let hour = [("Cache-Control", "max-age=3600"), ("Age", "600")];
        let default = Policy::default();
        let policy = Policy {
            lifetime: Some(60),
            ..default.clone()
        };
        assert_eq!(with(&policy, 200, &hour), 60);
        assert_eq!(with(&policy, 200, &[]), 60);
        assert_eq!(with(&policy, 500, &hour), 3000);
        assert_eq!(with(&policy, 200, &[("Cache-Control", "no-cache")]), 0);
        let policy = Policy {
            min_lifetime: 60,
            max_lifetime: 90,
            ..default.clone()
        };
        assert_eq!(with(&policy, 200, &[("Cache-Control", "max-age=1")]), 60);
        assert_eq!(with(&policy, 404, &[("Cache-Control", "max-age=1")]), 1);
        assert_eq!(with(&policy, 404, &hour), 90);
        let policy = Policy {
            negative: vec![(404..=404, 10), (500..=599, 2)],
            default_lifetime: 5,
            ..default
        };
        assert_eq!(with(&policy, 404, &[("Last-Modified", "@-86400")]), 10);
        assert_eq!(with(&policy, 503, &[]), 2);
        assert_eq!(with(&policy, 404, &hour), 3000);
        assert_eq!(with(&policy, 200, &[]), 5);
        assert_eq!(with(&policy, 403, &[]), 0);
    }

    #[test]
    fn jitter_only_shortens() {
        assert_eq!(shortened(100_000, 10, 0), 100_000);
        assert_eq!(shortened(100_000, 10, u32::MAX), 90_001);
        assert_eq!(shortened(100_000, 0, u32::MAX), 100_000);
        assert_eq!(shortened(-5, 10, u32::MAX), -5);
        assert!(shortened(i64::from(MOST_SECONDS) * 1000, 255, u32::MAX) > 0);
    }
}
