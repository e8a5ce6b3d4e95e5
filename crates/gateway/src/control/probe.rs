//! Interim.
use crate::config::{Server, upstream::Probe};
pub(crate) struct Probes;
pub(crate) struct ProbeResult;
impl ProbeResult {
    pub(crate) fn is_good(&self) -> bool {
        true
    }
}
impl std::fmt::Display for ProbeResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("")
    }
}
impl Probes {
    pub(crate) fn start(
        _p: Probe,
        _s: &[Server],
        _t: impl Fn(&str, ProbeResult) + Send + Sync + 'static,
    ) -> Self {
        Self
    }
    pub(crate) fn update(&mut self, _s: &[Server]) {}
}
