//! The admin side over a socket, with a gateway that only says what it was asked.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use tenfold_gateway::{
    CacheStatus, CachedEntry, EndpointState, EndpointStatus, LimitClient, LimitLook, LimitStatus,
    LookError, Purge, PurgeError, Purged, RouteStatus, Status, UpstreamStatus,
};
use tenfold_testkit::client::{self, Client};
use tenfold_testkit::message::Message;

use super::control::{EditError, EndpointEdit, EndpointsAfter, PurgeWish, Reloaded};
use super::*;

/// A gateway with one upstream, `shop`, that takes down what is asked of it.
#[derive(Default)]
struct Fake {
    edits: Mutex<Vec<EndpointEdit>>,
    purges: Mutex<Vec<PurgeWish>>,
    is_broken: bool,
}

impl Fake {
    fn knows(&self, cache: Option<&str>) -> Result<(), PurgeError> {
        match cache {
            None | Some("pages") => Ok(()),
            Some(_) => Err(PurgeError::NoCache(vec!["pages".into()])),
        }
    }
}

impl Control for Fake {
    fn is_ready(&self) -> bool {
        !self.is_broken
    }

    fn status(&self) -> Status {
        assert!(!self.is_broken, "a defect");
        Status {
            generation: 3,
            limits: vec![LimitStatus {
                name: "per-client".into(),
                key: vec!["client_ip".into()],
                ..LimitStatus::default()
            }],
            upstreams: vec![UpstreamStatus {
                name: "shop a".into(),
                endpoints: vec![EndpointStatus {
                    name: "10.0.0.1:80".into(),
                    state: EndpointState::Up,
                    ..EndpointStatus::default()
                }],
                ..UpstreamStatus::default()
            }],
            ..Status::default()
        }
    }

    fn routes(&self) -> Vec<RouteStatus> {
        vec![RouteStatus {
            name: "r".into(),
            ..RouteStatus::default()
        }]
    }

    fn config(&self) -> Value {
        json!({ "admin": { "token": "••••" } })
    }

    fn reload(&self) -> Result<Reloaded, String> {
        if self.is_broken {
            return Err("line 3: unknown key\n  ^^^".into());
        }
        Ok(Reloaded {
            generation: 4,
            changes: vec!["route r: new".into()],
        })
    }

    fn edit_endpoints(
        &self,
        upstream: &str,
        edit: EndpointEdit,
    ) -> Result<EndpointsAfter, EditError> {
        if upstream != "shop a" {
            return Err(EditError::NoUpstream(vec!["shop a".into()]));
        }
        if let Some(name) = edit.remove.first() {
            return Err(EditError::NoEndpoint(name.clone()));
        }
        self.edits.lock().expect("not poisoned").push(edit);
        Ok(EndpointsAfter {
            changes: vec!["added".into()],
            endpoints: Vec::new(),
        })
    }

    fn caches(&self) -> Vec<CacheStatus> {
        vec![CacheStatus {
            name: "pages".into(),
            ..CacheStatus::default()
        }]
    }

    fn purge(&self, wish: &PurgeWish) -> Result<Vec<(String, Purged)>, PurgeError> {
        self.knows(wish.cache.as_deref())?;
        self.purges.lock().expect("not poisoned").push(wish.clone());
        Ok(vec![("pages".into(), Purged::default())])
    }

    fn cached(&self, cache: Option<&str>, url: &str) -> Result<Vec<CachedEntry>, PurgeError> {
        self.knows(cache)?;
        if !url.starts_with("http://") {
            return Err(PurgeError::Wrong("no address".into()));
        }
        Ok(vec![CachedEntry {
            cache: "pages".into(),
            ..CachedEntry::default()
        }])
    }

    fn look_at_limit(&self, limit: &str, client: &LimitClient) -> Result<LimitLook, LookError> {
        match client {
            [(name, value)] if name.is_empty() && value == b"10.0.0.1" => Ok(LimitLook {
                limit: limit.into(),
                ..LimitLook::default()
            }),
            _ => Err(LookError::Wrong("no client".into(), "give key".into())),
        }
    }

    fn upgrade(&self) -> Result<(), String> {
        if self.is_broken {
            return Err("no such file".into());
        }
        Ok(())
    }
}

/// An admin side that ends with the test.
struct Fixture {
    address: SocketAddr,
    fake: Arc<Fake>,
    _stop: tokio::sync::oneshot::Sender<()>,
}

fn start(fake: Fake, token: Option<&str>) -> Fixture {
    let token = token.map(|token| {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), token).expect("written");
        let source = format!("file:{}", file.path().display());
        source.parse().expect("a secret")
    });
    let fake = Arc::new(fake);
    let admin = Admin {
        control: Arc::clone(&fake) as Arc<dyn Control>,
        registry: Registry::new(1),
        token,
    };
    let (ready, is_ready) = std::sync::mpsc::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address");
            ready.send(address).expect("the test waits");
            let (_keep, on) = tokio::sync::watch::channel(false);
            tokio::select! {
                () = serve(listener, admin, on) => {}
                _ = stopped => {}
            }
        });
    });
    Fixture {
        address: is_ready.recv().expect("it starts"),
        fake,
        _stop: stop,
    }
}

impl Fixture {
    fn get(&self, target: &str) -> Message {
        let request = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        client::ask(self.address, request)
    }

    fn post(&self, target: &str, fields: &str, body: &str) -> Message {
        let request = format!(
            "POST {target} HTTP/1.1\r\nHost: {}\r\n{fields}Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        client::ask(self.address, request)
    }

    fn post_json(&self, target: &str, body: &str) -> (u16, Value) {
        let message = self.post(target, "Content-Type: application/json\r\n", body);
        (message.status(), json_of(&message))
    }
}

fn json_of(message: &Message) -> Value {
    assert_eq!(message.get("content-type"), Some("application/json"));
    serde_json::from_str(&message.text()).expect("JSON")
}

#[test]
fn a_gateway_can_be_looked_at() {
    let admin = start(Fake::default(), None);
    let get = |target: &str| {
        let message = admin.get(target);
        assert_eq!(message.status(), 200, "{target}");
        json_of(&message)
    };
    assert_eq!(get("/api/v1/status")["generation"], 3);
    assert_eq!(get("/api/v1/upstreams")["upstreams"][0]["name"], "shop a");
    let upstream = get("/api/v1/upstreams/shop%20a");
    assert_eq!(upstream["endpoints"][0]["state"], "up");
    let endpoints = get("/api/v1/upstreams/shop%20a/endpoints");
    assert_eq!(endpoints["endpoints"][0]["name"], "10.0.0.1:80");
    assert_eq!(get("/api/v1/routes")["routes"][0]["name"], "r");
    assert_eq!(get("/api/v1/config")["admin"]["token"], "••••");
    assert!(admin.get("/").text().contains("/api/v1/reload"));
    assert!(admin.get("/metrics").text().contains("tenfold_build_info"));
    assert_eq!(admin.get("/readyz").status(), 200);
}

#[test]
fn what_is_not_there_is_said_so() {
    let admin = start(Fake::default(), None);
    let missing = admin.get("/api/v1/upstreams/shoo");
    assert_eq!(missing.status(), 404);
    assert_eq!(json_of(&missing)["help"], "there are: shop a");
    assert_eq!(
        json_of(&admin.get("/api/v2"))["help"],
        "GET / lists what there is"
    );
    let wrong = admin.get("/api/v1/reload");
    assert_eq!((wrong.status(), wrong.get("allow")), (405, Some("POST")));
    assert!(json_of(&wrong)["error"].is_string());
}

#[test]
fn a_reload_says_what_changed_or_what_is_wrong() {
    let admin = start(Fake::default(), None);
    for body in ["", "{}", " {}\n"] {
        let (status, json) = admin.post_json("/api/v1/reload", body);
        assert_eq!(status, 200);
        assert_eq!(
            json,
            json!({ "generation": 4, "changes": ["route r: new"] })
        );
    }
    assert_eq!(admin.post_json("/api/v1/reload", "[1]").0, 400);
    assert_eq!(admin.post_json("/api/v1/upgrade", "").0, 200);

    let broken = Fake {
        is_broken: true,
        ..Fake::default()
    };
    let admin = start(broken, None);
    let (status, json) = admin.post_json("/api/v1/reload", "");
    assert_eq!(status, 422);
    assert_eq!(json["error"], "line 3: unknown key\n  ^^^");
    assert_eq!(admin.post_json("/api/v1/upgrade", "").0, 409);
    assert_eq!(admin.get("/readyz").status(), 503);
}

#[test]
fn endpoints_are_edited() {
    let admin = start(Fake::default(), None);
    let target = "/api/v1/upstreams/shop%20a/endpoints";
    let body = r#"{"add": [{"address": "10.0.0.9:3000"}], "drain": ["b"]}"#;
    let (status, json) = admin.post_json(target, body);
    assert_eq!((status, &json["changes"][0]), (200, &json!("added")));
    let edit = admin.fake.edits.lock().expect("not poisoned")[0].clone();
    assert_eq!(
        (&*edit.add[0].name, &*edit.drain[0]),
        ("10.0.0.9:3000", "b")
    );

    for (target, body, status, said) in [
        (target, r#"{"add": [{"address": "x"}]}"#, 422, "address"),
        (target, r#"{"remove": ["c"]}"#, 409, "no endpoint \"c\""),
        (target, "nonsense", 400, "not an edit"),
        (
            "/api/v1/upstreams/x/endpoints",
            body,
            404,
            "no upstream \"x\"",
        ),
    ] {
        let (have, json) = admin.post_json(target, body);
        assert_eq!(have, status, "{body} {json}");
        assert!(
            json["error"].as_str().is_some_and(|e| e.contains(said)),
            "{json}"
        );
    }
    assert_eq!(admin.fake.edits.lock().expect("not poisoned").len(), 1);
}

#[test]
fn caches_are_looked_at_and_purged() {
    let admin = start(Fake::default(), None);
    assert_eq!(
        json_of(&admin.get("/api/v1/cache"))["caches"][0]["name"],
        "pages"
    );
    let entry = json_of(&admin.get("/api/v1/cache/entry?url=http%3A%2F%2Fa%2F&cache=pages"));
    assert_eq!(
        (&entry["url"], &entry["entries"][0]["cache"]),
        (&json!("http://a/"), &json!("pages"))
    );
    assert_eq!(admin.get("/api/v1/cache/entry?url=a").status(), 422);
    assert_eq!(
        admin
            .get("/api/v1/cache/entry?url=http://a/&cache=b")
            .status(),
        404
    );

    let target = "/api/v1/cache/purge";
    let (status, json) = admin.post_json(target, r#"{"tag": "tea", "soft": true}"#);
    assert_eq!((status, &json["purged"]), (200, &json!(true)));
    let (status, json) = admin.post_json(target, r#"{"all": true, "cache": "page"}"#);
    assert_eq!((status, &json["help"]), (404, &json!("there are: pages")));
    let (status, json) = admin.post_json(target, r#"{"everything": true}"#);
    assert_eq!(status, 400);
    let error = json["error"].as_str().expect("text");
    assert!(
        error.contains("`everything`") && error.contains("`all`"),
        "{error}"
    );
    assert_eq!(admin.post(target, "", r#"{"all": true}"#).status(), 415);
    let purges = admin.fake.purges.lock().expect("not poisoned");
    let tea = PurgeWish {
        what: Purge::Tag("tea".into()),
        is_soft: true,
        cache: None,
    };
    assert_eq!(*purges, [tea]);
}

#[test]
fn bodies_have_a_limit() {
    let admin = start(Fake::default(), None);
    let head = "POST /api/v1/upstreams/a/endpoints HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let large = format!("{head}Content-Length: 1048577\r\n\r\n");
    let message = client::ask(admin.address, large + &" ".repeat(1_048_577));
    assert_eq!(message.status(), 413);
    assert!(
        json_of(&message)["help"]
            .as_str()
            .is_some_and(|h| h.contains("1048576"))
    );
}

#[test]
fn pages_of_other_sites_are_refused() {
    let admin = start(Fake::default(), None);
    let json = "Content-Type: application/json\r\n";
    let status = |fields: &str| admin.post("/api/v1/reload", fields, "").status();
    assert_eq!(status(json), 200);
    assert_eq!(status(""), 415);
    assert_eq!(
        status(&format!("{json}Origin: http://evil.example\r\n")),
        403
    );
    assert_eq!(
        status(&format!("{json}Origin: http://{}\r\n", admin.address)),
        200
    );
    let rebound = |target: &str| {
        let request = format!("GET {target} HTTP/1.1\r\nHost: evil.example\r\n\r\n");
        client::ask(admin.address, request).status()
    };
    for target in ["/", "/metrics", "/api/v1/config", "/nowhere"] {
        assert_eq!(rebound(target), 403, "{target}");
    }
    assert_eq!(rebound("/readyz"), 200, "probes learn one bit");
}

#[test]
fn a_token_opens_everything_under_any_name() {
    let admin = start(Fake::default(), Some("correct horse battery"));
    let ask = |authorization: &str, target: &str| {
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: gateway.example\r\n{authorization}\r\n");
        client::ask(admin.address, request).status()
    };
    let right = "Authorization: bearer correct horse battery\r\n";
    assert_eq!(ask(right, "/api/v1/status"), 200);
    assert_eq!(ask("", "/api/v1/status"), 401);
    assert_eq!(ask("Authorization: Bearer x\r\n", "/api/v1/status"), 401);
    assert_eq!(
        ask("", "/nowhere"),
        401,
        "strangers do not learn what there is"
    );
    assert_eq!(ask("", "/healthz"), 200);
    let evil = format!("{right}Content-Type: application/json\r\nOrigin: http://evil.example\r\n");
    assert_eq!(admin.post("/api/v1/reload", &evil, "").status(), 403);
}

#[test]
fn a_defect_is_an_error_and_not_the_end() {
    let broken = Fake {
        is_broken: true,
        ..Fake::default()
    };
    let admin = start(broken, None);
    for _ in 0..3 {
        let message = admin.get("/api/v1/status");
        assert_eq!(message.status(), 500);
        assert!(!json_of(&message)["error"].is_null());
    }
    assert_eq!(admin.get("/api/v1/config").status(), 200);
}

#[test]
fn connections_that_are_too_many_wait_for_others_to_end() {
    let admin = start(Fake::default(), None);
    let mut idle: Vec<_> = (0..128).map(|_| Client::connect(admin.address)).collect();
    let mut late = Client::connect(admin.address);
    late.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    late.stream()
        .set_read_timeout(Some(Duration::from_millis(200)))
        .expect("a socket");
    assert!(late.try_response().is_err(), "all places are taken");
    idle.pop();
    late.stream()
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a socket");
    assert_eq!(late.response().status(), 200);
}
