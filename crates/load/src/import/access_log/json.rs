//! Logs with a JSON object per line: ours, and by their usual names those of nginx, Caddy, Traefik and Envoy.

use std::borrow::Cow;

use serde_json::Value;

use super::record::{Fault, Record, method, target};
use crate::import::date;

/// When a request came.
const BEGAN: [&str; 3] = ["start_time", "StartUTC", "started"];
/// When it was answered.
const ENDED: [&str; 8] = [
    "time",
    "msec",
    "ts",
    "time_iso8601",
    "@timestamp",
    "timestamp",
    "time_local",
    "date",
];
const CLIENT: [&str; 11] = [
    "client",
    "remote_addr",
    "client_ip",
    "clientip",
    "remote_ip",
    "ClientHost",
    "request.client_ip",
    "request.remote_ip",
    "downstream_remote_address",
    "ip",
    "remote",
];
const METHOD: [&str; 5] = [
    "method",
    "request_method",
    "request.method",
    "RequestMethod",
    "verb",
];
const TARGET: [&str; 8] = [
    "target",
    "request_uri",
    "request.uri",
    "RequestPath",
    "uri",
    "url",
    "path",
    "request_path",
];
const HOST: [&str; 6] = [
    "host",
    "http_host",
    "request.host",
    "RequestHost",
    "authority",
    "server_name",
];
const STATUS: [&str; 5] = [
    "status",
    "response_code",
    "DownstreamStatus",
    "status_code",
    "response",
];
/// How long it took, and how many nanoseconds their unit has.
const TOOK: [(&str, f64); 6] = [
    ("duration_us", 1e3),
    ("duration_ms", 1e6),
    ("request_time", 1e9),
    ("Duration", 1.0),
    ("response_time_ms", 1e6),
    ("took_ms", 1e6),
];
const SECOND: i64 = 1_000_000_000;
/// Our log cuts longer targets off (`crates/gateway/src/http/access_log.rs`).
const CUT: usize = 2048;

/// Reads a line.
pub(super) fn read(line: &str) -> Result<Record<'static>, Fault> {
    let value: Value = serde_json::from_str(line).map_err(|_| Fault::Format("no valid JSON"))?;
    let (at, is_fine) = time(&value)?;
    let client = text(&value, &CLIENT).unwrap_or_default();
    let (verb, path) = request(&value)?;
    if path.len() >= CUT && value.get("duration_us").is_some() {
        return Err(Fault::NoRequest);
    }
    Ok(Record {
        at,
        is_fine,
        client: Cow::Owned(client),
        method: method(Cow::Owned(verb))?,
        host: text(&value, &HOST).map(Cow::Owned),
        target: target(&path)?,
        status: number(&value, &STATUS).map_or(0, |status| status as u16),
    })
}

/// Method and target: each by itself, or together as `GET / HTTP/1.1`.
fn request(value: &Value) -> Result<(String, Vec<u8>), Fault> {
    if let (Some(method), Some(path)) = (text(value, &METHOD), text(value, &TARGET)) {
        let is_ours = value.get("target").is_some();
        return Ok((method, if is_ours { bytes(&path) } else { path.into() }));
    }
    match value.get("request").and_then(Value::as_str) {
        Some(line) => {
            let mut words = line.split(' ');
            match (words.next(), words.next(), words.next(), words.next()) {
                (Some(method), Some(path), Some(_), None) => Ok((method.to_owned(), path.into())),
                _ => Err(Fault::NoRequest),
            }
        }
        // Our log has lines about connections on which no request could be read.
        None if value.get("status").is_some() => Err(Fault::NoRequest),
        None => Err(Fault::Format("no method and path")),
    }
}

/// When it came, and whether that is finer than a second.
fn time(value: &Value) -> Result<(i64, bool), Fault> {
    if let Some(at) = BEGAN.iter().find_map(|name| instant(value.get(name)?)) {
        return Ok(at);
    }
    let ended = ENDED.iter().find_map(|name| instant(value.get(name)?));
    let (at, is_fine) = ended.ok_or(Fault::Format("no time"))?;
    // A clock of whole seconds cannot be made finer by a subtraction.
    let took = took(value);
    let took = if is_fine { took } else { took - took % SECOND };
    Ok((at - took, is_fine))
}

fn instant(value: &Value) -> Option<(i64, bool)> {
    match value {
        Value::Number(number) => {
            let at = date::epoch(number.as_f64()?)?;
            Some((at, number.is_f64() || at % SECOND != 0))
        }
        Value::String(text) => {
            let at = date::rfc3339(text.as_bytes())
                .or_else(|| date::common(text.as_bytes()))
                .or_else(|| date::epoch(text.parse().ok()?))?;
            Some((at, text.contains(['.', ','])))
        }
        _ => None,
    }
}

/// How long it took, in nanoseconds; 0 if that is not said. An hour is the most that is believed.
fn took(value: &Value) -> i64 {
    let known = TOOK
        .iter()
        .find_map(|(name, unit)| Some(number(value, &[name])? * unit));
    let nanos = known.or_else(|| {
        // Caddy has seconds with a fraction, others whole milliseconds.
        let duration = value.get("duration")?;
        let unit = if duration.is_f64() { 1e9 } else { 1e6 };
        Some(duration.as_f64()? * unit)
    });
    nanos.map_or(0, |nanos| nanos.clamp(0.0, 3.6e12) as i64)
}

/// The first that is there, of names that may have a dot where an object is in another.
fn find<'v>(value: &'v Value, names: &[&str]) -> Option<&'v Value> {
    let present = names.iter().find_map(|name| match name.split_once('.') {
        Some((outer, inner)) => value.get(outer)?.get(inner),
        None => value.get(name),
    });
    present.filter(|value| !value.is_null())
}

fn text(value: &Value, names: &[&str]) -> Option<String> {
    find(value, names)?.as_str().map(str::to_owned)
}

fn number(value: &Value, names: &[&str]) -> Option<f64> {
    match find(value, names)? {
        Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    }
}

/// Our log writes each byte as a character of its own.
fn bytes(text: &str) -> Vec<u8> {
    let is_single = text.chars().all(|char| u32::from(char) < 256);
    match is_single {
        true => text.chars().map(|char| u32::from(char) as u8).collect(),
        false => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_log_counts_from_when_a_request_came() {
        let line = concat!(
            r#"{"time":1700000000.042,"client":"127.0.0.1","method":"GET","host":"shop.test","#,
            r#""target":"/\u00c3\u00a4","status":200,"request_bytes":0,"response_bytes":10,"#,
            r#""duration_us":2000,"route":"shop","request_id":"1"}"#
        );
        let record = read(line).expect("a record");
        assert_eq!(
            (record.at / 1_000_000, record.is_fine),
            (1_700_000_000_040, true)
        );
        assert_eq!((&*record.target, record.status), ("/%C3%A4", 200));
        assert_eq!(record.host.as_deref(), Some("shop.test"));
    }

    #[test]
    fn logs_of_others() {
        let nginx = r#"{"msec":"1700000000.000","remote_addr":"::1",
            "request":"GET /a?b=1 HTTP/1.1","status":"200","request_time":"0.500"}"#;
        let caddy = r#"{"ts":1700000000.5,"request":{"remote_ip":"::1","method":"GET",
            "host":"shop.test","uri":"/a?b=1"},"duration":1.0,"status":200}"#;
        let traefik = r#"{"StartUTC":"2023-11-14T22:13:19.5Z","ClientHost":"::1","Duration":1500,
            "RequestMethod":"GET","RequestPath":"/a?b=1","DownstreamStatus":200}"#;
        for line in [nginx, caddy, traefik] {
            let record = read(line).expect("a record");
            assert_eq!(record.at, 1_699_999_999_500_000_000, "{line}");
            assert_eq!((&*record.client, &*record.target), ("::1", "/a?b=1"));
            assert_eq!((&*record.method, record.status), ("GET", 200));
        }
    }

    #[test]
    fn a_clock_of_whole_seconds_stays_one() {
        let line = r#"{"time_iso8601":"2023-11-14T22:13:20+00:00","remote_addr":"::1",
            "request":"GET / HTTP/1.1","status":"200","request_time":"2.500"}"#;
        let record = read(line).expect("a record");
        assert_eq!((record.at, record.is_fine), (1_699_999_998 * SECOND, false));
    }

    #[test]
    fn a_connection_without_a_request_is_no_mistake_of_the_file() {
        let line = r#"{"time":1700000000.042,"client":"127.0.0.1","status":400,"duration_us":1}"#;
        assert_eq!(read(line), Err(Fault::NoRequest));
    }

    #[test]
    fn what_has_other_types_is_no_record() {
        for line in [
            r#"{"time":"yesterday","method":"GET","target":"/"}"#,
            r#"{"time":-1,"method":"GET","target":"/"}"#,
            r#"{"time":1e300,"method":"GET","target":"/"}"#,
            r#"{"time":1,"method":[],"target":{}}"#,
            r#"{"time":1,"method":"GET","target":"/""#,
        ] {
            assert!(matches!(read(line), Err(Fault::Format(_))), "{line}");
        }
    }
}
