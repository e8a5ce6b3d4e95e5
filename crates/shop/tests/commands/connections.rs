//! The pool and the line for what other processes tell.

use tenfold_shop::Error;
use tenfold_shop::database::Database;
use tenfold_shop::database::listen::{Heard, Listener};
use tenfold_testkit::postgres::Server;

use crate::common::{SERVER, connect, run, told};

#[tokio::test]
async fn a_connection_is_not_waited_for_without_end() {
    let database = Database::open(&SERVER.database("full"), 1).expect("opens");
    let only = database.get().await.expect("one");
    assert_eq!(database.load().connections, 1);
    let error = database.get().await.err();
    assert!(matches!(error, Some(Error::Unavailable(_))), "{error:?}");
    drop(only);
    drop(database.get().await.expect("one again"));
}

#[tokio::test]
async fn limits_are_set_on_every_connection() {
    let database = Database::open(&SERVER.database("limits"), 1).expect("opens");
    let client = database.get().await.expect("one");
    for (name, value) in [
        ("statement_timeout", "5s"),
        ("lock_timeout", "3s"),
        ("idle_in_transaction_session_timeout", "2s"),
        ("application_name", "shop"),
    ] {
        let row = client
            .query_one(&format!("SHOW {name}"), &[])
            .await
            .expect("shown");
        assert_eq!(row.get::<_, String>(0), value, "{name}");
    }
    client
        .batch_execute("SET statement_timeout = 50")
        .await
        .expect("set");
    let late = client
        .batch_execute("SELECT pg_sleep(60)")
        .await
        .map_err(Error::from);
    assert!(matches!(&late, Err(Error::Unavailable(_))), "{late:?}");
}

#[tokio::test]
async fn a_transaction_is_all_or_nothing() {
    let database = Database::open(&SERVER.database("atomic"), 1).expect("opens");
    let done = database.transaction(async |transaction| {
        Ok(transaction
            .batch_execute("CREATE TABLE t (n int); INSERT INTO t VALUES (1)")
            .await?)
    });
    done.await.expect("done");
    let failed = database.transaction(async |transaction| {
        transaction.execute("INSERT INTO t VALUES (2)", &[]).await?;
        Err::<(), _>(Error::EmptyCart)
    });
    assert!(matches!(failed.await, Err(Error::EmptyCart)));
    let count = SERVER
        .query("atomic", "SELECT sum(n) FROM t")
        .expect("an answer");
    assert_eq!(count, "1");
}

/// The next thing that is heard but that the line is alive.
async fn heard(listener: &mut Listener) -> Heard {
    loop {
        match listener.next().await {
            Heard::Alive(_) => {}
            heard => return heard,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_broke_is_told_and_made_again() {
    let url = SERVER.database("line");
    let database = Database::open(&url, 1).expect("opens");
    let mut listener = database.listen("changes");
    assert_eq!(heard(&mut listener).await, Heard::Back);
    let teller = connect(&url).await;
    let tell = async |what: &str| {
        let told = teller
            .execute("SELECT pg_notify('changes', $1)", &[&what])
            .await;
        told.expect("told");
    };
    for what in ["product-7", "", "product-8 product-9"] {
        tell(what).await;
        assert_eq!(heard(&mut listener).await, Heard::Told(what.to_owned()));
    }
    let hang_up = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'shop listen' AND datname = 'line'";
    assert_eq!(SERVER.query("postgres", hang_up).expect("asked"), "t");
    assert_eq!(heard(&mut listener).await, Heard::Lost);
    assert_eq!(heard(&mut listener).await, Heard::Back);
    tell("product-10").await;
    assert_eq!(
        heard(&mut listener).await,
        Heard::Told("product-10".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_silent_for_too_long_is_lost() {
    let url = SERVER.database("silent");
    let database = Database::open(&url, 1).expect("opens");
    let mut listener = database.listen("changes");
    assert_eq!(heard(&mut listener).await, Heard::Back);
    let pid = "SELECT pid FROM pg_stat_activity WHERE application_name = 'shop listen' AND datname = 'silent'";
    let pid = SERVER.query("postgres", pid).expect("one");
    let signal = |signal: &str| {
        let sent = std::process::Command::new("kill")
            .args([signal, &pid])
            .status();
        assert!(sent.expect("runs").success());
    };
    signal("-STOP");
    assert_eq!(heard(&mut listener).await, Heard::Lost);
    assert_eq!(heard(&mut listener).await, Heard::Back);
    signal("-CONT");
    let teller = connect(&url).await;
    teller
        .execute("NOTIFY changes, 'all'", &[])
        .await
        .expect("told");
    assert_eq!(heard(&mut listener).await, Heard::Told("all".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_gone_is_found_again() {
    let mut server = Server::start();
    let database = Database::open(&server.database("gone"), 2).expect("opens");
    let mut listener = database.listen("changes");
    assert_eq!(heard(&mut listener).await, Heard::Back);
    drop(database.get().await.expect("a connection"));
    server.kill();
    assert_eq!(heard(&mut listener).await, Heard::Lost);
    let error = database.get().await.err();
    assert!(matches!(error, Some(Error::Unavailable(_))), "{error:?}");
    server.restart();
    assert_eq!(heard(&mut listener).await, Heard::Back);
    let client = database.get().await.expect("a connection");
    client.batch_execute("SELECT 1").await.expect("an answer");
}

#[test]
fn addresses_may_be_kept_in_files_and_variables() {
    let url = SERVER.database("kept");
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), format!("{url}\n")).expect("written");
    let place = format!("file:{}", file.path().display());
    let output = run("check", &place, &[]);
    assert!(
        told(&output).contains("run `shop seed` first"),
        "{}",
        told(&output)
    );
    let output = run("check", "env:TENFOLD_SHOP_IS_NOT_SET", &[]);
    assert!(
        told(&output).contains("TENFOLD_SHOP_IS_NOT_SET is not set"),
        "{}",
        told(&output)
    );
}
