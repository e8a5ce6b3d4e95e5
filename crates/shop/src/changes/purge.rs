//! Purging the caches of gateways by tag.
//!
//! Each gateway has a task and a set of tags that wait for it: what waits twice is purged once, and a gateway that does not answer gets everything when it
//! does. It takes one tag in a request (docs/admin-api.md), over a connection that stays open.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::{Notify, oneshot};

use super::{MOST_TAGS, tags};
use crate::shop::Task;

/// How long a gateway has to answer.
const LIMIT: Duration = Duration::from_millis(500);
/// How long somebody who wants to know waits for all gateways: long enough to ask one again that failed.
const PATIENCE: Duration = Duration::from_secs(2);
/// Pause before asking a gateway again that failed: the first, and the longest. A gateway that comes back (frozen and thawed, cut off for a while) shows what it has
/// until it is told, so the pause is part of the second that a price may be old; and one request in it costs nobody anything.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(500));
/// Bytes of an answer that are read.
const ANSWER: usize = 64 << 10;

/// Purges gateways. Clones are the same one; with the last of them it ends.
#[derive(Clone, Debug)]
pub(crate) struct Purger {
    gateways: Arc<[(Arc<Gateway>, Task)]>,
}

#[derive(Debug)]
struct Gateway {
    /// `http://127.0.0.1:9900`.
    address: String,
    token: Option<String>,
    waiting: Mutex<Waiting>,
    wake: Notify,
}

/// What a gateway has yet to be told, and who wants to know when it has been.
#[derive(Debug, Default)]
struct Waiting {
    tags: BTreeSet<String>,
    told: Vec<oneshot::Sender<()>>,
}

impl Purger {
    /// For gateways with these admin addresses.
    pub(crate) fn new(addresses: &[String], token: Option<&str>) -> Self {
        let gateway = |address: &String| {
            let gateway = Arc::new(Gateway {
                address: address.trim_end_matches('/').to_owned(),
                token: token.map(str::to_owned),
                waiting: Mutex::default(),
                wake: Notify::new(),
            });
            (gateway.clone(), Task::spawn(gateway.serve()))
        };
        Self {
            gateways: addresses.iter().map(gateway).collect(),
        }
    }

    /// Whether there is any gateway.
    pub(crate) fn is_empty(&self) -> bool {
        self.gateways.is_empty()
    }

    /// Purges these tags, soon.
    pub(crate) fn purge(&self, tags: &[String]) {
        for (gateway, _) in self.gateways.iter() {
            gateway.add(tags.iter().cloned(), None);
        }
    }

    /// Purges these tags, and waits until all gateways have, for two seconds at most.
    pub(crate) async fn purged(&self, tags: &[String]) {
        let all = self.gateways.iter().map(|(gateway, _)| {
            let (told, done) = oneshot::channel();
            gateway.add(tags.iter().cloned(), Some(told));
            done
        });
        let all: Vec<_> = all.collect();
        let done = async {
            for done in all {
                // A gateway's task ends with the shop only.
                let _purged = done.await;
            }
        };
        if tokio::time::timeout(PATIENCE, done).await.is_err() {
            tracing::warn!("not all gateways have purged yet; goes on trying");
        }
    }
}

impl Gateway {
    fn add(
        &self,
        tags: impl IntoIterator<Item = String>,
        told: impl IntoIterator<Item = oneshot::Sender<()>>,
    ) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.tags.extend(tags);
        if waiting.tags.len() > MOST_TAGS {
            waiting.tags = BTreeSet::from([tags::SHOP.to_owned()]);
        }
        waiting.told.extend(told);
        drop(waiting);
        self.wake.notify_one();
    }

    fn take(&self) -> Waiting {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *waiting)
    }

    async fn serve(self: Arc<Self>) {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut pause = PAUSE.0;
        loop {
            let waiting = self.take();
            if waiting.tags.is_empty() {
                self.wake.notified().await;
                continue;
            }
            match self.tell(&client, &waiting.tags).await {
                Ok(()) => {
                    if pause > PAUSE.0 {
                        tracing::info!(gateway = self.address, "is purged again");
                    }
                    pause = PAUSE.0;
                    // Whoever waited may have gone.
                    waiting.told.into_iter().for_each(|told| {
                        let _gone = told.send(());
                    });
                }
                Err(why) => {
                    // Once, and not twice a second for as long as it is away.
                    if pause == PAUSE.0 {
                        tracing::warn!(gateway = self.address, why, "was not purged; tries again");
                    }
                    self.add(waiting.tags, waiting.told);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE.1);
                }
            }
        }
    }

    async fn tell(
        &self,
        client: &Client<HttpConnector, Full<Bytes>>,
        tags: &BTreeSet<String>,
    ) -> Result<(), String> {
        for tag in tags {
            let told = tokio::time::timeout(LIMIT, self.ask(client, tag)).await;
            told.unwrap_or_else(|_| Err(format!("no answer within {LIMIT:?}")))?;
        }
        Ok(())
    }

    async fn ask(
        &self,
        client: &Client<HttpConnector, Full<Bytes>>,
        tag: &str,
    ) -> Result<(), String> {
        // What is only not known becomes stale and is asked about again; what has changed is gone.
        let purge = serde_json::json!({ "tag": tag, "soft": tag == tags::SHOP });
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}/api/v1/cache/purge", self.address))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = Full::new(Bytes::from(purge.to_string()));
        let request = request.body(body).map_err(|error| error.to_string())?;
        let answer = client
            .request(request)
            .await
            .map_err(|error| error.to_string())?;
        let (head, body) = answer.into_parts();
        // Read to its end, so that the connection can be used again.
        let body = Limited::new(body, ANSWER).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        match head.status.is_success() {
            true => Ok(()),
            false => Err(format!(
                "{}: {}",
                head.status,
                String::from_utf8_lossy(&body)
            )),
        }
    }
}
