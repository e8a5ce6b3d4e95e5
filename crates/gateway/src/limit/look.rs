//! What one client has left of a limit: what somebody asks who wants to know why that client gets 429.
//!
//! # The idea
//! A limit remembers hashes and nothing else, so that nobody can be listed; but whoever knows a client can be told about it. The
//! parts of the limit's key are given by their names (`client_ip`, `header:x-tenant`), the key is made of them as a request's is, and
//! the limiter, or the store that gateways share, is asked without counting.
//!
//! # The trade-off
//! A client counts in each tier for itself, and which one a request is in may hang on fields that nobody here knows (its API key).
//! So all tiers are told: where something was used is where the client is.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tenfold_traffic::limit::{Algorithm, Quota, Verdict};

use super::Limit;
use crate::cache::levels;
use crate::config;
use crate::config::limit::{KeyPart, OnFailure, Tier};
use crate::http::limit::{address_bytes, without_scheme};
use crate::run::Gateway;

/// The name of the part that every limit can be asked by: it stands in for parts that a request does not have.
const CLIENT_IP: &str = "client_ip";

/// What is told of a client, by the names of the parts of a limit's key. A part whose name is empty is the only one that the key has.
pub type Client = [(String, Vec<u8>)];

/// What a client has left of a limit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitLook {
    /// The limit's name.
    pub limit: String,
    /// What clients are told apart by.
    pub key: Vec<String>,
    /// Where is counted at the moment: as in the limit's status.
    pub mode: String,
    /// True if it refuses nobody.
    pub dry_run: bool,
    /// In no tier, then in each one, in the order of the configuration.
    pub tiers: Vec<TierLook>,
}

/// What a client has left in a tier.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TierLook {
    /// Its name; empty for those who are in none.
    pub tier: String,
    /// By what is told of the client, its requests are in this one.
    pub is_theirs: bool,
    /// How much there is when nothing was used.
    pub quota: u64,
    /// How much is left; missing if nobody counts it at the moment.
    pub left: Option<u64>,
    /// Until a request that costs one is allowed; missing if it is now, or if that is when another one ends (concurrency).
    pub retry_after_seconds: Option<f64>,
    /// Until all of it is there again; missing for concurrency, and if all is there.
    pub reset_seconds: Option<f64>,
}

impl TierLook {
    /// True if something was used.
    #[must_use]
    pub fn is_used(&self) -> bool {
        self.left.is_some_and(|left| left < self.quota)
    }
}

/// Why nothing can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookError {
    /// There is no such limit; those that there are.
    NoLimit(Vec<String>),
    /// A client is told otherwise: what is wrong, and what would be right.
    Wrong(String, String),
}

impl Gateway {
    /// What a client has left of a limit. Counts nothing. May ask the store that gateways share, and then blocks for at most half a
    /// second per tier.
    ///
    /// # Errors
    /// When there is no such limit, or its key cannot be made of what is told.
    pub fn look_at_limit(&self, name: &str, client: &Client) -> Result<LimitLook, LookError> {
        let snapshot = self.control.snapshot();
        let mut limits = snapshot.limits.iter();
        let Some(limit) = limits.find(|limit| limit.config.name == name) else {
            let known = snapshot.limits.iter();
            let known = known.map(|limit| limit.config.name.clone());
            return Err(LookError::NoLimit(known.collect()));
        };
        limit.look(client, self.control.now())
    }
}

impl Limit {
    fn look(&self, client: &Client, now: Duration) -> Result<LimitLook, LookError> {
        let config = &self.config;
        let told = Told::read(config, client)?;
        let parts = told.parts(config)?;
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let theirs = told.tier(config);
        let names = config.tiers.iter().map(|tier| tier.name.as_str());
        let names = std::iter::once("").chain(names);
        let all = names.zip(config.quotas()).enumerate();
        let tier = |(index, (name, quota)): (usize, (&str, Quota))| {
            let mut look = TierLook {
                tier: name.to_owned(),
                is_theirs: index == theirs,
                quota: whole(config.algorithm, &quota),
                ..TierLook::default()
            };
            self.fill(&mut look, index, &parts, now);
            look
        };
        Ok(LimitLook {
            limit: config.name.clone(),
            key: config.key.iter().map(ToString::to_string).collect(),
            mode: self.mode().to_owned(),
            dry_run: config.is_dry_run,
            tiers: all.map(tier).collect(),
        })
    }

    /// How a tier stands.
    fn fill(&self, look: &mut TierLook, tier: usize, parts: &[&[u8]], now: Duration) {
        let mut key = self.limiter.key(tier);
        for part in parts {
            key = key.part(part);
        }
        let key = key.build();
        // What a request of no cost would be told is how it stands; one of cost 1 says how long it would have to wait.
        let [stands, next] = match &self.store {
            Some(store) if !store.is_down() => {
                let subject = store.subject(&self.config, tier, parts);
                let asked = levels::run(async {
                    // One that does not answer is not asked twice.
                    match store.look(tier, &subject, 0).await {
                        None => [None, None],
                        stands => [stands, store.look(tier, &subject, 1).await],
                    }
                });
                asked.unwrap_or_default()
            }
            Some(store) if store.on_failure() != OnFailure::Local => [None, None],
            _ => [0, 1].map(|cost| Some(self.limiter.look(now, key, cost))),
        };
        let remembered = self.store.as_ref();
        let remembered = remembered.and_then(|store| store.refused(now, key, 1));
        look.left = match (stands, next) {
            (_, Some(Verdict::Refused { .. })) => Some(0),
            (Some(Verdict::Allowed { remaining, .. }), _) => Some(remaining.min(look.quota)),
            _ => None,
        };
        let wait = match next {
            Some(Verdict::Refused { retry_after }) => Some(retry_after),
            _ => None,
        };
        let wait = wait.max(remembered).filter(|wait| !wait.is_zero());
        look.retry_after_seconds = wait.map(|wait| wait.as_secs_f64());
        if let (Some(Verdict::Allowed { reset, .. }), true) = (stands, look.is_used()) {
            let reset = Some(reset).filter(|reset| !reset.is_zero());
            look.reset_seconds = reset.map(|reset| reset.as_secs_f64());
        }
    }
}

/// How much of a quota there is at once.
fn whole(algorithm: Algorithm, quota: &Quota) -> u64 {
    match algorithm {
        Algorithm::SlidingWindow => quota.rate.count,
        Algorithm::TokenBucket | Algorithm::Adaptive(_) | Algorithm::Concurrency => quota.burst,
    }
}

/// What is told of a client, by names that the limit knows.
struct Told<'c> {
    given: Vec<(String, &'c [u8])>,
    address: Option<IpAddr>,
}

impl<'c> Told<'c> {
    fn read(config: &config::Limit, client: &'c Client) -> Result<Self, LookError> {
        let known = Known::of(config);
        let mut given: Vec<(String, &[u8])> = Vec::new();
        for (name, value) in client {
            let name = known.find(name)?;
            if given.iter().any(|(other, _)| *other == name) {
                return Err(known.wrong(format!("`{name}` is given twice")));
            }
            given.push((name, value.as_slice()));
        }
        let address = given.iter().find(|(name, _)| name == CLIENT_IP);
        let address = address.map(|(_, value)| {
            let text = std::str::from_utf8(value).ok().map(str::trim);
            let address = text.and_then(|text| text.parse().ok());
            address.ok_or_else(|| known.wrong("`client_ip` is no address".to_owned()))
        });
        let address = address.transpose()?;
        Ok(Self { given, address })
    }

    fn value(&self, name: &str) -> Option<&'c [u8]> {
        let found = self.given.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| *value)
    }

    /// The parts of the key, as a request's are.
    fn parts(&self, config: &config::Limit) -> Result<Vec<Vec<u8>>, LookError> {
        let part = |part: &KeyPart| {
            let given = match part {
                KeyPart::Global => Some(&b""[..]),
                KeyPart::ClientIp => None,
                named => self.value(&named.to_string()),
            };
            let address = || {
                let mut bytes = [0; 17];
                let address = self.address?;
                Some(address_bytes(address, config, &mut bytes).to_vec())
            };
            let found = match part {
                // Every request has a route.
                KeyPart::Route => given.map(<[u8]>::to_vec),
                _ => given.map(<[u8]>::to_vec).or_else(address),
            };
            found.ok_or_else(|| Known::of(config).wrong(format!("`{part}` is not given")))
        };
        config.key.iter().map(part).collect()
    }

    /// The place of the tier that they are in, as far as it is told.
    fn tier(&self, config: &config::Limit) -> usize {
        let api_key = self.value(&format!("header:{}", config.api_key_header));
        let is_in = |tier: &Tier| {
            let has = |(name, value): &(String, String)| {
                self.value(&format!("header:{name}")) == Some(value.as_bytes())
            };
            tier.headers.iter().any(has)
                || self.address.is_some_and(|address| tier.contains(address))
                || api_key.is_some_and(|key| tier.api_keys.contains(without_scheme(key)))
        };
        let place = config.tiers.iter().position(is_in);
        place.map_or(0, |place| place + 1)
    }
}

/// The names of what can be told: the parts of the key, the address that stands in, and what tiers go by.
struct Known {
    /// Parts of the key that differ between clients.
    key: Vec<String>,
    others: Vec<String>,
}

impl Known {
    fn of(config: &config::Limit) -> Self {
        let key = config.key.iter().filter(|part| **part != KeyPart::Global);
        let key: Vec<String> = key.map(ToString::to_string).collect();
        let headers = config.tiers.iter().flat_map(|tier| &tier.headers);
        let headers = headers.map(|(name, _)| format!("header:{name}"));
        let mut others = vec![CLIENT_IP.to_owned()];
        others.extend(headers);
        if config.tiers.iter().any(|tier| !tier.api_keys.is_empty()) {
            others.push(format!("header:{}", config.api_key_header));
        }
        others.retain(|name| !key.contains(name));
        Self { key, others }
    }

    /// The name that is meant.
    fn find(&self, name: &str) -> Result<String, LookError> {
        if name.is_empty() {
            return match &self.key[..] {
                [one] => Ok(one.clone()),
                [] => Err(self.wrong("this limit counts all clients together".to_owned())),
                _ => Err(self.wrong("the key of this limit has several parts".to_owned())),
            };
        }
        // Names of fields differ in case, and not in meaning; those of cookies and routes are given by the configuration.
        let mut all = self.key.iter().chain(&self.others);
        let found = all.find(|known| {
            *known == name || (known.starts_with("header:") && known.eq_ignore_ascii_case(name))
        });
        let shown: String = name.chars().take(64).collect();
        found.cloned().ok_or_else(|| {
            self.wrong(format!(
                "{shown:?} says nothing about a client of this limit"
            ))
        })
    }

    fn wrong(&self, what: String) -> LookError {
        let key = match &self.key[..] {
            [] => "give nothing: it counts all clients together".to_owned(),
            key => format!("give {}", key.join(" and ")),
        };
        let help = format!("{key}; there are {}", self.all().join(", "));
        LookError::Wrong(what, help)
    }

    fn all(&self) -> Vec<&str> {
        let all = self.key.iter().chain(&self.others);
        all.map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests;
