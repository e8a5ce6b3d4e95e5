//! Without a file: what `tenfold run --to SERVER` means.

use std::net::SocketAddr;

use tenfold_gateway::config::cache::largest_in;
use tenfold_gateway::config::route::{Action, FieldEdits, Match, PathEdit, RouteTimeouts, Share};
use tenfold_gateway::config::{Address, Cache, Config, Listener, Route, Server, Upstream};
use tenfold_traffic::resilience::priority::Priority;

use super::Refusal;
use crate::cli::Run;
use crate::config::Process;

/// The configuration that the arguments stand for.
pub(crate) fn config(arguments: &Run) -> Result<(Config, Process), Refusal> {
    check(arguments)?;
    let timeouts = &arguments.timeouts;
    let defaults = Listener::default();
    let listener = Listener {
        address: arguments.listen,
        trusted_proxies: arguments.trusted_proxies.clone(),
        head_timeout: timeouts.head_timeout,
        idle_timeout: timeouts.idle_timeout,
        head_limits: tenfold_http1::Limits {
            head: arguments.limits.max_head,
            ..defaults.head_limits
        },
        ..defaults
    };
    let mut upstream = Upstream::new("default");
    upstream.policy.algorithm = arguments.balance.into();
    upstream.servers.clone_from(&arguments.to);
    upstream.connect_timeout = timeouts.connect_timeout;
    let route = Route {
        name: "default".into(),
        matches: Match::default(),
        action: Action::Forward(vec![Share {
            upstream: 0,
            weight: 1,
        }]),
        path: PathEdit::Keep,
        request_fields: FieldEdits::default(),
        response_fields: FieldEdits::default(),
        timeouts: RouteTimeouts {
            response: timeouts.response_timeout,
            deadline: None,
            body: timeouts.body_timeout,
            tunnel: timeouts.tunnel_timeout,
        },
        deadline_header: None,
        max_body: arguments.limits.max_body,
        mirror: None,
        cache: arguments.cache.map(|_| 0),
        limits: Vec::new(),
        concurrency: None,
        fallback: Vec::new(),
        priority: Priority::Normal,
        priority_header: None,
    };
    let cache = |memory| {
        let mut cache = Cache::new("default");
        cache.memory = memory;
        // More than memory can hold in one piece would be fetched into it as a whole, and then be thrown away.
        cache.policy.max_object = cache.policy.max_object.min(largest_in(memory));
        cache
    };
    let config = Config {
        listeners: vec![listener],
        routes: vec![route],
        upstreams: vec![upstream],
        caches: arguments.cache.map(cache).into_iter().collect(),
        limits: Vec::new(),
    };
    let process = Process {
        workers: arguments.workers.map(usize::from),
        max_connections: arguments
            .limits
            .max_connections
            .map(|count| usize::try_from(count).unwrap_or(usize::MAX)),
        access_log: arguments.access_log.clone(),
        drain_timeout: timeouts.drain_timeout,
        admin: arguments.admin,
        admin_token: arguments.admin_token.clone(),
        ..Process::default()
    };
    Ok((config, process))
}

/// What can be seen to be wrong before anything is opened.
fn check(arguments: &Run) -> Result<(), Refusal> {
    if !arguments.admin.ip().is_loopback() && arguments.admin_token.is_none() {
        return Err(Refusal::new(
            format!(
                "--admin {} can be reached by others, and no token protects it",
                arguments.admin
            ),
            "add --admin-token env:NAME or file:PATH, or listen on 127.0.0.1",
        ));
    }
    for (index, server) in arguments.to.iter().enumerate() {
        if arguments.to[..index]
            .iter()
            .any(|other| other.name == server.name)
        {
            return Err(Refusal::new(
                format!("--to {} is given twice", server.name),
                "give each server once; larger shares for some come with weights, in a file: see tenfold run --help",
            ));
        }
        if is_ourselves(server, arguments.listen) || is_ourselves(server, arguments.admin) {
            return Err(Refusal::new(
                format!(
                    "--to {} is this gateway itself: requests would go in a circle",
                    server.name
                ),
                "give the address of your service, or another --listen",
            ));
        }
    }
    Ok(())
}

fn is_ourselves(server: &Server, listen: SocketAddr) -> bool {
    let is_here = |address: &SocketAddr| {
        let is_same = address.ip() == listen.ip()
            || (listen.ip().is_unspecified() && address.ip().is_loopback());
        address.port() == listen.port() && is_same
    };
    match &server.address {
        Address::Tcp(addresses) => addresses.iter().any(is_here),
        Address::Name { host, port } => {
            host == "localhost" && is_here(&SocketAddr::from(([127, 0, 0, 1], *port)))
        }
        Address::Unix(_) => false,
    }
}
