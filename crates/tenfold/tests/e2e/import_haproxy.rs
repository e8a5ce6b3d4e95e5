//! A file of HAProxy, run by HAProxy itself and, imported, by the gateway: both do the same with the same requests.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tenfold_testkit::message::Message;
use tenfold_testkit::origin::Origin;
use tenfold_testkit::{client, wait_until};

use crate::{BINARY, Configured};

/// `LISTEN` and the names of the backends in capitals stand for addresses.
const FILE: &str = r#"
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend in
    bind LISTEN
    monitor-uri /alive
    acl beta hdr_end(host) -i .beta.example
    acl archive path_beg /archive/
    http-request deny deny_status 404 if { path_beg /.git/ }
    http-request deny if { method DELETE } !{ path_beg /trash/ }
    http-request redirect location https://new.example/ code 301 if { path /old }
    http-request return status 200 content-type text/plain string "hello" if { path /hello }
    http-request set-header X-Client %[src]
    http-request del-header X-Internal
    http-response set-header X-Frame-Options DENY
    http-response del-header X-Powered-By
    http-after-response set-header X-Edge one
    redirect prefix https://archive.example code 302 if archive
    use_backend blog if { hdr(host) -i blog.example }
    use_backend api if { path_beg /api/ }
    use_backend canary if { hdr(x-canary) yes } or { urlp(canary) 1 }
    use_backend beta if beta !{ path_beg /static/ }
    default_backend app

backend app
    server one APP

backend blog
    http-request deny unless METH_GET
    http-request set-header X-Env blog
    server one BLOG

backend api
    http-request allow if { path /api/health }
    http-request deny if { req.hdr(authorization) -m found } METH_POST
    http-request set-path %[path,regsub(^/api/,/)]
    http-request set-header X-Env prod
    server one API

backend canary
    server one CANARY

backend beta
    server one BETA
"#;

/// Method, target, host, more fields.
const REQUESTS: &[(&str, &str, &str, &str)] = &[
    ("GET", "/", "www.example", ""),
    ("GET", "/alive", "www.example", ""),
    ("GET", "/a/b?c=d", "www.example", "X-Internal: 1\r\n"),
    ("GET", "/.git/config", "www.example", ""),
    ("GET", "/.git/config", "blog.example", ""),
    ("DELETE", "/x", "www.example", ""),
    ("DELETE", "/trash/1", "www.example", ""),
    ("DELETE", "/trash/1", "blog.example", ""),
    ("GET", "/old", "www.example", ""),
    ("GET", "/old", "blog.example", ""),
    ("GET", "/hello", "www.example", ""),
    ("GET", "/hello", "x.beta.example", ""),
    ("GET", "/archive/a?b=c", "www.example", ""),
    ("GET", "/archive/a?b=c", "blog.example", ""),
    ("GET", "/api/v1?x=1", "www.example", ""),
    ("GET", "/api/v1", "BLOG.example", ""),
    ("POST", "/api/v1", "www.example", ""),
    ("POST", "/api/v1", "www.example", "Authorization: x\r\n"),
    ("POST", "/api/health", "www.example", "Authorization: x\r\n"),
    ("GET", "/api/v1", "www.example", "Authorization: x\r\n"),
    ("POST", "/", "blog.example", ""),
    ("GET", "/post", "blog.example", "X-Canary: yes\r\n"),
    ("GET", "/", "www.example", "X-Canary: yes\r\n"),
    ("GET", "/", "www.example", "X-Canary: no\r\n"),
    ("GET", "/?canary=1", "www.example", ""),
    ("GET", "/?canary=2", "www.example", ""),
    ("GET", "/api/x?canary=1", "www.example", ""),
    ("GET", "/page", "x.beta.example", ""),
    ("GET", "/static/a", "x.beta.example", ""),
    ("GET", "/page", "beta.example", ""),
];

/// HAProxy as a process; killed when dropped.
struct Haproxy(Child);

impl Drop for Haproxy {
    fn drop(&mut self) {
        let _already_gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

impl Haproxy {
    fn start(file: &Path, address: SocketAddr) -> Self {
        let child = Command::new("haproxy")
            .args(["-db", "-f"])
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let it = Self(child.expect("haproxy can be started"));
        wait_until(
            || TcpStream::connect(address).is_ok(),
            || "haproxy does not listen",
        );
        it
    }
}

/// An origin that tells its name and what it was asked.
fn origin(name: &'static str) -> Origin {
    Origin::answering(move |request: &Message| {
        let field = |name: &str| request.get(name).unwrap_or("-").to_owned();
        let body = format!(
            "{name}: {} host={} client={} internal={} env={}\n",
            request.start_line(),
            field("host"),
            field("x-client"),
            field("x-internal"),
            field("x-env")
        );
        let head = "HTTP/1.1 200 OK\r\nX-Powered-By: origin\r\nContent-Type: text/plain\r\n";
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    })
}

/// What of an answer has to be the same. Pages that HAProxy makes itself for refusals are its own.
fn seen(response: &Message, target: &str) -> Vec<String> {
    let mut seen = vec![response.status().to_string()];
    for name in ["location", "x-frame-options", "x-powered-by", "x-edge"] {
        seen.push(format!("{name}: {:?}", response.get(name)));
    }
    if response.status() == 200 && target != "/alive" {
        seen.push(response.get("content-type").unwrap_or_default().to_owned());
        seen.push(response.text());
    }
    seen
}

fn ask(address: SocketAddr, (method, target, host, fields): (&str, &str, &str, &str)) -> Message {
    let length = if method == "POST" {
        "Content-Length: 0\r\n"
    } else {
        ""
    };
    let request = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{fields}{length}\r\n");
    client::ask(address, request)
}

#[test]
fn haproxy_and_the_gateway_do_the_same_with_the_same_file() {
    let version = Command::new("haproxy").arg("-v").output();
    if version.is_err() {
        // Past the capture of the test harness: a comparison that was not made has to be seen.
        let skipped = "SKIPPED: haproxy is not in PATH, and nothing was compared with it";
        writeln!(std::io::stderr(), "{skipped}").expect("standard error is open");
        return;
    }
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("an address");
    let origins = ["app", "blog", "api", "canary", "beta"].map(|name| (name, origin(name)));
    let mut text = FILE.replace("LISTEN", &address.to_string());
    for (name, origin) in &origins {
        let line = format!("one {}\n", name.to_uppercase());
        text = text.replace(&line, &format!("one {}\n", origin.name()));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("haproxy.cfg");
    std::fs::write(&file, &text).expect("written");
    let output = Command::new(BINARY)
        .args(["import", "haproxy"])
        .arg(&file)
        .output()
        .expect("the binary can be started");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let imported = String::from_utf8(output.stdout).expect("text");
    let it = Configured::start(&imported.replace(&address.to_string(), "127.0.0.1:0"));
    drop(free);
    let _haproxy = Haproxy::start(&file, address);
    let mut answered = std::collections::BTreeSet::new();
    for request in REQUESTS {
        let theirs = ask(address, *request);
        let ours = ask(it.gateway.address(), *request);
        let (theirs, ours) = (seen(&theirs, request.1), seen(&ours, request.1));
        assert_eq!(theirs, ours, "{request:?}\n{imported}");
        answered.insert(theirs[0].clone());
    }
    // All kinds of answers were among them, and every backend.
    let statuses: Vec<&str> = answered.iter().map(String::as_str).collect();
    assert_eq!(statuses, ["200", "301", "302", "403", "404"]);
    for (name, origin) in &origins {
        assert!(
            origin.requests() >= 2,
            "{name} was asked by one of them only"
        );
    }
}
