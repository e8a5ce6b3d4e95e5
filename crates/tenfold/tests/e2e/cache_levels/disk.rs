//! The disk: what is there after the process has gone, however it went.

use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::json;
use tenfold_testkit::client::Client;
use tenfold_testkit::origin::Origin;
use tenfold_testkit::wait_until;

use super::*;
use crate::free_port;

/// A gateway with this folder on disk, and these pages in it.
fn stored(
    origin: &Origin,
    folder: &Path,
    pages: impl IntoIterator<Item = usize>,
) -> (Configured, HashMap<usize, String>) {
    let it = Configured::start(&levels(origin, Some(folder), None, ""));
    let known = fill(&it.gateway, pages);
    wait_for_level(&it.gateway, "disk", "stores", known.len() as u64);
    (it, known)
}

fn all(known: &HashMap<usize, String>) -> Vec<usize> {
    let mut all: Vec<_> = known.keys().copied().collect();
    all.sort_unstable();
    all
}

/// The files with records.
fn segments(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).expect("the cache's folder");
    let files = files.map(|file| file.expect("a file").path());
    let mut files: Vec<_> = files
        .filter(|file| file.extension().is_some_and(|it| it == "log"))
        .collect();
    files.sort();
    files
}

#[test]
fn what_was_on_disk_is_a_hit_after_a_kill() {
    let (origin, disk) = (pages(), tempfile::tempdir().expect("a folder"));
    let folder = disk.path().join("pages");
    let (mut it, known) = stored(&origin, &folder, (0..80).chain(101..121));
    assert_eq!(hits(&it.gateway, &known), all(&known));
    for _ in 0..2 {
        let before = origin.requests();
        kill_and_restart(&mut it);
        it.gateway.wait_for_log("the cache on disk is taken up");
        assert_eq!(hits(&it.gateway, &known), all(&known), "as many as before");
        assert_eq!(origin.requests(), before, "the server is not asked");
        assert_eq!(level(&it.gateway, "disk")["hits"], known.len());
    }
    let age = get(&it.gateway, "/p/1");
    assert!(
        age.get("cache-status")
            .is_some_and(|it| it.contains("; ttl=5")),
        "{}",
        age.head
    );
}

#[test]
fn what_was_on_disk_is_a_hit_after_an_orderly_restart() {
    let (origin, disk) = (pages(), tempfile::tempdir().expect("a folder"));
    let it = Configured::start(&levels(&origin, Some(disk.path()), None, ""));
    let mut it = it;
    // The disk is not waited for: stopping writes out what is under way.
    let known = fill(&it.gateway, (0..50).chain(101..111));
    wait_for_level(&it.gateway, "memory", "entries", known.len() as u64);
    stop_and_restart(&mut it);
    assert_eq!(hits(&it.gateway, &known), all(&known));
    assert_eq!(origin.requests(), known.len());
}

#[test]
fn what_memory_has_no_room_for_comes_from_disk() {
    let (origin, disk) = (pages(), tempfile::tempdir().expect("a folder"));
    let it = Configured::start(&levels(
        &origin,
        Some(disk.path()),
        None,
        "memory = \"1MiB\"",
    ));
    let known = fill(&it.gateway, 101..161);
    wait_for_level(&it.gateway, "disk", "stores", known.len() as u64);
    assert!(status(&it.gateway)["evictions"].as_u64() > Some(20));
    assert_eq!(hits(&it.gateway, &known), all(&known));
    assert_eq!(origin.requests(), known.len());
}

#[test]
fn what_was_purged_stays_purged_after_a_kill() {
    let (origin, disk) = (pages(), tempfile::tempdir().expect("a folder"));
    let (mut it, known) = stored(&origin, disk.path(), 0..30);
    for (what, gone) in [
        (json!({ "url": "http://shop.example/p/7" }), vec![7]),
        (json!({ "tag": "t3" }), vec![3, 8, 13, 18, 23, 28]),
        (json!({ "prefix": "http://shop.example/p/1" }), vec![]),
    ] {
        let told = purge(&it.gateway, &what);
        assert_eq!(told["purged"], true, "{told}");
        kill_and_restart(&mut it);
        for number in gone {
            assert!(!is_hit(&get(&it.gateway, &target(number))), "{number}");
        }
    }
    // Those of the prefix that nobody has asked for since.
    let left: HashMap<_, _> = known
        .into_iter()
        .filter(|(number, _)| number % 5 != 3 && *number != 7)
        .collect();
    let expected: Vec<_> = all(&left)
        .into_iter()
        .filter(|number| *number != 1 && !(10..20).contains(number))
        .collect();
    assert_eq!(hits(&it.gateway, &left), expected);
    let told = purge(&it.gateway, &json!({ "all": true }));
    assert_eq!(told["purged"], true, "{told}");
    kill_and_restart(&mut it);
    assert_eq!(hits(&it.gateway, &left), Vec::<usize>::new());
}

#[test]
fn what_was_purged_softly_is_stale_after_a_kill_and_there_if_the_server_fails() {
    let (origin, disk) = (pages(), tempfile::tempdir().expect("a folder"));
    let more = "stale_if_error = \"10m\"";
    let mut it = Configured::start(&levels(&origin, Some(disk.path()), None, more));
    let known = fill(&it.gateway, 0..4);
    wait_for_level(&it.gateway, "disk", "stores", 4);
    let told = purge(&it.gateway, &json!({ "all": true, "soft": true }));
    assert_eq!(told["purged"], true, "{told}");
    kill_and_restart(&mut it);
    assert!(!is_hit(&get(&it.gateway, "/p/0")), "it is asked for anew");
    origin.kill();
    let stale = get(&it.gateway, "/p/1");
    assert_eq!(&stale.text(), &known[&1]);
}

/// Bit flips and lost ends at many places: what comes out of the cache is what was put in, and the rest is fetched.
#[test]
fn of_damaged_files_nothing_torn_is_served() {
    let (origin, disk) = (pages(), tempfile::tempdir().expect("a folder"));
    let (mut it, known) = stored(&origin, disk.path(), (0..100).chain(101..131));
    it.gateway.signal(Signal::KILL);
    let _killed = it.gateway.wait();
    let whole: Vec<_> = segments(disk.path())
        .into_iter()
        .map(|path| (path.clone(), std::fs::read(path).expect("a segment")))
        .collect();
    assert!(whole.len() > 2, "{}", whole.len());
    let last = whole.len() - 1;
    let flips = |bytes: &mut Vec<u8>| {
        for at in (0..bytes.len()).step_by(20_011) {
            bytes[at] ^= 1 << (at % 8);
        }
    };
    for (name, damage) in [
        ("flipped", &flips as &dyn Fn(&mut Vec<u8>)),
        ("cut short", &|bytes| bytes.truncate(bytes.len() * 2 / 3)),
        ("of zeros", &|bytes| {
            let half = bytes.len() / 2;
            bytes[half..].fill(0);
        }),
        ("empty", &Vec::clear),
    ] {
        for damaged in [0..=0, last..=last, 0..=last] {
            // As the first process left it.
            for file in segments(disk.path()) {
                std::fs::remove_file(file).expect("ours");
            }
            for (number, (path, bytes)) in whole.iter().enumerate() {
                let mut bytes = bytes.clone();
                if damaged.contains(&number) {
                    damage(&mut bytes);
                }
                std::fs::write(path, bytes).expect("ours");
            }
            restart(&mut it);
            // Checks each body.
            let found = hits(&it.gateway, &known);
            assert!(
                found.len() < known.len(),
                "{name} {damaged:?}: nothing was lost"
            );
            let log = it.gateway.log();
            // A last file without its end is what a kill leaves, and a first one without anything one that was dropped.
            let is_told = log.contains("WARN") && log.contains("on disk");
            assert!(
                is_told || *damaged.start() > 0 || name == "empty",
                "{name} {damaged:?}: {log}"
            );
            // It works on: what was lost is there again.
            assert_eq!(hits_again(&it.gateway, &known), known.len());
            it.gateway.signal(Signal::KILL);
            let _killed = it.gateway.wait();
        }
    }
}

fn hits_again(
    gateway: &tenfold_testkit::gateway::Gateway,
    known: &HashMap<usize, String>,
) -> usize {
    let is_there = |number: &&usize| is_hit(&get(gateway, &target(**number)));
    known.keys().filter(is_there).count()
}

#[test]
fn files_that_are_damaged_under_a_running_gateway_cost_only_hits() {
    let (origin, disk) = (pages(), tempfile::tempdir().expect("a folder"));
    let (mut it, known) = stored(&origin, disk.path(), (0..60).chain(101..131));
    kill_and_restart(&mut it);
    it.gateway.wait_for_log("the cache on disk is taken up");
    for path in segments(disk.path()) {
        let mut bytes = std::fs::read(&path).expect("a segment");
        for at in (4096..bytes.len()).step_by(5_003) {
            bytes[at] ^= 0x10;
        }
        // In place: the gateway has these files open.
        let file = std::fs::OpenOptions::new().write(true).open(&path);
        std::io::Write::write_all(&mut file.expect("ours"), &bytes).expect("ours");
    }
    let found = hits(&it.gateway, &known);
    assert!(found.len() < known.len());
    assert!(level(&it.gateway, "disk")["corrupt"].as_u64() > Some(0));
    assert_eq!(hits_again(&it.gateway, &known), known.len());
}

#[test]
fn a_reload_keeps_the_disk_and_another_size_takes_it_over() {
    let (origin, disk) = (pages(), tempfile::tempdir().expect("a folder"));
    let (mut it, known) = stored(&origin, disk.path(), 0..20);
    let text = levels(&origin, Some(disk.path()), None, "jitter = \"1%\"");
    assert_eq!(it.reload(&text).status(), 200);
    assert_eq!(hits(&it.gateway, &known), all(&known));
    // Another cache in the same folder: it waits until the old one has let go, and takes up what is there.
    let answer = it.reload(&text.replace("8MiB", "9MiB"));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    it.gateway.wait_for_log("the cache on disk is taken up");
    let disk_hits = || level(&it.gateway, "disk")["entries"].as_u64() >= Some(20);
    wait_until(disk_hits, || level(&it.gateway, "disk").to_string());
    assert_eq!(hits(&it.gateway, &known), all(&known));
    assert_eq!(origin.requests(), known.len());
}

#[test]
fn an_upgrade_takes_the_folder_over_and_forgets_no_purge() {
    let disk = tempfile::tempdir().expect("a folder");
    let (listen, admin) = (free_port(), free_port());
    let fetches = AtomicUsize::new(0);
    let origin = Origin::new(move |peer| {
        while let Some(request) = peer.request()? {
            let target = request.start_line().split(' ').nth(1).unwrap_or_default();
            if target == "/slow" {
                std::thread::sleep(std::time::Duration::from_millis(1500));
            }
            let body = body(target, fetches.fetch_add(1, SeqCst), false);
            let length = body.len();
            peer.send(format!("HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: {length}\r\n\r\n{body}"))?;
        }
        Ok(())
    });
    let text = levels(&origin, Some(disk.path()), None, "").replace("127.0.0.1:0", &listen);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tenfold.toml");
    let whole = Configured::whole(&text).replace("127.0.0.1:0", &admin);
    std::fs::write(&file, whole).expect("written");
    let gateway = gateway::start_file(BINARY, &file);
    let mut it = Configured { folder, gateway };
    let mut known = fill(&it.gateway, 0..30);
    wait_for_level(&it.gateway, "disk", "stores", 30);
    // It keeps the old process, and its lock on the folder, alive for a while.
    let mut slow = Client::connect(it.gateway.address());
    slow.send("GET /slow HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    wait_until(|| origin.requests() == 31, || "it is not sent");
    it.gateway.signal(Signal::USR2);
    it.gateway.wait_for_log("serves; this one drains");
    // The new process is asked as soon as the old one has stopped accepting; the folder is not its own yet.
    std::thread::sleep(std::time::Duration::from_millis(200));
    let told = purge_page(&it.gateway, 3);
    let disk = &told["levels"][1];
    assert_eq!(
        (&disk["name"], &disk["ok"]),
        (&json!("disk"), &json!(false)),
        "{told}"
    );
    assert!(!is_hit(&get(&it.gateway, "/p/3")));
    check_body("/slow", &slow.response().text());
    assert_eq!(it.gateway.wait().code(), Some(0));
    wait_for_state(&it.gateway, "disk", "up");
    wait_for_level(&it.gateway, "disk", "entries", 29);
    let old = known.remove(&3).expect("it was stored");
    assert_ne!(get(&it.gateway, "/p/3").text(), old);
    assert_eq!(hits(&it.gateway, &known), all(&known));
}
