//! `resolv.conf` and `hosts`.

use std::fs;

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType::A;

use super::super::known::Known;
use super::super::system::Files;
use super::dns::{Dns, Say, addresses};
use super::*;

struct System {
    dns: Dns,
    folder: tempfile::TempDir,
    resolver: Resolver,
}

impl System {
    async fn start(resolv_conf: &str, hosts: &str) -> Self {
        let dns = Dns::start().await;
        let folder = tempfile::tempdir().unwrap();
        let files = Files {
            resolv_conf: folder.path().join("resolv.conf"),
            hosts: folder.path().join("hosts"),
            port: dns.address.port(),
        };
        fs::write(
            &files.resolv_conf,
            format!("nameserver 127.0.0.1\n{resolv_conf}\n"),
        )
        .unwrap();
        fs::write(&files.hosts, hosts).unwrap();
        Self {
            dns,
            folder,
            resolver: Resolver::with_files(files),
        }
    }

    async fn addresses(&self, host: &str, before: &str) -> Result<Vec<String>, String> {
        let mut before = (!before.is_empty()).then(|| before.parse().unwrap());
        let mut known = Known::default();
        let answer = self.resolver.addresses(host, &mut before).await;
        known.take(answer).map_err(|trouble| trouble.to_string())?;
        Ok(known.all().iter().map(ToString::to_string).collect())
    }
}

fn one(address: &str) -> Result<Vec<String>, String> {
    Ok(vec![address.to_owned()])
}

#[tokio::test]
async fn a_short_name_is_looked_up_with_the_search_list() {
    let system = System::start("search a.test b.test\noptions ndots:2", "").await;
    system
        .dns
        .says("app.b.test.", A, addresses(&["10.0.0.1"], 60));
    system.dns.says("app.", A, addresses(&["10.0.0.2"], 60));
    system.dns.says("x.y.z.", A, addresses(&["10.0.0.3"], 60));
    assert_eq!(system.addresses("app", "").await, one("10.0.0.1"));
    assert_eq!(system.addresses("app.", "").await, one("10.0.0.2"));
    assert_eq!(system.addresses("x.y.z", "").await, one("10.0.0.3"));
    assert_eq!(
        system.dns.count("x.y.z.a.test.", A),
        0,
        "it has enough dots"
    );
    let missing = system.addresses("no", "").await;
    assert!(missing.unwrap_err().contains("NXDOMAIN"));
}

#[tokio::test]
async fn a_failure_never_makes_a_name_mean_something_else() {
    let system = System::start("search a.test b.test", "").await;
    system
        .dns
        .says("app.a.test.", A, Say::Code(ResponseCode::ServFail));
    system
        .dns
        .says("app.b.test.", A, addresses(&["10.0.0.1"], 60));
    // A suffix that never answered may be broken for good.
    assert_eq!(system.addresses("app", "").await, one("10.0.0.1"));
    assert!(system.addresses("app", "app.a.test.").await.is_err());
}

#[tokio::test]
async fn files_of_the_system_are_read_again() {
    let system = System::start("search a.test", "10.1.1.1 app other\nfd00::1 app\n").await;
    system
        .dns
        .says("app.a.test.", A, addresses(&["10.0.0.1"], 60));
    system
        .dns
        .says("app.b.test.", A, addresses(&["10.0.0.2"], 60));
    let both = Ok(vec!["10.1.1.1".to_owned(), "fd00::1".to_owned()]);
    assert_eq!(system.addresses("app", "").await, both);
    fs::remove_file(system.folder.path().join("hosts")).unwrap();
    assert_eq!(system.addresses("app", "").await, one("10.0.0.1"));
    let text = "nameserver 127.0.0.1\nsearch b.test other.test\n";
    fs::write(system.folder.path().join("resolv.conf"), text).unwrap();
    assert_eq!(system.addresses("app", "").await, one("10.0.0.2"));
    fs::remove_file(system.folder.path().join("resolv.conf")).unwrap();
    assert_eq!(system.addresses("app", "").await, one("10.0.0.2"));
}

#[tokio::test]
async fn some_names_need_no_name_server() {
    let system = System::start("search a.test", "").await;
    let local = system.addresses("localhost", "").await.unwrap();
    assert_eq!(local, ["127.0.0.1", "::1"]);
    assert_eq!(system.addresses("10.0.0.1", "").await, one("10.0.0.1"));
    assert_eq!(system.addresses("fd00::1", "").await, one("fd00::1"));
    assert_eq!(system.dns.count("localhost.", A), 0);
}

#[tokio::test]
async fn what_cannot_be_a_name_fails() {
    let system = System::start("search a.test", "").await;
    for name in ["", ".", "a..b", &"x".repeat(300), &"x.".repeat(200)] {
        assert!(system.addresses(name, "").await.is_err(), "{name}");
    }
}
