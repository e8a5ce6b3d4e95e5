//! Changing what the gateway does while it serves.

use std::time::Duration;

use rustix::process::Signal;
use tenfold_testkit::client::{Client, get};
use tenfold_testkit::load::Load;
use tenfold_testkit::origin::{Origin, ok};

use crate::Configured;

fn one_upstream(listeners: &[(&str, &str)], servers: &[&Origin], more: &str) -> String {
    let listeners: String = listeners
        .iter()
        .map(|(name, address)| format!("[listener.{name}]\nlisten = \"{address}\"\n"))
        .collect();
    let servers: Vec<_> = servers
        .iter()
        .map(|it| format!("\"{}\"", it.name()))
        .collect();
    format!(
        "{listeners}{more}\n[[route]]\nname = \"all\"\nupstream = \"app\"\n[upstream.app]\nservers = [{}]\n",
        servers.join(", ")
    )
}

const WEB: (&str, &str) = ("web", "127.0.0.1:0");

#[test]
fn a_hundred_reloads_under_traffic_fail_no_request() {
    let origins = [
        Origin::saying("a"),
        Origin::saying("b"),
        Origin::saying("c"),
    ];
    let all: Vec<&Origin> = origins.iter().collect();
    let it = Configured::start(&one_upstream(&[WEB], &all, ""));
    let load = Load::start(it.gateway.address(), 8, Duration::ZERO);
    load.wait_for(100);
    for round in 0..100 {
        let route = format!("[[route]]\npath = \"/new/{round}\"\nrespond = \"{round}\"\n");
        let listeners = [WEB, ("other", "127.0.0.1:0")];
        let count = 1 + round % 2;
        let text = one_upstream(&listeners[..count], &all[..1 + round % 3], &route);
        let answer = it.reload(&text);
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let text = get(it.gateway.address(), &format!("/new/{round}")).text();
        assert_eq!(text, round.to_string(), "it holds when the answer is there");
    }
    load.wait_for(100);
    let failures = load.stop();
    assert!(
        failures.is_empty(),
        "{} failed: {:?}",
        failures.len(),
        failures.first()
    );
    it.gateway
        .wait_for_metric("tenfold_config_reloads_total", "applied", 101.0);
}

#[test]
fn counters_and_connections_of_what_stays_survive() {
    let origins = [Origin::saying("a"), Origin::saying("b")];
    let it = Configured::start(&one_upstream(&[WEB], &[&origins[0]], ""));
    let mut client = Client::connect(it.gateway.address());
    let mut ask = || {
        client
            .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .response()
            .status()
    };
    assert_eq!((ask(), ask()), (200, 200));
    let answer = it.reload(&one_upstream(&[WEB], &[&origins[0], &origins[1]], ""));
    assert!(answer.text().contains("added"), "{}", answer.text());
    for _ in 0..20 {
        assert_eq!(ask(), 200);
    }
    let labels = format!("endpoint=\"{}\"", origins[0].name());
    let picks = it.gateway.metric("tenfold_upstream_picks_total", &labels);
    assert!(picks > 2.0, "counted on: {picks}");
    assert_eq!(
        origins[0].connections(),
        2,
        "one from the first look, one that was kept"
    );
    it.gateway.wait_for_metric(
        "tenfold_route_requests_total",
        "route=\"all\",http_response_status_class=\"2xx\"",
        22.0,
    );
}

#[test]
fn a_bad_file_changes_nothing_and_says_why() {
    let origin = Origin::saying("fine");
    let good = one_upstream(&[WEB], &[&origin], "");
    let mut it = Configured::start(&good);
    let address = it.gateway.address();
    for (text, why) in [
        ("\u{0}garbage", "error"),
        (
            "[listener.web]\nlisten = \"127.0.0.1:0\"\n[[route]]\nupstream = \"nobody\"\n",
            "nobody",
        ),
        ("", "nothing in it"),
        ("[listener.web]\nlisen = \"127.0.0.1:0\"\n", "lisen"),
    ] {
        it.write_raw(text);
        let answer = it.post("/api/v1/reload", "");
        assert_eq!(answer.status(), 422, "{text:?}");
        assert!(answer.text().contains(why), "{text:?}: {}", answer.text());
        assert_eq!(get(address, "/").text(), "fine");
    }
    it.gateway.signal(Signal::HUP);
    it.gateway.wait_for_log("nothing has changed");
    it.write(&good);
    it.gateway.signal(Signal::HUP);
    it.gateway.wait_for_log("nothing is different");
    it.gateway
        .wait_for_metric("tenfold_config_reloads_total", "refused", 5.0);
    assert_eq!(get(address, "/").text(), "fine");
}

#[test]
fn a_port_that_is_taken_changes_nothing() {
    let origin = Origin::saying("fine");
    let it = Configured::start(&one_upstream(&[WEB], &[&origin], ""));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken
        .local_addr()
        .map(|it| (taken, it))
        .expect("an address");
    let other = taken.1.to_string();
    let answer = it.reload(&one_upstream(&[WEB, ("other", &other)], &[], ""));
    assert_eq!(answer.status(), 422, "{}", answer.text());
    let answer = it.reload(&one_upstream(&[WEB, ("other", &other)], &[&origin], ""));
    assert_eq!(answer.status(), 422);
    assert!(
        answer.text().contains("cannot listen on"),
        "{}",
        answer.text()
    );
    assert_eq!(get(it.gateway.address(), "/").text(), "fine");
}

#[test]
fn what_is_under_way_lives_on_when_its_listener_route_and_server_go() {
    let origin = Origin::new(|peer| {
        let _request = peer.request()?;
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")?;
        std::thread::sleep(Duration::from_millis(1500));
        peer.send("67890")
    });
    let other = Origin::saying("other");
    let it = Configured::start(&one_upstream(&[WEB], &[&origin], ""));
    let old = it.gateway.address();
    let mut slow = Client::connect(old);
    slow.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut idle = Client::connect(old);
    it.gateway
        .wait_for_metric("tenfold_client_connections_open", "", 2.0);
    let answer = it.reload(&one_upstream(&[("new", "127.0.0.1:0")], &[&other], ""));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(get(it.gateway.listener("new"), "/").text(), "other");
    assert_eq!(slow.response().text(), "1234567890");
    assert!(idle.is_closed(), "a connection that waits is closed");
    tenfold_testkit::wait_until(
        || Client::try_connect(old).is_err(),
        || "the old listener still listens",
    );
}

#[test]
fn a_watched_file_is_read_when_it_changes() {
    let text = |body: &str| {
        format!(
            "[gateway]\nworkers = 1\nwatch = true\n[admin]\nlisten = \"127.0.0.1:0\"\n[listener.web]\n\
             listen = \"127.0.0.1:0\"\n[[route]]\nrespond = \"{body}\"\n"
        )
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tenfold.toml");
    std::fs::write(&path, text("one")).expect("written");
    let gateway = tenfold_testkit::gateway::start_file(crate::BINARY, &path);
    assert_eq!(get(gateway.address(), "/").text(), "one");
    // As editors do it: a new file in place of the old one.
    std::fs::write(folder.path().join("new"), text("two")).expect("written");
    std::fs::rename(folder.path().join("new"), &path).expect("renamed");
    tenfold_testkit::wait_until(
        || get(gateway.address(), "/").text() == "two",
        || "the change is not seen",
    );
}

#[test]
fn endpoints_come_and_go_through_the_api_under_traffic() {
    let origins = [Origin::saying("a"), Origin::saying("b")];
    let it = Configured::start(&one_upstream(&[WEB], &[&origins[0]], ""));
    let load = Load::start(it.gateway.address(), 8, Duration::ZERO);
    let name = origins[1].name();
    for _ in 0..30 {
        let added = it.post(
            "/api/v1/upstreams/app/endpoints",
            &format!("{{\"add\":[{{\"address\":\"{name}\",\"weight\":2}}]}}"),
        );
        assert_eq!(added.status(), 200, "{}", added.text());
        assert!(added.text().contains(&name), "{}", added.text());
        load.wait_for(20);
        let removed = it.post(
            "/api/v1/upstreams/app/endpoints",
            &format!("{{\"remove\":[\"{name}\"]}}"),
        );
        assert_eq!(removed.status(), 200, "{}", removed.text());
    }
    assert!(origins[1].requests() > 0);
    let failures = load.stop();
    assert!(failures.is_empty(), "{:?}", failures.first());
    for (target, body) in [
        ("/api/v1/upstreams/nobody/endpoints", "{\"remove\":[\"x\"]}"),
        ("/api/v1/upstreams/app/endpoints", "{\"remove\":[\"x\"]}"),
        ("/api/v1/upstreams/app/endpoints", "{\"ad\":[]}"),
        ("/api/v1/upstreams/app/endpoints", "nonsense"),
    ] {
        let status = it.post(target, body).status();
        assert!((400..500).contains(&status), "{target} {body}: {status}");
    }
}

#[test]
fn a_draining_endpoint_gets_nothing_until_it_is_undrained() {
    let origins = [
        Origin::answering(|_| ok("a")),
        Origin::answering(|_| ok("b")),
    ];
    let it = Configured::start(&one_upstream(&[WEB], &[&origins[0], &origins[1]], ""));
    let target = "/api/v1/upstreams/app/endpoints";
    let name = origins[0].name();
    it.post(target, &format!("{{\"drain\":[\"{name}\"]}}"));
    for _ in 0..20 {
        assert_eq!(get(it.gateway.address(), "/").text(), "b");
    }
    it.post(target, &format!("{{\"undrain\":[\"{name}\"]}}"));
    tenfold_testkit::wait_until(
        || get(it.gateway.address(), "/").text() == "a",
        || "it gets nothing",
    );
}

#[test]
fn a_file_that_is_refused_is_counted() {
    let origin = Origin::saying("fine");
    let it = Configured::start(&one_upstream(&[WEB], &[&origin], ""));
    assert_eq!(it.reload("garbage").status(), 422);
    it.gateway
        .wait_for_metric("tenfold_config_reloads_total", "refused", 1.0);
}

#[test]
fn a_listener_that_is_renamed_counts_under_its_new_name() {
    let origin = Origin::saying("fine");
    let port = crate::free_port();
    let it = Configured::start(&one_upstream(&[("old", &port)], &[&origin], ""));
    let address = it.gateway.address();
    let mut kept = Client::connect(address);
    kept.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").response();
    let answer = it.reload(&one_upstream(&[("new", &port)], &[&origin], ""));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let second = get(address, "/");
    assert_eq!(second.status(), 200);
    let open = "tenfold_client_connections_open";
    it.gateway.wait_for_metric(open, "old", 1.0);
    let accepted = "tenfold_client_connections_accepted_total";
    it.gateway.wait_for_metric(accepted, "new", 1.0);
    drop(kept);
    it.gateway.wait_for_metric(open, "", 0.0);
}

#[test]
fn while_it_drains_nothing_is_opened_again() {
    let origin = Origin::new(|peer| {
        while peer.request()?.is_some() {
            std::thread::sleep(Duration::from_secs(3));
            peer.send(ok("slow"))?;
        }
        Ok(())
    });
    let port = crate::free_port();
    let text = one_upstream(&[("web", &port)], &[&origin], "");
    let mut it = Configured::start(&text);
    let address = it.gateway.address();
    let mut slow = Client::connect(address);
    slow.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    tenfold_testkit::wait_until(|| origin.requests() == 1, || "it is not sent");
    it.gateway.signal(Signal::TERM);
    it.gateway.wait_for_log("draining");
    let is_closed = || std::net::TcpStream::connect(address).is_err();
    tenfold_testkit::wait_until(is_closed, || "it listens on");
    let answer = it.reload(&text);
    assert_eq!(answer.status(), 422, "{}", answer.text());
    assert!(answer.text().contains("ending"), "{}", answer.text());
    assert!(is_closed(), "a client would wait for ever");
    let edit = it.post("/api/v1/upstreams/app/endpoints", "{\"drain\":[\"x\"]}");
    assert_eq!(edit.status(), 503, "{}", edit.text());
    assert_eq!(it.post("/api/v1/upgrade", "").status(), 409);
    assert_eq!(slow.response().text(), "slow");
    assert_eq!(it.gateway.wait().code(), Some(0));
}

#[test]
fn new_files_of_a_pattern_and_mended_ones_are_noticed() {
    let it = Configured::start(
        "[listener.web]\nlisten = \"127.0.0.1:0\"\n[[route]]\nrespond = \"old\"\n",
    );
    let path = |name: &str| it.folder.path().join(name);
    let main = |more: &str| {
        format!(
            "{more}[gateway]\nworkers = 1\nwatch = true\n[admin]\nlisten = \"127.0.0.1:0\"\n\
             [listener.web]\nlisten = \"127.0.0.1:0\"\n[[route]]\nrespond = \"main\"\n"
        )
    };
    std::fs::create_dir(path("conf.d")).expect("created");
    std::fs::write(
        path("watched.toml"),
        main("include = [\"conf.d/*.toml\"]\n"),
    )
    .expect("written");
    let mut gateway = tenfold_testkit::gateway::start_file(crate::BINARY, &path("watched.toml"));
    let route = |name: &str| format!("[[route]]\npath = \"/{name}\"\nrespond = \"{name}\"\n");
    let serves = |gateway: &tenfold_testkit::gateway::Gateway, name: &str| {
        let address = gateway.address();
        let is_so = || get(address, &format!("/{name}")).text() == name;
        tenfold_testkit::wait_until(is_so, || format!("{name} is not noticed"));
    };
    std::fs::write(path("conf.d/a.toml"), route("a")).expect("written");
    serves(&gateway, "a");
    // A new file that is wrong, and is mended without any other being touched.
    std::fs::write(path("conf.d/b.toml"), "[[route]]\nrespnd = 1\n").expect("written");
    gateway.wait_for_log("respnd");
    std::fs::write(path("conf.d/b.toml"), route("b")).expect("written");
    serves(&gateway, "b");
    std::fs::remove_file(path("conf.d/a.toml")).expect("removed");
    let address = gateway.address();
    let is_gone = || get(address, "/a").text() == "main";
    tenfold_testkit::wait_until(is_gone, || "a removed file is not noticed");
}

#[test]
fn a_new_upstream_takes_requests_when_its_names_are_known() {
    let origins = [Origin::saying("old"), Origin::saying("new")];
    let it = Configured::start(&one_upstream(&[WEB], &[&origins[0]], ""));
    let port = origins[1].address().port();
    for round in 0..10 {
        let text = format!(
            "[listener.web]\nlisten = \"127.0.0.1:0\"\n[[route]]\nupstream = \"app{round}\"\n\
             [upstream.app{round}]\nservers = [\"localhost:{port}\"]\n"
        );
        assert_eq!(it.reload(&text).status(), 200);
        let answer = get(it.gateway.address(), "/");
        assert_eq!(answer.text(), "new", "{round}");
    }
}

#[test]
fn what_holds_from_the_next_start_is_not_shown_before() {
    let origin = Origin::saying("fine");
    let text = one_upstream(&[WEB], &[&origin], "");
    let it = Configured::start(&text);
    for _ in 0..2 {
        let other = Configured::whole(&text).replace("workers = 2", "workers = 3");
        it.write_raw(&other);
        let answer = it.post("/api/v1/reload", "").text();
        assert!(answer.contains("workers is different"), "{answer}");
        let admin = it.gateway.admin();
        let config = tenfold_testkit::client::ask(
            admin,
            format!("GET /api/v1/config HTTP/1.1\r\nHost: {admin}\r\n\r\n"),
        );
        assert!(config.text().contains("\"workers\":2"), "{}", config.text());
    }
    let answer = it.reload(&text).text();
    assert!(!answer.contains("workers"), "{answer}");
}

#[test]
fn reloads_in_quick_succession_do_not_pile_up_metrics() {
    let origin = Origin::saying("a");
    let it = Configured::start(&one_upstream(&[WEB], &[&origin], ""));
    for round in 0..20 {
        let route = format!(
            "[[route]]\nname = \"passing-{round}\"\npath = \"/{round}\"\nrespond = \"{round}\"\n"
        );
        let answer = it.reload(&one_upstream(&[WEB], &[&origin], &route));
        assert_eq!(answer.status(), 200, "{}", answer.text());
    }
    let text = it.gateway.metrics();
    let count = |round: u32| text.contains(&format!("route=\"passing-{round}\""));
    let known: Vec<_> = (0..20).filter(|round| count(*round)).collect();
    // The last one; the one before it, which left after the look; and one more that was just being let go of.
    assert!(known.contains(&19) && known.len() <= 3, "{known:?}");
}
