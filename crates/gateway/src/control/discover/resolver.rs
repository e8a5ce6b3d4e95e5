//! Asking name servers.
//!
//! hickory does the protocol (UDP, TCP when an answer is truncated, several name servers, repeating). What is done here, because
//! a program that runs for months needs it otherwise than one that looks up a name and exits:
//!
//! - `/etc/resolv.conf` and `/etc/hosts` are read again when they change;
//! - nothing is cached, because whoever asks here asks when a time to live is over;
//! - A and AAAA are told apart, so that one which cannot be had does not take the other away;
//! - the search list is walked so that a name server that fails never makes a name mean something else: if the name that
//!   answered before cannot be asked for, that is a failure, whatever the next suffix would give.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::{Hosts, TokioResolver};

use super::known::{Addresses, Reply};
use super::stamp::Stamp;

/// For a look-up as a whole, with all names of the search list.
const LIMIT: Duration = Duration::from_secs(5);
/// For one attempt; `timeout` in resolv.conf can make it shorter. glibc's 5 s would leave no time for a second one.
const ATTEMPT: Duration = Duration::from_secs(2);
/// How long one of A and AAAA waits for the other: some name servers never answer to AAAA.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often names of `/etc/hosts` are looked up again, in seconds: they have no time to live, and it costs a `stat`.
const HOSTS_TTL: u32 = 5;
/// An address that is written as one does not change.
const FIXED_TTL: u32 = u32::MAX;

/// Looks up names. Shared by all upstreams.
pub(crate) struct Resolver {
    files: Option<Files>,
    state: Mutex<State>,
}

/// Where the system keeps its settings.
struct Files {
    resolv_conf: PathBuf,
    hosts: PathBuf,
    /// Of the name servers; 53 outside of tests.
    port: u16,
}

/// What is made from the settings, and from which version of them.
struct State {
    view: View,
    resolv_conf: Option<Stamp>,
    hosts: Option<Stamp>,
}

/// What one look-up works with.
#[derive(Clone)]
struct View {
    client: TokioResolver,
    search: Arc<[Name]>,
    /// Names with fewer dots are tried with the search list first.
    ndots: usize,
    hosts: Arc<Hosts>,
}

/// One record of a service (SRV, RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    /// Without the dot at the end; empty if the service is decidedly not offered.
    pub(super) target: String,
}

impl Resolver {
    /// As the system is set up: `/etc/resolv.conf` and `/etc/hosts`, read again when they change.
    pub(crate) fn system() -> Self {
        Self::with_files(Files {
            resolv_conf: "/etc/resolv.conf".into(),
            hosts: "/etc/hosts".into(),
            port: 53,
        })
    }

    /// Asks these name servers, and knows neither a search list nor `/etc/hosts`.
    pub(crate) fn with_servers(servers: &[SocketAddr]) -> Self {
        let view = View {
            client: client(servers, ResolverOpts::default()),
            search: Arc::default(),
            ndots: 1,
            hosts: Arc::default(),
        };
        Self::with_view(view, None)
    }

    fn with_files(files: Files) -> Self {
        let view = View {
            client: client(&[], ResolverOpts::default()),
            search: Arc::default(),
            ndots: 1,
            hosts: Arc::default(),
        };
        let resolver = Self::with_view(view, Some(files));
        // Without a resolv.conf there is a name server on this machine (resolv.conf(5)).
        let files = resolver.files.as_ref().expect("they were just put there");
        resolver.lock().configure(b"", files);
        resolver
    }

    fn with_view(view: View, files: Option<Files>) -> Self {
        let state = State {
            view,
            resolv_conf: None,
            hosts: None,
        };
        Self {
            files,
            state: Mutex::new(state),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The settings as they are now.
    fn view(&self) -> View {
        let mut state = self.lock();
        if let Some(files) = &self.files {
            state.refresh(files);
        }
        state.view.clone()
    }

    /// The addresses of a host. `before` is the full name that answered the last time and is set to the one that answers now.
    pub(super) async fn addresses(&self, host: &str, before: &mut Option<Name>) -> Addresses {
        if let Ok(address) = host.parse::<IpAddr>() {
            return split([address], FIXED_TTL);
        }
        let view = self.view();
        let name = match Name::from_utf8(host) {
            Ok(name) => name,
            Err(error) => return broken(&format!("this cannot be a name: {error}")),
        };
        if let Some(addresses) = view.in_hosts(&name) {
            return split(addresses, HOSTS_TTL);
        }
        let walk = view.walk(&name, before, pair, |answer: &Addresses| {
            kind([is(&answer.v4), is(&answer.v6)])
        });
        match tokio::time::timeout(LIMIT, walk).await {
            Ok(answer) => answer,
            Err(_) => broken(&too_late()),
        }
    }

    /// The records of a service.
    pub(super) async fn services(&self, name: &str, before: &mut Option<Name>) -> Reply<Service> {
        let view = self.view();
        let name = match Name::from_utf8(name) {
            Ok(name) => name,
            Err(error) => return Reply::Failed(format!("this cannot be a name: {error}")),
        };
        let ask = async |client: &TokioResolver, name: &Name| {
            ask(client, name, RecordType::SRV, service).await
        };
        let walk = view.walk(&name, before, ask, |reply| is(reply));
        match tokio::time::timeout(LIMIT, walk).await {
            Ok(reply) => reply,
            Err(_) => Reply::Failed(too_late()),
        }
    }
}

impl State {
    /// Reads what has changed. These are small files on a local disk, so that a task may wait for them.
    fn refresh(&mut self, files: &Files) {
        let stamp = |path| {
            fs::metadata(path)
                .ok()
                .map(|metadata| Stamp::from(&metadata))
        };
        let now = stamp(&files.resolv_conf);
        if self.resolv_conf != now {
            // One that disappears is about to be replaced; until then the old one holds.
            if let Ok(text) = fs::read(&files.resolv_conf) {
                self.configure(&text, files);
            }
            self.resolv_conf = now;
        }
        let now = stamp(&files.hosts);
        if self.hosts != now {
            let mut hosts = Hosts::default();
            if let Ok(text) = fs::read(&files.hosts)
                && let Err(error) = hosts.read_hosts_conf(text.as_slice())
            {
                tracing::warn!(%error, "cannot read {}", files.hosts.display());
            }
            self.view.hosts = Arc::new(hosts);
            self.hosts = now;
        }
    }

    fn configure(&mut self, text: &[u8], files: &Files) {
        let (config, errors) = resolv_conf::Config::parse_with_errors(text);
        for error in errors {
            tracing::warn!(%error, "a line of {} is ignored", files.resolv_conf.display());
        }
        let servers = config.get_nameservers_or_local();
        let servers = servers.iter().map(|server| match server {
            resolv_conf::ScopedIp::V4(ip) => SocketAddr::from((*ip, files.port)),
            resolv_conf::ScopedIp::V6(ip, _) => SocketAddr::from((*ip, files.port)),
        });
        let mut options = ResolverOpts::default();
        options.timeout = Duration::from_secs(u64::from(config.timeout.max(1)));
        options.attempts = usize::try_from(config.attempts)
            .unwrap_or(usize::MAX)
            .clamp(1, 5);
        options.edns0 = config.edns0;
        let search = config.get_last_search_or_domain();
        self.view.search = search
            .filter_map(|one| Name::from_str_relaxed(one).ok())
            .collect();
        self.view.ndots = usize::try_from(config.ndots).unwrap_or(usize::MAX);
        self.view.client = client(&servers.collect::<Vec<_>>(), options);
    }
}

/// A client that remembers nothing.
fn client(servers: &[SocketAddr], mut options: ResolverOpts) -> TokioResolver {
    options.timeout = options.timeout.min(ATTEMPT);
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    let at = |server: &SocketAddr| {
        let with_port = |mut connection: ConnectionConfig| {
            connection.port = server.port();
            connection
        };
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(with_port);
        NameServerConfig::new(server.ip(), true, connections.into())
    };
    let config = ResolverConfig::from_name_servers(servers.iter().map(at).collect());
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        .with_options(options)
        .build()
        .expect("only a TLS configuration could fail, and there is none")
}

/// What an answer amounts to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Found,
    Absent,
    Failed,
}

fn is<T>(reply: &Reply<T>) -> Kind {
    match reply {
        Reply::Found(..) => Kind::Found,
        Reply::Absent { .. } => Kind::Absent,
        Reply::Failed(_) => Kind::Failed,
    }
}

/// Of A and AAAA together.
fn kind(both: [Kind; 2]) -> Kind {
    let has = |kind| both.contains(&kind);
    match (has(Kind::Found), has(Kind::Failed)) {
        (true, _) => Kind::Found,
        (false, true) => Kind::Failed,
        (false, false) => Kind::Absent,
    }
}

impl View {
    /// The full names that a name may mean, in the order in which they are asked for (resolv.conf(5), `search` and `ndots`).
    fn candidates(&self, name: &Name) -> Vec<Name> {
        let mut full = name.clone();
        full.set_fqdn(true);
        if name.is_fqdn() {
            return vec![full];
        }
        let expand = |suffix: &Name| name.clone().append_domain(suffix).ok();
        let mut all: Vec<Name> = self.search.iter().filter_map(expand).collect();
        all.iter_mut().for_each(|one| one.set_fqdn(true));
        let has_enough_dots = usize::from(name.num_labels()) > self.ndots || name.is_localhost();
        all.insert(if has_enough_dots { 0 } else { all.len() }, full);
        let mut seen = Vec::with_capacity(all.len());
        all.retain(|one| {
            !seen.contains(one) && {
                seen.push(one.clone());
                true
            }
        });
        all
    }

    fn in_hosts(&self, name: &Name) -> Option<Vec<IpAddr>> {
        let of = |kind| {
            self.hosts
                .lookup_static_host(&Query::query(name.clone(), kind))
        };
        let both = [of(RecordType::A), of(RecordType::AAAA)];
        let records = both.iter().flatten().flat_map(|lookup| lookup.answers());
        let addresses: Vec<_> = records.filter_map(address).collect();
        (!addresses.is_empty()).then_some(addresses)
    }

    /// Asks for one candidate after the other until there are records. Without any, a failure counts more than an absence:
    /// what failed may be what was meant.
    async fn walk<A>(
        &self,
        name: &Name,
        before: &mut Option<Name>,
        ask: impl AsyncFn(&TokioResolver, &Name) -> A,
        kind: impl Fn(&A) -> Kind,
    ) -> A {
        let mut result = None;
        for candidate in self.candidates(name) {
            let answer = ask(&self.client, &candidate).await;
            match kind(&answer) {
                Kind::Found => {
                    *before = Some(candidate);
                    return answer;
                }
                Kind::Failed if before.as_ref() == Some(&candidate) => return answer,
                Kind::Failed
                    if result
                        .as_ref()
                        .is_none_or(|result| kind(result) == Kind::Absent) =>
                {
                    result = Some(answer);
                }
                Kind::Absent if result.is_none() => result = Some(answer),
                _ => {}
            }
        }
        result.expect("a name has at least one candidate, itself")
    }
}

/// Asks for A and AAAA at the same time.
async fn pair(client: &TokioResolver, name: &Name) -> Addresses {
    let v4 = ask(client, name, RecordType::A, address);
    let v6 = ask(client, name, RecordType::AAAA, address);
    tokio::pin!(v4, v6);
    tokio::select! {
        v4 = &mut v4 => {
            let v6 = other(&v4, v6).await;
            Addresses { v4, v6 }
        }
        v6 = &mut v6 => {
            let v4 = other(&v6, v4).await;
            Addresses { v4, v6 }
        }
    }
}

/// The answer that came second.
async fn other(
    first: &Reply<IpAddr>,
    second: impl Future<Output = Reply<IpAddr>>,
) -> Reply<IpAddr> {
    if is(first) != Kind::Found {
        return second.await;
    }
    let second = tokio::time::timeout(PATIENCE, second).await;
    second.unwrap_or_else(|_| Reply::Failed("no answer".into()))
}

/// Asks for the records of one full name.
async fn ask<T>(
    client: &TokioResolver,
    name: &Name,
    record_type: RecordType,
    pick: impl Fn(&Record) -> Option<T>,
) -> Reply<T> {
    match client.lookup(name.clone(), record_type).await {
        Ok(lookup) => {
            // With the records that led here (CNAME), whose time to live counts too.
            let ttl = lookup.answers().iter().map(|record| record.ttl).min();
            let records = lookup
                .answers()
                .iter()
                .filter(|one| one.record_type() == record_type);
            let picked: Vec<T> = records.filter_map(pick).collect();
            if picked.is_empty() {
                return Reply::Absent {
                    no_such_name: false,
                };
            }
            Reply::Found(picked, ttl.unwrap_or_default())
        }
        Err(error) if error.is_no_records_found() => Reply::Absent {
            no_such_name: error.is_nx_domain(),
        },
        Err(error) => Reply::Failed(describe(&error)),
    }
}

fn address(record: &Record) -> Option<IpAddr> {
    record.data.ip_addr()
}

fn service(record: &Record) -> Option<Service> {
    let RData::SRV(srv) = &record.data else {
        return None;
    };
    Some(Service {
        priority: srv.priority,
        weight: srv.weight,
        port: srv.port,
        target: srv
            .target
            .to_ascii()
            .trim_end_matches('.')
            .to_ascii_lowercase(),
    })
}

fn describe(error: &NetError) -> String {
    match error {
        NetError::Timeout => "the name servers do not answer".into(),
        NetError::NoConnections => "no name server can be reached".into(),
        NetError::Dns(DnsError::ResponseCode(code)) => {
            format!("the name server answers with an error: {code}")
        }
        _ => error.to_string(),
    }
}

fn too_late() -> String {
    format!(
        "the name servers did not answer within {} s",
        LIMIT.as_secs()
    )
}

fn broken(why: &str) -> Addresses {
    Addresses {
        v4: Reply::Failed(why.to_owned()),
        v6: Reply::Failed(why.to_owned()),
    }
}

/// Addresses that do not come from a name server.
fn split(addresses: impl IntoIterator<Item = IpAddr>, ttl: u32) -> Addresses {
    let (v4, v6): (Vec<_>, Vec<_>) = addresses.into_iter().partition(IpAddr::is_ipv4);
    let reply = |addresses: Vec<_>| match addresses.is_empty() {
        true => Reply::Absent {
            no_such_name: false,
        },
        false => Reply::Found(addresses, ttl),
    };
    Addresses {
        v4: reply(v4),
        v6: reply(v6),
    }
}
