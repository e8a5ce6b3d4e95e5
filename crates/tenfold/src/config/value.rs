//! Values as people write them: servers, durations, sizes. Each error says what would be right.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use tenfold_gateway::config::Server;
use tenfold_gateway::config::upstream;
use tenfold_observe::lines;

/// A server with the usual weight.
pub fn server(text: &str) -> Result<Server, String> {
    endpoint(text).map(|address| Server {
        name: text.to_owned(),
        address,
        weight: 1,
        zone: String::new(),
    })
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok())
}

/// `HOST:PORT`, `http://HOST:PORT`, `unix:/PATH`. A name stays a name.
pub fn endpoint(text: &str) -> Result<upstream::Address, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        if !path.starts_with('/') || path.contains('\0') {
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
    let with_port = if text.starts_with("http://") && !has_port(rest) {
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

/// A name for upstreams, listeners and zones, which labels of metrics and cookies can carry.
pub fn plain_name(text: &str) -> Result<String, String> {
    let is_good = (1..=64).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if is_good {
        Ok(text.to_owned())
    } else {
        Err(
            "a name has 1 to 64 letters, digits, - _ and . and begins with a letter or digit"
                .into(),
        )
    }
}

/// A path that is not empty.
pub fn path(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains('\0') {
        Err("give a path, for example /var/www".into())
    } else {
        Ok(text.to_owned())
    }
}

/// RFC 9110 section 5.6.2.
pub fn is_token(text: &str) -> bool {
    let is_token_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// `GET`: methods are case-sensitive, and all that exist are in capitals.
pub fn method(text: &str) -> Result<String, String> {
    if is_token(text) && !text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        Ok(text.to_owned())
    } else if is_token(text) {
        Err(format!(
            "methods are written in capitals: {}",
            text.to_ascii_uppercase()
        ))
    } else {
        Err("give a method, for example GET or POST".into())
    }
}

/// The name of a field, as it was written.
pub fn field_name(text: &str) -> Result<String, String> {
    if is_token(text) && text.len() <= 256 {
        Ok(text.to_owned())
    } else {
        Err("the name of a field has letters, digits and -, for example x-frame-options".into())
    }
}

/// A field's value: no control characters, which could end the line.
pub fn field_value(text: &str) -> Result<String, String> {
    let is_good = text
        .bytes()
        .all(|byte| byte == b'\t' || (byte >= b' ' && byte != 0x7F));
    if is_good && text.trim_matches([' ', '\t']) == text {
        Ok(text.to_owned())
    } else {
        Err("a field's value is one line, without spaces at its ends".into())
    }
}

/// A cookie's name.
pub fn cookie_name(text: &str) -> Result<String, String> {
    if is_token(text) && text.len() <= 256 {
        Ok(text.to_owned())
    } else {
        Err("a cookie's name has letters, digits, - and _, for example tenfold-shop".into())
    }
}

/// `client_ip`, `header:NAME`, `cookie:NAME`, `target`.
pub fn hash_key(text: &str) -> Result<upstream::HashKey, String> {
    match text.split_once(':') {
        None if text == "client_ip" => Ok(upstream::HashKey::ClientIp),
        None if text == "target" => Ok(upstream::HashKey::Target),
        Some(("header", name)) => {
            field_name(name).map(|name| upstream::HashKey::Header(name.to_ascii_lowercase()))
        }
        Some(("cookie", name)) => cookie_name(name).map(upstream::HashKey::Cookie),
        _ => Err("give client_ip, header:NAME, cookie:NAME or target".into()),
    }
}

/// `env:NAME` or `file:PATH`.
pub fn secret_source(text: &str) -> Result<String, String> {
    match text.split_once(':') {
        Some(("env" | "file", name)) if !name.is_empty() => Ok(text.to_owned()),
        _ => Err("a secret is given as env:NAME or file:PATH, never as itself".into()),
    }
}

/// A path, perhaps with a query: `/healthz`.
pub fn target(text: &str) -> Result<String, String> {
    let is_good = text.starts_with('/')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if is_good {
        Ok(text.to_owned())
    } else {
        Err("a path begins with / and has no spaces, for example /healthz".into())
    }
}

/// `50%`, `0.5`.
pub fn share(text: &str) -> Result<f64, String> {
    let hint = || "give a share, for example 50% or 0.5".to_owned();
    let is_number = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    let (number, scale) = match text.strip_suffix('%') {
        Some(number) => (number.trim_end(), 100.0),
        None => (text, 1.0),
    };
    if !is_number(number) {
        return Err(hint());
    }
    number
        .parse::<f64>()
        .map(|number| number / scale)
        .map_err(|_| hint())
}

/// `200`, `200-399`, `200,204`.
pub fn statuses(text: &str) -> Result<Vec<RangeInclusive<u16>>, String> {
    let hint = || "give codes from 100 to 599, for example 200, 200-399 or 200,204".to_owned();
    let code = |text: &str| {
        let code = text.trim().parse::<u16>().ok();
        code.filter(|code| (100..=599).contains(code))
            .ok_or_else(hint)
    };
    let range = |part: &str| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to) = (code(from)?, code(to)?);
        if from <= to {
            Ok(from..=to)
        } else {
            Err(hint())
        }
    };
    text.split(',').map(range).collect()
}

/// `IP:PORT`, `localhost:PORT`, or `:PORT` for all of this machine's addresses.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let hint =
        "give an address and a port, for example 127.0.0.1:8080, or 0.0.0.0:8080 for all networks";
    let text = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    if let Some(port) = text.strip_prefix(':') {
        let port = port.parse().map_err(|_| hint.to_owned())?;
        return Ok(SocketAddr::from(([0, 0, 0, 0], port)));
    }
    text.parse().map_err(|_| hint.to_owned())
}

/// `10.0.0.0/8`, or a single address.
pub fn network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "give a network or an address, for example 10.0.0.0/8 or 192.168.1.5".into())
}

/// A file's path, or `-` for standard output.
pub fn log_target(text: &str) -> Result<lines::Target, String> {
    match text {
        "" => Err("give a file's path, or - for standard output".into()),
        "-" => Ok(lines::Target::Stdout),
        path => Ok(lines::Target::File(PathBuf::from(path))),
    }
}

/// `500ms`, `10s`, `1.5m`, `2h`: more than nothing, at most a day.
pub fn duration(text: &str) -> Result<Duration, String> {
    let hint = || "give a time with its unit, for example 500ms, 10s, 2m or 1h".to_owned();
    let (number, unit) = split_unit(text);
    let scale = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(hint()),
    };
    let seconds = number.parse::<f64>().map_err(|_| hint())? * scale;
    if !(0.001..=86_400.0).contains(&seconds) {
        return Err("a time lies between 1ms and 24h".into());
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// `1000`, `64KiB`, `10MB`, `4GiB`: bytes, at least 1.
pub fn size(text: &str) -> Result<u64, String> {
    let hint =
        || "give a size in bytes or with its unit, for example 512KiB, 10MB or 4GiB".to_owned();
    let (number, unit) = split_unit(text);
    let scale: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "k" | "kib" => 1 << 10,
        "mb" => 1_000_000,
        "m" | "mib" => 1 << 20,
        "gb" => 1_000_000_000,
        "g" | "gib" => 1 << 30,
        "tb" => 1_000_000_000_000,
        "t" | "tib" => 1 << 40,
        _ => return Err(hint()),
    };
    let bytes = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(scale));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(hint)
}

/// A size that a head may have.
pub fn head_size(text: &str) -> Result<usize, String> {
    let largest = tenfold_http1::Limits::default().head;
    let size = size(text)?;
    usize::try_from(size)
        .ok()
        .filter(|size| (1024..=largest).contains(size))
        .ok_or_else(|| "a head's limit lies between 1KiB and 64KiB".into())
}

fn split_unit(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers() {
        use tenfold_gateway::config::Address;

        let tcp = |text: &str| match server(text).expect(text).address {
            Address::Tcp(addresses) => addresses[0].to_string(),
            Address::Unix(path) => path.display().to_string(),
            Address::Name { host, port } => format!("{host} {port}"),
        };
        assert_eq!(tcp("127.0.0.1:3000"), "127.0.0.1:3000");
        assert_eq!(tcp("http://127.0.0.1:3000/"), "127.0.0.1:3000");
        assert_eq!(tcp("http://127.0.0.1"), "127.0.0.1:80");
        assert_eq!(tcp("[::1]:3000"), "[::1]:3000");
        assert_eq!(tcp("unix:/run/app.sock"), "/run/app.sock");
        for bad in [
            "",
            "127.0.0.1",
            "https://127.0.0.1",
            "http://127.0.0.1/app",
            "unix:app.sock",
            "127.0.0.1:99999",
            "no such host:80",
        ] {
            assert!(server(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_and_sizes() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        for bad in [
            "", "10", "s", "-1s", "0s", "1d", "25h", "1s2", "1..5s", "nans",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert_eq!(size("1000"), Ok(1000));
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("10MB"), Ok(10_000_000));
        for bad in ["", "0", "1.5GiB", "-1", "10x", "99999999TiB", "KiB"] {
            assert!(size(bad).is_err(), "{bad}");
        }
        assert!(head_size("128KiB").is_err());
    }

    #[test]
    fn addresses_and_networks() {
        assert_eq!(address(":80").expect("valid").to_string(), "0.0.0.0:80");
        assert_eq!(
            address("localhost:80").expect("valid").to_string(),
            "127.0.0.1:80"
        );
        for bad in ["", "80", "127.0.0.1", "example.com:80", "127.0.0.1:70000"] {
            assert!(address(bad).is_err(), "{bad}");
        }
        assert_eq!(
            network("10.0.0.1").expect("valid").to_string(),
            "10.0.0.1/32"
        );
        assert!(network("10.0.0.0/33").is_err());
    }
}
