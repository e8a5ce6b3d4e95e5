//! Who the client is: its address, and what it is hashed and remembered by.

use std::net::IpAddr;

use tenfold_http1::framing::list;
use tenfold_http1::{Name, RequestHead};
use tenfold_traffic::hash_key;

use super::client::Client;
use crate::config::upstream::{HashKey, Sticky};

/// The client's address: the peer's, or what the trusted proxies in between say it is: the last address of
/// `X-Forwarded-For` that is none of theirs.
pub(crate) fn address(client: &Client, head: &RequestHead) -> IpAddr {
    if !client.is_trusted {
        return client.peer;
    }
    let mut address = client.peer;
    let fields = head
        .fields()
        .filter(|field| field.name == Name::XForwardedFor);
    let chain: Vec<&[u8]> = fields.flat_map(|field| list(field.value)).collect();
    for entry in chain.into_iter().rev() {
        // What cannot be read cannot be skipped either: the proxy behind it is the last one that is known.
        let Some(one) = parse(entry) else { break };
        address = one;
        if !client.listening.trusts(one) {
            break;
        }
    }
    address
}

/// An address with or without a port, IPv6 with or without brackets.
fn parse(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    let ip = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|it| it.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(ip.to_canonical())
}

/// The hash of what `key` names; `None` if the request does not have it.
pub(crate) fn hash(key: &HashKey, client: &Client, head: &RequestHead) -> Option<u64> {
    match key {
        HashKey::ClientIp => match address(client, head) {
            IpAddr::V4(address) => Some(hash_key(&address.octets())),
            IpAddr::V6(address) => Some(hash_key(&address.octets())),
        },
        HashKey::Header(name) => head
            .fields()
            .find(|field| field.name_bytes.eq_ignore_ascii_case(name.as_bytes()))
            .map(|field| hash_key(field.value)),
        HashKey::Cookie(name) => cookie(head, name).map(hash_key),
        HashKey::Target => Some(hash_key(head.target())),
    }
}

/// The value of a cookie.
pub(crate) fn cookie<'h>(head: &'h RequestHead, name: &str) -> Option<&'h [u8]> {
    head.fields()
        .filter(|field| field.name_bytes.eq_ignore_ascii_case(b"cookie"))
        .flat_map(|field| field.value.split(|byte| *byte == b';'))
        .find_map(|pair| {
            let pair = pair.trim_ascii();
            let value = pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
            Some(value.trim_ascii())
        })
}

/// The endpoint that a sticky cookie names.
pub(crate) fn sticky(head: &RequestHead, name: &str) -> Option<u64> {
    let value = std::str::from_utf8(cookie(head, name)?).ok()?;
    (value.len() == 16).then(|| u64::from_str_radix(value, 16).ok())?
}

/// The line that makes a browser remember an endpoint.
pub(crate) fn set_cookie(sticky: &Sticky, id: u64) -> String {
    let max_age = sticky
        .max_age
        .map(|age| format!("; Max-Age={}", age.as_secs()))
        .unwrap_or_default();
    let secure = if sticky.secure { "; Secure" } else { "" };
    let name = &sticky.cookie;
    format!("Set-Cookie: {name}={id:016x}; Path=/; HttpOnly; SameSite=Lax{max_age}{secure}\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_proxies_write_them() {
        for (text, wanted) in [
            ("10.1.2.3", Some("10.1.2.3")),
            (" 10.1.2.3:4711 ", Some("10.1.2.3")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("[2001:db8::1]:80", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("::ffff:10.1.2.3", Some("10.1.2.3")),
            ("unknown", None),
            ("", None),
        ] {
            let wanted = wanted.map(|text| text.parse::<IpAddr>().expect("an address"));
            assert_eq!(parse(text.as_bytes()), wanted, "{text}");
        }
    }
}
