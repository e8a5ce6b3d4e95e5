//! The shop over HTTP: pages, pictures, and a JSON interface.
//!
//! # The idea
//! A handler does one thing: it asks [`Shop`] and gives back a page, JSON or an [`Error`](crate::Error). It sets no header about caching and
//! chooses no status of an error. It says who may be shown the answer and what is on it (`caching::Keep`), and the layers around all handlers
//! (`routes`) make headers of that; `error` alone makes statuses of errors.
//!
//! # Right and wrong
//! With [`Fix::CacheHeaders`] a page is the same for everyone, says how long and by which tags it may be kept, and a few lines of
//! script show the basket's number from a cookie. Without it, every page greets its visitor by name, which costs two queries and makes it
//! impossible to keep: the usual mistake.

mod admin;
mod api;
mod assets;
mod caching;
mod cookies;
mod error;
pub mod faults;
mod guard;
mod health;
mod metrics;
mod pages;
mod pictures;
mod routes;
pub mod serve;
mod server;
mod sitemap;
mod view;
mod visitor;

use std::sync::Arc;

use axum::Router;
use tenfold_observe::metric::Registry;
use tokio::sync::Semaphore;

use crate::Shop;
use crate::profile::Fix;
use admin::Gate;
use faults::Faults;
use metrics::Metrics;

/// What the web side of a process is told.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What an administrator has to show. Without one, nobody is an administrator.
    pub admin_token: Option<String>,
    /// What is made to go wrong.
    pub faults: Faults,
    /// Connections of the pool: so many requests can be at work, and [`WAITING`] times as many wait.
    pub pool: usize,
}

/// Requests that may wait for each connection to the database. More than these are refused at once: a queue that is longer than a visitor's patience
/// only adds work that nobody waits for.
pub const WAITING: usize = 8;

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Web {
    shop: Arc<Shop>,
    gate: Gate,
    faults: Faults,
    metrics: Metrics,
    /// A permit for each request that is at work or waits.
    room: Semaphore,
}

impl Web {
    fn new(shop: Arc<Shop>, options: &Options) -> (Arc<Self>, Arc<Registry>) {
        let registry = Registry::new(0);
        let metrics = Metrics::new(&registry, &shop);
        let web = Self {
            gate: Gate::new(options.admin_token.as_deref()),
            faults: options.faults,
            metrics,
            room: Semaphore::new(options.pool.max(1) * (1 + WAITING)),
            shop,
        };
        (Arc::new(web), registry)
    }

    /// Whether pages are the same for everyone, and may be kept.
    fn is_cacheable(&self) -> bool {
        self.shop.fixes().has(Fix::CacheHeaders)
    }
}

/// The shop, ready to be served, and the metrics that it keeps.
pub fn open(shop: Arc<Shop>, options: &Options) -> (Router, Arc<Registry>) {
    let (web, registry) = Web::new(shop, options);
    (routes::router(web), registry)
}
