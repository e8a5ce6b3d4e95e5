//! What the operating system refuses, and what the user gets wrong.

use std::os::unix::fs::PermissionsExt as _;

use tenfold_cache::level::disk::OpenError;

use super::*;

fn refused(options: &DiskOptions) -> String {
    match DiskLevel::open(options) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_second_owner_is_locked_out_with_a_clear_message() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path());
    let message = refused(&options(dir.path()));
    let pid = std::process::id();
    assert!(
        message.contains(&format!("in use by process {pid}")),
        "{message}"
    );
    assert!(message.contains("a directory of its own"), "{message}");
    drop(first);
    open(dir.path());
}

#[test]
fn a_directory_with_something_else_in_it_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("thesis.txt"), "precious").unwrap();
    let message = refused(&options(dir.path()));
    assert!(message.contains("thesis.txt"), "{message}");
    assert!(message.contains("name an empty directory"), "{message}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_state_that_is_not_ours_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("state"), "another program's").unwrap();
    let message = refused(&options(dir.path()));
    assert!(message.contains("holds state"), "{message}");
    let state = std::fs::read_to_string(dir.path().join("state")).unwrap();
    assert_eq!(state, "another program's");
}

#[test]
fn a_directory_in_which_others_can_write_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let error = DiskLevel::open(&options(dir.path())).unwrap_err();
    assert!(matches!(error, OpenError::Exposed { mode: 0o777, .. }));
    assert!(error.to_string().contains("chmod 700"), "{error}");
}

#[test]
fn a_path_that_cannot_be_a_directory_is_named_in_the_message() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let message = refused(&options(&file));
    assert!(message.contains("cannot create"), "{message}");
    assert!(message.contains("file"), "{message}");
    let message = refused(&options(Path::new("/proc/tenfold-cache")));
    assert!(message.contains("/proc/tenfold-cache"), "{message}");
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let small = DiskOptions::new(dir.path(), 1000);
    assert!(refused(&small).contains("at least 1048576"));
    let mut idle = options(dir.path());
    idle.readers = 0;
    assert!(refused(&idle).contains("reading threads"));
}

#[tokio::test]
async fn only_the_owner_can_read_what_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b");
    let disk = Disk::open(&path);
    disk.put("k", "v", &[]).await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    for file in std::fs::read_dir(&path).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
}

#[tokio::test]
async fn a_directory_that_is_removed_makes_writing_fail_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cache");
    let disk = Disk::open(&path);
    disk.put("k", "v", &[]).await;
    std::fs::remove_dir_all(&path).unwrap();
    let mut failed = None;
    for number in 0..100_u64 {
        let value = record(noise(number, 4000), &[]);
        let put = disk.0.put(&key(number), value, disk.lease()).await;
        if let Err(error) = put {
            failed = Some(error.to_string());
            break;
        }
    }
    let why = failed.expect("a new segment cannot be created");
    assert!(why.contains("cannot create a segment"), "{why}");
    assert_eq!(disk.value("k").await, fresh("v"));
    // What cannot be written is reported, and holds for as long as the process lives.
    let result = disk.0.invalidate(&[Invalidation::key(&key("k"))]).await;
    assert!(failure(result).contains("cannot create a segment"));
    assert_eq!(disk.value("k").await, None);
}

#[tokio::test]
async fn a_closed_level_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::open(dir.path());
    disk.put("k", "v", &[]).await;
    disk.0.close().await.unwrap();
    disk.0.close().await.unwrap();
    let lease = disk.lease();
    assert!(failure(disk.0.get(&key("k")).await).contains("closed"));
    assert!(failure(disk.0.put(&key("k"), record("", &[]), lease).await).contains("closed"));
    assert!(failure(disk.0.invalidate(&[Invalidation::all()]).await).contains("closed"));
}

#[tokio::test]
async fn with_sync_the_same_holds() {
    let dir = tempfile::tempdir().unwrap();
    let options = DiskOptions {
        sync: true,
        ..options(dir.path())
    };
    let disk = Disk(DiskLevel::open(&options).unwrap());
    for number in 0..100_u64 {
        disk.put(number, noise(number, 3000), &["t"]).await;
    }
    disk.put("k", "v", &[]).await;
    disk.invalidate(Invalidation::tag("t")).await;
    drop(disk);
    let disk = Disk(DiskLevel::open(&options).unwrap());
    assert_eq!(disk.value("k").await, fresh("v"));
    for number in 0..100 {
        assert_eq!(disk.get(number).await, None);
    }
}

/// `RLIMIT_FSIZE` makes writing fail in the middle of an entry, as a full disk does: in a process of its own, because the
/// limit is the process's, and with the signal that comes with it ignored.
#[test]
fn a_write_cut_short_by_a_limit_is_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let script =
        "trap '' XFSZ; ulimit -f 40; exec \"$0\" --exact faults::child_at_a_limit --nocapture";
    let run = std::process::Command::new("bash")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .env("TENFOLD_TEST_LIMIT_DIR", dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}");
    assert!(said.contains("all of it was checked"), "{said}");

    // Everything that was acknowledged is there, and nothing was dropped.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let disk = Disk::open(dir.path());
        assert_eq!(disk.0.recovery().dropped, None);
        assert_eq!(disk.value("first").await, fresh("v"));
        assert_eq!(disk.value("deleted").await, None);
        assert_eq!(disk.value("last").await, fresh("v"));
    });
}

/// A full disk takes no invalidation, and whoever would repeat it is killed.
#[test]
fn what_could_not_be_deleted_does_not_come_back_after_a_kill_or_an_end() {
    for end in ["kill", "close"] {
        let dir = tempfile::tempdir().unwrap();
        let script = "trap '' XFSZ; ulimit -f 40; exec \"$0\" --exact faults::child_on_a_full_disk --nocapture";
        let run = std::process::Command::new("bash")
            .args(["-c", script])
            .arg(std::env::current_exe().unwrap())
            .env("TENFOLD_TEST_FULL_DIR", dir.path())
            .env("TENFOLD_TEST_END", end)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{said}");
        assert!(said.contains("it could not be deleted"), "{said}");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let disk = Disk::open(dir.path());
            assert_eq!(disk.value("deleted").await, None, "{end}");
            let why = disk.0.recovery().dropped.unwrap();
            assert!(why.contains("could not be written"), "{why}");
        });
    }
}

/// Run by the test above; by itself it does nothing.
#[test]
fn child_on_a_full_disk() {
    let Some(path) = std::env::var_os("TENFOLD_TEST_FULL_DIR") else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let disk = Disk::open(Path::new(&path));
        disk.put("deleted", "v", &[]).await;
        // Files may have 40 KiB, segments 64 KiB.
        while disk
            .0
            .put(&key("k"), record(noise(1, 500), &[]), disk.lease())
            .await
            .is_ok()
        {}
        let tell = |name: &str| Invalidation::key(&key(name));
        while disk.0.invalidate(&[tell("x")]).await.is_ok() {}
        disk.0.invalidate(&[tell("deleted")]).await.unwrap_err();
        assert_eq!(disk.value("deleted").await, None);
        println!("it could not be deleted");
        if std::env::var("TENFOLD_TEST_END").unwrap() == "close" {
            disk.close().await;
        }
        std::process::exit(0);
    });
}

/// Run by the test above; by itself it does nothing.
#[test]
fn child_at_a_limit() {
    let Some(path) = std::env::var_os("TENFOLD_TEST_LIMIT_DIR") else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let disk = Disk::open(Path::new(&path));
        disk.put("first", "v", &[]).await;
        disk.put("deleted", "v", &[]).await;
        disk.invalidate(Invalidation::key(&key("deleted"))).await;
        // Files may have 40 KiB (bash counts in 1,024 bytes), segments 64 KiB.
        let put = disk
            .0
            .put(&key("large"), record(noise(1, 60_000), &[]), disk.lease())
            .await;
        assert!(failure(put).contains("cannot write"));
        assert_eq!(disk.value("first").await, fresh("v"));
        disk.put("last", "v", &[]).await;
        assert_eq!(disk.value("last").await, fresh("v"));
        println!("all of it was checked");
        // As a kill would: no footer, no closing.
        std::process::exit(0);
    });
}
