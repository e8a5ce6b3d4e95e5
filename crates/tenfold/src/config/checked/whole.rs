//! What only the whole shows: addresses that collide, circles, routes that nothing reaches, upstreams that nobody uses.

use std::collections::HashSet;
use std::net::SocketAddr;

use tenfold_gateway::config::Config;
use tenfold_gateway::config::route::{Action, Fallback};
use tenfold_gateway::config::upstream::Address;
use tenfold_gateway::route::{Table, TableError};

use super::{Process, Scope};
use crate::config::diagnostic::Place;
use crate::config::raw;
use crate::config::read::Field;
use crate::config::shape::Named;

pub(super) fn check(file: &raw::File, config: &Config, process: &Process, scope: &mut Scope<'_>) {
    let bound = addresses(file, process, scope);
    circles(file, &bound, scope);
    if scope.report.has_errors() {
        // Indexes are valid only in what has no errors, and what is unused may be so by a mistake.
        return;
    }
    unreachable_route(file, config, scope);
    idle_listeners(file, config, scope);
    unused_upstreams(file, config, scope);
    unused_caches(file, config, scope);
    unused_limits(file, config, scope);
    unused_shared(file, config, scope);
}

/// An address that this process listens on, what for, and where that is written.
struct Bound {
    address: SocketAddr,
    what: String,
    is_admin: bool,
    at: Option<Place>,
}

fn addresses(file: &raw::File, process: &Process, scope: &mut Scope<'_>) -> Vec<Bound> {
    let admin_at = file.admin.value().and_then(|admin| admin.listen.at());
    let mut bound = vec![Bound {
        address: process.admin,
        what: "the admin side".to_owned(),
        is_admin: true,
        at: admin_at,
    }];
    for (name, listener) in file.listener.value().into_iter().flat_map(Named::given) {
        let Some(listen) = listener.value.listen.given() else {
            continue;
        };
        let address = listen.value.0;
        if let Some(other) = bound.iter().find(|other| overlap(other.address, address)) {
            let message = format!("{address} is taken by {} already", other.what);
            let help = match other.at {
                Some(_) => "choose another port",
                None => {
                    "choose another port, or say where the admin side listens: [admin] listen = \"127.0.0.1:9901\""
                }
            };
            let error = scope.report.error(listen.at, message, help);
            if let Some(other) = other.at {
                error.also(other, "the other one");
            }
        }
        bound.push(Bound {
            address,
            what: format!("[listener.{}]", name.value),
            is_admin: false,
            at: Some(listen.at),
        });
    }
    bound
}

/// True if both cannot be listened on at the same time. `0.0.0.0` takes the port of every address.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let is_any = one.ip().is_unspecified() || other.ip().is_unspecified();
    // Linux lets :: take IPv4 too, unless told otherwise.
    let is_same_family = one.is_ipv4() == other.is_ipv4()
        || (one.is_ipv6() && one.ip().is_unspecified())
        || (other.is_ipv6() && other.ip().is_unspecified());
    one.port() == other.port()
        && one.port() != 0
        && (one.ip() == other.ip() || (is_any && is_same_family))
}

/// A server that is this gateway itself would get its own requests for ever.
fn circles(file: &raw::File, bound: &[Bound], scope: &mut Scope<'_>) {
    let upstreams = file.upstream.value().into_iter().flat_map(Named::given);
    let servers = upstreams.flat_map(|(_, upstream)| {
        let servers = upstream.value.servers.value();
        servers.map_or(&[][..], |servers| &servers.0)
    });
    for server in servers {
        let Some(endpoint) = server.value.address.given() else {
            continue;
        };
        let (name, address) = &endpoint.value.0;
        if let Some(own) = bound.iter().find(|own| reaches(address, own.address)) {
            let message = match own.is_admin {
                true => format!("the server `{name}` is this gateway's admin side"),
                false => format!(
                    "the server `{name}` is this gateway itself ({}): requests would go in a circle",
                    own.what
                ),
            };
            let help = "give the address of your service, or listen on another port";
            scope.report.error(endpoint.at, message, help);
        }
    }
}

fn reaches(server: &Address, own: SocketAddr) -> bool {
    let is_here = |address: &SocketAddr| {
        let ip = address.ip().to_canonical();
        // 0.0.0.0 is reached by every address of this machine; :: by those of IPv4, too.
        let is_any = own.ip().is_unspecified() && (own.is_ipv6() || ip.is_ipv4());
        let is_local = ip.is_loopback() || ip.is_unspecified();
        address.port() == own.port() && (ip == own.ip() || (is_any && is_local))
    };
    match server {
        Address::Tcp(addresses) => addresses.iter().any(is_here),
        Address::Name { host, port } => {
            let is_local = host == "localhost" || host.ends_with(".localhost");
            is_local && *port == own.port() && (own.ip().is_loopback() || own.ip().is_unspecified())
        }
        Address::Unix(_) => false,
    }
}

/// A route that the gateway would refuse, because another one takes all of its requests.
fn unreachable_route(file: &raw::File, config: &Config, scope: &mut Scope<'_>) {
    let table = Table::new(&config.routes, config.listeners.len());
    let Err(TableError::Unreachable { route, by }) = table else {
        return;
    };
    let raws = file.route.value().map_or(&[][..], |all| &all.0);
    let place = |name: &str| {
        let index = config.routes.iter().position(|it| it.name == name);
        index.and_then(|index| raws.get(index)).map(|raw| raw.at)
    };
    let message =
        format!("this route is never taken: `{by}` matches the same requests and goes before it");
    let help = "remove one of them, or add a condition (method, header, query)";
    let at = place(&route).unwrap_or_default();
    let error = scope.report.error(at, message, help);
    if let Some(by) = place(&by) {
        error.also(by, "this one is taken");
    }
}

fn idle_listeners(file: &raw::File, config: &Config, scope: &mut Scope<'_>) {
    let is_for_all = config
        .routes
        .iter()
        .any(|route| route.matches.listeners.is_empty());
    let used: HashSet<usize> = config
        .routes
        .iter()
        .flat_map(|route| route.matches.listeners.iter().copied())
        .collect();
    let names = file.listener.value().into_iter().flat_map(|all| &all.0);
    for (index, (name, _)) in names.enumerate() {
        if !is_for_all && !used.contains(&index) {
            let message = format!(
                "[listener.{}] has no route: it answers 404 to everything",
                name.value
            );
            let help = format!("add a [[route]] with listener = \"{}\"", name.value);
            scope.report.warning(name.at, message, help);
        }
    }
}

fn unused_upstreams(file: &raw::File, config: &Config, scope: &mut Scope<'_>) {
    let mut used = HashSet::new();
    for route in &config.routes {
        if let Action::Forward(shares) = &route.action {
            used.extend(shares.iter().map(|share| share.upstream));
        }
        used.extend(route.mirror.map(|mirror| mirror.upstream));
        used.extend(route.fallback.iter().filter_map(|it| match it {
            Fallback::Upstream(index) => Some(*index),
            Fallback::Stale | Fallback::File(_) => None,
        }));
    }
    unused("upstream", &file.upstream, &used, scope);
}

fn unused_caches(file: &raw::File, config: &Config, scope: &mut Scope<'_>) {
    let used: HashSet<_> = config.routes.iter().filter_map(|it| it.cache).collect();
    unused("cache", &file.cache, &used, scope);
}

fn unused_limits(file: &raw::File, config: &Config, scope: &mut Scope<'_>) {
    let charges = config.routes.iter().flat_map(|route| &route.limits);
    let used: HashSet<_> = charges.map(|charge| charge.limit).collect();
    unused("limit", &file.limit, &used, scope);
}

/// Warns of what has a name and is used by no route.
fn unused<T>(kind: &str, all: &Field<Named<T>>, used: &HashSet<usize>, scope: &mut Scope<'_>) {
    let names = all.value().into_iter().flat_map(|all| &all.0);
    for (index, (name, _)) in names.enumerate() {
        if !used.contains(&index) {
            let message = format!("no route uses the {kind} `{}`", name.value);
            let help = format!(
                "add {kind} = \"{}\" to a [[route]], or remove it",
                name.value
            );
            scope.report.warning(name.at, message, help);
        }
    }
}

fn unused_shared(file: &raw::File, config: &Config, scope: &mut Scope<'_>) {
    let is_shared = config.caches.iter().any(|cache| cache.redis.is_some())
        || config.limits.iter().any(|limit| limit.shared.is_some());
    if let (false, Some(at)) = (is_shared, file.shared.at()) {
        let help = "add shared = true to a [cache.NAME] or a [limit.NAME], or remove it";
        scope.report.warning(at, "nothing is in [shared]", help);
    }
}
