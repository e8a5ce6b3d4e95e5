//! Real Redis servers: unprivileged, on free ports, in temporary directories, gone with the test.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::FromRedisValue;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::LIMIT;

/// A running `redis-server`.
pub struct Server {
    child: Child,
    pub dir: TempDir,
    pub port: u16,
    arguments: Vec<String>,
}

impl Server {
    /// A server with nothing in it that keeps nothing on disk.
    pub fn start(arguments: &[&str]) -> Self {
        Self::configured("", arguments)
    }

    /// The same, with a configuration file.
    fn configured(configuration: &str, arguments: &[&str]) -> Self {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(dir.path().join("redis.conf"), configuration).expect("it is ours");
        // The port may be taken by another test between looking and binding.
        for _ in 0..20 {
            let port = free_port();
            let mut child = spawn(port, &dir, &arguments);
            if answers(&mut child, port) {
                return Self {
                    child,
                    dir,
                    port,
                    arguments,
                };
            }
        }
        panic!(
            "redis-server did not start with {arguments:?}; see {}",
            dir.path().display()
        );
    }

    pub fn address(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// One command, over a connection of its own.
    pub fn command<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_command(words)
            .unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    pub fn try_command<T: FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        let client = redis::Client::open(self.address())?;
        let mut connection = client.get_connection_with_timeout(LIMIT)?;
        connection.set_read_timeout(Some(LIMIT))?;
        let mut cmd = redis::cmd(words[0]);
        cmd.arg(&words[1..]).query(&mut connection)
    }

    /// Makes it stand still, connections open: `SIGSTOP`.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the server runs");
    }

    pub fn kill(&mut self) {
        self.child.kill().expect("the server runs");
        self.child.wait().expect("it is our child");
    }

    /// Starts it again on the same port.
    pub fn restart(&mut self) {
        let begin = Instant::now();
        while begin.elapsed() < LIMIT {
            self.child = spawn(self.port, &self.dir, &self.arguments);
            if answers(&mut self.child, self.port) {
                return;
            }
        }
        panic!("redis-server did not start again");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port whose cluster bus (10,000 above) is free as well; both below the range from which the system takes the
/// ports of outgoing connections.
pub fn free_port() -> u16 {
    loop {
        let port = fastrand::u16(10_000..22_000);
        let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if free(port) && free(port + 10_000) {
            return port;
        }
    }
}

fn spawn(port: u16, dir: &TempDir, arguments: &[String]) -> Child {
    let mut command = Command::new("redis-server");
    command
        .arg(dir.path().join("redis.conf"))
        .args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--protected-mode",
            "no",
        ])
        .args([
            "--dir",
            &dir.path().display().to_string(),
            "--logfile",
            "log",
        ])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if !arguments.iter().any(|argument| argument == "--sentinel") {
        command.args(["--save", "", "--appendonly", "no"]);
    }
    command.spawn().unwrap_or_else(|error| {
        panic!("these tests need redis-server; run scripts/setup ({error})")
    })
}

/// Waits until it answers; `false`: it ended.
fn answers(child: &mut Child, port: u16) -> bool {
    let begin = Instant::now();
    while child.try_wait().expect("it is our child").is_none() {
        assert!(begin.elapsed() < LIMIT, "redis-server does not answer");
        let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).expect("an address");
        match client.get_connection_with_timeout(Duration::from_secs(1)) {
            Ok(mut connection) => {
                let pong: redis::RedisResult<redis::Value> =
                    redis::cmd("PING").query(&mut connection);
                match pong {
                    Ok(_) => return true,
                    Err(error) if error.code() == Some("NOAUTH") => return true,
                    Err(_) => {}
                }
            }
            Err(error) if error.to_string().contains("uthentication") => return true,
            Err(_) => {}
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

/// A cluster of three masters, the slots spread evenly, serving what it can when one is gone.
pub fn cluster() -> [Server; 3] {
    let nodes: [Server; 3] = std::array::from_fn(|_| {
        Server::start(&[
            "--cluster-enabled",
            "yes",
            "--cluster-node-timeout",
            "1000",
            "--cluster-require-full-coverage",
            "no",
        ])
    });
    for (at, node) in nodes.iter().enumerate() {
        let slots: Vec<String> = (0..16_384)
            .filter(|slot| slot * 3 / 16_384 == at)
            .map(|slot| slot.to_string())
            .collect();
        let mut words = vec!["CLUSTER", "ADDSLOTS"];
        words.extend(slots.iter().map(String::as_str));
        node.command::<String>(&words);
        let port = nodes[0].port.to_string();
        if at > 0 {
            node.command::<String>(&["CLUSTER", "MEET", "127.0.0.1", &port]);
        }
    }
    let begin = Instant::now();
    for node in &nodes {
        let ready = || {
            let info: String = node.command(&["CLUSTER", "INFO"]);
            info.contains("cluster_state:ok")
                && info.contains("cluster_slots_ok:16384")
                && info.contains("cluster_known_nodes:3")
        };
        while !ready() {
            assert!(begin.elapsed() < LIMIT, "the cluster does not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    nodes
}

pub fn cluster_address(nodes: &[Server; 3]) -> String {
    let hosts: Vec<_> = nodes
        .iter()
        .map(|node| format!("127.0.0.1:{}", node.port))
        .collect();
    format!("redis+cluster://{}", hosts.join(","))
}

/// A Sentinel that watches `master` under the name `main` and decides alone.
pub fn sentinel(master: &Server) -> Server {
    let configuration = format!(
        "sentinel monitor main 127.0.0.1 {} 1\n\
         sentinel down-after-milliseconds main 500\n\
         sentinel failover-timeout main 2000\n",
        master.port
    );
    Server::configured(&configuration, &["--sentinel"])
}
