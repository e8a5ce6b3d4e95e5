//! The format of a file of servers. Pure.
//!
//! ```text
//! # a comment
//! 10.0.0.11:3000 weight=3 zone=a
//! [fd00::1]:3000
//! app.internal:3000
//! unix:/run/app.sock
//! ```
//!
//! A file is taken as a whole or not at all. One without any server is refused, because nearly always it is one that has not been
//! written yet or whose generator failed; who means it writes the line `none`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::net::SocketAddr;

use crate::config::upstream::{Address, Server};

/// Most bytes of a file.
pub(super) const MOST_BYTES: usize = 1 << 20;
/// Most lines of a file.
const MOST_LINES: usize = 10_000;
/// Largest weight, as in the configuration.
const MOST_WEIGHT: u32 = 1_000_000;
/// Longest name of a zone, as in the configuration.
const MOST_ZONE: usize = 64;
/// How much of a bad word is repeated.
const QUOTED: usize = 60;

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// Counted from 1; 0 if it is about the whole file.
    line: usize,
    what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.what),
            line => write!(f, "line {line}: {}", self.what),
        }
    }
}

/// The servers in a file.
///
/// # Errors
/// The first thing that is wrong.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Server>, Problem> {
    let whole = |what: &str| Problem {
        line: 0,
        what: what.to_owned(),
    };
    if bytes.len() > MOST_BYTES {
        return Err(whole("the file is larger than 1 MiB"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| Problem {
        line: 1 + bytes[..error.valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count(),
        what: "this is not text (UTF-8)".into(),
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = Found::default();
    for (index, line) in text.lines().enumerate() {
        if index == MOST_LINES {
            return Err(whole("the file has more than 10000 lines"));
        }
        let number = index + 1;
        found
            .add(line, number)
            .map_err(|what| Problem { line: number, what })?;
    }
    match (found.servers.is_empty(), found.none) {
        (true, 0) => Err(whole(
            "the file has no server; write the line `none` if that is meant",
        )),
        (false, line) if line > 0 => Err(Problem {
            line,
            what: "`none` stands beside servers".into(),
        }),
        _ => Ok(found.servers),
    }
}

#[derive(Default)]
struct Found {
    servers: Vec<Server>,
    /// Where each name stands: index and line.
    places: HashMap<String, (usize, usize)>,
    /// The line that says `none`.
    none: usize,
}

impl Found {
    fn add(&mut self, line: &str, number: usize) -> Result<(), String> {
        let content = line.split_once('#').map_or(line, |(content, _)| content);
        let mut words = content.split_ascii_whitespace();
        let Some(first) = words.next() else {
            return Ok(());
        };
        if first == "none" {
            self.none = number;
            return words.next().map_or(Ok(()), |word| {
                Err(format!("{} behind `none`", quoted(word)))
            });
        }
        let server = server(first, words)?;
        match self.places.entry(server.name.clone()) {
            Entry::Vacant(place) => {
                place.insert((self.servers.len(), number));
                self.servers.push(server);
            }
            // The same line twice says nothing new; two that differ leave open which one is meant.
            Entry::Occupied(place) => {
                let (index, before) = *place.get();
                if self.servers[index] != server {
                    return Err(format!(
                        "{} is in line {before} too, and not the same",
                        quoted(first)
                    ));
                }
            }
        }
        Ok(())
    }
}

fn server<'t>(name: &str, words: impl Iterator<Item = &'t str>) -> Result<Server, String> {
    let mut server = Server {
        name: name.to_owned(),
        address: address(name)?,
        weight: 1,
        zone: String::new(),
    };
    let (mut has_weight, mut has_zone) = (false, false);
    for word in words {
        let repeated = match word.split_once('=') {
            Some(("weight", value)) => {
                server.weight = weight(value)?;
                std::mem::replace(&mut has_weight, true)
            }
            Some(("zone", value)) => {
                server.zone = zone(value)?;
                std::mem::replace(&mut has_zone, true)
            }
            _ => {
                let word = quoted(word);
                return Err(format!("{word} is neither weight=N nor zone=NAME"));
            }
        };
        if repeated {
            return Err(format!("{} is given twice", quoted(word)));
        }
    }
    Ok(server)
}

fn weight(text: &str) -> Result<u32, String> {
    let weight = text.parse().ok().filter(|weight| *weight <= MOST_WEIGHT);
    weight.ok_or_else(|| {
        format!(
            "a weight lies between 0 and {MOST_WEIGHT}, {} does not",
            quoted(text)
        )
    })
}

fn zone(text: &str) -> Result<String, String> {
    let is_good = (1..=MOST_ZONE).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if is_good {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "a zone has 1 to {MOST_ZONE} letters, digits, - _ and ., unlike {}",
            quoted(text)
        ))
    }
}

/// `10.0.0.11:3000`, `[fd00::1]:3000`, `app.internal:3000` or `unix:/run/app.sock`.
fn address(text: &str) -> Result<Address, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        return if path.starts_with('/') && !path.contains('\0') {
            Ok(Address::Unix(path.into()))
        } else {
            Err(format!(
                "a Unix socket is written unix:/PATH, not {}",
                quoted(text)
            ))
        };
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return if address.port() > 0 {
            Ok(Address::Tcp(vec![address]))
        } else {
            Err(format!("{} has the port 0", quoted(text)))
        };
    }
    let named = text.rsplit_once(':').and_then(|(host, port)| {
        let port = port.parse::<u16>().ok().filter(|port| *port > 0)?;
        is_host_name(host).then(|| Address::Name {
            host: host.to_ascii_lowercase(),
            port,
        })
    });
    named.ok_or_else(|| {
        format!("{} is not a server: write for example 10.0.0.11:3000, app.internal:3000 or unix:/run/app.sock", quoted(text))
    })
}

/// RFC 1035 section 2.3.4, and the underscores that names of services have. What ends in a number is an address with a mistake.
pub(super) fn is_host_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_number = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    name.len() <= 253 && !is_number && name.split('.').all(is_label)
}

/// A word of a stranger's, safe for a line of a log.
fn quoted(word: &str) -> String {
    let shown: String = word
        .chars()
        .take(QUOTED)
        .flat_map(char::escape_debug)
        .collect();
    let rest = if word.chars().nth(QUOTED).is_some() {
        "…"
    } else {
        ""
    };
    format!("`{shown}{rest}`")
}
