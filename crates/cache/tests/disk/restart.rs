//! What is there after a restart, and what is not.

use super::*;

#[tokio::test]
async fn a_record_comes_back_as_it_was_also_after_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let mut absent = record("", &[]);
    absent.payload = None;
    let mut disk = Disk::open(dir.path());
    let lease = disk.lease();
    disk.0.put(&key("no"), absent.clone(), lease).await.unwrap();
    disk.put("a", "1", &["t"]).await;
    disk.put("large", noise(1, 100_000), &[]).await;
    disk.put("a", "2", &["t", "u"]).await;
    for close in [false, true, true] {
        assert_eq!(disk.get("no").await, Some(absent.clone()));
        assert_eq!(disk.get("a").await, Some(record("2", &["t", "u"])));
        let large = disk.get("large").await;
        assert!(large == Some(record(noise(1, 100_000), &[])));
        assert_eq!(disk.get("b").await, None);
        if close {
            disk.close().await;
        } else {
            drop(disk);
        }
        disk = Disk::open(dir.path());
        assert_eq!(disk.0.recovery().entries, 3);
        assert_eq!(disk.0.recovery().dropped, None);
        assert_eq!(disk.0.usage().corrupt, 0);
    }
}

/// Everything that can be invalidated, softly and for good, and what is left of it.
async fn fill(disk: &Disk) {
    for mode in ["soft", "hard"] {
        disk.put(format!("{mode}:key"), "v", &[]).await;
        disk.put(format!("{mode}:tagged"), "v", &["x", mode]).await;
        disk.put(format!("{mode}:p:1"), "v", &[]).await;
        disk.put(format!("{mode}:other"), "v", &["y"]).await;
    }
    disk.invalidate(Invalidation::key(&key("soft:key")).soft())
        .await;
    disk.invalidate(Invalidation::key(&key("hard:key"))).await;
    disk.invalidate(Invalidation::tag("soft").soft()).await;
    disk.invalidate(Invalidation::tag("hard")).await;
    disk.invalidate(Invalidation::prefix("soft:p:").soft())
        .await;
    disk.invalidate(Invalidation::prefix("hard:p:")).await;
}

async fn check(disk: &Disk) {
    for name in ["key", "tagged", "p:1"] {
        assert_eq!(disk.value(format!("soft:{name}")).await, stale("v"));
        assert_eq!(disk.value(format!("hard:{name}")).await, None);
    }
    for mode in ["soft", "hard"] {
        assert_eq!(disk.value(format!("{mode}:other")).await, fresh("v"));
    }
}

#[tokio::test]
async fn invalidations_hold_at_once_and_after_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::open(dir.path());
    fill(&disk).await;
    check(&disk).await;
    drop(disk);
    let disk = Disk::open(dir.path());
    check(&disk).await;
    disk.close().await;
    let disk = Disk::open(dir.path());
    check(&disk).await;

    disk.put("hard:key", "new", &[]).await;
    disk.invalidate(Invalidation::all().soft()).await;
    drop(disk);
    let disk = Disk::open(dir.path());
    assert_eq!(disk.value("soft:other").await, stale("v"));
    assert_eq!(disk.value("hard:key").await, stale("new"));
    assert_eq!(disk.value("hard:tagged").await, None);

    disk.invalidate(Invalidation::all()).await;
    disk.put("hard:tagged", "after", &["hard"]).await;
    drop(disk);
    let disk = Disk::open(dir.path());
    assert_eq!(disk.value("soft:other").await, None);
    assert_eq!(disk.value("hard:key").await, None);
    assert_eq!(disk.value("hard:tagged").await, fresh("after"));
    assert_eq!(disk.0.recovery().entries, 1);
}

#[tokio::test]
async fn what_was_loaded_before_an_invalidation_is_not_stored_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::open(dir.path());
    let cases = [
        Invalidation::key(&key("k:1")),
        Invalidation::key(&key("k:1")).soft(),
        Invalidation::tag("t"),
        Invalidation::tag("t").soft(),
        Invalidation::prefix("k:"),
        Invalidation::prefix("k:").soft(),
        Invalidation::all(),
        Invalidation::all().soft(),
    ];
    for what in cases {
        let before = disk.lease();
        let after = disk.invalidate(what.clone()).await;
        let put = |lease| disk.0.put_one("k:1", record("v", &["t"]), lease);
        assert_eq!(put(before).await, Ok(false), "{what:?}");
        assert_eq!(put(after).await, Ok(true), "{what:?}");
        assert_eq!(disk.value("k:1").await, fresh("v"));
    }
    let unrelated = disk.lease();
    disk.invalidate(Invalidation::tag("another")).await;
    assert_eq!(
        disk.0.put_one("k:1", record("v", &["t"]), unrelated).await,
        Ok(true)
    );

    drop(disk);
    let disk = Disk::open(dir.path());
    assert_eq!(
        disk.0.put_one("k:1", record("w", &[]), unrelated).await,
        Ok(false),
        "a lease from before the restart"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_tasks_agree_with_what_each_has_done() {
    let dir = tempfile::tempdir().unwrap();
    let disk = std::sync::Arc::new(Disk::open(dir.path()));
    let tasks = (0..8_u64).map(|task| {
        let disk = disk.clone();
        tokio::spawn(async move {
            for round in 0..200_u64 {
                let name = format!("{task}:{}", round % 7);
                let value = noise(task << 32 | round, 50 + (round as usize * 37) % 3000);
                disk.put(&name, &value, &[&format!("t{task}")]).await;
                assert_eq!(disk.value(&name).await, Some((value, false)));
                match round % 20 {
                    9 => {
                        disk.invalidate(Invalidation::key(&key(&name))).await;
                        assert_eq!(disk.value(&name).await, None);
                    }
                    19 => {
                        disk.invalidate(Invalidation::tag(&format!("t{task}")))
                            .await;
                        for other in 0..7 {
                            assert_eq!(disk.value(format!("{task}:{other}")).await, None);
                        }
                    }
                    _ => {}
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(disk.0.usage().corrupt, 0);
}

/// The same for a name.
trait PutOne {
    fn put_one(
        &self,
        name: &str,
        record: Record,
        lease: Lease,
    ) -> impl Future<Output = Result<bool, LevelError>>;
}

impl PutOne for DiskLevel {
    async fn put_one(&self, name: &str, record: Record, lease: Lease) -> Result<bool, LevelError> {
        self.put(&key(name), record, lease).await
    }
}
