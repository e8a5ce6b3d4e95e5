//! Where servers are: addresses, names, sockets. Nothing is resolved here.

use std::net::SocketAddr;
use std::path::PathBuf;

use tenfold_gateway::config::upstream;

use super::value;

/// `HOST:PORT`, `http://HOST:PORT`, `unix:/PATH`. A name stays a name.
pub fn endpoint(text: &str) -> Result<upstream::Address, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        // What is written here becomes a line of a log and a label of metrics.
        if !path.starts_with('/') || path.contains(char::is_control) {
            return Err("a Unix socket is given by its whole path: unix:/run/app.sock".into());
        }
        // sun_path of Linux, with its end.
        if path.len() > 107 {
            return Err("a Unix socket's path has at most 107 bytes".into());
        }
        return Ok(upstream::Address::Unix(PathBuf::from(path)));
    }
    let rest = match text.split_once("://") {
        Some(("http", rest)) => rest.strip_suffix('/').unwrap_or(rest),
        Some(("https", _)) => return Err("TLS to servers is not supported yet: use http://".into()),
        Some(_) => return Err("servers are reached by http://HOST:PORT or unix:/PATH".into()),
        None => text,
    };
    if rest.contains(['/', '?', '#']) {
        return Err("a server has no path: give HOST:PORT, and let requests bring the path".into());
    }
    if rest.contains('@') {
        return Err("a server has no user: give HOST:PORT".into());
    }
    let with_port = if text.starts_with("http://") && !value::has_port(rest) {
        format!("{rest}:80")
    } else {
        rest.to_owned()
    };
    if let Ok(address) = with_port.parse::<SocketAddr>() {
        return match address.port() {
            0 => Err("port 0 is no port that a server can have".into()),
            _ => Ok(upstream::Address::Tcp(vec![address])),
        };
    }
    let (host, port) = host_and_port(&with_port)?;
    Ok(upstream::Address::Name { host, port })
}

/// The same, with the text that it was made from.
pub fn named_endpoint(text: &str) -> Result<(String, upstream::Address), String> {
    endpoint(text).map(|address| (text.to_owned(), address))
}

/// `app.internal:3000`: a name, not an address.
pub fn name_and_port(text: &str) -> Result<(String, u16), String> {
    if text.parse::<SocketAddr>().is_ok() {
        return Err("an address needs no look-up: put it into `servers`".into());
    }
    host_and_port(text)
}

fn host_and_port(text: &str) -> Result<(String, u16), String> {
    let example = if text.is_empty() || text.contains(':') {
        "app.internal"
    } else {
        text
    };
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(format!("the port is missing; for example {example}:3000"));
    };
    let port = port.parse::<u16>().ok().filter(|port| *port > 0);
    let Some(port) = port else {
        let host = if host.is_empty() {
            "app.internal"
        } else {
            host
        };
        return Err(format!(
            "a port lies between 1 and 65535; for example {host}:3000"
        ));
    };
    Ok((host_name(host)?, port))
}

/// A name of DNS, in lower case.
pub fn host_name(text: &str) -> Result<String, String> {
    // RFC 1035 section 2.3.4, and the underscores that names of services have.
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    let last = name.rsplit('.').next().unwrap_or_default();
    // 1.2.3 or 10.0.0.256: an address with a mistake, which no name server knows.
    let is_number = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    if name.len() > 253 || is_number || !name.split('.').all(is_label) {
        return Err(
            "give a host as an address or a name, for example 10.0.0.11:3000 or app.internal:3000"
                .into(),
        );
    }
    Ok(name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        let name = |host: &str, port| upstream::Address::Name {
            host: host.to_owned(),
            port,
        };
        let tcp = |text: &str| upstream::Address::Tcp(vec![text.parse().expect(text)]);
        for (text, expected) in [
            ("10.0.0.1:3000", tcp("10.0.0.1:3000")),
            ("http://10.0.0.1", tcp("10.0.0.1:80")),
            ("http://[::1]:3000/", tcp("[::1]:3000")),
            ("App.internal:3000", name("app.internal", 3000)),
            ("app.internal.:3000", name("app.internal", 3000)),
            ("http://app", name("app", 80)),
            ("_a-b.c:1", name("_a-b.c", 1)),
            (
                "unix:/run/a b.sock",
                upstream::Address::Unix("/run/a b.sock".into()),
            ),
        ] {
            assert_eq!(endpoint(text), Ok(expected), "{text}");
        }
        let long = format!("{}:1", "a".repeat(64));
        let path = format!("unix:/{}", "a".repeat(107));
        for text in [
            "",
            ":",
            ":1",
            "a",
            "a:",
            "a:0",
            "10.0.0.1:0",
            "a:65536",
            "a:-1",
            "a b:1",
            "-a:1",
            "a-:1",
            "a..b:1",
            ".:1",
            "10.0.0.256:1",
            "10.1:1",
            "::1:1",
            "[::1]",
            "[::1:1",
            "a:1:1",
            "ä:1",
            "http://",
            "http://a/b",
            "http://u@a",
            "https://a",
            "ftp://a",
            "a:1?b",
            "a:1#b",
            "unix:",
            "unix:a",
            "unix:/\0",
            "unix:/a\nb",
            &long,
            &path,
        ] {
            assert!(endpoint(text).is_err(), "{text}");
        }
        assert!(name_and_port("10.0.0.1:1").is_err());
        assert_eq!(name_and_port("a:1"), Ok(("a".to_owned(), 1)));
    }
}
