//! One question to a server of metrics, over plain HTTP.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::command::Refusal;
use crate::command::format::shortened;
use crate::config::secret::Secret;

/// Prometheus itself gives up on a query after two minutes.
const PATIENCE: Duration = Duration::from_secs(120);
/// Ten thousand points are less than a MiB; many series are refused afterwards.
const LARGEST_ANSWER: usize = 64 << 20;

/// `http://HOST[:PORT][/PREFIX]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PrometheusUrl {
    authority: String,
    host: String,
    port: u16,
    /// Empty, or with a slash at its beginning and none at its end.
    prefix: String,
}

impl FromStr for PrometheusUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hint = "give Prometheus's address, for example http://127.0.0.1:9090";
        if text.starts_with("https://") {
            return Err("only plain HTTP is spoken; reach a distant Prometheus through a tunnel (ssh -L, kubectl port-forward)".into());
        }
        let rest = text.strip_prefix("http://").unwrap_or(text);
        if rest.contains(['@', '?', '#']) {
            return Err(hint.into());
        }
        let uri: Uri = format!("http://{rest}").parse().map_err(|_| hint)?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(hint)?;
        let port = match uri.port_u16() {
            Some(port) => port,
            None if uri
                .authority()
                .is_some_and(|all| all.as_str().len() > host.len()) =>
            {
                return Err(hint.into());
            }
            None => 9090,
        };
        Ok(Self {
            authority: format!("{host}:{port}"),
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl fmt::Display for PrometheusUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.prefix)
    }
}

/// The body of an answer that speaks of itself: 200, or 400 and 422 with which Prometheus refuses queries.
pub(super) fn get(
    url: &PrometheusUrl,
    path: &str,
    token: Option<&Secret>,
) -> Result<Bytes, Refusal> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime
        .map_err(|error| Refusal::new(error, "raise the limits of this process (ulimit -a)"))?;
    let asked =
        runtime.block_on(async { tokio::time::timeout(PATIENCE, ask(url, path, token)).await });
    let help = "is it Prometheus's address? its page /-/ready says when it is ready";
    let (status, body) = asked
        .map_err(|_| {
            Refusal::new(
                format!("{url} does not answer within {} s", PATIENCE.as_secs()),
                "ask for a shorter --range",
            )
        })?
        .map_err(|error| {
            Refusal::new(
                format!("cannot ask {url}: {}", shortened(&error.to_string())),
                help,
            )
        })?;
    match status {
        StatusCode::OK | StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Ok(body),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Refusal::new(
            format!("{url} answers {status}"),
            "give its token with --prometheus-token env:NAME or file:PATH",
        )),
        _ => Err(Refusal::new(format!("{url} answers {status}"), help)),
    }
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

async fn ask(
    url: &PrometheusUrl,
    path: &str,
    token: Option<&Secret>,
) -> Result<(StatusCode, Bytes), Failed> {
    let stream = TcpStream::connect((url.host.as_str(), url.port)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        // Whoever waits for the answer hears of the error.
        let _ended = connection.await;
    });
    let mut request = Request::get(format!("{}{path}", url.prefix))
        .header(HOST, &url.authority)
        .body(Empty::<Bytes>::new())?;
    if let Some(token) = token {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), LARGEST_ANSWER)
        .collect()
        .await?;
    Ok((status, body.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, url) in [
            ("http://127.0.0.1:9090", "http://127.0.0.1:9090"),
            ("prometheus", "http://prometheus:9090"),
            (
                "http://metrics:80/prometheus/",
                "http://metrics:80/prometheus",
            ),
            ("http://[::1]:9091", "http://[::1]:9091"),
        ] {
            assert_eq!(text.parse::<PrometheusUrl>().expect(text).to_string(), url);
        }
        for bad in [
            "",
            "http://",
            ":9090",
            "https://a",
            "a:99999",
            "a:",
            "a b",
            "user@a",
            "a?x",
        ] {
            assert!(bad.parse::<PrometheusUrl>().is_err(), "{bad}");
        }
    }
}
