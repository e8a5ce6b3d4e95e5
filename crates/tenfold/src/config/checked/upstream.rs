//! Upstreams: policies, servers, where more of them are found, probes.

use std::collections::HashMap;
use std::time::Duration;

use tenfold_gateway::config::upstream::{Check, HashKey, Probe, Server, Source, Sticky, Upstream};
use tenfold_traffic::{Algorithm, Outlier, Policy};

use super::{Scope, concurrency, resilience};
use crate::config::diagnostic::At;
use crate::config::host;
use crate::config::raw;
use crate::config::raw::upstream::{Balance, Health};
use crate::config::read::Field;
use crate::config::scalar::{Share, Time};
use crate::config::shape::{Named, Switch};

/// Largest weight: products of weights stay exact.
const MOST_WEIGHT: u64 = 1_000_000;

pub(super) fn check(
    file: &raw::File,
    own_zone: Option<&str>,
    scope: &mut Scope<'_>,
) -> Vec<Upstream> {
    let timeouts = file.timeouts.or(raw::gateway::Timeouts::default());
    let connect = time(&timeouts.connect, Upstream::new("").connect_timeout);
    let all = file.upstream.value().into_iter().flat_map(Named::given);
    all.map(|(name, upstream)| one(name, upstream, own_zone, connect, scope))
        .collect()
}

fn time(field: &Field<Time>, default: Duration) -> Duration {
    field.value().map_or(default, |time| time.0)
}

fn one(
    name: &At<String>,
    upstream: &At<raw::upstream::Upstream>,
    own_zone: Option<&str>,
    connect: Duration,
    scope: &mut Scope<'_>,
) -> Upstream {
    let raw = &upstream.value;
    let standard = Upstream::new("");
    let servers = servers(raw, scope);
    let sources = sources(raw, scope);
    if raw.servers.is_missing() && raw.discover.is_missing() {
        let message = format!("the upstream `{}` has no servers", name.value);
        let help = "add servers = [\"HOST:PORT\"], or discover = { dns = \"NAME:PORT\" }";
        scope.report.error(name.at, message, help);
    }
    let gets_nothing = !servers.is_empty() && servers.iter().all(|server| server.weight == 0);
    if let (true, true, Some(at)) = (gets_nothing, raw.discover.is_missing(), raw.servers.at()) {
        let message = format!("all servers of `{}` have the weight 0", name.value);
        scope
            .report
            .error(at, message, "give at least one a weight of 1 or more");
    }
    let breaker = resilience::breaker(&raw.breaker, scope);
    let mut policy = policy(raw, own_zone, scope);
    policy.breaker = breaker.of_each;
    Upstream {
        name: name.value.clone(),
        policy,
        hash: hash(raw, scope),
        sticky: sticky(&name.value, &raw.sticky),
        servers,
        sources,
        probe: raw.health.given().and_then(|health| probe(health, scope)),
        concurrency: concurrency::check(&raw.concurrency, scope),
        retry: resilience::retry(&raw.retry, scope),
        hedge: resilience::hedge(&raw.hedge, scope),
        breaker: breaker.of_all,
        connect_timeout: time(&raw.connect_timeout, connect),
        idle_timeout: time(&raw.idle_timeout, standard.idle_timeout),
        idle_connections: scope
            .count("idle_connections", &raw.idle_connections, 0..=1_000_000)
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or(standard.idle_connections),
    }
}

fn servers(raw: &raw::upstream::Upstream, scope: &mut Scope<'_>) -> Vec<Server> {
    let mut servers: Vec<Server> = Vec::new();
    let mut seen = HashMap::new();
    for server in raw.servers.value().into_iter().flat_map(|all| &all.0) {
        let Some(address) = server.value.address.given() else {
            continue;
        };
        let (name, address) = &address.value.0;
        if let Some(first) = seen.insert(format!("{address:?}"), server.at) {
            let message = format!("the server `{name}` is given twice");
            let help = "give each once; more requests come with a larger `weight`";
            scope
                .report
                .error(server.at, message, help)
                .also(first, "first here");
        }
        let weight = scope.count("weight", &server.value.weight, 0..=MOST_WEIGHT);
        servers.push(Server {
            name: name.clone(),
            address: address.clone(),
            weight: weight.map_or(1, as_u32),
            zone: server
                .value
                .zone
                .value()
                .map(|zone| zone.0.clone())
                .unwrap_or_default(),
        });
    }
    servers
}

fn as_u32(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn sources(raw: &raw::upstream::Upstream, scope: &mut Scope<'_>) -> Vec<Source> {
    let all = raw.discover.value().into_iter().flat_map(|all| &all.0);
    all.filter_map(|source| one_source(source, scope)).collect()
}

fn one_source(source: &At<raw::upstream::Source>, scope: &mut Scope<'_>) -> Option<Source> {
    let raw::upstream::Source { dns, srv, file } = &source.value;
    let given = [!dns.is_missing(), !srv.is_missing(), !file.is_missing()];
    if given.iter().filter(|given| **given).count() != 1 {
        let message = "`discover` takes exactly one of `dns`, `srv` and `file` for each source";
        let help = "for several write a list: discover = [{ dns = \"app.internal:3000\" }, { file = \"/etc/app.servers\" }]";
        scope.report.error(source.at, message, help);
        return None;
    }
    if let Some(dns) = dns.value() {
        let (host, port) = dns.0.clone();
        return Some(Source::Dns { host, port });
    }
    if let Some(srv) = srv.given() {
        let Ok(name) = host::host_name(&srv.value) else {
            let message = "`srv` takes the whole name of a service";
            let help = "for example _http._tcp.app.internal, without a port";
            scope.report.error(srv.at, message, help);
            return None;
        };
        return Some(Source::Srv { name });
    }
    let file = file.given()?;
    let path = scope.resolve(&file.value.0, file.at);
    if !scope.files.exists(&path) {
        let message = format!("{} does not exist", path.display());
        scope
            .report
            .warning(file.at, message, "until it does it has no servers");
    }
    Some(Source::File(path))
}

fn policy(raw: &raw::upstream::Upstream, own_zone: Option<&str>, scope: &mut Scope<'_>) -> Policy {
    let standard = Policy::default();
    let zones = match raw.zones.value() {
        Some(zones) => zones.0.iter().map(|zone| zone.value.0.clone()).collect(),
        None => own_zone.map(str::to_owned).into_iter().collect(),
    };
    let bound = scope.within(
        "bounded_load",
        &raw.bounded_load,
        |number| number.0,
        1.0..=1000.0,
        "give a number from 1, for example 1.25: a quarter more than its share",
    );
    let algorithm = algorithm(raw);
    if !hashes(algorithm) {
        let why = "only ring_hash and maglev have a bound";
        scope.without_effect("bounded_load", raw.bounded_load.at(), why);
    }
    Policy {
        algorithm,
        bounded_load: bound.unwrap_or(standard.bounded_load),
        slow_start: time(&raw.slow_start, standard.slow_start),
        zones,
        overprovision: scope
            .within(
                "overprovision",
                &raw.overprovision,
                share,
                1.0..=100.0,
                "give a share from 100%, for example 140%",
            )
            .unwrap_or(standard.overprovision),
        panic: scope
            .within(
                "panic",
                &raw.panic,
                share,
                0.0..=1.0,
                "give a share from 0% to 100%",
            )
            .unwrap_or(standard.panic),
        outlier: outlier(&raw.outlier, scope),
        breaker: None,
    }
}

fn share(share: &Share) -> f64 {
    share.0
}

fn algorithm(raw: &raw::upstream::Upstream) -> Algorithm {
    match raw.balance.or(Balance::P2c) {
        Balance::RoundRobin => Algorithm::RoundRobin,
        Balance::LeastRequest => Algorithm::LeastRequest,
        Balance::P2c => Algorithm::P2c,
        Balance::PeakEwma => Algorithm::PeakEwma,
        Balance::IpHash => Algorithm::IpHash,
        Balance::RingHash => Algorithm::RingHash,
        Balance::Maglev => Algorithm::Maglev,
        Balance::Random => Algorithm::Random,
    }
}

fn hashes(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::RingHash | Algorithm::Maglev)
}

fn hash(raw: &raw::upstream::Upstream, scope: &mut Scope<'_>) -> HashKey {
    // A wrong `balance` has been reported, and may have been meant as one that hashes.
    let is_known = raw.balance.is_missing() || raw.balance.given().is_some();
    if is_known && !hashes(algorithm(raw)) {
        let why = "only ring_hash and maglev hash what they are told";
        scope.without_effect("hash", raw.hash.at(), why);
        return HashKey::ClientIp;
    }
    raw.hash
        .value()
        .map(|hash| hash.0.clone())
        .unwrap_or_default()
}

fn outlier(field: &Field<Switch<raw::upstream::Outlier>>, scope: &mut Scope<'_>) -> Outlier {
    let standard = Outlier::default();
    let raw = match field.value() {
        None => return standard,
        Some(Switch::Off) => {
            return Outlier {
                consecutive_failures: 0,
                ..standard
            };
        }
        Some(Switch::On(raw)) => raw,
    };
    let eject = time(&raw.eject, standard.eject);
    let longest = time(&raw.longest, standard.longest.max(eject));
    if let (true, Some(at)) = (longest < eject, raw.longest.at().or(raw.eject.at())) {
        let message = "`longest` is shorter than `eject`";
        scope.report.error(
            at,
            message,
            "the longest ejection is at least as long as the first one",
        );
    }
    let most = u64::from(u32::MAX);
    Outlier {
        consecutive_failures: scope
            .count("consecutive_failures", &raw.consecutive_failures, 0..=most)
            .map_or(standard.consecutive_failures, as_u32),
        success_rate_deviations: scope
            .within(
                "success_rate",
                &raw.success_rate,
                |number| number.0,
                0.1..=100.0,
                "give standard deviations, for example 1.9",
            )
            .unwrap_or(standard.success_rate_deviations),
        latency_factor: scope
            .within(
                "latency",
                &raw.latency,
                |number| number.0,
                1.1..=1e6,
                "give a factor of more than 1, for example 5.0",
            )
            .unwrap_or(standard.latency_factor),
        interval: time(&raw.interval, standard.interval),
        least_requests: scope
            .count("least_requests", &raw.least_requests, 1..=most)
            .map_or(standard.least_requests, as_u32),
        eject,
        longest,
        max_ejected: scope
            .within(
                "max_ejected",
                &raw.max_ejected,
                share,
                0.0..=1.0,
                "give a share from 0% to 100%",
            )
            .unwrap_or(standard.max_ejected),
    }
}

fn sticky(upstream: &str, field: &Field<Switch<raw::upstream::Sticky>>) -> Option<Sticky> {
    let Some(Switch::On(raw)) = field.value() else {
        return None;
    };
    let cookie = raw.cookie.value().map(|cookie| cookie.0.clone());
    Some(Sticky {
        cookie: cookie.unwrap_or_else(|| format!("tenfold-{upstream}")),
        max_age: raw.max_age.value().map(|time| time.0),
        secure: raw.secure.or(false),
    })
}

fn probe(health: &At<Health>, scope: &mut Scope<'_>) -> Option<Probe> {
    let raw = &health.value;
    let every = time(&raw.every, Duration::from_secs(2));
    let timeout = time(&raw.timeout, Duration::from_secs(1).min(every));
    if let (true, Some(at)) = (timeout > every, raw.timeout.at().or(raw.every.at())) {
        let message = "`timeout` of a probe is longer than `every`";
        scope
            .report
            .error(at, message, "a probe ends before the next one begins");
    }
    let rise = scope.count("rise", &raw.rise, 1..=1000).map_or(2, as_u32);
    let fall = scope.count("fall", &raw.fall, 1..=1000).map_or(3, as_u32);
    let port = scope.count("port", &raw.port, 1..=65535);
    Some(Probe {
        check: what_is_asked(health, scope)?,
        every,
        timeout,
        rise,
        fall,
        port: port.and_then(|port| u16::try_from(port).ok()),
    })
}

fn what_is_asked(health: &At<Health>, scope: &mut Scope<'_>) -> Option<Check> {
    let raw = &health.value;
    let is_tcp = raw.tcp.or(false);
    if is_tcp {
        for (key, at) in [
            ("path", raw.path.at()),
            ("status", raw.status.at()),
            ("body", raw.body.at()),
            ("host", raw.host.at()),
        ] {
            if let Some(at) = at {
                let message = format!("`{key}` cannot be asked for with `tcp = true`");
                scope.report.error(at, message, "leave out one of the two");
            }
        }
        return Some(Check::Tcp);
    }
    if raw.path.is_missing() && !matches!(raw.tcp, Field::Wrong) {
        let help =
            "add path = \"/healthz\", or tcp = true to see only whether it takes connections";
        scope
            .report
            .error(health.at, "`health` does not say what is asked", help);
    }
    if let Some(host) = raw.host.given() {
        let is_host = |text: &str| {
            let name = text.rsplit_once(':').map_or(text, |(name, _)| name);
            host::host_name(name).is_ok() || text.parse::<std::net::IpAddr>().is_ok()
        };
        if !is_host(&host.value) && host.value.parse::<std::net::SocketAddr>().is_err() {
            let message = "`host` takes the name that the server knows itself by";
            scope
                .report
                .error(host.at, message, "for example app.example.com");
        }
    }
    Some(Check::Http {
        path: raw.path.value()?.0.clone(),
        host: raw.host.value().cloned(),
        status: raw
            .status
            .value()
            .map_or_else(|| vec![200..=399], |status| status.0.clone()),
        body: raw.body.value().cloned(),
    })
}
