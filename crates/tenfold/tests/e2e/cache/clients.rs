//! Whose response is whose: nothing of one client ever reaches another.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};

use tenfold_testkit::message::Message;
use tenfold_testkit::origin::Origin;

use super::{Gate, cached, get, is_hit, response, said};

/// Answers with `fields`, and who asked as the body.
fn echo(fields: &'static str) -> Origin {
    Origin::answering(move |request| response(fields, &who(request)))
}

fn who(request: &Message) -> String {
    let of = |name| request.get(name).unwrap_or("nobody").to_owned();
    format!("{} {}", of("cookie"), of("authorization"))
}

#[test]
fn what_is_for_one_client_is_stored_for_none() {
    for fields in [
        "Cache-Control: private, max-age=60\r\n",
        "Cache-Control: no-store, max-age=60\r\n",
        "Cache-Control: max-age=60\r\nSet-Cookie: sid=1\r\n",
        "Cache-Control: max-age=60\r\nVary: *\r\n",
    ] {
        let origin = echo(fields);
        let gateway = cached(&origin);
        for name in ["ann", "bob", "ann"] {
            let answer = get(&gateway, "/me", &format!("Cookie: sid={name}\r\n"));
            assert_eq!(answer.text(), format!("sid={name} nobody"), "{fields}");
            assert!(!is_hit(&answer), "{fields}");
            assert!(
                !said(&answer).contains("stored"),
                "{fields} {}",
                answer.head
            );
        }
        assert_eq!(origin.requests(), 3, "{fields}");
    }
}

#[test]
fn a_cookie_that_is_declared_public_is_stored() {
    let origin = echo("Cache-Control: public, max-age=60\r\nSet-Cookie: seen=1\r\n");
    let gateway = cached(&origin);
    let _stored = get(&gateway, "/", "");
    let second = get(&gateway, "/", "");
    assert!(is_hit(&second));
    assert_eq!(second.get("set-cookie"), Some("seen=1"));
}

#[test]
fn answers_to_credentials_need_the_servers_word_to_be_shared() {
    let origin = echo("Cache-Control: max-age=60\r\n");
    let gateway = cached(&origin);
    for name in ["ann", "bob"] {
        let answer = get(&gateway, "/me", &format!("Authorization: Basic {name}\r\n"));
        assert_eq!(answer.text(), format!("nobody Basic {name}"));
        assert!(!said(&answer).contains("stored"), "{}", answer.head);
    }
    assert_eq!(
        get(&gateway, "/me", "").text(),
        "nobody nobody",
        "nor do they reach those without"
    );

    for fields in [
        "Cache-Control: public, max-age=60\r\n",
        "Cache-Control: s-maxage=60\r\n",
    ] {
        let origin = echo(fields);
        let gateway = cached(&origin);
        let _stored = get(&gateway, "/all", "Authorization: Basic ann\r\n");
        assert!(
            is_hit(&get(&gateway, "/all", "Authorization: Basic bob\r\n")),
            "{fields}"
        );
    }
}

#[test]
fn what_varies_is_stored_once_for_each_value() {
    let origin = Origin::answering(|request| {
        let language = request.get("accept-language").unwrap_or("none");
        response(
            "Cache-Control: max-age=60\r\nVary: Accept-Language\r\n",
            language,
        )
    });
    let gateway = cached(&origin);
    for round in 0..2 {
        for language in ["de", "en", "fr"] {
            let answer = get(&gateway, "/", &format!("Accept-Language: {language}\r\n"));
            assert_eq!(answer.text(), language);
            assert_eq!(is_hit(&answer), round == 1, "{language} {}", answer.head);
        }
        assert_eq!(get(&gateway, "/", "").text(), "none");
    }
    assert_eq!(origin.requests(), 4);
}

#[test]
fn spellings_of_accept_encoding_are_one_variant() {
    let origin = Origin::answering(|_| {
        response(
            "Cache-Control: max-age=60\r\nVary: Accept-Encoding\r\nContent-Encoding: gzip\r\n",
            "zipped",
        )
    });
    let gateway = cached(&origin);
    let _stored = get(&gateway, "/", "Accept-Encoding: gzip, br\r\n");
    let other = get(&gateway, "/", "Accept-Encoding: br;q=0.9,  gzip\r\n");
    assert!(is_hit(&other), "{}", other.head);
}

#[test]
fn clients_that_wait_for_a_response_that_turns_out_private_go_on_at_the_same_time() {
    const CLIENTS: usize = 20;
    let (gate, asked) = (Arc::new(Gate::default()), AtomicUsize::new(0));
    let all_others = Arc::new(Barrier::new(CLIENTS - 1));
    let (at_gate, meeting) = (Arc::clone(&gate), Arc::clone(&all_others));
    let origin = Origin::answering(move |request| {
        if asked.fetch_add(1, SeqCst) == 0 {
            at_gate.pass();
        } else {
            // Nobody gets past unless all of them are here together.
            meeting.wait();
        }
        response("Cache-Control: private, max-age=60\r\n", &who(request))
    });
    let gateway = cached(&origin);
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let gateway = &gateway;
            scope.spawn(move || {
                let answer = get(gateway, "/me", &format!("Cookie: sid={number}\r\n"));
                assert_eq!(answer.text(), format!("sid={number} nobody"));
            });
        }
        gateway.wait_for_metric("http_server_active_requests", "", CLIENTS as f64);
        assert_eq!(origin.requests(), 1, "all the others wait");
        gate.open();
    });
    assert_eq!(origin.requests(), CLIENTS);
}
