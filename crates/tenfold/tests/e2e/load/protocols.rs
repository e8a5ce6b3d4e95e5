//! What goes over the wire.

use std::sync::{Arc, Mutex};

use tenfold_testkit::origin::{Origin, ok};
use tokio::net::TcpListener;

use super::{Folder, SHORT, url};

#[test]
fn a_request_is_as_it_was_asked_for() {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let theirs = Arc::clone(&heads);
    let origin = Origin::answering(move |request| {
        let mut heads = theirs.lock().expect("no panic");
        heads.push((request.clone(), request.text()));
        ok("")
    });
    let folder = Folder::new();
    folder.write("body", "line one\nline two ${x}\n");
    let target = url(&origin) + "a%20b?x=1&y=%2F";
    folder
        .short(
            &target,
            &[
                "-X",
                "PUT",
                "-d",
                "@body",
                "-H",
                "Host: shop.example",
                "-H",
                "X-A:  b c ",
                "-H",
                "X-A: d",
            ],
        )
        .ended(0);
    let heads = heads.lock().expect("no panic");
    assert!(!heads.is_empty());
    for (message, body) in heads.iter() {
        assert_eq!(message.start_line(), "PUT /a%20b?x=1&y=%2F HTTP/1.1");
        assert_eq!(message.all("host"), ["shop.example"]);
        assert_eq!(message.all("x-a"), ["b c", "d"]);
        assert_eq!(body, "line one\nline two ${x}\n", "no template");
        assert!(
            message
                .get("user-agent")
                .is_some_and(|it| it.starts_with("tenfold-load/"))
        );
    }
}

#[test]
fn connections_are_as_many_as_were_allowed() {
    let (origin, folder) = (Origin::saying("hello"), Folder::new());
    let users = ["--users", "2", "--duration", "300ms"];
    folder.load(&[&[&*url(&origin)], &users[..]].concat());
    assert_eq!(
        origin.connections(),
        1 + 2,
        "one to see that it is there, one per user"
    );
    let origin = Origin::saying("hello");
    // More threads than connections would each have one.
    let arguments = [
        "--rate",
        "50",
        "--duration",
        "300ms",
        "--connections",
        "1",
        "--threads",
        "4",
    ];
    folder.load(&[&[&*url(&origin)], &arguments[..]].concat());
    assert_eq!((origin.connections(), origin.requests()), (1 + 1, 15));
    let origin = Origin::saying("hello");
    let arguments = ["--rate", "50", "--duration", "300ms", "--no-reuse"];
    folder.load(&[&[&*url(&origin)], &arguments[..]].concat());
    assert_eq!((origin.connections(), origin.requests()), (1 + 15, 15));
}

/// HTTP/2 without TLS, with prior knowledge; says which paths it was asked for.
fn http2() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("an address").to_string();
    let paths = Arc::new(Mutex::new(Vec::new()));
    let theirs = Arc::clone(&paths);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                let paths = Arc::clone(&theirs);
                tokio::spawn(async move {
                    let Ok(mut connection) = h2::server::handshake(stream).await else {
                        return;
                    };
                    while let Some(Ok((request, mut respond))) = connection.accept().await {
                        let path = request.uri().path().to_owned();
                        paths.lock().expect("no panic").push(path);
                        let response = http::Response::builder().status(204).body(());
                        let _gone = respond.send_response(response.expect("a response"), true);
                    }
                });
            }
        });
    });
    (address, paths)
}

#[test]
fn http2_without_tls() {
    let ((address, paths), folder) = (http2(), Folder::new());
    let target = format!("http://{address}/two");
    folder
        .short(&target, &["--http2", "--json", "r"])
        .ended(0)
        .shows(&["204 × "]);
    let paths = paths.lock().expect("no panic");
    assert!(!paths.is_empty() && paths.iter().all(|path| path == "/two"));
    // A server that does not speak it.
    let origin = Origin::answering(|_| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec());
    let ran = folder.load(
        &[
            &[&*url(&origin), "--http2", "--threshold", "errors < 1%"],
            SHORT,
        ]
        .concat(),
    );
    assert!(matches!(ran.code, Some(1 | 2)), "{}{}", ran.out, ran.err);
}
