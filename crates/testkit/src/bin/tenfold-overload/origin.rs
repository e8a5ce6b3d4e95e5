//! An origin that can do so much and no more: requests wait for a worker, first come, first served, however many they are.
//!
//! Workers are threads that sleep, because a sleeping thread keeps time better than a runtime's timer of whole milliseconds. What its client has given up on
//! is worked on nevertheless, as in most services.

use std::future::poll_fn;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tenfold_http1::{Connection, Limits, Pool};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::oneshot;

use crate::Flags;

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n";

pub(crate) struct Plan {
    address: String,
    workers: u32,
    time: Duration,
}

impl Plan {
    pub(crate) fn of(flags: &Flags) -> Option<Self> {
        Some(Self {
            address: flags.text("listen")?.to_owned(),
            workers: flags.number("workers")? as u32,
            time: Duration::from_secs_f64(flags.number("time")? / 1e3),
        })
    }

    pub(crate) fn run(&self) -> io::Result<()> {
        let (work, waiting) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..self.workers {
            let (waiting, time) = (Arc::clone(&waiting), self.time);
            std::thread::spawn(move || work_on(&waiting, time));
        }
        let runtime = Builder::new_current_thread()
            .enable_io()
            .build_local(LocalOptions::default())?;
        runtime.block_on(async {
            let listener = TcpListener::bind(&self.address).await?;
            let pool = Pool::new();
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let mut connection = Connection::server(stream, &pool);
                let work = work.clone();
                tokio::task::spawn_local(async move {
                    while let Ok(true) = answer(&mut connection, &work).await {}
                });
            }
        })
    }
}

type Done = oneshot::Sender<()>;

fn work_on(waiting: &Mutex<Receiver<Done>>, time: Duration) {
    loop {
        let next = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(done) = next else { return };
        std::thread::sleep(time);
        let _client_may_be_gone = done.send(());
    }
}

/// Answers one request without a body; false if there is none.
async fn answer(connection: &mut Connection<TcpStream>, work: &Sender<Done>) -> io::Result<bool> {
    let limits = Limits::default();
    let Ok(Some(head)) = poll_fn(|cx| connection.poll_request(cx, &limits)).await else {
        return Ok(false);
    };
    connection.put_back(head.into_rest(0));
    let (done, is_done) = oneshot::channel();
    work.send(done).map_err(io::Error::other)?;
    is_done.await.map_err(io::Error::other)?;
    connection.stream_mut().write_all(ANSWER).await?;
    Ok(true)
}
