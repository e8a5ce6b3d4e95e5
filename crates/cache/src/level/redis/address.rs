//! Where a Redis is: one server, a set of Sentinels, or the nodes of a cluster.
//!
//! ```text
//! redis://[user[:password]@]host[:port][/database]
//! redis+sentinel://[user[:password]@]host[:port],host[:port]/MASTER[/database]
//! redis+cluster://[user[:password]@]host[:port],host[:port]
//! rediss://, rediss+sentinel://, rediss+cluster://      the same over TLS
//! ```
//!
//! The general URL types know one host only. User and password are percent-decoded; neither is ever shown.

use std::fmt;

/// The port of Redis (redis.io/docs/latest/operate/oss_and_stack/management/config).
const PORT: u16 = 6379;
/// The port of Sentinel.
const SENTINEL_PORT: u16 = 26379;

const SCHEMES: &str =
    "it must begin with redis://, redis+sentinel:// or redis+cluster://, or with rediss for TLS";

/// An address of a Redis, with the user and password to be used there.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) kind: Kind,
    pub(super) tls: bool,
    pub(super) hosts: Vec<(String, u16)>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    /// Not written in it; here so that it is known what must not be shown.
    pub(super) sentinel_password: Option<String>,
    pub(super) database: i64,
}

/// What stands at the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Single,
    Sentinel { master: String },
    Cluster,
}

impl Address {
    /// Reads an address. The error says what is wrong, and repeats nothing that may be a secret.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or(SCHEMES)?;
        let (tls, flavour) = match scheme.strip_prefix("rediss") {
            Some(flavour) => (true, flavour),
            None => (false, scheme.strip_prefix("redis").unwrap_or("?")),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        if !query.is_empty() || rest.contains('#') {
            return Err("it has no parameters (nothing may follow `?` or `#`; write %3F and %23 in a password)".into());
        }
        // The last @: one in a password that was not escaped does no harm.
        let (login, rest) = match rest.rsplit_once('@') {
            Some((login, rest)) => (Some(login), rest),
            None => (None, rest),
        };
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (kind, database) = parse_kind(scheme, flavour, path)?;
        let port = if flavour == "+sentinel" {
            SENTINEL_PORT
        } else {
            PORT
        };
        let hosts: Vec<_> = hosts
            .split(',')
            .map(|host| parse_host(host, port))
            .collect::<Result<_, _>>()
            .map_err(|wrong| wrong.said(login.is_some()))?;
        if kind == Kind::Single && hosts.len() > 1 {
            return Err(
                "it names several hosts: that is redis+cluster:// or redis+sentinel://".into(),
            );
        }
        let (user, password) = parse_login(login)?;
        let database = match database {
            "" => 0,
            number => number
                .parse()
                .ok()
                .filter(|number| *number >= 0)
                .ok_or_else(|| format!("`{number}` is not the number of a database"))?,
        };
        Ok(Self {
            kind,
            tls,
            hosts,
            user,
            password,
            sentinel_password: None,
            database,
        })
    }
}

/// What stands at the address, and the text of the database's number.
fn parse_kind<'a>(scheme: &str, flavour: &str, path: &'a str) -> Result<(Kind, &'a str), String> {
    Ok(match flavour {
        "" => (Kind::Single, path),
        "+sentinel" => {
            let (master, database) = path.split_once('/').unwrap_or((path, ""));
            if master.is_empty() {
                return Err(
                    "the name of the master is missing: redis+sentinel://host:port/MASTER".into(),
                );
            }
            let master = decode(master)?;
            (Kind::Sentinel { master }, database)
        }
        "+cluster" if path.is_empty() => (Kind::Cluster, ""),
        "+cluster" => {
            return Err("a cluster has no numbered databases: nothing may follow the hosts".into());
        }
        // What is no scheme at all may be a login.
        _ if scheme.contains([':', '@']) => return Err(SCHEMES.into()),
        _ => {
            return Err(format!(
                "`{scheme}` is unknown: use redis, redis+sentinel or redis+cluster, or with rediss for TLS"
            ));
        }
    })
}

/// What is wrong with a host: what it is, and what was written there.
struct WrongHost(&'static str, String);

impl WrongHost {
    /// Without a login, what stands in the place of a port may be a password whose host was forgotten.
    fn said(self, has_login: bool) -> String {
        let Self(wrong, text) = self;
        match (text.is_empty(), has_login) {
            (true, _) => wrong.into(),
            (false, true) => format!("`{text}` {wrong}"),
            (false, false) => format!(
                "what follows the colon {wrong} (a user and password stand before the host: redis://user:password@host)"
            ),
        }
    }
}

fn parse_host(text: &str, port: u16) -> Result<(String, u16), WrongHost> {
    // An IPv6 address is in brackets, as in any URL.
    let (host, rest) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match rest.strip_prefix(':') {
        Some(port) => port
            .parse()
            .ok()
            .filter(|port| *port > 0)
            .ok_or_else(|| WrongHost("is not a port", port.into()))?,
        None if rest.is_empty() => port,
        None => return Err(WrongHost("is not a port", rest.into())),
    };
    if host.is_empty() {
        return Err(WrongHost("a host is missing", String::new()));
    }
    Ok((host.into(), port))
}

fn parse_login(login: Option<&str>) -> Result<(Option<String>, Option<String>), String> {
    let Some(login) = login else {
        return Ok((None, None));
    };
    let some = |text: &str| (!text.is_empty()).then(|| decode(text)).transpose();
    match login.split_once(':') {
        Some((user, password)) => Ok((some(user)?, some(password)?)),
        None => Err(
            "a user without a password: write redis://user:password@host, or :password@host".into(),
        ),
    }
}

fn decode(text: &str) -> Result<String, String> {
    const WRONG: &str = "its user, password or master has a `%` that is not followed by two hexadecimal digits of UTF-8 text";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let value = digit().zip(digit()).ok_or(WRONG)?;
            bytes.push((value.0 * 16 + value.1) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| WRONG.into())
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flavour = match self.kind {
            Kind::Single => "",
            Kind::Sentinel { .. } => "+sentinel",
            Kind::Cluster => "+cluster",
        };
        write!(out, "redis{}{flavour}://", if self.tls { "s" } else { "" })?;
        for (at, (host, port)) in self.hosts.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            if host.contains(':') {
                write!(out, "{comma}[{host}]:{port}")?;
            } else {
                write!(out, "{comma}{host}:{port}")?;
            }
        }
        if let Kind::Sentinel { master } = &self.kind {
            write!(out, "/{master}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read() {
        let one = Address::parse("redis://localhost").unwrap();
        assert_eq!(
            (one.kind, one.hosts, one.tls),
            (Kind::Single, vec![("localhost".into(), 6379)], false)
        );
        let two = Address::parse("rediss+cluster://ann:p%40ss@a:1,[::1]:2,c").unwrap();
        assert_eq!(two.kind, Kind::Cluster);
        assert_eq!(
            two.hosts,
            [("a".into(), 1), ("::1".into(), 2), ("c".into(), 6379)]
        );
        assert_eq!(
            (two.user.as_deref(), two.password.as_deref()),
            (Some("ann"), Some("p@ss"))
        );
        assert!(two.tls);
        let three = Address::parse("redis+sentinel://:secret@a,b:5/main/3").unwrap();
        assert_eq!(
            three.kind,
            Kind::Sentinel {
                master: "main".into()
            }
        );
        assert_eq!(
            (three.database, three.hosts[0].1, three.user.as_deref()),
            (3, 26379, None)
        );
    }

    #[test]
    fn what_is_wrong_is_said_and_secrets_are_not() {
        for (text, part) in [
            ("localhost:6379", "must begin with"),
            ("http://x", "`http` is unknown"),
            ("redis+cloud://x", "`redis+cloud` is unknown"),
            ("redis://a,b", "several hosts"),
            ("redis://:hunter2@", "a host is missing"),
            ("redis://:hunter2@h:70000", "`70000` is not a port"),
            ("redis://:hunter2@h:0", "`0` is not a port"),
            ("redis://:hunter2@h/x", "not the number of a database"),
            ("redis://:hunter2%4@h", "two hexadecimal digits"),
            ("redis://hunter2@h", "a user without a password"),
            ("redis://ann:hunter2", "is not a port"),
            ("redis://:hunter2/0", "is not a port"),
            ("redis+cluster://a:1,ann:hunter2", "is not a port"),
            ("ann:hunter2://h", "must begin with"),
            ("redis+cluster://:hunter2@h/1", "no numbered databases"),
            (
                "redis+sentinel://:hunter2@h",
                "the name of the master is missing",
            ),
            ("redis://:hunter2@h?x=1", "no parameters"),
        ] {
            let error = Address::parse(text).unwrap_err();
            assert!(
                error.contains(part) && !error.contains("hunter2"),
                "{text}: {error}"
            );
        }
        let shown = format!(
            "{:?}",
            Address::parse("redis+sentinel://ann:hunter2@a/main").unwrap()
        );
        assert_eq!(shown, "Address(redis+sentinel://a:26379/main)");
    }
}
