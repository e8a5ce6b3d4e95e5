//! Purging: by address, by the beginning of addresses, by tag, or everything.

use std::time::Duration;

use tenfold_cache::level::Confirmed;
use tenfold_cache::{Invalidation, Key, Mode, Target};

use super::Store;
use super::status::MEMORY;
use crate::http::cache::key;
use crate::route::normalise;

/// What is to be purged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purge {
    /// One address: `https://shop.example.com/tea?page=2`, in all its variants.
    Url(String),
    /// All addresses that begin so.
    Prefix(String),
    /// All responses with this tag (`Surrogate-Key`, `Cache-Tag`).
    Tag(String),
    /// Everything.
    All,
}

/// Why nothing was purged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PurgeError {
    /// There is no such cache, or none at all; those that there are.
    NoCache(Vec<String>),
    /// What is wrong with the address or the tag.
    Wrong(String),
}

/// What the tags of addresses begin with; a space cannot be in a server's tag.
pub(super) const OWN_TAG: &str = "address ";

/// What became of a purge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// The levels, memory first.
    pub levels: Vec<PurgedLevel>,
    /// So many other gateways have confirmed it...
    pub confirmed: usize,
    /// ...of so many that share the cache.
    pub gateways: usize,
}

/// What became of a purge in a level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PurgedLevel {
    /// Its name.
    pub name: String,
    /// Why it has not taken it in yet. It is not read until it has.
    pub error: Option<String>,
}

impl Purged {
    /// Adds what became of another purge of the same cache.
    pub(crate) fn add(&mut self, other: Self) {
        for level in other.levels {
            match self
                .levels
                .iter_mut()
                .find(|known| known.name == level.name)
            {
                Some(known) => known.error = level.error.or(known.error.take()),
                None => self.levels.push(level),
            }
        }
        self.confirmed = self.confirmed.max(other.confirmed);
        self.gateways = self.gateways.max(other.gateways);
    }

    /// True if every level has taken it in.
    #[must_use]
    pub fn is_everywhere(&self) -> bool {
        self.levels.iter().all(|level| level.error.is_none())
    }

    /// In words.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut text = "purged".to_owned();
        if self.gateways > 0 {
            text += &format!(
                "; confirmed by {} of {} other gateways",
                self.confirmed, self.gateways
            );
        }
        for level in &self.levels {
            if let Some(error) = &level.error {
                text += &format!("; {} has yet to be told: {error}", level.name);
            }
        }
        text
    }
}

/// How long the other gateways have for confirming a purge.
const CONFIRMING: Duration = Duration::from_secs(1);

impl Store {
    /// Purges; `is_soft`: what is stored becomes stale, and is kept for the case that the server fails. When this returns, every
    /// level has it.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub(crate) async fn purge(&self, what: &Purge, is_soft: bool) -> Result<Purged, String> {
        let mode = if is_soft { Mode::Soft } else { Mode::Hard };
        let targets = match what {
            Purge::Url(url) => {
                let addresses = self.addresses(url)?;
                let all: Vec<_> = addresses
                    .iter()
                    .flat_map(|it| self.all_of(it, mode))
                    .collect();
                return Ok(self.invalidate(&all).await);
            }
            Purge::Prefix(prefix) => {
                let prefixes = self.beginnings(prefix)?;
                prefixes
                    .into_iter()
                    .map(|it| Target::Prefix(it.into()))
                    .collect()
            }
            Purge::Tag(tag) if tag.is_empty() => return Err("a tag must not be empty".to_owned()),
            Purge::Tag(tag) => vec![Target::Tag(tag.as_str().into())],
            Purge::All => vec![Target::All],
        };
        let all: Vec<_> = targets
            .into_iter()
            .map(|target| Invalidation { target, mode })
            .collect();
        Ok(self.invalidate(&all).await)
    }

    /// Invalidates addresses, given as paths and queries of one host.
    pub(crate) async fn forget(
        &self,
        is_tls: bool,
        authority: &[u8],
        targets: &[Vec<u8>],
    ) -> Purged {
        let policy = &self.config.policy.key;
        let what: Vec<_> = targets
            .iter()
            .filter_map(|target| {
                let mut address = Vec::new();
                key::address(&mut address, is_tls, authority, target, policy)?;
                Some(self.all_of(std::str::from_utf8(&address).ok()?, Mode::Hard))
            })
            .flatten()
            .collect();
        match what.is_empty() {
            true => Purged::default(),
            false => self.invalidate(&what).await,
        }
    }

    /// Everything that is kept for an address. Its variants go with the entry that says what they vary by.
    fn all_of(&self, address: &str, mode: Mode) -> Vec<Invalidation> {
        if let Some(tag) = self.address_tag(address.as_bytes()) {
            let target = Target::Tag(tag.into());
            return vec![Invalidation { target, mode }];
        }
        let keys = self.first_keys(address).into_iter();
        keys.map(|key| Invalidation {
            target: Target::Key(key),
            mode,
        })
        .collect()
    }

    /// The keys of an address if the policy adds no parts to it, without those of variants.
    pub(super) fn first_keys(&self, address: &str) -> Vec<Key> {
        let routes = self.routes.iter();
        routes
            .filter_map(|route| self.key(route, address.as_bytes()))
            .collect()
    }

    async fn invalidate(&self, what: &[Invalidation]) -> Purged {
        let told = self.engine.invalidate(what).await;
        let Confirmed { confirmed, members } = match self.config.redis {
            Some(_) => told.confirmed(CONFIRMING).await,
            None => Confirmed::default(),
        };
        let error = |name: &str| {
            let failure = told.failures.iter().find(|failure| &*failure.level == name);
            failure.map(|failure| failure.error.to_string())
        };
        let below = self
            .engine
            .statistics()
            .levels
            .into_iter()
            .map(|level| PurgedLevel {
                error: error(&level.name),
                name: level.name.into(),
            });
        let memory = PurgedLevel {
            name: MEMORY.to_owned(),
            error: None,
        };
        Purged {
            levels: std::iter::once(memory).chain(below).collect(),
            confirmed,
            gateways: members,
        }
    }

    /// An address as it may be in keys: what clients ask for by `https` comes here as plain HTTP if somebody else terminates TLS.
    pub(super) fn addresses(&self, url: &str) -> Result<Vec<String>, String> {
        both(url).iter().map(|url| self.address(url)).collect()
    }

    /// An address as it is in keys.
    fn address(&self, url: &str) -> Result<String, String> {
        let (is_tls, rest) = scheme(url)?;
        let rest = rest.split('#').next().unwrap_or_default();
        let slash = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(slash);
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, format!("?{query}")),
            None => (target, String::new()),
        };
        let path = if path.is_empty() { "/" } else { path };
        // As requests are read: `/a/../b` is `/b`.
        let normal = normalise(path.as_bytes());
        let target = match (normal.is_ambiguous, normal.replaces) {
            (true, _) => return Err(format!("{url:?} has a path that means two things")),
            (false, true) => [&*normal.path, query.as_bytes()].concat(),
            (false, false) => format!("{path}{query}").into_bytes(),
        };
        let mut address = Vec::new();
        let policy = &self.config.policy.key;
        key::address(&mut address, is_tls, authority.as_bytes(), &target, policy)
            .ok_or_else(|| format!("{url:?} is no address that could be cached"))?;
        let address = String::from_utf8(address).map_err(|_| format!("{url:?} is not ASCII"))?;
        Ok(address)
    }

    /// The same for [`Store::beginning`].
    fn beginnings(&self, prefix: &str) -> Result<Vec<String>, String> {
        both(prefix)
            .iter()
            .map(|prefix| self.beginning(prefix))
            .collect()
    }

    /// What the keys of all addresses that begin so begin with.
    fn beginning(&self, prefix: &str) -> Result<String, String> {
        let (is_tls, rest) = scheme(prefix)?;
        let slash = rest.find('/').ok_or_else(|| {
            format!("{prefix:?} has no path: say {prefix:?}/ for all of that host")
        })?;
        let (authority, path) = rest.split_at(slash);
        let mut address = Vec::new();
        key::address(
            &mut address,
            is_tls,
            authority.as_bytes(),
            b"/",
            &self.config.policy.key,
        )
        .ok_or_else(|| format!("{prefix:?} is no address that could be cached"))?;
        let host = String::from_utf8(address).map_err(|_| format!("{prefix:?} is not ASCII"))?;
        // Without the slash and the line feed that `address` ends in.
        let host = host.trim_end_matches('\n').trim_end_matches('/');
        Ok(format!("{}{host}{path}", self.prefix()))
    }
}

/// A URL, and for `https` the one that a gateway behind a TLS terminator sees.
fn both(url: &str) -> Vec<String> {
    let plain = url
        .strip_prefix("https://")
        .map(|rest| format!("http://{rest}"));
    std::iter::once(url.to_owned()).chain(plain).collect()
}

fn scheme(url: &str) -> Result<(bool, &str), String> {
    if let Some(rest) = url.strip_prefix("http://") {
        Ok((false, rest))
    } else if let Some(rest) = url.strip_prefix("https://") {
        Ok((true, rest))
    } else {
        Err(format!("{url:?} begins with neither http:// nor https://"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config;
    use tenfold_observe::metric::Registry;

    fn store() -> Arc<Store> {
        let config = Arc::new(config::Cache::new("pages"));
        Store::open(&config, Box::default(), None, &Registry::new(1)).expect("memory can be had")
    }

    #[test]
    fn addresses_are_read_as_requests_are() {
        let store = store();
        for (url, key) in [
            ("http://a", "http://a/\n"),
            ("http://A:80?x=1", "http://a/?x=1\n"),
            ("https://a.example/b?c#d", "https://a.example/b?c\n"),
            ("http://a?x#y", "http://a/?x\n"),
            ("http://a#/b", "http://a/\n"),
            ("http://a/b/../%7ec/./d?e/../f", "http://a/~c/d?e/../f\n"),
            ("http://a/%7e", "http://a/%7e\n"),
        ] {
            assert_eq!(store.address(url).as_deref(), Ok(key), "{url}");
        }
        for (prefix, key) in [
            ("http://A/", "pages:v1:http://a/"),
            ("http://a/b/c", "pages:v1:http://a/b/c"),
        ] {
            assert_eq!(store.beginning(prefix).as_deref(), Ok(key), "{prefix}");
        }
        for bad in [
            "a/b",
            "ftp://a/",
            "http://",
            "http:///x",
            "http://a b/",
            "http://a/b/%2e%2e%2fc",
        ] {
            assert!(store.address(bad).is_err(), "{bad}");
        }
        let error = store.beginning("http://a").unwrap_err();
        assert_eq!(
            error,
            "\"http://a\" has no path: say \"http://a\"/ for all of that host"
        );
    }
}
