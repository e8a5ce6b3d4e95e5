//! `/api/v1/cache`: how the caches do, what they hold, and purging.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, json};
use tenfold_gateway::{Purge, PurgeError, Purged};

use super::Admin;
use super::api::{ask, whole};
use super::control::PurgeWish;
use super::problem::Problem;

/// The routes below `/api/v1/cache`.
pub(super) fn router() -> Router<Arc<Admin>> {
    Router::new()
        .route("/api/v1/cache", get(caches))
        .route("/api/v1/cache/entry", get(entry))
        .route("/api/v1/cache/purge", post(purge))
}

async fn caches(State(admin): State<Arc<Admin>>) -> Response {
    ask(&admin, |gateway| Ok(json!({ "caches": gateway.caches() }))).await
}

async fn entry(State(admin): State<Arc<Admin>>, RawQuery(query): RawQuery) -> Response {
    ask(&admin, move |gateway| {
        let wanted = parse_query(query.as_deref().unwrap_or_default())?;
        let cached = gateway.cached(wanted.cache.as_deref(), &wanted.url);
        let cached = cached.map_err(|error| refused(wanted.cache.as_deref(), error))?;
        Ok(json!({ "url": wanted.url, "entries": cached }))
    })
    .await
}

async fn purge(State(admin): State<Arc<Admin>>, body: Result<Bytes, BytesRejection>) -> Response {
    let body = match whole(body) {
        Ok(body) => body,
        Err(problem) => return problem.into_response(),
    };
    ask(&admin, move |gateway| {
        let wish = parse(&body)?;
        let purged = gateway.purge(&wish);
        let purged = purged.map_err(|error| refused(wish.cache.as_deref(), error))?;
        tracing::info!("purged: {}", describe(&wish));
        Ok(told(&purged))
    })
    .await
}

/// A purge as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    url: Option<String>,
    prefix: Option<String>,
    tag: Option<String>,
    all: bool,
    soft: Option<bool>,
    hard: Option<bool>,
    cache: Option<String>,
}

/// What would be right.
const EXAMPLE: &str = r#"for example {"url": "https://shop.example.com/tea"}, {"prefix": "https://shop.example.com/img/"}, {"tag": "product-7", "soft": true} or {"all": true, "cache": "pages"}"#;

/// Reads a purge.
fn parse(body: &[u8]) -> Result<PurgeWish, Problem> {
    let no_purge = |why: &str| {
        let error = format!("the body is not a purge: {why}");
        Problem::new(StatusCode::BAD_REQUEST, error, EXAMPLE)
    };
    // A list would be taken for the values of the fields in their order.
    if body
        .trim_ascii_start()
        .first()
        .is_some_and(|byte| *byte != b'{')
    {
        return Err(no_purge("it is no object"));
    }
    let written: Written =
        serde_json::from_slice(body).map_err(|error| no_purge(&error.to_string()))?;
    let wrong = |error: &str| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error, EXAMPLE);
    let Written {
        url,
        prefix,
        tag,
        all,
        soft,
        hard,
        cache,
    } = written;
    let targets = [
        url.map(Purge::Url),
        prefix.map(Purge::Prefix),
        tag.map(Purge::Tag),
        all.then_some(Purge::All),
    ];
    let mut targets = targets.into_iter().flatten();
    let what = targets
        .next()
        .ok_or_else(|| wrong("what is to be purged is not said"))?;
    if targets.next().is_some() {
        return Err(wrong("a purge has exactly one of url, prefix, tag and all"));
    }
    let is_soft = match (soft, hard) {
        (Some(soft), Some(hard)) if soft == hard => {
            return Err(wrong("a purge is either soft or hard"));
        }
        (Some(soft), _) => soft,
        (None, hard) => hard == Some(false),
    };
    Ok(PurgeWish {
        what,
        is_soft,
        cache,
    })
}

/// One line for the log.
fn describe(wish: &PurgeWish) -> String {
    let what = match &wish.what {
        Purge::Url(url) => format!("{url:?}"),
        Purge::Prefix(prefix) => format!("all that begins with {prefix:?}"),
        Purge::Tag(tag) => format!("the tag {tag:?}"),
        Purge::All => "everything".to_owned(),
    };
    let how = if wish.is_soft { "softly" } else { "hard" };
    match &wish.cache {
        Some(cache) => format!("{what}, {how}, in {cache:?}"),
        None => format!("{what}, {how}"),
    }
}

/// What is said of a purge that was done.
fn told(all: &[(String, Purged)]) -> Value {
    let mut levels = Vec::new();
    // Of several caches that are shared, what all of them can say.
    let (mut confirmed, mut of) = (None, 0);
    for (cache, purged) in all {
        for level in &purged.levels {
            let mut line =
                json!({ "cache": cache, "name": level.name, "ok": level.error.is_none() });
            if let Some(error) = &level.error {
                line["error"] = error.as_str().into();
            }
            levels.push(line);
        }
        if purged.gateways > 0 {
            let least = confirmed.unwrap_or(purged.confirmed).min(purged.confirmed);
            confirmed = Some(least);
            of = of.max(purged.gateways);
        }
    }
    let purged = levels.iter().all(|level| level["ok"] == true);
    json!({
        "purged": purged,
        "levels": levels,
        "gateways": { "confirmed": confirmed.unwrap_or(0), "of": of },
    })
}

/// What is said when nothing was purged or looked up.
fn refused(cache: Option<&str>, error: PurgeError) -> Problem {
    match error {
        PurgeError::Wrong(why) => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why, EXAMPLE),
        PurgeError::NoCache(known) if known.is_empty() => Problem::new(
            StatusCode::NOT_FOUND,
            "there is no cache",
            "start with --cache, or give the configuration a [cache.NAME] and a route with cache = \"NAME\"",
        ),
        PurgeError::NoCache(known) => Problem::new(
            StatusCode::NOT_FOUND,
            format!("there is no cache {:?}", cache.unwrap_or_default()),
            format!("there are: {}", known.join(", ")),
        ),
    }
}

/// What is looked up.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    url: String,
    cache: Option<String>,
}

fn parse_query(query: &str) -> Result<Wanted, Problem> {
    let wrong = |error: String| {
        let help = "GET /api/v1/cache/entry?url=http%3A%2F%2Fshop.example.com%2Ftea%3Fpage%3D2, and &cache=NAME if you like; write & as %26";
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error, help)
    };
    let (mut url, mut cache) = (None, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(value).decode_utf8();
        let value = value.map_err(|_| wrong(format!("the value of {name:?} is not UTF-8")))?;
        let place = match name {
            "url" => &mut url,
            "cache" => &mut cache,
            _ => {
                return Err(wrong(format!(
                    "there is no parameter {name:?}: known are url and cache"
                )));
            }
        };
        if place.replace(value.into_owned()).is_some() {
            return Err(wrong(format!("{name:?} is given twice")));
        }
    }
    let url = url.ok_or_else(|| wrong("the parameter \"url\" is missing".to_owned()))?;
    Ok(Wanted { url, cache })
}

#[cfg(test)]
mod tests {
    use tenfold_gateway::{CacheStatus, PurgedLevel};

    use super::*;

    #[test]
    fn purges() {
        let wish = |what, is_soft| PurgeWish {
            what,
            is_soft,
            cache: None,
        };
        for (body, expected) in [
            (
                r#"{"url": "http://a/"}"#,
                wish(Purge::Url("http://a/".into()), false),
            ),
            (
                r#"{"prefix": "http://a/", "hard": true}"#,
                wish(Purge::Prefix("http://a/".into()), false),
            ),
            (
                r#"{"tag": "a b", "soft": true, "all": false}"#,
                wish(Purge::Tag("a b".into()), true),
            ),
            (r#"{"all": true, "hard": false}"#, wish(Purge::All, true)),
            (
                r#"{"all": true, "soft": false, "hard": true}"#,
                wish(Purge::All, false),
            ),
        ] {
            assert_eq!(parse(body.as_bytes()).expect(body), expected, "{body}");
        }
        for (body, status, said) in [
            ("", 400, "not a purge"),
            (r#"["http://a/"]"#, 400, "no object"),
            (
                r#"{"urls": ["http://a/"]}"#,
                400,
                "unknown field `urls`, expected one of `url`, `prefix`, `tag`, `all`, `soft`, `hard`, `cache`",
            ),
            (r#"{"url": 7}"#, 400, "expected a string"),
            ("{}", 422, "not said"),
            (r#"{"all": false}"#, 422, "not said"),
            (r#"{"url": "http://a/", "tag": "b"}"#, 422, "exactly one"),
            (
                r#"{"all": true, "soft": true, "hard": true}"#,
                422,
                "either",
            ),
        ] {
            let problem = parse(body.as_bytes()).expect_err(body);
            assert_eq!(problem.status.as_u16(), status, "{body}");
            assert!(problem.error.contains(said), "{body}: {}", problem.error);
        }
    }

    #[test]
    fn an_answer_names_each_level_and_how_many_gateways_confirmed() {
        let level = |name: &str, error: Option<&str>| PurgedLevel {
            name: name.into(),
            error: error.map(str::to_owned),
        };
        let purged = Purged {
            levels: vec![
                level("memory", None),
                level("redis", Some("it did not answer in time")),
            ],
            confirmed: 2,
            gateways: 3,
        };
        let fine = Purged {
            levels: vec![level("memory", None)],
            ..Purged::default()
        };
        let both = told(&[("pages".into(), purged), ("own".into(), fine.clone())]);
        assert_eq!(both["purged"], false);
        assert_eq!(both["levels"][1]["error"], "it did not answer in time");
        assert_eq!(
            both["levels"][2],
            json!({ "cache": "own", "name": "memory", "ok": true })
        );
        assert_eq!(both["gateways"], json!({ "confirmed": 2, "of": 3 }));
        let one = told(&[("own".into(), fine)]);
        assert_eq!(one["gateways"], json!({ "confirmed": 0, "of": 0 }));
        assert_eq!(one["purged"], true);
    }

    #[test]
    fn queries() {
        let wanted = parse_query("url=http%3A%2F%2Fa%2Fb%3Fc=d%26e%2B+f&cache=own").expect("sound");
        assert_eq!(wanted.url, "http://a/b?c=d&e++f");
        assert_eq!(wanted.cache.as_deref(), Some("own"));
        for (query, said) in [
            ("", "missing"),
            ("cache=a", "missing"),
            ("url=http://a/?b=1&c=2", "no parameter \"c\""),
            ("url=a&url=b", "twice"),
            ("url=%ff", "not UTF-8"),
        ] {
            let problem = parse_query(query).expect_err(query);
            assert!(problem.error.contains(said), "{query}: {}", problem.error);
        }
    }

    #[test]
    fn a_status_is_read_as_it_is_written() {
        let status = CacheStatus {
            name: "pages".into(),
            capacity: 7,
            ..CacheStatus::default()
        };
        let json = serde_json::to_value(&status).expect("plain data");
        assert_eq!(json["requests"]["hit"], 0);
        assert_eq!(
            serde_json::from_value::<CacheStatus>(json).expect("the same"),
            status
        );
    }
}
