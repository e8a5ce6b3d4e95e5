//! The bound in bytes, and what is removed to keep it.

use super::*;

fn bytes_on_disk(path: &Path) -> u64 {
    std::fs::read_dir(path)
        .unwrap()
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum()
}

#[tokio::test]
async fn the_files_stay_within_the_bound_and_the_newest_records_stay() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::open(dir.path());
    for number in 0..3000_u64 {
        let value = noise(number, 1 + (number as usize * 331) % 9000);
        disk.put(number, value, &[]).await;
        if number % 50 == 0 {
            disk.invalidate(Invalidation::tag(&"t".repeat(3000))).await;
            let bytes = bytes_on_disk(dir.path());
            assert!(bytes <= SIZE, "{bytes} at {number}");
        }
    }
    let usage = disk.0.usage();
    assert!(usage.evictions > 2000, "{usage:?}");
    let held = usage.entries.unwrap();
    assert_eq!(held + usage.evictions, 3000);
    for number in 2900..3000_u64 {
        assert!(disk.get(number).await.is_some(), "{number}");
    }
    assert_eq!(disk.get(0).await, None);
    drop(disk);
    assert!(bytes_on_disk(dir.path()) <= SIZE);
    let disk = Disk::open(dir.path());
    assert_eq!(disk.0.recovery().entries, held);
    assert_eq!(disk.0.recovery().dropped, None);
}

#[tokio::test]
async fn what_is_read_stays_and_what_is_not_goes() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::open(dir.path());
    disk.put("used", "v", &["t"]).await;
    disk.put("unused", "v", &["t"]).await;
    disk.put("deleted", "v", &["gone"]).await;
    disk.put("softened", "v", &["soft"]).await;
    disk.get("deleted").await;
    disk.invalidate(Invalidation::tag("gone")).await;
    disk.invalidate(Invalidation::tag("soft").soft()).await;
    for number in 0..2000_u64 {
        disk.put(format!("filler {number}"), noise(number, 4000), &[])
            .await;
        if number % 10 == 0 {
            assert_eq!(disk.value("used").await, fresh("v"));
            assert_eq!(disk.value("softened").await, stale("v"));
        }
        match number {
            // Invalidated, and not looked for until segments before it are gone.
            300 => {
                disk.put("later", "v", &["later"]).await;
                disk.invalidate(Invalidation::tag("later")).await;
            }
            // The first segments have gone, and what was read in them has been written anew.
            700 => {
                assert!(disk.0.usage().evictions > 0);
                assert_eq!(disk.value("deleted").await, None);
                assert_eq!(disk.value("later").await, None);
            }
            _ => {}
        }
    }
    assert_eq!(disk.value("unused").await, None);
    assert_eq!(disk.value("deleted").await, None);
    drop(disk);
    let disk = Disk::open(dir.path());
    assert_eq!(disk.value("used").await, fresh("v"));
    assert_eq!(disk.value("softened").await, stale("v"));
    assert_eq!(disk.value("deleted").await, None);
    disk.invalidate(Invalidation::tag("t")).await;
    assert_eq!(disk.value("used").await, None);
}

#[tokio::test]
async fn a_record_longer_than_a_quarter_is_not_kept_and_replaces_what_was_there() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::open(dir.path());
    disk.put("k", "old", &[]).await;
    disk.put("fits", noise(1, 500_000), &[]).await;
    disk.put("k", noise(1, 600_000), &[]).await;
    assert_eq!(disk.value("k").await, None);
    assert!(disk.value("fits").await.is_some());
    drop(disk);
    let disk = Disk::open(dir.path());
    assert_eq!(disk.value("k").await, None);
    assert!(disk.value("fits").await.is_some());
}

#[tokio::test]
async fn a_smaller_bound_holds_from_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::open(dir.path());
    for number in 0..400_u64 {
        disk.put(number, noise(number, 4000), &[]).await;
    }
    drop(disk);
    let smaller = DiskOptions {
        size: 1 << 20,
        ..options(dir.path())
    };
    let disk = Disk(DiskLevel::open(&smaller).unwrap());
    assert!(bytes_on_disk(dir.path()) <= 1 << 20);
    assert_eq!(disk.get(0).await, None);
    assert!(disk.get(399).await.is_some());
}

#[tokio::test]
async fn invalidations_alone_do_not_fill_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::open(dir.path());
    disk.put("k", "v", &["t"]).await;
    for round in 0..60_u64 {
        let many: Vec<_> = (0..1000)
            .map(|number| Invalidation::key(&key(format!("{round}:{number}"))))
            .collect();
        disk.0.invalidate(&many).await.unwrap();
        assert!(bytes_on_disk(dir.path()) <= SIZE);
    }
}
