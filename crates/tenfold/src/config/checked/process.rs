//! The process and its admin side.

use std::net::SocketAddr;

use tenfold_observe::lines;

use super::Scope;
use crate::config::secret::Secret;
use crate::config::{Process, raw};

/// Most connections per worker, far beyond what descriptors allow.
const MOST: u64 = 1 << 32;

pub(super) fn check(file: &raw::File, scope: &mut Scope<'_>) -> Process {
    let gateway = file.gateway.or(raw::gateway::Process::default());
    let admin = file.admin.or(raw::gateway::Admin::default());
    let standard = Process::default();
    let drain_timeout = gateway.drain_timeout.value().map(|time| time.0);
    let access_log = gateway.access_log.given();
    let mut process = Process {
        workers: scope
            .count("workers", &gateway.workers, 1..=1024)
            .map(as_usize),
        access_log: access_log.map(|log| match log.value.0.as_str() {
            "-" => lines::Target::Stdout,
            path => lines::Target::File(scope.resolve(path, log.at)),
        }),
        zone: gateway.zone.value().map(|zone| zone.0.clone()),
        drain_timeout: drain_timeout.unwrap_or(standard.drain_timeout),
        max_connections: scope
            .count("max_connections", &gateway.max_connections, 1..=MOST)
            .map(as_usize),
        watch: gateway.watch.or(false),
        ..standard
    };
    admin_side(&admin, &mut process, scope);
    process
}

fn admin_side(admin: &raw::gateway::Admin, process: &mut Process, scope: &mut Scope<'_>) {
    if let Some(address) = admin.listen.given() {
        process.admin = address.value.0;
        if !is_loopback(process.admin) && admin.token.is_missing() {
            let message = format!(
                "the admin side at {} can be reached by others, and no token protects it",
                process.admin
            );
            let help = "add token = \"env:NAME\" or \"file:PATH\", or listen on 127.0.0.1";
            scope.report.error(address.at, message, help);
        }
    }
    let Some(token) = admin.token.given() else {
        return;
    };
    let source = &token.value.0;
    process.admin_token_source = Some(source.clone());
    let help = "set it to at least 16 characters, for example from: openssl rand -hex 16";
    let Some(text) = scope.secret(source, token.at, help) else {
        return;
    };
    match Secret::new(&text) {
        Ok(secret) => process.admin_token = Some(secret),
        Err(why) => {
            scope.report.error(token.at, why, help);
        }
    }
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

fn as_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
