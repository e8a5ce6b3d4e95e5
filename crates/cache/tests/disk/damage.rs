//! Torn and damaged files: nothing wrong is ever served.

use std::collections::HashMap;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
}

/// A directory as a killed process leaves it: without a footer in the last segment.
struct Scene {
    files: Vec<(PathBuf, Vec<u8>)>,
    /// What a reader may see for each key: what was stored last, or nothing.
    truth: HashMap<String, Option<Vec<u8>>>,
}

impl Scene {
    /// Makes one, with many segments if `large`.
    fn new(large: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let length = if large { 3000 } else { 30 };
        let mut truth = HashMap::new();
        let files = runtime().block_on(async {
            let disk = Disk::open(dir.path());
            for number in 0..60_u64 {
                let name = format!("k{}", number % 23);
                let value = noise(number, length);
                let tag = format!("t{}", number % 5);
                disk.put(&name, &value, &[&tag]).await;
                truth.insert(name, (Some(value), tag));
                if number % 9 == 8 {
                    let gone = format!("k{}", number % 7);
                    disk.invalidate(Invalidation::key(&key(&gone))).await;
                    truth.get_mut(&gone).unwrap().0 = None;
                }
                if number % 17 == 16 {
                    disk.invalidate(Invalidation::tag("t1")).await;
                    for (value, tag) in truth.values_mut() {
                        if tag == "t1" {
                            *value = None;
                        }
                    }
                }
            }
            // Copied while it is open: as it would lie there after a kill.
            files(dir.path())
        });
        let truth = truth
            .into_iter()
            .map(|(name, (value, _))| (name, value))
            .collect();
        Self { files, truth }
    }

    fn lay_out(&self, path: &Path) {
        for (name, bytes) in &self.files {
            std::fs::write(path.join(name), bytes).unwrap();
        }
    }

    /// Opens the directory, and checks that nothing wrong is served. How many of the values are there.
    fn check(&self, path: &Path) -> usize {
        runtime().block_on(async {
            let disk = Disk::open(path);
            let mut found = 0;
            for (name, value) in &self.truth {
                if let Some(record) = disk.get(name).await {
                    assert_eq!(
                        record.payload.as_deref(),
                        value.as_deref(),
                        "{name} is wrong, {:?}",
                        disk.0.recovery()
                    );
                    found += 1;
                }
            }
            found
        })
    }

    fn valid(&self) -> usize {
        self.truth.values().flatten().count()
    }
}

fn files(path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    std::fs::read_dir(path)
        .unwrap()
        .map(|file| file.unwrap())
        .map(|file| (file.file_name().into(), std::fs::read(file.path()).unwrap()))
        .collect()
}

#[test]
fn an_untouched_copy_has_everything() {
    for large in [false, true] {
        let scene = Scene::new(large);
        let dir = tempfile::tempdir().unwrap();
        scene.lay_out(dir.path());
        assert_eq!(scene.check(dir.path()), scene.valid());
        assert_eq!(scene.check(dir.path()), scene.valid());
    }
}

#[test]
fn a_tail_torn_at_any_byte_costs_only_what_was_torn() {
    let dir = tempfile::tempdir().unwrap();
    // Three records, and after how many bytes each of them was there.
    let (files, ends) = runtime().block_on(async {
        let disk = Disk::open(dir.path());
        let mut ends = Vec::new();
        for number in 0..3_u64 {
            disk.put(number, noise(number, 20), &[]).await;
            ends.push(std::fs::metadata(&segments(dir.path())[0]).unwrap().len() as usize);
        }
        (files(dir.path()), ends)
    });
    for cut in 0..=ends[2] {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in &files {
            let cut = if name.extension().is_some() {
                cut
            } else {
                bytes.len()
            };
            std::fs::write(dir.path().join(name), &bytes[..cut]).unwrap();
        }
        runtime().block_on(async {
            // Twice: recovery must not make anything worse.
            for _ in 0..2 {
                let disk = Disk::open(dir.path());
                for (number, end) in ends.iter().enumerate() {
                    let expected = (cut >= *end).then(|| noise(number as u64, 20));
                    let found = disk.get(number).await.map(|record| record.payload.unwrap());
                    assert_eq!(found.as_deref(), expected.as_deref(), "cut at {cut}");
                }
                assert_eq!(disk.0.recovery().dropped, None, "cut at {cut}");
            }
            let disk = Disk::open(dir.path());
            disk.put("new", "v", &[]).await;
            drop(disk);
            assert_eq!(Disk::open(dir.path()).value("new").await, fresh("v"));
        });
    }
}

#[test]
fn a_missing_segment_takes_everything_older_with_it() {
    let scene = Scene::new(true);
    let dir = tempfile::tempdir().unwrap();
    scene.lay_out(dir.path());
    let files = segments(dir.path());
    assert!(files.len() >= 3, "{files:?}");
    std::fs::remove_file(&files[1]).unwrap();
    let found = scene.check(dir.path());
    assert!(found < scene.valid());
    assert!(!files[0].exists());
    assert_eq!(scene.check(dir.path()), found);
}

#[test]
fn a_damaged_invalidation_at_the_end_of_the_log_brings_nothing_back() {
    let dir = tempfile::tempdir().unwrap();
    let (files, before) = runtime().block_on(async {
        let disk = Disk::open(dir.path());
        disk.put("k", "v", &[]).await;
        let before = std::fs::metadata(&segments(dir.path())[0]).unwrap().len() as usize;
        disk.invalidate(Invalidation::key(&key("k"))).await;
        (files(dir.path()), before)
    });
    let length = files
        .iter()
        .find(|(name, _)| name.extension().is_some())
        .map(|(_, bytes)| bytes.len())
        .unwrap();
    for bit in before * 8..length * 8 {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in &files {
            let mut bytes = bytes.clone();
            if name.extension().is_some() {
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
        runtime().block_on(async {
            for _ in 0..2 {
                assert_eq!(Disk::open(dir.path()).value("k").await, None, "bit {bit}");
            }
        });
    }
}

#[test]
fn a_damaged_state_drops_everything_and_says_so() {
    let scene = Scene::new(false);
    for damage in [None, Some("nonsense"), Some("")] {
        let dir = tempfile::tempdir().unwrap();
        scene.lay_out(dir.path());
        let state = dir.path().join("state");
        match damage {
            Some(text) => std::fs::write(state, text).unwrap(),
            None => std::fs::remove_file(state).unwrap(),
        }
        let disk = open(dir.path());
        assert!(disk.recovery().dropped.unwrap().contains("state file"));
        drop(disk);
        assert_eq!(scene.check(dir.path()), 0);
    }
}

#[test]
fn after_the_machine_went_down_only_what_is_proven_is_believed() {
    let scene = Scene::new(false);
    for (mode, synced, kept) in [
        ("open", "written", false),
        ("closed", "written", true),
        ("open", "synced", true),
    ] {
        let dir = tempfile::tempdir().unwrap();
        scene.lay_out(dir.path());
        let path = dir.path().join("state");
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.truncate(2);
        lines.extend(["another-boot", mode, synced]);
        let text = lines.join("\n") + "\n";
        let checksum = crc32fast::hash(text.as_bytes());
        std::fs::write(&path, format!("{text}{checksum:08x}\n")).unwrap();
        let expected = if kept { scene.valid() } else { 0 };
        assert_eq!(scene.check(dir.path()), expected, "{mode} {synced}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn no_damage_makes_a_wrong_value(
        large in any::<bool>(),
        bits in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..6),
        cut in proptest::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>())),
    ) {
        static SCENES: std::sync::LazyLock<[Scene; 2]> =
            std::sync::LazyLock::new(|| [Scene::new(false), Scene::new(true)]);
        let scene = &SCENES[usize::from(large)];
        let dir = tempfile::tempdir().unwrap();
        scene.lay_out(dir.path());
        let files = segments(dir.path());
        for (file, bit) in bits {
            let path = file.get(&files);
            let mut bytes = std::fs::read(path).unwrap();
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(path, bytes).unwrap();
        }
        // The last segment's end is what recovery must believe, as it cannot tell it from a torn one.
        if let Some((file, at)) = cut.filter(|_| files.len() > 1) {
            let path = file.get(&files[..files.len() - 1]);
            let bytes = std::fs::read(path).unwrap();
            std::fs::write(path, &bytes[..at.index(bytes.len())]).unwrap();
        }
        let found = scene.check(dir.path());
        prop_assert!(scene.check(dir.path()) <= found);
    }
}
