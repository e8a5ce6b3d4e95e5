//! The three decisions: what to do with a request, with a response, and with a failure.

use super::ask::{Ask, Part, Request};
use super::control::ResponseControl;
use super::date::Millis;
use super::fields::Fields;
use super::freshness::{Basis, Exchange, Subject};
use super::policy::Policy;
use super::status::Forward;
use super::store::{self, Kept, Refusal, Response};
use super::stored::{Flags, Span, Stored};
use super::validate;
use super::vary::Vary;

/// What to do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Serve what is stored, with this `Age`. It may be stale, if the client takes that.
    Fresh { age: u32 },
    /// Serve what is stored, with this `Age`, and validate it meanwhile.
    StaleWhileRevalidate { age: u32 },
    /// Ask the server about what is stored (or for it, if it has no validator), and then serve.
    Revalidate(Forward),
    /// Ask the server, and store what it answers if that is admitted.
    Miss(Forward),
    /// Ask the server, and store nothing.
    Bypass(Forward),
    /// Answer 504: the client wants nothing else than what is stored (RFC 9111 section 5.2.1.7).
    OnlyIfCached,
}

/// Decides on a request; `stored` is what fits its key and its `Vary`. If there is nothing that fits but something with the same first
/// key, `Miss(Forward::UriMiss)` is to be told as `Forward::VaryMiss`.
pub(crate) fn lookup(stored: Option<&Stored>, ask: &Ask<'_>, now: Millis) -> Decision {
    let decision = match (ask.part, stored) {
        (Part::Method, _) => return Decision::Bypass(Forward::Method),
        (Part::Bypass, _) => Decision::Bypass(Forward::Bypass),
        (Part::Answers, None) => Decision::Miss(Forward::UriMiss),
        (Part::Answers, Some(stored)) => reuse(stored, ask, now),
    };
    match decision {
        Decision::Revalidate(_) | Decision::Miss(_) | Decision::Bypass(_)
            if ask.control.only_if_cached =>
        {
            Decision::OnlyIfCached
        }
        decision => decision,
    }
}

/// RFC 9111 section 4, in its order.
fn reuse(stored: &Stored, ask: &Ask<'_>, now: Millis) -> Decision {
    let control = &ask.control;
    if stored.flags.has(Flags::NO_CACHE) {
        return Decision::Revalidate(Forward::Stale);
    }
    let age = stored.age(now);
    let is_too_old = control.max_age.is_some_and(|most| age > most || most == 0);
    let is_too_late = control
        .min_fresh
        .is_some_and(|least| stored.ttl(now) < i64::from(least));
    if control.no_cache || is_too_old {
        return Decision::Revalidate(Forward::Request);
    }
    if stored.is_fresh(now) {
        return match is_too_late {
            true => Decision::Revalidate(Forward::Request),
            false => Decision::Fresh { age },
        };
    }
    let takes_stale = control
        .max_stale
        .is_some_and(|most| stored.is_stale_within(most, now));
    if takes_stale && !stored.flags.has(Flags::NO_STALE) {
        return Decision::Fresh { age };
    }
    // A client that names a limit wants better than this.
    let is_demanding = control.min_fresh.is_some() || control.max_age.is_some();
    if !is_demanding && stored.is_stale_within(stored.stale_while_revalidate, now) {
        return Decision::StaleWhileRevalidate { age };
    }
    Decision::Revalidate(Forward::Stale)
}

/// If the server cannot be reached, or answers 500, 502, 503 or 504 (RFC 5861 section 4): the `Age` with which what is stored is served
/// nevertheless, or `None` if the failure is what the client gets.
pub(crate) fn on_error(stored: &Stored, ask: &Ask<'_>, now: Millis) -> Option<u32> {
    let takes_no_part = ask.part != Part::Answers || stored.flags.has(Flags::NO_CACHE);
    let allows_stale = !stored.flags.has(Flags::NO_STALE);
    // It was fresh, and the client wanted better; then what it wanted cannot be had.
    let wanted_better = ask.control.no_cache || ask.control.max_age.is_some();
    if takes_no_part || wanted_better {
        return None;
    }
    let by_request = ask.control.stale_if_error.filter(|_| allows_stale);
    let seconds = stored.stale_if_error.max(by_request.unwrap_or(0));
    stored
        .is_stale_within(seconds, now)
        .then(|| stored.age(now))
}

/// True for a status that counts as the server's failure in [`on_error`].
pub(crate) fn is_error(status: u16) -> bool {
    matches!(status, 500 | 502 | 503 | 504)
}

/// What to do with a response.
#[derive(Debug)]
pub(crate) enum Admission<'a> {
    Store(Admitted<'a>),
    Refuse(Refusal),
}

/// What is stored of a response, besides its body.
#[derive(Debug)]
pub(crate) struct Admitted<'a> {
    /// Complete but for `etag`: see [`Admitted::write`].
    pub(crate) stored: Stored,
    /// [`Vary::Nothing`] or names.
    pub(crate) vary: Vary,
    kept: Kept<'a>,
    received: Millis,
}

impl Admitted<'_> {
    /// Appends the fields that are stored, and completes what was computed of them.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, fields: &(impl Fields + ?Sized)) {
        let start = out.len();
        let mut etag = store::write(out, fields, &self.kept, self.received);
        // Relative to what was appended.
        etag.start = etag
            .start
            .saturating_sub(u32::try_from(start).unwrap_or(u32::MAX));
        self.stored.etag = etag;
    }
}

/// Decides on a response to a request that went to the server. `random` is a fresh random number, for the jitter.
pub(crate) fn admit<'a>(
    request: &Request<'_, impl Fields + ?Sized>,
    ask: &Ask<'_>,
    response: &Response<'a, impl Fields + ?Sized>,
    exchange: Exchange,
    policy: &Policy,
    random: u32,
) -> Admission<'a> {
    let control = ResponseControl::of(response.fields);
    if let Some(refusal) = store::refusal(request, ask, response, &control, policy) {
        return Admission::Refuse(refusal);
    }
    let subject = Subject {
        status: response.status,
        fields: response.fields,
        control: &control,
        exchange,
        has_cookie: ask.has_cookie,
    };
    let freshness = subject.freshness(policy, random);
    let received = exchange.received;
    let (modified, mut flags) = validate::dates(response.fields, received);
    flags.set(Flags::NO_CACHE, control.no_cache);
    flags.set(
        Flags::NO_STALE,
        control.forbids_stale() || control.s_maxage.is_some(),
    );
    flags.set(Flags::HEURISTIC, freshness.basis == Basis::Heuristic);
    let stored = Stored {
        born: freshness.born,
        fresh_until: freshness.fresh_until,
        modified,
        stale_while_revalidate: freshness.stale_while_revalidate,
        stale_if_error: freshness.stale_if_error,
        etag: Span::default(),
        status: response.status,
        flags,
    };
    let has_tag = response
        .fields
        .first("etag")
        .is_some_and(validate::is_usable);
    let can_be_validated = has_tag || flags.has(Flags::LAST_MODIFIED);
    // Nobody spoke of caching: that a response could be validated is no reason to keep it.
    let is_spoken_of = freshness.basis != Basis::None || control.no_cache;
    let can_be_served =
        !control.no_cache && stored.useful_until().is_none_or(|until| received < until);
    if !is_spoken_of || !(can_be_validated || can_be_served) {
        return Admission::Refuse(Refusal::NoLifetime);
    }
    Admission::Store(Admitted {
        stored,
        vary: Vary::of(response.fields),
        kept: Kept::of(response.fields, &control, policy),
        received,
    })
}
