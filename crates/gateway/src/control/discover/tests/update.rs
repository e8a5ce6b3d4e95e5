//! A reload changes what is to be found: what stays is not found anew.

use std::fs;

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType::{A, AAAA, SRV};

use super::dns::{Dns, Say, addresses, srv};
use super::*;

const NAME: &str = "app.test.";

fn sources(folder: &tempfile::TempDir) -> Vec<Source> {
    vec![
        Source::Srv {
            name: "_http._tcp.app.test".into(),
        },
        Source::File(folder.path().join("servers")),
    ]
}

#[tokio::test]
async fn what_stays_is_kept_even_if_nothing_could_be_found_anew() {
    let (dns, folder) = (Dns::start().await, tempfile::tempdir().unwrap());
    let service = "_http._tcp.app.test.";
    dns.says(NAME, A, addresses(&["10.0.0.1"], 60));
    dns.says(
        service,
        SRV,
        Say::Records(vec![srv(1, 1, 81, "s.test.")], 60),
    );
    dns.says("s.test.", A, addresses(&["10.0.0.2"], 60));
    fs::write(folder.path().join("servers"), "10.0.0.3:82\n").unwrap();
    let mut wanted = upstream(vec![named("app.test", 80)], sources(&folder));
    let mut finding = Finding::start(&wanted, dns.resolver());
    let all = |weight: u32| {
        [
            format!("app.test:80=[10.0.0.1:80] {weight} a"),
            "s.test:81=[10.0.0.2:81] 1".into(),
            "10.0.0.3:82=[10.0.0.3:82] 1".into(),
        ]
    };
    assert_eq!(finding.next().await, all(3));

    // From now on all of them fail.
    for (name, kind) in [(NAME, A), (NAME, AAAA), ("s.test.", A), (service, SRV)] {
        dns.says(name, kind, Say::Code(ResponseCode::NXDomain));
    }
    fs::write(folder.path().join("servers"), "garbage\n").unwrap();
    wanted.servers[0].weight = 7;
    finding.discovery.update(&wanted);
    assert_eq!(finding.next().await, all(7));

    // In another order, and with one that can never be read.
    wanted.sources.reverse();
    wanted
        .sources
        .insert(0, Source::File("/nonexistent".into()));
    finding.discovery.update(&wanted);
    let mut other = all(7);
    other.swap(1, 2);
    assert_eq!(finding.next().await, other);

    // What is no longer wanted goes.
    wanted.sources.clear();
    finding.discovery.update(&wanted);
    assert_eq!(finding.next().await, all(7)[..1]);
}

#[tokio::test]
async fn what_is_new_is_told_when_it_is_known() {
    let dns = Dns::start().await;
    dns.says(NAME, A, addresses(&["10.0.0.1"], 60));
    dns.says("new.test.", A, addresses(&["10.0.0.9"], 60));
    let mut finding = Finding::start(
        &upstream(vec![named("app.test", 80)], vec![]),
        dns.resolver(),
    );
    assert_eq!(finding.next().await, ["app.test:80=[10.0.0.1:80] 3 a"]);
    finding
        .discovery
        .update(&upstream(vec![named("new.test", 80)], vec![]));
    assert_eq!(finding.next().await, ["new.test:80=[10.0.0.9:80] 3 a"]);
}

#[tokio::test]
async fn addresses_that_no_server_has_are_no_answer() {
    let dns = Dns::start().await;
    dns.says(NAME, A, addresses(&["10.0.0.1"], 1));
    let mut finding = Finding::start(
        &upstream(vec![named("app.test", 80)], vec![]),
        dns.resolver(),
    );
    assert_eq!(finding.next().await, ["app.test:80=[10.0.0.1:80] 3 a"]);
    // As name servers answer that block a name.
    dns.says(
        NAME,
        A,
        addresses(&["0.0.0.0", "255.255.255.255", "224.0.0.1"], 1),
    );
    let before = dns.count(NAME, A);
    while dns.count(NAME, A) < before + 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(finding.told.try_recv().is_err());
    dns.says(NAME, A, addresses(&["0.0.0.0", "10.0.0.2"], 1));
    assert_eq!(finding.next().await, ["app.test:80=[10.0.0.2:80] 3 a"]);
}
