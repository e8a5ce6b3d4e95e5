//! Real Redis servers: unprivileged, on free ports, in temporary folders, gone with the test.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};

use rustix::process::{Pid, Signal, kill_process};

use crate::{PATIENCE, wait_until};

/// Below the range from which the system takes the ports of outgoing connections, so that a server that is down finds its port
/// free when it comes back. A cluster's nodes talk on ports that are 10,000 higher.
const PORTS: std::ops::Range<u16> = 11_000..21_000;

/// A running `redis-server`; killed when dropped.
pub struct Redis {
    child: Child,
    folder: PathBuf,
    port: u16,
    arguments: Vec<String>,
}

impl Redis {
    /// A server with nothing in it that writes nothing to disk. `folder` is for its log, and is made.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        std::fs::create_dir_all(folder).expect("a folder can be made");
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        // The port may be taken by another test between looking and binding.
        for _ in 0..20 {
            let port = free_port();
            let mut child = spawn(port, folder, &arguments);
            if answers(&mut child, port) {
                return Self {
                    child,
                    folder: folder.to_owned(),
                    port,
                    arguments,
                };
            }
        }
        panic!("redis-server does not start with {arguments:?}");
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it is, as configurations say it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// One command over a connection of its own, and the answer as text: the elements of lists are lines.
    ///
    /// # Panics
    /// If it is not answered, or with an error.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> String {
        let answer = command(self.port, words).expect("the server answers");
        answer.unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// Makes it stand still, connections open.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Ends that.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the server runs");
    }

    /// Kills it; everything in it is lost.
    ///
    /// # Panics
    /// If it cannot be killed.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a child can be waited for");
    }

    /// Starts it again on the same port.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&mut self) {
        let is_back = || {
            self.child = spawn(self.port, &self.folder, &self.arguments);
            answers(&mut self.child, self.port)
        };
        wait_until(is_back, || "redis-server does not start again");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _already_reaped = self.child.wait();
    }
}

/// A port on which a server could listen, and none has been told to.
#[must_use]
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes begin at different places.
    let own = std::process::id() as u16;
    loop {
        let step = own
            .wrapping_mul(7919)
            .wrapping_add(NEXT.fetch_add(1, Relaxed));
        let port = PORTS.start + step % (PORTS.end - PORTS.start);
        let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if is_free(port) && is_free(port + 10_000) {
            return port;
        }
    }
}

fn spawn(port: u16, folder: &Path, arguments: &[String]) -> Child {
    let log = File::create(folder.join(format!("{port}.log"))).expect("a log can be written");
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no", "--dir"])
        .arg(folder)
        .args(["--cluster-config-file", &format!("{port}.nodes")])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("redis-server is needed; run scripts/setup ({error})"))
}

/// Waits until it answers; false if it ends.
fn answers(child: &mut Child, port: u16) -> bool {
    let mut is_there = false;
    let is_decided = || {
        // An error is an answer as well: it wants a password.
        is_there = command(port, &["PING"]).is_ok();
        is_there
            || child
                .try_wait()
                .expect("a child can be waited for")
                .is_some()
    };
    wait_until(is_decided, || "redis-server does not answer");
    is_there && child.try_wait().is_ok_and(|ended| ended.is_none())
}

/// One command in the protocol of Redis (RESP 2), and the answer or what is wrong.
fn command(port: u16, words: &[&str]) -> io::Result<Result<String, String>> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = format!("*{}\r\n", words.len());
    for word in words {
        text += &format!("${}\r\n{word}\r\n", word.len());
    }
    stream.write_all(text.as_bytes())?;
    answer(&mut BufReader::new(stream))
}

fn answer(from: &mut impl BufRead) -> io::Result<Result<String, String>> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "this is no answer of Redis");
    let rest = line.strip_suffix("\r\n").ok_or_else(wrong)?;
    let (kind, rest) = rest.split_at_checked(1).ok_or_else(wrong)?;
    let count = || rest.parse::<i64>().map_err(|_| wrong());
    match kind {
        "+" | ":" => Ok(Ok(rest.to_owned())),
        "-" => Ok(Err(rest.to_owned())),
        "$" => {
            let Ok(length) = usize::try_from(count()?) else {
                return Ok(Ok(String::new()));
            };
            let mut bytes = vec![0; length + 2];
            from.read_exact(&mut bytes)?;
            bytes.truncate(length);
            Ok(Ok(String::from_utf8_lossy(&bytes).into_owned()))
        }
        "*" => {
            let mut lines = Vec::new();
            for _ in 0..count()?.max(0) {
                match answer(from)? {
                    Ok(line) => lines.push(line),
                    Err(error) => return Ok(Err(error)),
                }
            }
            Ok(Ok(lines.join("\n")))
        }
        _ => Err(wrong()),
    }
}

/// A cluster of three masters, the slots spread evenly, serving what it can when one is gone.
///
/// # Panics
/// If it does not come up.
#[must_use]
pub fn cluster(folder: &Path) -> [Redis; 3] {
    let arguments = [
        "--cluster-enabled",
        "yes",
        "--cluster-node-timeout",
        "1000",
        "--cluster-require-full-coverage",
        "no",
    ];
    let nodes: [Redis; 3] = std::array::from_fn(|_| Redis::start(folder, &arguments));
    let first = nodes[0].port().to_string();
    let ranges = [("0", "5460"), ("5461", "10921"), ("10922", "16383")];
    for (node, (from, to)) in nodes.iter().zip(ranges) {
        let _ok = node.command(&["CLUSTER", "ADDSLOTSRANGE", from, to]);
        if node.port().to_string() != first {
            let _ok = node.command(&["CLUSTER", "MEET", "127.0.0.1", &first]);
        }
    }
    for node in &nodes {
        let is_up = || {
            let info = node.command(&["CLUSTER", "INFO"]);
            let signs = [
                "cluster_state:ok",
                "cluster_slots_ok:16384",
                "cluster_known_nodes:3",
            ];
            signs.iter().all(|sign| info.contains(sign))
        };
        wait_until(is_up, || "the cluster does not come up");
    }
    nodes
}

/// Where a cluster is, as configurations say it.
#[must_use]
pub fn cluster_url(nodes: &[Redis; 3]) -> String {
    let hosts: Vec<_> = nodes
        .iter()
        .map(|node| format!("127.0.0.1:{}", node.port()))
        .collect();
    format!("redis+cluster://{}", hosts.join(","))
}
