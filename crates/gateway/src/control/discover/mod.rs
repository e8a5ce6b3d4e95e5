//! Finding servers: names that are looked up, services, files that are watched.
//!
//! # The idea
//! Each source is a task that tells a list of servers, and each name in one (of whichever source) is a task that tells its
//! addresses. One task per upstream puts both together and tells the set when it has really changed. Tasks share nothing, and
//! what the set is made of is a pure function ([`list`]).
//!
//! # What fails
//! Nothing that cannot be had takes away what was had before: a name server that is silent or says that there is no such name, a
//! file that is gone, empty or half written. It is said once when it begins and once when it is over. That holds over a reload
//! too: what stays in the configuration keeps its task and what that has found, and is not found anew.

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

use tokio::sync::mpsc::{self, Receiver, Sender, UnboundedReceiver, UnboundedSender};
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
    wanted: UnboundedSender<Wanted>,
}

/// What is to be found.
#[derive(Debug)]
struct Wanted {
    servers: Vec<Server>,
    sources: Vec<Source>,
}

impl From<&Upstream> for Wanted {
    fn from(upstream: &Upstream) -> Self {
        Self {
            servers: upstream.servers.clone(),
            sources: upstream.sources.clone(),
        }
    }
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
        let (wanted, wishes) = mpsc::unbounded_channel();
        let mut finder = Finder {
            upstream: upstream.name.clone(),
            resolver,
            sender,
            lists: Vec::new(),
            count: 0,
            hosts: HashMap::new(),
            answered: Answered::new(),
            told: None,
        };
        finder.want(upstream.into());
        Self {
            _task: Task::spawn(finder.run(receiver, wishes, tell)),
            wanted,
        }
    }

    /// Finds these servers from now on. Sources and names that stay keep what they have found. A set is told as at the beginning:
    /// when what is new has answered or failed, after 5 s at the latest.
    pub(crate) fn update(&self, upstream: &Upstream) {
        let _has_ended = self.wanted.send(upstream.into());
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
    /// What the source of that number lists now.
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

/// A list, and where it comes from.
struct Listed {
    /// Missing for what is written down.
    source: Option<Source>,
    /// What the task tells its news under.
    number: usize,
    list: List,
    _task: Option<Task>,
}

/// Puts together what the tasks find.
struct Finder {
    upstream: String,
    resolver: Arc<Resolver>,
    sender: Sender<News>,
    lists: Vec<Listed>,
    /// How many sources there have been: their numbers are never used again.
    count: usize,
    hosts: HashMap<String, Task>,
    answered: Answered,
    /// The last set that was told, by name.
    told: Option<Vec<Server>>,
}

impl Finder {
    async fn run(
        mut self,
        mut news: Receiver<News>,
        mut wishes: UnboundedReceiver<Wanted>,
        tell: impl Fn(Found),
    ) {
        let latest = tokio::time::sleep(FIRST);
        tokio::pin!(latest);
        loop {
            let is_late = self.told.is_none() && latest.is_elapsed();
            self.follow();
            for one in &mut self.lists {
                one.list.settle(&self.answered, is_late);
            }
            self.follow();
            self.tell(is_late, &tell);
            tokio::select! {
                Some(wanted) = wishes.recv() => {
                    self.want(wanted);
                    latest.set(tokio::time::sleep(FIRST));
                }
                Some(one) = news.recv() => self.take(one),
                () = &mut latest, if !latest.is_elapsed() => {}
            }
            // What came at the same time makes one set.
            while let Ok(one) = news.try_recv() {
                self.take(one);
            }
        }
    }

    /// Takes over what is there already and begins what is new; the rest ends.
    fn want(&mut self, wanted: Wanted) {
        let mut old = std::mem::take(&mut self.lists);
        self.lists.push(Listed {
            source: None,
            number: 0,
            list: List::Static(wanted.servers),
            _task: None,
        });
        for source in wanted.sources {
            let known = old
                .iter()
                .position(|it| it.source.as_ref() == Some(&source));
            let listed = match known {
                Some(index) => old.swap_remove(index),
                None => self.begin(source),
            };
            self.lists.push(listed);
        }
        self.told = None;
    }

    fn begin(&mut self, source: Source) -> Listed {
        self.count += 1;
        let number = self.count;
        let (upstream, sender) = (self.upstream.clone(), self.sender.clone());
        let (list, task) = match source.clone() {
            Source::Dns { host, port } => (List::Each { host, port }, None),
            Source::Srv { name } => {
                let resolver = Arc::clone(&self.resolver);
                let task = names::follow_service(resolver, upstream, name, number, sender);
                (List::Changing(Changing::default()), Some(Task::spawn(task)))
            }
            Source::File(path) => {
                let task = watch::follow_file(path, upstream, number, sender);
                (List::Changing(Changing::default()), Some(Task::spawn(task)))
            }
        };
        Listed {
            source: Some(source),
            number,
            list,
            _task: task,
        }
    }

    fn take(&mut self, news: News) {
        match news {
            News::List { index, servers } => {
                // A source that has been dropped meanwhile may still have told something.
                if let Some(one) = self.lists.iter_mut().find(|it| it.number == index) {
                    one.list.replace(servers);
                }
            }
            // A name that has been dropped meanwhile may still have told something.
            News::Host { host, addresses } if self.hosts.contains_key(&host) => {
                self.answered.insert(host, addresses);
            }
            News::Host { .. } => {}
        }
    }

    /// Looks up exactly the names that are in a list.
    fn follow(&mut self) {
        let wanted: HashSet<&str> = self.lists.iter().flat_map(|it| it.list.hosts()).collect();
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
                .all(|one| one.list.is_settled(&self.answered))
        };
        if self.told.is_none() && !is_late && !is_settled() {
            return;
        }
        let found = list::assemble(self.lists.iter().map(|it| &it.list), &self.answered);
        let mut by_name = found.clone();
        by_name.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        if self.told.as_ref() != Some(&by_name) {
            self.told = Some(by_name);
            tell(found);
        }
    }
}
