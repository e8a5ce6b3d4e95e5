//! `/api/v1/limits`: how the limits do, and what one client has left of one of them.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use percent_encoding::percent_decode_str;
use serde_json::json;
use tenfold_gateway::LookError;

use super::Admin;
use super::api::ask;
use super::problem::Problem;

/// The routes below `/api/v1/limits`.
pub(super) fn router() -> Router<Arc<Admin>> {
    Router::new()
        .route("/api/v1/limits", get(limits))
        .route("/api/v1/limits/{name}", get(limit))
}

async fn limits(State(admin): State<Arc<Admin>>) -> Response {
    ask(&admin, |gateway| {
        Ok(json!({ "limits": gateway.status().limits }))
    })
    .await
}

/// One limit; with a client in the query what that has left.
async fn limit(
    State(admin): State<Arc<Admin>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    ask(&admin, move |gateway| {
        let limits = gateway.status().limits;
        let known: Vec<_> = limits.iter().map(|limit| limit.name.clone()).collect();
        let limit = limits.into_iter().find(|limit| limit.name == name);
        let limit = limit.ok_or_else(|| refused(&name, LookError::NoLimit(known)))?;
        let client = parse_query(query.as_deref().unwrap_or_default())?;
        // Of a limit that counts all together there is one client, who needs no name.
        let is_asked = !client.is_empty() || limit.key.iter().all(|part| part == "global");
        let look = match is_asked {
            true => Some(gateway.look_at_limit(&name, &client)),
            false => None,
        };
        let look = look.transpose().map_err(|error| refused(&name, error))?;
        Ok(json!({ "limit": limit, "client": look }))
    })
    .await
}

/// `key=203.0.113.7`, or each part by its name: `client_ip=203.0.113.7&route=search`. Values are bytes, as in a request.
fn parse_query(query: &str) -> Result<Vec<(String, Vec<u8>)>, Problem> {
    let mut client = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = percent_decode_str(name).decode_utf8();
        let name = name.map_err(|_| {
            let help = "for example ?key=203.0.113.7, or ?client_ip=203.0.113.7&route=search";
            let error = "the name of a parameter is not UTF-8";
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error, help)
        })?;
        let name = match name == "key" {
            true => String::new(),
            false => name.into_owned(),
        };
        client.push((name, percent_decode_str(value).collect()));
    }
    Ok(client)
}

fn refused(name: &str, error: LookError) -> Problem {
    match error {
        LookError::Wrong(what, help) => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, what, help),
        LookError::NoLimit(known) => {
            let help = match known.is_empty() {
                true => "give the configuration a [limit.NAME], and a route with limit = \"NAME\""
                    .to_owned(),
                false => format!("there are: {}", known.join(", ")),
            };
            Problem::new(
                StatusCode::NOT_FOUND,
                format!("there is no limit {name:?}"),
                help,
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_in_queries() {
        let parsed = |query| parse_query(query).expect(query);
        let pair = |name: &str, value: &[u8]| (name.to_owned(), value.to_vec());
        assert_eq!(parsed(""), []);
        assert_eq!(parsed("key=10.0.0.1"), [pair("", b"10.0.0.1")]);
        assert_eq!(
            parsed("header:x-key=a%26b%FF&route=%2F*&&x"),
            [
                pair("header:x-key", b"a&b\xff"),
                pair("route", b"/*"),
                pair("x", b"")
            ]
        );
        assert!(parse_query("%FF=1").is_err());
    }
}
