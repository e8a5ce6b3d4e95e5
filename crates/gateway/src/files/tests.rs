//! Whole answers, from a folder with ways out of it.

use std::fs;
use std::os::unix::fs::symlink;

use super::*;

struct Site {
    folder: tempfile::TempDir,
    files: Files,
}

fn site() -> Site {
    let folder = tempfile::tempdir().expect("a folder");
    let www = folder.path().join("www");
    fs::create_dir_all(www.join("docs/empty")).expect("folders");
    fs::create_dir(folder.path().join("outside")).expect("a folder");
    for (name, text) in [
        ("index.html", "<h1>home</h1>"),
        ("docs/index.html", "docs"),
        ("app.js", "original"),
        ("app.js.gz", "packed"),
        (".env", "secret"),
        ("page.txt", "0123456789"),
        ("../outside/key", "secret"),
    ] {
        fs::write(www.join(name), text).expect("written");
    }
    symlink("../outside/key", www.join("link")).expect("a link");
    symlink("../outside", www.join("out")).expect("a link");
    symlink("page.txt", www.join("inside")).expect("a link");
    let files = Files {
        root: www,
        index: "index.html".into(),
        fallback: None,
        cache_control: Some("max-age=60".into()),
    };
    Site { folder, files }
}

impl Site {
    async fn ask(&self, ask: Ask<'_>) -> (u16, String, Vec<(&'static str, String)>) {
        let ask = Ask {
            is_get_or_head: true,
            ..ask
        };
        let reply = find(&self.files, ask).await;
        let body = match reply.body {
            Body::None => String::new(),
            Body::Text(text) => text.to_owned(),
            Body::File(mut content) => {
                let mut all = Vec::new();
                while (all.len() as u64) < content.len() {
                    all.extend(content.read(3).await.expect("readable"));
                }
                String::from_utf8(all).expect("text")
            }
        };
        (reply.status, body, reply.fields)
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let path = path.as_bytes();
        let (status, body, _) = self
            .ask(Ask {
                path,
                ..Ask::default()
            })
            .await;
        (status, body)
    }
}

fn value<'f>(fields: &'f [(&'static str, String)], name: &str) -> Option<&'f str> {
    let field = fields.iter().find(|(other, _)| *other == name);
    field.map(|(_, value)| value.as_str())
}

#[tokio::test]
async fn paths_stand_for_files_and_for_nothing_else() {
    let site = site();
    for (path, status, body) in [
        ("/", 200, "<h1>home</h1>"),
        ("/page.txt", 200, "0123456789"),
        ("/%70age.txt", 200, "0123456789"),
        ("/docs/", 200, "docs"),
        ("/docs", 301, ""),
        ("/inside", 200, "0123456789"),
    ] {
        assert_eq!(site.get(path).await, (status, body.to_owned()), "{path}");
    }
    let (_, _, fields) = site
        .ask(Ask {
            path: b"/docs",
            ..Ask::default()
        })
        .await;
    assert_eq!(value(&fields, "Location"), Some("./docs/"));
    for path in [
        "/missing",
        "/link",
        "/out/key",
        "/out/",
        "/.env",
        "/%2eenv",
        "/docs/empty/",
        "/docs/..%2fpage.txt",
        "/%2e%2e/outside/key",
        "/../outside/key",
        "/page.txt/",
        "/page.txt%00",
        "/page%2ftxt",
        "//etc/passwd",
        "/docs/index.html/x",
    ] {
        assert_eq!(site.get(path).await.0, 404, "{path}");
    }
    assert!(site.folder.path().join("outside/key").exists());
}

#[tokio::test]
async fn only_what_looks_like_a_page_falls_back() {
    let mut site = site();
    site.files.fallback = Some("index.html".into());
    assert_eq!(site.get("/shop/42").await, (200, "<h1>home</h1>".into()));
    assert_eq!(site.get("/missing.js").await.0, 404);
    assert_eq!(site.get("/.env").await.0, 404);
}

#[tokio::test]
async fn compressed_copies_go_to_those_who_take_them() {
    let site = site();
    let ask = |accept_encoding| Ask {
        path: b"/app.js",
        accept_encoding,
        ..Ask::default()
    };
    let (_, body, fields) = site.ask(ask(Some(b"br, gzip"))).await;
    assert_eq!(
        (body.as_str(), value(&fields, "Content-Encoding")),
        ("packed", Some("gzip"))
    );
    let (_, body, fields) = site.ask(ask(Some(b"gzip;q=0"))).await;
    assert_eq!(
        (body.as_str(), value(&fields, "Content-Encoding")),
        ("original", None)
    );
    assert_eq!(value(&fields, "Vary"), Some("Accept-Encoding"));
    assert!(value(&fields, "Content-Type").is_some_and(|it| it.starts_with("text/javascript")));
}

#[tokio::test]
async fn parts_and_conditions() {
    let site = site();
    let page = Ask {
        path: b"/page.txt",
        ..Ask::default()
    };
    // Old enough for a strong validator.
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
    let file = fs::File::options()
        .write(true)
        .open(site.files.root.join("page.txt"));
    file.and_then(|file| file.set_modified(old))
        .expect("a time");
    let (status, _, fields) = site.ask(page).await;
    let etag = value(&fields, "ETag").expect("a tag").to_owned();
    assert_eq!((status, etag.starts_with('"')), (200, true));
    assert_eq!(value(&fields, "Cache-Control"), Some("max-age=60"));
    for (range, if_range, wanted) in [
        (&b"bytes=2-4"[..], None, (206, "234", Some("bytes 2-4/10"))),
        (
            b"bytes=-3",
            Some(etag.as_bytes()),
            (206, "789", Some("bytes 7-9/10")),
        ),
        (b"bytes=8-", None, (206, "89", Some("bytes 8-9/10"))),
        (b"bytes=2-4", Some(b"\"other\""), (200, "0123456789", None)),
        (b"bytes=0-1,4-5", None, (200, "0123456789", None)),
        (b"bytes=10-", None, (416, "", Some("bytes */10"))),
    ] {
        let ask = Ask {
            range: Some(range),
            if_range,
            ..page
        };
        let (status, body, fields) = site.ask(ask).await;
        let part = value(&fields, "Content-Range");
        assert_eq!((status, body.as_str(), part), wanted);
    }
    let ask = Ask {
        if_none_match: Some(etag.as_bytes()),
        ..page
    };
    assert_eq!(site.ask(ask).await.0, 304);
}

#[tokio::test]
async fn files_are_only_read() {
    let site = site();
    let reply = find(
        &site.files,
        Ask {
            path: b"/",
            ..Ask::default()
        },
    )
    .await;
    assert_eq!(reply.status, 405);
    assert_eq!(value(&reply.fields, "Allow"), Some("GET, HEAD"));
}

#[tokio::test]
async fn a_file_that_shrinks_is_an_error_and_not_a_short_answer() {
    let site = site();
    let large = site.files.root.join("large");
    fs::write(&large, vec![b'x'; 200_000]).expect("written");
    let ask = Ask {
        path: b"/large",
        is_get_or_head: true,
        ..Ask::default()
    };
    let Body::File(mut content) = find(&site.files, ask).await.body else {
        panic!("a file")
    };
    assert_eq!(content.read(1000).await.expect("a piece").len(), 1000);
    fs::write(&large, "short").expect("written");
    assert!(content.read(1000).await.is_err());
}
