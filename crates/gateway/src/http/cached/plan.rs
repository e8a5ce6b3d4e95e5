//! What the cache knows when a request has found its route, and what follows.

use std::sync::Arc;

use tenfold_cache::{Entry, Found, Key};
use tenfold_http1::RequestHead;

use super::facts::Passed;
use crate::cache::object::{Kept, Object};
use crate::cache::{FOUND, MISSING, Store};
use crate::http::cache::ask::{Ask, Part};
use crate::http::cache::fields::Fields;
use crate::http::cache::status::Forward;
use crate::http::cache::vary::Names;
use crate::http::cache::{self, Decision, key};

/// A request's business with the cache.
pub(in crate::http) struct Plan {
    pub(super) store: Arc<Store>,
    /// What the rules made as the key, without what `Vary` adds.
    pub(super) rules_key: Vec<u8>,
    /// Path and query as the route saw them, if that is not how the client wrote them.
    edited: Option<Box<[u8]>>,
    /// What the client says about its own client is believed.
    is_trusted: bool,
    pub(in crate::http) verdict: Verdict,
}

/// What follows.
pub(in crate::http) enum Verdict {
    /// This is served.
    Serve(Good),
    /// This is served, and brought up to date meanwhile.
    ServeAndRefresh(Good),
    /// The server is asked, unless a lower level has it.
    Fetch {
        /// Where it will be stored, as far as is known now.
        place: Place,
        /// What there is, to be asked about or to fall back to.
        stale: Option<Arc<Object>>,
        why: Forward,
    },
    /// The server is asked, and nothing is stored.
    Pass(Forward),
    /// 504: the client wants nothing but what is stored.
    OnlyIfCached,
    /// The client wants this purged.
    Purge,
}

/// A stored response that may be served.
pub(in crate::http) struct Good {
    pub(super) object: Arc<Object>,
    /// In seconds.
    pub(super) age: u32,
    pub(super) is_stale: bool,
    /// Where it lies.
    pub(super) place: Place,
}

/// Where a response lies.
#[derive(Clone, Debug)]
pub(in crate::http) struct Place {
    /// The key of the address.
    pub(super) first: Key,
    /// What it varies by, if that is known, and the key of this variant.
    pub(super) variant: Option<Variant>,
    /// The entry that says so was purged softly: with it all variants were.
    pub(super) is_outdated: bool,
}

#[derive(Clone, Debug)]
pub(in crate::http) struct Variant {
    pub(super) names: Names,
    pub(super) key: Key,
}

impl Place {
    pub(super) fn key(&self) -> &Key {
        self.variant
            .as_ref()
            .map_or(&self.first, |variant| &variant.key)
    }
}

impl Plan {
    /// Path and query of a request with this head, as the route saw them.
    pub(super) fn target<'a>(&'a self, head: &'a RequestHead) -> &'a [u8] {
        self.edited.as_deref().unwrap_or_else(|| head.target())
    }

    /// What the server gets of a request's fields.
    pub(super) fn passed<'a>(&self, head: &'a RequestHead) -> Passed<'a> {
        Passed::new(head, self.is_trusted)
    }

    /// True if no server is needed for an answer.
    pub(in crate::http) fn is_at_hand(&self) -> bool {
        matches!(
            self.verdict,
            Verdict::Serve(_) | Verdict::OnlyIfCached | Verdict::Purge
        )
    }

    /// True if a stored response can be served as it is.
    pub(in crate::http) fn is_hit(&self) -> bool {
        matches!(self.verdict, Verdict::Serve(_))
    }
}

/// Looks into memory. `None`: the request has no business with the cache.
pub(in crate::http) fn plan(
    worker: usize,
    store: &Arc<Store>,
    route: &str,
    head: &RequestHead,
    is_trusted: bool,
    target: &[u8],
    now: i64,
) -> Option<Plan> {
    let mut scratch = Vec::with_capacity(target.len() + 64);
    let passed = Passed::new(head, is_trusted);
    let request = passed.request(target);
    let policy = &store.config.policy;
    let make = |rules_key, verdict| Plan {
        store: Arc::clone(store),
        rules_key,
        edited: (target != head.target()).then(|| target.into()),
        is_trusted,
        verdict,
    };
    if head.method_bytes() == b"PURGE" {
        return Some(make(Vec::new(), Verdict::Purge));
    }
    let ask = Ask::of(&request, policy);
    let key = match ask.part {
        Part::Answers => key::write(&mut scratch, &request, &policy.key)
            .and_then(|()| store.key(route, &scratch)),
        Part::Method | Part::Bypass => None,
    };
    let Some(first) = key else {
        return Some(make(
            Vec::new(),
            match cache::lookup(None, &ask, now) {
                Decision::OnlyIfCached => Verdict::OnlyIfCached,
                Decision::Bypass(why) => Verdict::Pass(why),
                _ => Verdict::Pass(Forward::Bypass),
            },
        ));
    };
    let looked = look(store, first, &passed, &mut scratch);
    // Once for each request, however often it looks.
    let looked_up = if looked.object.is_some() {
        FOUND
    } else {
        MISSING
    };
    store.looks.increment(worker, looked_up);
    let verdict = decide(looked, &ask, now);
    Some(make(scratch, verdict))
}

/// What memory has.
struct Looked {
    place: Place,
    object: Option<Arc<Object>>,
    /// It was purged softly, or its time in the engine is over.
    is_expired: bool,
    /// There is something for the address, but not for this request.
    is_other: bool,
    /// The last one was for one client only.
    is_personal: bool,
}

fn look(store: &Store, first: Key, fields: &impl Fields, rules_key: &mut Vec<u8>) -> Looked {
    let mut looked = Looked {
        place: Place {
            first,
            variant: None,
            is_outdated: false,
        },
        object: None,
        is_expired: false,
        is_other: false,
        is_personal: false,
    };
    let (entry, is_expired) = found(store, &looked.place.first);
    looked.is_expired = is_expired;
    let Some(entry) = entry else { return looked };
    match entry.value() {
        Some(Kept::Response(object)) => looked.object = Some(Arc::clone(object)),
        Some(Kept::Varies(varies)) => {
            let (names, generation) = (&varies.names, varies.generation);
            let key = variant_key(&looked.place.first, names, generation, fields, rules_key);
            let Some(key) = key else { return looked };
            looked.place.is_outdated = is_expired;
            let (entry, is_expired) = found(store, &key);
            looked.is_expired |= is_expired;
            looked.place.variant = Some(Variant {
                names: names.clone(),
                key,
            });
            match entry.as_deref().and_then(Entry::value) {
                Some(Kept::Response(object)) => looked.object = Some(Arc::clone(object)),
                Some(Kept::Personal) => looked.is_personal = true,
                Some(Kept::Varies(_)) | None => looked.is_other = true,
            }
        }
        Some(Kept::Personal) => looked.is_personal = !is_expired,
        None => {}
    }
    looked
}

/// What memory has for a key, and whether its time is over.
pub(super) fn found(store: &Store, key: &Key) -> (Option<Arc<Entry<Kept>>>, bool) {
    match store.engine.look(key.as_str()) {
        Found::Fresh(entry) | Found::Due(entry) => (Some(entry), false),
        Found::Stale(entry) => (Some(entry), true),
        Found::Missing => (None, false),
    }
}

/// The key of the variant that a request selects. `scratch` is used and left as it was.
pub(super) fn variant_key(
    first: &Key,
    names: &Names,
    generation: u64,
    fields: &impl Fields,
    scratch: &mut Vec<u8>,
) -> Option<Key> {
    let start = scratch.len();
    scratch.extend_from_slice(first.as_str().as_bytes());
    scratch.extend_from_slice(format!("{generation:016x}\n").as_bytes());
    let written = names.write(scratch, fields);
    let key = written.and_then(|()| {
        let text = std::str::from_utf8(&scratch[start..]).ok()?;
        Key::new(text).ok()
    });
    scratch.truncate(start);
    key
}

fn decide(looked: Looked, ask: &Ask<'_>, now: i64) -> Verdict {
    let Looked {
        place,
        object,
        is_expired,
        is_other,
        is_personal,
    } = looked;
    let rules = object.as_ref().map(|object| {
        let mut rules = object.rules;
        if is_expired {
            rules.expire(now);
        }
        rules
    });
    let decision = cache::lookup(rules.as_ref(), ask, now);
    let good = |object: Option<Arc<Object>>, age, place| Good {
        object: object.expect("what is served is there"),
        age,
        is_stale: rules.is_some_and(|rules| !rules.is_fresh(now)),
        place,
    };
    match decision {
        Decision::Fresh { age } => Verdict::Serve(good(object, age, place)),
        Decision::StaleWhileRevalidate { age } => {
            Verdict::ServeAndRefresh(good(object, age, place))
        }
        Decision::OnlyIfCached => Verdict::OnlyIfCached,
        Decision::Bypass(why) => Verdict::Pass(why),
        // HEAD gets an answer from what GET stored, but none is stored for it.
        Decision::Revalidate(why) | Decision::Miss(why) if is_personal || !ask.is_get => {
            Verdict::Pass(why)
        }
        Decision::Revalidate(why) => Verdict::Fetch {
            place,
            stale: object,
            why,
        },
        Decision::Miss(_) if is_other => Verdict::Fetch {
            place,
            stale: object,
            why: Forward::VaryMiss,
        },
        Decision::Miss(why) => Verdict::Fetch {
            place,
            stale: object,
            why,
        },
    }
}

/// What is stored for a request, of whatever age, and where.
pub(super) fn stored(plan: &Plan, route: &str, head: &RequestHead) -> Option<(Arc<Object>, Place)> {
    let mut scratch = plan.rules_key.clone();
    let first = plan.store.key(route, &scratch)?;
    let looked = look(&plan.store, first, &plan.passed(head), &mut scratch);
    Some((looked.object?, looked.place))
}

/// What is stored by now, after waiting for somebody else or asking the lower levels: the same decision once more.
pub(super) fn again(plan: &Plan, route: &str, head: &RequestHead, now: i64) -> Option<Verdict> {
    let mut scratch = plan.rules_key.clone();
    let first = plan.store.key(route, &scratch)?;
    let passed = plan.passed(head);
    let looked = look(&plan.store, first, &passed, &mut scratch);
    let request = passed.request(plan.target(head));
    let ask = Ask::of(&request, &plan.store.config.policy);
    Some(decide(looked, &ask, now))
}
