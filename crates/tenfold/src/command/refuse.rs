//! Why a gateway cannot start, and what to do about it.

use std::io;
use std::net::SocketAddr;

use tenfold_gateway::{ApplyError, StartError};

use super::Refusal;

pub(super) fn cannot_start(error: StartError, is_file: bool) -> Refusal {
    match error {
        StartError::Config(ApplyError::Listen(name, address, error)) => {
            let what = if is_file {
                format!("listener {name}")
            } else {
                "--listen".into()
            };
            cannot_listen(&what, address, &error)
        }
        StartError::Config(ApplyError::Routes(_)) => {
            Refusal::new(error, "give each route requests of its own")
        }
        StartError::Config(ApplyError::Cache(_)) => Refusal::new(
            error,
            "mend the cache's `disk` or `redis`, or leave it out to do without that level",
        ),
        StartError::Config(ApplyError::Limit(_)) => Refusal::new(
            error,
            "mend the limit, or the Redis of [shared] that it counts in",
        ),
        StartError::Config(ApplyError::Leaving) => Refusal::new(error, "start it once more"),
        StartError::NoServers(_) => Refusal::new(
            error,
            "the name servers or the file of servers cannot be read at the moment: try again when they can",
        ),
        StartError::AccessLog(_) => Refusal::new(
            error,
            "give the access log a file in a folder that exists and can be written",
        ),
        StartError::Thread(_) => Refusal::new(error, "use fewer workers, or raise ulimit -u"),
    }
}

pub(super) fn cannot_listen(what: &str, address: SocketAddr, error: &io::Error) -> Refusal {
    let help = match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "another program uses the port (see it with: ss -ltnp 'sport = :{port}'); stop it, or choose another \
             address, for example {ip}:{other}",
            port = address.port(),
            ip = address.ip(),
            other = address.port().checked_add(1).unwrap_or(8080),
        ),
        io::ErrorKind::PermissionDenied => format!(
            "ports below 1024 need a privilege; use {}:8080, or give it: setcap cap_net_bind_service=+ep tenfold",
            address.ip()
        ),
        io::ErrorKind::AddrNotAvailable => {
            format!(
                "this machine does not have the address {}; use 0.0.0.0 for all it has",
                address.ip()
            )
        }
        _ => "choose another address".into(),
    };
    Refusal::new(
        format!("cannot listen on {address} ({what}): {error}"),
        help,
    )
}
