//! Asking for records: one name, A and AAAA together, the names of a search list.

use std::net::IpAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

use super::known::{Addresses, Reply};
use super::system::View;

/// How long one of A and AAAA waits for the other: some name servers never answer to AAAA.
const PATIENCE: Duration = Duration::from_secs(1);

/// One record of a service (SRV, RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    /// Without the dot at the end; empty if the service is decidedly not offered.
    pub(super) target: String,
}

/// What an answer amounts to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Found,
    Absent,
    Failed,
}

pub(super) fn of_one<T>(reply: &Reply<T>) -> Kind {
    match reply {
        Reply::Found(..) => Kind::Found,
        Reply::Absent { .. } => Kind::Absent,
        Reply::Failed(_) => Kind::Failed,
    }
}

/// Of A and AAAA together.
pub(super) fn of_both(answer: &Addresses) -> Kind {
    let both = [of_one(&answer.v4), of_one(&answer.v6)];
    let has = |kind| both.contains(&kind);
    match (has(Kind::Found), has(Kind::Failed)) {
        (true, _) => Kind::Found,
        (false, true) => Kind::Failed,
        (false, false) => Kind::Absent,
    }
}

/// Asks for one candidate after the other until there are records. Without any, a failure counts more than an absence:
/// what failed may be what was meant.
pub(super) async fn walk<A>(
    view: &View,
    name: &Name,
    before: &mut Option<Name>,
    ask: impl AsyncFn(&TokioResolver, &Name) -> A,
    kind: impl Fn(&A) -> Kind,
) -> A {
    let mut result = None;
    for candidate in view.candidates(name) {
        let answer = ask(&view.client, &candidate).await;
        match kind(&answer) {
            Kind::Found => {
                *before = Some(candidate);
                return answer;
            }
            Kind::Failed if before.as_ref() == Some(&candidate) => return answer,
            Kind::Failed
                if result
                    .as_ref()
                    .is_none_or(|result| kind(result) == Kind::Absent) =>
            {
                result = Some(answer);
            }
            Kind::Absent if result.is_none() => result = Some(answer),
            _ => {}
        }
    }
    result.expect("a name has at least one candidate, itself")
}

/// Asks for A and AAAA at the same time.
pub(super) async fn pair(client: &TokioResolver, name: &Name) -> Addresses {
    let v4 = ask(client, name, RecordType::A, address);
    let v6 = ask(client, name, RecordType::AAAA, address);
    tokio::pin!(v4, v6);
    tokio::select! {
        v4 = &mut v4 => {
            let v6 = other(&v4, v6).await;
            Addresses { v4, v6 }
        }
        v6 = &mut v6 => {
            let v4 = other(&v6, v4).await;
            Addresses { v4, v6 }
        }
    }
}

/// The answer that came second.
async fn other(
    first: &Reply<IpAddr>,
    second: impl Future<Output = Reply<IpAddr>>,
) -> Reply<IpAddr> {
    if of_one(first) != Kind::Found {
        return second.await;
    }
    let second = tokio::time::timeout(PATIENCE, second).await;
    second.unwrap_or_else(|_| Reply::Failed("no answer".into()))
}

/// Asks for the records of a service.
pub(super) async fn services(client: &TokioResolver, name: &Name) -> Reply<Service> {
    ask(client, name, RecordType::SRV, service).await
}

/// Asks for the records of one full name.
async fn ask<T>(
    client: &TokioResolver,
    name: &Name,
    record_type: RecordType,
    pick: impl Fn(&Record) -> Option<T>,
) -> Reply<T> {
    match client.lookup(name.clone(), record_type).await {
        Ok(lookup) => {
            // With the records that led here (CNAME), whose time to live counts too.
            let ttl = lookup.answers().iter().map(|record| record.ttl).min();
            let records = lookup
                .answers()
                .iter()
                .filter(|one| one.record_type() == record_type);
            let picked: Vec<T> = records.filter_map(pick).collect();
            if picked.is_empty() {
                return Reply::Absent {
                    no_such_name: false,
                };
            }
            Reply::Found(picked, ttl.unwrap_or_default())
        }
        Err(error) if error.is_no_records_found() => Reply::Absent {
            no_such_name: error.is_nx_domain(),
        },
        Err(error) => Reply::Failed(describe(&error)),
    }
}

/// The address in a record, if a server can have it. Name servers that block names answer 0.0.0.0 or `::`, which on Linux is this
/// very machine: requests would go to whatever listens here, perhaps to the gateway itself.
pub(super) fn address(record: &Record) -> Option<IpAddr> {
    record.data.ip_addr().filter(can_be_a_server)
}

fn can_be_a_server(address: &IpAddr) -> bool {
    let is_broadcast = matches!(address.to_canonical(), IpAddr::V4(v4) if v4.is_broadcast());
    let ip = address.to_canonical();
    !ip.is_unspecified() && !ip.is_multicast() && !is_broadcast
}

fn service(record: &Record) -> Option<Service> {
    let RData::SRV(srv) = &record.data else {
        return None;
    };
    Some(Service {
        priority: srv.priority,
        weight: srv.weight,
        port: srv.port,
        target: srv
            .target
            .to_ascii()
            .trim_end_matches('.')
            .to_ascii_lowercase(),
    })
}

fn describe(error: &NetError) -> String {
    match error {
        NetError::Timeout => "the name servers do not answer".into(),
        NetError::NoConnections => "no name server can be reached".into(),
        NetError::Dns(DnsError::ResponseCode(code)) => {
            format!("the name server answers with an error: {code}")
        }
        _ => error.to_string(),
    }
}
