//! Names and services that change, fail and come back.

use std::net::UdpSocket;
use std::time::Duration;

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType::{A, AAAA, SRV};

use super::dns::{Dns, Say, addresses, cname, srv};
use super::*;

const NAME: &str = "app.test.";

fn by_dns() -> Upstream {
    let source = Source::Dns {
        host: NAME.into(),
        port: 80,
    };
    upstream(vec![], vec![source])
}

fn by_srv() -> Upstream {
    let source = Source::Srv {
        name: "_http._tcp.app.test.".into(),
    };
    upstream(vec![], vec![source])
}

/// Waits until a question was asked so many times more.
async fn asked(
    dns: &Dns,
    name: &str,
    record_type: hickory_resolver::proto::rr::RecordType,
    times: usize,
) {
    let until = dns.count(name, record_type) + times;
    let all = async {
        while dns.count(name, record_type) < until {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, all)
        .await
        .expect("the name is looked up again");
}

#[tokio::test]
async fn a_written_name_is_one_server_with_all_its_addresses() {
    let dns = Dns::start().await;
    dns.says(NAME, A, addresses(&["10.0.0.2", "10.0.0.1"], 1));
    dns.says(NAME, AAAA, addresses(&["fd00::1"], 60));
    let servers = vec![fixed("10.9.9.9:80"), named("app.test", 3000)];
    let mut finding = Finding::start(&upstream(servers, vec![]), dns.resolver());
    let first = "app.test:3000=[10.0.0.1:3000 10.0.0.2:3000 [fd00::1]:3000] 3 a";
    assert_eq!(finding.next().await, ["10.9.9.9:80=[10.9.9.9:80] 1", first]);

    dns.says(NAME, A, addresses(&["10.0.0.7"], 60));
    let second = "app.test:3000=[10.0.0.7:3000 [fd00::1]:3000] 3 a";
    assert_eq!(
        finding.next().await,
        ["10.9.9.9:80=[10.9.9.9:80] 1", second]
    );
}

#[tokio::test]
async fn without_names_the_set_is_told_at_once_and_once() {
    let resolver = Resolver::with_servers(&[]);
    let mut finding = Finding::start(&upstream(vec![fixed("10.0.0.1:80")], vec![]), resolver);
    assert_eq!(finding.next().await, ["10.0.0.1:80=[10.0.0.1:80] 1"]);
    finding.is_silent_for(Duration::from_millis(300)).await;
}

#[tokio::test]
async fn each_address_is_a_server_and_another_order_is_no_change() {
    let dns = Dns::start().await;
    dns.says(NAME, A, addresses(&["10.0.0.2", "10.0.0.1"], 0));
    let mut finding = Finding::start(&by_dns(), dns.resolver());
    let first = ["10.0.0.1:80=[10.0.0.1:80] 1", "10.0.0.2:80=[10.0.0.2:80] 1"];
    assert_eq!(finding.next().await, first);
    dns.says(NAME, A, addresses(&["10.0.0.1", "10.0.0.2"], 0));
    asked(&dns, NAME, A, 2).await;
    assert!(finding.told.try_recv().is_err());
    dns.says(NAME, A, addresses(&["10.0.0.3", "10.0.0.2"], 0));
    let second = ["10.0.0.2:80=[10.0.0.2:80] 1", "10.0.0.3:80=[10.0.0.3:80] 1"];
    assert_eq!(finding.next().await, second);
}

#[tokio::test]
async fn a_written_server_wins_over_one_that_is_found() {
    let dns = Dns::start().await;
    dns.says(NAME, A, addresses(&["10.0.0.2", "10.0.0.1"], 60));
    let written = Server {
        weight: 7,
        ..fixed("10.0.0.2:80")
    };
    let found = Upstream {
        servers: vec![written],
        ..by_dns()
    };
    let mut finding = Finding::start(&found, dns.resolver());
    let all = ["10.0.0.2:80=[10.0.0.2:80] 7", "10.0.0.1:80=[10.0.0.1:80] 1"];
    assert_eq!(finding.next().await, all);
}

#[tokio::test]
async fn whatever_fails_the_last_addresses_are_kept() {
    let failures = [
        Say::Code(ResponseCode::ServFail),
        Say::Code(ResponseCode::Refused),
        Say::Code(ResponseCode::NXDomain),
        Say::Empty,
        Say::Nothing,
        Say::Garbage,
        Say::Records(vec![], 1),
    ];
    let all = failures.map(|failure| {
        tokio::spawn(async move {
            let dns = Dns::start().await;
            dns.says(NAME, A, addresses(&["10.0.0.1"], 1));
            let mut finding = Finding::start(&by_dns(), dns.resolver());
            assert_eq!(finding.next().await, ["10.0.0.1:80=[10.0.0.1:80] 1"]);
            dns.says(NAME, A, failure.clone());
            dns.says(NAME, AAAA, failure.clone());
            asked(&dns, NAME, A, 2).await;
            assert!(finding.told.try_recv().is_err(), "{failure:?}");
            dns.says(NAME, A, addresses(&["10.0.0.2"], 1));
            dns.says(NAME, AAAA, Say::Empty);
            assert_eq!(
                finding.next().await,
                ["10.0.0.2:80=[10.0.0.2:80] 1"],
                "{failure:?}"
            );
        })
    });
    for one in all {
        one.await.unwrap();
    }
}

#[tokio::test]
async fn a_type_that_is_never_answered_does_not_hide_the_other() {
    let dns = Dns::start().await;
    dns.says(NAME, A, addresses(&["10.0.0.1"], 1));
    dns.says(NAME, AAAA, Say::Nothing);
    let mut finding = Finding::start(&by_dns(), dns.resolver());
    assert_eq!(finding.next().await, ["10.0.0.1:80=[10.0.0.1:80] 1"]);
    dns.says(NAME, A, addresses(&["10.0.0.2"], 1));
    assert_eq!(finding.next().await, ["10.0.0.2:80=[10.0.0.2:80] 1"]);
}

#[tokio::test]
async fn the_first_set_does_not_wait_for_a_silent_name_server() {
    // Bound and never read.
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let resolver = Resolver::with_servers(&[silent.local_addr().unwrap()]);
    let servers = vec![fixed("10.0.0.1:80"), named("app.test", 80)];
    let sources = by_srv().sources;
    let mut finding = Finding::start(&upstream(servers, sources), resolver);
    assert_eq!(
        finding.next().await,
        ["10.0.0.1:80=[10.0.0.1:80] 1", "app.test:80=[] 3 a"]
    );
}

#[tokio::test]
async fn a_name_that_fails_at_first_comes_later() {
    let dns = Dns::start().await;
    let mut finding = Finding::start(&by_dns(), dns.resolver());
    assert!(finding.next().await.is_empty());
    dns.says(NAME, A, addresses(&["10.0.0.1"], 60));
    assert_eq!(finding.next().await, ["10.0.0.1:80=[10.0.0.1:80] 1"]);
}

#[tokio::test]
async fn a_long_answer_is_had_over_tcp() {
    let dns = Dns::start().await;
    let Say::Records(records, _) = addresses(&["10.0.0.1", "10.0.0.2"], 60) else {
        unreachable!("it is made so");
    };
    dns.says(NAME, A, Say::Long(records));
    let mut finding = Finding::start(&by_dns(), dns.resolver());
    assert_eq!(finding.next().await.len(), 2);
}

#[tokio::test]
async fn an_alias_is_followed() {
    let dns = Dns::start().await;
    let address = "10.0.0.1".parse::<std::net::IpAddr>().unwrap();
    dns.says(
        NAME,
        A,
        Say::Records(vec![cname("b.test."), address.into()], 60),
    );
    dns.says("other.test.", A, Say::Records(vec![cname("b.test.")], 60));
    dns.says("b.test.", A, addresses(&["10.0.0.2"], 60));
    let servers = vec![named("app.test", 80), named("other.test", 80)];
    let mut finding = Finding::start(&upstream(servers, vec![]), dns.resolver());
    let all = [
        "app.test:80=[10.0.0.1:80] 3 a",
        "other.test:80=[10.0.0.2:80] 3 a",
    ];
    assert_eq!(finding.next().await, all);
}

#[tokio::test]
async fn a_service_gives_the_targets_of_the_lowest_priority() {
    let dns = Dns::start().await;
    let service = "_http._tcp.app.test.";
    let records = vec![
        srv(10, 5, 8001, "b.test."),
        srv(10, 0, 8000, "a.test."),
        srv(20, 9, 8002, "c.test."),
    ];
    dns.says(service, SRV, Say::Records(records, 1));
    dns.says("a.test.", A, addresses(&["10.0.0.1"], 60));
    dns.says("b.test.", A, addresses(&["10.0.0.2", "10.0.0.3"], 60));
    dns.says("c.test.", A, addresses(&["10.0.0.4"], 60));
    let mut finding = Finding::start(&by_srv(), dns.resolver());
    let first = [
        "a.test:8000=[10.0.0.1:8000] 1",
        "b.test:8001=[10.0.0.2:8001 10.0.0.3:8001] 5",
    ];
    assert_eq!(finding.next().await, first);
    assert_eq!(
        dns.count("c.test.", A),
        0,
        "nobody asked for the one that is not used"
    );

    // All targets change at once: there is no moment without servers.
    dns.says(
        service,
        SRV,
        Say::Records(vec![srv(20, 9, 8002, "c.test.")], 1),
    );
    assert_eq!(finding.next().await, ["c.test:8002=[10.0.0.4:8002] 9"]);
    dns.says(service, SRV, Say::Code(ResponseCode::ServFail));
    asked(&dns, service, SRV, 2).await;
    assert!(finding.told.try_recv().is_err());
    // Decidedly not offered (RFC 2782).
    dns.says(service, SRV, Say::Records(vec![srv(0, 0, 0, ".")], 60));
    assert!(finding.next().await.is_empty());
}

#[tokio::test]
async fn nothing_is_looked_up_once_it_is_dropped() {
    let dns = Dns::start().await;
    dns.says(NAME, A, addresses(&["10.0.0.1"], 0));
    let mut finding = Finding::start(&by_dns(), dns.resolver());
    finding.next().await;
    let Finding {
        discovery: _discovery,
        mut told,
    } = finding;
    drop(_discovery);
    assert!(
        tokio::time::timeout(SOON, told.recv())
            .await
            .unwrap()
            .is_none()
    );
    // What was on its way arrives.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = dns.count(NAME, A);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(dns.count(NAME, A), before);
}

#[tokio::test]
async fn nothing_is_asked_for_before_its_time_is_over() {
    let dns = Dns::start().await;
    dns.says(NAME, A, addresses(&["10.0.0.1"], 60));
    dns.says("short.test.", A, addresses(&["10.0.0.1"], 1));
    let servers = vec![
        named("app.test", 80),
        named("app.test", 81),
        named("short.test", 80),
    ];
    let mut finding = Finding::start(&upstream(servers, vec![]), dns.resolver());
    assert_eq!(finding.next().await.len(), 3);
    asked(&dns, "short.test.", A, 2).await;
    assert_eq!(dns.count(NAME, A), 1, "one look-up for both servers");
}
