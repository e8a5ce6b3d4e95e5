//! What a cache has for an address, for people who wonder.
//!
//! Memory is walked through, so that all variants are found. Levels below are asked for the keys that the address has without
//! variants, and for those that memory knows: they have no list of their own.

use serde::{Deserialize, Serialize};
use tenfold_cache::{Held, Key};

use super::object::{Kept, Object};
use super::status::MEMORY;
use super::{Store, purge};
use crate::config::sounds_secret;
use crate::http::cache::date::Millis;

/// Entries of an address that are shown; one has thousands of variants only by mistake.
const MOST: usize = 1000;

/// Something that is stored for an address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CachedEntry {
    /// The cache.
    pub cache: String,
    /// The level.
    pub level: String,
    /// The route that it is stored for.
    pub route: String,
    /// `response`; `varies`: the address has several responses, told apart by the fields in `vary`; `personal`: the last
    /// response was for one client only.
    pub kind: String,
    /// What of the request it is for besides the address, as `name: value`; a value that lets somebody in is hidden.
    pub variant: Vec<String>,
    /// The fields that the address varies by.
    pub vary: Vec<String>,
    /// The response's status; 0 if it is none.
    pub status: u16,
    /// Its age.
    pub age_seconds: u64,
    /// For how many seconds it is fresh; negative: for how many it has been stale.
    pub ttl_seconds: i64,
    /// False if it has to be fetched or confirmed before it is served.
    pub is_fresh: bool,
    /// Bytes of the body; null if it is not known.
    pub body_bytes: Option<u64>,
    /// Bytes in memory, overhead included.
    pub bytes: u64,
    /// The tags by which it can be purged.
    pub tags: Vec<String>,
}

impl Store {
    /// What is there for an address.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub(crate) async fn cached(&self, url: &str, now: Millis) -> Result<Vec<CachedEntry>, String> {
        let mut found = Vec::new();
        for address in self.addresses(url)? {
            self.collect(&address, now, &mut found).await;
        }
        Ok(found)
    }

    async fn collect(&self, address: &str, now: Millis, found: &mut Vec<CachedEntry>) {
        let held = self
            .engine
            .held(&format!("{}{address}", self.prefix()), MOST);
        let varies: Vec<(Key, String)> = held.iter().filter_map(names).collect();
        let name_of = |key: &Key| {
            let first = varies
                .iter()
                .find(|(first, _)| key.as_str().starts_with(first.as_str()));
            first.map_or("", |(_, names)| names).to_owned()
        };
        let mut keys = self.first_keys(address);
        for one in &held {
            let names = name_of(&one.key);
            found.push(self.describe(MEMORY, one, &names, now));
            if !keys.contains(&one.key) {
                keys.push(one.key.clone());
            }
        }
        if !self.engine.has_lower() {
            return;
        }
        for key in keys {
            for below in self.engine.held_below(&key).await {
                // A level that fails says so in its status.
                if let Ok(Some(one)) = &below.held {
                    found.push(self.describe(&below.level, one, &name_of(&key), now));
                }
            }
        }
    }

    fn describe(&self, level: &str, held: &Held<Kept>, names: &str, now: Millis) -> CachedEntry {
        let key = held
            .key
            .as_str()
            .strip_prefix(self.prefix())
            .unwrap_or_default();
        let parts = self.parts(key, names);
        let is_own = |tag: &str| tag.starts_with(purge::OWN_TAG);
        let tags = held.entry.tags().iter().map(ToString::to_string);
        let mut entry = CachedEntry {
            cache: self.config.name.clone(),
            level: level.to_owned(),
            route: parts.route,
            variant: parts.variant,
            bytes: held.bytes,
            is_fresh: held.fresh.is_some(),
            ttl_seconds: held.fresh.map_or(0, |fresh| fresh.as_secs().cast_signed()),
            tags: tags.filter(|tag| !is_own(tag)).collect(),
            ..CachedEntry::default()
        };
        match held.entry.value() {
            Some(Kept::Response(object)) => entry.fill(object, held.fresh.is_some(), now),
            Some(Kept::Varies(it)) => {
                entry.kind = "varies".to_owned();
                entry.vary = it.names.as_str().split(',').map(str::to_owned).collect();
            }
            Some(Kept::Personal) | None => entry.kind = "personal".to_owned(),
        }
        entry
    }

    /// A key without its prefix, taken apart: the address, a line for each field and cookie of the policy, the route, and for a
    /// variant its generation and a line for each field of `Vary`.
    fn parts(&self, key: &str, names: &str) -> Parts {
        let policy = &self.config.policy.key;
        let (mut route, mut variant) = (String::new(), Vec::new());
        let mut named = policy
            .headers
            .iter()
            .map(|name| (name.clone(), sounds_secret(name)));
        let mut cookies = policy
            .cookies
            .iter()
            .map(|name| (format!("cookie {name}"), true));
        let mut lines = key.split_terminator('\n').skip(1);
        for line in lines.by_ref() {
            if let Some(name) = line.strip_prefix('@') {
                name.clone_into(&mut route);
                break;
            }
            let named = named.next().or_else(|| cookies.next());
            variant.extend(named.map(|(name, is_hidden)| shown(&name, line, is_hidden)));
        }
        let of_vary = names
            .split(',')
            .filter(|name| !name.is_empty())
            .zip(lines.skip(1));
        variant.extend(of_vary.map(|(name, line)| shown(name, line, sounds_secret(name))));
        Parts { route, variant }
    }
}

/// What a key says.
struct Parts {
    route: String,
    variant: Vec<String>,
}

/// A line of a key: `=` and a value, or `-` for none.
fn shown(name: &str, line: &str, is_hidden: bool) -> String {
    match line.strip_prefix('=') {
        None => format!("{name} is missing"),
        Some(_) if is_hidden => format!("{name}: ••••"),
        Some(value) => format!("{name}: {value}"),
    }
}

/// The fields that an address varies by, if this is the entry that says so.
fn names(held: &Held<Kept>) -> Option<(Key, String)> {
    match held.entry.value()? {
        Kept::Varies(it) => Some((held.key.clone(), it.names.as_str().to_owned())),
        Kept::Response(_) | Kept::Personal => None,
    }
}

impl CachedEntry {
    fn fill(&mut self, object: &Object, is_fresh: bool, now: Millis) {
        let mut rules = object.rules;
        if !is_fresh {
            rules.expire(now);
        }
        "response".clone_into(&mut self.kind);
        self.status = rules.status;
        self.age_seconds = rules.age(now).into();
        self.ttl_seconds = rules.ttl(now);
        self.is_fresh = rules.is_fresh(now);
        self.body_bytes = object.length();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config;
    use tenfold_observe::metric::Registry;

    #[test]
    fn a_key_says_what_it_is_for_and_hides_what_lets_somebody_in() {
        let mut config = config::Cache::new("pages");
        config.policy.key.headers = vec!["x-country".into(), "x-api-key".into()];
        config.policy.key.cookies = vec!["plan".into()];
        let store = Store::open(&Arc::new(config), Box::default(), None, &Registry::new(1));
        let store = store.expect("memory can be had");
        let key = "http://a/b\n=de\n=s3cret\n-\n@web\n00000000000000ff\n=gzip\n-\n=t0ken\n";
        let parts = store.parts(key, "accept-encoding,accept-language,authorization");
        assert_eq!(parts.route, "web");
        assert_eq!(
            parts.variant,
            [
                "x-country: de",
                "x-api-key: ••••",
                "cookie plan is missing",
                "accept-encoding: gzip",
                "accept-language is missing",
                "authorization: ••••",
            ]
        );
        let parts = store.parts("http://a/b\n-\n-\n-\n@web\n", "");
        assert_eq!((&*parts.route, parts.variant.len()), ("web", 3));
    }
}
