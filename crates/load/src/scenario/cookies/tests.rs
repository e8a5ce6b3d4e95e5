use proptest::prelude::*;

use super::*;

const SITE: Site<'_> = Site {
    host: "shop.example.com",
    is_tls: true,
    path: "/cart/add?id=1",
};

fn at(path: &str) -> Site<'_> {
    Site { path, ..SITE }
}

fn jar(fields: &[&str]) -> Jar {
    let mut jar = Jar::default();
    for field in fields {
        jar.keep(field.as_bytes(), SITE, SystemTime::now());
    }
    jar
}

fn sent(fields: &[&str], path: &str) -> Option<String> {
    jar(fields).field(at(path))
}

#[test]
fn what_was_set_is_sent() {
    let one = ["sid=abc; Path=/; HttpOnly; SameSite=Lax"];
    assert_eq!(sent(&one, "/x").as_deref(), Some("sid=abc"));
    let two = ["a=1; path=/", "b = 2 ; path=/", "a=3; path=/"];
    assert_eq!(sent(&two, "/").as_deref(), Some("a=3; b=2"));
    assert_eq!(sent(&["a=x=y; path=/"], "/").as_deref(), Some("a=x=y"));
}

#[test]
fn a_path_decides_where_and_the_longest_comes_first() {
    // Without a path it is the folder of the request: /cart.
    assert_eq!(sent(&["a=1"], "/cart"), Some("a=1".to_owned()));
    assert_eq!(sent(&["a=1"], "/cart/x?y"), Some("a=1".to_owned()));
    assert_eq!(sent(&["a=1"], "/cartoon"), None);
    assert_eq!(sent(&["a=1"], "/"), None);
    let nested = ["a=1; Path=/", "b=2; Path=/cart/add", "c=3; Path=/cart/"];
    assert_eq!(sent(&nested, "/cart/add").as_deref(), Some("b=2; c=3; a=1"));
    assert_eq!(sent(&nested, "/cart").as_deref(), Some("a=1"));
}

/// RFC 6265 section 5.3, step 11: the domain is part of what a cookie is. Whoever forgets it when he deletes one deletes nothing.
#[test]
fn a_cookie_of_another_domain_is_another_cookie() {
    let both = ["a=1; Path=/", "a=2; Path=/; Domain=example.com"];
    assert_eq!(sent(&both, "/").as_deref(), Some("a=1; a=2"));
    let kept = ["a=1; Path=/; Domain=.Example.com", "a=; Path=/; Max-Age=0"];
    assert_eq!(sent(&kept, "/").as_deref(), Some("a=1"));
    let gone = [
        "a=1; Path=/; Domain=.Example.com",
        "a=; Path=/; Domain=example.COM; Max-Age=0",
    ];
    assert_eq!(sent(&gone, "/"), None);
}

#[test]
fn a_domain_decides_whether() {
    for (domain, is_kept) in [
        ("shop.example.com", true),
        (".example.com", true),
        ("EXAMPLE.COM", true),
        ("", true),
        ("ample.com", false),
        ("other.com", false),
        ("a.shop.example.com", false),
    ] {
        let field = format!("a=1; Path=/; Domain={domain}");
        assert_eq!(sent(&[&field], "/").is_some(), is_kept, "{domain}");
    }
    assert!(!is_within("10.0.0.1", "0.0.1"));
}

#[test]
fn time_ends_a_cookie() {
    let over = [
        "a=1; Path=/; Max-Age=0",
        "a=1; Path=/; Max-Age=-1",
        "a=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    ];
    for field in over {
        assert_eq!(sent(&["a=0; Path=/", field], "/"), None, "{field}");
    }
    let lasting = [
        "a=1; Path=/; Max-Age=60",
        "a=1; Path=/; Max-Age=99999999999999999999",
        "a=1; Path=/; Max-Age=x",
        "a=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=5",
        "a=1; Path=/; Expires=never",
    ];
    for field in lasting {
        assert_eq!(sent(&[field], "/").as_deref(), Some("a=1"), "{field}");
    }
    let mut jar = Jar::default();
    let before = SystemTime::now() - Duration::from_secs(100);
    jar.keep(b"a=1; Path=/; Max-Age=60", SITE, before);
    assert!(!jar.is_empty());
    assert_eq!(jar.field(SITE), None);
    assert!(jar.is_empty());
}

#[test]
fn what_only_tls_may_see() {
    let plain = Site {
        is_tls: false,
        ..SITE
    };
    let mut jar = jar(&["a=1; Secure"]);
    assert_eq!(jar.field(SITE).as_deref(), Some("a=1"));
    assert_eq!(jar.field(plain), None);
    jar.clear();
    jar.keep(b"b=1; Secure", plain, SystemTime::now());
    assert!(jar.is_empty());
}

#[test]
fn hostile_ones_are_bounded() {
    let large = format!("a={}", "x".repeat(5000));
    for field in ["", "=1", "a", ";", "a=1\r\nb: c", "a=\u{7f}", &large] {
        assert!(jar(&[field]).is_empty(), "{field}");
    }
    let many: Vec<_> = (0..200).map(|number| format!("n{number}=1")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let field = jar(&many).field(SITE).expect("some");
    assert_eq!(field.split("; ").count(), MOST);
    assert!(field.contains("n199=1"));
}

#[test]
fn a_value_by_name() {
    assert_eq!(value_of(b"a=1; Path=/", "a"), Some("1"));
    assert_eq!(value_of(b"a=1; Path=/", "path"), None);
    assert_eq!(value_of(b"\xFF=1", "a"), None);
}

proptest! {
    #[test]
    fn no_bytes_panic_or_leave_the_field(bytes in proptest::collection::vec(any::<u8>(), 0..80), path in "/.{0,20}") {
        let mut jar = Jar::default();
        jar.keep(&bytes, at(&path), SystemTime::now());
        if let Some(field) = jar.field(at(&path)) {
            prop_assert!(!field.chars().any(|one| one.is_control() && one != '\t'));
        }
    }
}
