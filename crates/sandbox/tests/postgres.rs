//! A private Postgres: started, asked, killed, started again, and gone.

mod common;

use std::path::Path;

use common::{Holder, runs, wait_until};
use tenfold_sandbox::{Postgres, PostgresOptions, Sandbox, SandboxError};

fn start() -> (Sandbox, Postgres) {
    let sandbox = Sandbox::new().expect("a sandbox");
    let postgres = Postgres::start(&sandbox, &PostgresOptions::default());
    let postgres = postgres.unwrap_or_else(|error| panic!("{error}"));
    (sandbox, postgres)
}

/// The processes of a Postgres: its first one and its children.
fn family(postgres: &Postgres, first: u32) -> Vec<u32> {
    let all = postgres
        .query("postgres", "SELECT pid FROM pg_stat_activity")
        .expect("an answer");
    let all = all.lines().map(|line| line.parse().expect("a number"));
    [first].into_iter().chain(all).collect()
}

#[test]
fn it_answers_and_leaves_nothing() {
    let (sandbox, mut postgres) = start();
    let folder = sandbox.path().to_owned();
    postgres.create_database("a \"b\"/c?d").expect("made");
    let asked = postgres.query("a \"b\"/c?d", "SELECT current_database(), 1 + 1");
    assert_eq!(asked.expect("an answer"), "a \"b\"/c?d|2");
    let error = postgres
        .create_database("a \"b\"/c?d")
        .expect_err("there is one");
    assert!(
        matches!(&error, SandboxError::Sql(said) if said.contains("already exists")),
        "{error}"
    );
    let listens = postgres
        .query("postgres", "SHOW listen_addresses")
        .expect("an answer");
    assert_eq!(listens, "");
    let first = postgres.process().pid();
    let all = family(&postgres, first);
    assert!(postgres.cpu() > std::time::Duration::ZERO);
    drop(postgres);
    drop(sandbox);
    assert!(!folder.exists());
    assert!(!all.into_iter().any(runs));
}

#[test]
fn two_at_once_are_two() {
    let sandbox = Sandbox::new().expect("a sandbox");
    let options = PostgresOptions::default();
    let one = Postgres::start_named(&sandbox, "one", &options).expect("started");
    let two = Postgres::start_named(&sandbox, "two", &options).expect("started");
    let (_other, three) = start();
    one.create_database("mine").expect("made");
    for other in [&two, &three] {
        assert!(other.query("mine", "SELECT 1").is_err());
    }
}

#[test]
fn what_was_committed_outlasts_a_kill() {
    let (sandbox, mut postgres) = start();
    let url = postgres.url("postgres");
    postgres
        .query("postgres", "CREATE TABLE t AS SELECT 7 AS n")
        .expect("made");
    let cpu = postgres.cpu();
    let first = postgres.process().pid();
    let all = family(&postgres, first);
    postgres.kill();
    assert!(!all.into_iter().any(runs));
    assert!(!postgres.process().is_alive());
    assert!(postgres.query("postgres", "SELECT 1").is_err());
    postgres.restart(&sandbox).expect("started");
    assert_eq!(postgres.url("postgres"), url);
    assert_eq!(
        postgres
            .query("postgres", "SELECT n FROM t")
            .expect("an answer"),
        "7"
    );
    postgres.stop();
    assert!(!postgres.process().is_alive());
    postgres.restart(&sandbox).expect("started");
    assert!(postgres.cpu() > cpu);
}

#[test]
fn a_frozen_one_answers_when_it_is_thawed() {
    let (_sandbox, mut postgres) = start();
    let first = postgres.process().pid();
    postgres.freeze();
    wait_until("it stands still", || common::state(first) == Some('T'));
    postgres.thaw();
    assert_eq!(
        postgres.query("postgres", "SELECT 1").expect("an answer"),
        "1"
    );
}

#[test]
fn a_long_path_is_no_obstacle() {
    let base = tempfile::tempdir().expect("a temporary folder");
    let long = base.path().join("x".repeat(60)).join("y".repeat(60));
    std::fs::create_dir_all(&long).expect("made");
    // Everybody may pass, as through /tmp.
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(base.path(), PermissionsExt::from_mode(0o711)).expect("set");
    let sandbox = Sandbox::within(&long).expect("a sandbox");
    let postgres = Postgres::start(&sandbox, &PostgresOptions::default());
    let postgres = postgres.unwrap_or_else(|error| panic!("{error}"));
    let sockets = postgres.socket_folder().to_owned();
    assert_eq!(
        postgres.query("postgres", "SELECT 1").expect("an answer"),
        "1"
    );
    drop(postgres);
    drop(sandbox);
    assert!(!sockets.exists());
}

#[test]
fn a_setting_that_is_wrong_is_named() {
    let sandbox = Sandbox::new().expect("a sandbox");
    let settings = vec![("work_mem".to_owned(), "much".to_owned())];
    let options = PostgresOptions {
        settings,
        ..PostgresOptions::default()
    };
    let error = Postgres::start(&sandbox, &options)
        .err()
        .expect("it does not start");
    assert!(error.to_string().contains("work_mem"), "{error}");
}

#[test]
fn a_folder_that_its_user_cannot_reach() {
    if !rustix::process::geteuid().is_root() {
        // It runs as who runs this, who can.
        return;
    }
    use std::os::unix::fs::PermissionsExt;
    let base = tempfile::tempdir().expect("a temporary folder");
    std::fs::set_permissions(base.path(), PermissionsExt::from_mode(0o700)).expect("set");
    let sandbox = Sandbox::within(base.path()).expect("a sandbox");
    let error = Postgres::start(&sandbox, &PostgresOptions::default()).err();
    let error = error.expect("it cannot be reached");
    assert!(matches!(error, SandboxError::Unreachable(..)), "{error}");
}

#[test]
fn killed() {
    for how in ["running", "frozen", "killed"] {
        let mut holder = Holder::start(&[how]);
        let (folder, all) = (holder.folder(), holder.processes());
        holder.kill();
        wait_until("the folder is removed", || !Path::new(&folder).exists());
        assert!(!all.iter().any(|pid| runs(*pid)), "{how}: {all:?}");
    }
}

/// What [`killed`] starts and kills: a process of its own with a Postgres. It does nothing by itself.
#[test]
#[ignore = "other tests run it"]
fn holder() {
    let (sandbox, mut postgres) = start();
    let first = postgres.process().pid();
    let all = family(&postgres, first);
    match std::env::var("HOLDER").as_deref() {
        Ok("frozen") => postgres.freeze(),
        Ok("killed") => postgres.kill(),
        _ => {}
    }
    common::hold(sandbox.path(), &all);
}
