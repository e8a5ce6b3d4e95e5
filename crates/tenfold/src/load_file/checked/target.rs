//! Where requests go.

use hyper::Uri;
use tenfold_load::test::{Protocol, Target};

use super::Scope;
use crate::config::read::shortened;
use crate::config::scalar::Time;
use crate::load_file::raw;

pub(super) fn check(raw: &raw::Target, scope: &mut Scope<'_>) -> Option<Target> {
    let seconds = |field: &crate::config::read::Field<Time>, default| {
        field
            .value()
            .map_or(std::time::Duration::from_secs(default), |time| time.0)
    };
    let connections = scope.count("connections", &raw.connections, 1..=1_000_000, 10_000);
    if let (Some(given), Some(ca)) = (raw.insecure.given(), raw.ca.at())
        && given.value
    {
        let message = "`ca` has no effect: with `insecure` every certificate is accepted";
        scope.report.warning(ca, message, "leave one of them out");
    }
    let ca = raw.ca.given().map(|ca| scope.resolve(&ca.value.0, ca.at));
    if let (Some(path), Some(at)) = (&ca, raw.ca.at())
        && !scope.files.exists(path)
    {
        let message = format!("there is no {}", path.display());
        let help = "paths are relative to the file in which they are written";
        scope.report.error(at, message, help);
    }
    let url = raw.url.given()?;
    let place = match place(&url.value) {
        Ok(place) => place,
        Err(help) => {
            let message = format!("`{}` is no target", shortened(&url.value));
            scope.report.error(url.at, message, help);
            return None;
        }
    };
    Some(Target {
        is_tls: place.is_tls,
        host: place.host,
        port: place.port,
        base: place.base,
        protocol: match raw.protocol.or(raw::ProtocolName::Auto) {
            raw::ProtocolName::Auto => Protocol::Auto,
            raw::ProtocolName::Http1 => Protocol::Http1,
            raw::ProtocolName::Http2 => Protocol::Http2,
        },
        is_insecure: raw.insecure.or(false),
        ca,
        connections: usize::try_from(connections).unwrap_or(usize::MAX),
        reuses: raw.reuse.or(true),
        connect_timeout: seconds(&raw.connect_timeout, 10),
        timeout: seconds(&raw.timeout, 30),
    })
}

/// What a URL says.
struct Place {
    is_tls: bool,
    host: String,
    port: u16,
    base: String,
}

fn place(url: &str) -> Result<Place, String> {
    let example = "give a URL, for example https://shop.example.com or http://127.0.0.1:8080";
    let uri: Uri = url.parse().map_err(|_| example)?;
    let is_tls = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err(example.into()),
    };
    let authority = uri.authority().ok_or(example)?;
    if authority.as_str().contains('@') {
        return Err("a target has no user: send a field `authorization`, see `headers`".into());
    }
    if uri.query().is_some() || url.contains('#') {
        return Err("a target has no query: steps have paths and queries".into());
    }
    let host = authority.host();
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let port = match authority.port_u16() {
        Some(0) => return Err("port 0 is no port that a server can have".into()),
        Some(port) => port,
        // What Uri takes for a port and does not understand is one that is too large.
        None if authority.as_str().ends_with(authority.host()) => {
            if is_tls {
                443
            } else {
                80
            }
        }
        None => return Err("a port lies between 1 and 65535".into()),
    };
    if host.is_empty() {
        return Err(example.into());
    }
    Ok(Place {
        is_tls,
        host: host.to_owned(),
        port,
        base: uri.path().trim_end_matches('/').to_owned(),
    })
}
