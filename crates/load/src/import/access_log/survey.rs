//! The first reading, and what of a log is left out.

use std::collections::HashMap;
use std::io::BufRead;

use super::Options;
use super::learn::Learned;
use super::record::{self, Fault, Record};
use crate::import::lines::Lines;
use crate::import::{ImportError, count, count_of, shown};

/// Most hosts that are told apart.
const HOSTS: usize = 100;
/// What style sheets, scripts, images and fonts end with.
const ASSETS: [&str; 20] = [
    "css", "js", "mjs", "map", "png", "jpg", "jpeg", "gif", "webp", "avif", "svg", "ico", "bmp",
    "woff", "woff2", "ttf", "otf", "eot", "mp4", "webm",
];

/// What the first reading finds out.
pub(super) struct Survey {
    pub(super) tally: Tally,
    pub(super) learned: Learned,
}

/// Why a request is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Left {
    Host,
    Method,
    Unsafe,
    ClientError,
    Tunnel,
    Asset,
    Long,
}

impl Left {
    /// Every reason, with how notes call it.
    const ALL: [(Self, &str); 7] = [
        (Self::Host, "to other hosts"),
        (
            Self::Method,
            "of browsers and proxies for themselves (OPTIONS, TRACE, CONNECT)",
        ),
        (
            Self::Unsafe,
            "with methods that change data (POST, PUT, DELETE …), as a log does not know their bodies; --include-unsafe keeps them",
        ),
        (
            Self::ClientError,
            "with status 4xx (refused): dead links, scans, missing rights",
        ),
        (Self::Tunnel, "with status 101 (tunnels)"),
        (
            Self::Asset,
            "for style sheets, scripts, images and fonts (--pages-only)",
        ),
        (
            Self::Long,
            "with a path longer than 512 bytes or deeper than 32 segments",
        ),
    ];

    /// Why a request is left out, if it is.
    pub(super) fn judge(record: &Record<'_>, options: &Options) -> Option<Self> {
        if let Some(wanted) = &options.host {
            let host = record.host.as_deref().unwrap_or_default();
            if !without_port(host).eq_ignore_ascii_case(wanted) {
                return Some(Self::Host);
            }
        }
        match record.method.as_ref() {
            "GET" | "HEAD" => {}
            "OPTIONS" | "TRACE" | "CONNECT" => return Some(Self::Method),
            _ if !options.includes_unsafe => return Some(Self::Unsafe),
            _ => {}
        }
        match record.status {
            101 => Some(Self::Tunnel),
            // Who was refused for asking too often, or did not wait (499 of nginx), asked for something that is there.
            429 | 499 => None,
            400..500 => Some(Self::ClientError),
            _ if options.pages_only && is_asset(&record.target) => Some(Self::Asset),
            _ => None,
        }
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn is_asset(target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    let ending = path
        .rsplit('/')
        .next()
        .and_then(|name| name.rsplit_once('.'));
    ending.is_some_and(|(_, ending)| {
        ASSETS
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known))
    })
}

/// What was read, and what was not.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) lines: u64,
    /// Lines with a request.
    pub(super) requests: u64,
    /// Requests that are not left out.
    pub(super) kept: u64,
    no_request: u64,
    faults: u64,
    /// The first lines that are none of a log, and why.
    first_faults: Vec<(u64, &'static str)>,
    left: HashMap<Left, u64>,
    pub(super) hosts: HashMap<String, u64>,
}

impl Tally {
    fn fault(&mut self, line: u64, fault: Fault) {
        match fault {
            Fault::NoRequest => self.no_request += 1,
            Fault::Format("empty") => {}
            Fault::Format(why) => {
                self.faults += 1;
                if self.first_faults.len() < 3 {
                    self.first_faults.push((line, why));
                }
            }
        }
    }

    fn request(&mut self, record: &Record<'_>) {
        self.requests += 1;
        if let Some(host) = &record.host {
            let host = without_port(host).to_ascii_lowercase();
            if self.hosts.len() < HOSTS || self.hosts.contains_key(&host) {
                *self.hosts.entry(host).or_default() += 1;
            }
        }
    }

    fn leave_out(&mut self, why: Left) {
        *self.left.entry(why).or_default() += 1;
    }

    /// Whether this is an access log.
    pub(super) fn judge(&self) -> Result<(), ImportError> {
        const HELP: &str = "there are: the common and the combined format of nginx and Apache, and a JSON object per line";
        if self.lines == 0 {
            return Err(ImportError::whole("is empty", HELP));
        }
        match self.first_faults.first() {
            Some((line, why)) if self.faults > self.requests + self.no_request => {
                Err(ImportError::at(
                    *line,
                    format_args!(
                        "no line of an access log ({why}), as {} of {}",
                        count(self.faults),
                        count(self.lines)
                    ),
                    HELP,
                ))
            }
            _ if self.requests == 0 => Err(ImportError::whole(
                format_args!("no request in {}", count_of(self.lines, "line")),
                HELP,
            )),
            _ => Ok(()),
        }
    }

    /// What was left out, a part of a sentence each.
    pub(super) fn left_out(&self) -> impl Iterator<Item = String> {
        Left::ALL.iter().filter_map(|(why, text)| {
            let number = self.left.get(why)?;
            Some(format!("{} {text}", count_of(*number, "request")))
        })
    }

    /// What is to be said about lines that were passed over, a sentence each.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.faults > 0 {
            let first = self.first_faults.iter();
            let first: Vec<_> = first
                .map(|(line, why)| format!("line {line}: {why}"))
                .collect();
            let lines = count_of(self.faults, "line");
            notes.push(format!("Not readable: {lines} ({}).", first.join("; ")));
        }
        if self.no_request > 0 {
            let lines = count_of(self.no_request, "line");
            notes.push(format!(
                "Without a valid request (scans, idle connections): {lines}."
            ));
        }
        for left in self.left_out() {
            notes.push(format!("Left out: {left}."));
        }
        notes
    }

    /// The hosts by frequency, if there are several.
    pub(super) fn several_hosts(&self) -> Option<String> {
        let mut hosts: Vec<_> = self.hosts.iter().collect();
        hosts.sort_by(|one, other| other.1.cmp(one.1).then_with(|| one.0.cmp(other.0)));
        let names = hosts.iter().take(5);
        let names =
            names.map(|(host, number)| format!("{} ({})", shown(host, 60), count(**number)));
        (hosts.len() > 1).then(|| names.collect::<Vec<_>>().join(", "))
    }
}

/// Reads the log for the first time.
pub(super) fn survey(log: impl BufRead, options: &Options) -> Result<Survey, ImportError> {
    let mut tally = Tally::default();
    let mut learned = Learned::default();
    let mut lines = Lines::new(log);
    loop {
        let number = lines.number() + 1;
        let line = lines.next();
        let Some(line) = line.map_err(|error| ImportError::unreadable(number, &error))? else {
            break;
        };
        tally.lines = number;
        let record = match record::read(&line) {
            Ok(record) => record,
            Err(fault) => {
                tally.fault(number, fault);
                continue;
            }
        };
        tally.request(&record);
        if let Some(why) = Left::judge(&record, options) {
            tally.leave_out(why);
        } else if learned.add(&record.method, &record.target) {
            tally.kept += 1;
        } else {
            tally.leave_out(Left::Long);
        }
    }
    Ok(Survey { tally, learned })
}
