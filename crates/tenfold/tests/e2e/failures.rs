//! Servers that are gone, go away, or answer nonsense at the wrong time.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use tenfold_testkit::client::{self, Client};
use tenfold_testkit::gateway::start;
use tenfold_testkit::load::Load;
use tenfold_testkit::origin::{Origin, ok};
use tenfold_testkit::wait_until;

use crate::{BINARY, gateway};

/// An address at which nobody listens.
fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener
        .local_addr()
        .expect("a bound socket has an address")
}

#[test]
fn with_every_server_down_the_answer_is_503_at_once_in_the_clients_language() {
    let (first, second) = (nobody().to_string(), nobody().to_string());
    let gateway = start(BINARY, &["--to", &first, "--to", &second]);
    let started = Instant::now();
    for (accept, media_type) in [
        ("application/json", "application/json"),
        ("text/html, application/json", "text/plain; charset=utf-8"),
        ("*/*", "text/plain; charset=utf-8"),
    ] {
        let response = client::ask(
            gateway.address(),
            format!(
                "GET / HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\nX-Request-Id: find-me\r\n\r\n"
            ),
        );
        assert_eq!(response.status(), 503);
        assert_eq!(response.get("retry-after"), Some("1"));
        assert_eq!(response.get("content-type"), Some(media_type));
        assert_eq!(response.get("x-request-id"), Some("find-me"));
        assert_eq!(response.get("cache-control"), Some("no-store"));
        assert!(response.text().contains("find-me"), "{}", response.text());
        if media_type == "application/json" {
            let json: serde_json::Value = serde_json::from_slice(&response.body).expect("JSON");
            assert_eq!(
                (&json["status"], &json["error"]),
                (&503.into(), &"no_server".into())
            );
        }
    }
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "refused connections take no time-out"
    );
    assert_eq!(client::get(gateway.admin(), "/readyz").status(), 503);
    assert_eq!(client::get(gateway.admin(), "/healthz").status(), 200);
    let head = Client::connect(gateway.address())
        .send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        .to_end();
    let head = String::from_utf8(head.expect("closed")).expect("text");
    assert!(
        head.starts_with("HTTP/1.1 503 ") && head.ends_with("\r\n\r\n"),
        "no body for HEAD: {head}"
    );
}

#[test]
fn a_server_that_comes_back_gets_traffic_again() {
    let address = nobody();
    let mut gateway = start(BINARY, &["--to", &address.to_string()]);
    assert_eq!(client::get(gateway.address(), "/").status(), 503);
    let origin = Origin::at(address, |peer| {
        while peer.request()?.is_some() {
            peer.send(ok("back"))?;
        }
        Ok(())
    });
    // The only server is tried although it is being passed over: there is nothing to lose.
    assert_eq!(client::get(gateway.address(), "/").text(), "back");
    gateway.wait_for_log("no connection could be made");
    gateway.wait_for_log("answers again");
    drop(origin);
}

#[test]
fn a_dead_server_costs_no_request_and_few_attempts() {
    let alive = Origin::saying("alive");
    let dead = nobody().to_string();
    for balance in ["round_robin", "p2c"] {
        let gateway = start(
            BINARY,
            &[
                "--workers",
                "1",
                "--to",
                &dead,
                "--to",
                &alive.name(),
                "--balance",
                balance,
            ],
        );
        for at in 0..200 {
            // Not idempotent: but a connection that was never made can always be tried elsewhere.
            let response = client::ask(
                gateway.address(),
                format!("POST /{at} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"),
            );
            assert_eq!(response.text(), "alive", "{balance}");
        }
        let failed = gateway.metric("tenfold_upstream_connections_failed_total", &dead);
        assert!(
            (1.0..=10.0).contains(&failed),
            "{balance}: {failed} attempts at the dead server"
        );
        gateway.wait_for_metric("tenfold_endpoint_available", &alive.name(), 1.0);
    }
}

#[test]
fn killing_one_of_three_servers_costs_no_client_an_error() {
    let origins: Vec<Origin> = (0..3)
        .map(|_| {
            Origin::answering(|_| {
                // Long enough that a kill finds requests that were sent and not answered.
                std::thread::sleep(Duration::from_millis(3));
                ok("fine")
            })
        })
        .collect();
    let gateway = gateway(&origins.iter().collect::<Vec<_>>(), &[]);
    let load = Load::start(gateway.address(), 12, Duration::ZERO);
    load.wait_for(500);
    origins[1].kill();
    load.wait_for(1_000);
    let failures = load.stop();
    assert!(
        failures.is_empty(),
        "{} failed: {:?}",
        failures.len(),
        failures.first()
    );
    assert!(
        gateway.metric("tenfold_upstream_retries_total", "") >= 1.0,
        "the kill was not noticed"
    );
    assert_eq!(gateway.metric("tenfold_http_errors_total", ""), 0.0);
}

#[test]
fn a_stale_connection_is_replaced_without_the_client_noticing() {
    // Closes each connection after one response, without saying so: as if its keep-alive time were always just over.
    let origin = Origin::new(|peer| {
        if peer.request()?.is_some() {
            peer.send(ok("one"))?;
            peer.head()?;
        }
        Ok(())
    });
    let gateway = gateway(&[&origin], &["--workers", "1"]);
    let mut client = Client::connect(gateway.address());
    for _ in 0..10 {
        assert_eq!(
            client
                .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                .response()
                .text(),
            "one"
        );
    }
    gateway.wait_for_metric("tenfold_upstream_retries_total", "", 9.0);
    gateway.wait_for_metric("tenfold_endpoint_available", "", 1.0);
}

#[test]
fn a_request_that_may_have_been_carried_out_is_not_repeated() {
    let seen = std::sync::Arc::new(AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&seen);
    let origin = Origin::new(move |peer| {
        while let Some(request) = peer.request()? {
            count.fetch_add(1, SeqCst);
            if request.start_line().starts_with("GET /fine") {
                peer.send(ok("fine"))?;
            } else {
                peer.reset();
                return Ok(());
            }
        }
        Ok(())
    });
    let gateway = gateway(&[&origin], &["--workers", "1"]);
    // On a new connection, and on one that was used before.
    for warm_up in [false, true] {
        if warm_up {
            assert_eq!(client::get(gateway.address(), "/fine").status(), 200);
        }
        let before = seen.load(SeqCst);
        let response = client::ask(
            gateway.address(),
            "POST /order HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
        );
        assert_eq!(response.status(), 502);
        assert_eq!(seen.load(SeqCst), before + 1, "ordered once");
    }
    // An idempotent one is repeated, but not for ever.
    let before = seen.load(SeqCst);
    assert_eq!(client::get(gateway.address(), "/crash").status(), 502);
    let attempts = seen.load(SeqCst) - before;
    assert!((1..=3).contains(&attempts), "{attempts} attempts");
}

#[test]
fn an_upload_that_was_partly_sent_is_not_repeated() {
    let origin = Origin::new(|peer| {
        peer.head()?;
        peer.bytes(1000)?;
        peer.reset();
        Ok(())
    });
    let gateway = gateway(&[&origin], &[]);
    let mut client = Client::connect(gateway.address());
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    client.send(vec![b'x'; 20_000]);
    std::thread::sleep(Duration::from_millis(200));
    let _refused_early = client.try_send(vec![b'x'; 980_000]);
    let response = client.try_response().map(|response| response.status());
    assert!(matches!(response, Ok(502)), "{response:?}");
    assert_eq!(origin.requests(), 1);
}

#[test]
fn a_client_that_goes_away_is_no_fault_of_the_server() {
    let origin = Origin::new(|peer| {
        while let Some(mut request) = peer.head()? {
            peer.body(&mut request)?;
            peer.send(ok("whole"))?;
        }
        Ok(())
    });
    let gateway = gateway(&[&origin], &[]);
    for _ in 0..5 {
        let mut client = Client::connect(gateway.address());
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nonly this");
        std::thread::sleep(Duration::from_millis(20));
    }
    gateway.wait_for_metric("tenfold_http_errors_total", "client_gone", 5.0);
    gateway.wait_for_metric("tenfold_endpoint_available", "", 1.0);
    gateway.wait_for_metric("tenfold_endpoint_active_requests", "", 0.0);
    gateway.wait_for_metric("http_server_active_requests", "", 0.0);
    assert_eq!(client::get(gateway.address(), "/").text(), "whole");
}

#[test]
fn without_descriptors_accepting_pauses_and_resumes() {
    let origin = Origin::saying("served");
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\"", BINARY]);
    let gateway = tenfold_testkit::gateway::start_command(
        limited,
        &[
            "--workers",
            "1",
            "--to",
            &origin.name(),
            "--max-connections",
            "1000",
        ],
    );
    let mut early = Client::connect(gateway.address());
    assert_eq!(
        early
            .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .response()
            .text(),
        "served"
    );
    // More connections than descriptors: the kernel queues the rest.
    let crowd: Vec<Client> = (0..100)
        .map(|_| Client::connect(gateway.address()))
        .collect();
    let is_said = || gateway.log().contains("cannot accept connections");
    wait_until(is_said, || {
        format!(
            "no pause:
{}",
            gateway.log()
        )
    });
    assert_eq!(
        early
            .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .response()
            .text(),
        "served",
        "others go on"
    );
    drop(crowd);
    assert_eq!(
        client::get(gateway.address(), "/").text(),
        "served",
        "accepting has resumed"
    );
    assert!(gateway.metric("tenfold_accept_pauses_total", "") >= 1.0);
    assert_eq!(
        gateway.log().matches("cannot accept connections").count(),
        1,
        "said once, not ten times a second"
    );
}

#[test]
fn connections_above_the_limit_get_the_place_of_idle_ones() {
    let origin = Origin::saying("served");
    let gateway = gateway(&[&origin], &["--workers", "1", "--max-connections", "3"]);
    let mut taken: Vec<Client> = (0..3).map(|_| Client::connect(gateway.address())).collect();
    for client in &mut taken {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.response().status(), 200);
    }
    let mut waiting = Client::connect(gateway.address());
    waiting.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(
        gateway.metric("tenfold_client_connections_open", ""),
        3.0,
        "never more"
    );
    assert_eq!(waiting.response().text(), "served");
    assert!(gateway.metric("tenfold_accept_pauses_total", "") >= 1.0);
    let is_open = |client: &mut Client| {
        client.try_send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").is_ok()
            && client.try_response().is_ok()
    };
    let left = taken.iter_mut().map(is_open).filter(|open| *open).count();
    assert_eq!(left, 2, "one idle connection made room");
}

#[test]
fn busy_connections_are_not_ended_to_make_room() {
    let origin = Origin::answering(|_| {
        std::thread::sleep(Duration::from_secs(2));
        ok("slow")
    });
    let gateway = gateway(&[&origin], &["--workers", "1", "--max-connections", "2"]);
    let mut busy: Vec<Client> = (0..2).map(|_| Client::connect(gateway.address())).collect();
    for client in &mut busy {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    gateway.wait_for_metric("http_server_active_requests", "", 2.0);
    let mut waiting = Client::connect(gateway.address());
    waiting.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    for client in &mut busy {
        assert_eq!(client.response().text(), "slow");
    }
    assert_eq!(waiting.response().text(), "slow");
}

/// What one bad URL can do, and what it cannot.
#[test]
fn a_request_that_kills_connections_takes_no_server_out() {
    let origins: Vec<Origin> = (0..3)
        .map(|_| {
            Origin::new(|peer| {
                while let Some(request) = peer.request()? {
                    if request.start_line().contains("/bad") {
                        return Ok(());
                    }
                    peer.send(ok("fine"))?;
                }
                Ok(())
            })
        })
        .collect();
    let gateway = gateway(&origins.iter().collect::<Vec<_>>(), &[]);
    for _ in 0..10 {
        assert_eq!(client::get(gateway.address(), "/bad").status(), 502);
        for _ in 0..6 {
            assert_eq!(client::get(gateway.address(), "/good").text(), "fine");
        }
    }
    assert_eq!(gateway.metric("tenfold_endpoint_available", ""), 3.0);
    assert_eq!(client::get(gateway.admin(), "/readyz").status(), 200);
}

/// A body where there must be none would be taken for the next response on that connection.
#[test]
fn a_body_behind_a_response_to_head_answers_nobody() {
    let evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL";
    let origin = Origin::new(move |peer| {
        while let Some(request) = peer.request()? {
            if request.start_line().starts_with("HEAD") {
                peer.send(format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                    evil.len()
                ))?;
                std::thread::sleep(Duration::from_millis(1));
                peer.send(evil)?;
            } else {
                peer.send(ok("good"))?;
            }
        }
        Ok(())
    });
    let gateway = gateway(&[&origin], &["--workers", "1"]);
    let mut client = Client::connect(gateway.address());
    for _ in 0..50 {
        client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.head().expect("a head").status(), 200);
        assert_eq!(client.response().text(), "good");
    }
}
