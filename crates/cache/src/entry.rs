//! What the memory level holds: a value, its two lives and what may end them early.
//!
//! The values of an entry never change; what does change is kept in a few atomics, so that a reader takes no lock
//! beyond the memory engine's own: when it stops being fresh (a soft invalidation ends that early, fail-safe puts it
//! off), and up to which invalidation it is known to be valid.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::clock::{Millis, NEVER};
use crate::invalidate::{Invalidations, Verdict};

/// A tag: a name that values share, to be invalidated together.
pub type Tag = Arc<str>;

/// A value in memory.
#[derive(Debug)]
pub struct Entry<V> {
    value: Option<V>,
    about: About,
    fresh_until: AtomicU64,
    checked: AtomicU64,
    /// In units of [`UNIT`] bytes, everything included.
    weight: u32,
    fallback: AtomicBool,
}

/// What a tag takes besides its text: the pointer in the entry, and the counts before the text.
const TAG: usize = size_of::<Tag>() + 2 * size_of::<usize>();
/// What an allocator rounds up to, mostly.
const UNIT: usize = 16;

/// What is known of a value besides itself.
#[derive(Debug, Default)]
pub(crate) struct About {
    /// The number of the last invalidation before its load began.
    pub(crate) stamp: u64,
    pub(crate) created: Millis,
    /// Stale, and of no use even as a fallback.
    pub(crate) keep_until: Millis,
    pub(crate) extras: Option<Box<Extras>>,
}

/// What most values do not have, so that an entry without is smaller.
#[derive(Debug)]
pub(crate) struct Extras {
    tags: Box<[Tag]>,
    validator: Option<Box<str>>,
    eager_at: AtomicU64,
}

impl Extras {
    /// `None` if there are none; `eager_at` is [`NEVER`] for a value that is not refreshed before its time.
    pub(crate) fn new(
        tags: Box<[Tag]>,
        validator: Option<Box<str>>,
        eager_at: Millis,
    ) -> Option<Box<Self>> {
        let is_empty = tags.is_empty() && validator.is_none() && eager_at == NEVER;
        (!is_empty).then(|| {
            Box::new(Self {
                tags,
                validator,
                eager_at: AtomicU64::new(eager_at),
            })
        })
    }
}

impl Extras {
    fn is_due(&self, now: Millis) -> bool {
        now >= self.eager_at.load(Ordering::Relaxed)
    }
}

impl About {
    pub(crate) fn tags(&self) -> &[Tag] {
        self.extras.as_ref().map_or(&[], |extras| &extras.tags)
    }

    pub(crate) fn validator(&self) -> Option<&str> {
        self.extras.as_ref()?.validator.as_deref()
    }

    /// Bytes on the heap.
    fn heap(&self) -> usize {
        let Some(extras) = &self.extras else { return 0 };
        let tags = extras.tags.iter().map(|tag| TAG + tag.len());
        let validator = extras.validator.as_deref().map_or(0, str::len);
        size_of::<Extras>() + tags.sum::<usize>() + validator
    }
}

/// How an entry stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Fresh,
    /// Fresh, and due to be refreshed in the background by whoever [takes the turn](Entry::takes_turn).
    Due,
    /// Of use as a fallback only.
    Stale,
    Gone,
}

impl<V> Entry<V> {
    /// `heap`: bytes that belong to it besides its own and what `about` has.
    pub(crate) fn new(value: Option<V>, about: About, fresh_until: Millis, heap: usize) -> Self {
        let weight = heap.saturating_add(size_of::<Self>() + about.heap());
        Self {
            value,
            checked: AtomicU64::new(about.stamp),
            about,
            fresh_until: AtomicU64::new(fresh_until),
            // Nothing of 64 GiB is kept in memory.
            weight: u32::try_from(weight.div_ceil(UNIT)).unwrap_or(u32::MAX),
            fallback: AtomicBool::new(false),
        }
    }

    /// The value; `None`: it is known that there is none.
    pub fn value(&self) -> Option<&V> {
        self.value.as_ref()
    }

    /// The tags under which it can be invalidated.
    pub fn tags(&self) -> &[Tag] {
        self.about.tags()
    }

    /// What the loader can ask the source with whether this value still holds: an ETag, a version.
    pub fn validator(&self) -> Option<&str> {
        self.about.validator()
    }

    /// In bytes, everything included.
    pub(crate) fn weight(&self) -> u64 {
        u64::from(self.weight) * UNIT as u64
    }

    pub(crate) fn about(&self) -> &About {
        &self.about
    }

    pub(crate) fn created(&self) -> Millis {
        self.about.created
    }

    pub(crate) fn fresh_until(&self) -> Millis {
        self.fresh_until.load(Ordering::Relaxed)
    }

    /// Whether it is served in place of a value that could not be loaded.
    pub(crate) fn is_fallback(&self) -> bool {
        self.fallback.load(Ordering::Relaxed)
    }

    /// Ends its freshness (a soft invalidation).
    pub(crate) fn expire(&self) {
        self.fresh_until.store(0, Ordering::Relaxed);
    }

    /// Serves it for some more time, because loading failed: the throttle of fail-safe.
    pub(crate) fn postpone(&self, until: Millis) {
        self.fallback.store(true, Ordering::Relaxed);
        self.fresh_until
            .store(until.min(self.about.keep_until), Ordering::Relaxed);
    }

    /// Makes the next refresh in the background due at `at`; one that failed is tried again.
    pub(crate) fn refresh_at(&self, at: Millis) {
        // Only what has been due is due again.
        if let Some(extras) = &self.about.extras {
            extras.eager_at.store(at, Ordering::Relaxed);
        }
    }

    /// How it stands at `now`.
    pub(crate) fn standing(
        &self,
        key: &str,
        now: Millis,
        invalidations: &Invalidations,
    ) -> Standing {
        let version = invalidations.version();
        let checked = self.checked.load(Ordering::Acquire);
        if checked < version {
            let verdict = invalidations.judge(key, self.about.tags(), checked);
            match verdict {
                Verdict::Valid => {}
                Verdict::Expired => self.expire(),
                Verdict::Gone => return Standing::Gone,
            }
            // After the expiry, so that another reader who sees the new number sees the expiry too. A smaller
            // number than another reader's does no harm: the same is looked up again.
            self.checked.store(version, Ordering::Release);
        }
        if now < self.fresh_until.load(Ordering::Relaxed) {
            if self.about.extras.as_ref().is_some_and(|it| it.is_due(now)) {
                Standing::Due
            } else {
                Standing::Fresh
            }
        } else if now < self.about.keep_until {
            Standing::Stale
        } else {
            Standing::Gone
        }
    }

    /// Whether it is this reader who refreshes what is due: one does.
    pub(crate) fn takes_turn(&self) -> bool {
        let extras = self.about.extras.as_ref();
        extras.is_some_and(|it| it.eager_at.swap(NEVER, Ordering::Relaxed) != NEVER)
    }
}
