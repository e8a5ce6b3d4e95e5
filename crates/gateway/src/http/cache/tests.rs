//! The public suite `http-cache-tests`, as far as its cases are decisions: each case is what a server answered, what is asked after a
//! pause of three seconds, and what then has to happen. Names are the suite's.

use tenfold_http1::Method;

use super::ask::{Ask, Request};
use super::date::Millis;
use super::fields::{Fields, Lines};
use super::freshness::Exchange;
use super::policy::Policy;
use super::status::Forward;
use super::store::{Refusal, Response};
use super::validate::{self, Candidate};
use super::vary::Vary;
use super::{Admission, Decision, Stored, admit, lookup, on_error};

/// 2026-11-21 00:00:00.
const NOW: Millis = 1_795_219_200_000;
const PAUSE: Millis = 3_000;

type Pairs = [(&'static str, &'static str)];

/// `@60` stands for the date in 60 seconds.
fn dated(fields: &Pairs) -> Vec<(String, String)> {
    let date = |offset: i64| {
        let seconds = u64::try_from(NOW / 1000 + offset).unwrap();
        let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        httpdate::fmt_http_date(time)
    };
    let value = |value: &str| match value.strip_prefix('@').and_then(|text| text.parse().ok()) {
        Some(offset) => date(offset),
        None => value.to_owned(),
    };
    fields
        .iter()
        .map(|(name, text)| ((*name).to_owned(), value(text)))
        .collect()
}

fn borrowed(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    let pairs = fields.iter();
    pairs
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

fn request<'a>(
    method: &str,
    fields: &'a [(&'a str, &'a str)],
) -> Request<'a, [(&'a str, &'a str)]> {
    Request {
        method: Method::of(method.as_bytes()),
        is_tls: false,
        authority: b"example.org",
        target: b"/",
        has_body: false,
        fields,
    }
}

/// What a cache holds after one exchange.
struct Held {
    stored: Stored,
    vary: Vary,
    fields: Vec<u8>,
    /// The second key that it is stored under.
    variant: Vec<u8>,
}

fn hold(asked: &Pairs, status: u16, answered: &Pairs, policy: &Policy) -> Result<Held, Refusal> {
    let (asked, answered) = (dated(asked), dated(answered));
    let (asked, answered) = (borrowed(&asked), borrowed(&answered));
    hold_of(
        &asked,
        &Response {
            status,
            fields: &answered[..],
        },
        policy,
    )
}

fn hold_of(
    asked: &[(&str, &str)],
    response: &Response<'_, impl Fields + ?Sized>,
    policy: &Policy,
) -> Result<Held, Refusal> {
    let request = request("GET", asked);
    let ask = Ask::of(&request, policy);
    let exchange = Exchange {
        requested: NOW,
        received: NOW,
    };
    match admit(&request, &ask, response, exchange, policy, 0) {
        Admission::Refuse(refusal) => Err(refusal),
        Admission::Store(mut admitted) => {
            let mut fields = Vec::new();
            admitted.write(&mut fields, response.fields);
            let variant = second_key(&admitted.vary, asked);
            Ok(Held {
                stored: admitted.stored,
                vary: admitted.vary,
                fields,
                variant,
            })
        }
    }
}

fn second_key(vary: &Vary, asked: &[(&str, &str)]) -> Vec<u8> {
    let mut key = Vec::new();
    if let Vary::Names(names) = vary {
        names.write(&mut key, asked).unwrap();
    }
    key
}

impl Held {
    fn etag(&self) -> Option<&[u8]> {
        self.stored.etag.of(&self.fields)
    }

    /// The decision on a request after the pause.
    fn asked(&self, fields: &Pairs) -> Decision {
        let fields = dated(fields);
        let fields = borrowed(&fields);
        let policy = Policy::default();
        let fits = second_key(&self.vary, &fields) == self.variant;
        let request = request("GET", &fields);
        lookup(
            fits.then_some(&self.stored),
            &Ask::of(&request, &policy),
            NOW + PAUSE,
        )
    }

    /// What happens if the server fails then.
    fn asked_in_vain(&self, fields: &[(&str, &str)]) -> Option<u32> {
        let request = request("GET", fields);
        on_error(
            &self.stored,
            &Ask::of(&request, &Policy::default()),
            NOW + PAUSE,
        )
    }

    fn is_not_modified(&self, fields: &Pairs) -> bool {
        let fields = dated(fields);
        let fields = borrowed(&fields);
        let request = request("GET", &fields);
        let ask = Ask::of(&request, &Policy::default());
        validate::is_not_modified(&ask, &self.stored, self.etag(), NOW + PAUSE)
    }
}

/// A request, an answer, and what is asked later.
#[derive(Clone, Copy)]
struct Case {
    asked: &'static Pairs,
    status: u16,
    answered: &'static Pairs,
    then: &'static Pairs,
}

const fn answered(answered: &'static Pairs) -> Case {
    Case {
        asked: &[],
        status: 200,
        answered,
        then: &[],
    }
}

const fn then(answered: &'static Pairs, then: &'static Pairs) -> Case {
    Case {
        asked: &[],
        status: 200,
        answered,
        then,
    }
}

impl Case {
    fn decision(&self) -> Decision {
        match hold(self.asked, self.status, self.answered, &Policy::default()) {
            Ok(held) => held.asked(self.then),
            Err(_) => Decision::Miss(Forward::UriMiss),
        }
    }

    fn is_cached(&self) -> bool {
        matches!(
            self.decision(),
            Decision::Fresh { .. } | Decision::StaleWhileRevalidate { .. }
        )
    }
}

const FRESH: &Pairs = &[("Cache-Control", "max-age=100000"), ("Date", "@0")];
const OLD: &Pairs = &[
    ("Expires", "@-5000"),
    ("Last-Modified", "@-100000"),
    ("Date", "@0"),
];
const SHORT: &Pairs = &[("Cache-Control", "max-age=2"), ("Date", "@0")];

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
fn request_directives() {
    use Decision::{Fresh, Revalidate};
    let stale = Revalidate(Forward::Stale);
    let request = Revalidate(Forward::Request);
    for (name, case, expected) in [
        (
            "ccreq-ma0",
            then(FRESH, &[("Cache-Control", "max-age=0")]),
            request,
        ),
        (
            "ccreq-ma1",
            then(FRESH, &[("Cache-Control", "max-age=1")]),
            request,
        ),
        (
            "ccreq-magreaterage",
            then(
                &[("Cache-Control", "max-age=100000"), ("Age", "1800")],
                &[("Cache-Control", "max-age=600")],
            ),
            request,
        ),
        (
            "ccreq-max-stale",
            then(SHORT, &[("Cache-Control", "max-stale=1000")]),
            Fresh { age: 3 },
        ),
        (
            "ccreq-max-stale-age",
            then(
                &[
                    ("Cache-Control", "max-age=1500"),
                    ("Age", "2000"),
                    ("ETag", "\"a\""),
                ],
                &[("Cache-Control", "max-stale=1000")],
            ),
            Fresh { age: 2003 },
        ),
        (
            "max-stale is not enough",
            then(
                &[("Cache-Control", "max-age=1"), ("ETag", "\"a\"")],
                &[("Cache-Control", "max-stale=1")],
            ),
            stale,
        ),
        (
            "max-stale against must-revalidate",
            then(
                &[("Cache-Control", "max-age=1, must-revalidate")],
                &[("Cache-Control", "max-stale")],
            ),
            stale,
        ),
        (
            "max-stale against s-maxage",
            then(
                &[("Cache-Control", "s-maxage=1")],
                &[("Cache-Control", "max-stale")],
            ),
            stale,
        ),
        (
            "ccreq-min-fresh",
            then(
                &[("Cache-Control", "max-age=1500")],
                &[("Cache-Control", "min-fresh=2000")],
            ),
            request,
        ),
        (
            "ccreq-min-fresh-age",
            then(
                &[("Cache-Control", "max-age=1500"), ("Age", "1000")],
                &[("Cache-Control", "min-fresh=1000")],
            ),
            request,
        ),
        (
            "ccreq-no-cache",
            then(
                &[("Cache-Control", "max-age=3600")],
                &[("Cache-Control", "no-cache")],
            ),
            request,
        ),
        (
            "pragma-request-no-cache",
            then(FRESH, &[("Pragma", "no-cache")]),
            request,
        ),
        (
            "pragma-request-extension",
            then(FRESH, &[("Pragma", "unrecognised-extension")]),
            Fresh { age: 3 },
        ),
        (
            "a client that wants it fresh",
            then(
                &[("Cache-Control", "max-age=1, stale-while-revalidate=60")],
                &[("Cache-Control", "max-age=60")],
            ),
            stale,
        ),
        (
            "only-if-cached, and it is",
            then(FRESH, &[("Cache-Control", "only-if-cached")]),
            Fresh { age: 3 },
        ),
        (
            "only-if-cached, and it is stale",
            then(SHORT, &[("Cache-Control", "only-if-cached")]),
            Decision::OnlyIfCached,
        ),
        (
            "if-match",
            then(FRESH, &[("If-Match", "\"a\"")]),
            Decision::Bypass(Forward::Bypass),
        ),
    ] {
        assert_eq!(case.decision(), expected, "{name}");
    }
    let fields = [("Cache-Control", "only-if-cached")];
    let asked = request_ask(&fields);
    assert_eq!(
        lookup(None, &asked, NOW),
        Decision::OnlyIfCached,
        "ccreq-oic"
    );
    assert_eq!(
        lookup(None, &request_ask(&[]), NOW),
        Decision::Miss(Forward::UriMiss)
    );
    let put = Ask::of(&self::request("PUT", &[]), &Policy::default());
    assert_eq!(lookup(None, &put, NOW), Decision::Bypass(Forward::Method));
}

fn request_ask<'a>(fields: &'a [(&'a str, &'a str)]) -> Ask<'a> {
    Ask::of(&request("GET", fields), &Policy::default())
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
    assert!(super::decide::is_error(503) && !super::decide::is_error(404));
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

#[test]
fn clients_that_have_it_already() {
    let is_304 = |answered, asked| {
        hold(&[], 200, answered, &Policy::default())
            .unwrap()
            .is_not_modified(asked)
    };
    let modified: &Pairs = &[
        ("Cache-Control", "max-age=100000"),
        ("Last-Modified", "@-3000"),
        ("Date", "@0"),
    ];
    for (name, since, expected) in [
        ("conditional-lm-fresh", "@-3000", true),
        ("conditional-lm-fresh-earlier", "@-2000", true),
        ("older", "@-3001", false),
        ("no date", "yesterday", false),
    ] {
        assert_eq!(
            is_304(
                modified,
                Box::leak(Box::new([("If-Modified-Since", since)]))
            ),
            expected,
            "{name}"
        );
    }
    // The suite's conditional-lm-fresh-no-lm wants 304 for a date before `Date`; RFC 9111 section 4.3.2 says the opposite.
    assert!(!is_304(FRESH, &[("If-Modified-Since", "@-3000")]));
    assert!(is_304(FRESH, &[("If-Modified-Since", "@0")]));
    for (etag, tags, expected) in [
        ("\"abcdef\"", "\"abcdef\"", true),
        ("\"abcdef\"", "\"abcdeg\"", false),
        ("\"abcdef\"", "*", true),
        ("\"abcdef\u{fc}\"", "\"abcdef\u{fc}\"", true),
        ("\"abcdef\"", "abcdef", false),
        ("abcdef", "abcdef", true),
        ("W/\"abcdef\"", "W/\"abcdef\"", true),
        ("W/\"abcdef\"", "\"abcdef\"", true),
        ("\"abcdef\"", "\"abcdef\", \"1234\", \"5678\"", true),
        ("\"abcdef\"", "\"1234\", \"abcdef\", \"5678\"", true),
        ("\"abcdef\"", "\"1234\", \"5678\", \"abcdef\"", true),
        ("\"a,b\"", "\"c\", \"a,b\"", true),
        ("\"b\"", "\"a,b\"", false),
    ] {
        let answered = Box::leak(Box::new([
            ("Cache-Control", "max-age=100000"),
            ("ETag", etag),
        ]));
        let asked = Box::leak(Box::new([("If-None-Match", tags)]));
        assert_eq!(is_304(answered, asked), expected, "{etag} {tags}");
    }
    let both: &Pairs = &[
        ("Cache-Control", "max-age=100000"),
        ("Last-Modified", "@-5000"),
        ("ETag", "\"abcdef\""),
    ];
    assert!(
        is_304(
            both,
            &[
                ("If-None-Match", "\"abcdef\""),
                ("If-Modified-Since", "@-10000")
            ]
        ),
        "conditional-etag-precedence"
    );
    assert!(!is_304(
        both,
        &[("If-None-Match", "\"other\""), ("If-Modified-Since", "@0")]
    ));
    let missing = hold(&[], 404, both, &Policy::default()).unwrap();
    assert!(!missing.is_not_modified(&[("If-None-Match", "\"abcdef\"")]));
    assert!(validate::goes_with_304(b"ETag") && !validate::goes_with_304(b"Content-Type"));
}

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
