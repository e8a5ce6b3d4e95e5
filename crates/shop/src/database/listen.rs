//! Hearing what other processes tell through Postgres (`LISTEN`), and knowing when it cannot be heard.
//!
//! # The idea
//! A notification that is missed is missed for ever, so that whoever keeps copies must know when the line was down: [`Heard::Lost`] comes as soon
//! as it is, `Heard::Back` when all that is told from then on arrives again. A peer that vanished or hangs says nothing by itself, nor does this process while
//! it is frozen: so the line is tried every `PULSE`, and [`Heard::Alive`] says until when everything has been heard. Whoever waits for `Lost` alone
//! trusts a dead line until it is found out.
//!
//! # Source
//! <https://www.postgresql.org/docs/15/sql-listen.html>

use std::future::poll_fn;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls, Socket};

use super::{Database, told};

/// How often the line is tried: a few times in the second that a change may take to be seen.
const PULSE: Duration = Duration::from_millis(250);
/// A line that does not answer for so long is given up, and made again.
const PATIENCE: Duration = Duration::from_secs(2);
/// The first wait before connecting again; it doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest wait before connecting again.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// What may be waiting for the listener; when it is slower, Postgres keeps the rest.
const BACKLOG: usize = 1024;

/// What a listener hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Everything that is told from now on arrives. What was told before may have been missed.
    Back,
    /// Nothing arrives any more.
    Lost,
    /// What was told.
    Told(String),
    /// Whatever was told before this moment has been handed on, as far as nothing was lost.
    Alive(Instant),
}

/// A line to Postgres. It begins lost. Dropped, it hangs up.
#[derive(Debug)]
pub struct Listener {
    heard: mpsc::Receiver<Heard>,
    task: JoinHandle<()>,
}

impl Listener {
    /// The next thing that is heard: waits for it.
    pub async fn next(&mut self) -> Heard {
        match self.heard.recv().await {
            Some(heard) => heard,
            // The task ends only with the runtime.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Database {
    /// Listens to a channel (a name of lower-case letters and `_`), on a connection of its own that is made again whenever it breaks.
    #[must_use]
    pub fn listen(&self, channel: &'static str) -> Listener {
        let mut config = self.config.clone();
        config.application_name("shop listen");
        let (tell, heard) = mpsc::channel(BACKLOG);
        let task = tokio::spawn(keep_listening(config, channel, tell));
        Listener { heard, task }
    }
}

async fn keep_listening(config: Config, channel: &'static str, tell: mpsc::Sender<Heard>) {
    let mut wait = FIRST_WAIT;
    loop {
        match listen_once(&config, channel, &tell).await {
            Ended::Never(why) => tracing::debug!(channel, why, "cannot listen to the database"),
            Ended::Broken(why) => {
                tracing::warn!(channel, why, "no longer listening to the database");
                wait = FIRST_WAIT;
                if tell.send(Heard::Lost).await.is_err() {
                    return;
                }
            }
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// Why there is no line.
enum Ended {
    /// There never was one.
    Never(String),
    /// There was, and it broke.
    Broken(String),
}

async fn listen_once(config: &Config, channel: &str, tell: &mpsc::Sender<Heard>) -> Ended {
    // A server that hangs takes the connection and says no more.
    let (client, connection) = match timeout(PATIENCE, config.connect(NoTls)).await {
        Ok(Ok(connected)) => connected,
        Ok(Err(error)) => return Ended::Never(told(&error)),
        Err(_) => return Ended::Never("no answer in time".to_owned()),
    };
    let mut hear = std::pin::pin!(hand_on(connection, tell));
    let listen = format!("LISTEN {channel}");
    let asked = Instant::now();
    let listening = tokio::select! {
        listening = timeout(PATIENCE, client.batch_execute(&listen)) => listening,
        why = &mut hear => return Ended::Never(why),
    };
    match listening {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Ended::Never(told(&error)),
        Err(_) => return Ended::Never("no answer in time".to_owned()),
    }
    // One that came with the answer may have been handed on before; `Back` says to forget all that is older anyhow.
    let _gone = tell.send(Heard::Back).await;
    tokio::select! {
        why = beat(&client, tell, asked) => Ended::Broken(why),
        why = &mut hear => Ended::Broken(why),
    }
}

/// Asks now and then, until there is no answer, and says when what was answered had been asked: Postgres tells what is new before it answers, and
/// the connection hands it on in that order.
async fn beat(client: &Client, tell: &mpsc::Sender<Heard>, mut asked: Instant) -> String {
    loop {
        if tell.send(Heard::Alive(asked)).await.is_err() {
            return "nobody listens".to_owned();
        }
        tokio::time::sleep(PULSE).await;
        asked = Instant::now();
        match timeout(PATIENCE, client.simple_query("")).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return told(&error),
            Err(_) => return "no answer in time".to_owned(),
        }
    }
}

/// Drives the connection and hands on what it says, until it ends or nobody hears it.
async fn hand_on(
    mut connection: Connection<Socket, NoTlsStream>,
    tell: &mpsc::Sender<Heard>,
) -> String {
    loop {
        match poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(told))) => {
                let heard = Heard::Told(told.payload().to_owned());
                if tell.send(heard).await.is_err() {
                    return "nobody listens".to_owned();
                }
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return told(&error),
            None => return "the connection was closed".to_owned(),
        }
    }
}
