//! Values as people write them: servers, durations, sizes. Each error says what would be right.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use tenfold_gateway::config::Server;
use tenfold_gateway::config::cache::LONGEST;
use tenfold_observe::lines;
use tenfold_traffic::limit::Rate;

/// A server with the usual weight: `HOST:PORT`, `http://HOST:PORT`, `unix:/PATH`.
pub fn server(text: &str) -> Result<Server, String> {
    super::host::endpoint(text).map(|address| Server {
        name: text.to_owned(),
        address,
        weight: 1,
        zone: String::new(),
    })
}

pub(super) fn has_port(host: &str) -> bool {
    host.rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok())
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

/// `100/s`, `5000/m`, `10/h`, `1000/d`, `100/10s`: at least one, in at least a millisecond.
pub fn rate(text: &str) -> Result<Rate, String> {
    let hint = || "give how many in what time, for example 100/s, 5000/m or 10/h".to_owned();
    let (count, time) = text.split_once('/').ok_or_else(hint)?;
    let count = count.trim_end();
    if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(hint());
    }
    let count = count.parse::<u64>().map_err(|_| hint())?;
    if count == 0 {
        return Err("a rate is at least 1: leave the limit out, or answer with `respond`".into());
    }
    let (number, unit) = split_unit(time.trim_start());
    let scale = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(hint()),
    };
    let number = match number {
        "" => 1.0,
        number => number.parse::<f64>().map_err(|_| hint())?,
    };
    let seconds = number * scale;
    if !(0.001..=366.0 * 86_400.0).contains(&seconds) {
        return Err("the time of a rate lies between 1ms and 366d".into());
    }
    Ok(Rate {
        count,
        per: Duration::from_secs_f64(seconds),
    })
}

/// `0s`, `30s`, `1.5m`, `30d`: whole seconds, of which caches count at most 2^31 (RFC 9111 section 1.2.2).
pub fn lifetime(text: &str) -> Result<u32, String> {
    let hint = || "give whole seconds with a unit, for example 10s, 5m, 12h or 30d".to_owned();
    let (number, unit) = split_unit(text);
    let scale = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(hint()),
    };
    let seconds = number.parse::<f64>().map_err(|_| hint())? * scale;
    if seconds > f64::from(LONGEST) {
        return Err("a lifetime is at most 24855d (2^31 seconds)".into());
    }
    match seconds.fract() == 0.0 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is whole, has no sign, and fits"
        )]
        true => Ok(seconds as u32),
        false => Err(hint()),
    }
}

/// The same, at least 100 ms: how often a gateway is looked at.
pub fn interval(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|every| match every < Duration::from_millis(100) {
        true => Err("look at most ten times per second: 100ms".into()),
        false => Ok(every),
    })
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
        assert_eq!(interval("100ms"), Ok(Duration::from_millis(100)));
        assert!(interval("99ms").is_err());
        assert_eq!(size("1000"), Ok(1000));
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("10MB"), Ok(10_000_000));
        for bad in ["", "0", "1.5GiB", "-1", "10x", "99999999TiB", "KiB"] {
            assert!(size(bad).is_err(), "{bad}");
        }
        assert!(head_size("128KiB").is_err());
        for (text, seconds) in [
            ("0s", 0),
            ("1.5m", 90),
            ("30d", 2_592_000),
            ("24855d", 2_147_472_000),
        ] {
            assert_eq!(lifetime(text), Ok(seconds), "{text}");
        }
        for bad in [
            "", "10", "500ms", "1.5s", "-1s", "24856d", "1y", "..s", "infs",
        ] {
            assert!(lifetime(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rates() {
        for (text, count, seconds) in [
            ("100/s", 100, 1.0),
            ("5000/m", 5000, 60.0),
            ("10 / h", 10, 3600.0),
            ("7/d", 7, 86_400.0),
            ("100/10s", 100, 10.0),
            ("1/1.5m", 1, 90.0),
            ("5/100ms", 5, 0.1),
        ] {
            let per = Duration::from_secs_f64(seconds);
            assert_eq!(rate(text), Ok(Rate { count, per }), "{text}");
        }
        for bad in [
            "",
            "100",
            "/s",
            "-1/s",
            "0/s",
            "1.5/s",
            "100/",
            "100/x",
            "100/0s",
            "1/-1s",
            "1/367d",
            "1/..s",
            "99999999999999999999/s",
            "+1/s",
        ] {
            assert!(rate(bad).is_err(), "{bad}");
        }
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
