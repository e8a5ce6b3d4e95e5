//! What is served again of what a server answered, and what when it is stale.

use super::*;

#[test]
fn freshness_and_response_directives() {
    for (name, case, is_cached) in [
        ("freshness-none", answered(&[]), false),
        (
            "freshness-max-age",
            answered(&[("Cache-Control", "max-age=3600")]),
            true,
        ),
        ("freshness-max-age-stale", answered(SHORT), false),
        (
            "freshness-max-age-0",
            answered(&[("Cache-Control", "max-age=0")]),
            false,
        ),
        (
            "freshness-max-age-negative",
            answered(&[("Cache-Control", "max-age=-3600")]),
            false,
        ),
        (
            "freshness-max-age-s-maxage-shared-longer",
            answered(&[("Cache-Control", "max-age=3600, s-maxage=1")]),
            false,
        ),
        (
            "freshness-max-age-s-maxage-shared-shorter",
            answered(&[("Cache-Control", "max-age=1, s-maxage=3600")]),
            true,
        ),
        (
            "freshness-max-age-ignore-quoted",
            answered(&[("Cache-Control", "extension=\"max-age=3600\", max-age=1")]),
            false,
        ),
        (
            "freshness-expires-future",
            answered(&[("Expires", "@2592000"), ("Date", "@0")]),
            true,
        ),
        (
            "freshness-expires-present",
            answered(&[("Expires", "@0"), ("Date", "@0")]),
            false,
        ),
        (
            "cc-resp-private-shared",
            answered(&[("Cache-Control", "private, max-age=3600")]),
            false,
        ),
        (
            "cc-resp-no-store",
            answered(&[("Cache-Control", "no-store")]),
            false,
        ),
        (
            "cc-resp-no-cache",
            answered(&[
                ("Cache-Control", "max-age=10000, no-cache"),
                ("Expires", "@10000"),
            ]),
            false,
        ),
        (
            "cc-resp-must-revalidate-fresh",
            answered(&[
                ("Cache-Control", "max-age=10000, must-revalidate"),
                ("ETag", "\"abcd\""),
            ]),
            true,
        ),
        (
            "stale-while-revalidate",
            answered(&[
                ("Cache-Control", "max-age=1, stale-while-revalidate=3600"),
                ("ETag", "\"abc\""),
            ]),
            true,
        ),
        (
            "stale-while-revalidate-window",
            answered(&[("Cache-Control", "max-age=1, stale-while-revalidate=1")]),
            false,
        ),
        (
            "pragma-response-no-cache",
            answered(&[("Cache-Control", "max-age=3600"), ("Pragma", "no-cache")]),
            true,
        ),
        (
            "pragma-response-no-cache-heuristic",
            answered(&[
                ("Date", "@0"),
                ("Last-Modified", "@-10000"),
                ("Pragma", "no-cache"),
            ]),
            false,
        ),
        (
            "other-heuristic-content-disposition-attachment",
            answered(&[("Last-Modified", "@-100000"), ("Date", "@0")]),
            true,
        ),
        (
            "cdn-max-age",
            answered(&[("CDN-Cache-Control", "max-age=3600")]),
            true,
        ),
        (
            "cdn-private",
            answered(&[
                ("CDN-Cache-Control", "private"),
                ("Cache-Control", "max-age=10000"),
            ]),
            false,
        ),
        (
            "cdn-no-cache",
            answered(&[
                ("CDN-Cache-Control", "no-cache"),
                ("Cache-Control", "max-age=10000"),
            ]),
            false,
        ),
        (
            "cdn-fresh-cc-nostore",
            answered(&[
                ("Cache-Control", "no-store"),
                ("CDN-Cache-Control", "max-age=10000"),
            ]),
            true,
        ),
        (
            "cdn-cc-invalid-sh-type-wrong",
            answered(&[
                ("CDN-Cache-Control", "max-age=\"10000\""),
                ("Cache-Control", "no-store"),
            ]),
            false,
        ),
        ("other-cookie", then(FRESH, &[("Cookie", "a=b")]), true),
        // Not what the suite would like best: without `public`, nobody else gets a cookie.
        (
            "other-set-cookie",
            answered(&[("Cache-Control", "max-age=100000"), ("Set-Cookie", "a=b")]),
            false,
        ),
        // A method, a status and a cookie for which nothing is guessed.
        (
            "a cookie",
            Case {
                asked: &[("Cookie", "a=b")],
                ..answered(&[("Last-Modified", "@-100000"), ("Date", "@0")])
            },
            false,
        ),
        (
            "a cookie and an explicit lifetime",
            Case {
                asked: &[("Cookie", "a=b")],
                ..answered(FRESH)
            },
            true,
        ),
    ] {
        assert_eq!(case.is_cached(), is_cached, "{name}");
    }
}

#[test]
fn statuses() {
    for status in [
        200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599,
    ] {
        assert!(
            Case {
                status,
                ..answered(FRESH)
            }
            .is_cached(),
            "status-{status}-fresh"
        );
        assert!(
            !Case {
                status,
                ..answered(OLD)
            }
            .is_cached(),
            "status-{status}-stale"
        );
    }
    let modified: &Pairs = &[("Last-Modified", "@-86400"), ("Date", "@0")];
    for (status, is_cached) in [
        (200, true),
        (201, false),
        (202, false),
        (203, true),
        (204, true),
        (403, false),
        (404, true),
        (405, true),
        (410, true),
        (414, true),
        (501, true),
        (502, false),
        (503, false),
        (504, false),
        (599, false),
    ] {
        assert_eq!(
            Case {
                status,
                ..answered(modified)
            }
            .is_cached(),
            is_cached,
            "heuristic-{status}"
        );
    }
    let understand: &Pairs = &[("Cache-Control", "max-age=3600, no-store, must-understand")];
    assert!(
        Case {
            status: 200,
            ..answered(understand)
        }
        .is_cached(),
        "status-200-must-understand"
    );
    assert!(
        !Case {
            status: 599,
            ..answered(understand)
        }
        .is_cached(),
        "status-599-must-understand"
    );
}

#[test]
fn serving_stale() {
    let held = |control: &'static str| {
        let fields: &'static Pairs =
            Box::leak(Box::new([("Cache-Control", control), ("ETag", "\"a\"")]));
        hold(&[], 200, fields, &Policy::default()).unwrap()
    };
    let patient = [("Cache-Control", "stale-if-error=60")];
    for (control, without, with) in [
        ("max-age=2", None, Some(3)),
        ("max-age=2, stale-if-error=60", Some(3), Some(3)),
        ("max-age=2, stale-if-error=1", None, Some(3)),
        ("max-age=2, must-revalidate", None, None),
        ("max-age=2, proxy-revalidate", None, None),
        ("max-age=2, no-cache", None, None),
        ("max-age=2, s-maxage=2", None, None),
        ("s-maxage=2, stale-if-error=60", Some(3), Some(3)),
    ] {
        assert_eq!(held(control).asked_in_vain(&[]), without, "{control}");
        assert_eq!(
            held(control).asked_in_vain(&patient),
            with,
            "{control}, {patient:?}"
        );
    }
    let impatient = [("Cache-Control", "no-cache")];
    assert_eq!(
        held("max-age=2, stale-if-error=60").asked_in_vain(&impatient),
        None
    );
    assert!(
        crate::http::cache::decide::is_error(503) && !crate::http::cache::decide::is_error(404)
    );
}

#[test]
fn variants() {
    let stored: &Pairs = &[
        ("Cache-Control", "max-age=5000"),
        ("Last-Modified", "@-3000"),
        ("Date", "@0"),
        ("Vary", "Foo"),
    ];
    let case = |asked, then| Case {
        asked,
        status: 200,
        answered: stored,
        then,
    };
    assert!(
        case(&[("Foo", "1")], &[("Foo", "1")]).is_cached(),
        "vary-match"
    );
    assert!(
        !case(&[("Foo", "1")], &[("Foo", "2")]).is_cached(),
        "vary-no-match"
    );
    assert!(!case(&[], &[("Foo", "1")]).is_cached(), "vary-omit-stored");
    assert!(!case(&[("Foo", "1")], &[]).is_cached(), "vary-omit");
    assert!(
        !answered(&[("Cache-Control", "max-age=5000"), ("Vary", "*")]).is_cached(),
        "vary-star"
    );
}

#[test]
fn age_and_date() {
    let decision = |fields| answered(fields).decision();
    let days: &Pairs = &[("Expires", "@2592000"), ("Date", "@0"), ("Age", "30")];
    assert_eq!(decision(FRESH), Decision::Fresh { age: 3 }, "other-age-gen");
    assert_eq!(
        decision(days),
        Decision::Fresh { age: 33 },
        "other-age-update-expires"
    );
    let held = hold(&[], 200, days, &Policy::default()).unwrap();
    let date = dated(&[("Date", "@0")]).remove(0).1;
    assert_eq!(
        Lines(&held.fields).first("date"),
        Some(date.as_bytes()),
        "other-date-update"
    );
    assert!(!Lines(&held.fields).has("age"));
}
