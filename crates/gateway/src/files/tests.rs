//! Requests and what is answered, on real folders.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::io::Errno;

use super::*;

/// When the files were modified: long enough ago for strong tags.
fn old() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
}

const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

struct Site {
    dir: tempfile::TempDir,
    files: Files,
}

impl Site {
    fn new(names: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let files = Files {
            root: dir.path().join("www"),
            index: "index.html".to_owned(),
            fallback: None,
            cache_control: None,
        };
        fs::create_dir(&files.root).unwrap();
        let site = Self { dir, files };
        for name in names {
            site.put(name, name, old());
        }
        site
    }

    fn root(&self) -> &Path {
        &self.files.root
    }

    fn put(&self, name: &str, text: &str, modified: SystemTime) {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(modified).unwrap();
    }

    async fn ask(&self, ask: Ask) -> Answer {
        let reply = find(self.files.clone(), ask).await;
        let text = match reply.body {
            Body::None => String::new(),
            Body::Text(text) => text.to_owned(),
            Body::File(mut content) => {
                let mut text = Vec::new();
                loop {
                    let piece = content.read(Vec::new(), 1000).await.unwrap();
                    if piece.is_empty() {
                        break String::from_utf8(text).unwrap();
                    }
                    text.extend(piece);
                }
            }
        };
        Answer {
            status: reply.status,
            fields: reply.fields,
            text,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(get(path)).await
    }
}

struct Answer {
    status: u16,
    fields: Vec<(&'static str, Cow<'static, str>)>,
    text: String,
}

impl Answer {
    fn field(&self, name: &str) -> &str {
        let mut values = self.fields.iter().filter(|(known, _)| *known == name);
        let value = values.next().map_or("", |(_, value)| value);
        assert!(values.next().is_none(), "{name} is there twice");
        value
    }
}

fn get(path: &str) -> Ask {
    Ask {
        path: path.as_bytes().to_vec(),
        sent_path: path.as_bytes().to_vec(),
        ..Ask::default()
    }
}

#[allow(clippy::unnecessary_wraps, reason = "the fields of `Ask` are options")]
fn value(text: &str) -> Option<Vec<u8>> {
    Some(text.as_bytes().to_vec())
}

#[tokio::test]
async fn paths_and_files() {
    let site = Site::new(&[
        "index.html",
        "a b.txt",
        "ä.txt",
        "%61.txt",
        "docs/index.html",
        "docs/page.html",
        "empty/x.txt",
        ".env",
        ".git/config",
        "docs/.secret",
        ".well-known/security.txt",
    ]);
    for (path, status, text) in [
        ("/", 200, "index.html"),
        ("/index.html", 200, "index.html"),
        ("/a%20b.txt", 200, "a b.txt"),
        ("/%c3%a4.txt", 200, "ä.txt"),
        ("/ä.txt", 200, "ä.txt"),
        ("/%2561.txt", 200, "%61.txt"),
        ("/docs/", 200, "docs/index.html"),
        ("/docs/page.html", 200, "docs/page.html"),
        ("/docs", 301, ""),
        ("/.well-known/security.txt", 200, ".well-known/security.txt"),
        ("/%61.txt", 404, ""),
        ("/missing", 404, ""),
        ("/missing/", 404, ""),
        ("/index.html/", 404, ""),
        ("/index.html/x", 404, ""),
        ("/empty", 404, ""),
        ("/empty/", 404, ""),
        ("/.env", 404, ""),
        ("/%2eenv", 404, ""),
        ("/.git/config", 404, ""),
        ("/docs/.secret", 404, ""),
        ("//index.html", 404, ""),
        ("/docs//page.html", 404, ""),
        ("/index.html%00", 404, ""),
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        if status == 200 {
            assert_eq!(answer.text, text, "{path}");
        }
    }
    let long = format!("/{}", "x".repeat(300));
    assert_eq!(site.get(&long).await.status, 404);
    let deep = "/x".repeat(5000);
    assert_eq!(site.get(&deep).await.status, 404);
}

#[tokio::test]
async fn nothing_outside_is_served() {
    let site = Site::new(&["index.html", "a/index.html", "inner/file.txt"]);
    let outside = site.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("index.html"), "outside").unwrap();
    fs::write(site.dir.path().join("secret.txt"), "outside").unwrap();
    let link = |to: &str, name: &str| symlink(to, site.root().join(name)).unwrap();
    link("/etc/passwd", "passwd.txt");
    link("../secret.txt", "up.txt");
    link("../outside", "out");
    link("/", "slash");
    link("inner/file.txt", "fine.txt");
    fs::create_dir_all(site.root().join("odd/index.html")).unwrap();
    let fifo = site.root().join("fifo.txt");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(site.root().join("socket.txt")).unwrap();

    for path in [
        "/../secret.txt",
        "/a/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/%2E%2e/secret.txt",
        "/..%2fsecret.txt",
        "/a/..%2f..%2fsecret.txt",
        "/%252e%252e/secret.txt",
        "/..%5csecret.txt",
        "/..\\secret.txt",
        "/..%c0%afsecret.txt",
        "/....//secret.txt",
        "/%2fetc/passwd",
        "//etc/passwd",
        "/passwd.txt",
        "/up.txt",
        "/out",
        "/out/",
        "/out/index.html",
        "/slash/etc/passwd",
        "/fifo.txt",
        "/socket.txt",
        "/odd/",
        "/odd",
        "/odd/index.html",
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text);
        assert_eq!(answer.text, "404 Not Found: there is no such file\n");
    }
    assert_eq!(site.get("/fine.txt").await.text, "inner/file.txt");
}

#[tokio::test]
async fn index_fallback_and_copies_do_not_leave_either() {
    let mut site = Site::new(&["a.txt"]);
    fs::write(site.dir.path().join("secret.txt"), "outside").unwrap();
    symlink("../secret.txt", site.root().join("a.txt.gz")).unwrap();
    for name in ["../secret.txt", "/../secret.txt", "/etc/passwd"] {
        site.files.index = name.to_owned();
        site.files.fallback = Some(name.to_owned());
        assert_eq!(site.get("/").await.status, 404, "{name}");
        assert_eq!(site.get("/x").await.status, 404, "{name}");
    }
    let ask = Ask {
        accept_encoding: value("gzip"),
        ..get("/a.txt")
    };
    assert_eq!(site.ask(ask).await.text, "a.txt");
}

#[tokio::test]
async fn a_folder_without_its_slash() {
    let site = Site::new(&[
        "index.html",
        "docs/index.html",
        "a:b/index.html",
        "ä/index.html",
    ]);
    for (path, sent_path, sent_query, location) in [
        ("/docs", "/docs", None, "./docs/"),
        ("/docs", "/docs", Some("a=1&b=%20"), "./docs/?a=1&b=%20"),
        // Below what the route took off.
        ("/docs", "/static/docs", None, "./docs/"),
        ("", "/static", None, "./static/"),
        ("/docs", "//evil.example", None, "./evil.example/"),
        ("/docs", "/\\evil.example", None, "./%5Cevil.example/"),
        (
            "/docs",
            "/x\r\nSet-Cookie: a",
            None,
            "./x%0D%0ASet-Cookie:%20a/",
        ),
        ("/docs", "/docs", Some("a\r\n#"), "./docs/?a%0D%0A%23"),
        ("/a:b", "/a:b", None, "./a:b/"),
        ("/%C3%A4", "/%C3%A4", None, "./%C3%A4/"),
        ("/ä", "/ä", None, "./%C3%A4/"),
        // Nothing that a slash would improve.
        ("/docs", "/x/", None, ""),
        ("/", "/x", None, ""),
    ] {
        let ask = Ask {
            sent_path: sent_path.as_bytes().to_vec(),
            sent_query: sent_query.and_then(value),
            ..get(path)
        };
        let answer = site.ask(ask).await;
        let status = if location.is_empty() { 200 } else { 301 };
        assert_eq!(answer.status, status, "{path} {sent_path}");
        assert_eq!(answer.field("Location"), location, "{path} {sent_path}");
    }
}

#[tokio::test]
async fn the_fallback_is_for_what_is_not_named_like_a_file() {
    let mut site = Site::new(&["app/main.html", "real.txt", "empty/x.txt"]);
    site.files.fallback = Some("/app/main.html".to_owned());
    for (path, status, text) in [
        ("/", 200, "app/main.html"),
        ("/users/7", 200, "app/main.html"),
        ("/users/7/", 200, "app/main.html"),
        ("/v1.2/users", 200, "app/main.html"),
        ("/empty/", 200, "app/main.html"),
        ("/real.txt", 200, "real.txt"),
        ("/real.txt/x", 200, "app/main.html"),
        ("/app.js", 404, ""),
        ("/users/app.js", 404, ""),
        ("/.git", 404, ""),
        ("/.git/config", 404, ""),
        ("/users/%2e%2e/x", 404, ""),
        ("//users", 404, ""),
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        if status == 200 {
            assert_eq!(answer.text, text, "{path}");
        }
    }
    let answer = site.get("/users/7").await;
    assert_eq!(answer.field("Content-Type"), "text/html; charset=utf-8");
    site.files.fallback = Some("gone.html".to_owned());
    assert_eq!(site.get("/users/7").await.status, 404);
}

#[tokio::test]
async fn what_a_response_says() {
    let mut site = Site::new(&["a.css", "b.png", "c"]);
    let answer = site.get("/a.css").await;
    for (name, value) in [
        ("Content-Type", "text/css; charset=utf-8"),
        ("Last-Modified", MODIFIED),
        ("Accept-Ranges", "bytes"),
        ("X-Content-Type-Options", "nosniff"),
        ("Vary", "Accept-Encoding"),
        ("Cache-Control", ""),
        ("Content-Encoding", ""),
        ("Content-Range", ""),
    ] {
        assert_eq!(answer.field(name), value, "{name}");
    }
    assert!(answer.field("ETag").starts_with('"'));
    let answer = site.get("/b.png").await;
    assert_eq!(answer.field("Content-Type"), "image/png");
    assert_eq!(answer.field("Vary"), "");
    let answer = site.get("/c").await;
    assert_eq!(answer.field("Content-Type"), "application/octet-stream");

    site.files.cache_control = Some("max-age=60".to_owned());
    assert_eq!(site.get("/c").await.field("Cache-Control"), "max-age=60");
    assert_eq!(site.get("/d").await.field("Cache-Control"), "no-store");
}

#[tokio::test]
async fn methods() {
    let site = Site::new(&["a.txt"]);
    let head = |path| Ask {
        method: Method::Head,
        range: value("bytes=0-1"),
        ..get(path)
    };
    let reply = find(site.files.clone(), head("/a.txt")).await;
    assert_eq!(reply.status, 200);
    let Body::File(mut content) = reply.body else {
        panic!("a HEAD is answered as a GET is");
    };
    assert_eq!(content.len(), 5);
    assert!(content.read(Vec::new(), 10).await.unwrap().is_empty());
    assert_eq!(site.ask(head("/b.txt")).await.status, 404);

    let other = Ask {
        method: Method::Other,
        ..get("/a.txt")
    };
    let answer = site.ask(other).await;
    assert_eq!((answer.status, answer.field("Allow")), (405, "GET, HEAD"));
}

#[tokio::test]
async fn conditions_before_ranges() {
    let mut site = Site::new(&["a.txt"]);
    site.files.cache_control = Some("max-age=60".to_owned());
    let tag = site.get("/a.txt").await.field("ETag").to_owned();
    let range = || Ask {
        range: value("bytes=1-2"),
        ..get("/a.txt")
    };

    let part = site.ask(range()).await;
    assert_eq!((part.status, part.text.as_str()), (206, ".t"));
    assert_eq!(part.field("Content-Range"), "bytes 1-2/5");
    assert_eq!(part.field("ETag"), tag);

    let known = Ask {
        if_none_match: value(&tag),
        ..range()
    };
    let known = site.ask(known).await;
    assert_eq!((known.status, known.text.as_str()), (304, ""));
    assert_eq!(known.field("ETag"), tag);
    assert_eq!(known.field("Vary"), "Accept-Encoding");
    assert_eq!(known.field("Cache-Control"), "max-age=60");
    assert_eq!(known.field("Content-Type"), "");

    let since = Ask {
        if_modified_since: value(MODIFIED),
        ..get("/a.txt")
    };
    assert_eq!(site.ask(since).await.status, 304);
    let other = Ask {
        if_match: value("\"other\""),
        ..range()
    };
    assert_eq!(site.ask(other).await.status, 412);

    for (if_range, status) in [(tag.as_str(), 206), ("\"other\"", 200), (MODIFIED, 200)] {
        let ask = Ask {
            if_range: value(if_range),
            ..range()
        };
        assert_eq!(site.ask(ask).await.status, status, "{if_range}");
    }
    for (field, status, content_range, text) in [
        ("bytes=-3", 206, "bytes 2-4/5", "txt"),
        ("bytes=4-", 206, "bytes 4-4/5", "t"),
        ("bytes=0-99", 206, "bytes 0-4/5", "a.txt"),
        ("bytes=0-0,2-2", 200, "", "a.txt"),
        ("lines=1-2", 200, "", "a.txt"),
        (
            "bytes=5-",
            416,
            "bytes */5",
            "416 Range Not Satisfiable: the file is shorter than the range asks for\n",
        ),
    ] {
        let ask = Ask {
            range: value(field),
            ..get("/a.txt")
        };
        let answer = site.ask(ask).await;
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (status, text),
            "{field}"
        );
        assert_eq!(answer.field("Content-Range"), content_range, "{field}");
    }
}

#[tokio::test]
async fn a_young_file_has_a_weak_tag() {
    let site = Site::new(&[]);
    site.put("a.txt", "text", SystemTime::now());
    let answer = site.get("/a.txt").await;
    let tag = answer.field("ETag");
    assert!(tag.starts_with("W/\""), "{tag}");
    let ask = Ask {
        if_none_match: value(tag),
        ..get("/a.txt")
    };
    assert_eq!(site.ask(ask).await.status, 304);
}

#[tokio::test]
async fn dates_that_http_cannot_spell_or_that_are_to_come() {
    let site = Site::new(&[]);
    let second = Duration::from_secs(1);
    site.put("ancient.txt", "text", SystemTime::UNIX_EPOCH - second);
    let answer = site.get("/ancient.txt").await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "text"));
    assert_eq!(answer.field("Last-Modified"), "");
    assert!(answer.field("ETag").starts_with('"'));

    let now = SystemTime::now();
    site.put("future.txt", "text", now + 86_400 * second);
    let answer = site.get("/future.txt").await;
    let date = httpdate::parse_http_date(answer.field("Last-Modified")).expect("a date");
    assert!(date <= now + 60 * second, "{date:?}");
    // Nobody knows whether it will change again within its second.
    assert!(answer.field("ETag").starts_with("W/"));
}

#[tokio::test]
async fn compressed_copies() {
    let site = Site::new(&[
        "app.js",
        "app.js.br",
        "app.js.gz",
        "app.js.zst",
        "only.css",
        "only.css.gz",
        "plain.txt",
        "image.png",
        "image.png.gz",
        "stale.js",
        "index.html",
        "index.html.br",
    ]);
    site.put("stale.js.br", "stale", old() - Duration::from_secs(1));
    site.put("stale.js.gz", "fresh", old() + Duration::from_secs(1));
    fs::create_dir(site.root().join("plain.txt.br")).unwrap();
    for (path, accept_encoding, text, coding) in [
        ("/app.js", "gzip, deflate, br, zstd", "app.js.br", "br"),
        ("/app.js", "gzip, zstd", "app.js.zst", "zstd"),
        ("/app.js", "gzip, br;q=0.5", "app.js.gz", "gzip"),
        ("/app.js", "*", "app.js.br", "br"),
        ("/app.js", "identity", "app.js", ""),
        ("/app.js", "", "app.js", ""),
        ("/app.js", "br;q=0", "app.js", ""),
        ("/only.css", "br, gzip", "only.css.gz", "gzip"),
        ("/only.css", "br", "only.css", ""),
        ("/plain.txt", "br, gzip", "plain.txt", ""),
        ("/image.png", "br, gzip", "image.png", ""),
        ("/stale.js", "br", "stale.js", ""),
        ("/stale.js", "br, gzip", "fresh", "gzip"),
        ("/", "br", "index.html.br", "br"),
        // By its own name it is just a file.
        ("/app.js.br", "br", "app.js.br", ""),
    ] {
        let ask = Ask {
            accept_encoding: value(accept_encoding),
            ..get(path)
        };
        let answer = site.ask(ask).await;
        assert_eq!(answer.text, text, "{path} {accept_encoding}");
        assert_eq!(answer.field("Content-Encoding"), coding, "{path}");
        let vary = if path == "/image.png" {
            ""
        } else {
            "Accept-Encoding"
        };
        assert_eq!(answer.field("Vary"), vary, "{path}");
    }
}

#[tokio::test]
async fn a_copy_is_its_own_representation() {
    let site = Site::new(&["app.js", "app.js.br"]);
    let ask = |accept_encoding| Ask {
        accept_encoding: value(accept_encoding),
        ..get("/app.js")
    };
    let plain = site.ask(ask("")).await;
    let copy = site.ask(ask("br")).await;
    assert_ne!(plain.field("ETag"), copy.field("ETag"));
    let javascript = "text/javascript; charset=utf-8";
    assert_eq!(copy.field("Content-Type"), javascript);
    // The tag of one does not stand for the other, and ranges count its own bytes.
    for (if_none_match, status) in [(&copy, 304), (&plain, 200)] {
        let ask = Ask {
            if_none_match: value(if_none_match.field("ETag")),
            ..ask("br")
        };
        assert_eq!(site.ask(ask).await.status, status);
    }
    let tail = Ask {
        range: value("bytes=-3"),
        if_range: value(copy.field("ETag")),
        ..ask("br")
    };
    let tail = site.ask(tail).await;
    assert_eq!((tail.status, tail.text.as_str()), (206, ".br"));
    assert_eq!(tail.field("Content-Range"), "bytes 6-8/9");
}

#[tokio::test]
async fn a_missing_root_is_the_operators_trouble() {
    let mut site = Site::new(&["index.html"]);
    site.files.root = site.dir.path().join("gone");
    let reply = find(site.files.clone(), get("/")).await;
    assert_eq!(reply.status, 500);
    assert!(reply.trouble.is_some());
}

#[test]
fn errors_of_the_file_system() {
    for (errno, status, is_trouble) in [
        (Errno::NOENT, 404, false),
        (Errno::XDEV, 404, false),
        (Errno::LOOP, 404, false),
        (Errno::ACCESS, 403, true),
        (Errno::PERM, 403, true),
        (Errno::MFILE, 503, true),
        (Errno::NFILE, 503, true),
        (Errno::AGAIN, 503, true),
        (Errno::IO, 500, true),
    ] {
        let reply = Reply::failed(errno.into());
        assert_eq!(reply.status, status, "{errno:?}");
        assert_eq!(reply.trouble.is_some(), is_trouble, "{errno:?}");
    }
    let short = Reply::failed(io::ErrorKind::UnexpectedEof.into());
    assert_eq!(short.status, 503);
}
