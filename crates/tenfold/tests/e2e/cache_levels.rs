//! The levels below memory as operators meet them: a gateway that is killed, a disk that is damaged, a Redis that comes and goes.

mod disk;
mod disk_errors;
mod idle;
mod redis;
mod redis_faults;
mod together;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use rustix::process::Signal;
use serde_json::{Value, json};
use tenfold_testkit::client;
use tenfold_testkit::gateway::{self, Gateway};
use tenfold_testkit::message::Message;
use tenfold_testkit::origin::Origin;
use tenfold_testkit::wait_until;

use crate::{BINARY, Configured};

/// A server whose pages are different each time that it is asked, and easily told from torn ones.
///
/// `/p/N` has the tags `all` and `tN`, N modulo 5; `/p/N` with N above 100 has some 40 KB, the others about 1 KB.
fn pages() -> Origin {
    let fetches = Arc::new(AtomicUsize::new(0));
    Origin::answering(move |request| {
        let target = request.start_line().split(' ').nth(1).unwrap_or_default();
        let number: usize = target
            .rsplit('/')
            .next()
            .and_then(|it| it.parse().ok())
            .unwrap_or(0);
        let body = body(target, fetches.fetch_add(1, SeqCst), number > 100);
        let length = body.len();
        let tag = number % 5;
        format!(
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nETag: \"{length}\"\r\nSurrogate-Key: all t{tag}\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    })
}

/// A page: what it is, the fetch that it came with, many letters that follow from these, and their sum.
fn body(target: &str, fetch: usize, is_large: bool) -> String {
    let head = format!("{target} {fetch} ");
    let mut state = fetch as u64 * 0x9E37_79B9 + target.len() as u64;
    let count = if is_large { 40_000 } else { 1_000 };
    let noise = (0..count).map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + ((state >> 33) % 26) as u8)
    });
    head + &noise.collect::<String>()
}

/// Fails if a body is not exactly what the server once sent for that target.
fn check_body(target: &str, body: &str) {
    let mut words = body.split(' ');
    let (name, fetch) = (words.next(), words.next().and_then(|it| it.parse().ok()));
    assert_eq!(name, Some(target), "somebody else's response");
    let fetch = fetch.expect("the number of a fetch");
    assert!(
        [false, true]
            .iter()
            .any(|size| self::body(target, fetch, *size) == body),
        "{target} is torn"
    );
}

/// A configuration with one cache over these levels, in little memory if `memory` says so.
fn levels(origin: &Origin, disk: Option<&Path>, redis: Option<&str>, more: &str) -> String {
    let mut text = format!(
        "[listener.web]\nlisten = \"127.0.0.1:0\"\n[[route]]\nname = \"all\"\nupstream = \"app\"\ncache = \"pages\"\n\
         [upstream.app]\nservers = [\"{}\"]\n[cache.pages]\n{more}\n",
        origin.name()
    );
    if let Some(path) = disk {
        text += &format!(
            "disk = {{ path = \"{}\", size = \"8MiB\" }}\n",
            path.display()
        );
    }
    if let Some(redis) = redis {
        text += &format!("shared = true\n[shared]\nredis = \"{redis}\"\n");
    }
    text
}

/// `GET target`; the body is checked.
fn get(gateway: &Gateway, target: &str) -> Message {
    let answer = client::ask(
        gateway.address(),
        format!("GET {target} HTTP/1.1\r\nHost: shop.example\r\n\r\n"),
    );
    assert_eq!(answer.status(), 200, "{target} {}", answer.head);
    check_body(target, &answer.text());
    answer
}

fn is_hit(message: &Message) -> bool {
    message
        .get("cache-status")
        .is_some_and(|status| status.contains("; hit"))
}

fn target(number: usize) -> String {
    format!("/p/{number}")
}

/// Asks for these pages once each, and returns their bodies.
fn fill(gateway: &Gateway, pages: impl IntoIterator<Item = usize>) -> HashMap<usize, String> {
    let one = |number| (number, get(gateway, &target(number)).text());
    pages.into_iter().map(one).collect()
}

/// Asks for these pages, and returns the numbers of those that came out of the cache, which must be byte for byte the same.
fn hits(gateway: &Gateway, known: &HashMap<usize, String>) -> Vec<usize> {
    let mut hits = Vec::new();
    for (number, body) in known {
        let answer = get(gateway, &target(*number));
        if is_hit(&answer) {
            assert_eq!(&answer.text(), body, "{number}");
            hits.push(*number);
        }
    }
    hits.sort_unstable();
    hits
}

/// What the API says about the cache.
fn status(gateway: &Gateway) -> Value {
    let admin = gateway.admin();
    let answer = client::ask(
        admin,
        format!("GET /api/v1/cache HTTP/1.1\r\nHost: {admin}\r\n\r\n"),
    );
    let all: Value = serde_json::from_slice(&answer.body).expect("JSON");
    all["caches"][0].clone()
}

/// What it says about a level.
fn level(gateway: &Gateway, name: &str) -> Value {
    let status = status(gateway);
    let levels = status["levels"].as_array().expect("a list");
    let found = levels.iter().find(|level| level["name"] == name);
    found
        .unwrap_or_else(|| panic!("no level {name}: {status}"))
        .clone()
}

/// Waits until a counter of a level has a value, or more.
fn wait_for_level(gateway: &Gateway, name: &str, counter: &str, least: u64) {
    let is_there = || level(gateway, name)[counter].as_u64() >= Some(least);
    wait_until(is_there, || {
        format!("{counter} is not {least}: {}", level(gateway, name))
    });
}

/// Waits until a level is in a state.
fn wait_for_state(gateway: &Gateway, name: &str, state: &str) {
    let is_there = || level(gateway, name)["state"] == state;
    wait_until(is_there, || {
        format!("it is not {state}: {}", level(gateway, name))
    });
}

/// Waits until a level below memory is used again. Nobody tries it unless somebody asks for what is not in memory.
fn wait_for_use(gateway: &Gateway, name: &str) {
    let mut number = 5000;
    let is_used = || {
        number += 1;
        let _missed = get(gateway, &target(number));
        level(gateway, name)["state"] == "up" && level(gateway, name)["last_error"].is_null()
    };
    wait_until(is_used, || {
        format!("it is not used: {}", level(gateway, name))
    });
}

/// Purges, and returns the answer.
fn purge(gateway: &Gateway, what: &Value) -> Value {
    let (admin, body) = (gateway.admin(), what.to_string());
    let length = body.len();
    let answer = client::ask(
        admin,
        format!(
            "POST /api/v1/cache/purge HTTP/1.1\r\nHost: {admin}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    );
    assert!(matches!(answer.status(), 200 | 202), "{}", answer.text());
    serde_json::from_slice(&answer.body).expect("JSON")
}

/// Purges the address of a page.
fn purge_page(gateway: &Gateway, number: usize) -> Value {
    let url = format!("http://shop.example{}", target(number));
    purge(gateway, &json!({ "url": url }))
}

/// Kills the gateway as a power cut for the process would, and starts it again with the same file.
fn kill_and_restart(it: &mut Configured) {
    it.gateway.signal(Signal::KILL);
    let _killed = it.gateway.wait();
    restart(it);
}

/// Ends the gateway in order, and starts it again with the same file.
fn stop_and_restart(it: &mut Configured) {
    it.gateway.signal(Signal::TERM);
    assert_eq!(it.gateway.wait().code(), Some(0), "{}", it.gateway.log());
    restart(it);
}

fn restart(it: &mut Configured) {
    it.gateway = gateway::start_file(BINARY, &it.folder.path().join("tenfold.toml"));
}
