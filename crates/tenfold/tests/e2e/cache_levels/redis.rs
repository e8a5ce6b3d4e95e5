//! Redis: what one gateway has fetched the others have, and what one purges is gone everywhere.

use std::time::{Duration, Instant};

use tenfold_testkit::redis::{Redis, cluster, cluster_url};

use super::*;

/// Two gateways that share a cache, and are both known to each other.
pub(super) fn pair(origin: &Origin, url: &str, more: &str) -> [Configured; 2] {
    let text = levels(origin, None, Some(url), more);
    let both = [Configured::start(&text), Configured::start(&text)];
    for it in &both {
        let knows = || purge(&it.gateway, &json!({ "tag": "nothing" }))["gateways"]["of"] == 1;
        wait_until(knows, || "they do not find each other");
    }
    both
}

/// What one has fetched lies in Redis.
pub(super) fn fill_shared(
    it: &Configured,
    pages: std::ops::Range<usize>,
) -> HashMap<usize, String> {
    let before = level(&it.gateway, "redis")["stores"].as_u64().unwrap_or(0);
    let known = fill(&it.gateway, pages);
    wait_for_level(&it.gateway, "redis", "stores", before + known.len() as u64);
    known
}

fn number_of(message: &Message, field: &str, start: &str) -> i64 {
    let value = message.get(field).unwrap_or_default();
    let part = value.split("; ").find_map(|part| part.strip_prefix(start));
    part.and_then(|part| part.parse().ok())
        .unwrap_or_else(|| panic!("{field} has no {start}: {}", message.head))
}

#[test]
fn the_miss_of_one_is_the_hit_of_the_other_with_its_age() {
    let (origin, folder) = (pages(), tempfile::tempdir().expect("a folder"));
    let redis = Redis::start(folder.path(), &[]);
    let [one, two] = pair(&origin, &redis.url(), "");
    let known = fill_shared(&one, 0..40);
    std::thread::sleep(Duration::from_millis(1200));
    let again = get(&two.gateway, "/p/0");
    assert!(is_hit(&again), "{}", again.head);
    let age = number_of(&again, "age", "");
    assert!((1..30).contains(&age), "{}", again.head);
    // Both are whole seconds, rounded down.
    let ttl = number_of(&again, "cache-status", "ttl=");
    assert!((599..=600).contains(&(ttl + age)), "{}", again.head);
    assert_eq!(hits(&two.gateway, &known).len(), 40);
    assert_eq!(origin.requests(), 40);
    // What it found there it has in memory now.
    let asked = level(&two.gateway, "redis")["hits"].clone();
    assert_eq!(hits(&two.gateway, &known).len(), 40);
    assert_eq!(level(&two.gateway, "redis")["hits"], asked);
}

#[test]
fn a_purge_is_everywhere_within_a_tenth_of_a_second_and_says_who_confirmed() {
    let (origin, folder) = (pages(), tempfile::tempdir().expect("a folder"));
    let redis = Redis::start(folder.path(), &[]);
    let [one, two] = pair(&origin, &redis.url(), "");
    check_purges(&one, &two);
}

/// Purges in every way on one gateway, and looks at the other.
fn check_purges(one: &Configured, two: &Configured) {
    for soft in [false, true] {
        for (what, gone) in [
            (
                json!({ "url": "http://shop.example/p/7", "soft": soft }),
                vec![7],
            ),
            (json!({ "tag": "t3", "soft": soft }), vec![3, 8, 13]),
            (
                json!({ "prefix": "http://shop.example/p/1", "soft": soft }),
                vec![1, 10, 11, 12, 13, 14],
            ),
            (json!({ "all": true, "soft": soft }), (0..15).collect()),
        ] {
            // Both have everything in memory.
            let known = fill_shared_anew(one, two);
            let told = purge(&one.gateway, &what);
            let done = Instant::now();
            assert_eq!(told["purged"], true, "{told}");
            assert_eq!(
                told["gateways"],
                json!({ "confirmed": 1, "of": 1 }),
                "{told}"
            );
            // Confirmed is confirmed: nothing is waited for.
            for number in &gone {
                let answer = get(&two.gateway, &target(*number));
                assert!(!is_hit(&answer), "{what} {number} {}", answer.head);
                assert_ne!(answer.text(), known[number], "{what} {number}");
            }
            // Only a machine that had no time for this test makes it later.
            let slack = Duration::from_secs(5);
            assert!(done.elapsed() < slack, "{what} {:?}", done.elapsed());
            let left: HashMap<_, _> = known
                .into_iter()
                .filter(|(number, _)| !gone.contains(number))
                .collect();
            assert_eq!(
                hits(&two.gateway, &left).len(),
                left.len(),
                "{what} spares the others"
            );
        }
    }
}

/// Both have the same fifteen pages, in memory and in Redis.
fn fill_shared_anew(one: &Configured, two: &Configured) -> HashMap<usize, String> {
    let is_same = || {
        let known = fill(&one.gateway, 0..15);
        let is_known = hits(&two.gateway, &known_to(&two.gateway, &known)).len() == known.len();
        is_known.then_some(known)
    };
    let mut known = None;
    wait_until(
        || {
            known = is_same();
            known.is_some()
        },
        || "they do not come to have the same",
    );
    known.expect("it was waited for")
}

/// Those of the pages that a gateway has the same body of.
fn known_to(gateway: &Gateway, known: &HashMap<usize, String>) -> HashMap<usize, String> {
    let is_same =
        |(number, body): &(&usize, &String)| get(gateway, &target(**number)).text() == **body;
    let same = known.iter().filter(is_same);
    same.map(|(number, body)| (*number, body.clone())).collect()
}

#[test]
fn what_is_purged_is_not_stored_again_by_a_fetch_that_began_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let redis = Redis::start(folder.path(), &[]);
    let fetches = AtomicUsize::new(0);
    let gate = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let theirs = Arc::clone(&gate);
    let origin = Origin::answering(move |_| {
        let fetch = fetches.fetch_add(1, SeqCst);
        if fetch == 0 {
            wait_until(|| theirs.load(SeqCst), || "the gate stays closed");
        }
        let body = body("/p/1", fetch, false);
        let length = body.len();
        format!("HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
    });
    let [one, two] = pair(&origin, &redis.url(), "");
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| get(&two.gateway, "/p/1").text());
        wait_until(|| origin.requests() == 1, || "it is not sent");
        let told = purge_page(&one.gateway, 1);
        assert_eq!(told["gateways"]["confirmed"], 1, "{told}");
        gate.store(true, SeqCst);
        let old = slow.join().expect("an answer");
        for it in [&one, &two] {
            assert_ne!(get(&it.gateway, "/p/1").text(), old);
        }
    });
}

#[test]
fn a_wrong_password_is_an_error_that_names_the_cache_and_hides_the_secret() {
    let (origin, folder) = (pages(), tempfile::tempdir().expect("a folder"));
    let redis = Redis::start(folder.path(), &["--requirepass", "open-sesame"]);
    let secret = |password: &str| {
        let path = folder.path().join(password);
        let url = format!("redis://:{password}@127.0.0.1:{}", redis.port());
        std::fs::write(&path, url).expect("written");
        format!("file:{}", path.display())
    };
    let wrong = levels(&origin, None, Some(&secret("hunter2-hunter2")), "");
    let said = super::disk_errors::start_error(&wrong);
    assert!(
        said.contains("cache pages: ") && said.contains("check the user and password"),
        "{said}"
    );
    assert!(
        !said.contains("hunter2-hunter2@") && !said.contains(":hunter2"),
        "{said}"
    );
    // Without any.
    let none = levels(&origin, None, Some(&redis.url()), "");
    let said = super::disk_errors::start_error(&none);
    assert!(
        said.contains("cache pages: ") && said.contains("password"),
        "{said}"
    );
    // With the right one it works, and a reload with the wrong one changes nothing.
    let right = levels(&origin, None, Some(&secret("open-sesame")), "");
    let it = Configured::start(&right);
    let known = fill(&it.gateway, 0..3);
    wait_for_level(&it.gateway, "redis", "stores", 3);
    let answer = it.reload(&wrong);
    assert!(
        answer.status() >= 400 && answer.text().contains("cache pages: "),
        "{}",
        answer.text()
    );
    assert!(!answer.text().contains(":hunter2"), "{}", answer.text());
    assert_eq!(hits(&it.gateway, &known).len(), 3);
    assert_eq!(level(&it.gateway, "redis")["state"], "up");
    let admin = it.gateway.admin();
    let shown = client::ask(
        admin,
        format!("GET /api/v1/config HTTP/1.1\r\nHost: {admin}\r\n\r\n"),
    );
    for text in [
        &it.gateway.log(),
        &shown.text(),
        &status(&it.gateway).to_string(),
        &it.gateway.metrics(),
    ] {
        assert!(!text.contains("open-sesame@"), "{text}");
    }
}

#[test]
fn a_server_of_another_kind_is_an_error_that_says_what_to_write() {
    let (origin, folder) = (pages(), tempfile::tempdir().expect("a folder"));
    let redis = Redis::start(folder.path(), &[]);
    let url = redis.url().replace("redis://", "redis+cluster://");
    let said = super::disk_errors::start_error(&levels(&origin, None, Some(&url), ""));
    assert!(
        said.contains("cache pages: ") && said.contains("write redis://"),
        "{said}"
    );
}

#[test]
fn a_cluster_of_three_is_shared_as_well() {
    let (origin, folder) = (pages(), tempfile::tempdir().expect("a folder"));
    let mut nodes = cluster(folder.path());
    let [one, two] = pair(&origin, &cluster_url(&nodes), "");
    let known = fill_shared(&one, 0..30);
    assert_eq!(hits(&two.gateway, &known).len(), 30);
    for node in &nodes {
        let size: u64 = node.command(&["DBSIZE"]).parse().expect("a number");
        assert!(size > 0, "the keys are spread");
    }
    check_purges(&one, &two);
    // A node is lost under requests: nobody notices.
    nodes[1].kill();
    let load =
        tenfold_testkit::load::Load::start(two.gateway.address(), 2, Duration::from_millis(1));
    for number in 40..80 {
        let _checked = get(&one.gateway, &target(number));
    }
    load.wait_for(100);
    assert_eq!(load.stop(), Vec::<String>::new());
}
