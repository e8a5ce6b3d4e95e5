//! A server for all tests, each with a database of its own.

use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use tenfold_testkit::postgres::Server;
use tokio_postgres::{Client, NoTls};

/// Ends with the tests.
pub(crate) static SERVER: LazyLock<Server> = LazyLock::new(Server::start);

/// A small shop, to be copied by [`shop`].
static SEEDED: LazyLock<()> = LazyLock::new(|| {
    let url = SERVER.database("seeded");
    let output = run("seed", &url, SMALL);
    assert!(output.status.success(), "{}", told(&output));
});

/// How small.
pub(crate) const SMALL: &[&str] = &[
    "--products",
    "200",
    "--customers",
    "100",
    "--orders",
    "2000",
];

/// A database with a small shop in it.
pub(crate) fn shop(name: &str) -> String {
    LazyLock::force(&SEEDED);
    let make = format!("CREATE DATABASE \"{name}\" TEMPLATE seeded");
    // Two at once do not have the template.
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock();
    SERVER.query("postgres", &make).expect("copied");
    SERVER.url(name)
}

/// Runs `shop COMMAND --database URL …`.
pub(crate) fn run(command: &str, url: &str, more: &[&str]) -> Output {
    prepare(command, url, more).output().expect("runs")
}

/// The same, to be started by the test.
pub(crate) fn prepare(command: &str, url: &str, more: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_shop"));
    program.args([command, "--database", url]).args(more);
    program.stdin(Stdio::null());
    program
}

/// What a program said, both ways.
pub(crate) fn told(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout);
    format!("{said}{}", String::from_utf8_lossy(&output.stderr))
}

/// A connection.
pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("connects");
    tokio::spawn(connection);
    client
}
