//! The gateway that runs in this process, as the admin side has it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tenfold_gateway::{
    CacheStatus, CachedEntry, LimitClient, LimitLook, LookError, PurgeError, Purged, RouteStatus,
    Status,
};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::control::{Control, EditError, EndpointEdit, EndpointsAfter, PurgeWish, Reloaded};
use crate::command::reload::Reloader;

/// How long an edit waits for the workers to change over.
const PATIENCE: Duration = Duration::from_secs(5);

/// The gateway, its configuration, and whoever can replace it.
pub(crate) struct Live {
    reloader: Arc<Reloader>,
    upgrades: mpsc::Sender<Wish>,
}

/// Somebody who wants an upgrade, and waits for how it went.
pub(crate) struct Wish(oneshot::Sender<Result<u32, String>>);

impl Wish {
    pub(crate) fn answer(self, result: Result<u32, String>) {
        let _has_gone = self.0.send(result);
    }
}

/// Wishes for an upgrade, which whoever owns the sockets fulfils.
pub(crate) struct Upgrades(mpsc::Receiver<Wish>);

impl Upgrades {
    pub(crate) fn new() -> (Self, mpsc::Sender<Wish>) {
        let (sender, receiver) = mpsc::channel(1);
        (Self(receiver), sender)
    }

    /// Takes no more: whoever waits is told, and so is who comes.
    pub(crate) fn close(&mut self) {
        self.0.close();
        while self.0.try_recv().is_ok() {}
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> Wish {
        match self.0.recv().await {
            Some(wish) => wish,
            None => std::future::pending().await,
        }
    }
}

impl Live {
    pub(crate) fn new(reloader: Arc<Reloader>, upgrades: mpsc::Sender<Wish>) -> Self {
        Self { reloader, upgrades }
    }
}

impl Control for Live {
    fn is_ready(&self) -> bool {
        self.reloader.gateway().is_ready()
    }

    fn status(&self) -> Status {
        self.reloader.gateway().status()
    }

    fn routes(&self) -> Vec<RouteStatus> {
        self.reloader.gateway().routes()
    }

    fn config(&self) -> Value {
        self.reloader.redacted()
    }

    fn reload(&self) -> Result<Reloaded, String> {
        let changes = self.reloader.reload()?;
        for change in &changes {
            tracing::info!("{change}");
        }
        Ok(Reloaded {
            generation: self.status().generation,
            changes,
        })
    }

    fn edit_endpoints(
        &self,
        upstream: &str,
        edit: EndpointEdit,
    ) -> Result<EndpointsAfter, EditError> {
        let changes = lines(&edit);
        let edit = tenfold_gateway::EndpointEdit {
            add: edit.add,
            remove: edit.remove,
            drain: edit.drain,
            undrain: edit.undrain,
        };
        let gateway = self.reloader.gateway();
        let edited = gateway.edit_endpoints(upstream, &edit, PATIENCE);
        let status = gateway.status();
        edited.map_err(|error| match error {
            tenfold_gateway::EditError::NoUpstream(_) => {
                EditError::NoUpstream(status.upstreams.iter().map(|it| it.name.clone()).collect())
            }
            tenfold_gateway::EditError::NoServer(name) => EditError::NoEndpoint(name),
            tenfold_gateway::EditError::AlreadyThere(name) => EditError::AlreadyThere(name),
            error @ tenfold_gateway::EditError::Leaving => EditError::NotNow(error.to_string()),
            error @ (tenfold_gateway::EditError::Unresolved(_)
            | tenfold_gateway::EditError::TooMany) => EditError::Refused(error.to_string()),
        })?;
        for change in &changes {
            tracing::info!("upstream {upstream}: {change}");
        }
        let upstream = status.upstreams.into_iter().find(|it| it.name == upstream);
        Ok(EndpointsAfter {
            changes,
            endpoints: upstream.map(|it| it.endpoints).unwrap_or_default(),
        })
    }

    fn caches(&self) -> Vec<CacheStatus> {
        self.reloader.gateway().caches()
    }

    fn purge(&self, wish: &PurgeWish) -> Result<Vec<(String, Purged)>, PurgeError> {
        let gateway = self.reloader.gateway();
        gateway.purge(wish.cache.as_deref(), &wish.what, wish.is_soft)
    }

    fn cached(&self, cache: Option<&str>, url: &str) -> Result<Vec<CachedEntry>, PurgeError> {
        self.reloader.gateway().cached(cache, url)
    }

    fn look_at_limit(&self, limit: &str, client: &LimitClient) -> Result<LimitLook, LookError> {
        self.reloader.gateway().look_at_limit(limit, client)
    }

    fn upgrade(&self) -> Result<(), String> {
        let (answer, told) = oneshot::channel();
        let sent = self.upgrades.try_send(Wish(answer));
        sent.map_err(|error| match error {
            TrySendError::Full(_) => "an upgrade is under way already".to_owned(),
            TrySendError::Closed(_) => "the gateway is ending".to_owned(),
        })?;
        match told.blocking_recv() {
            Ok(result) => result.map(|_| ()),
            Err(_) => Err("the gateway is ending".into()),
        }
    }
}

/// What an edit changes, one line each.
fn lines(edit: &EndpointEdit) -> Vec<String> {
    let added = edit.add.iter().map(|it| format!("{} added", it.name));
    let named = |names: &'_ [String], what: &'static str| -> Vec<String> {
        names.iter().map(|name| format!("{name} {what}")).collect()
    };
    added
        .chain(named(&edit.remove, "removed"))
        .chain(named(&edit.drain, "drains"))
        .chain(named(&edit.undrain, "gets requests again"))
        .collect()
}
