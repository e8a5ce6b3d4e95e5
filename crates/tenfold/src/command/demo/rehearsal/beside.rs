//! What is looked at beside the load: who used the processors, and what the gateway counted.

use std::time::Instant;

use super::measured::{CpuUse, GatewayUse};
use super::visitor::block_on;
use crate::command::Refusal;
use crate::command::client::Client;
use crate::command::demo::stage::{Cpu, Stage};

/// The cache of the pages that can be kept, in both files of the gateway.
const PAGES: &str = "pages";

/// What was measured beside a load, from its beginning to its end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Beside {
    pub(super) cpu: CpuUse,
    pub(super) gateway: Option<GatewayUse>,
}

/// A look before a load, to be held against one after it.
pub(super) struct Look {
    at: Instant,
    cpu: Cpu,
    gateway: Option<GatewayUse>,
}

impl Look {
    /// Looks at everything.
    pub(super) fn take(stage: &Stage, has_gateway: bool) -> Result<Self, Refusal> {
        let gateway = has_gateway.then(|| gateway(stage)).transpose()?;
        Ok(Self {
            at: Instant::now(),
            cpu: stage.cpu(),
            gateway,
        })
    }

    /// What there was between this and a later one.
    pub(super) fn until(&self, after: &Self) -> Beside {
        let used = after.cpu.since(&self.cpu);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Beside {
            cpu: CpuUse {
                shops: used.shops.as_secs_f64(),
                gateway: used.gateway.as_secs_f64(),
                postgres: used.postgres.as_secs_f64(),
                generator: used.generator.as_secs_f64(),
                seconds: after.at.duration_since(self.at).as_secs_f64(),
                requests: 0,
                cores,
            },
            gateway: self
                .gateway
                .zip(after.gateway)
                .map(|(before, after)| after.since(&before)),
        }
    }
}

/// What the gateway has counted since it was started.
fn gateway(stage: &Stage) -> Result<GatewayUse, Refusal> {
    let url = stage.addresses().admin.to_string().parse();
    let url = url.map_err(|error: String| Refusal::new(error, ""))?;
    let status = block_on(async { Client::new(url, None).status().await })??;
    let endpoints = status.upstreams.iter().flat_map(|one| &one.endpoints);
    let mut counted = GatewayUse {
        requests: status.requests.iter().sum(),
        refused: status.requests[4],
        attempts: endpoints.map(|endpoint| endpoint.picks).sum(),
        ..GatewayUse::default()
    };
    let pages = status.caches.iter().filter(|cache| cache.name == PAGES);
    for cache in pages {
        let requests = &cache.requests;
        counted.hit += requests.hit;
        counted.stale += requests.stale;
        counted.collapsed += requests.collapsed;
        counted.revalidated += requests.revalidated;
        counted.miss += requests.miss;
        counted.bypass += requests.bypass;
    }
    Ok(counted)
}
