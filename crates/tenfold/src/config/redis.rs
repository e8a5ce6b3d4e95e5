//! Where a Redis is, as it is written: which forms there are, what is wrong with others, and what may be shown of it.
//!
//! ```text
//! redis://[user[:password]@]host[:port][/database]
//! redis+sentinel://[user[:password]@]host[:port],host[:port]/MASTER[/database]
//! redis+cluster://[user[:password]@]host[:port],host[:port]
//! rediss://, rediss+sentinel://, rediss+cluster://      the same over TLS
//! ```
//!
//! The level that connects reads the address once more and has the last word. Here a mistake is found before anything is changed, and
//! has its line. No error repeats what was written: it may contain a password.

use super::word;

const HELP: &str = "give redis://HOST:PORT, redis+cluster://HOST:PORT,HOST:PORT or redis+sentinel://HOST:PORT/MASTER, with rediss for TLS";

/// A URL without a login, or where a URL is: `env:NAME`, `file:PATH`.
pub(crate) fn source(text: &str) -> Result<String, String> {
    if !text.contains("://") && word::secret_source(text).is_ok() {
        return Ok(text.to_owned());
    }
    if text.contains('@') {
        return Err(
            "a password does not belong into the file: give the whole URL as env:NAME or file:PATH"
                .into(),
        );
    }
    url(text).map(str::to_owned)
}

/// A URL, perhaps with a login.
pub(crate) fn url(text: &str) -> Result<&str, String> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(HELP.into());
    };
    let flavour = scheme.strip_prefix("rediss");
    let flavour = flavour.or_else(|| scheme.strip_prefix("redis"));
    let is_cluster = flavour == Some("+cluster");
    let is_sentinel = flavour == Some("+sentinel");
    if !is_cluster && !is_sentinel && flavour != Some("") {
        return Err(HELP.into());
    }
    if rest.contains(['?', '#']) || rest.contains(char::is_whitespace) {
        return Err("it has no parameters: nothing may follow `?` or `#`; write %3F, %23 and %20 in a password".into());
    }
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
    let hosts: Vec<_> = hosts.split(',').collect();
    if !hosts.iter().all(|host| is_host(host)) {
        return Err(HELP.into());
    }
    if hosts.len() > 1 && !is_cluster && !is_sentinel {
        return Err(
            "several hosts are a cluster or Sentinels: write redis+cluster:// or redis+sentinel://"
                .into(),
        );
    }
    let database = match is_sentinel {
        true => path.split_once('/').map_or("", |(_, database)| database),
        false => path,
    };
    if is_sentinel && (path.is_empty() || path.starts_with('/')) {
        return Err("the name of the master is missing: redis+sentinel://HOST:PORT/MASTER".into());
    }
    if is_cluster && !path.is_empty() {
        return Err("a cluster has no numbered databases: nothing may follow the hosts".into());
    }
    if !database.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(
            "what follows the hosts is the number of a database, for example redis://HOST:PORT/1"
                .into(),
        );
    }
    Ok(text)
}

/// `host`, `host:port`, `[::1]:port`.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (host, port),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let is_port = match port.strip_prefix(':') {
        Some(port) => port.parse::<u16>().is_ok_and(|port| port > 0),
        None => port.is_empty(),
    };
    !host.is_empty() && is_port
}

/// The URL without its login.
pub(crate) fn shown(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://••••@{rest}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for good in [
            "redis://h",
            "redis://h:6379/2",
            "rediss://[::1]:1",
            "redis+cluster://a,b:2",
            "rediss+sentinel://a:1,b/main/3",
            "env:REDIS",
            "file:redis.url",
        ] {
            assert_eq!(source(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "h:6379",
            "redis:h",
            "redis://",
            "redis://h:0",
            "redis://h:99999",
            "redis://a,b",
            "redis://h/one",
            "redis://h?x=1",
            "redis+cluster://a/1",
            "redis+sentinel://a",
            "redis+sentinel://a//1",
            "redis+cloud://a",
            "http://h",
            "env:",
        ] {
            assert!(source(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn passwords_are_neither_taken_from_the_file_nor_shown() {
        for secret in [
            "redis://:hunter2@h",
            "redis://ann:hunter2@h/one",
            "hunter2@h",
        ] {
            let error = source(secret).unwrap_err();
            assert!(
                error.contains("env:NAME") && !error.contains("hunter2"),
                "{error}"
            );
        }
        assert_eq!(url("redis://:hunter2@h"), Ok("redis://:hunter2@h"));
        assert_eq!(url("redis://:hun@ter@h"), Ok("redis://:hun@ter@h"));
        assert_eq!(shown("rediss://:hun@ter2@h:1/2"), "rediss://••••@h:1/2");
        assert_eq!(shown("redis://h"), "redis://h");
    }
}
