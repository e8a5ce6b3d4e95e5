//! How this system looks up names: `/etc/resolv.conf` and `/etc/hosts`, read again when they change.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, TokioResolver};

use super::ask::address;
use super::stamp::Stamp;

/// For one attempt; `timeout` in resolv.conf can make it shorter. glibc's 5 s would leave no time for a second one.
const ATTEMPT: Duration = Duration::from_secs(2);

/// Where the system keeps its settings.
pub(super) struct Files {
    pub(super) resolv_conf: PathBuf,
    pub(super) hosts: PathBuf,
    /// Of the name servers; 53 outside of tests.
    pub(super) port: u16,
}

/// What is made from the settings, and from which version of them.
pub(super) struct System {
    view: View,
    files: Option<Files>,
    resolv_conf: Option<Stamp>,
    hosts: Option<Stamp>,
}

/// What one look-up works with.
#[derive(Clone)]
pub(super) struct View {
    pub(super) client: TokioResolver,
    search: Arc<[Name]>,
    /// Names with fewer dots are tried with the search list first.
    ndots: usize,
    hosts: Arc<Hosts>,
}

impl System {
    /// These name servers and nothing else.
    pub(super) fn fixed(servers: &[SocketAddr]) -> Self {
        let view = View {
            client: client(servers, ResolverOpts::default()),
            search: Arc::default(),
            ndots: 1,
            hosts: Arc::default(),
        };
        Self {
            view,
            files: None,
            resolv_conf: None,
            hosts: None,
        }
    }

    /// What these files say.
    pub(super) fn of_files(files: Files) -> Self {
        let mut system = Self::fixed(&[]);
        // Without a resolv.conf there is a name server on this machine (resolv.conf(5)).
        system.view.configure(b"", &files);
        system.files = Some(files);
        system
    }

    /// The settings as they are now.
    pub(super) fn view(&mut self) -> View {
        self.refresh();
        self.view.clone()
    }

    /// Reads what has changed. These are small files on a local disk, so that a task may wait for them.
    fn refresh(&mut self) {
        let Some(files) = &self.files else {
            return;
        };
        let stamp = |path| {
            fs::metadata(path)
                .ok()
                .map(|metadata| Stamp::from(&metadata))
        };
        let now = stamp(&files.resolv_conf);
        if self.resolv_conf != now {
            // One that disappears is about to be replaced; until then the old one holds.
            if let Ok(text) = fs::read(&files.resolv_conf) {
                self.view.configure(&text, files);
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
}

impl View {
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
        self.search = search
            .filter_map(|one| Name::from_str_relaxed(one).ok())
            .collect();
        self.ndots = usize::try_from(config.ndots).unwrap_or(usize::MAX);
        self.client = client(&servers.collect::<Vec<_>>(), options);
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

impl View {
    /// The full names that a name may mean, in the order in which they are asked for (resolv.conf(5), `search` and `ndots`).
    pub(super) fn candidates(&self, name: &Name) -> Vec<Name> {
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

    pub(super) fn in_hosts(&self, name: &Name) -> Option<Vec<IpAddr>> {
        let of = |kind| {
            self.hosts
                .lookup_static_host(&Query::query(name.clone(), kind))
        };
        let both = [of(RecordType::A), of(RecordType::AAAA)];
        let records = both.iter().flatten().flat_map(Lookup::answers);
        let addresses: Vec<_> = records.filter_map(address).collect();
        (!addresses.is_empty()).then_some(addresses)
    }
}
