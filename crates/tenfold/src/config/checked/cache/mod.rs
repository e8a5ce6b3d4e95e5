//! Caches: their levels, and the policy.

mod key;
mod policy;

use std::path::PathBuf;

use tenfold_gateway::config::cache::{Cache, DEFAULT_MEMORY, Disk, Policy, Redis, largest_in};

use super::Scope;
use crate::config::diagnostic::{At, Place};
use crate::config::raw::{self, cache};
use crate::config::read::Field;
use crate::config::redis;
use crate::config::shape::Named;

/// A level on disk that is smaller than this holds nothing worth its files.
const LEAST_DISK: u64 = 1 << 20;
/// When `[shared]` does not say what keys begin with.
const NAMESPACE: &str = "tenfold";
/// When `[shared]` does not say how long a command may take. A Redis nearby answers within one; a server's answer takes longer.
const TIMEOUT: std::time::Duration = std::time::Duration::from_millis(100);

pub(super) fn check(file: &raw::File, shared: Option<&Redis>, scope: &mut Scope<'_>) -> Vec<Cache> {
    let mut folders = Vec::new();
    let mut caches = Vec::new();
    let names = file.cache.value().into_iter().flat_map(Named::given);
    for (name, cache) in names {
        caches.push(one(name, &cache.value, file, shared, scope));
        let disk = caches.last().and_then(|cache| cache.disk.as_ref());
        let at = cache.value.disk.value().and_then(|disk| disk.path.at());
        if let (Some(disk), Some(at)) = (disk, at) {
            own_folder(&disk.path, at, &mut folders, scope);
        }
    }
    caches
}

fn one(
    name: &At<String>,
    raw: &cache::Cache,
    file: &raw::File,
    shared: Option<&Redis>,
    scope: &mut Scope<'_>,
) -> Cache {
    let memory = raw.memory.value().map_or(DEFAULT_MEMORY, |size| size.0);
    let disk = disk(&raw.disk, scope);
    let is_shared = raw.shared.or(false);
    if let (true, true, Some(at)) = (is_shared, file.shared.is_missing(), raw.shared.at()) {
        let message = format!(
            "the cache `{}` is shared, and nothing says where",
            name.value
        );
        let help = "add [shared] with redis = \"redis://HOST:PORT\"";
        scope.report.error(at, message, help);
    }
    let networks = raw.purge_from.value().into_iter().flat_map(|all| &all.0);
    let has_lower = disk.is_some() || is_shared;
    Cache {
        name: name.value.clone(),
        memory,
        disk,
        redis: shared.filter(|_| is_shared).cloned(),
        purge_from: networks.map(|network| network.value.0).collect(),
        policy: Policy {
            key: key::check(raw, scope),
            bypass: key::bypass(&raw.bypass, scope),
            max_object: max_object(raw, memory, has_lower, scope),
            ..policy::check(raw, scope)
        },
    }
}

/// The largest body. What fits into no level would be fetched into memory as a whole, and then be thrown away.
fn max_object(raw: &cache::Cache, memory: u64, has_lower: bool, scope: &mut Scope<'_>) -> u64 {
    let largest = largest_in(memory);
    let Some(size) = raw.max_object.given() else {
        let standard = Policy::default().max_object;
        return if has_lower {
            standard
        } else {
            standard.min(largest)
        };
    };
    let bytes = size.value.0;
    let (message, help) = match has_lower {
        true => return bytes,
        false if bytes > memory => (
            "`max_object` is larger than `memory`",
            "give the cache more memory, or a smaller `max_object`",
        ),
        false if bytes > largest => {
            let message = format!(
                "with this `memory` objects of more than {largest} bytes are never kept: it is divided among the cores"
            );
            let help = "give the cache more memory or a level on disk, or a smaller `max_object`";
            scope.report.warning(size.at, message, help);
            return bytes;
        }
        false => return bytes,
    };
    scope.report.error(size.at, message, help);
    bytes
}

fn disk(field: &Field<cache::Disk>, scope: &mut Scope<'_>) -> Option<Disk> {
    let raw = field.value()?;
    let path = raw.path.given()?;
    let folder = PathBuf::from(&path.value.0);
    if !folder.is_absolute() {
        let message = format!(
            "a cache's folder is an absolute path, and `{}` is not",
            path.value.0
        );
        let help =
            "for example /var/cache/tenfold: a relative one would move with the configuration file";
        scope.report.error(path.at, message, help);
    }
    let size = raw.size.given()?;
    if size.value.0 < LEAST_DISK {
        let message = "a cache on disk of less than 1MiB holds nothing worth its files";
        scope
            .report
            .error(size.at, message, "give it more, for example 10GiB");
    }
    Some(Disk {
        path: folder,
        size: size.value.0,
    })
}

/// Two caches in one folder would take each other's files for their own, and one inside of another be deleted with it.
fn own_folder(
    path: &std::path::Path,
    at: Place,
    folders: &mut Vec<(PathBuf, Place)>,
    scope: &mut Scope<'_>,
) {
    // Without "." and doubled slashes; links are not followed, as the folder need not be there yet.
    let path: PathBuf = path.components().collect();
    let is_taken =
        |(other, _): &&(PathBuf, Place)| path.starts_with(other) || other.starts_with(&path);
    if let Some((other, first)) = folders.iter().find(is_taken) {
        let message = match *other == path {
            true => format!("two caches have the folder {}", path.display()),
            false => format!(
                "one cache's folder is inside of another's: {}",
                path.display()
            ),
        };
        let error = scope
            .report
            .error(at, message, "give each a folder of its own");
        error.also(*first, "the other one");
    }
    folders.push((path, at));
}

/// The Redis that gateways share.
pub(super) fn shared(field: &Field<cache::Shared>, scope: &mut Scope<'_>) -> Option<Redis> {
    let raw = field.value()?;
    let source = raw.redis.given()?;
    let url = match source.value.0.contains("://") {
        true => source.value.0.clone(),
        false => {
            let help = "set it to the URL of the Redis, for example redis://:PASSWORD@HOST:6379";
            let text = scope.secret(&source.value.0, source.at, help)?;
            let url = redis::url(text.trim()).map(str::to_owned);
            url.map_err(|help| {
                let message = format!("what {} contains is not where a Redis is", source.value.0);
                scope.report.error(source.at, message, help);
            })
            .ok()?
        }
    };
    Some(Redis {
        url,
        namespace: raw
            .namespace
            .value()
            .map_or_else(|| NAMESPACE.to_owned(), |name| name.0.clone()),
        timeout: raw.timeout.value().map_or(TIMEOUT, |time| time.0),
    })
}
