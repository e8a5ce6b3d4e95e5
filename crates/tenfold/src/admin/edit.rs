//! The body of `POST /api/v1/upstreams/NAME/endpoints`: from what somebody wrote to what it means.

use std::collections::HashSet;

use axum::http::StatusCode;
use serde::Deserialize;
use tenfold_gateway::config::upstream::{Address, Server};

use super::control::{EditError, EndpointEdit};
use super::problem::Problem;
use crate::config::{host, word};

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
    if !zone.is_empty() {
        word::plain_name(&zone).map_err(|why| format!("the zone of {name:?}: {why}"))?;
    }
    let address = host::endpoint(&name).map_err(|why| format!("the address {name:?}: {why}"))?;
    if let Address::Name { .. } = address {
        let why = "nobody would look the name up: give an address, or write the name into the configuration";
        return Err(format!("the address {name:?}: {why}"));
    }
    Ok(Server {
        name,
        address,
        weight,
        zone,
    })
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
        EditError::NotNow(why) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, why, "nothing was changed")
        }
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
        let body = br#"{"add": [{"address": "10.0.0.9:3000"}, {"address": "unix:/run/app.sock", "weight": 3, "zone": "b"}],
            "remove": ["10.0.0.5:3000"], "drain": ["x"], "undrain": ["y"]}"#;
        let edit = parse(body).expect("valid");
        let one = &edit.add[0];
        let there = Address::Tcp(vec!["10.0.0.9:3000".parse().expect("valid")]);
        assert_eq!(
            (&*one.name, one.weight, &*one.zone),
            ("10.0.0.9:3000", 1, "")
        );
        assert_eq!(one.address, there);
        let named = Address::Unix("/run/app.sock".into());
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
            (
                add(r#"{"address": "10.0.0.1:1", "zone": "a\nb"}"#),
                422,
                "letters",
            ),
            ("{}".into(), 422, "changes nothing"),
            (r#"{"drain": ["a"], "remove": ["a"]}"#.into(), 422, "twice"),
            (address("10.0.0.1"), 422, "the port is missing"),
            (address("10.0.0.300:80"), 422, "an address or a name"),
            (address("10.0.0.1:0"), 422, "port 0"),
            (address("app:70000"), 422, "65535"),
            (address("app.internal:80"), 422, "nobody would look"),
            (address("a b:80"), 422, "an address or a name"),
            (address(":80"), 422, "an address or a name"),
            (address("https://10.0.0.1:80"), 422, "TLS"),
            (address("10.0.0.1:80/x"), 422, "no path"),
            (address("unix:app.sock"), 422, "whole path"),
            (address("unix:/a\\nb"), 422, "whole path"),
            (address(&format!("unix:/{long}")), 422, "107"),
        ] {
            let problem = parse(body.as_bytes()).expect_err(&body);
            assert_eq!(problem.status.as_u16(), status, "{body} {problem:?}");
            assert!(problem.error.contains(said), "{body} {problem:?}");
            assert!(!problem.help.is_empty());
        }
    }
}
