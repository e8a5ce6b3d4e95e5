//! Files of nginx, imported and run.

use std::path::Path;
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
