//! A multi-level object cache. (The overview is being written.)

mod builder;
mod cache;
pub mod clock;
mod codec;
mod counters;
mod entry;
mod error;
pub mod flight;
pub mod invalidate;
pub mod key;
pub mod level;
mod loaded;
#[doc(hidden)]
pub mod macro_support;
mod options;
mod statistics;
pub mod write_behind;

pub use builder::Builder;
pub use cache::{
    Cache, Fill, Filling, Found, Held, HeldBelow, Invalidated, Outcome, Progress, Warmed,
};
pub use clock::Clock;
pub use codec::{Codec, MessagePack, Plain};
pub use entry::{Entry, Tag};
pub use error::{Error, Failure};
pub use flight::Waiter;
pub use invalidate::{Invalidation, Mode, Target};
pub use key::{Key, KeyBuilder, KeyError, Namespace};
pub use loaded::{Context, Loaded, MAX_LABEL, MAX_LABELS};
pub use options::Options;
pub use statistics::{LevelStatistics, Statistics};
/// Answers calls of an async function from a cache: `get_or_load` with the function's body as the loader.
///
/// ```
/// use tenfold_cache::{Builder, Cache, Error, Namespace, cached};
///
/// struct Users {
///     cache: Cache<String>,
/// }
///
/// #[cached(cache = users.cache, key = "user:{id}:{locale}", lifetime = "60s", stale = "10m",
///          negative = "5s", tags = ["user:{id}"], skip(users))]
/// async fn greeting(users: &'static Users, id: u64, locale: &str) -> Result<Option<String>, Error> {
///     Ok((id < 100).then(|| format!("{locale}: {id}")))
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Error> {
/// let users: &'static Users = Box::leak(Box::new(Users {
///     cache: Builder::<String>::serde(Namespace::new("shop", 1)).build(),
/// }));
/// assert_eq!(greeting(users, 7, "en").await?.as_deref(), Some("en: 7"));
/// assert_eq!(greeting(users, 7, "en").await?.as_deref(), Some("en: 7"));
/// assert_eq!(greeting(users, 700, "en").await?, None);
/// assert_eq!((users.cache.statistics().hits, users.cache.statistics().loads), (1, 2));
/// # Ok(()) }
/// ```
///
/// | argument | meaning | default |
/// |---|---|---|
/// | `cache = expression` | the [`Cache`] or [`WriteBehind`] to ask; the function's arguments are in reach | needed |
/// | `key = "user:{id}"` | a kind, and parts with arguments or their fields (`{user.id}`) in braces | needed, this |
/// | `key(id, locale)` | the function's name is the kind, the expressions are the parts | or this |
/// | `lifetime`, `stale`, `negative` | [`Options::lifetime`], [`Options::stale`], [`Options::negative_lifetime`] as `"500ms"`, `"60s"`, `"10m"`, `"2h"`, `"7d"` | those of `options` |
/// | `options = expression` | the other [`Options`] | `Options::default()` |
/// | `tags = ["user:{id}"]` | tags of what is loaded | none |
/// | `skip(db)` | arguments on which the result does not depend | none |
///
/// **What the function returns** is recognised by the names of the types. `Result<T, E>` and `Result<Option<T>, E>` give errors on and
/// never keep them. `E` needs `From<tenfold_cache::Error>`, because many callers share one load and its error, and goes into a
/// `Box<dyn Error + Send + Sync>`. `Option<T>` remembers `None` for the negative lifetime. A function without `Result` cannot
/// report what goes wrong in a cache: it has no time limit, and a panic in it is one in each of its callers.
///
/// **Its arguments** have to be in the key, or in `skip`: otherwise callers would get each other's values. What is behind a `&` is
/// copied by `ToOwned`, because a load outlives a caller that goes away. So is the receiver: `&self` needs `Self: Clone`, as
/// services that are handles have it; `self: Arc<Self>` and `self: &Arc<Self>` need nothing. What the value depends on in
/// `self` (a tenant) belongs into the key: `{self.tenant}`.
///
/// A key longer than 4096 bytes cannot be stored, and such a call runs the body.
///
/// An argument that was forgotten does not compile:
///
/// ```compile_fail
/// # use tenfold_cache::{Cache, Error, cached};
/// #[cached(cache = cache, key = "user:{id}", skip(cache))]
/// async fn user(cache: Cache<u64>, id: u64, locale: String) -> Result<u64, Error> {
///     Ok(id)
/// }
/// ```
///
/// nor does a function that is not async,
///
/// ```compile_fail
/// # use tenfold_cache::{Cache, Error, cached};
/// #[cached(cache = cache, key(id), skip(cache))]
/// fn user(cache: Cache<u64>, id: u64) -> Result<u64, Error> {
///     Ok(id)
/// }
/// ```
///
/// an error that cannot be made from the cache's,
///
/// ```compile_fail
/// # use tenfold_cache::{Cache, cached};
/// #[cached(cache = cache, key(id), skip(cache))]
/// async fn user(cache: Cache<u64>, id: u64) -> Result<u64, std::fmt::Error> {
///     Ok(id)
/// }
/// ```
///
/// a length of time without a unit,
///
/// ```compile_fail
/// # use tenfold_cache::{Cache, Error, cached};
/// #[cached(cache = cache, key(id), lifetime = "60", skip(cache))]
/// async fn user(cache: Cache<u64>, id: u64) -> Result<u64, Error> {
///     Ok(id)
/// }
/// ```
///
/// or a `&self` that cannot be cloned.
///
/// ```compile_fail
/// # use tenfold_cache::{Cache, Error, cached};
/// struct Users(Cache<u64>);
/// impl Users {
///     #[cached(cache = self.0, key(id))]
///     async fn user(&self, id: u64) -> Result<u64, Error> {
///         Ok(id)
///     }
/// }
/// ```
pub use tenfold_cache_macros::cached;
pub use write_behind::{WriteBehind, WriteBehindOptions};
