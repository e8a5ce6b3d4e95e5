//! Why is this client getting 429? One client of a limit, as the admin side and `tenfold limits` tell it.

use std::process::{Command, Stdio};

use serde_json::Value;
use tenfold_testkit::redis::Redis;

use super::{admin, allowed, get, limited};
use crate::Configured;

fn look(it: &Configured, target: &str) -> Value {
    let text = admin(it, &format!("/api/v1/limits/{target}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// `tenfold limits` with these arguments: its exit code and what it says.
fn limits(it: &Configured, arguments: &[&str], input: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenfold"));
    let admin = format!("http://{}", it.gateway.admin());
    command
        .arg("limits")
        .args(arguments)
        .args(["--admin", &admin]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("input");
    std::fs::write(&file, input).expect("written");
    command.stdin(Stdio::from(std::fs::File::open(&file).expect("readable")));
    let output = command.output().expect("started");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8(said).expect("UTF-8"),
    )
}

#[test]
fn what_a_client_has_left_and_until_when() {
    let limit = "rate = \"1/m\"\nburst = 3\n[limit.one.tier.office]\nfrom = [\"10.0.0.0/8\"]\nrate = \"1/m\"\nburst = 9";
    let it = Configured::start(&limited(limit, ""));
    let address = it.gateway.address();
    let fresh = look(&it, "one?key=127.0.0.1");
    let none = &fresh["client"]["tiers"][0];
    assert_eq!(
        (&none["left"], &none["quota"]),
        (&3.into(), &3.into()),
        "{fresh}"
    );
    assert!(none["reset_seconds"].is_null() && none["retry_after_seconds"].is_null());
    assert_eq!(look(&it, "one")["client"], Value::Null);

    assert_eq!(allowed(address, "/", "", 2), 2);
    let used = &look(&it, "one?client_ip=127.0.0.1")["client"]["tiers"][0];
    assert_eq!(
        (&used["left"], &used["is_theirs"]),
        (&1.into(), &true.into())
    );
    let reset = used["reset_seconds"].as_f64().expect("a time");
    assert!((100.0..=120.0).contains(&reset), "{reset}");

    assert_eq!(allowed(address, "/", "", 2), 1);
    let spent = &look(&it, "one?key=127.0.0.1")["client"]["tiers"][0];
    assert_eq!(spent["left"], 0);
    let wait = spent["retry_after_seconds"].as_f64().expect("a time");
    assert!((30.0..=60.0).contains(&wait), "{wait}");
    // To look counts nothing, and another client is another one.
    for _ in 0..10 {
        let other = look(&it, "one?key=10.1.1.1");
        let tiers = &other["client"]["tiers"];
        assert_eq!(
            (&tiers[1]["left"], &tiers[1]["is_theirs"]),
            (&9.into(), &true.into())
        );
        assert_eq!(
            (&tiers[0]["left"], &tiers[1]["tier"]),
            (&3.into(), &"office".into())
        );
    }
    assert_eq!(
        look(&it, "one")["limit"]["keys"],
        1,
        "who is asked for is not remembered"
    );

    let (code, said) = limits(&it, &["one", "127.0.0.1"], "");
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("(none)") && !said.contains("office"),
        "{said}"
    );
    let (code, said) = limits(&it, &["one", "10.1.1.1"], "");
    assert!(code == Some(0) && said.contains("office"), "{said}");
    let (code, said) = limits(&it, &[], "");
    assert!(code == Some(0) && said.contains("one"), "{said}");
}

#[test]
fn what_is_no_client_is_refused() {
    let it = Configured::start(&limited(
        "rate = \"1/m\"\nkey = [\"client_ip\", \"route\"]",
        "",
    ));
    for (target, said) in [
        ("two?key=1", "there is no limit \"two\""),
        (
            "one?key=10.0.0.1",
            "the key of this limit has several parts",
        ),
        ("one?client_ip=10.0.0.1", "`route` is not given"),
        ("one?client_ip=here&route=all", "`client_ip` is no address"),
        ("one?cookie:a=1", "says nothing about a client"),
        ("one?%FF=1", "not UTF-8"),
    ] {
        let answer = look(&it, target);
        assert!(
            answer["error"].as_str().expect(target).contains(said),
            "{answer}"
        );
    }
    assert!(look(&it, "one?route=all&client_ip=10.0.0.1")["client"].is_object());
    let (code, said) = limits(&it, &["one", "10.0.0.1"], "");
    assert!(
        code == Some(2) && said.contains("give client_ip and route"),
        "{said}"
    );
}

#[test]
fn a_client_told_by_a_secret_is_read_from_standard_input_and_not_repeated() {
    let limit = "key = \"header:x-api-key\"\nrate = \"1/h\"\nburst = 2\n[limit.one.tier.partner]\n\
                 api_keys = \"file:KEYS\"\nrate = \"1/h\"\nburst = 4";
    let folder = tempfile::tempdir().expect("a temporary folder");
    let keys = folder.path().join("keys");
    std::fs::write(&keys, "partner-key-0123456789\n").expect("written");
    let limit = limit.replace("KEYS", &keys.display().to_string());
    let it = Configured::start(&limited(&limit, ""));
    let fields = "X-Api-Key: partner-key-0123456789\r\n";
    assert_eq!(allowed(it.gateway.address(), "/", fields, 3), 3);
    let (code, said) = limits(&it, &["one", "-"], "partner-key-0123456789\n");
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("partner") && !said.contains("partner-key"),
        "{said}"
    );
    let answer = look(&it, "one?key=partner-key-0123456789");
    assert_eq!(answer["client"]["tiers"][1]["left"], 1, "{answer}");
    assert!(!answer.to_string().contains("0123456789"), "{answer}");
    // Nobody else's.
    let other = look(&it, "one?key=partner-key-0123456780");
    assert_eq!(other["client"]["tiers"][0]["left"], 2, "{other}");
    assert_eq!(other["client"]["tiers"][1]["left"], 4, "{other}");
}

#[test]
fn every_algorithm_can_be_looked_at() {
    for (limit, quota) in [
        ("algorithm = \"sliding_window\"\nrate = \"3/h\"", 3),
        ("algorithm = \"sliding_window\"\nrate = \"50/h\"", 50),
        ("algorithm = \"adaptive\"\nrate = \"1/h\"\nburst = 3", 3),
        ("algorithm = \"concurrency\"\nin_flight = 3", 3),
        ("key = \"global\"\nrate = \"1/h\"\nburst = 3", 3),
    ] {
        let it = Configured::start(&limited(limit, ""));
        let target = match limit.contains("global") {
            true => "one",
            false => "one?key=127.0.0.1",
        };
        let left = || look(&it, target)["client"]["tiers"][0]["left"].clone();
        assert_eq!(left(), quota, "{limit}");
        assert_eq!(get(it.gateway.address(), "/", "").status(), 200);
        let after = if limit.contains("concurrency") {
            quota
        } else {
            quota - 1
        };
        assert_eq!(left(), after, "{limit}");
        allowed(it.gateway.address(), "/", "", 60);
        let spent = &look(&it, target)["client"]["tiers"][0];
        let is_refused = !spent["retry_after_seconds"].is_null();
        assert_eq!(
            is_refused,
            !limit.contains("concurrency"),
            "{limit}: {spent}"
        );
    }
}

#[test]
fn a_shared_limit_is_looked_up_where_it_is_counted() {
    for limit in [
        "rate = \"1/h\"\nburst = 3",
        "algorithm = \"sliding_window\"\nrate = \"3/h\"",
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let redis = Redis::start(folder.path(), &[]);
        let more = format!("[shared]\nredis = \"{}\"\n", redis.url());
        let limit = format!("{limit}\nshared = true\nstore_timeout = \"500ms\"");
        let gateways = [0, 1].map(|_| Configured::start(&limited(&limit, &more)));
        assert_eq!(allowed(gateways[0].gateway.address(), "/", "", 2), 2);
        for _ in 0..5 {
            let other = &look(&gateways[1], "one?key=127.0.0.1")["client"];
            assert_eq!(
                (&other["tiers"][0]["left"], &other["mode"]),
                (&1.into(), &"shared".into()),
                "{other}"
            );
        }
        assert_eq!(allowed(gateways[0].gateway.address(), "/", "", 3), 1);
        let spent = &look(&gateways[1], "one?key=127.0.0.1")["client"]["tiers"][0];
        assert_eq!(spent["left"], 0, "{spent}");
        assert!(
            spent["retry_after_seconds"]
                .as_f64()
                .is_some_and(|wait| wait > 60.0),
            "{spent}"
        );
        drop(redis);
    }
}
