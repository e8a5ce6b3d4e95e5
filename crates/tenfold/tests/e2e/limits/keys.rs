//! What clients are told apart by.

use super::{allowed, limited};
use crate::Configured;

/// With `fields` each `one` and `other` have a quota of their own, or not.
fn are_apart(limit: &str, one: (&str, &str), other: (&str, &str)) -> bool {
    let more = "[[route]]\nname = \"b\"\npath = \"/b\"\nrespond = \"b\"\nlimit = \"one\"\n";
    let limit = format!("{limit}\nrate = \"1/h\"\nburst = 2");
    // The test is a proxy that says for whom it asks.
    let text = limited(&limit, more).replace(
        "[listener.web]\n",
        "[listener.web]\ntrusted_proxies = [\"127.0.0.0/8\"]\n",
    );
    let it = Configured::start(&text);
    let address = it.gateway.address();
    assert_eq!(allowed(address, one.0, one.1, 5), 2);
    match allowed(address, other.0, other.1, 5) {
        2 => true,
        0 => false,
        some => panic!("{some} of two"),
    }
}

fn from(address: &str) -> String {
    format!("X-Forwarded-For: {address}\r\n")
}

#[test]
fn addresses() {
    let key = "key = \"client_ip\"";
    let ask = |key, one: &str, other: &str| are_apart(key, ("/", &from(one)), ("/b", &from(other)));
    assert!(ask(key, "203.0.113.1", "203.0.113.2"));
    assert!(!ask(key, "203.0.113.1", "203.0.113.1"), "on both routes");
    assert!(!ask(key, "2001:db8::1", "2001:db8::ffff"), "one customer");
    assert!(ask(key, "2001:db8::1", "2001:db8:0:1::1"));
    let wide = "ipv4_prefix = 24\nipv6_prefix = 48";
    assert!(!ask(wide, "203.0.113.1", "203.0.113.2"));
    assert!(!ask(wide, "2001:db8::1", "2001:db8:0:1::1"));
}

#[test]
fn headers_and_cookies() {
    let (header, cookie) = ("key = \"header:X-Client\"", "key = \"cookie:session\"");
    assert!(are_apart(
        header,
        ("/", "X-Client: a\r\n"),
        ("/", "x-client: b\r\n")
    ));
    assert!(!are_apart(
        header,
        ("/", "X-Client: a\r\n"),
        ("/", "x-client: a\r\n")
    ));
    assert!(are_apart(
        cookie,
        ("/", "Cookie: a=1; session=a\r\n"),
        ("/", "Cookie: session=b\r\n")
    ));
    assert!(!are_apart(
        cookie,
        ("/", "Cookie: a=1; session=a\r\n"),
        ("/", "Cookie: session=a; b=2\r\n")
    ));
    // Whoever leaves it out is known by the address.
    assert!(are_apart(header, ("/", "X-Client: a\r\n"), ("/", "")));
    assert!(are_apart(
        header,
        ("/", &from("203.0.113.1")),
        ("/", &from("203.0.113.2"))
    ));
    assert!(!are_apart(
        header,
        ("/", &from("203.0.113.1")),
        ("/", &from("203.0.113.1"))
    ));
}

#[test]
fn routes_everything_and_combinations() {
    let (one, other) = (from("203.0.113.1"), from("203.0.113.2"));
    assert!(are_apart("key = \"route\"", ("/", &one), ("/b", &one)));
    assert!(!are_apart("key = \"route\"", ("/", &one), ("/", &other)));
    assert!(!are_apart("key = \"global\"", ("/", &one), ("/b", &other)));
    let both = "key = [\"client_ip\", \"route\"]";
    assert!(are_apart(both, ("/", &one), ("/b", &one)));
    assert!(are_apart(both, ("/", &one), ("/", &other)));
    assert!(!are_apart(both, ("/", &one), ("/", &one)));
}
