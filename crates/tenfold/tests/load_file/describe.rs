//! What a test would do, by its own words.

use std::time::Duration;

use tenfold::load_file::{self, ASSUMED_RESPONSE, describe};

use crate::examples::example;

fn described(text: &str) -> String {
    let feed: &[u8] = b"x\n1\n2\n";
    let loaded = load_file::load_text("test.toml", text.as_bytes(), &[("f.csv", feed)]);
    let loaded = loaded.unwrap_or_else(|errors| panic!("{errors}"));
    describe(&loaded.test, ASSUMED_RESPONSE)
}

#[test]
fn an_open_model() {
    let text = "target = 'http://h:81/api'\n[[phase]]\nduration = '1m'\nrate = { from = 10, to = 50 }\n\
        [[phase]]\nduration = '10s'\nrate = 50\n\
        [[scenario]]\nname = 'a'\nweight = 3\nthink = '1s'\nstep = ['/', '/b']\n\
        [[scenario]]\nname = 'b'\nstep = '/'\n";
    // A session: 0.75 × 2 + 0.25 requests of 0.1 s, and 0.75 × 2 s of thinking.
    let expected = "test
  http://h:81/api (HTTP/1.1), at most 10000 connections
  open model: sessions arrive at equal distances; seed 1

phase    duration  sessions/s   requests/s        users
phase 1  1m           10 → 50  17.5 → 87.5  16.8 → 83.8
phase 2  10s               50         87.5         83.8
in all 1m 10s: 2300 sessions, 4025 requests

scenario  share  requests  thinking
a          75 %         2  2s
b          25 %         1  0s
by weight, at random; a session has 1.75 requests, and takes 1.68s, of which 1.5s thinking

Users follow from Little's law (sessions per second × time of a session), if every answer takes 100ms: that is assumed. \
What it really is the test finds out.
";
    assert_eq!(described(text), expected);
}

#[test]
fn a_closed_model_and_its_data() {
    let text = "target = 'https://h'\nfeed.f = { file = 'f.csv', order = 'once' }\nthreshold = 'errors < 1%'\n\
        [[phase]]\nduration = '100s'\nusers = 11\n[[setup]]\nname = 'before'\npath = '/'\n\
        [[scenario]]\nname = 'a'\nthink = '1s'\nstep = '/${f.x}'\n";
    let text = described(text);
    for line in [
        "phase 1  1m 40s            10          10     11\n",
        "f        2  x        each once  TOO FEW: the test takes about 1000\n",
        "once before the test: before\n",
        "it fails unless errors < 1%\n",
        "  https://h (HTTP/2 if the server chooses it, else HTTP/1.1), at most 10000 connections\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn pages() {
    let text = "target = 'http://h'\nmarkov = { start = { a = 1 }, next = { a = { b = 0.5 }, b = { a = 1 } } }\n\
        [[phase]]\nduration = '1s'\nrate = 1\n\
        [[scenario]]\nname = 'a'\nstep = '/'\n[[scenario]]\nname = 'b'\nstep = '/'\n";
    // From a half leave: 1 + ½ + ¼ … times a, and half of it b.
    let text = described(text);
    assert!(text.contains("a     66.7 %"), "{text}");
    assert!(
        text.contains("a session has 3 pages, 3 requests, and takes 300ms"),
        "{text}"
    );
}

#[test]
fn the_example_says_what_is_assumed() {
    let loaded = load_file::load(&example("shop.toml")).expect("valid");
    let text = describe(&loaded.test, Duration::from_millis(250));
    assert!(
        text.contains("if every answer takes 250ms: that is assumed"),
        "{text}"
    );
    assert!(text.contains("sale spike"), "{text}");
}
