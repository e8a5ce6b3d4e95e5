//! What the admin side asks of a running gateway, and may do to it.
//!
//! Everything here may take some milliseconds (thousands of routes, a file to read) and is therefore called on threads
//! that may block, never on the one that serves the admin side. Changes can come from several places at the same
//! time, signals among them: whoever implements this lets them happen one after the other.

use serde::Serialize;
use tenfold_gateway::config::upstream::Server;
use tenfold_gateway::{
    CacheStatus, CachedEntry, EndpointStatus, LimitClient, LimitLook, LookError, Purge, PurgeError,
    Purged, RouteStatus, Status,
};

/// A running gateway.
pub(crate) trait Control: Send + Sync + 'static {
    /// True while it takes requests and a server is there. This alone is called wherever it is convenient, and is quick.
    fn is_ready(&self) -> bool;

    /// How it does, without its routes.
    fn status(&self) -> Status;

    /// How its routes do, in the order of the configuration.
    fn routes(&self) -> Vec<RouteStatus>;

    /// The configuration in force, with secrets hidden.
    fn config(&self) -> serde_json::Value;

    /// Reads the configuration again and applies it whole, or changes nothing.
    ///
    /// # Errors
    /// What is wrong with the configuration, as `tenfold check` says it.
    fn reload(&self) -> Result<Reloaded, String>;

    /// Changes the endpoints of an upstream, all of it or nothing.
    ///
    /// # Errors
    /// When the upstream or an endpoint is not there, or the change would be wrong.
    fn edit_endpoints(
        &self,
        upstream: &str,
        edit: EndpointEdit,
    ) -> Result<EndpointsAfter, EditError>;

    /// How its caches do, in the order of the configuration.
    fn caches(&self) -> Vec<CacheStatus>;

    /// Purges a cache, or all of them. Returns what became of it, by cache.
    ///
    /// # Errors
    /// When there is no such cache, or something is wrong with what is to be purged.
    fn purge(&self, wish: &PurgeWish) -> Result<Vec<(String, Purged)>, PurgeError>;

    /// What a cache, or all of them, has for an address.
    ///
    /// # Errors
    /// When there is no such cache, or something is wrong with the address.
    fn cached(&self, cache: Option<&str>, url: &str) -> Result<Vec<CachedEntry>, PurgeError>;

    /// What a client has left of a limit.
    ///
    /// # Errors
    /// When there is no such limit, or the client is told otherwise than its key goes by.
    fn look_at_limit(&self, limit: &str, client: &LimitClient) -> Result<LimitLook, LookError>;

    /// Starts the program anew (as a rule a newer one), hands the listening sockets over and drains.
    ///
    /// # Errors
    /// Why the new process did not take over; this one goes on as if nothing had been asked.
    fn upgrade(&self) -> Result<(), String>;
}

/// What somebody wants purged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PurgeWish {
    pub(crate) what: Purge,
    /// What is stored becomes stale, and is kept for the case that the server fails.
    pub(crate) is_soft: bool,
    /// In this cache only.
    pub(crate) cache: Option<String>,
}

/// What a reload did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Reloaded {
    /// Of the configuration that is now in force.
    pub(crate) generation: u64,
    /// What changed, one line each; nothing if the files say what they said before.
    pub(crate) changes: Vec<String>,
}

/// A change of an upstream's endpoints. No endpoint is named twice in it. Endpoints are named by their name, which is
/// their address unless they were found by a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EndpointEdit {
    /// Endpoints that come.
    pub(crate) add: Vec<Server>,
    /// Endpoints that leave, as soon as what is under way to them has ended.
    pub(crate) remove: Vec<String>,
    /// Endpoints that get no new requests, and stay.
    pub(crate) drain: Vec<String>,
    /// Endpoints that get requests again.
    pub(crate) undrain: Vec<String>,
}

/// An upstream after a change.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct EndpointsAfter {
    /// What changed, one line each.
    pub(crate) changes: Vec<String>,
    /// The endpoints that there are now.
    pub(crate) endpoints: Vec<EndpointStatus>,
}

/// Why an upstream's endpoints were not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EditError {
    /// There is no such upstream; those that there are.
    NoUpstream(Vec<String>),
    /// There is no such endpoint to remove, drain or undrain.
    NoEndpoint(String),
    /// An endpoint that was to be added is there already.
    AlreadyThere(String),
    /// It would be wrong, for this reason.
    Refused(String),
    /// It would be lost, for this reason.
    NotNow(String),
}
