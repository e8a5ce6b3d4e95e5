//! Steady traffic in the background, whose every failure is counted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::client::Client;
use crate::wait_until;

/// Clients that send one GET after the other over connections that they keep.
pub struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    answered: AtomicUsize,
    failures: std::sync::Mutex<Vec<String>>,
}

impl Load {
    /// Starts so many clients, each with a pause between its requests.
    #[must_use]
    pub fn start(address: SocketAddr, clients: usize, pause: Duration) -> Self {
        let shared = Arc::new(Shared::default());
        let threads = (0..clients)
            .map(|_| {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || shared.run(address, pause))
            })
            .collect();
        Self { shared, threads }
    }

    /// How many requests were answered with 200.
    #[must_use]
    pub fn answered(&self) -> usize {
        self.shared.answered.load(SeqCst)
    }

    /// Waits for so many more answers.
    ///
    /// # Panics
    /// If they do not arrive in time.
    pub fn wait_for(&self, more: usize) {
        let wanted = self.answered() + more;
        wait_until(
            || self.answered() >= wanted,
            || format!("traffic has stopped: {:?}", self.failures()),
        );
    }

    fn failures(&self) -> Vec<String> {
        self.shared
            .failures
            .lock()
            .map(|failures| failures.clone())
            .unwrap_or_default()
    }

    /// Stops, and returns what failed.
    #[must_use]
    pub fn stop(self) -> Vec<String> {
        self.shared.is_over.store(true, SeqCst);
        for thread in self.threads {
            let _panicked = thread.join();
        }
        self.shared
            .failures
            .lock()
            .map(|failures| failures.clone())
            .unwrap_or_default()
    }
}

impl Shared {
    fn run(&self, address: SocketAddr, pause: Duration) {
        let mut client = None;
        while !self.is_over.load(SeqCst) {
            match self.ask(address, &mut client) {
                Ok(()) => {
                    self.answered.fetch_add(1, SeqCst);
                }
                Err(failure) => {
                    client = None;
                    if let Ok(mut failures) = self.failures.lock() {
                        failures.push(failure);
                    }
                    // Nobody listens any more: the traffic is over.
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
            std::thread::sleep(pause);
        }
    }

    fn ask(&self, address: SocketAddr, kept: &mut Option<Client>) -> Result<(), String> {
        let mut client = match kept.take() {
            Some(client) => client,
            None => match Client::try_connect(address) {
                Ok(client) => client,
                Err(error) => return Err(format!("connect: {error}")),
            },
        };
        client
            .try_send("GET /load HTTP/1.1\r\nHost: test\r\n\r\n")
            .map_err(|error| format!("send: {error}"))?;
        let response = client
            .try_response()
            .map_err(|error| format!("receive: {error}"))?;
        if response.status() != 200 {
            return Err(response.start_line().to_owned());
        }
        if response.get("connection") != Some("close") {
            *kept = Some(client);
        }
        Ok(())
    }
}
