//! One visitor, who asks for one page after the other over a connection that is kept.
//!
//! The load generator counts; this one looks at single answers: categories before the rehearsal begins, a price while it is changed.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, SET_COOKIE};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Builder;

use crate::command::Refusal;

/// For one answer: longer than anybody waits.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of a page.
const LARGEST: usize = 4 << 20;

/// Somebody with a browser.
pub(super) struct Visitor {
    server: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
    /// `name=value; name=value`, empty without any.
    cookies: String,
}

/// An answer that came.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
    cookies: Vec<String>,
}

impl Page {
    /// Whether the text is in it.
    pub(super) fn contains(&self, text: &str) -> bool {
        let text = text.as_bytes();
        self.body.windows(text.len()).any(|window| window == text)
    }
}

impl Visitor {
    pub(super) fn new(server: SocketAddr) -> Self {
        Self {
            server,
            sender: None,
            cookies: String::new(),
        }
    }

    /// Asks for a page.
    ///
    /// # Errors
    /// What went wrong; an answer of whatever status is none.
    pub(super) async fn get(&mut self, path: &str) -> Result<Page, String> {
        self.ask(Method::GET, path, String::new(), None).await
    }

    /// Sends a form, and keeps the cookies of the answer.
    pub(super) async fn post(
        &mut self,
        path: &str,
        form: &str,
        token: Option<&str>,
    ) -> Result<Page, String> {
        let page = self.ask(Method::POST, path, form.to_owned(), token).await?;
        if !page.cookies.is_empty() {
            self.cookies = page.cookies.join("; ");
        }
        Ok(page)
    }

    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        form: String,
        token: Option<&str>,
    ) -> Result<Page, String> {
        let mut request = Request::builder()
            .method(&method)
            .uri(path)
            .header(HOST, self.server.to_string());
        if method == Method::POST {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if !self.cookies.is_empty() {
            request = request.header(COOKIE, &self.cookies);
        }
        let request = request.body(Full::new(Bytes::from(form)));
        let request = request.map_err(|error| error.to_string())?;
        // Taken, so that a connection whose answer was given up is not used again.
        let kept = self.sender.take();
        let asked = async {
            // The server may have closed the connection that is kept.
            let mut sender = match kept.filter(|kept| !kept.is_closed()) {
                Some(sender) => sender,
                None => connect(self.server).await?,
            };
            sender.ready().await.map_err(|error| error.to_string())?;
            let response = sender.send_request(request).await;
            let response = response.map_err(|error| error.to_string())?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, LARGEST).collect().await;
            let set = head.headers.get_all(SET_COOKIE).iter();
            let pair = |value: &str| value.split(';').next().unwrap_or_default().to_owned();
            let cookies = set.filter_map(|value| value.to_str().ok().map(pair));
            let page = Page {
                status: head.status,
                cookies: cookies.collect(),
                body: body.map_err(|error| error.to_string())?.to_bytes(),
            };
            Ok::<_, String>((sender, page))
        };
        let patience = || format!("no answer within {} s", PATIENCE.as_secs());
        let asked = tokio::time::timeout(PATIENCE, asked).await;
        let (sender, page) = asked.map_err(|_| patience())??;
        self.sender = Some(sender);
        Ok(page)
    }
}

/// Waits for what is asked for.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Refusal> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime
        .map_err(|error| Refusal::new(error, "raise the limits of this process (ulimit -a)"))?;
    Ok(runtime.block_on(future))
}

async fn connect(server: SocketAddr) -> Result<SendRequest<Full<Bytes>>, String> {
    let stream = TcpStream::connect(server).await;
    let stream = stream.map_err(|error| format!("cannot reach {server}: {error}"))?;
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (sender, connection) = handshake.map_err(|error| error.to_string())?;
    tokio::spawn(async move {
        // Whoever waits for an answer hears of the error.
        let _ended = connection.await;
    });
    Ok(sender)
}
