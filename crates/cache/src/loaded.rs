//! What a loader is given, and what it gives back.

use std::sync::Arc;

use crate::entry::{Entry, Tag};
use crate::key::Key;
use crate::options::Options;

/// The longest tag or validator in bytes.
pub const MAX_LABEL: usize = 1024;
/// The most tags of one value. Each is looked up by the first read after an invalidation.
pub const MAX_LABELS: usize = 256;

/// What a loader knows.
#[derive(Debug, Clone)]
pub struct Context<V> {
    /// What is to be loaded.
    pub key: Key,
    /// What the cache has and may no longer use. With its validator the source can be asked whether it still
    /// holds; if so, answer [`Loaded::not_modified`].
    pub previous: Option<Arc<Entry<V>>>,
}

/// What a loader found.
#[derive(Debug, Clone)]
pub struct Loaded<V> {
    pub(crate) content: Content<V>,
    pub(crate) options: Option<Options>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) validator: Option<Box<str>>,
    pub(crate) unlabelled: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Content<V> {
    Value(V),
    Absent,
    NotModified,
}

impl<V> Loaded<V> {
    fn new(content: Content<V>) -> Self {
        Self {
            content,
            options: None,
            tags: Vec::new(),
            validator: None,
            unlabelled: false,
        }
    }

    /// A value.
    #[must_use]
    pub fn value(value: V) -> Self {
        Self::new(Content::Value(value))
    }

    /// There is no value, and that is remembered for [`Options::negative_lifetime`].
    #[must_use]
    pub fn absent() -> Self {
        Self::new(Content::Absent)
    }

    /// What the cache has still holds: [`Context::previous`] lives another lifetime, with its tags and its validator.
    /// Without a previous value this is a loader's mistake, and an error.
    #[must_use]
    pub fn not_modified() -> Self {
        Self::new(Content::NotModified)
    }

    /// Adaptive options: what the caller asked for, changed in view of the value.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = Some(options);
        self
    }

    /// Tags under which it can be invalidated: at most [`MAX_LABELS`] of at most [`MAX_LABEL`] bytes. A value with more
    /// is returned and not stored, since it could not be invalidated by all of them.
    #[must_use]
    pub fn tags<T: AsRef<str>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        for tag in tags {
            let tag = tag.as_ref();
            if tag.len() > MAX_LABEL || self.tags.len() == MAX_LABELS {
                self.unlabelled = true;
                break;
            }
            self.tags.push(tag.into());
        }
        self
    }

    /// What the source can be asked with whether the value still holds: an ETag, a version. One longer than
    /// [`MAX_LABEL`] bytes is not kept.
    #[must_use]
    pub fn validator(mut self, validator: &str) -> Self {
        self.validator = (validator.len() <= MAX_LABEL).then(|| validator.into());
        self
    }
}

impl<V> From<V> for Loaded<V> {
    fn from(value: V) -> Self {
        Self::value(value)
    }
}

impl<V> From<Option<V>> for Loaded<V> {
    fn from(value: Option<V>) -> Self {
        value.map_or_else(Self::absent, Self::value)
    }
}
