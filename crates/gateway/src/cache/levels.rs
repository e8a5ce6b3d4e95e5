//! Opening the levels below memory: where they lie, and what goes on beside requests for them.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tenfold_cache::Namespace;
use tenfold_cache::level::disk::{self, DiskLevel, DiskOptions};
use tenfold_cache::level::redis::{RedisLevel, RedisOptions};
use tenfold_cache::level::{GuardOptions, Level};
use tokio::runtime::{Builder, Runtime};

use super::late::Late;
use super::patient::{Limit, Patient};
use crate::config;

/// How long a write to Redis may take: it is in nobody's way.
const WRITING: Duration = Duration::from_secs(1);

/// How long a connection to Redis may be silent on a command: what it was made with holds for as long as it is there.
pub(super) fn connection_limit(config: &config::cache::Redis) -> Duration {
    WRITING.max(config.timeout)
}

/// A level and its limits.
pub(super) type Opened = (Arc<dyn Level>, GuardOptions);

/// The runtime of connections to Redis, of caches and of limits: one for the process, because they outlive reloads, and workers must
/// not wait for what it does.
fn runtime() -> io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let made = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("tenfold-cache")
        .enable_all()
        .build()?;
    Ok(RUNTIME.get_or_init(|| made))
}

/// Runs something to its end on that runtime, from whatever thread.
pub(crate) fn run<T: Send>(future: impl Future<Output = T> + Send) -> io::Result<T> {
    let runtime = runtime()?;
    // In a thread of its own: the caller may itself be one that a runtime must not block.
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| runtime.block_on(future));
        thread
            .join()
            .map_err(|_| io::Error::other("a task panicked"))
    })
}

/// Starts something on that runtime.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    runtime()?.spawn(future);
    Ok(())
}

/// Opens a folder. One that another process still has comes later.
pub(super) fn disk(config: &config::cache::Disk) -> Result<Opened, String> {
    let options = DiskOptions::new(&config.path, config.size);
    let guard = GuardOptions {
        // A disk that is busy answers late, and still sooner than most servers.
        read_timeout: Duration::from_millis(250),
        ..GuardOptions::default()
    };
    match DiskLevel::open(&options) {
        Ok(level) => {
            tell(&level);
            Ok((Arc::new(level), guard))
        }
        Err(disk::OpenError::Locked { path, owner }) => {
            // In a reload it is this process, and after an upgrade the one that started this one.
            let known = [std::process::id(), std::os::unix::process::parent_id()];
            let path = path.display();
            if known.iter().any(|known| known.to_string() == owner) {
                tracing::info!("{path} is still in use; the cache takes it over when it is free");
            } else {
                tracing::warn!(
                    "{path} is in use by process {owner}: give each process a directory of its own; until it is free \
                     this one goes on without"
                );
            }
            let open = move || {
                let level = DiskLevel::open(&options).ok()?;
                tell(&level);
                Some(Arc::new(level) as Arc<dyn Level>)
            };
            Ok((Late::new("disk", open), guard))
        }
        Err(error) => Err(error.to_string()),
    }
}

fn tell(level: &DiskLevel) {
    let found = level.recovery();
    if let Some(why) = &found.dropped {
        tracing::warn!(
            entries = found.entries,
            "what was on disk for the cache is dropped, or a part of it: {why}"
        );
    } else if found.entries > 0 {
        tracing::info!(
            entries = found.entries,
            bytes = found.bytes,
            "the cache on disk is taken up"
        );
    }
    if found.damaged > 0 && found.dropped.is_none() {
        tracing::warn!(
            places = found.damaged,
            "files of the cache on disk are damaged; what was in those places is fetched again"
        );
    }
}

/// Connects to Redis. One that is down comes later.
pub(super) fn redis(
    name: &str,
    config: &config::cache::Redis,
    namespace: &Namespace,
    patience: &Arc<Limit>,
) -> Result<Opened, String> {
    let options = RedisOptions {
        timeout: connection_limit(config),
        start_without: true,
        ..RedisOptions::new(&config.url, namespace)
    };
    let guard = GuardOptions {
        read_timeout: Patient::LONGEST,
        write_timeout: WRITING,
        ..GuardOptions::default()
    };
    let connected = run(RedisLevel::connect(options)).map_err(|error| error.to_string())?;
    let level = connected.map_err(|error| error.to_string())?;
    if let Some(why) = level.missing() {
        tracing::warn!("cache {name}: it begins without its shared level, and joins later: {why}");
    }
    Ok((Patient::new(level, Arc::clone(patience)), guard))
}
