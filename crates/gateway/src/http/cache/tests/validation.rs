//! What a 304 and a response to HEAD change.

use super::*;

/// What a stored response becomes when a 304 confirms it.
fn confirmed(held: &Held, fields: &Pairs) -> Option<Held> {
    let fields = dated(fields);
    let fields = borrowed(&fields);
    let lines = Lines(&held.fields);
    let candidate = Candidate {
        etag: held.etag(),
        last_modified: lines.first("last-modified"),
    };
    validate::select(&[candidate], &fields[..])?;
    let mut merged = Vec::new();
    validate::merge(
        &mut merged,
        Lines(&held.fields),
        &fields[..],
        &Policy::default(),
    );
    let response = Response {
        status: held.stored.status,
        fields: &Lines(&merged),
    };
    hold_of(&[], &response, &Policy::default()).ok()
}

#[test]
fn a_304_updates_what_is_stored() {
    let policy = Policy::default();
    for (name, old, new, is_updated) in [
        ("Test-Header", "A", "B", true),
        ("X-Content-Foo", "A", "B", true),
        ("Content-Foo", "A", "B", true),
        ("Cache-Control", "max-age=1", "max-age=3600", true),
        (
            "Content-Type",
            "text/plain",
            "text/plain;charset=utf-8",
            true,
        ),
        ("Expires", "@10", "@20", true),
        ("Content-Encoding", "a", "b", false),
        ("Content-MD5", "a", "b", false),
        ("Content-Range", "a", "b", false),
        ("Set-Cookie2", "a=b", "a=c", true),
    ] {
        let base = [
            ("Date", "@0"),
            ("ETag", "\"t\""),
            ("Cache-Control", "max-age=2"),
        ];
        let with = |value| -> &'static Pairs {
            let others = base.iter().filter(|(field, _)| *field != name).copied();
            Box::leak(others.chain([(name, value)]).collect())
        };
        let held = hold(&[], 200, with(old), &policy).unwrap();
        let after = confirmed(&held, with(new)).unwrap();
        let expected = dated(&[(name, if is_updated { new } else { old })])
            .remove(0)
            .1;
        let values: Vec<_> = Lines(&after.fields)
            .values(name)
            .map(<[u8]>::to_vec)
            .collect();
        assert_eq!(
            values,
            [expected.into_bytes()],
            "304-etag-update-response-{name}"
        );
        assert_eq!(after.etag(), Some(&b"\"t\""[..]));
    }
    let held = hold(
        &[],
        200,
        &[
            ("Cache-Control", "max-age=2"),
            ("Last-Modified", "@-9"),
            ("Test-Header", "a"),
        ],
        &policy,
    )
    .unwrap();
    let after = confirmed(
        &held,
        &[
            ("Last-Modified", "@-9"),
            ("Connection", "x"),
            ("X", "1"),
            ("Set-Cookie", "a=b"),
        ],
    )
    .unwrap();
    let lines = Lines(&after.fields);
    assert_eq!(
        lines.first("test-header"),
        Some(&b"a"[..]),
        "304-lm-use-stored-Test-Header"
    );
    assert!(!lines.has("x") && !lines.has("connection") && !lines.has("set-cookie"));
    assert!(confirmed(&held, &[("Cache-Control", "no-store")]).is_none());
    assert!(confirmed(&held, &[("Last-Modified", "@-8")]).is_none());
    assert!(confirmed(&held, &[("ETag", "\"b\"")]).is_none());
}

#[test]
fn a_304_speaks_of_one_of_several() {
    let candidate = |etag: &'static str| Candidate {
        etag: Some(etag.as_bytes()),
        last_modified: None,
    };
    let all = ["\"a\"", "W/\"b\"", "\"b\""].map(candidate);
    let select = |fields: &Pairs| validate::select(&all, fields);
    assert_eq!(select(&[("ETag", "\"a\"")]), Some(0));
    assert_eq!(select(&[("ETag", "\"b\"")]), Some(1));
    assert_eq!(select(&[("ETag", "\"c\"")]), None);
    assert_eq!(select(&[]), None);
    let mut out = Vec::new();
    validate::write_conditions(
        &mut out,
        all.iter().filter_map(|one| one.etag),
        Some(b"then"),
    );
    assert_eq!(
        out,
        b"If-None-Match: \"a\", W/\"b\", \"b\"\r\nIf-Modified-Since: then\r\n"
    );
    out.clear();
    validate::write_conditions(&mut out, std::iter::empty(), None);
    assert!(out.is_empty());
    for (tag, is_usable) in [
        ("\"a\"", true),
        ("W/\"a\"", true),
        ("\"\"", true),
        ("a", true),
        ("\"a,b\"", true),
        ("a,b", false),
        ("W\\\"a\"", false),
        ("", false),
        ("*", false),
        ("\"a\", \"b\"", false),
        ("\"a b\"", false),
    ] {
        assert_eq!(validate::is_usable(tag.as_bytes()), is_usable, "{tag}");
    }
    assert!(validate::is_replaced(b"Range") && !validate::is_replaced(b"Host"));
}

#[test]
fn a_head_says_whether_what_is_stored_is_still_so() {
    use validate::HeadEffect::{Expire, Nothing, Update};
    let held = hold(
        &[],
        200,
        &[("Cache-Control", "max-age=2"), ("ETag", "\"a\"")],
        &Policy::default(),
    )
    .unwrap();
    let effect = |status, fields: &Pairs| {
        validate::head_effect(&held.stored, Lines(&held.fields), 5, status, fields)
    };
    assert_eq!(effect(200, &[]), Update);
    assert_eq!(
        effect(200, &[("ETag", "\"a\""), ("Content-Length", "5")]),
        Update
    );
    assert_eq!(effect(200, &[("ETag", "\"b\"")]), Expire);
    assert_eq!(effect(200, &[("Content-Length", "6")]), Expire);
    assert_eq!(effect(410, &[]), Nothing);
}
