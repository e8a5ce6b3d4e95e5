//! `listen`: where clients connect.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::context::Context;
use super::parse::Directive;
use crate::import::ledger::{Note, Weight};
use crate::import::listeners::Listen;

const TLS: &str = "TLS is not supported yet: until it is, this listens without TLS and on this machine only; put something that ends TLS in front";

/// Reads one; `None`, with a comment, if nothing can listen there.
pub(super) fn parse(
    context: &mut Context,
    directive: &Directive,
    all_tls: bool,
    notes: &mut Vec<Note>,
) -> Option<Listen> {
    let flags = &directive.args[directive.args.len().min(1)..];
    let has = |flag: &str| flags.iter().any(|one| one == flag);
    let is_tls = all_tls || has("ssl") || has("quic");
    let Some(mut address) = address(directive.first()) else {
        let advice = "clients are listened for at IP:PORT only";
        context.note(notes, directive, Weight::Differs, advice);
        return None;
    };
    if has("quic") {
        let advice = "HTTP/3 is not supported";
        context.note(notes, directive, Weight::Differs, advice);
        return None;
    }
    if has("proxy_protocol") {
        let advice = "the PROXY protocol is not supported yet: have the proxy in front send X-Forwarded-For, and name it in trusted_proxies; until then clients of this listener are refused";
        context.note(notes, directive, Weight::Differs, advice);
    } else if is_tls {
        context.note(notes, directive, Weight::Differs, TLS);
    } else {
        context.translated(directive);
    }
    if is_tls {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    Some(Listen {
        name: None,
        address,
        is_default: has("default_server") || has("default"),
        is_tls,
    })
}

/// What a server without `listen` does.
pub(super) fn standard() -> Listen {
    Listen {
        name: None,
        address: SocketAddr::from(([0, 0, 0, 0], 80)),
        is_default: false,
        is_tls: false,
    }
}

fn address(text: &str) -> Option<SocketAddr> {
    let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    if let Ok(port) = text.parse::<u16>() {
        return (port > 0).then(|| SocketAddr::new(any, port));
    }
    if let Ok(ip) = text.trim_start_matches('[').trim_end_matches(']').parse() {
        return Some(SocketAddr::new(ip, 80));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or((text, "80"));
    let port = port.parse::<u16>().ok().filter(|port| *port > 0)?;
    let ip = match host {
        "*" => any,
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        _ => match host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            Some(inside) => IpAddr::V6(inside.parse::<Ipv6Addr>().ok()?),
            None => IpAddr::V4(host.parse::<Ipv4Addr>().ok()?),
        },
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, expected) in [
            ("80", Some("0.0.0.0:80")),
            ("*:8080", Some("0.0.0.0:8080")),
            ("127.0.0.1", Some("127.0.0.1:80")),
            ("localhost:81", Some("127.0.0.1:81")),
            ("[::]:80", Some("[::]:80")),
            ("[::1]", Some("[::1]:80")),
            ("unix:/a", None),
            ("", None),
            ("0", None),
            ("example.com:80", None),
            ("1.2.3.4:70000", None),
        ] {
            let found = address(text).map(|address| address.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
