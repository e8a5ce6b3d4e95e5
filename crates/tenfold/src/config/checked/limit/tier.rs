//! Tiers: who is in them, and what they may have.

use tenfold_gateway::config::limit::{ApiKeys, Tier};
use tenfold_traffic::limit::{Algorithm, Quota};

use super::{Numbers, WRONG};
use crate::config::checked::Scope;
use crate::config::diagnostic::At;
use crate::config::raw::{self, limit};
use crate::config::read::{Field, shortened};
use crate::config::scalar::{Network, Text};
use crate::config::shape::{List, Named};
use crate::config::word;

/// The shortest API key: with less it could be guessed.
const SHORTEST: usize = 16;

/// A tier, which may have no members of its own if it is the default one.
pub(super) struct Checked(Tier);

impl Checked {
    pub(super) fn name(&self) -> &str {
        &self.0.name
    }

    pub(super) fn quota(&self) -> Quota {
        self.0.quota
    }

    /// The tier, if anybody can be in it.
    pub(super) fn with_members(self) -> Option<Tier> {
        let Self(tier) = self;
        let is_empty =
            tier.networks.is_empty() && tier.headers.is_empty() && tier.api_keys.is_empty();
        (!is_empty).then_some(tier)
    }
}

pub(super) fn check(
    limit: &limit::Limit,
    algorithm: Algorithm,
    file: &raw::File,
    scope: &mut Scope<'_>,
) -> Vec<Checked> {
    let tiers = limit.tier.value().into_iter().flat_map(Named::given);
    let all = tiers.map(|(name, tier)| one(name, tier, limit, algorithm, file, scope));
    all.collect()
}

fn one(
    name: &At<String>,
    tier: &At<limit::Tier>,
    limit: &limit::Limit,
    algorithm: Algorithm,
    file: &raw::File,
    scope: &mut Scope<'_>,
) -> Checked {
    let raw = &tier.value;
    let numbers = Numbers {
        rate: &raw.rate,
        burst: &raw.burst,
        in_flight: &raw.in_flight,
        window: limit.window.value().map(|time| time.0),
    };
    let quota = numbers.quota(algorithm, name.at, scope);
    let is_default = limit.default_tier.value() == Some(&name.value);
    let has_members = is_given(&raw.from) || !raw.header.is_missing() || !raw.api_keys.is_missing();
    if !has_members && !is_default {
        let message = format!("nobody is in the tier `{}`", shortened(&name.value));
        let help = "say who with from = [\"10.0.0.0/8\"], header = { x-plan = \"premium\" } or api_keys = \"file:PATH\"";
        scope.report.error(name.at, message, help);
    }
    let networks = raw.from.value().into_iter().flat_map(|all| &all.0);
    Checked(Tier {
        name: name.value.clone(),
        quota: quota.unwrap_or(WRONG),
        networks: networks.map(|network| network.value.0).collect(),
        headers: headers(&raw.header, file, scope),
        api_keys: api_keys(raw, scope),
        priority: raw.priority.value().map(|name| name.priority()),
    })
}

/// False for an empty list: nobody is in that.
fn is_given(networks: &Field<List<Network>>) -> bool {
    match networks.value() {
        Some(list) => !list.0.is_empty(),
        // What is wrong is there.
        None => !networks.is_missing(),
    }
}

fn headers(
    field: &Field<Named<Text>>,
    file: &raw::File,
    scope: &mut Scope<'_>,
) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    for (name, value) in field.value().into_iter().flat_map(Named::given) {
        match word::field_name(&name.value) {
            Ok(plain) => headers.push((plain.to_ascii_lowercase(), value.value.clone())),
            Err(help) => {
                let message = format!("`{}` is no name of a field", shortened(&name.value));
                scope.report.error(name.at, message, help);
            }
        }
    }
    let listeners = file.listener.value().into_iter().flat_map(Named::given);
    let mut own = listeners.map(|(_, listener)| &listener.value.trusted_proxies);
    let general = file.gateway.value().map(|gateway| &gateway.trusted_proxies);
    let has_some = own.any(|it| !it.is_missing()) || general.is_some_and(|it| !it.is_missing());
    if let (false, Some(at)) = (has_some, field.at()) {
        let message =
            "`header` has no effect: it is believed only from trusted proxies, and there are none";
        let help = "name them in trusted_proxies of [gateway], or tell clients apart by api_keys";
        scope.report.warning(at, message, help);
    }
    headers
}

fn api_keys(raw: &limit::Tier, scope: &mut Scope<'_>) -> ApiKeys {
    let mut keys = ApiKeys::default();
    let help = "set it to the API keys, one per line";
    for source in raw.api_keys.value().into_iter().flat_map(|all| &all.0) {
        let Some(text) = scope.secret(&source.value.0, source.at, help) else {
            continue;
        };
        let before = keys.len();
        for key in text.lines().map(str::trim).filter(|key| !key.is_empty()) {
            if key.len() < SHORTEST {
                let message = format!(
                    "{} has an API key that is too short to be one",
                    source.value.0
                );
                let help = "use at least 16 characters, for example from: openssl rand -hex 16";
                scope.report.error(source.at, message, help);
                break;
            }
            keys.add(key.as_bytes());
        }
        if keys.len() == before && !scope.report.has_errors() {
            let message = format!("there is no new API key in {}", source.value.0);
            scope.report.warning(source.at, message, help);
        }
    }
    keys
}
