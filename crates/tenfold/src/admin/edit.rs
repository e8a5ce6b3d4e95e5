//! The body of `POST /api/v1/upstreams/NAME/endpoints`: from what somebody wrote to what it means.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use axum::http::StatusCode;
use serde::Deserialize;
use tenfold_gateway::config::upstream::{Address, Server};

use super::control::{EditError, EndpointEdit};
use super::problem::Problem;

/// An edit as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    add: Vec<WrittenServer>,
    remove: Vec<String>,
    drain: Vec<String>,
    undrain: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenServer {
    address: String,
    #[serde(default = "one")]
    weight: u32,
    #[serde(default)]
    zone: String,
}

fn one() -> u32 {
    1
}

/// The largest weight, as in the configuration.
const LARGEST_WEIGHT: u32 = 1_000_000;
/// The longest name of a zone: it is a label of metrics.
const LONGEST_ZONE: usize = 64;

/// What would be right.
const EXAMPLE: &str = r#"for example {"add": [{"address": "10.0.0.9:3000", "weight": 1, "zone": "a"}], "remove": ["10.0.0.5:3000"], "drain": [], "undrain": []}"#;

/// Reads an edit.
pub(super) fn parse(body: &[u8]) -> Result<EndpointEdit, Problem> {
    let written: Written = serde_json::from_slice(body).map_err(|error| {
        let error = format!("the body is not an edit of endpoints: {error}");
        Problem::new(StatusCode::BAD_REQUEST, error, EXAMPLE)
    })?;
    let wrong = |error: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error, EXAMPLE);
    let edit = EndpointEdit {
        add: written
            .add
            .into_iter()
            .map(server)
            .collect::<Result<_, _>>()
            .map_err(wrong)?,
        remove: written.remove,
        drain: written.drain,
        undrain: written.undrain,
    };
    let mut named = HashSet::new();
    let added = edit.add.iter().map(|server| &server.name);
    let others = [&edit.remove, &edit.drain, &edit.undrain];
    for name in added.chain(others.into_iter().flatten()) {
        if !named.insert(name) {
            return Err(wrong(format!("{name:?} is named twice")));
        }
    }
    if named.is_empty() {
        return Err(wrong("the edit changes nothing".into()));
    }
    Ok(edit)
}

fn server(written: WrittenServer) -> Result<Server, String> {
    let WrittenServer {
        address: name,
        weight,
        zone,
    } = written;
    if weight > LARGEST_WEIGHT {
        return Err(format!(
            "the weight of {name:?} is {weight}: give 0 to {LARGEST_WEIGHT}"
        ));
    }
    if zone.len() > LONGEST_ZONE || zone.contains(char::is_control) {
        return Err(format!(
            "the zone of {name:?} has more than {LONGEST_ZONE} bytes, or control characters"
        ));
    }
    let address = address(&name).map_err(|why| format!("the address {name:?}: {why}"))?;
    Ok(Server {
        name,
        address,
        weight,
        zone,
    })
}

/// `IP:PORT`, `HOST:PORT` or `unix:/PATH`. Nothing is resolved here: names are when they are needed, and again later.
fn address(text: &str) -> Result<Address, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        // The kernel takes 107 bytes and a zero.
        let is_path = path.starts_with('/') && path.len() <= 107 && !path.contains('\0');
        return if is_path {
            Ok(Address::Unix(PathBuf::from(path)))
        } else {
            Err("give the whole path of a socket, of at most 107 bytes: unix:/run/app.sock".into())
        };
    }
    let hint = "give IP:PORT, HOST:PORT or unix:/PATH";
    if let Ok(address) = text.parse::<SocketAddr>() {
        return match address.port() {
            0 => Err("there is no port 0".into()),
            _ => Ok(Address::Tcp(vec![address])),
        };
    }
    let (host, port) = text.rsplit_once(':').ok_or(hint)?;
    let port = port.parse::<u16>().ok().filter(|port| *port > 0);
    let port = port.ok_or("the port must be a number from 1 to 65535")?;
    if !is_host_name(host) {
        return Err(hint.into());
    }
    Ok(Address::Name {
        host: host.to_ascii_lowercase(),
        port,
    })
}

/// Letters, digits, hyphens and (as in practice) underscores between dots; not a number at the end, or a mistyped IP
/// address would be asked of the DNS (RFC 1123, section 2.1).
fn is_host_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&label.len())
            && label.bytes().all(is_allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 253
        && name.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

/// What is said of an edit that was refused.
pub(super) fn refused(upstream: &str, error: EditError) -> Problem {
    match error {
        EditError::NoUpstream(known) => no_upstream(upstream, &known),
        EditError::NoEndpoint(name) => Problem::new(
            StatusCode::CONFLICT,
            format!("{upstream} has no endpoint {name:?}; nothing was changed"),
            format!("see GET /api/v1/upstreams/{upstream}/endpoints"),
        ),
        EditError::AlreadyThere(name) => Problem::new(
            StatusCode::CONFLICT,
            format!("{upstream} has the endpoint {name:?} already; nothing was changed"),
            "remove it first, in an edit of its own, to give it another weight or zone",
        ),
        EditError::Refused(why) => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why, ""),
    }
}

/// What is said of an upstream that there is not.
pub(super) fn no_upstream(name: &str, known: &[String]) -> Problem {
    let known = match known {
        [] => "there is none".to_owned(),
        names => format!("there are: {}", names.join(", ")),
    };
    Problem::new(
        StatusCode::NOT_FOUND,
        format!("there is no upstream {name:?}"),
        known,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_is_read() {
        let body = br#"{"add": [{"address": "10.0.0.9:3000"}, {"address": "App.internal:80", "weight": 3, "zone": "b"}],
            "remove": ["10.0.0.5:3000"], "drain": ["x"], "undrain": ["y"]}"#;
        let edit = parse(body).expect("valid");
        let one = &edit.add[0];
        let there = Address::Tcp(vec!["10.0.0.9:3000".parse().expect("valid")]);
        assert_eq!(
            (&*one.name, one.weight, &*one.zone),
            ("10.0.0.9:3000", 1, "")
        );
        assert_eq!(one.address, there);
        let named = Address::Name {
            host: "app.internal".into(),
            port: 80,
        };
        assert_eq!((&edit.add[1].address, edit.add[1].weight), (&named, 3));
        assert_eq!((&*edit.remove[0], &*edit.drain[0]), ("10.0.0.5:3000", "x"));
        assert_eq!(edit.undrain, ["y"]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let add = |server: &str| format!(r#"{{"add": [{server}]}}"#);
        let address = |text: &str| add(&format!(r#"{{"address": "{text}"}}"#));
        let long = "a".repeat(108);
        for (body, status, said) in [
            (String::new(), 400, "EOF"),
            ("[1]".into(), 400, "invalid"),
            ("{".into(), 400, "EOF"),
            ("[".repeat(100_000), 400, "invalid"),
            (
                r#"{"ad": []}"#.into(),
                400,
                "`add`, `remove`, `drain`, `undrain`",
            ),
            (add(r#"{"weight": 1}"#), 400, "missing field `address`"),
            (
                add(r#"{"address": "a:1", "color": 1}"#),
                400,
                "unknown field `color`",
            ),
            (
                add(r#"{"address": "a:1", "weight": -1}"#),
                400,
                "invalid value",
            ),
            (
                add(r#"{"address": "a:1", "weight": 1000001}"#),
                422,
                "1000000",
            ),
            (add(r#"{"address": "a:1", "zone": "a\nb"}"#), 422, "control"),
            ("{}".into(), 422, "changes nothing"),
            (r#"{"drain": ["a"], "remove": ["a"]}"#.into(), 422, "twice"),
            (address("10.0.0.1"), 422, "IP:PORT"),
            (address("10.0.0.300:80"), 422, "IP:PORT"),
            (address("10.0.0.1:0"), 422, "no port 0"),
            (address("app:70000"), 422, "65535"),
            (address("a b:80"), 422, "IP:PORT"),
            (address(":80"), 422, "IP:PORT"),
            (address("http://a:80"), 422, "IP:PORT"),
            (address("[::1:80"), 422, "IP:PORT"),
            (address("unix:app.sock"), 422, "whole path"),
            (address(&format!("unix:/{long}")), 422, "107"),
        ] {
            let problem = parse(body.as_bytes()).expect_err(&body);
            assert_eq!(problem.status.as_u16(), status, "{body} {problem:?}");
            assert!(problem.error.contains(said), "{body} {problem:?}");
            assert!(!problem.help.is_empty());
        }
    }

    #[test]
    fn host_names() {
        for good in ["a", "app.internal", "a-1.b_2.example.", "1.example"] {
            assert!(is_host_name(good), "{good}");
        }
        let long = format!("{}.x", "a".repeat(64));
        for bad in ["", ".", "a..b", "-a", "a-", "1.2", "ä", "a/b", "a@b", &long] {
            assert!(!is_host_name(bad), "{bad}");
        }
    }
}
