//! Dear reads, kept in this process (fix `process-cache`).
//!
//! # The idea
//! Of many visitors who want the same at the same time one asks the database. What is kept carries the tags of everything that is shown in it, and
//! `changes` forgets by them. A change that was missed would be shown for a lifetime; so as long as this process does not hear of changes,
//! everything is read anew. A line that hangs does not say so, and a process that was frozen does not know: what is kept is trusted for `TRUSTED` after the last
//! moment until which everything is known to have been heard, and not a moment longer (a lease: Gray and Cheriton, Leases, SOSP 1989).
//!
//! # The trade-off
//! A few numbers are as old as the lifetime: how many were sold, how many orders there are. Prices and availability are not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tenfold_cache::invalidate::Invalidation;
use tenfold_cache::key::{KeyBuilder, Namespace};
use tenfold_cache::{Builder, Cache, Loaded, Options};
use tokio::time::Instant;

use super::Catalog;
use crate::changes::tags;
use crate::model::{Card, Category, Found, Home, List, Product, ProductId, Query};
use crate::{Error, Shop};

/// Bytes that are kept at most.
const MEMORY: u64 = 64 << 20;
/// A list of two dozen products, more or less.
const AVERAGE: u64 = 8 << 10;
/// How long pages' contents are kept.
const LIFETIME: Duration = Duration::from_secs(60);
/// How long what a search found is kept: there are more searches than memory, and few come twice.
const SEARCH_LIFETIME: Duration = Duration::from_secs(15);

/// How long what is kept is used after the line that tells of changes was found to be alive: a price may be old for a second.
const TRUSTED: Duration = Duration::from_millis(900);

/// What is kept.
#[derive(Debug)]
enum Answer {
    Home(Home),
    Categories(Vec<Category>),
    List(List),
    Product(Product),
    Found(Found),
    Popular(Vec<ProductId>),
}

/// The cache. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Cached {
    cache: Cache<Arc<Answer>>,
    /// Since when it exists.
    began: Instant,
    /// Until when it is trusted, in milliseconds since it began; 0: it is not.
    until: Arc<AtomicU64>,
}

impl std::fmt::Debug for Cached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Cached").field(&self.is_trusted()).finish()
    }
}

impl Shop {
    /// The cache, if there is one and what it says holds.
    pub(super) fn cached(&self) -> Option<&Cached> {
        let cached = self.cached.as_ref();
        cached.filter(|cached| cached.is_trusted())
    }
}

impl Cached {
    /// An empty one, which is not used before [`Cached::trust`].
    pub(crate) fn new() -> Self {
        let weigh = |answer: &Arc<Answer>| answer.weight();
        let builder = Builder::new(Namespace::new("shop", 1), weigh);
        Self {
            cache: builder.memory(MEMORY).average(AVERAGE).build(),
            began: Instant::now(),
            until: Arc::default(),
        }
    }

    /// Forgets everything.
    pub(crate) async fn forget_all(&self) {
        self.cache.invalidate(&[Invalidation::all()]).await;
    }

    /// Of whatever changed before this moment it has been told: it is used for a while.
    pub(crate) fn trust(&self, since: Instant) {
        let until = since.saturating_duration_since(self.began) + TRUSTED;
        let until = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
        self.until.store(until, Ordering::Release);
    }

    fn is_trusted(&self) -> bool {
        let now = self.began.elapsed().as_millis();
        now < u128::from(self.until.load(Ordering::Acquire))
    }

    /// From now on changes may be missed.
    pub(crate) fn distrust(&self) {
        self.until.store(0, Ordering::Release);
    }

    /// Forgets whatever has one of these tags.
    pub(crate) async fn forget(&self, tags: &[String]) {
        let what: Vec<_> = tags.iter().map(|tag| Invalidation::tag(tag)).collect();
        self.cache.invalidate(&what).await;
    }

    pub(super) async fn home(&self, catalog: &Catalog) -> Result<Home, Error> {
        let catalog = catalog.clone();
        let load = async move { catalog.home().await.map(Answer::Home) };
        match &*self.answer(self.cache.key("home"), LIFETIME, load).await? {
            Answer::Home(home) => Ok(home.clone()),
            other => Err(other.misplaced()),
        }
    }

    pub(super) async fn categories(&self, catalog: &Catalog) -> Result<Vec<Category>, Error> {
        let catalog = catalog.clone();
        let load = async move { catalog.categories().await.map(Answer::Categories) };
        match &*self
            .answer(self.cache.key("categories"), LIFETIME, load)
            .await?
        {
            Answer::Categories(categories) => Ok(categories.clone()),
            other => Err(other.misplaced()),
        }
    }

    pub(super) async fn new_products(
        &self,
        catalog: &Catalog,
        category: Option<&str>,
    ) -> Result<List, Error> {
        let key = within(self.cache.key("new"), category);
        let (catalog, category) = (catalog.clone(), category.map(str::to_owned));
        self.list(key, async move {
            catalog
                .new_products(category.as_deref())
                .await
                .map(Answer::List)
        })
        .await
    }

    pub(super) async fn best_sellers(
        &self,
        catalog: &Catalog,
        category: Option<&str>,
    ) -> Result<List, Error> {
        let key = within(self.cache.key("best"), category);
        let (catalog, category) = (catalog.clone(), category.map(str::to_owned));
        self.list(key, async move {
            catalog
                .best_sellers(category.as_deref())
                .await
                .map(Answer::List)
        })
        .await
    }

    pub(super) async fn product(&self, catalog: &Catalog, id: ProductId) -> Result<Product, Error> {
        let catalog = catalog.clone();
        let load = async move { catalog.product(id).await.map(Answer::Product) };
        match &*self
            .answer(self.cache.key("product").part(id), LIFETIME, load)
            .await?
        {
            Answer::Product(product) => Ok(product.clone()),
            other => Err(other.misplaced()),
        }
    }

    pub(super) async fn search(&self, catalog: &Catalog, query: &Query) -> Result<Found, Error> {
        // What differs in spelling only is one search.
        let words = super::words(&query.text).map(|words| words.join(" "));
        let page = query.page.clamp(1, Query::MOST_PAGES + 1);
        let key = within(self.cache.key("search"), query.category.as_deref());
        let key = key
            .part(page)
            .part(words.is_some())
            .part(words.unwrap_or_default());
        let (catalog, query) = (catalog.clone(), query.clone());
        let load = async move { catalog.search(&query).await.map(Answer::Found) };
        match &*self.answer(key, SEARCH_LIFETIME, load).await? {
            Answer::Found(found) => Ok(found.clone()),
            other => Err(other.misplaced()),
        }
    }

    pub(super) async fn popular(&self, catalog: &Catalog) -> Result<Vec<ProductId>, Error> {
        let catalog = catalog.clone();
        let load = async move { catalog.popular().await.map(Answer::Popular) };
        match &*self
            .answer(self.cache.key("popular"), LIFETIME, load)
            .await?
        {
            Answer::Popular(ids) => Ok(ids.clone()),
            other => Err(other.misplaced()),
        }
    }

    async fn list<F>(&self, key: KeyBuilder, load: F) -> Result<List, Error>
    where
        F: Future<Output = Result<Answer, Error>> + Send + 'static,
    {
        match &*self.answer(key, LIFETIME, load).await? {
            Answer::List(list) => Ok(list.clone()),
            other => Err(other.misplaced()),
        }
    }

    async fn answer<F>(
        &self,
        key: KeyBuilder,
        lifetime: Duration,
        load: F,
    ) -> Result<Arc<Answer>, Error>
    where
        F: Future<Output = Result<Answer, Error>> + Send + 'static,
    {
        // Keys are bounded: no page and no slug that is too long for one exists.
        let key = key.build().map_err(|_| Error::NotFound)?;
        let load = move |_| async move {
            match load.await {
                Ok(answer) => {
                    let tags = answer.tags();
                    Ok(Loaded::value(Arc::new(answer)).tags(tags))
                }
                Err(Error::NotFound) => Ok(Loaded::absent()),
                Err(error) => Err(error),
            }
        };
        let options = Options::lifetime(lifetime);
        match self.cache.get_or_load(&key, &options, load).await {
            Ok(answer) => answer.ok_or(Error::NotFound),
            Err(error) => Err(told(&error)),
        }
    }
}

/// The key of something of the shop or of a department. One without a name is none, and not the shop.
fn within(key: KeyBuilder, category: Option<&str>) -> KeyBuilder {
    let key = key.part(category.is_some());
    key.part(category.unwrap_or_default())
}

/// What the shop says of a load that failed: everyone who waited gets the same.
fn told(error: &tenfold_cache::Error) -> Error {
    match error {
        tenfold_cache::Error::Load(cause) => match cause.downcast_ref::<Error>() {
            Some(Error::Unavailable(what)) => Error::Unavailable(what.clone()),
            Some(Error::Broken(what)) => Error::Broken(what.clone()),
            _ => Error::Broken(cause.to_string()),
        },
        tenfold_cache::Error::Timeout(_) => {
            Error::Unavailable("the database does not answer in time".to_owned())
        }
        other => Error::Broken(other.to_string()),
    }
}

impl Answer {
    /// What it is forgotten by: everything that is shown in it.
    fn tags(&self) -> Vec<String> {
        let mut tags = vec![tags::SHOP.to_owned()];
        match self {
            Self::Home(home) => {
                tags.extend([tags::LIST_NEW.to_owned(), tags::LIST_BEST.to_owned()]);
                tags.extend(
                    home.categories
                        .iter()
                        .map(|(one, _)| tags::category(&one.slug)),
                );
            }
            Self::Categories(categories) => {
                tags.extend(categories.iter().map(|one| tags::category(&one.slug)));
            }
            Self::List(list) => {
                tags.extend([tags::LIST_NEW.to_owned(), tags::LIST_BEST.to_owned()]);
                tags.extend(list.category.iter().map(|one| tags::category(&one.slug)));
            }
            Self::Product(product) => tags.push(tags::category(&product.card.category.slug)),
            Self::Found(_) | Self::Popular(_) => {}
        }
        tags.extend(self.cards().map(|card| tags::product(card.id)));
        tags
    }

    fn cards(&self) -> Box<dyn Iterator<Item = &Card> + '_> {
        match self {
            Self::Home(home) => Box::new(home.new.iter().chain(&home.best)),
            Self::List(list) => Box::new(list.products.iter().map(|(card, _)| card)),
            Self::Product(product) => {
                Box::new(std::iter::once(&product.card).chain(&product.related))
            }
            Self::Found(found) => Box::new(found.products.iter()),
            Self::Categories(_) | Self::Popular(_) => Box::new(std::iter::empty()),
        }
    }

    /// Bytes on the heap, about.
    fn weight(&self) -> usize {
        let text = |card: &Card| {
            let category = card.category.slug.len() + card.category.name.len();
            size_of::<Card>() + card.title.len() + card.maker.len() + category
        };
        let own = match self {
            Self::Home(home) => home.categories.len() * 64,
            Self::Categories(categories) => categories.len() * 64,
            Self::Product(product) => product.description.len() + product.details.len() * 64,
            Self::Popular(ids) => ids.len() * size_of::<ProductId>(),
            Self::List(_) | Self::Found(_) => 0,
        };
        size_of::<Self>() + own + self.cards().map(text).sum::<usize>()
    }

    fn misplaced(&self) -> Error {
        Error::Broken(format!(
            "the cache has another thing under this key: {self:?}"
        ))
    }
}
