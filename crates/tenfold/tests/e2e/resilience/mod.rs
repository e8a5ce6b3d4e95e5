//! What clients see when servers are slow, fail or freeze, with deadlines, retries, hedges and breakers.

mod breaker;
mod deadline;
mod faults;
mod hedge;
mod retry;

use tenfold_testkit::origin::Origin;

use crate::Configured;

/// A gateway whose one route has `route` besides its upstream, which has `upstream` besides its servers.
fn gateway(origins: &[&Origin], route: &str, upstream: &str) -> Configured {
    Configured::start(&text(origins, route, upstream))
}

fn text(origins: &[&Origin], route: &str, upstream: &str) -> String {
    let servers: Vec<_> = origins
        .iter()
        .map(|origin| format!("\"{}\"", origin.name()))
        .collect();
    format!(
        "[listener.web]\nlisten = \"127.0.0.1:0\"\n\
         [[route]]\nupstream = \"app\"\n{route}\n\
         [upstream.app]\nservers = [{}]\n{upstream}\n",
        servers.join(", ")
    )
}

/// A response with this status, these field lines and this body.
fn answer(status: u16, fields: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} Reason\r\n{fields}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
