//! Where the addresses come from, apart from sitemaps: a list, or an access log.
//!
//! A log of a busy site is larger than memory; what is counted of it is bounded, and a line that is too long is skipped.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;

use super::address::Address;

/// Longer lines are skipped, in bytes.
const LONGEST_LINE: usize = 64 << 10;
/// Different addresses that are counted of a log. Those that come when so many are known are not.
const MOST_COUNTED: usize = 1_000_000;
/// And so many bytes of them: clients choose what a log says, and how long it is.
const MOST_BYTES: usize = 256 << 20;

/// What was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) addresses: Vec<Address>,
    /// Lines that were skipped, because they were no address or no request that can be warmed.
    pub(super) skipped: u64,
    /// The first of them.
    pub(super) first_skipped: Option<String>,
}

impl Listed {
    pub(super) fn skip(&mut self, why: impl FnOnce() -> String) {
        self.skipped += 1;
        self.first_skipped.get_or_insert_with(why);
    }
}

/// Opens a file or, with `-`, standard input; what is compressed with gzip is unpacked.
pub(super) fn open(path: &str) -> io::Result<Box<dyn BufRead>> {
    let raw: Box<dyn Read> = match path {
        "-" => Box::new(io::stdin()),
        path => Box::new(File::open(path)?),
    };
    unpacked(BufReader::new(raw))
}

/// The same for what is open already.
pub(super) fn unpacked<R: BufRead + 'static>(mut input: R) -> io::Result<Box<dyn BufRead>> {
    match input.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        true => Ok(Box::new(BufReader::new(MultiGzDecoder::new(input)))),
        false => Ok(Box::new(input)),
    }
}

/// Calls `each` with every line; `None`: it was too long, or not UTF-8.
fn lines(mut input: impl BufRead, mut each: impl FnMut(Option<&str>) -> bool) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let most = LONGEST_LINE as u64;
        if input.by_ref().take(most).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let is_cut = line.len() == LONGEST_LINE && !line.ends_with(b"\n");
        if is_cut {
            input.skip_until(b'\n')?;
        }
        let text = std::str::from_utf8(&line).ok().filter(|_| !is_cut);
        if !each(text.map(str::trim)) {
            return Ok(());
        }
    }
}

/// One address per line; empty lines and those that begin with `#` do not count.
pub(super) fn list(input: impl BufRead, most: usize) -> io::Result<Listed> {
    let mut listed = Listed::default();
    lines(input, |line| {
        match line.map(|line| (line, Address::parse(line))) {
            Some((line, _)) if line.is_empty() || line.starts_with('#') => {}
            Some((_, Ok(address))) => listed.addresses.push(address),
            Some((_, Err(why))) => listed.skip(|| why),
            None => listed.skip(|| "a line is too long or not UTF-8".to_owned()),
        }
        listed.addresses.len() < most
    })?;
    Ok(listed)
}

/// The `most` addresses of a log that were asked for most, the most wanted first. `host` is for logs that do not say it.
pub(super) fn log(input: impl BufRead, host: Option<&str>, most: usize) -> io::Result<Listed> {
    counted(input, host, most, MOST_BYTES)
}

fn counted(
    input: impl BufRead,
    host: Option<&str>,
    most: usize,
    most_bytes: usize,
) -> io::Result<Listed> {
    let mut listed = Listed::default();
    let mut bytes = 0;
    let mut counts: HashMap<Address, (u64, usize)> = HashMap::new();
    lines(input, |line| {
        match line
            .ok_or("a line is too long or not UTF-8")
            .and_then(|line| request(line, host))
        {
            Ok(Some(address)) => {
                let (place, size) = (counts.len(), address.host.len() + address.target.len());
                let is_full = place >= MOST_COUNTED || bytes + size > most_bytes;
                match counts.get_mut(&address) {
                    Some((count, _)) => *count += 1,
                    None if is_full => {
                        listed.skip(|| "the log has more addresses than can be counted".to_owned());
                    }
                    None => {
                        bytes += size;
                        counts.insert(address, (1, place));
                    }
                }
            }
            Ok(None) => {}
            Err(why) => listed.skip(|| why.to_owned()),
        }
        true
    })?;
    let mut counted: Vec<_> = counts.into_iter().collect();
    // Of equals the one that came first.
    counted.sort_by(|(_, (a, a_place)), (_, (b, b_place))| (b, a_place).cmp(&(a, b_place)));
    counted.truncate(most);
    listed.addresses = counted.into_iter().map(|(address, _)| address).collect();
    Ok(listed)
}

/// A line of Tenfold's own log, as far as it matters.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Line {
    method: String,
    host: String,
    target: String,
    status: u16,
}

/// The request of a line; `None`: one that cannot be warmed.
fn request(line: &str, host: Option<&str>) -> Result<Option<Address>, &'static str> {
    if line.is_empty() {
        return Ok(None);
    }
    let line = match line.starts_with('{') {
        true => serde_json::from_str(line).map_err(|_| "a line is no JSON of an access log")?,
        false => {
            combined(line).ok_or("a line is neither JSON nor in the common or combined format")?
        }
    };
    if line.method != "GET" || !(200..400).contains(&line.status) {
        return Ok(None);
    }
    if line.target.starts_with("http") {
        return Ok(Address::parse(&line.target).ok());
    }
    let host = match (&*line.host, host) {
        ("", None) => return Err("the log does not say for which host: give --host"),
        ("", Some(host)) => host,
        (host, _) => host,
    };
    Ok(Address::new(host, &line.target))
}

/// `192.0.2.1 - - [21/Nov/2026:08:00:00 +0000] "GET /tea HTTP/1.1" 200 2326 ...`
fn combined(line: &str) -> Option<Line> {
    let (_, rest) = line.split_once('"')?;
    let (request, rest) = rest.split_once('"')?;
    let mut words = request.split(' ');
    let (method, target, _version) = (words.next()?, words.next()?, words.next()?);
    let status = rest.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Line {
        method: method.to_owned(),
        target: target.to_owned(),
        status,
        ..Line::default()
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn shown(listed: &Listed) -> Vec<String> {
        let shown = |it: &Address| format!("{}{}", it.host, it.target);
        listed.addresses.iter().map(shown).collect()
    }

    #[test]
    fn lists() {
        let text =
            "# shop\nhttp://a/1\n\n  https://b/2  \nnonsense\n\u{e4}\nhttp://a/3\nhttp://a/4";
        let listed = list(text.as_bytes(), 3).expect("memory");
        assert_eq!(shown(&listed), ["a/1", "b/2", "a/3"]);
        assert_eq!(listed.skipped, 2);
        assert!(
            listed
                .first_skipped
                .is_some_and(|why| why.contains("nonsense"))
        );
        let long = format!("http://a/{}\nhttp://a/b\n", "x".repeat(3 * LONGEST_LINE));
        let listed = list(long.as_bytes(), 9).expect("memory");
        assert_eq!(
            (shown(&listed), listed.skipped),
            (vec!["a/b".to_owned()], 1)
        );
    }

    #[test]
    fn the_most_wanted_of_a_log_come_first() {
        let ours = |target: &str, status| {
            format!(
                "{{\"time\":1.0,\"client\":\"::1\",\"method\":\"GET\",\"host\":\"h\",\"target\":\"{target}\",\"status\":{status}}}\n"
            )
        };
        let mut text = ours("/a", 200) + &ours("/b", 200) + &ours("/b", 304) + &ours("/c", 500);
        text += "{\"method\":\"POST\",\"host\":\"h\",\"target\":\"/d\",\"status\":200}\nwhat\n{\n";
        let listed = log(text.as_bytes(), None, 9).expect("memory");
        assert_eq!(
            (shown(&listed), listed.skipped),
            (vec!["h/b".to_owned(), "h/a".to_owned()], 2)
        );
        assert_eq!(
            shown(&log(text.as_bytes(), None, 1).expect("memory")),
            ["h/b"]
        );

        let text = "1.2.3.4 - - [21/Nov/2026:08:00:00 +0000] \"GET /tea?x=1 HTTP/1.1\" 200 2326 \"-\" \"agent \\\"x\\\"\"\n\
            ::1 - bob [x] \"HEAD /no HTTP/1.1\" 200 1\n::1 - - [x] \"GET http://other/abs HTTP/1.1\" 200 1\n\
            ::1 - - [x] \"\\x16\\x03\" 400 0\n";
        let listed = log(text.as_bytes(), Some("shop"), 9).expect("memory");
        assert_eq!(shown(&listed), ["shop/tea?x=1", "other/abs"]);
        assert_eq!(listed.skipped, 1);
        let without = log(text.as_bytes(), None, 9).expect("memory");
        assert!(
            without
                .first_skipped
                .is_some_and(|why| why.contains("--host"))
        );
    }

    #[test]
    fn long_addresses_of_a_log_take_a_bounded_place() {
        let line = |number: usize| {
            let target = format!("/{number}/{}", "x".repeat(1000));
            format!("::1 - - [x] \"GET {target} HTTP/1.1\" 200 1\n")
        };
        let text: String = (0..20).map(line).chain([line(0)]).collect();
        let listed = counted(text.as_bytes(), Some("h"), 100, 10_000).expect("memory");
        assert_eq!((listed.addresses.len(), listed.skipped), (9, 11));
        assert!(
            listed.addresses[0].target.starts_with("/0/"),
            "it is counted on"
        );
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(b"http://a/1\n").expect("memory");
        let packed = packer.finish().expect("memory");
        let input = unpacked(io::Cursor::new(packed.clone())).expect("gzip");
        assert_eq!(shown(&list(input, 9).expect("gzip")), ["a/1"]);
        let torn = unpacked(io::Cursor::new(packed[..packed.len() - 6].to_vec())).expect("gzip");
        assert!(list(torn, 9).is_err());
    }
}
