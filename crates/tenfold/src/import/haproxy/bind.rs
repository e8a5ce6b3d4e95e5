//! `bind`: where clients connect.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::context::Context;
use super::lexer::Line;
use crate::import::ledger::{Note, Weight};
use crate::import::listeners::Listen;

/// Most ports of a range: each is a listener.
const MOST: u16 = 32;

const TLS: &str = "TLS is not supported yet: until it is, this listens without TLS and on this machine only; put something that ends TLS in front";

/// The addresses of a `bind`, for a section of that name.
pub(super) fn listens(
    context: &mut Context,
    notes: &mut Vec<Note>,
    line: &Line,
    name: &str,
) -> Vec<Listen> {
    let has = |flag: &str| line.from(2).iter().any(|word| word == flag);
    let is_tls = has("ssl") || has("crt");
    let mut listens = Vec::new();
    let mut is_whole = true;
    for part in line.word(1).split(',') {
        match addresses(part, has("v4v6")) {
            Some(addresses) => {
                for mut address in addresses {
                    if is_tls {
                        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
                    }
                    listens.push(Listen {
                        name: Some(name.to_owned()),
                        address,
                        is_default: false,
                        is_tls,
                    });
                }
            }
            None => is_whole = false,
        }
    }
    let has_proxy = has("accept-proxy");
    if !is_whole {
        let advice = "clients are listened for at IP:PORT only (and ranges of up to 32 ports)";
        context.note(notes, line, Weight::Differs, advice);
    } else if is_tls {
        context.note(notes, line, Weight::Differs, TLS);
    } else if has_proxy {
        let advice = "the PROXY protocol is not supported yet: have the proxy in front send X-Forwarded-For, and name it in trusted_proxies; until then clients of this listener are refused";
        context.note(notes, line, Weight::Differs, advice);
    } else if line.from(2).iter().any(|word| word == "maxconn") {
        let advice = "max_connections of [gateway] is for each worker; concurrency of a route bounds its requests";
        context.note(notes, line, Weight::Differs, advice);
    } else {
        context.translated(line);
    }
    listens
}

/// `*:80`, `:80`, `10.0.0.1:8000-8003`, `[::]:80`, `:::80`
fn addresses(text: &str, is_dual: bool) -> Option<Vec<SocketAddr>> {
    let (text, is_six) = match (text.strip_prefix("ipv4@"), text.strip_prefix("ipv6@")) {
        (Some(rest), _) => (rest, false),
        (_, Some(rest)) => (rest, true),
        _ => (text, false),
    };
    let (host, ports) = text.rsplit_once(':')?;
    let (from, to) = ports.split_once('-').unwrap_or((ports, ports));
    let (from, to): (u16, u16) = (from.parse().ok()?, to.parse().ok()?);
    if from == 0 || to < from || to - from >= MOST {
        return None;
    }
    let any = match is_six || is_dual {
        true => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        false => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    let inside = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let ip = match inside.unwrap_or(host) {
        "" | "*" => any,
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        text => text.parse().ok()?,
    };
    Some((from..=to).map(|port| SocketAddr::new(ip, port)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_ranges() {
        let shown = |text: &str| {
            let all = addresses(text, false)?;
            Some(
                all.iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        };
        for (text, expected) in [
            ("*:80", Some("0.0.0.0:80")),
            (":80", Some("0.0.0.0:80")),
            ("10.0.0.1:8000-8001", Some("10.0.0.1:8000 10.0.0.1:8001")),
            ("[::]:80", Some("[::]:80")),
            (":::80", Some("[::]:80")),
            ("ipv6@:80", Some("[::]:80")),
            ("localhost:80", Some("127.0.0.1:80")),
            ("unix@/a", None),
            ("/a.sock", None),
            (":0", None),
            (":1-65535", None),
            (":9-8", None),
            ("", None),
            ("a:80", None),
        ] {
            assert_eq!(shown(text).as_deref(), expected, "{text}");
        }
        assert_eq!(
            addresses(":80", true).expect("valid")[0].to_string(),
            "[::]:80"
        );
    }
}
