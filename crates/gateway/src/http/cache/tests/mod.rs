//! The public suite `http-cache-tests`, as far as its cases are decisions: each case is what a server answered, what is asked after a
//! pause of three seconds, and what then has to happen. Names are the suite's.

mod requests;
mod responses;
mod validation;

use tenfold_http1::Method;

use super::ask::{Ask, Request};
use super::date::Millis;
use super::decide::on_error;
use super::fields::{Fields, Lines};
use super::freshness::Exchange;
use super::policy::Policy;
use super::status::Forward;
use super::store::{Refusal, Response};
use super::stored::Stored;
use super::validate::{self, Candidate};
use super::vary::Vary;
use super::{Admission, Decision, admit, lookup};

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
        is_special: false,
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
