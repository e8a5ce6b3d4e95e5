//! From an access log to a scenario: which pages, how often, after what, and when.
//!
//! # The idea
//! The log is read twice, because what a page is (`/product/{id}`) is known only after all of it was seen, and because it is too
//! large to keep. The first reading (`learn`) finds the pages; the second counts them (`step`, `sessions`, `curve`).
//! `write` makes a draft of that, with a comment about each thing that was derived.
//!
//! # The trade-off
//! A log does not know bodies, cookies, or who is behind a proxy. What changes data is left out unless it is asked for, and a
//! table of transitions is made only of what looks like people.

mod common;
mod curve;
mod json;
mod learn;
mod path;
pub(super) mod record;
mod sessions;
mod step;
mod survey;
mod write;
mod zipf;

use std::io::{self, BufRead, Read};

use curve::Minutes;
use sessions::Sessions;
use step::Requests;
use survey::{Left, Tally};
use zipf::Room;

use super::lines::Lines;
use super::{ImportError, Imported, emit};

/// What to make of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The URL that requests are to go to; a log does not know it.
    pub target: String,
    /// Only requests to this host, without a port; all if it is not said.
    pub host: Option<String>,
    /// The longest stretch of the log whose arrivals are made phases, in minutes, 1 to 1440.
    pub minutes: u64,
    /// What arrival rates are multiplied with, above 0.
    pub scale: f64,
    /// Whether methods other than GET and HEAD become steps, too, without the bodies that nobody knows.
    pub includes_unsafe: bool,
    /// Whether style sheets, scripts, images and fonts are left out.
    pub pages_only: bool,
    /// What a session is.
    pub model: Model,
    /// Most pages, at least 1.
    pub most: usize,
    /// What the names of data files begin with.
    pub prefix: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            target: "http://127.0.0.1:8080".to_owned(),
            host: None,
            minutes: 60,
            scale: 1.0,
            includes_unsafe: false,
            pages_only: false,
            model: Model::Auto,
            most: 40,
            prefix: String::new(),
        }
    }
}

/// What an arrival does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Model {
    /// A session if there are enough in the log, otherwise one request.
    #[default]
    Auto,
    /// One request: pages are chosen by how often they were asked for.
    Weights,
    /// A session: each page depends on the one before (a Markov chain).
    Markov,
}

/// A page with this share of all requests or less is left out.
const LEAST: f64 = 0.0005;
/// Times that go back by more than this are not those of requests that took long.
const BACK: i64 = 5 * 60 * 1_000_000_000;

/// Makes a scenario of a log called `name`, which is opened twice.
///
/// # Errors
/// When the log cannot be read, has no requests that could be sent again, or is none: the line at which that showed.
pub fn read<R: Read>(
    mut open: impl FnMut() -> io::Result<R>,
    name: &str,
    options: &Options,
) -> Result<Imported, ImportError> {
    let mut open = || {
        let log = open().map_err(|error| ImportError::unreadable(1, &error));
        Ok(io::BufReader::with_capacity(256 * 1024, log?))
    };
    let mut survey = survey::survey(open()?, options)?;
    survey.tally.judge()?;
    let pages = survey.learned.pages(options.most, LEAST);
    if pages.is_empty() {
        return Err(nothing_left(&survey.tally));
    }
    let counted = count(open()?, &pages, &survey, options)?;
    let draft = write::draft(name, &pages, &survey.tally, &counted, options)?;
    Ok(emit::emit(&draft))
}

/// What the second reading finds out.
struct Counted {
    /// By page.
    requests: Vec<Requests>,
    sessions: Sessions,
    /// When requests for the pages came.
    arrivals: Minutes,
    /// When sessions began.
    begun: Minutes,
    /// Requests whose time was long before that of an earlier line.
    back: u64,
}

fn count(
    log: impl BufRead,
    pages: &[String],
    survey: &survey::Survey,
    options: &Options,
) -> Result<Counted, ImportError> {
    let numbers = pages.iter().enumerate();
    let numbers: std::collections::HashMap<&str, usize> = numbers
        .map(|(number, key)| (key.as_str(), number))
        .collect();
    let mut counted = Counted {
        requests: pages
            .iter()
            .map(|key| Requests::new(learn::split(key).1))
            .collect(),
        sessions: Sessions::new(pages.len()),
        arrivals: Minutes::default(),
        begun: Minutes::default(),
        back: 0,
    };
    // The same log makes the same scenario.
    let mut rng = fastrand::Rng::with_seed(survey.tally.lines);
    let (mut room, mut pattern, mut latest) = (Room::default(), String::new(), i64::MIN);
    let mut lines = Lines::new(log);
    while lines.number() < survey.tally.lines {
        let number = lines.number() + 1;
        let line = lines.next();
        let Some(line) = line.map_err(|error| ImportError::unreadable(number, &error))? else {
            break;
        };
        let Ok(record) = record::read(&line) else {
            continue;
        };
        if Left::judge(&record, options).is_some() {
            continue;
        }
        counted.back += u64::from(record.at < latest.saturating_sub(BACK));
        latest = latest.max(record.at);
        let (path, query) = match record.target.find('?') {
            Some(place) => record.target.split_at(place),
            None => (record.target.as_str(), ""),
        };
        let mut values = Vec::new();
        if !path::pattern(path, &survey.learned.rules, &mut pattern, &mut values) {
            continue;
        }
        let key = learn::key(&record.method, &pattern);
        if let Some(page) = numbers.get(key.as_str()) {
            counted.requests[*page].add(&values, query, &mut room, &mut rng);
            counted.arrivals.add(record.at);
            if counted.sessions.add(&record.client, *page, record.at) {
                counted.begun.add(record.at);
            }
        }
    }
    Ok(counted)
}

fn nothing_left(tally: &Tally) -> ImportError {
    let left: Vec<String> = tally.left_out().collect();
    let why = match left.is_empty() {
        true => "no path is frequent enough".to_owned(),
        false => left.join("; "),
    };
    ImportError::whole(
        format_args!(
            "nothing is left of {}: {why}",
            super::count_of(tally.lines, "line")
        ),
        "--include-unsafe keeps what changes data, --host chooses a host",
    )
}

#[cfg(test)]
mod tests;
