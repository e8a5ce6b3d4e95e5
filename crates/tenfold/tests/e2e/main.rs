//! The real binary between real sockets. One test binary, so that the workspace links it once.

mod bodies;
mod failures;
mod forwarding;
mod lifecycle;
mod malformed_requests;
mod malformed_responses;
mod messages;
mod observe;
mod start;
mod status;
mod timeouts;
mod tunnels;

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
