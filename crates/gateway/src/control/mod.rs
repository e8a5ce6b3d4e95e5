//! What the control thread does beside requests: it knows what is to be done, and tells the workers.
//!
//! A change (a reload, a server that was found, an edit through the API) builds a new snapshot or fails and changes nothing.
//! Workers are told through channels and never wait for this thread.

pub(crate) mod carried;
pub(crate) mod diff;
pub(crate) mod discover;
pub(crate) mod edit;
pub(crate) mod evaluate;
mod jitter;
pub(crate) mod managed;
pub(crate) mod probe;
mod sockets;
mod status;
mod watch;

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tenfold_observe::metric::{CounterSet, Registry};
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use crate::cache::{OpenError, Store};
use crate::config::{Config, Upstream};
use crate::limit::{Limit, LimitError};
use crate::route::TableError;
use crate::snapshot::{Routes, Snapshot};
use crate::worker::{Apply, Order};
use carried::Carried;
use discover::Resolver;
use managed::Managed;
use sockets::Sockets;

/// Why a change was not made. Nothing has changed.
#[derive(Debug)]
pub enum ApplyError {
    /// An address cannot be listened on.
    Listen(String, SocketAddr, io::Error),
    /// Two routes are for the same requests.
    Routes(TableError),
    /// A cache cannot be opened.
    Cache(OpenError),
    /// A limit's numbers make none.
    Limit(LimitError),
    /// Another process takes over, or this one ends.
    Leaving,
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(name, address, error) => {
                write!(f, "listener {name}: cannot listen on {address}: {error}")
            }
            Self::Routes(error) => error.fmt(f),
            Self::Cache(error) => error.fmt(f),
            Self::Limit(error) => error.fmt(f),
            Self::Leaving => f.write_str(edit::LEAVING),
        }
    }
}

impl std::error::Error for ApplyError {}

/// The control thread's knowledge.
pub(crate) struct Control {
    registry: Arc<Registry>,
    epoch: Instant,
    /// Where tasks of discovery and probes run.
    runtime: Handle,
    resolver: Arc<Resolver>,
    /// How many there have been: each has a number of its own.
    discoveries: AtomicU64,
    state: Mutex<State>,
    reloads: CounterSet,
    /// The slot of this thread in metrics.
    slot: usize,
    itself: Weak<Self>,
}

struct State {
    phase: Phase,
    config: Config,
    snapshot: Arc<Snapshot>,
    managed: Vec<Managed>,
    /// Upstreams of the next configuration, whose names are being resolved.
    coming: Vec<Managed>,
    /// What the process before this one handed over.
    carried: Carried,
    sockets: Sockets,
    orders: Vec<UnboundedSender<Order>>,
}

/// Whether what the gateway does can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    /// A new process is taking over: what would change here now, it would not know.
    HandingOver,
    /// The sockets are closed, and must not be opened again.
    Closed,
}

/// Done when every worker has done it.
pub(crate) struct Done {
    told: Receiver<()>,
    /// What held before: whoever waits frees it, and not a worker while its requests wait. 5,000 routes take milliseconds.
    _old: Arc<Snapshot>,
}

impl Done {
    /// Waits for that; returns false if it takes longer than `patience`.
    pub(crate) fn wait(&self, patience: Duration) -> bool {
        // Nobody ever sends: the channel closes when the last worker is done.
        matches!(
            self.told.recv_timeout(patience),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected)
        )
    }
}

impl Control {
    pub(crate) fn new(
        registry: &Arc<Registry>,
        epoch: Instant,
        orders: Vec<UnboundedSender<Order>>,
        inherited: Vec<TcpListener>,
        carried: Carried,
    ) -> Arc<Self> {
        let state = State {
            phase: Phase::Open,
            config: Config::default(),
            snapshot: Arc::new(Snapshot::empty(registry)),
            managed: Vec::new(),
            coming: Vec::new(),
            carried,
            sockets: Sockets::new(orders.len(), inherited),
            orders,
        };
        let slot = state.orders.len();
        Arc::new_cyclic(|itself| Self {
            registry: Arc::clone(registry),
            epoch,
            runtime: Handle::current(),
            resolver: Arc::new(Resolver::system()),
            discoveries: AtomicU64::new(0),
            state: Mutex::new(state),
            reloads: crate::metrics::reloads(registry),
            slot,
            itself: Weak::clone(itself),
        })
    }

    pub(crate) fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A change that panicked has not been published: what the workers have is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The configuration that holds.
    pub(crate) fn config(&self) -> Config {
        self.lock().config.clone()
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.lock().snapshot)
    }

    /// Does what `config` says from now on, or changes nothing. Returns what is different.
    pub(crate) fn apply(&self, config: Config) -> Result<(Vec<String>, Done), ApplyError> {
        let mut state = self.lock();
        let result = match state.phase {
            Phase::Open => self.try_apply(&mut state, config),
            Phase::HandingOver | Phase::Closed => Err(ApplyError::Leaving),
        };
        state.coming.clear();
        let place = usize::from(result.is_err());
        self.reloads.increment(self.slot, place);
        result
    }

    /// Counts a configuration that was wrong before it came here.
    pub(crate) fn count_refused(&self) {
        let _only_one_writes = self.lock();
        self.reloads.increment(self.slot, 1);
    }

    fn try_apply(
        &self,
        state: &mut State,
        config: Config,
    ) -> Result<(Vec<String>, Done), ApplyError> {
        let is_same_routes = config.routes == state.config.routes && state.snapshot.generation > 0;
        let routes = if is_same_routes && config.listeners.len() == state.config.listeners.len() {
            Arc::clone(&state.snapshot.routes)
        } else {
            // Reloads in quick succession would otherwise add up to what `evaluate` finds only after seconds.
            self.registry.forget_unused();
            let routes = Routes::new(
                &config.routes,
                config.listeners.len(),
                &self.registry,
                Some(&state.snapshot.routes),
            );
            Arc::new(routes.map_err(ApplyError::Routes)?)
        };
        let caches = self.open_caches(state, &config)?;
        let limits = self.open_limits(state, &config)?;
        let sockets = state.sockets.open(&config.listeners)?;

        // Nothing fails from here on.
        let changes = diff::diff(&state.config, &config);
        self.configure_upstreams(state, &config.upstreams);
        caches.iter().for_each(|cache| cache.take_effect());
        let snapshot = Snapshot {
            generation: state.snapshot.generation + 1,
            listeners: config.listeners.as_slice().into(),
            routes,
            upstreams: state
                .managed
                .iter()
                .map(|it| Arc::clone(it.shared()))
                .collect(),
            caches,
            limits,
        };
        state.config = config;
        Ok((changes, self.publish(state, snapshot, sockets)))
    }

    /// Opens what is new of the caches, and takes over the others.
    fn open_caches(&self, state: &State, config: &Config) -> Result<Arc<[Arc<Store>]>, ApplyError> {
        let old = &state.snapshot.caches;
        let open = |(index, cache): (usize, &crate::config::Cache)| {
            let known = old.iter().find(|old| old.config.name == cache.name);
            let uses = |route: &&crate::config::Route| route.cache == Some(index);
            let routes = config.routes.iter().filter(uses);
            let routes = routes.map(|route| route.name.as_str().into()).collect();
            Store::open(&Arc::new(cache.clone()), routes, known, &self.registry)
        };
        let caches = config.caches.iter().enumerate().map(open);
        caches.collect::<Result<_, _>>().map_err(ApplyError::Cache)
    }

    /// Makes what is new of the limits, and goes on with the others.
    fn open_limits(&self, state: &State, config: &Config) -> Result<Arc<[Arc<Limit>]>, ApplyError> {
        let old = &state.snapshot.limits;
        let mut stores: Vec<_> = old.iter().filter_map(|old| old.store.clone()).collect();
        let mut limits = Vec::with_capacity(config.limits.len());
        for limit in &config.limits {
            let known = old.iter().find(|old| old.config.name == limit.name);
            let limit = Limit::open(&Arc::new(limit.clone()), known, &stores, &self.registry);
            let limit = limit.map_err(ApplyError::Limit)?;
            stores.extend(limit.store.clone());
            limits.push(limit);
        }
        Ok(limits.into())
    }

    /// Brings the managed upstreams into the order of the configuration.
    fn configure_upstreams(&self, state: &mut State, upstreams: &[Upstream]) {
        let now = self.arrival(state);
        let mut old = std::mem::take(&mut state.managed);
        for config in upstreams {
            let known = old
                .iter()
                .position(|managed| managed.config.name == config.name);
            let mut managed = match known {
                Some(index) => old.swap_remove(index),
                None => self.newcomer(state, config),
            };
            if *managed.config != *config {
                let before = Arc::clone(&managed.config);
                managed.configure(Arc::new(config.clone()), now);
                self.watch(&mut managed, Some(&before));
            }
            state.managed.push(managed);
        }
    }

    /// When servers that are new came: those of the beginning have always been there, and need no slow start.
    fn arrival(&self, state: &State) -> Duration {
        if state.snapshot.generation == 0 {
            Duration::ZERO
        } else {
            self.now()
        }
    }

    /// Tells the workers of a change to one upstream.
    fn publish_one(&self, state: &mut State, index: usize) -> Done {
        let old = &state.snapshot;
        let mut upstreams = old.upstreams.clone();
        upstreams[index] = Arc::clone(state.managed[index].shared());
        let snapshot = Snapshot {
            generation: old.generation + 1,
            listeners: Arc::clone(&old.listeners),
            routes: Arc::clone(&old.routes),
            upstreams,
            caches: Arc::clone(&old.caches),
            limits: Arc::clone(&old.limits),
        };
        self.publish(state, snapshot, Vec::new())
    }

    fn publish(
        &self,
        state: &mut State,
        snapshot: Snapshot,
        sockets: Vec<Vec<(usize, TcpListener)>>,
    ) -> Done {
        let snapshot = Arc::new(snapshot);
        let old = std::mem::replace(&mut state.snapshot, Arc::clone(&snapshot));
        let (done, told) = channel();
        let mut sockets = sockets.into_iter();
        for order in &state.orders {
            let apply = Apply {
                snapshot: Arc::clone(&snapshot),
                sockets: sockets.next().unwrap_or_default(),
                given: self.now(),
                done: done.clone(),
            };
            // A worker that has ended needs no orders.
            let _ended = order.send(Order::Apply(apply));
        }
        Done { told, _old: old }
    }

    /// Waits for something that needs the runtime. Not to be called on its own thread.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Tells requests that wait for a server which is down to look elsewhere.
    fn wake_workers(&self) {
        for order in &self.lock().orders {
            let _ended = order.send(Order::Wake);
        }
    }

    /// Where it listens: names and actual addresses.
    pub(crate) fn addresses(&self) -> Vec<(String, SocketAddr)> {
        let state = self.lock();
        state.sockets.addresses(&state.config.listeners)
    }
}
