//! Files of nginx, imported and run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tenfold_testkit::load::Load;
use tenfold_testkit::origin::{Origin, ok};

use crate::{BINARY, Configured};

fn import(file: &Path) -> String {
    let output = Command::new(BINARY)
        .args(["import", "nginx"])
        .arg(file)
        .output()
        .expect("the binary can be started");
    let summary = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {summary}", file.display());
    assert!(summary.contains("directives translated"), "{summary}");
    String::from_utf8(output.stdout).expect("text")
}

fn inputs() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = std::fs::read_dir(root.join("tests/import/nginx")).expect("inputs");
    let mut files: Vec<_> = folder
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|it| it == "conf"))
        .collect();
    files.push(root.join("../../examples/import/nginx.conf"));
    files
}

#[test]
fn what_is_imported_can_be_loaded() {
    let inputs = inputs();
    assert!(inputs.len() > 5);
    let folder = tempfile::tempdir().expect("a folder");
    for file in inputs {
        let path = folder.path().join("imported.toml");
        std::fs::write(&path, import(&file)).expect("written");
        let check = Command::new(BINARY).arg("check").arg(&path).output();
        let check = check.expect("the binary can be started");
        let said = String::from_utf8_lossy(&check.stderr);
        assert!(check.status.success(), "{}: {said}", file.display());
    }
}

#[test]
fn what_was_protected_is_closed_and_what_has_no_equal_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("nginx.conf");
    let text = "events {}\nhttp { server { listen 8080;\nlocation / { limit_req zone=one; proxy_pass http://127.0.0.1:1; }\n\
                location /private/ { allow 10.0.0.0/8; deny all; proxy_pass http://127.0.0.1:1; } } }\n";
    std::fs::write(&file, text).expect("written");
    let imported = import(&file);
    assert!(
        imported.contains("SECURITY") && imported.contains("status = 403"),
        "{imported}"
    );
    assert!(
        imported.contains("nginx.conf:3 `limit_req zone=one`"),
        "{imported}"
    );
}

/// Three backends, `least_conn`, weights 3, 2, 1: under load each is busy in proportion to its weight.
#[test]
fn the_classic_example_runs_with_its_shares() {
    let origins = [(); 3].map(|()| {
        Origin::answering(|_| {
            std::thread::sleep(Duration::from_millis(20));
            ok("fine")
        })
    });
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("nginx.conf");
    let servers: String = origins
        .iter()
        .zip([3, 2, 1])
        .map(|(origin, weight)| format!("server {} weight={weight};\n", origin.name()))
        .collect();
    let text = format!(
        "events {{}}\nhttp {{ upstream backend {{ least_conn; {servers} }}\nserver {{ listen 127.0.0.1:1; \
         location / {{ proxy_pass http://backend; }} }} }}\n"
    );
    std::fs::write(&file, text).expect("written");
    let imported = import(&file).replace("127.0.0.1:1\"", "127.0.0.1:0\"");
    let it = Configured::start(&imported);
    let load = Load::start(it.gateway.address(), 24, Duration::ZERO);
    load.wait_for(1200);
    let failures = load.stop();
    assert!(failures.is_empty(), "{:?}", failures.first());
    let total: usize = origins.iter().map(Origin::requests).sum();
    for (origin, weight) in origins.iter().zip([3.0, 2.0, 1.0]) {
        let share = origin.requests() as f64 / total as f64;
        let wanted = weight / 6.0;
        assert!((share - wanted).abs() < 0.05, "{share} instead of {wanted}");
    }
}
