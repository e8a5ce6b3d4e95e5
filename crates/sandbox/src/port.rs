//! Free ports that stay free.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};

/// Where to begin: below are the ports of well-known services.
const LOWEST: u16 = 12_000;
/// Where the system's own range begins if it does not say so (Linux's default for `ip_local_port_range`).
const USUAL: u16 = 32_768;

/// A port of 127.0.0.1 on which nobody listens, and which no outgoing connection is given by the system: so a server that is
/// ended finds it free when it comes back, however many connections were made meanwhile. None if all are taken.
///
/// Somebody else may take it before it is used.
#[must_use]
pub fn free_port() -> Option<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let count = begin_of_outgoing().saturating_sub(LOWEST).max(1000);
    // Processes begin at different places.
    let own = (std::process::id() as u16).wrapping_mul(7919);
    let mut tries =
        (0..count).map(|_| LOWEST + own.wrapping_add(NEXT.fetch_add(1, Relaxed)) % count);
    tries.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
}

fn begin_of_outgoing() -> u16 {
    let said = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let begin = said
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok());
    begin.unwrap_or(USUAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_another_one_and_is_free() {
        let one = free_port().expect("a port");
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, one)).expect("it is free");
        let two = free_port().expect("a port");
        assert_ne!(one, two);
        TcpListener::bind((Ipv4Addr::LOCALHOST, two)).expect("it is free");
    }
}
