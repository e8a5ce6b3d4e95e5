//! The thread that asks the gateway, and hears signals.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

use crate::command::client::{Client, Failure};
use crate::command::rates::Look;

/// What the thread has to tell.
pub(super) enum News {
    Look(Box<Look>),
    /// The gateway could not be asked this time.
    Trouble(Failure),
    /// It is time to end: a signal, or this thread has ended.
    End,
}

/// The thread, as seen by the one that draws.
pub(super) struct Poller {
    news: Receiver<News>,
    wishes: Arc<Wishes>,
}

#[derive(Default)]
struct Wishes {
    /// Routes are asked for only while they are shown: there may be thousands.
    routes: AtomicBool,
    changed: Notify,
}

impl Poller {
    pub(super) fn start(client: Client, every: Duration) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (sender, news) = mpsc::channel();
        let wishes = Arc::new(Wishes::default());
        let shared = Arc::clone(&wishes);
        let run = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = ask(client, every, &shared, &sender) => {}
                    () = signalled() => {}
                }
                let _nobody_draws = sender.send(News::End);
            });
        };
        std::thread::Builder::new()
            .name("tenfold-poll".into())
            .spawn(run)?;
        Ok(Self { news, wishes })
    }

    /// Waits for the first news.
    pub(super) fn first(&self) -> News {
        self.news.recv().unwrap_or(News::End)
    }

    /// News, if there are any.
    pub(super) fn next(&self) -> Option<News> {
        match self.news.try_recv() {
            Ok(news) => Some(news),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(News::End),
        }
    }

    /// Says whether routes are looked at; if they are now, without waiting for the next turn.
    pub(super) fn want_routes(&self, wanted: bool) {
        if self.wishes.routes.swap(wanted, Relaxed) != wanted && wanted {
            self.wishes.changed.notify_one();
        }
    }
}

/// Asks until nobody draws any more.
async fn ask(mut client: Client, every: Duration, wishes: &Wishes, sender: &Sender<News>) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = wishes.changed.notified() => {}
        }
        let news = match look(&mut client, wishes.routes.load(Relaxed)).await {
            Ok(look) => News::Look(Box::new(look)),
            Err(failure) => News::Trouble(failure),
        };
        if sender.send(news).is_err() {
            return;
        }
    }
}

async fn look(client: &mut Client, with_routes: bool) -> Result<Look, Failure> {
    let status = client.status().await?;
    let at = Instant::now();
    let routes = match with_routes {
        true => Some(client.routes().await?),
        false => None,
    };
    Ok(Look { at, status, routes })
}

/// Waits for a signal that ends programs. Without this the terminal would stay as it is now.
async fn signalled() {
    let kinds = [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::hangup(),
        SignalKind::quit(),
    ];
    let [terminate, interrupt, hangup, quit] = kinds.map(|kind| async move {
        match signal(kind) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    });
    tokio::select! {
        () = terminate => {}
        () = interrupt => {}
        () = hangup => {}
        () = quit => {}
    }
}
