//! Requests to the gateway, one after the other over a connection that is kept.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::address::Address;
use crate::command::client::AdminUrl;

/// By which scheme a proxy's client came.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// For one request, its body included.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the gateway listens: `http://HOST:PORT`.
#[derive(Clone, Debug)]
pub(super) struct GatewayUrl(AdminUrl);

impl FromStr for GatewayUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hint =
            "give the gateway's own address with its port, for example http://127.0.0.1:8080";
        let rest = text.strip_prefix("http://").unwrap_or(text);
        if text.starts_with("https://")
            || !rest
                .trim_end_matches('/')
                .ends_with(|c: char| c.is_ascii_digit())
        {
            return Err(hint.into());
        }
        // An address with the port that belongs to another side would only say so later.
        let has_port = rest
            .rsplit_once(':')
            .is_some_and(|(_, port)| !port.contains(']'));
        match text.parse() {
            Ok(url) if has_port => Ok(Self(url)),
            _ => Err(hint.into()),
        }
    }
}

impl fmt::Display for GatewayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Further fields of every request: `Accept-Encoding: gzip`.
#[derive(Clone, Debug)]
pub(super) struct Field(HeaderName, HeaderValue);

impl FromStr for Field {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hint = || "give a field as Name: value, for example 'Accept-Encoding: gzip'".to_owned();
        let (name, value) = text.split_once(':').ok_or_else(hint)?;
        let name = HeaderName::from_str(name.trim()).map_err(|_| hint())?;
        let value = HeaderValue::from_str(value.trim()).map_err(|_| hint())?;
        let is_ours = [
            HOST,
            hyper::header::CONTENT_LENGTH,
            hyper::header::TRANSFER_ENCODING,
            hyper::header::CONNECTION,
        ];
        match is_ours.contains(&name) {
            true => Err(format!("{name} follows from the address")),
            false => Ok(Self(name, value)),
        }
    }
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Warmed {
    /// It is stored now.
    Stored,
    /// It was there.
    AlreadyThere,
    /// It was answered, and is not stored.
    NotStored,
}

/// A connection to the gateway, made when it is needed.
pub(super) struct Fetcher {
    to: GatewayUrl,
    fields: HeaderMap,
    sender: Option<SendRequest<Empty<Bytes>>>,
}

impl Fetcher {
    pub(super) fn new(to: &GatewayUrl, fields: &[Field]) -> Self {
        let mut all = HeaderMap::new();
        for Field(name, value) in fields {
            all.append(name, value.clone());
        }
        all.entry(hyper::header::USER_AGENT)
            .or_insert(HeaderValue::from_static("tenfold-warm"));
        Self {
            to: to.clone(),
            fields: all,
            sender: None,
        }
    }

    /// Asks for an address, and reads the body to its end.
    ///
    /// # Errors
    /// What went wrong; a status of 400 or more counts.
    pub(super) async fn warm(&mut self, address: &Address) -> Result<Warmed, String> {
        let asked = async {
            let mut response = self.ask(address).await?;
            let warmed = judge(response.status(), response.headers())?;
            while let Some(frame) = response.frame().await {
                frame.map_err(|error| error.to_string())?;
            }
            Ok(warmed)
        };
        let asked = tokio::time::timeout(PATIENCE, asked).await;
        self.after(
            asked.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs()))),
        )
    }

    /// The body of a good answer, of at most so many bytes.
    pub(super) async fn body(&mut self, address: &Address, most: usize) -> Result<Bytes, String> {
        let asked = async {
            let response = self.ask(address).await?;
            if response.status() != StatusCode::OK {
                return Err(format!("the answer is {}", response.status()));
            }
            let body = Limited::new(response.into_body(), most).collect().await;
            Ok(body.map_err(|error| error.to_string())?.to_bytes())
        };
        let asked = tokio::time::timeout(PATIENCE, asked).await;
        self.after(
            asked.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs()))),
        )
    }

    /// What failed leaves a connection that nobody knows anything about.
    fn after<T>(&mut self, result: Result<T, String>) -> Result<T, String> {
        if result.is_err() {
            self.sender = None;
        }
        result
    }

    async fn ask(&mut self, address: &Address) -> Result<Response<hyper::body::Incoming>, String> {
        // The gateway may have closed the connection that is kept; then a new one is tried, once.
        if let Some(mut sender) = self.sender.take()
            && sender.ready().await.is_ok()
            && let Ok(response) = sender.send_request(self.request(address)?).await
        {
            self.sender = Some(sender);
            return Ok(response);
        }
        let mut sender = self.connect().await?;
        let sent = sender.send_request(self.request(address)?).await;
        let response = sent.map_err(|error| error.to_string())?;
        self.sender = Some(sender);
        Ok(response)
    }

    async fn connect(&self) -> Result<SendRequest<Empty<Bytes>>, String> {
        let host = self.to.0.host.trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, self.to.0.port)).await;
        let stream = stream.map_err(|error| format!("cannot reach {}: {error}", self.to))?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|error| error.to_string())?;
        tokio::spawn(async move {
            // Whoever waits for an answer hears of the error.
            let _ended = connection.await;
        });
        Ok(sender)
    }

    fn request(&self, address: &Address) -> Result<Request<Empty<Bytes>>, String> {
        let request = Request::get(&address.target)
            .header(HOST, &address.host)
            .body(Empty::new());
        let mut request = request.map_err(|error| error.to_string())?;
        request.headers_mut().extend(self.fields.clone());
        // Behind a proxy that the gateway trusts, http and https are two addresses. It believes this if we are such a one.
        let fields = request.headers_mut();
        if address.is_https && !fields.contains_key(FORWARDED_PROTO) {
            fields.insert(FORWARDED_PROTO, HeaderValue::from_static("https"));
        }
        Ok(request)
    }
}

/// What the answer's head says (RFC 9211). The gateway's own member is the last one: it is the cache nearest to the client.
fn judge(status: StatusCode, fields: &HeaderMap) -> Result<Warmed, String> {
    if status.as_u16() >= 400 {
        return Err(format!("the answer is {status}"));
    }
    let last = fields.get_all("cache-status").iter().next_back();
    let member = last.and_then(|value| value.to_str().ok()?.rsplit(',').next());
    let mut said = member.unwrap_or_default().split(';').map(str::trim);
    Ok(
        match said.find(|word| matches!(*word, "hit" | "stored" | "collapsed")) {
            Some("hit") => Warmed::AlreadyThere,
            Some(_) => Warmed::Stored,
            None => Warmed::NotStored,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_the_cache() {
        let judge = |status: u16, values: &[&'static str]| {
            let mut fields = HeaderMap::new();
            for value in values {
                fields.append("cache-status", HeaderValue::from_static(value));
            }
            super::judge(StatusCode::from_u16(status).expect("a status"), &fields)
        };
        assert_eq!(
            judge(200, &["tenfold; hit; ttl=3"]),
            Ok(Warmed::AlreadyThere)
        );
        assert_eq!(
            judge(200, &["tenfold; fwd=uri-miss; stored; ttl=3"]),
            Ok(Warmed::Stored)
        );
        assert_eq!(
            judge(200, &["cdn; hit", "tenfold; fwd=uri-miss; stored"]),
            Ok(Warmed::Stored)
        );
        assert_eq!(
            judge(200, &["cdn; hit, tenfold; fwd=uri-miss; detail=private"]),
            Ok(Warmed::NotStored)
        );
        assert_eq!(judge(200, &[]), Ok(Warmed::NotStored));
        assert!(judge(503, &["tenfold; hit"]).is_err());
    }

    #[test]
    fn only_an_address_with_its_port_is_the_gateways() {
        for good in [
            "http://127.0.0.1:8080",
            "localhost:80/",
            "http://[::1]:8080",
        ] {
            assert!(good.parse::<GatewayUrl>().is_ok(), "{good}");
        }
        for bad in [
            "https://127.0.0.1:8080",
            "http://127.0.0.1",
            "http://[::1]",
            "shop",
            "http://a:80/x",
            "",
        ] {
            assert!(bad.parse::<GatewayUrl>().is_err(), "{bad}");
        }
        assert!("Accept-Encoding: gzip".parse::<Field>().is_ok());
        for bad in [
            "Host: a",
            "content-length: 1",
            "a b: c",
            "x",
            "a: b\r\nc: d",
        ] {
            assert!(bad.parse::<Field>().is_err(), "{bad}");
        }
    }
}
