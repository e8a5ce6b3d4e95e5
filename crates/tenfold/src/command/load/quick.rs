//! Without a file: a URL and how often.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use tenfold_load::Test;
use tenfold_load::import::replay::Methods;
use tenfold_load::import::without_secrets;
use tenfold_load::scenario::{Scenario, Step, Template};
use tenfold_load::test::{Arrivals, CONNECTIONS, Load as Amount, Phase, Protocol, Target};

use super::super::Refusal;
use super::arguments::Load;
use super::import;

/// Arrivals per second if nothing is said: enough to see something, and harmless.
const RATE: f64 = 10.0;
/// How long if nothing is said.
const DURATION: Duration = Duration::from_secs(10);

/// The test that the arguments stand for.
pub(super) fn test(load: &Load, url: &str) -> Result<Test, Refusal> {
    let test = requests(load, url)?;
    match &load.replay {
        Some(log) => replaying(load, log, test),
        None => Ok(test),
    }
}

/// The same target with what a log says.
fn replaying(load: &Load, log: &Path, mut test: Test) -> Result<Test, Refusal> {
    let methods = match load.include_unsafe {
        true => Methods::All,
        false => Methods::Safe,
    };
    let replay = import::replay(log, load.speed, methods)?;
    // The last request is due at the end of the log, and its second belongs to it.
    let duration = replay.duration() + Duration::from_secs(1);
    let rate = replay.count() as f64 / duration.as_secs_f64();
    test.phases = vec![Phase {
        name: "replay".to_owned(),
        duration,
        load: Amount::Rate {
            from: rate,
            to: rate,
        },
        is_warm_up: false,
    }];
    let base = test.scenarios[0].steps[0]
        .request
        .path
        .prefix()
        .split('?')
        .next()
        .unwrap_or_default();
    test.target.base = base.trim_end_matches('/').to_owned();
    test.name = format!("{} replayed against {}", log.display(), test.target.url());
    let scenario = &mut test.scenarios[0];
    "replay".clone_into(&mut scenario.name);
    "logged request".clone_into(&mut scenario.steps[0].name);
    test.replay = Some(Arc::new(replay));
    Ok(test)
}

fn requests(load: &Load, url: &str) -> Result<Test, Refusal> {
    let (target, path) = target(load, url)?;
    let amount = match load.users {
        Some(users) => Amount::Users {
            from: users,
            to: users,
        },
        None => {
            let rate = load.rate.unwrap_or(RATE);
            Amount::Rate {
                from: rate,
                to: rate,
            }
        }
    };
    let phase = |name: &str, duration, is_warm_up| Phase {
        name: name.to_owned(),
        duration,
        load: amount,
        is_warm_up,
    };
    let warm_up = load.warmup.map(|duration| phase("warm-up", duration, true));
    let phases = warm_up
        .into_iter()
        .chain([phase("load", load.duration.unwrap_or(DURATION), false)])
        .collect();
    let scenario = Scenario {
        name: "request".to_owned(),
        weight: 1.0,
        steps: vec![step(load, &path)?],
    };
    Ok(Test {
        name: target.url() + &without_secrets(&path),
        arrivals: if load.poisson {
            Arrivals::Poisson
        } else {
            Arrivals::Even
        },
        thresholds: load.threshold.clone(),
        threads: threads(load, target.connections),
        seed: load.seed.unwrap_or(1),
        shard: load.shard,
        start_at: load.start_at,
        ..Test::new(target, phases, vec![scenario])
    })
}

/// Threads that make load: half of the cores if nothing is said, because what is tested often needs the others. Each has
/// connections of its own, so there are no more of them than of those.
pub(super) fn threads(load: &Load, connections: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = load.threads.map_or((cores / 2).max(1), usize::from);
    threads.min(connections.max(1))
}

fn step(load: &Load, path: &str) -> Result<Step, Refusal> {
    let body = match &load.body {
        None => Template::default(),
        Some(text) => Template::constant(&content(text)?),
    };
    let method = match (&load.method, &load.body) {
        (Some(method), _) => method.as_str(),
        (None, None) => "GET",
        (None, Some(_)) => "POST",
    };
    let mut step = Step::new(method, path);
    step.name = format!("{method} {}", without_secrets(path));
    step.request.body = body;
    let fields = load.header.iter();
    step.request.fields = fields
        .map(|(name, value)| (name.clone(), Template::constant(value)))
        .collect();
    Ok(step)
}

fn content(text: &str) -> Result<String, Refusal> {
    let Some(path) = text.strip_prefix('@') else {
        return Ok(text.to_owned());
    };
    std::fs::read_to_string(Path::new(path)).map_err(|error| {
        let help = "--body takes the body itself, or @ and a file of text in UTF-8";
        Refusal::new(format!("cannot read {path}: {error}"), help)
    })
}

/// The target of a URL, and what is asked for there.
fn target(load: &Load, url: &str) -> Result<(Target, String), Refusal> {
    let help = "give a URL, for example http://127.0.0.1:8080/, or a file of scenarios";
    let wrong = |why: &str| Refusal::new(format!("`{url}` {why}"), help);
    let uri: Uri = url.parse().map_err(|_| wrong("is no URL"))?;
    let is_tls = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        Some(_) => return Err(wrong("is not of http or https")),
        None => return Err(wrong("does not begin with http:// or https://")),
    };
    let authority = uri.authority().ok_or_else(|| wrong("has no host"))?;
    if authority.as_str().contains('@') {
        let help =
            "leave the name and password out, and send them with --header 'Authorization: …'";
        return Err(Refusal::new(
            "a URL with a name and password is shown in reports",
            help,
        ));
    }
    let host = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    if host.is_empty() {
        return Err(wrong("has no host"));
    }
    // The library says only of some that they are none.
    let port = match authority.as_str().strip_prefix(authority.host()) {
        Some("" | ":") => {
            if is_tls {
                443
            } else {
                80
            }
        }
        _ => match authority.port_u16() {
            Some(port) if port > 0 => port,
            _ => return Err(wrong("has a port that is none: they go from 1 to 65535")),
        },
    };
    let path = uri.path_and_query().map_or("/", |it| it.as_str());
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    let connections = load
        .connections
        .or(load.users)
        .map_or(CONNECTIONS, |count| count as usize);
    let target = Target {
        is_tls,
        host: host.to_owned(),
        port,
        base: String::new(),
        protocol: match (load.http1, load.http2) {
            (true, _) => Protocol::Http1,
            (_, true) => Protocol::Http2,
            _ => Protocol::Auto,
        },
        is_insecure: load.insecure,
        ca: load.ca.clone(),
        connections,
        reuses: !load.no_reuse,
        connect_timeout: load.connect_timeout,
        timeout: load.timeout,
    };
    Ok((target, path))
}
