//! Asking the admin side of a running gateway, from another process.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tenfold_gateway::{CacheStatus, CachedEntry, LimitLook, LimitStatus, RouteStatus, Status};
use tokio::net::TcpStream;

use super::Refusal;
use super::format::shortened;
use crate::config::secret::Secret;

/// For one question and its answer. Longer than a busy machine takes, shorter than a person waits.
const PATIENCE: Duration = Duration::from_secs(5);
/// For a change: as long as the admin side itself takes at most, and a little.
const PATIENCE_FOR_CHANGES: Duration = Duration::from_secs(35);
/// Bytes of an answer: some ten thousand routes are a few MiB.
const LARGEST_ANSWER: usize = 64 << 20;

/// Where an admin side is: `http://HOST:PORT`, or without the scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AdminUrl {
    pub(super) host: String,
    pub(super) port: u16,
}

impl FromStr for AdminUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hint = "give the gateway's admin address, for example http://127.0.0.1:9900";
        if text.starts_with("https://") {
            return Err("the admin side speaks plain HTTP; reach a distant one through a tunnel (ssh -L 9900:127.0.0.1:9900 HOST)".into());
        }
        let authority = text.strip_prefix("http://").unwrap_or(text);
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        if authority.contains(['/', '@', '?', '#']) {
            return Err(hint.into());
        }
        let uri: Uri = format!("http://{authority}/").parse().map_err(|_| hint)?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(hint)?;
        Ok(Self {
            host: host.to_owned(),
            port: match uri.port() {
                Some(port) => port.as_u16(),
                None if authority.ends_with(':') || authority.len() > host.len() => {
                    return Err(hint.into());
                }
                None => 9900,
            },
        })
    }
}

impl fmt::Display for AdminUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

/// Why there is no answer: what is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) what: String,
    pub(crate) help: String,
}

impl Failure {
    pub(super) fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            help: help.into(),
        }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::new(failure.what, failure.help)
    }
}

/// A connection to an admin side, kept between questions.
pub(crate) struct Client {
    url: AdminUrl,
    token: Option<Secret>,
    sender: Option<SendRequest<Full<Bytes>>>,
}

#[derive(Default, Deserialize)]
struct Routes {
    routes: Vec<RouteStatus>,
}

#[derive(Default, Deserialize)]
struct Caches {
    caches: Vec<CacheStatus>,
}

#[derive(Default, Deserialize)]
struct Entries {
    entries: Vec<CachedEntry>,
}

/// What is said of one limit.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Limit {
    pub(crate) limit: LimitStatus,
    /// Missing if no client was asked for.
    pub(crate) client: Option<LimitLook>,
}

/// What became of a purge.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub(crate) struct Purged {
    /// True if every level has it.
    pub(crate) purged: bool,
    pub(crate) levels: Vec<PurgedLevel>,
    pub(crate) gateways: Confirmed,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub(crate) struct PurgedLevel {
    pub(crate) cache: String,
    pub(crate) name: String,
    pub(crate) error: Option<String>,
}

/// Other gateways that share the cache.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub(crate) struct Confirmed {
    pub(crate) confirmed: u64,
    pub(crate) of: u64,
}

/// What the admin side says when it refuses.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    error: String,
    help: String,
}

impl Client {
    pub(crate) fn new(url: AdminUrl, token: Option<Secret>) -> Self {
        Self {
            url,
            token,
            sender: None,
        }
    }

    /// How the gateway does.
    pub(crate) async fn status(&mut self) -> Result<Status, Failure> {
        self.get("/api/v1/status").await
    }

    /// How its routes do.
    pub(crate) async fn routes(&mut self) -> Result<Vec<RouteStatus>, Failure> {
        let routes: Routes = self.get("/api/v1/routes").await?;
        Ok(routes.routes)
    }

    /// How its caches do.
    pub(crate) async fn caches(&mut self) -> Result<Vec<CacheStatus>, Failure> {
        let caches: Caches = self.get("/api/v1/cache").await?;
        Ok(caches.caches)
    }

    /// What a cache, or all of them, has for an address.
    pub(crate) async fn cached(
        &mut self,
        url: &str,
        cache: Option<&str>,
    ) -> Result<Vec<CachedEntry>, Failure> {
        let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        let mut path = format!("/api/v1/cache/entry?url={}", encoded(url));
        if let Some(cache) = cache {
            path += &format!("&cache={}", encoded(cache));
        }
        let entries: Entries = self.get(&path).await?;
        Ok(entries.entries)
    }

    /// A limit, and what a client has left of it, told by the parts of its key.
    pub(crate) async fn limit(
        &mut self,
        name: &str,
        client: &[(&str, Vec<u8>)],
    ) -> Result<Limit, Failure> {
        let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
        let mut path = format!("/api/v1/limits/{name}");
        for (index, (part, value)) in client.iter().enumerate() {
            path.push(if index == 0 { '?' } else { '&' });
            let part = utf8_percent_encode(part, NON_ALPHANUMERIC);
            path += &format!("{part}={}", percent_encode(value, NON_ALPHANUMERIC));
        }
        self.get(&path).await
    }

    /// Purges what the body says.
    pub(crate) async fn purge(&mut self, body: &serde_json::Value) -> Result<Purged, Failure> {
        let body = Some(body.to_string().into());
        let path = "/api/v1/cache/purge";
        let answer = self.ask_in_time(path, body, PATIENCE_FOR_CHANGES).await?;
        self.parsed(&answer)
    }

    async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, Failure> {
        let body = self.ask_in_time(path, None, PATIENCE).await?;
        self.parsed(&body)
    }

    /// The body of a good answer. With a body it is a POST.
    async fn ask_in_time(
        &mut self,
        path: &str,
        body: Option<Bytes>,
        patience: Duration,
    ) -> Result<Bytes, Failure> {
        let asked = tokio::time::timeout(patience, self.ask(path, body)).await;
        let (status, body) = asked.map_err(|_| {
            let what = format!(
                "{} does not answer within {} s",
                self.url,
                patience.as_secs()
            );
            Failure::new(what, "is it a gateway's admin side, and not stopped?")
        })??;
        if status != StatusCode::OK {
            return Err(self.refused(status, &body));
        }
        Ok(body)
    }

    fn parsed<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Failure> {
        serde_json::from_slice(body).map_err(|error| {
            // The error repeats what it does not understand.
            let error = shortened(&error.to_string());
            let what = format!(
                "{} answers, but not as a gateway's admin side: {error}",
                self.url
            );
            Failure::new(what, "give the admin address with --admin")
        })
    }

    /// Asks on the connection that there is, or else on a new one.
    async fn ask(
        &mut self,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<(StatusCode, Bytes), Failure> {
        // Taken, so that a connection whose answer is given up is not used again.
        if let Some(mut sender) = self.sender.take()
            && let Ok(answer) = self.send(&mut sender, path, body.clone()).await
        {
            self.sender = Some(sender);
            return Ok(answer);
        }
        let mut sender = self.connect().await?;
        let sent = self.send(&mut sender, path, body).await;
        let answer = sent.map_err(|error| {
            let what = format!(
                "{} does not answer as a gateway's admin side: {error}",
                self.url
            );
            Failure::new(what, "give the admin address with --admin")
        })?;
        self.sender = Some(sender);
        Ok(answer)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        let host = self.url.host.trim_matches(['[', ']']);
        let failure = |error: &dyn fmt::Display| {
            let what = format!("cannot reach {}: {error}", self.url);
            Failure::new(
                what,
                "is the gateway running? its first lines say where the metrics are; give that address with --admin",
            )
        };
        let stream = TcpStream::connect((host, self.url.port)).await;
        let stream = stream.map_err(|error| failure(&error))?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|error| failure(&error))?;
        tokio::spawn(async move {
            // Whoever waits for an answer hears of the error.
            let _ended = connection.await;
        });
        Ok(sender)
    }

    async fn send(
        &self,
        sender: &mut SendRequest<Full<Bytes>>,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
        sender.ready().await?;
        let builder = match body {
            Some(_) => Request::post(path).header(CONTENT_TYPE, "application/json"),
            None => Request::get(path),
        };
        let mut request = builder
            .header(HOST, format!("{}:{}", self.url.host, self.url.port))
            .body(Full::new(body.unwrap_or_default()))?;
        if let Some(token) = &self.token {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST_ANSWER).collect();
        Ok((status, body.await?.to_bytes()))
    }

    fn refused(&self, status: StatusCode, body: &[u8]) -> Failure {
        let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
        if status == StatusCode::UNAUTHORIZED {
            let help =
                "give it with --token env:NAME or file:PATH; it is the gateway's admin token";
            let what = match &self.token {
                None => format!("{} asks for a token", self.url),
                Some(_) => format!("{} takes another token", self.url),
            };
            return Failure::new(what, help);
        }
        if problem.error.is_empty() {
            let what = format!(
                "{} answers {status}, not as a gateway's admin side",
                self.url
            );
            return Failure::new(what, "give the admin address with --admin");
        }
        let what = format!("{} refuses: {}", self.url, shortened(&problem.error));
        Failure::new(what, shortened(&problem.help))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_admin_sides() {
        for (text, url) in [
            ("http://127.0.0.1:9900", "http://127.0.0.1:9900"),
            ("http://127.0.0.1:9900/", "http://127.0.0.1:9900"),
            ("localhost:80", "http://localhost:80"),
            ("gateway", "http://gateway:9900"),
            ("[::1]:9901", "http://[::1]:9901"),
            ("http://[::1]", "http://[::1]:9900"),
        ] {
            let parsed: AdminUrl = text.parse().expect(text);
            assert_eq!(parsed.to_string(), url);
        }
        for bad in [
            "",
            "http://",
            ":9900",
            "https://a:9900",
            "http://a/b",
            "a:99999",
            "a:",
            "a b",
            "user@a:9900",
            "ftp://a",
            "a:9900?x",
        ] {
            assert!(bad.parse::<AdminUrl>().is_err(), "{bad}");
        }
    }
}
