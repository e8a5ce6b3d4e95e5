//! `tenfold cache` as a process.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use tenfold_testkit::gateway::Gateway;
use tenfold_testkit::origin::Origin;

use super::{cached, get, is_hit, response};
use crate::BINARY;

/// Runs `tenfold cache` with these arguments and standard input; returns its exit code, and what it said on both outputs.
fn tenfold(arguments: &[&str], input: &str) -> (Option<i32>, String) {
    let mut command = Command::new(BINARY);
    command.arg("cache").args(arguments);
    let piped = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = piped.spawn().expect("the binary can be started");
    let mut stdin = child.stdin.take().expect("a pipe");
    // Who wants no input may have ended.
    let _unread = stdin.write_all(input.as_bytes());
    drop(stdin);
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().expect("it ends");
    let said = [stdout, stderr].concat();
    (status.code(), String::from_utf8_lossy(&said).into_owned())
}

fn admin(gateway: &Gateway) -> String {
    format!("http://{}", gateway.admin())
}

#[test]
fn purging_looking_and_counting() {
    let origin =
        Origin::answering(|_| response("Cache-Control: max-age=60\r\nCache-Tag: t\r\n", "tea"));
    let gateway = cached(&origin);
    let admin = admin(&gateway);
    let tenfold = |arguments: &[&str]| tenfold(&[arguments, &["--admin", &admin]].concat(), "");
    let url = "http://shop.example/tea";
    for arguments in [
        &["purge", url, "http://shop.example/other"][..],
        &["purge", "--tag", "t", "--soft"],
        &[
            "purge",
            "--prefix",
            "https://shop.example/",
            "--cache",
            "default",
        ],
        &["purge", "--all", "--yes"],
    ] {
        let _stored = get(&gateway, "/tea", "");
        assert!(is_hit(&get(&gateway, "/tea", "")));
        let (code, said) = tenfold(&["get", url]);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("memory") && said.contains("200"), "{said}");
        let (code, said) = tenfold(arguments);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.starts_with("purged "), "{said}");
        assert!(!is_hit(&get(&gateway, "/tea", "")), "{arguments:?}");
    }
    let (code, said) = tenfold(&["get", "http://shop.example/none"]);
    assert_eq!(
        (code, &*said),
        (Some(1), "nothing is stored for http://shop.example/none\n")
    );
    let (code, said) = tenfold(&["stats"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("HIT RATE") && said.contains("memory"),
        "{said}"
    );
    let (_, json) = tenfold(&["stats", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["caches"][0]["requests"]["hit"], 7);
    let shown = Command::new(BINARY)
        .args(["status", "--admin", &admin])
        .output()
        .expect("it ends");
    assert!(String::from_utf8_lossy(&shown.stdout).contains("HIT RATE"));
}

#[test]
fn mistakes_are_explained() {
    let origin = Origin::answering(|_| response("Cache-Control: max-age=60\r\n", "tea"));
    let gateway = cached(&origin);
    let admin = admin(&gateway);
    let _stored = get(&gateway, "/", "");
    for (arguments, words) in [
        (&["purge", "--all"][..], "--yes"),
        (
            &["purge", "shop.example"],
            "begins with neither http:// nor https://",
        ),
        (
            &["purge", "--tag", "a", "--cache", "other"],
            "there are: default",
        ),
        (&["purge"], "required"),
        (&["purge", "--all", "--tag", "a"], "cannot be used with"),
        (&["get", "x"], "begins with neither"),
    ] {
        let (code, said) = tenfold(&[arguments, &["--admin", &admin]].concat(), "");
        assert_eq!(code, Some(2), "{arguments:?} {said}");
        assert!(said.contains(words), "{arguments:?} {said}");
    }
    assert!(is_hit(&get(&gateway, "/", "")), "nothing was purged");
    for (arguments, input, words) in [
        (&["--list", "-"][..], "", "no address to warm"),
        (&["--list", "-"], "nonsense\n", "nonsense"),
        (&["--list", "/nowhere"], "", "cannot read /nowhere"),
        (&["--sitemap", "-"], "<html/>", "no sitemap"),
        (&[], "", "required"),
        (
            &["--list", "-", "--to", "https://shop.example"],
            "",
            "the gateway's own address",
        ),
    ] {
        let to = format!("http://{}", gateway.address());
        let to: &[&str] = if arguments.contains(&"--to") {
            &[]
        } else {
            &["--to", &to]
        };
        let (code, said) = tenfold(&[&["warm"], arguments, to].concat(), input);
        assert_eq!(code, Some(2), "{arguments:?} {said}");
        assert!(said.contains(words), "{arguments:?} {said}");
    }
}

#[test]
fn warming_from_a_list_a_log_and_a_sitemap_that_the_gateway_serves() {
    let origin = Origin::answering(|request| {
        let target = request.start_line().split(' ').nth(1).unwrap_or_default();
        let page = |target: &str| format!("<url><loc>https://shop.example{target}</loc></url>");
        match target {
            "/sitemap.xml" => response(
                "",
                "<sitemapindex><sitemap><loc>https://shop.example/pages.xml</loc></sitemap>\
                 <sitemap><loc>/etc/passwd</loc></sitemap></sitemapindex>",
            ),
            "/pages.xml" => response(
                "",
                &format!("<urlset>{}{}</urlset>", page("/1"), page("/2?a=1&amp;b=2")),
            ),
            "/never" => response("Cache-Control: no-store\r\n", "x"),
            "/broken" => b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_vec(),
            _ => response("Cache-Control: max-age=60\r\n", "tea"),
        }
    });
    let gateway = cached(&origin);
    let to = format!("http://{}", gateway.address());
    let warm = |arguments: &[&str], input: &str| {
        tenfold(&[&["warm", "--to", &to], arguments].concat(), input)
    };

    let (code, said) = warm(&["--sitemap", "https://shop.example/sitemap.xml"], "");
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("2 warmed, 0 already there, 0 not stored, 0 failed"),
        "{said}"
    );
    assert!(said.contains("skipped 1"), "{said}");
    assert!(is_hit(&get(&gateway, "/1", "")) && is_hit(&get(&gateway, "/2?a=1&b=2", "")));

    let list = "http://shop.example/1\nhttp://shop.example/3\nhttp://shop.example/3\nhttp://shop.example/never\nhttp://shop.example/broken\n";
    let (code, said) = warm(&["--list", "-", "--rate", "1000/s"], list);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("asked for 4 addresses"), "{said}");
    assert!(
        said.contains("1 warmed, 1 already there, 1 not stored, 1 failed"),
        "{said}"
    );
    assert!(
        said.contains("the first that failed: shop.example/broken: the answer is 500"),
        "{said}"
    );

    let line = |target: &str| format!("::1 - - [x] \"GET {target} HTTP/1.1\" 200 3\n");
    let log = line("/rare") + &line("/often") + &line("/often");
    let (code, said) = warm(
        &["--log", "-", "--host", "shop.example", "--top", "1"],
        &log,
    );
    assert_eq!(code, Some(0), "{said}");
    assert!(is_hit(&get(&gateway, "/often", "")) && !is_hit(&get(&gateway, "/rare", "")));
}
