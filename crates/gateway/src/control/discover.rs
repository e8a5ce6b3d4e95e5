//! Interim.
use crate::config::{Server, Upstream};
use std::sync::Arc;
pub(crate) struct Discovery;
pub(crate) struct Resolver;
impl Resolver {
    pub(crate) fn system() -> std::io::Result<Arc<Self>> {
        Ok(Arc::new(Self))
    }
}
impl Discovery {
    pub(crate) fn start(
        _u: &Upstream,
        _r: Arc<Resolver>,
        _t: impl Fn(Vec<Server>) + Send + 'static,
    ) -> Self {
        Self
    }
}
