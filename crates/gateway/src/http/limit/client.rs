//! Who a request is from, as limits see it: its tier, and its key in it.

use std::net::IpAddr;

use tenfold_http1::RequestHead;
use tenfold_traffic::limit::Key;

use crate::config::limit::{KeyPart, Limit as Config, Tier};
use crate::http::client::Client;
use crate::http::identity;
use crate::limit::Limit;

/// A request that asks to go on.
pub(super) struct Asking<'a> {
    client: &'a Client,
    head: &'a RequestHead,
    route: &'a str,
    /// Found out when it is first needed.
    address: Option<IpAddr>,
}

impl<'a> Asking<'a> {
    pub(super) fn new(client: &'a Client, head: &'a RequestHead, route: &'a str) -> Self {
        Self {
            client,
            head,
            route,
            address: None,
        }
    }

    /// Its key for a limit.
    pub(super) fn key(&mut self, limit: &Limit) -> Key {
        let config = &limit.config;
        let tier = self.tier(config);
        let mut key = limit.limiter.key(tier);
        let mut bytes = [0; 17];
        for part in &config.key {
            key = key.part(self.part(config, part, &mut bytes));
        }
        key.build()
    }

    /// What it is called in the store of a limit.
    pub(super) fn subject(&mut self, limit: &Limit) -> String {
        let (config, tier) = (&limit.config, self.tier(&limit.config));
        let mut parts = Vec::with_capacity(config.key.len());
        for part in &config.key {
            let mut bytes = [0; 17];
            parts.push(self.part(config, part, &mut bytes).to_vec());
        }
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let store = limit.store.as_ref();
        store.map_or_else(String::new, |store| store.subject(config, tier, &parts))
    }

    /// What of it is meant by a part of a key.
    pub(super) fn part<'b>(
        &'b mut self,
        config: &Config,
        part: &'b KeyPart,
        bytes: &'b mut [u8; 17],
    ) -> &'b [u8] {
        let found = match part {
            KeyPart::Header(name) => field(self.head, name),
            KeyPart::Cookie(name) => identity::cookie(self.head, name),
            KeyPart::Route => Some(self.route.as_bytes()),
            KeyPart::Global => Some(&b""[..]),
            KeyPart::ClientIp => None,
        };
        match found {
            Some(found) => found,
            // Whoever leaves a field out is no stranger for it, and does not share a quota with all who do.
            None => address_bytes(self.address(), config, bytes),
        }
    }

    /// The place of its tier; 0 if it is in none.
    pub(super) fn tier(&mut self, config: &Config) -> usize {
        let mut tiers = config.tiers.iter();
        tiers
            .position(|tier| self.is_in(tier, config))
            .map_or(0, |place| place + 1)
    }

    fn is_in(&mut self, tier: &Tier, config: &Config) -> bool {
        let head = self.head;
        let has = |(name, value): &(String, String)| field(head, name) == Some(value.as_bytes());
        // A stranger could write any plan into a field.
        (self.client.is_trusted && tier.headers.iter().any(has))
            || (!tier.networks.is_empty() && tier.contains(self.address()))
            || (!tier.api_keys.is_empty()
                && field(head, &config.api_key_header)
                    .is_some_and(|key| tier.api_keys.contains(without_scheme(key))))
    }

    fn address(&mut self) -> IpAddr {
        let (client, head) = (self.client, self.head);
        *self
            .address
            .get_or_insert_with(|| identity::address(client, head))
    }
}

/// A field's first value; `name` in lower case.
fn field<'h>(head: &'h RequestHead, name: &str) -> Option<&'h [u8]> {
    let mut fields = head.fields();
    let found = fields.find(|field| field.name_bytes.eq_ignore_ascii_case(name.as_bytes()));
    found.map(|field| field.value)
}

/// An API key sent as `Authorization: Bearer KEY` is `KEY`.
pub(crate) fn without_scheme(value: &[u8]) -> &[u8] {
    match value.split_at_checked(7) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(b"bearer ") => key.trim_ascii(),
        _ => value,
    }
}

/// As much of an address as counts, with a first byte that tells the families apart.
pub(crate) fn address_bytes<'b>(
    address: IpAddr,
    config: &Config,
    bytes: &'b mut [u8; 17],
) -> &'b [u8] {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let kept = u32::MAX.checked_shl(32 - u32::from(config.ipv4_prefix));
            let number = u32::from(address) & kept.unwrap_or_default();
            bytes[0] = 4;
            bytes[1..5].copy_from_slice(&number.to_be_bytes());
            &bytes[..5]
        }
        IpAddr::V6(address) => {
            let kept = u128::MAX.checked_shl(128 - u32::from(config.ipv6_prefix));
            let number = u128::from(address) & kept.unwrap_or_default();
            bytes[0] = 6;
            bytes[1..].copy_from_slice(&number.to_be_bytes());
            &bytes[..]
        }
    }
}

#[cfg(test)]
mod tests {
    use tenfold_traffic::limit::{Quota, Rate};

    use super::*;

    #[test]
    fn addresses_count_as_far_as_the_prefix_goes() {
        let mut config = Config::new("a", Quota::new(Rate::per_second(1)));
        let is_same = |config: &Config, one: &str, other: &str| {
            let bytes = |text: &str| {
                let mut bytes = [0; 17];
                address_bytes(text.parse().expect("an address"), config, &mut bytes).to_vec()
            };
            bytes(one) == bytes(other)
        };
        assert!(!is_same(&config, "10.0.0.1", "10.0.0.2"));
        assert!(is_same(&config, "::ffff:10.0.0.1", "10.0.0.1"));
        assert!(is_same(&config, "2001:db8::1", "2001:db8::ffff:1"));
        assert!(!is_same(&config, "2001:db8::1", "2001:db8:0:1::1"));
        assert!(!is_same(&config, "::", "0.0.0.0"));
        config.ipv4_prefix = 24;
        config.ipv6_prefix = 48;
        assert!(is_same(&config, "10.0.0.1", "10.0.0.2"));
        assert!(!is_same(&config, "10.0.0.1", "10.0.1.1"));
        assert!(is_same(&config, "2001:db8::1", "2001:db8:0:1::1"));
        config.ipv4_prefix = 0;
        config.ipv6_prefix = 128;
        assert!(is_same(&config, "10.0.0.1", "192.168.0.1"));
        assert!(!is_same(&config, "2001:db8::1", "2001:db8::2"));
    }

    #[test]
    fn a_scheme_is_no_part_of_a_key() {
        assert_eq!(without_scheme(b"Bearer  abc"), b"abc");
        assert_eq!(without_scheme(b"abc"), b"abc");
        assert_eq!(without_scheme(b"bearer!"), b"bearer!");
    }
}
