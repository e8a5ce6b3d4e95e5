//! Finding servers: names that are looked up, services, files that are watched.
//!
//! # The idea
//! Each source is a task that tells a list of servers, and each name in one (of whichever source) is a task that tells its
//! addresses. One task per upstream puts both together and tells the set when it has really changed. Tasks share nothing, and
//! what the set is made of is a pure function ([`list`]).
//!
//! # What fails
//! Nothing that cannot be had takes away what was had before: a name server that is silent or says that there is no such name, a
//! file that is gone, empty or half written. It is said once when it begins and once when it is over.

mod ask;
mod file;
mod known;
mod list;
mod names;
mod pace;
mod resolver;
mod stamp;
mod system;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::AbortHandle;

use crate::config::upstream::{Server, Source, Upstream};
use list::{Answered, Changing, List};
pub(crate) use resolver::Resolver;

/// When the first set is told at the latest, whatever has not been found by then: a gateway that starts must not wait for a
/// name server that is down.
const FIRST: Duration = Duration::from_secs(5);
/// News that wait to be taken in.
const QUEUE: usize = 64;

/// All servers of an upstream: those that are written down, then those of its sources, each name once. No address is an
/// [`Address::Name`](crate::config::upstream::Address::Name); a name without any known address has an empty list.
pub(crate) type Found = Vec<Server>;

/// Finds the servers of one upstream until it is dropped.
#[derive(Debug)]
pub(crate) struct Discovery {
    _task: Task,
}

impl Discovery {
    /// Begins. `tell` is called with the first set as soon as every source and name has answered or failed, after 5 s at the
    /// latest, and then with every set that differs from the last one by more than its order.
    ///
    /// Must be called within a tokio runtime.
    pub(crate) fn start(
        upstream: &Upstream,
        resolver: Arc<Resolver>,
        tell: impl Fn(Found) + Send + 'static,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let finder = Finder {
            upstream: upstream.name.clone(),
            resolver,
            sender,
            lists: Vec::new(),
            hosts: HashMap::new(),
            answered: Answered::new(),
            told: None,
        };
        let servers = upstream.servers.clone();
        let sources = upstream.sources.clone();
        Self {
            _task: Task::spawn(finder.run(servers, sources, receiver, tell)),
        }
    }
}

/// What the tasks tell.
#[derive(Debug)]
enum News {
    /// What a name means now.
    Host {
        host: String,
        addresses: Vec<IpAddr>,
    },
    /// What the source of that index lists now.
    List { index: usize, servers: Vec<Server> },
}

/// A task that ends with its owner.
#[derive(Debug)]
struct Task(AbortHandle);

impl Task {
    fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(future).abort_handle())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Puts together what the tasks find.
struct Finder {
    upstream: String,
    resolver: Arc<Resolver>,
    sender: Sender<News>,
    lists: Vec<List>,
    hosts: HashMap<String, Task>,
    answered: Answered,
    /// The last set that was told, by name.
    told: Option<Vec<Server>>,
}

impl Finder {
    async fn run(
        mut self,
        servers: Vec<Server>,
        sources: Vec<Source>,
        mut news: Receiver<News>,
        tell: impl Fn(Found),
    ) {
        self.lists.push(List::Static(servers));
        let mut tasks = Vec::new();
        for source in sources {
            tasks.extend(self.begin(source));
        }
        let latest = tokio::time::sleep(FIRST);
        tokio::pin!(latest);
        loop {
            let is_late = self.told.is_none() && latest.is_elapsed();
            self.follow();
            for list in &mut self.lists {
                list.settle(&self.answered, is_late);
            }
            self.follow();
            self.tell(is_late, &tell);
            tokio::select! {
                Some(one) = news.recv() => self.take(one),
                () = &mut latest, if !latest.is_elapsed() => {}
            }
            // What came at the same time makes one set.
            while let Ok(one) = news.try_recv() {
                self.take(one);
            }
        }
    }

    fn begin(&mut self, source: Source) -> Option<Task> {
        let index = self.lists.len();
        let (upstream, sender) = (self.upstream.clone(), self.sender.clone());
        let (list, task) = match source {
            Source::Dns { host, port } => (List::Each { host, port }, None),
            Source::Srv { name } => {
                let resolver = Arc::clone(&self.resolver);
                let task = names::follow_service(resolver, upstream, name, index, sender);
                (List::Changing(Changing::default()), Some(Task::spawn(task)))
            }
            Source::File(path) => {
                let task = watch::follow_file(path, upstream, index, sender);
                (List::Changing(Changing::default()), Some(Task::spawn(task)))
            }
        };
        self.lists.push(list);
        task
    }

    fn take(&mut self, news: News) {
        match news {
            News::List { index, servers } => self.lists[index].replace(servers),
            // A name that has been dropped meanwhile may still have told something.
            News::Host { host, addresses } if self.hosts.contains_key(&host) => {
                self.answered.insert(host, addresses);
            }
            News::Host { .. } => {}
        }
    }

    /// Looks up exactly the names that are in a list.
    fn follow(&mut self) {
        let wanted: HashSet<&str> = self.lists.iter().flat_map(List::hosts).collect();
        self.hosts.retain(|host, _| wanted.contains(host.as_str()));
        self.answered
            .retain(|host, _| wanted.contains(host.as_str()));
        for host in wanted {
            if !self.hosts.contains_key(host) {
                let (resolver, sender) = (Arc::clone(&self.resolver), self.sender.clone());
                let (upstream, name) = (self.upstream.clone(), host.to_owned());
                let task = names::follow_host(resolver, upstream, name, sender);
                self.hosts.insert(host.to_owned(), Task::spawn(task));
            }
        }
    }

    fn tell(&mut self, is_late: bool, tell: &impl Fn(Found)) {
        let is_settled = || {
            self.lists
                .iter()
                .all(|list| list.is_settled(&self.answered))
        };
        if self.told.is_none() && !is_late && !is_settled() {
            return;
        }
        let found = list::assemble(&self.lists, &self.answered);
        let mut by_name = found.clone();
        by_name.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        if self.told.as_ref() != Some(&by_name) {
            self.told = Some(by_name);
            tell(found);
        }
    }
}
