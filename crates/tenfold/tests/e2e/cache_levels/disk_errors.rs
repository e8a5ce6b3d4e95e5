//! A disk that cannot be used: what is said at the start, and that a reload with it changes nothing.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use super::*;

/// A folder of each kind that is refused, and what has to be said about it.
fn bad_folders(root: &Path) -> Vec<(PathBuf, &'static str)> {
    let make = |name: &str| {
        let path = root.join(name);
        std::fs::create_dir_all(&path).expect("a folder");
        path
    };
    let foreign = make("foreign");
    std::fs::write(foreign.join("holiday.jpg"), "mine").expect("a file");
    let open = make("open");
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).expect("ours");
    let file = root.join("file");
    std::fs::write(&file, "mine").expect("a file");
    vec![
        (
            foreign,
            "holds holiday.jpg, which no disk cache made: name an empty directory",
        ),
        (open, "others can write in"),
        (file.clone(), "cannot create"),
        (file.join("below"), "cannot create"),
        // Nobody can write there, not even root.
        (PathBuf::from("/proc/tenfold"), "cannot create"),
    ]
}

/// What a gateway that does not start says.
pub(super) fn start_error(text: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tenfold.toml");
    std::fs::write(&file, Configured::whole(text)).expect("written");
    let output = Command::new(BINARY).arg("run").arg(&file).output();
    let output = output.expect("the binary can be started");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    said
}

#[test]
fn a_folder_that_cannot_be_used_is_an_error_at_the_start_that_says_what_to_do() {
    let (origin, root) = (pages(), tempfile::tempdir().expect("a folder"));
    for (folder, expected) in bad_folders(root.path()) {
        let said = start_error(&levels(&origin, Some(&folder), None, ""));
        assert!(
            said.contains("cache pages: ") && said.contains(expected),
            "{folder:?}: {said}"
        );
        assert!(said.contains(&folder.display().to_string()), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
    assert_eq!(
        std::fs::read(root.path().join("foreign/holiday.jpg")).expect("untouched"),
        b"mine"
    );
}

#[test]
fn a_reload_with_a_folder_that_cannot_be_used_changes_nothing() {
    let (origin, root) = (pages(), tempfile::tempdir().expect("a folder"));
    let good = root.path().join("good");
    let it = Configured::start(&levels(&origin, Some(&good), None, ""));
    let known = fill(&it.gateway, 0..10);
    for (folder, expected) in bad_folders(root.path()) {
        let answer = it.reload(&levels(&origin, Some(&folder), None, ""));
        let said = answer.text();
        assert!(answer.status() >= 400, "{} {said}", answer.status());
        assert!(
            said.contains("cache pages: ") && said.contains(expected),
            "{folder:?}: {said}"
        );
        assert_eq!(hits(&it.gateway, &known).len(), 10, "{folder:?}");
    }
    assert_eq!(origin.requests(), 10);
    wait_for_level(&it.gateway, "disk", "stores", 10);
}

#[test]
fn a_folder_that_another_gateway_has_is_named_and_taken_over_when_that_ends() {
    let (origin, disk) = (pages(), tempfile::tempdir().expect("a folder"));
    let text = levels(&origin, Some(disk.path()), None, "");
    let mut owner = Configured::start(&text);
    let known = fill(&owner.gateway, 0..10);
    let mut it = Configured::start(&text);
    it.gateway.wait_for_log("is in use by process");
    let log = it.gateway.log();
    let pid = format!("process {}", owner.gateway.pid());
    assert!(
        log.contains(&pid) && log.contains("a directory of its own"),
        "{log}"
    );
    let line = log
        .lines()
        .find(|line| line.contains(&pid))
        .expect("a line");
    assert!(line.contains("WARN"), "{line}");
    // It serves meanwhile.
    let without = fill(&it.gateway, 20..25);
    assert_eq!(hits(&it.gateway, &without).len(), 5);
    owner.gateway.signal(Signal::TERM);
    assert_eq!(owner.gateway.wait().code(), Some(0));
    wait_for_state(&it.gateway, "disk", "up");
    wait_for_level(&it.gateway, "disk", "entries", 10);
    assert_eq!(hits(&it.gateway, &known).len(), 10);
}

#[test]
fn two_caches_in_one_folder_are_an_error_of_the_configuration() {
    let (origin, disk) = (pages(), tempfile::tempdir().expect("a folder"));
    let text = levels(&origin, Some(disk.path()), None, "")
        + &format!(
            "[cache.other]\ndisk = {{ path = \"{}\", size = \"8MiB\" }}\n\
             [[route]]\npath = \"/other\"\nupstream = \"app\"\ncache = \"other\"\n",
            disk.path().display()
        );
    let said = start_error(&text);
    assert!(said.contains("a folder of its own"), "{said}");
}
