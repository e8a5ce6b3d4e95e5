//! The limits that hold: one [`Limit`] per `[limit.NAME]`, shared by all workers.
//!
//! What is decided is the crate `tenfold-traffic`'s business (`limit`); a request's way through it is
//! [`http::limit`](crate::http::limit). Here is what lives longer than a request: counts, and the way to the store that gateways
//! share.

pub(crate) mod look;
mod open;
pub(crate) mod status;
pub(crate) mod store;

use std::sync::Arc;

use tenfold_observe::metric::CounterSet;
use tenfold_traffic::limit::Limiter;

use crate::config;
pub use open::LimitError;
use store::Store;

/// A limit.
pub(crate) struct Limit {
    pub(crate) config: Arc<config::Limit>,
    pub(crate) limiter: Limiter,
    /// Requests by what was decided: [`Counted`].
    pub(crate) verdicts: CounterSet,
    /// `"per-client";q=100;w=1` for each tier, the default first.
    pub(crate) policies: Box<[Box<[u8]>]>,
    /// Where it is counted together with other gateways.
    pub(crate) store: Option<Arc<Store>>,
}

/// What is counted of decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Counted {
    /// It may go on.
    Allowed,
    /// It was answered with 429.
    Refused,
    /// It would have been refused, if it were not a dry run.
    DryRun,
    /// It was decided without the store that gateways share, as `on_store_failure` says. Also counted as one of the others.
    StoreFailed,
}

impl Counted {
    /// Their names in metrics, in their order.
    pub(crate) const NAMES: [&'static str; 4] = ["allowed", "refused", "dry_run", "store_failed"];
}
