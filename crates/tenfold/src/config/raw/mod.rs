//! What was written: one struct per table of the file, each field with its documentation and its default.
//!
//! These structs are the only list of what can be written. The reader, the JSON Schema and docs/configuration.md come
//! from them; what a value means in the whole is [`checked`](super::checked)'s business.

pub(crate) mod cache;
pub(crate) mod gateway;
pub(crate) mod limit;
pub(crate) mod resilience;
pub(crate) mod route;
pub(crate) mod upstream;

use super::read::table;
use super::scalar::Text;
use super::shape::{List, Named, OneOrMore};

table! {
    /// A configuration of Tenfold.
    pub(crate) struct File {
        /// Further files, relative to this one, with `*` for any part of a name. Their tables are added to those of this file;
        /// a key or a name that two files give is an error.
        include: List<Text>,
        /// The process.
        gateway: gateway::Process,
        /// Metrics, health and the API, on an address of their own.
        admin: gateway::Admin,
        /// How long things may take. Listeners, routes and upstreams may say otherwise for themselves.
        timeouts: gateway::Timeouts,
        /// How much of things there may be. Listeners and routes may say otherwise for themselves.
        limits: gateway::Limits,
        /// Where clients connect: `[listener.NAME]`, at least one.
        listener: Named<gateway::Listener>,
        /// Which requests go where: `[[route]]`. The most specific one that matches is taken: of the hosts exact, then the longest
        /// `*.suffix`, then none; of the paths exact, then with captures, then the longest prefix; among equals the one with more
        /// conditions, then the one that comes first in the file. A request that fails the conditions of one falls through to
        /// the next. No route: 404.
        route: OneOrMore<route::Route>,
        /// The servers behind the gateway: `[upstream.NAME]`.
        upstream: Named<upstream::Upstream>,
        /// Where responses are kept: `[cache.NAME]`.
        cache: Named<cache::Cache>,
        /// How much clients may have: `[limit.NAME]`.
        limit: Named<limit::Limit>,
        /// What gateways share.
        shared: cache::Shared,
    }
    later ["database"]
}
