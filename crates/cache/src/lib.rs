//! A cache of objects: memory first, then disk, Redis or both.
//!
//! # The problem
//! Putting a map before a database is easy. What goes wrong later is not: a popular value expires and a thousand readers load it at
//! once; a reader stores the old row just after it was invalidated; the second level hangs and takes the service along; the
//! database is down for a minute, although a value from two minutes ago would have done.
//!
//! # The idea
//! One engine with the answers built in. A [`Cache`] has a memory level weighed in bytes and any number of lower [`level`]s. Reads
//! are single flight and have two lives, fresh and stale ([`Options`]); invalidations are numbered, so that what was loaded before
//! one is never stored after it ([`invalidate`]); each lower level has its time limits and its breaker.
//!
//! # Four ways to use it
//! Cache-aside: the caller loads and stores.
//!
//! ```
//! # use tenfold_cache::{Builder, Cache, Namespace, Options};
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cache: Cache<String> = Builder::<String>::serde(Namespace::new("shop", 1)).build();
//! let key = cache.key("user").part(42).build()?;
//! assert!(cache.get(&key).await.is_none());
//! cache.set(&key, "Ada".to_owned(), &Options::default()).await?;
//! assert_eq!(cache.get(&key).await.unwrap().value().unwrap(), "Ada");
//! cache.remove(&key).await;
//!
//! // Or the cache loads, once for all who miss at the same time.
//! let load = |_| async { Ok::<_, std::io::Error>("Ada".to_owned()) };
//! assert_eq!(cache.get_or_load(&key, &Options::default(), load).await?.unwrap(), "Ada");
//! # Ok(()) }
//! ```
//!
//! Write-through: the store first, then every level. When the store refuses, nothing is cached.
//!
//! ```
//! # use std::sync::Mutex;
//! # use tenfold_cache::{Builder, Cache, Namespace, Options};
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let cache: Cache<u64> = Builder::<u64>::serde(Namespace::new("shop", 1)).build();
//! let (key, table) = (cache.key("stock").part("tea").build()?, Mutex::new(0));
//! let write = || async {
//!     *table.lock().unwrap() = 7;
//!     Ok::<_, std::io::Error>(())
//! };
//! cache.write_through(&key, 7, &Options::default(), write).await?;
//! assert_eq!((*table.lock().unwrap(), cache.get(&key).await.unwrap().value()), (7, Some(&7)));
//! # Ok(()) }
//! ```
//!
//! Write-behind: acknowledged when it is in a local log, and brought to the store later ([`write_behind`]).
//!
//! ```
//! use std::sync::{Arc, Mutex};
//! use std::time::Duration;
//! use tenfold_cache::write_behind::{Change, Failed, Store, WriteBehind, WriteBehindOptions};
//! use tenfold_cache::{Builder, Cache, MessagePack, Namespace, Options};
//!
//! struct Table(Arc<Mutex<Vec<(String, Option<u64>)>>>);
//!
//! impl Store<u64> for Table {
//!     async fn write(&self, changes: &[Change<u64>]) -> Result<(), Failed> {
//!         let rows = changes.iter().map(|change| (change.key.to_string(), change.value));
//!         self.0.lock().unwrap().extend(rows);
//!         Ok(())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let directory = directory.path();
//! let cache: Cache<u64> = Builder::<u64>::serde(Namespace::new("shop", 1)).build();
//! let (rows, options) = (Arc::new(Mutex::new(Vec::new())), WriteBehindOptions::default());
//! let queue = WriteBehind::open(cache, directory, MessagePack, options, Table(rows.clone())).await?;
//! let key = queue.key("stock").part("tea").build()?;
//! queue.put(&key, 6, &Options::default()).await?;
//! let load = |_| async { Err::<u64, _>(std::io::Error::other("the store need not be asked")) };
//! assert_eq!(queue.get_or_load(&key, &Options::default(), load).await?, Some(6));
//! queue.close(Duration::from_secs(10)).await?;
//! assert_eq!(*rows.lock().unwrap(), [("shop:v1:stock:tea".to_owned(), Some(6))]);
//! # Ok(()) }
//! ```
//!
//! And [`macro@cached`], which makes an async function's body the loader of its own result.
//!
//! # The trade-off
//! A cache is consistent with its store as far as it is told of changes. What somebody else changes in the store is seen when the
//! lifetime ends. And a hit costs somewhat more than one of a bare map with eviction: it looks at the clock, at what has been invalidated,
//! and counts.

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
