//! Clients that want to harm others: what they send must neither reach other clients, nor keep the cache from helping them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use tenfold_testkit::client::{self, Client};
use tenfold_testkit::message::Message;
use tenfold_testkit::origin::Origin;
use tenfold_testkit::wait_until;

use super::{Gate, cached, get, is_hit, response, said};
use crate::{Configured, gateway};

/// Answers with `fields`, and as the body what it was told in the field `name`.
fn telling(fields: &'static str, name: &'static str) -> Origin {
    Origin::answering(move |request| response(fields, request.get(name).unwrap_or("nothing")))
}

/// A configuration with one cache.
fn configured(origin: &Origin, listener: &str, route: &str, cache: &str) -> Configured {
    Configured::start(&format!(
        "[listener.web]\nlisten = \"127.0.0.1:0\"\n{listener}\n[[route]]\nname = \"all\"\nupstream = \"app\"\ncache = \"pages\"\n\
         {route}\n[upstream.app]\nservers = [\"{}\"]\n[cache.pages]\n{cache}\n",
        origin.name()
    ))
}

#[test]
fn what_varies_by_what_the_gateway_says_of_each_client_is_stored_for_none() {
    for (name, fields) in [
        ("x-forwarded-for", "Vary: X-Forwarded-For\r\n"),
        ("forwarded", "Vary: Accept, Forwarded\r\n"),
        ("x-request-id", "Vary: x-request-ID\r\n"),
        ("traceparent", "Vary: Traceparent\r\n"),
    ] {
        let origin = Origin::answering(move |request| {
            let fields = format!("Cache-Control: max-age=60\r\n{fields}");
            response(&fields, request.get(name).unwrap_or("nothing"))
        });
        let gateway = cached(&origin);
        let answer = get(&gateway, "/", "");
        assert_eq!(
            said(&answer),
            "tenfold; fwd=uri-miss; fwd-status=200; detail=vary",
            "{name}"
        );
    }
}

#[test]
fn what_varies_by_what_the_route_says_of_each_client_is_stored_for_none() {
    let origin = telling(
        "Cache-Control: max-age=60\r\nVary: X-Visitor, X-Page\r\n",
        "x-visitor",
    );
    let edits = "request_headers = { set = { X-Visitor = \"{client_ip}\", X-Page = \"{path}\" } }";
    let it = configured(&origin, "", edits, "");
    for number in 0..2 {
        let answer = get(&it.gateway, &format!("/{number}"), "");
        assert_eq!(answer.text(), "127.0.0.1");
        assert!(said(&answer).ends_with("detail=vary"), "{}", answer.head);
    }
    let origin = telling("Cache-Control: max-age=60\r\nVary: X-Page\r\n", "x-page");
    let it = configured(&origin, "", edits, "");
    let _stored = get(&it.gateway, "/a", "");
    assert!(is_hit(&get(&it.gateway, "/a", "")), "the address says that");
}

#[test]
fn a_field_that_does_not_reach_the_server_selects_no_variant() {
    let fields = "Cache-Control: max-age=60\r\nVary: Accept-Language\r\n";
    let origin = telling(fields, "accept-language");
    let gateway = cached(&origin);
    let planted = get(
        &gateway,
        "/",
        "Connection: accept-language\r\nAccept-Language: de\r\n",
    );
    assert_eq!(planted.text(), "nothing", "it is left out on the way");
    assert_eq!(
        get(&gateway, "/", "Accept-Language: de\r\n").text(),
        "de",
        "what was made without the field is not for those who send it"
    );

    let origin = telling("Cache-Control: max-age=60\r\n", "x-country");
    let it = configured(&origin, "", "", "key_headers = [\"x-country\"]");
    let planted = get(
        &it.gateway,
        "/",
        "Connection: close, X-Country\r\nX-Country: de\r\n",
    );
    assert_eq!(planted.text(), "nothing");
    assert_eq!(get(&it.gateway, "/", "X-Country: de\r\n").text(), "de");
}

#[test]
fn what_a_stranger_says_of_its_way_selects_no_variant() {
    let fields = "Cache-Control: max-age=60\r\nVary: X-Forwarded-Proto\r\n";
    let origin = telling(fields, "x-forwarded-proto");
    let gateway = cached(&origin);
    let planted = get(&gateway, "/", "X-Forwarded-Proto: https\r\n");
    assert_eq!(planted.text(), "http", "nobody believes a stranger");
    let other = get(&gateway, "/", "");
    assert!(is_hit(&other), "the server saw the same: {}", other.head);
}

#[test]
fn behind_a_proxy_that_is_trusted_http_and_https_are_two_addresses() {
    let origin = Origin::answering(|request| {
        match request.get("x-forwarded-proto") {
        Some("https") => response("Cache-Control: max-age=60\r\n", "tea"),
        _ => b"HTTP/1.1 301 Moved Permanently\r\nCache-Control: max-age=60\r\nLocation: https://shop.example/\r\nContent-Length: 0\r\n\r\n".to_vec(),
    }
    });
    let it = configured(
        &origin,
        "trusted_proxies = [\"127.0.0.0/8\"]",
        "",
        "purge_from = [\"127.0.0.0/8\"]",
    );
    let page = |proto: &str| get(&it.gateway, "/", &format!("X-Forwarded-Proto: {proto}\r\n"));
    for is_second in [false, true] {
        for (proto, status) in [("http", 301), ("https", 200), ("HTTPS", 200)] {
            let answer = page(proto);
            assert_eq!(answer.status(), status, "{proto}: {}", answer.head);
            assert_eq!(is_hit(&answer), is_second || proto == "HTTPS", "{proto}");
        }
    }
    let purged = super::ask(&it.gateway, "PURGE", "/", "X-Forwarded-Proto: https\r\n");
    assert_eq!(purged.status(), 200);
    for proto in ["http", "https"] {
        assert!(!is_hit(&page(proto)), "{proto} was not purged");
    }
}

#[test]
fn a_path_that_only_the_server_reads_plants_nothing() {
    for name in ["X-Original-URL", "X-Rewrite-URL"] {
        let origin = telling("Cache-Control: max-age=60\r\n", name);
        let gateway = cached(&origin);
        let planted = get(&gateway, "/", &format!("{name}: /evil\r\n"));
        assert_eq!(said(&planted), "tenfold; fwd=bypass", "{name}");
        assert_eq!(get(&gateway, "/", "").text(), "nothing", "{name}");
    }
}

#[test]
fn nobody_can_throw_out_what_others_share() {
    let origin = Origin::answering(|request| {
        let fields = "Cache-Control: max-age=60\r\nETag: \"1\"\r\n";
        if request.get("x-bad").is_some() {
            return b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec();
        }
        if request.get("x-new").is_some() {
            return response(&format!("{fields}Set-Cookie: sid=1\r\n"), "tea");
        }
        match (request.get("if-none-match"), request.start_line()) {
            (Some(_), _) => format!("HTTP/1.1 304 Not Modified\r\n{fields}\r\n").into_bytes(),
            (None, line) if line.starts_with("HEAD") => {
                format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 3\r\n\r\n").into_bytes()
            }
            (None, _) => response(fields, "tea"),
        }
    });
    let gateway = cached(&origin);
    let _stored = get(&gateway, "/", "");
    let mut head = Client::connect(gateway.address());
    for fields in [
        "Cache-Control: no-cache, no-store\r\n",
        "Cache-Control: no-cache\r\nAuthorization: Basic evil\r\n",
        "Cache-Control: no-cache\r\nX-Bad: 1\r\n",
        "Cache-Control: no-cache\r\nX-New: 1\r\n",
    ] {
        let before = origin.requests();
        let _attack = get(&gateway, "/", fields);
        assert_eq!(origin.requests(), before + 1, "it was asked: {fields}");
        // What is forgotten is forgotten behind the answer.
        std::thread::sleep(Duration::from_millis(50));
        let after = get(&gateway, "/", "");
        assert!(is_hit(&after), "{fields}: {}", after.head);
    }
    for fields in [
        "no-cache\r\nAuthorization: Basic evil",
        "no-cache, no-store",
    ] {
        head.send(format!(
            "HEAD / HTTP/1.1\r\nHost: shop.example\r\nCache-Control: {fields}\r\n\r\n"
        ));
        assert_eq!(head.head().expect("a head").status(), 200);
        std::thread::sleep(Duration::from_millis(50));
        assert!(is_hit(&get(&gateway, "/", "")), "HEAD {fields}");
    }
}

#[test]
fn what_breaks_the_server_for_one_client_breaks_it_for_nobody_who_waits() {
    let gate = Arc::new(Gate::default());
    let at_gate = Arc::clone(&gate);
    let origin = Origin::new(move |peer| {
        while let Some(request) = peer.request()? {
            if request.get("x-crash").is_some() {
                at_gate.pass();
                peer.reset();
                return Ok(());
            }
            peer.send(response("Cache-Control: max-age=60\r\n", "tea"))?;
        }
        Ok(())
    });
    let gateway = cached(&origin);
    let mut evil = Client::connect(gateway.address());
    evil.send("GET / HTTP/1.1\r\nHost: shop.example\r\nX-Crash: 1\r\n\r\n");
    wait_until(|| origin.requests() == 1, || "no request");
    std::thread::scope(|scope| {
        let others: Vec<_> = (0..5)
            .map(|_| scope.spawn(|| get(&gateway, "/", "")))
            .collect();
        gateway.wait_for_metric("http_server_active_requests", "", 6.0);
        gate.open();
        for other in others {
            let answer = other.join().expect("an answer");
            assert_eq!((answer.status(), answer.text()), (200, "tea".to_owned()));
        }
    });
    assert!(evil.response().status() >= 500);
}

#[test]
fn a_leader_that_goes_away_between_two_hints_takes_nobody_along() {
    let gate = Arc::new(Gate::default());
    let (at_gate, asked) = (Arc::clone(&gate), AtomicUsize::new(0));
    let origin = Origin::new(move |peer| {
        while peer.request()?.is_some() {
            if asked.fetch_add(1, SeqCst) == 0 {
                at_gate.pass();
                for _ in 0..5 {
                    peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")?;
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
            peer.send(response("Cache-Control: max-age=60\r\n", "tea"))?;
        }
        Ok(())
    });
    let gateway = cached(&origin);
    let mut leader = Client::connect(gateway.address());
    leader.send("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    wait_until(|| origin.requests() == 1, || "no request");
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            Client::connect(gateway.address())
                .send("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n")
                .try_response()
        });
        gateway.wait_for_metric("http_server_active_requests", "", 2.0);
        drop(leader);
        gate.open();
        let answer = other.join().expect("no panic").expect("an answer");
        assert_eq!((answer.status(), answer.text()), (200, "tea".to_owned()));
    });
}

#[test]
fn what_one_cookie_is_refused_or_sent_elsewhere_for_is_not_told_to_others() {
    let origin = Origin::answering(|request| {
        let status = request
            .start_line()
            .split([' ', '?'])
            .nth(1)
            .unwrap_or("/200");
        let body = request.get("cookie").unwrap_or("nobody");
        format!(
            "HTTP/1.1 {} It\r\nContent-Length: {}\r\n\r\n{body}",
            &status[1..],
            body.len()
        )
        .into_bytes()
    });
    let cache = "status_lifetime = { \"200-499\" = \"60s\", \"503\" = \"60s\" }";
    let it = configured(&origin, "", "", cache);
    for (status, is_shared) in [
        (200, false),
        (302, false),
        (403, false),
        (404, true),
        (503, true),
    ] {
        let ask = |cookie: &str| {
            get(
                &it.gateway,
                &format!("/{status}"),
                &format!("Cookie: {cookie}\r\n"),
            )
        };
        let _first = ask("ann");
        assert_eq!(is_hit(&ask("bob")), is_shared, "{status}");
        // Without cookies there is nothing that could be somebody's.
        let plain = || get(&it.gateway, &format!("/{status}?x"), "");
        let _first = plain();
        assert!(is_hit(&plain()), "{status}");
    }
}

#[test]
fn what_is_coded_is_not_for_those_who_cannot_read_it() {
    let origin = Origin::answering(|request| match request.get("accept-encoding") {
        Some(_) => response(
            "Cache-Control: max-age=60\r\nContent-Encoding: gzip\r\n",
            "coded",
        ),
        None => response("Cache-Control: max-age=60\r\n", "plain"),
    });
    let gateway = cached(&origin);
    assert_eq!(
        get(&gateway, "/", "Accept-Encoding: gzip\r\n").text(),
        "coded"
    );
    assert!(is_hit(&get(&gateway, "/", "Accept-Encoding: gzip\r\n")));
    assert_eq!(
        get(&gateway, "/", "").text(),
        "plain",
        "the server forgot to say Vary"
    );
}

/// Bodies of twelve MiB, in chunks of 64 KiB.
fn bodies() -> Origin {
    Origin::new(|peer| {
        while peer.request()?.is_some() {
            peer.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            let piece = vec![b'x'; 64 << 10];
            for _ in 0..192 {
                peer.send("10000\r\n")?;
                peer.send(&piece)?;
                peer.send("\r\n")?;
            }
            peer.send("0\r\n\r\n")?;
        }
        Ok(())
    })
}

#[test]
fn clients_that_do_not_read_cannot_fill_the_memory() {
    const CLIENTS: usize = 100;
    let origin = bodies();
    let gateway = gateway(&[&origin], &["--cache=64MiB"]);
    let before = gateway.resident_kib();
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let mut client = Client::connect(gateway.address());
            client.send(format!(
                "GET /{number} HTTP/1.1\r\nHost: shop.example\r\n\r\n"
            ));
            client
        })
        .collect();
    for client in &mut clients {
        assert_eq!(client.head().expect("a head").status(), 200);
    }
    // Until nothing moves any more.
    let mut sizes = vec![0];
    while sizes.len() < 5
        || sizes
            .windows(2)
            .rev()
            .take(4)
            .any(|pair| pair[0] != pair[1])
    {
        sizes.push(gateway.resident_kib());
        std::thread::sleep(Duration::from_millis(100));
    }
    let grown = gateway.resident_kib().saturating_sub(before) >> 10;
    assert!(
        grown < 64 + CLIENTS as u64 + 100,
        "{grown} MiB for a cache of 64 MiB and {CLIENTS} clients"
    );
    // Nobody lost anything.
    let whole = |mut client: Client| -> Message {
        let mut rest = client.ahead();
        while !rest.ends_with(b"0\r\n\r\n") {
            let mut buffer = [0; 64 << 10];
            let read = std::io::Read::read(client.stream(), &mut buffer).expect("more");
            assert!(read > 0, "it was cut short");
            rest.extend_from_slice(&buffer[..read]);
        }
        assert!(rest.len() > 12 << 20);
        client::ask(
            gateway.address(),
            "GET /small HTTP/1.1\r\nHost: shop.example\r\n\r\n",
        )
    };
    for client in clients.into_iter().take(5) {
        assert_eq!(whole(client).status(), 200);
    }
}

#[test]
fn what_cannot_be_a_number_or_a_date_is_no_lifetime_and_no_panic() {
    const HOSTILE: [&str; 9] = [
        "Cache-Control: max-age=99999999999999999999999, stale-while-revalidate=99999999999999999999\r\nAge: 99999999999999999999\r\n",
        "Cache-Control: max-age=2147483648, stale-if-error=4294967295\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n",
        "Expires: Fri, 31 Dec 9999 23:59:59 GMT\r\nDate: Mon, 01 Jan 0001 00:00:00 GMT\r\n",
        "Expires: -1\r\nAge: -1\r\nDate: x\r\nETag: \"\r\n",
        "Last-Modified: Mon, 01 Jan 0001 00:00:00 GMT\r\nETag: W/\r\n",
        "Cache-Control: max-age=5, no-cache=\"\", private=\"x\r\nVary: ,,,\r\n",
        "CDN-Cache-Control: max-age=999999999999999\r\nCache-Control: =,=;\"\r\n",
        "Cache-Control: max-age=60\r\nSurrogate-Key: \t \r\nCache-Tag: ,\r\nETag: \"a\",\"b\"\r\n",
        "Cache-Control: max-age=60\r\nConnection: date, etag, cache-control, content-type\r\nETag: \"1\"\r\n",
    ];
    let origin = Origin::answering(|request| {
        let number = request.start_line().split(['/', ' ']).nth(2);
        let number: usize = number.and_then(|it| it.parse().ok()).unwrap_or(0);
        response(HOSTILE[number], "tea")
    });
    let gateway = gateway(&[&origin], &["--cache"]);
    for number in 0..HOSTILE.len() {
        for fields in [
            "",
            "Range: bytes=1-1\r\nIf-Range: \"a\",\"b\"\r\n",
            "If-None-Match: \"\r\n",
            "",
        ] {
            let answer = get(&gateway, &format!("/{number}"), fields);
            assert!(
                matches!(answer.status(), 200 | 206 | 304),
                "{}",
                answer.head
            );
        }
        let whole = get(&gateway, &format!("/{number}"), "");
        assert_eq!(whole.text(), "tea", "{}", whole.head);
    }
}
