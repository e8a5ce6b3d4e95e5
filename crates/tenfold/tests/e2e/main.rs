//! The real binary between real sockets. One test binary, so that the workspace links it once.

mod bodies;
mod cache;
mod cache_config;
mod cache_levels;
mod demo;
mod edges;
mod failures;
mod fallback;
mod forwarding;
mod health;
mod import;
mod import_haproxy;
mod lifecycle;
mod limits;
mod load;
mod malformed_requests;
mod malformed_responses;
mod messages;
mod observe;
mod overload;
mod plan;
mod reload;
mod resilience;
mod routes;
mod start;
mod status;
mod timeouts;
mod tunnels;
mod upgrade;

use tenfold_testkit::gateway::{self, Gateway};
use tenfold_testkit::origin::Origin;

const BINARY: &str = env!("CARGO_BIN_EXE_tenfold");

/// A gateway in front of these origins.
fn gateway(origins: &[&Origin], arguments: &[&str]) -> Gateway {
    let names: Vec<String> = origins.iter().map(|origin| origin.name()).collect();
    let mut all = vec!["--workers", "2"];
    if arguments.contains(&"--workers") {
        all.clear();
    }
    for name in &names {
        all.extend(["--to", name]);
    }
    all.extend(arguments);
    gateway::start(BINARY, &all)
}

/// An address whose port is free.
fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

/// A gateway with a configuration in a file, which can be changed.
struct Configured {
    folder: tempfile::TempDir,
    gateway: Gateway,
}

impl Configured {
    /// `text` without the admin side, which is added.
    fn start(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("tenfold.toml"), Self::whole(text)).expect("written");
        let gateway = gateway::start_file(BINARY, &folder.path().join("tenfold.toml"));
        Self { folder, gateway }
    }

    fn whole(text: &str) -> String {
        format!("[gateway]\nworkers = 2\n[admin]\nlisten = \"127.0.0.1:0\"\n{text}")
    }

    /// Writes another configuration, which does not hold before it is read.
    fn write(&self, text: &str) {
        self.write_raw(&Self::whole(text));
    }

    fn write_raw(&self, text: &str) {
        std::fs::write(self.folder.path().join("tenfold.toml"), text).expect("written");
    }

    /// Writes another configuration and has it read; returns the answer.
    fn reload(&self, text: &str) -> tenfold_testkit::message::Message {
        self.write(text);
        self.post("/api/v1/reload", "")
    }

    fn post(&self, target: &str, body: &str) -> tenfold_testkit::message::Message {
        let admin = self.gateway.admin();
        tenfold_testkit::client::ask(
            admin,
            format!(
                "POST {target} HTTP/1.1\r\nHost: {admin}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ),
        )
    }
}
