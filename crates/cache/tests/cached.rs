//! The attribute: what it makes of functions and methods.

#![allow(clippy::unwrap_used, reason = "a test panics where it fails")]

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tenfold_cache::{Builder, Cache, Error, Found, Invalidation, Namespace, Options, cached};

fn cache() -> Cache<String> {
    Builder::<String>::serde(Namespace::new("test", 1)).build()
}

/// A handle, as a service is one.
#[derive(Clone)]
struct Service {
    cache: Cache<String>,
    calls: Arc<AtomicU64>,
    tenant: &'static str,
}

impl Service {
    fn new() -> Self {
        Self {
            cache: cache(),
            calls: Arc::default(),
            tenant: "acme",
        }
    }

    fn call(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Documentation and other attributes stay.
    #[must_use]
    #[cached(cache = self.cache, key = "user:{self.tenant}:{id}", lifetime = "1h", tags = ["tenant:{self.tenant}", "user:{id}"])]
    async fn by_reference(&self, id: u64) -> Result<String, Error> {
        let inner = async { self.call() };
        Ok(format!("{id}/{}", inner.await))
    }

    #[cached(cache = self.cache, key(id, self.tenant))]
    async fn by_arc(self: Arc<Self>, id: u64) -> Result<String, Error> {
        Ok(format!("{id}/{}", self.call()))
    }

    #[cached(cache = self.cache, key(id))]
    async fn by_lent_arc(self: &Arc<Self>, id: u64) -> Result<String, Error> {
        Ok(format!("{id}/{}", self.call()))
    }
}

#[tokio::test]
async fn methods_load_once() {
    let service = Arc::new(Service::new());
    for _ in 0..2 {
        assert_eq!(service.by_reference(7).await.unwrap(), "7/1");
    }
    for _ in 0..2 {
        assert_eq!(service.clone().by_arc(7).await.unwrap(), "7/2");
    }
    for _ in 0..2 {
        assert_eq!(service.by_lent_arc(7).await.unwrap(), "7/3");
    }
    assert!(matches!(
        service.cache.look("test:v1:user:acme:7"),
        Found::Fresh(_)
    ));
    assert!(matches!(
        service.cache.look("test:v1:by_arc:7:acme"),
        Found::Fresh(_)
    ));
    let other = Service {
        tenant: "other",
        ..(*service).clone()
    };
    assert_eq!(other.by_reference(7).await.unwrap(), "7/4");
}

#[tokio::test]
async fn tags_invalidate() {
    let service = Service::new();
    assert_eq!(service.by_reference(7).await.unwrap(), "7/1");
    assert_eq!(service.by_reference(8).await.unwrap(), "8/2");
    service
        .cache
        .invalidate(&[Invalidation::tag("user:7")])
        .await;
    assert_eq!(service.by_reference(7).await.unwrap(), "7/3");
    assert_eq!(service.by_reference(8).await.unwrap(), "8/2");
    service
        .cache
        .invalidate(&[Invalidation::tag("tenant:acme")])
        .await;
    assert_eq!(service.by_reference(8).await.unwrap(), "8/4");
}

static SHARED: LazyLock<Cache<String>> = LazyLock::new(cache);
static CALLS: AtomicU64 = AtomicU64::new(0);

#[derive(Debug)]
enum Failure {
    Ours(&'static str),
    Cache(Error),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ours(text) => out.write_str(text),
            Self::Cache(error) => write!(out, "{error}"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Cache(error)
    }
}

fn check(text: &str) -> Result<&str, Failure> {
    if text == "bad" {
        Err(Failure::Ours("bad text"))
    } else {
        Ok(text)
    }
}

/// `?`, an early return, an argument behind a reference and one that is changed.
#[cached(cache = SHARED, key = "fallible:{text}:{times}", stale = "1m", options = Options::lifetime(Duration::from_secs(9)))]
async fn fallible(text: &str, mut times: u8) -> Result<String, Failure> {
    CALLS.fetch_add(1, Ordering::SeqCst);
    let text = check(text)?;
    if times == 0 {
        return Ok(String::new());
    }
    let mut all = String::new();
    while times > 0 {
        all += text;
        times -= 1;
    }
    Ok(all)
}

#[tokio::test]
async fn errors_are_given_on_and_not_kept() {
    assert_eq!(fallible("ab", 2).await.unwrap(), "abab");
    assert_eq!(fallible("ab", 2).await.unwrap(), "abab");
    assert_eq!(fallible("ab", 0).await.unwrap(), "");
    assert_eq!(CALLS.load(Ordering::SeqCst), 2);
    for calls in 3..5 {
        let error = fallible("bad", 1).await.unwrap_err();
        assert!(
            matches!(&error, Failure::Cache(Error::Load(why)) if why.to_string().contains("bad text")),
            "{error}"
        );
        assert_eq!(CALLS.load(Ordering::SeqCst), calls);
    }
    // A part of a key cannot run into the next one.
    assert_eq!(fallible("a:1", 1).await.unwrap(), "a:1");
    assert_ne!(
        SHARED.key("fallible").part("a:1").part(1).build(),
        SHARED.key("fallible").part("a").part("1:1").build()
    );
    // What cannot be a key is not cached, and works.
    let long = "x".repeat(5000);
    assert_eq!(fallible(&long, 1).await.unwrap(), long);
}

#[cached(cache = *cache, key(id), skip(cache, calls), negative = "1h")]
async fn optional(cache: &'static Cache<String>, calls: Arc<AtomicU64>, id: u64) -> Option<String> {
    calls.fetch_add(1, Ordering::SeqCst);
    (id > 10).then(|| id.to_string())
}

#[cached(cache = cache, key = "plain:{id.0}", skip(cache))]
async fn plain(cache: Cache<String>, id: (u64,)) -> String {
    assert!(id.0 > 0, "nobody has the number 0");
    id.0.to_string()
}

#[tokio::test]
async fn what_is_not_there_is_remembered() {
    let (cache, calls) = (Box::leak(Box::new(cache())), Arc::new(AtomicU64::new(0)));
    for _ in 0..3 {
        assert_eq!(optional(cache, calls.clone(), 1).await, None);
        assert_eq!(
            optional(cache, calls.clone(), 11).await.as_deref(),
            Some("11")
        );
    }
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_function_without_an_error_panics_where_its_body_does() {
    let cache = cache();
    assert_eq!(plain(cache.clone(), (4,)).await, "4");
    let panicked = tokio::spawn(plain(cache.clone(), (0,))).await;
    assert!(panicked.unwrap_err().is_panic());
    assert_eq!(plain(cache, (4,)).await, "4");
}
