//! The HTTP data plane: accept, balance, forward.
//!
//! # The idea
//! One worker thread per core, each with its own listeners, connections, buffers and upstream connections; a request
//! never leaves the thread that accepted it. Workers share what is atomic (the endpoints' state) and nothing else.
//! The path of a request is `http/pipeline.rs`, top to bottom.
//!
//! # What is absent
//! No lock, no allocation that a pooled buffer can avoid, no timer registration and no task switch between
//! threads on the way of a request. No middleware and no hooks. Status codes are made in `http/error.rs` alone.

mod cache;
mod caches;
pub mod config;
mod control;
mod files;
mod http;
mod limit;
mod listen;
mod metrics;
pub mod route;
mod run;
mod snapshot;
mod status;
mod upstream;
mod worker;

pub use cache::{
    CacheLevelStatus, CacheRequests, CacheStatus, CachedEntry, OpenError, Purge, PurgeError,
    Purged, PurgedLevel,
};
pub use control::ApplyError;
pub use control::carried::{Carried, Inheritance};
pub use control::edit::{EditError, EndpointEdit};
#[doc(hidden)]
pub use http::cache::properties as cache_properties;
pub use limit::LimitError;
pub use limit::look::{Client as LimitClient, LimitLook, LookError, TierLook};
pub use limit::status::LimitStatus;
pub use run::{DRAIN_TIMEOUT, Gateway, StartError, Threads};
pub use status::{
    ConcurrencyStatus, DurationStatus, EndpointState, EndpointStatus, ListenerStatus, RouteStatus,
    ShedStatus, Status, UpstreamStatus,
};
