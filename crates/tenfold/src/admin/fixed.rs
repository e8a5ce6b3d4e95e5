//! A gateway that was started from arguments alone: it can be looked at, and what it is stays.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use tenfold_gateway::config::{Address, Settings};
use tenfold_gateway::{
    EndpointStatus, Gateway, ListenerStatus, RouteStatus, Status, UpstreamStatus,
};

use super::control::{Control, EditError, EndpointEdit, EndpointsAfter, Reloaded};

/// Such a gateway.
pub(crate) struct Fixed {
    gateway: Arc<Gateway>,
    settings: Settings,
    started: Instant,
}

/// The name of its only listener, upstream and route.
const NAME: &str = "default";

impl Fixed {
    pub(crate) fn new(gateway: Arc<Gateway>, settings: Settings) -> Self {
        Self {
            gateway,
            settings,
            started: Instant::now(),
        }
    }

    fn address(&self) -> SocketAddr {
        self.gateway.address()
    }
}

impl Control for Fixed {
    fn is_ready(&self) -> bool {
        self.gateway.is_ready()
    }

    fn status(&self) -> Status {
        let endpoint = |server: &tenfold_gateway::config::Server| EndpointStatus {
            name: server.name.clone(),
            address: match &server.address {
                Address::Tcp(addresses) => addresses.first().map(ToString::to_string),
                Address::Unix(path) => Some(format!("unix:{}", path.display())),
            }
            .unwrap_or_default(),
            weight: 1,
            ..EndpointStatus::default()
        };
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            generation: 1,
            uptime_seconds: self.started.elapsed().as_secs_f64(),
            workers: self.settings.workers,
            listeners: vec![ListenerStatus {
                name: NAME.to_owned(),
                address: self.address().to_string(),
                ..ListenerStatus::default()
            }],
            upstreams: vec![UpstreamStatus {
                name: NAME.to_owned(),
                algorithm: self.settings.balance.name().to_owned(),
                endpoints: self.settings.servers.iter().map(endpoint).collect(),
                ..UpstreamStatus::default()
            }],
            ..Status::default()
        }
    }

    fn routes(&self) -> Vec<RouteStatus> {
        vec![RouteStatus {
            name: NAME.to_owned(),
            action: format!("upstream {NAME}"),
            ..RouteStatus::default()
        }]
    }

    fn config(&self) -> Value {
        let servers = self.settings.servers.iter();
        let servers: Vec<_> = servers.map(|server| &server.name).collect();
        json!({
            "gateway": { "workers": self.settings.workers },
            "listener": { NAME: { "listen": self.address().to_string() } },
            "upstream": { NAME: { "servers": servers, "balance": self.settings.balance.name() } },
            "route": [{ "upstream": NAME }],
        })
    }

    fn reload(&self) -> Result<Reloaded, String> {
        Err("this gateway was started from arguments: there is no file to read again".into())
    }

    fn edit_endpoints(&self, upstream: &str, _: EndpointEdit) -> Result<EndpointsAfter, EditError> {
        if upstream != NAME {
            return Err(EditError::NoUpstream(vec![NAME.to_owned()]));
        }
        let why = "this gateway was started with --to: its endpoints stay; start it with a configuration file";
        Err(EditError::Refused(why.into()))
    }

    fn upgrade(&self) -> Result<(), String> {
        Err("this gateway was started from arguments: restart it".into())
    }
}
