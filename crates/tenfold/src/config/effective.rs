//! A configuration as it takes effect, for `/api/v1/config`: every default filled in, in the words of the file.

mod cache;
mod concurrency;
mod limit;
mod resilience;

use std::time::Duration;

use serde_json::{Map, Value, json};
use tenfold_gateway::config::cache::Redis;
use tenfold_gateway::config::listener::Listener;
use tenfold_gateway::config::route::{Action, Condition, FieldEdits, PathEdit, Route, Share, Test};
use tenfold_gateway::config::upstream::{Check, HashKey, Probe, Server, Source, Upstream};
use tenfold_gateway::config::{Config, sounds_secret};
use tenfold_gateway::route::pattern::{HostPattern, Part, PathPattern, Segment, Template};
use tenfold_observe::lines;
use tenfold_traffic::Outlier;

use super::Process;

/// Everything but what cannot be shown: of secrets where they were read, of bodies their size.
pub(crate) fn describe(config: &Config, process: &Process) -> Value {
    let mut listeners = Map::new();
    for listener in &config.listeners {
        listeners.insert(listener.name.clone(), describe_listener(listener));
    }
    let mut upstreams = Map::new();
    for upstream in &config.upstreams {
        upstreams.insert(upstream.name.clone(), describe_upstream(upstream));
    }
    let caches = config.caches.iter();
    let caches = caches.map(|it| (it.name.clone(), cache::describe(it)));
    let caches: Map<_, _> = caches.collect();
    let limits = config.limits.iter();
    let limits = limits.map(|it| (it.name.clone(), limit::describe(it)));
    let limits: Map<_, _> = limits.collect();
    let routes: Vec<_> = config
        .routes
        .iter()
        .map(|route| describe_route(route, config))
        .collect();
    json!({
        "gateway": {
            "workers": process.workers,
            "access_log": process.access_log.as_ref().map(log),
            "zone": process.zone,
            "drain_timeout": time(process.drain_timeout),
            "max_connections": process.max_connections,
            "watch": process.watch,
        },
        "admin": {
            "listen": process.admin.to_string(),
            "token": process.admin_token_source.as_deref().or(process.admin_token.as_ref().map(|_| "••••")),
        },
        "listener": listeners,
        "route": routes,
        "upstream": upstreams,
        "cache": caches,
        "limit": limits,
        "shared": shared(config).map(cache::shared),
    })
}

/// The Redis that caches and limits share.
fn shared(config: &Config) -> Option<&Redis> {
    let caches = config.caches.iter().filter_map(|it| it.redis.as_ref());
    let limits = config.limits.iter().filter_map(|it| it.shared.as_ref());
    caches.chain(limits.map(|it| &it.redis)).next()
}

fn log(target: &lines::Target) -> String {
    match target {
        lines::Target::Stdout => "-".to_owned(),
        lines::Target::File(path) => path.display().to_string(),
    }
}

/// In the largest unit of which it is a whole number.
fn time(time: Duration) -> String {
    let millis = time.as_millis();
    let is_whole = time.subsec_nanos().is_multiple_of(1_000_000);
    for (unit, name) in [(3_600_000, "h"), (60_000, "m"), (1000, "s")] {
        if is_whole && millis > 0 && millis.is_multiple_of(unit) {
            return format!("{}{name}", millis / unit);
        }
    }
    match is_whole {
        true => format!("{millis}ms"),
        false => format!("{}ms", time.as_secs_f64() * 1e3),
    }
}

fn describe_listener(listener: &Listener) -> Value {
    let trusted: Vec<_> = listener
        .trusted_proxies
        .iter()
        .map(ToString::to_string)
        .collect();
    json!({
        "listen": listener.address.to_string(),
        "protocol": "http",
        "trusted_proxies": trusted,
        "head_timeout": time(listener.head_timeout),
        "idle_timeout": time(listener.idle_timeout),
        "max_head": listener.head_limits.head,
    })
}

fn describe_route(route: &Route, config: &Config) -> Value {
    let matches = &route.matches;
    let listeners: Vec<_> = matches
        .listeners
        .iter()
        .map(|index| &config.listeners[*index].name)
        .collect();
    let mut value = json!({
        "name": route.name,
        "listener": listeners,
        "host": matches.hosts.iter().map(host).collect::<Vec<_>>(),
        "path": matches.paths.iter().map(path).collect::<Vec<_>>(),
        "method": matches.methods,
        "header": conditions(&matches.headers),
        "query": conditions(&matches.query),
        "request_headers": edits(&route.request_fields),
        "response_headers": edits(&route.response_fields),
        "timeout": time(route.timeouts.response),
        "deadline": route.timeouts.deadline.map(time),
        "deadline_header": route.deadline_header,
        "body_timeout": time(route.timeouts.body),
        "tunnel_timeout": time(route.timeouts.tunnel),
        "max_body": route.max_body,
    });
    if let Some(cache) = route.cache {
        value["cache"] = json!(config.caches[cache].name);
    }
    if !route.limits.is_empty() {
        let charges = route.limits.iter();
        let charges =
            charges.map(|it| json!({ "name": config.limits[it.limit].name, "cost": it.cost }));
        value["limit"] = charges.collect();
    }
    value["priority"] = json!(route.priority.name());
    if let Some(header) = &route.priority_header {
        value["priority_header"] = concurrency::priority_header(header);
    }
    if !route.fallback.is_empty() {
        value["fallback"] = concurrency::fallback(&route.fallback, config);
    }
    if let Some(concurrency) = &route.concurrency {
        value["concurrency"] = concurrency::describe(concurrency);
    }
    let (key, action) = describe_action(&route.action, config);
    value[key] = action;
    match &route.path {
        PathEdit::Keep => {}
        PathEdit::Strip(start) => value["strip"] = json!(start),
        PathEdit::Rewrite(to) => value["rewrite"] = json!(template(to)),
    }
    if let Some(mirror) = route.mirror {
        let name = &config.upstreams[mirror.upstream].name;
        value["mirror"] = json!({ "upstream": name, "share": mirror.share });
    }
    value
}

fn describe_action(action: &Action, config: &Config) -> (&'static str, Value) {
    match action {
        Action::Forward(shares) => {
            let share = |share: &Share| json!({ "name": config.upstreams[share.upstream].name, "weight": share.weight });
            ("upstream", shares.iter().map(share).collect())
        }
        Action::Redirect { status, to } => {
            ("redirect", json!({ "to": template(to), "status": status }))
        }
        Action::Respond(reply) => (
            "respond",
            json!({
                "status": reply.status,
                "content_type": reply.content_type,
                "body_bytes": reply.body.len(),
            }),
        ),
        Action::Files(files) => (
            "files",
            json!({
                "root": files.root.display().to_string(),
                "index": files.index,
                "fallback": files.fallback,
                "cache_control": files.cache_control,
            }),
        ),
    }
}

fn host(pattern: &HostPattern) -> String {
    match pattern {
        HostPattern::Exact(name) => name.clone(),
        HostPattern::Suffix(suffix) => format!("*{suffix}"),
    }
}

fn path(pattern: &PathPattern) -> String {
    let mut text = String::new();
    for segment in &pattern.segments {
        text.push('/');
        match segment {
            Segment::Literal(literal) => text.push_str(literal),
            Segment::Capture(name) => text.push_str(&format!("{{{name}}}")),
        }
    }
    if pattern.is_prefix {
        text.push_str("/*");
    }
    text
}

fn template(template: &Template) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => text.clone(),
        Part::Host => "{host}".to_owned(),
        Part::Path => "{path}".to_owned(),
        Part::Query => "{query}".to_owned(),
        Part::Rest => "{rest}".to_owned(),
        Part::ClientIp => "{client_ip}".to_owned(),
        Part::RequestId => "{request_id}".to_owned(),
        Part::Capture(name) => format!("{{{name}}}"),
    };
    template.parts.iter().map(part).collect()
}

/// What is shown of a secret.
const HIDDEN: &str = "••••";

fn conditions(conditions: &[Condition]) -> Value {
    let test = |test: &Test| match test {
        Test::Present => "*".to_owned(),
        Test::Absent => "!".to_owned(),
        Test::Equals(text) => text.clone(),
        Test::StartsWith(text) => format!("{text}*"),
    };
    let shown = |one: &Condition| match &one.test {
        Test::Equals(_) | Test::StartsWith(_) if sounds_secret(&one.name) => HIDDEN.to_owned(),
        other => test(other),
    };
    let all = conditions
        .iter()
        .map(|one| (one.name.clone(), shown(one).into()));
    Value::Object(all.collect())
}

fn edits(edits: &FieldEdits) -> Value {
    let all = |fields: &[(String, Template)]| {
        let shown = |name: &str, to| match sounds_secret(name) {
            true => HIDDEN.to_owned(),
            false => template(to),
        };
        let all = fields
            .iter()
            .map(|(name, to)| (name.clone(), shown(name, to).into()));
        Value::Object(all.collect())
    };
    json!({ "set": all(&edits.set), "add": all(&edits.add), "remove": edits.remove })
}

fn describe_upstream(upstream: &Upstream) -> Value {
    let policy = &upstream.policy;
    let finite = |number: f64| number.is_finite().then_some(number);
    json!({
        "balance": policy.algorithm.name(),
        "hash": hash(&upstream.hash),
        "bounded_load": finite(policy.bounded_load),
        "servers": upstream.servers.iter().map(server).collect::<Vec<_>>(),
        "discover": upstream.sources.iter().map(source).collect::<Vec<_>>(),
        "health": upstream.probe.as_ref().map(probe),
        "outlier": outlier(&policy.outlier),
        "retry": resilience::retry(&upstream.retry),
        "hedge": upstream.hedge.as_ref().map(resilience::hedge),
        "breaker": resilience::breaker(policy.breaker.as_ref(), upstream.breaker.as_ref()),
        "slow_start": time(policy.slow_start),
        "sticky": upstream.sticky.as_ref().map(|sticky| json!({
            "cookie": sticky.cookie,
            "max_age": sticky.max_age.map(time),
            "secure": sticky.secure,
        })),
        "zones": policy.zones,
        "overprovision": policy.overprovision,
        "panic": policy.panic,
        "concurrency": upstream.concurrency.as_ref().map(concurrency::describe),
        "connect_timeout": time(upstream.connect_timeout),
        "idle_timeout": time(upstream.idle_timeout),
        "idle_connections": upstream.idle_connections,
    })
}

fn hash(key: &HashKey) -> String {
    match key {
        HashKey::ClientIp => "client_ip".to_owned(),
        HashKey::Header(name) => format!("header:{name}"),
        HashKey::Cookie(name) => format!("cookie:{name}"),
        HashKey::Target => "target".to_owned(),
    }
}

fn server(server: &Server) -> Value {
    let zone = (!server.zone.is_empty()).then_some(&server.zone);
    json!({ "address": server.name, "weight": server.weight, "zone": zone })
}

fn source(source: &Source) -> Value {
    match source {
        Source::Dns { host, port } => json!({ "dns": format!("{host}:{port}") }),
        Source::Srv { name } => json!({ "srv": name }),
        Source::File(path) => json!({ "file": path.display().to_string() }),
    }
}

fn probe(probe: &Probe) -> Value {
    let mut value = json!({
        "every": time(probe.every),
        "timeout": time(probe.timeout),
        "rise": probe.rise,
        "fall": probe.fall,
        "port": probe.port,
    });
    match &probe.check {
        Check::Tcp => value["tcp"] = json!(true),
        Check::Http {
            path,
            host,
            status,
            body,
        } => {
            let ranges = status
                .iter()
                .map(|range| format!("{}-{}", range.start(), range.end()));
            value["path"] = json!(path);
            value["host"] = json!(host);
            value["status"] = json!(ranges.collect::<Vec<_>>().join(","));
            value["body"] = json!(body);
        }
    }
    value
}

fn outlier(outlier: &Outlier) -> Value {
    let finite = |number: f64| number.is_finite().then_some(number);
    json!({
        "consecutive_failures": outlier.consecutive_failures,
        "success_rate": finite(outlier.success_rate_deviations),
        "latency": finite(outlier.latency_factor),
        "interval": time(outlier.interval),
        "least_requests": outlier.least_requests,
        "eject": time(outlier.eject),
        "longest": time(outlier.longest),
        "max_ejected": outlier.max_ejected,
    })
}
