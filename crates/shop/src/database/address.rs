//! Where a database is, read from text and told in errors, without its password.

use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::Error;

/// To connect. A database on the same network answers within milliseconds, or not at all.
const CONNECT: Duration = Duration::from_secs(3);
/// A peer that vanished (no FIN, no RST) is noticed after about this long.
const VANISHED: Duration = Duration::from_secs(15);

/// Reads an address: `postgres://user@host:5432/shop`, `postgres:///shop?host=/run/postgresql`, or `host=… dbname=…`. As in libpq, a `host` among the
/// parameters replaces the one before them. What it leaves open is set: time to connect, keepalive, the name that `pg_stat_activity` shows.
///
/// # Errors
/// When it is no such address; the password is not in the message.
pub(super) fn parse(url: &str) -> Result<Config, Error> {
    let mut config: Config = without_replaced_host(url.trim()).parse().map_err(|error| {
        let why = super::told(&error);
        Error::Broken(format!(
            "the database's address is not understood: {why}; write postgres://user@host/shop, or \
                 postgres:///shop?host=/run/postgresql&user=shop for a Unix socket"
        ))
    })?;
    if config
        .get_hosts()
        .iter()
        .any(|host| matches!(host, Host::Tcp(name) if name.contains('@')))
    {
        let told = "the database's address has an @ in its password; write it as %40";
        return Err(Error::Broken(told.to_owned()));
    }
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        let told = "the database's address names no host; write postgres://user@host/shop, or \
                    postgres:///shop?host=/run/postgresql&user=shop for a Unix socket";
        return Err(Error::Broken(told.to_owned()));
    }
    if config.get_ssl_mode() == SslMode::Require {
        let told = "the shop speaks to Postgres without TLS: leave sslmode=require out, and reach a database on another machine through a \
                    private network or a tunnel";
        return Err(Error::Broken(told.to_owned()));
    }
    if config.get_application_name().is_none() {
        config.application_name("shop");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(VANISHED);
    }
    config
        .keepalives_idle(VANISHED / 3)
        .keepalives_interval(VANISHED / 3)
        .keepalives_retries(2);
    Ok(config)
}

/// `postgres://me@localhost/shop?host=/run` is what libpq connects to at `/run` alone; tokio-postgres would try localhost first, where another
/// database may be.
fn without_replaced_host(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let Some((before, parameters)) = rest.split_once('?') else {
        return url.to_owned();
    };
    if !parameters.split('&').any(|one| one.starts_with("host=")) {
        return url.to_owned();
    }
    let user = before.rfind('@').map_or("", |at| &before[..=at]);
    let after = &before[user.len()..];
    let path = after.find('/').map_or("", |slash| &after[slash..]);
    format!("{scheme}://{user}{path}?{parameters}")
}

/// Where it is, for people: `database shop at 127.0.0.1:5432`.
pub(super) fn describe(config: &Config) -> String {
    let ports = config.get_ports();
    let port = |index: usize| ports.get(index).or(ports.first()).copied().unwrap_or(5432);
    let hosts = config.get_hosts().iter().enumerate();
    let places: Vec<String> = hosts
        .map(|(index, host)| match host {
            Host::Tcp(name) => format!("{name}:{}", port(index)),
            Host::Unix(path) => format!("{}/.s.PGSQL.{}", path.display(), port(index)),
        })
        .collect();
    let places = places.join(", ");
    match config.get_dbname().or(config.get_user()) {
        Some(name) => format!("database {name} at {places}"),
        None => format!("the database at {places}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(url: &str) -> Result<String, String> {
        parse(url)
            .map(|config| describe(&config))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn addresses_in_every_form() {
        for (url, place) in [
            (
                "postgres://me@db.example:6000/shop",
                "database shop at db.example:6000",
            ),
            (
                "postgresql:///shop?host=/tmp/x&user=me",
                "database shop at /tmp/x/.s.PGSQL.5432",
            ),
            (
                "postgres://me@localhost/shop?host=/tmp/x",
                "database shop at /tmp/x/.s.PGSQL.5432",
            ),
            (
                "postgres://me:a%40b@localhost:1/shop?host=/tmp/x&port=7",
                "database shop at /tmp/x/.s.PGSQL.7",
            ),
            (
                "postgres://me@%2Ftmp%2Fx/shop",
                "database shop at /tmp/x/.s.PGSQL.5432",
            ),
            (
                "host=/tmp/x user=me dbname=shop port=5433",
                "database shop at /tmp/x/.s.PGSQL.5433",
            ),
            ("postgres://a@b:1,c:2/d", "database d at b:1, c:2"),
            ("postgres://h", "the database at h:5432"),
        ] {
            assert_eq!(described(url), Ok(place.to_owned()), "{url}");
        }
    }

    #[test]
    fn wrong_addresses_are_told_without_their_password() {
        for url in [
            "postgres://me:hush@h:notaport/shop",
            "postgres://me:hush@h/shop?sslmode=require",
            "postgres://me:hu@sh@h/shop",
            "postgres://me:hush@h/shop?colour=red",
            "host=h user=me password='hush",
            "postgres://me:hush@/shop",
            "hush",
            "",
        ] {
            let told = described(url).expect_err(url);
            assert!(!told.contains("hush") && !told.contains("sh@h"), "{told}");
        }
    }

    #[test]
    fn what_is_left_open_is_set_and_what_is_said_is_kept() {
        let config = parse("postgres://me@h/shop").expect("good");
        assert_eq!(config.get_application_name(), Some("shop"));
        assert_eq!(config.get_connect_timeout(), Some(&CONNECT));
        let config =
            parse("postgres://me@h/shop?connect_timeout=1&application_name=x").expect("good");
        assert_eq!(config.get_application_name(), Some("x"));
        assert_eq!(config.get_connect_timeout(), Some(&Duration::from_secs(1)));
    }
}
