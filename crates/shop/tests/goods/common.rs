//! A Postgres for all tests, a database for each, and what the tests do again and again.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tenfold_shop::checkout::Placed;
use tenfold_shop::cli::Profile;
use tenfold_shop::database::migrate::migrate;
use tenfold_shop::model::{Address, Order};
use tenfold_shop::profile::Fixes;
use tenfold_shop::session::Session;
use tenfold_shop::{Error, Options, Shop};
use tenfold_testkit::postgres::Server;

/// How long a test waits for what happens in the background.
const PATIENCE: Duration = Duration::from_secs(60);

/// Stopped by its sandbox when the tests end.
fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let options = tenfold_sandbox::PostgresOptions {
            max_connections: 300,
            ..Default::default()
        };
        let server = Server::with(&options);
        let _url = server.database("fixture");
        let schema = include_str!("../../src/database/schema.sql");
        for sql in [schema, include_str!("fixture.sql"), "ANALYZE"] {
            server.query("fixture", sql).expect("the fixture is good");
        }
        server
    })
}

/// A shop's database.
pub(crate) struct Base {
    pub(crate) name: String,
    pub(crate) url: String,
}

impl Base {
    /// With the fixture, and the indexes of profile tuned.
    pub(crate) async fn new() -> Self {
        let base = Self::untuned();
        let migrated = migrate(&base.url, Profile::Tuned).await;
        migrated.expect("the indexes can be made");
        base
    }

    /// With the fixture.
    pub(crate) fn untuned() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // One after the other: a template must not be in use.
        static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
        let name = format!("shop{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let _one = ONE.lock();
        let make = format!("CREATE DATABASE {name} TEMPLATE fixture");
        server()
            .query("postgres", &make)
            .expect("a copy can be made");
        let url = server().url(&name);
        Self { name, url }
    }

    /// Asks the database itself.
    pub(crate) fn sql(&self, sql: &str) -> String {
        let answer = server().query(&self.name, sql);
        answer
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
            .trim()
            .to_owned()
    }

    pub(crate) fn options(&self, fixes: Fixes) -> Options {
        Options {
            database: self.url.clone(),
            pool: 16,
            redis: None,
            fixes,
            purge: Vec::new(),
            purge_token: None,
            is_worker: false,
        }
    }

    pub(crate) async fn shop(&self, fixes: Fixes) -> Arc<Shop> {
        open(self.options(fixes)).await
    }

    /// Ends connections to it.
    pub(crate) fn cut(&self, which: &str) {
        self.outside(&format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{}' AND ({which})",
            self.name
        ));
    }

    /// Lets no new connections in, not even those of [`Base::sql`].
    pub(crate) fn close(&self) {
        self.outside(&format!(
            "ALTER DATABASE {} ALLOW_CONNECTIONS false",
            self.name
        ));
    }

    /// Lets them in again.
    pub(crate) fn open(&self) {
        self.outside(&format!(
            "ALTER DATABASE {} ALLOW_CONNECTIONS true",
            self.name
        ));
    }

    fn outside(&self, sql: &str) {
        server()
            .query("postgres", sql)
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The books: what must be true at any moment, whatever was done.
    pub(crate) fn assert_balanced(&self) {
        let mut check = Command::new(env!("CARGO_BIN_EXE_shop"));
        let output = check.args(["check", "--database", &self.url]).output();
        let output = output.expect("the shop runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
    }

    /// The books, and that the worker has seen all of them.
    pub(crate) fn assert_all_done(&self) {
        self.assert_balanced();
        assert_eq!(
            self.sql("SELECT count(*) FROM orders WHERE status = 'paid'"),
            "0"
        );
    }

    /// Waits until nothing is open in the outbox.
    pub(crate) async fn done(&self) {
        let open = || {
            self.sql("SELECT count(*) FROM outbox WHERE done IS NULL AND kind = 'order.created'")
        };
        until(async || open() == "0", "the outbox is empty").await;
    }
}

pub(crate) async fn open(options: Options) -> Arc<Shop> {
    Shop::open(options).await.expect("the addresses are good")
}

/// Waits until something is so.
pub(crate) async fn until(mut is_so: impl AsyncFnMut() -> bool, what: &str) {
    let since = Instant::now();
    while !is_so().await {
        assert!(
            since.elapsed() < PATIENCE,
            "{what}: not within {PATIENCE:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Somebody new, logged in.
pub(crate) async fn customer(shop: &Shop, name: &str) -> Session {
    let mail = format!("{name}@example.com");
    let made = shop.register(None, name, &mail, "correct horse").await;
    made.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// So many visitors, all of them with the account of the first: hashing passwords takes long, and a basket is a session's.
pub(crate) async fn visitors(shop: &Shop, count: usize) -> Vec<Session> {
    let first = customer(shop, &format!("shopper-{}", fastrand::u32(..))).await;
    let mut all = vec![first];
    while all.len() < count {
        let mut session = shop.begin_session().await.expect("a session");
        session.customer.clone_from(&all[0].customer);
        all.push(session);
    }
    all
}

pub(crate) async fn fill(shop: &Shop, session: &Session, lines: &[(i32, i32)]) {
    for (product, quantity) in lines {
        let set = shop.set_in_cart(&session.token, *product, *quantity).await;
        set.unwrap_or_else(|error| panic!("product {product}: {error}"));
    }
}

pub(crate) fn address() -> Address {
    let text = str::to_owned;
    Address {
        name: text("Ada"),
        street: text("1 Mill Lane"),
        postcode: text("12345"),
        city: text("Bath"),
        country: text("UK"),
    }
}

/// Orders, and tries again with the same key while somebody says that it may work later: what a good client does.
pub(crate) async fn order(shop: &Shop, session: &Session, key: &str) -> Result<Placed, Error> {
    for _ in 0..200 {
        match shop.check_out(session, key, &address()).await {
            Err(error) if error.retryable() => tokio::time::sleep(Duration::from_millis(10)).await,
            outcome => return outcome,
        }
    }
    panic!("{key}: not after 200 attempts");
}

pub(crate) fn placed(outcome: Result<Placed, Error>) -> Order {
    match outcome {
        Ok(Placed::New(order) | Placed::Again(order)) => order,
        Err(error) => panic!("{error}"),
    }
}
