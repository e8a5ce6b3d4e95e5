//! The tasks that keep names looked up.

use std::sync::Arc;

use tokio::sync::mpsc::Sender;

use super::News;
use super::known::{Known, Reply, Trouble, absent};
use super::list::of_services;
use super::pace::{Outage, Pace};
use super::resolver::Resolver;

/// Looks up the addresses of a host again and again; tells the first result, also when it is a failure, and every change.
pub(super) async fn follow_host(
    resolver: Arc<Resolver>,
    upstream: String,
    host: String,
    news: Sender<News>,
) {
    let (mut known, mut told, mut before) = (Known::default(), None, None);
    let (mut pace, mut outage) = (Pace::default(), Outage::new(&upstream, &host));
    loop {
        let answer = resolver.addresses(&host, &mut before).await;
        let pause = match known.take(answer) {
            Ok(ttl) => {
                outage.end();
                pace.after_answer(ttl)
            }
            Err(trouble) => {
                outage.begin(&trouble, known.all().len());
                pace.after_failure()
            }
        };
        let addresses = known.all();
        if told.as_ref() != Some(&addresses) {
            told = Some(addresses.clone());
            let host = host.clone();
            if news.send(News::Host { host, addresses }).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(pause).await;
    }
}

/// Looks up the targets of a service again and again; tells the first result, also when it is a failure, and every change.
pub(super) async fn follow_service(
    resolver: Arc<Resolver>,
    upstream: String,
    name: String,
    index: usize,
    news: Sender<News>,
) {
    let (mut servers, mut told, mut before) = (Vec::new(), None, None);
    let (mut pace, mut outage) = (Pace::default(), Outage::new(&upstream, &name));
    loop {
        let reply = resolver.services(&name, &mut before).await;
        let trouble = match reply {
            Reply::Found(services, ttl) => match of_services(&services) {
                Some(found) => {
                    servers = found;
                    Ok(ttl)
                }
                None => Err(Trouble::Failed(
                    "none of its records names a server: the ports are 0, or the targets are no names".into(),
                )),
            },
            Reply::Absent { no_such_name } => Err(absent(no_such_name)),
            Reply::Failed(why) => Err(Trouble::Failed(why)),
        };
        let pause = match trouble {
            Ok(ttl) => {
                outage.end();
                pace.after_answer(ttl)
            }
            Err(trouble) => {
                outage.begin(&trouble, servers.len());
                pace.after_failure()
            }
        };
        if told.as_ref() != Some(&servers) {
            told = Some(servers.clone());
            let servers = servers.clone();
            if news.send(News::List { index, servers }).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(pause).await;
    }
}
