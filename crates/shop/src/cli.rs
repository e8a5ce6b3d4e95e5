//! The command line.
//!
//! What can be checked without looking at anything is checked here, so that a mistake is told before anything is started. Addresses of databases
//! are not: an error of the parser would print them, and they may have a password in them.

use std::net::SocketAddr;

use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::profile::{Fix, Fixes};
use crate::secret::Secret;
use crate::web::faults::{Share, Slow};

/// A reference shop to rehearse Black Friday with.
#[derive(Debug, Parser)]
#[command(name = "shop", version, arg_required_else_help = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the shop's pages and its API.
    Serve(Box<Serve>),
    /// Fill an empty database: products, customers, past orders. The same seed gives the same content.
    Seed(Seed),
    /// Make the indexes of a profile, or take them away. Safe while the shop is open.
    Migrate(Migrate),
    /// Check the books: is everything that was sold ordered, paid and counted, once? Exit code 0: yes, 1: no, 2: cannot look.
    Check(Check),
    /// Do what orders leave behind (best sellers, counts), and serve nothing.
    Worker(Worker),
}

/// Where the shop keeps what it knows.
#[derive(Debug, Args)]
pub struct Stores {
    /// Postgres: postgres://user@host/shop, postgres:///shop?host=/run/postgresql&user=shop, or env:NAME or file:PATH with that in it.
    #[arg(long, value_name = "URL")]
    pub database: Secret,
    /// Redis for sessions, carts, the leaderboard and events: redis://host:6379/0, or env:NAME or file:PATH; without it Postgres does that too.
    #[arg(long, value_name = "URL")]
    pub redis: Option<Secret>,
}

impl Stores {
    /// The addresses of the database and of Redis, read from where they are.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn read(&self) -> Result<(String, Option<String>), String> {
        let read = |option: &str, secret: &Secret| {
            let read = secret.read();
            read.map_err(|error| format!("{option}: {error}"))
        };
        let redis = self.redis.as_ref().map(|secret| read("--redis", secret));
        Ok((read("--database", &self.database)?, redis.transpose()?))
    }
}

/// `shop serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Where to listen; port 0 takes a free one, and the line `listening on …` says which.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3001")]
    pub listen: SocketAddr,
    /// Where things are kept.
    #[command(flatten)]
    pub stores: Stores,
    /// Which mistakes are made and which mended.
    #[command(flatten)]
    pub mended: Mended,
    /// Admin addresses of gateways whose caches are purged when something changes, such as http://127.0.0.1:9900.
    #[arg(long, value_name = "URL", value_delimiter = ',', value_parser = gateway)]
    pub purge: Vec<String>,
    /// The token of those gateways' admin API, if they want one: env:NAME or file:PATH.
    #[arg(long, value_name = "SECRET", requires = "purge")]
    pub purge_token: Option<Secret>,
    /// Opens /admin to whoever has this token (user admin): env:NAME or file:PATH.
    #[arg(long, value_name = "SECRET")]
    pub admin_token: Option<Secret>,
    /// Where to serve metrics (GET /metrics), such as 127.0.0.1:9301; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Option<SocketAddr>,
    /// For fault runs: pages take this much longer, such as 200ms; with :SHARE only so many of them, such as 2s:10%.
    #[arg(long, value_name = "TIME[:SHARE]")]
    pub slow: Option<Slow>,
    /// For fault runs: this share of pages fails with 500, such as 5%.
    #[arg(long, value_name = "SHARE", default_value = "0%")]
    pub fail_rate: Share,
    /// Most connections to the database.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = RangedU64ValueParser::<usize>::new().range(1..=1000))]
    pub pool: usize,
    /// Threads that serve; without it one per core.
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1024))]
    pub threads: Option<usize>,
    /// Leave what orders leave behind to other processes.
    #[arg(long)]
    pub no_worker: bool,
}

impl Serve {
    /// The administrator's token, read from where it is.
    ///
    /// # Errors
    /// When it cannot be read, or stands on the command line, where every user of the machine can read it.
    pub fn admin_token(&self) -> Result<Option<String>, String> {
        token("--admin-token", self.admin_token.as_ref())
    }

    /// The token of the gateways' admin API, read from where it is.
    ///
    /// # Errors
    /// As [`Serve::admin_token`].
    pub fn purge_token(&self) -> Result<Option<String>, String> {
        token("--purge-token", self.purge_token.as_ref())
    }
}

fn token(option: &str, secret: Option<&Secret>) -> Result<Option<String>, String> {
    let Some(secret) = secret else {
        return Ok(None);
    };
    if secret.is_plain() {
        return Err(format!(
            "{option}: a token on the command line can be read by everybody on this machine; \
             put it into a variable or a file and give env:NAME or file:PATH"
        ));
    }
    let token = secret.read();
    token
        .map(Some)
        .map_err(|error| format!("{option}: {error}"))
}

/// A profile, and single fixes with and without.
#[derive(Debug, Args)]
pub struct Mended {
    /// naive makes the usual mistakes, tuned has them all mended.
    #[arg(long, value_enum, default_value_t = Profile::Naive)]
    pub profile: Profile,
    /// Mend these as well: joins, indexes, read-model, cache-headers, process-cache.
    #[arg(long, value_name = "FIX", value_delimiter = ',')]
    pub with: Vec<Fix>,
    /// Make these mistakes all the same.
    #[arg(long, value_name = "FIX", value_delimiter = ',')]
    pub without: Vec<Fix>,
}

impl Mended {
    /// What is mended in all.
    ///
    /// # Errors
    /// When a fix is asked for and refused at the same time.
    pub fn fixes(&self) -> Result<Fixes, String> {
        if let Some(fix) = self.with.iter().find(|fix| self.without.contains(fix)) {
            return Err(format!(
                "{fix} is in --with and in --without; leave one out"
            ));
        }
        let fixes = self
            .with
            .iter()
            .fold(self.profile.fixes(), |fixes, fix| fixes.set(*fix, true));
        let without = |fixes: Fixes, fix: &Fix| fixes.set(*fix, false);
        Ok(self.without.iter().fold(fixes, without))
    }
}

/// Which set of mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// The usual mistakes.
    Naive,
    /// None of them.
    Tuned,
}

impl Profile {
    /// What is mended in it.
    #[must_use]
    pub const fn fixes(self) -> Fixes {
        match self {
            Self::Naive => Fixes::NONE,
            Self::Tuned => Fixes::ALL,
        }
    }
}

/// `shop seed`.
#[derive(Clone, Debug, Args)]
pub struct Seed {
    /// An empty database: postgres://user@host/shop, postgres:///shop?host=/run/postgresql&user=shop, or env:NAME or file:PATH with that in it.
    #[arg(long, value_name = "URL")]
    pub database: Secret,
    /// How many products.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(i32).range(10..=1_000_000))]
    pub products: i32,
    /// How many past orders.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(i64).range(0..=10_000_000))]
    pub orders: i64,
    /// How many customers.
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    pub customers: i64,
    /// Another number gives another shop.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i64).range(0..))]
    pub seed: i64,
    /// Throw away the shop that is in the database (only the shop's own tables, with all orders).
    #[arg(long)]
    pub replace: bool,
}

/// `shop migrate`.
#[derive(Clone, Debug, Args)]
pub struct Migrate {
    /// The shop's database, as for `shop serve`.
    #[arg(long, value_name = "URL")]
    pub database: Secret,
    /// tuned makes the indexes, naive takes them away.
    #[arg(long, value_enum)]
    pub profile: Profile,
}

/// `shop check`.
#[derive(Clone, Debug, Args)]
pub struct Check {
    /// The shop's database, as for `shop serve`.
    #[arg(long, value_name = "URL")]
    pub database: Secret,
    /// Print JSON, for programs.
    #[arg(long)]
    pub json: bool,
}

/// `shop worker`.
#[derive(Debug, Args)]
pub struct Worker {
    /// Where things are kept.
    #[command(flatten)]
    pub stores: Stores,
}

fn gateway(text: &str) -> Result<String, String> {
    let told = || "give the admin address of a gateway, such as http://127.0.0.1:9900".to_owned();
    let address: http::Uri = text.parse().map_err(|_| told())?;
    let is_plain = address.scheme_str() == Some("http") && address.path() == "/";
    match address.authority() {
        Some(authority) if is_plain && address.query().is_none() => {
            Ok(format!("http://{authority}"))
        }
        _ => Err(told()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(words.split_whitespace())
    }

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }

    #[test]
    fn fixes_are_added_to_a_profile_and_taken_from_it() {
        let fixes = |words: &str| {
            let arguments = parse(&format!("shop serve --database x {words}"));
            match arguments.map(|arguments| arguments.command) {
                Ok(Command::Serve(serve)) => serve.mended.fixes(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(fixes(""), Ok(Fixes::NONE));
        assert_eq!(fixes("--profile tuned"), Ok(Fixes::ALL));
        let some = Fixes::NONE.set(Fix::Joins, true).set(Fix::Indexes, true);
        assert_eq!(fixes("--with joins,indexes"), Ok(some));
        let most = Fixes::ALL.set(Fix::ProcessCache, false);
        assert_eq!(fixes("--profile tuned --without process-cache"), Ok(most));
        assert!(fixes("--with joins --without joins").is_err());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for words in [
            "shop",
            "shop serve",
            "shop serve --database x --fail-rate 101%",
            "shop serve --database x --fail-rate -1%",
            "shop serve --database x --fail-rate NaN",
            "shop serve --database x --slow 200",
            "shop serve --database x --slow 2h",
            "shop serve --database x --pool 0",
            "shop serve --database x --purge https://127.0.0.1:9900",
            "shop serve --database x --purge 127.0.0.1:9900",
            "shop serve --database x --purge-token env:X",
            "shop serve --database x --with tables",
            "shop seed --database x --products 9",
            "shop seed --database x --products 1000001",
            "shop seed --database x --orders -1",
            "shop seed --database x --customers 0",
            "shop seed --database x --seed -1",
            "shop migrate --database x",
        ] {
            assert!(parse(words).is_err(), "{words}");
        }
    }

    #[test]
    fn errors_do_not_tell_secrets() {
        let error = parse("shop seed --database postgres://me:hush@h/d --products x").err();
        assert!(!error.expect("refused").to_string().contains("hush"));
        let arguments = parse("shop serve --database postgres://me:hush@h/d").expect("good");
        assert!(!format!("{arguments:?}").contains("hush"));
    }

    #[test]
    fn a_token_on_the_command_line_is_refused() {
        let words = "shop serve --database x --admin-token hush --purge http://127.0.0.1:9900 --purge-token hush";
        let Command::Serve(serve) = parse(words).expect("good").command else {
            panic!("serve");
        };
        for told in [serve.admin_token(), serve.purge_token()] {
            let told = told.expect_err("refused");
            assert!(
                told.contains("env:NAME") && !told.contains("hush"),
                "{told}"
            );
        }
    }
}
