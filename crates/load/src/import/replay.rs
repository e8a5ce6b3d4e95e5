//! An access log once more: the same requests at the same distances, or so many times as fast.
//!
//! # The problem
//! A model of a log leaves out what nobody thought of: bursts, and what is asked for at the same time. A replay has it all, but the
//! log may be larger than memory.
//!
//! # The idea
//! Only what is needed is kept: 16 bytes per request, and each target once. That is a hundredth of most logs, and there is a bound
//! ([`Replay::MEMORY`]). Most servers write a line when a request ends and with whole seconds: requests of one second are spread
//! over it evenly, in the order of the file, as a burst at each full second is one that nobody made.
//!
//! # The trade-off
//! Cookies and bodies are in no log, so what changes data is left out unless it is asked for.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::BufRead;
use std::time::Duration;

use super::access_log::record::{self, Fault};
use super::lines::Lines;
use super::{ImportError, count};

const SECOND: i64 = 1_000_000_000;
/// Between one line and the next. What is farther away has a wrong date, or is another log.
const FARTHEST: i64 = 24 * 3600 * SECOND;
/// Most methods; more are made up.
const METHODS: usize = 64;

/// Requests by time.
#[derive(Clone, Debug)]
pub struct Replay {
    requests: Vec<Entry>,
    methods: Texts,
    texts: Texts,
    speed: f64,
    passed_over: PassedOver,
}

/// A request that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'r> {
    /// When, since the first one.
    pub due: Duration,
    /// The method.
    pub method: &'r str,
    /// Path and query, as they stand in a request line.
    pub target: &'r str,
}

/// Which methods are sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Methods {
    /// GET and HEAD.
    #[default]
    Safe,
    /// All but OPTIONS, TRACE and CONNECT. Bodies are unknown, so there are none.
    All,
}

/// What is in the log, and not in the replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassedOver {
    /// Lines that are none of an access log.
    pub unreadable: u64,
    /// The first of them, from 1.
    pub first_unreadable: Option<u64>,
    /// Lines without a valid request.
    pub no_request: u64,
    /// Requests with other methods.
    pub methods: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Nanoseconds since 1970.
    at: i64,
    /// The target, a number of [`Texts`].
    target: u32,
    /// The method, a number of other [`Texts`].
    method: u8,
    is_fine: bool,
}

impl Replay {
    /// The most memory that the requests of a log may take, in bytes. Reading takes up to twice as much for a while.
    pub const MEMORY: usize = 1 << 30;

    /// Reads a log, to be replayed `speed` times as fast as it happened.
    ///
    /// # Errors
    /// When the log cannot be read, is none, has nothing to send, takes more than [`Replay::MEMORY`], or jumps by more than a day from one
    /// line to the next; and when `speed` is not above 0.
    pub fn parse(log: impl BufRead, speed: f64, methods: Methods) -> Result<Self, ImportError> {
        Self::within(log, speed, methods, Self::MEMORY)
    }

    fn within(
        log: impl BufRead,
        speed: f64,
        methods: Methods,
        memory: usize,
    ) -> Result<Self, ImportError> {
        if !(speed.is_finite() && speed > 0.0) {
            let what = format_args!("a speed of {speed} is none");
            return Err(ImportError::whole(
                what,
                "say how many times as fast, above 0",
            ));
        }
        let mut reading = Reading::default();
        let mut lines = Lines::new(log);
        loop {
            let number = lines.number() + 1;
            let line = lines.next();
            let Some(line) = line.map_err(|error| ImportError::unreadable(number, &error))? else {
                break;
            };
            match record::read(&line) {
                Ok(record) => reading.take(number, &record, methods)?,
                Err(fault) => reading.pass_over(number, fault),
            }
            if reading.memory() > memory {
                let what = format_args!(
                    "the requests up to here take more than {} MiB of memory",
                    memory >> 20
                );
                let help = "replay a part of the log: `head -n` takes the first lines, grep a time";
                return Err(ImportError::at(number, what, help));
            }
        }
        reading.finish(speed, lines.number())
    }

    /// How many requests there are, at least one.
    #[must_use]
    pub fn count(&self) -> usize {
        self.requests.len()
    }

    /// When the last request is due, since the first one.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.requests
            .last()
            .map_or(Duration::ZERO, |last| self.due(last))
    }

    /// What is in the log, and not in here.
    #[must_use]
    pub fn passed_over(&self) -> PassedOver {
        self.passed_over
    }

    /// The request of a number.
    ///
    /// # Panics
    /// If there are not so many.
    #[must_use]
    pub fn request(&self, number: usize) -> Request<'_> {
        self.read(&self.requests[number])
    }

    /// The requests by time. Several workers share them with `skip` and `step_by`, which take no time.
    pub fn requests(&self) -> impl ExactSizeIterator<Item = Request<'_>> + DoubleEndedIterator {
        self.requests.iter().map(|entry| self.read(entry))
    }

    fn read(&self, entry: &Entry) -> Request<'_> {
        Request {
            due: self.due(entry),
            method: self.methods.get(u32::from(entry.method)),
            target: self.texts.get(entry.target),
        }
    }

    fn due(&self, entry: &Entry) -> Duration {
        let first = self.requests.first().map_or(0, |first| first.at);
        let nanos = entry.at.abs_diff(first) as f64 / self.speed;
        Duration::from_nanos(nanos.min(u64::MAX as f64) as u64)
    }
}

#[derive(Default)]
struct Reading {
    requests: Vec<Entry>,
    methods: Texts,
    texts: Texts,
    known: HashMap<u64, u32>,
    passed_over: PassedOver,
    last: Option<i64>,
}

impl Reading {
    fn take(
        &mut self,
        number: u64,
        record: &record::Record<'_>,
        methods: Methods,
    ) -> Result<(), ImportError> {
        let is_wanted = match record.method.as_ref() {
            "GET" | "HEAD" => true,
            "OPTIONS" | "TRACE" | "CONNECT" => false,
            _ => methods == Methods::All,
        };
        if !is_wanted {
            self.passed_over.methods += 1;
            return Ok(());
        }
        let last = self.last.replace(record.at).unwrap_or(record.at);
        let distance = record.at.abs_diff(last);
        if distance > FARTHEST.unsigned_abs() {
            let days = distance as f64 / (24.0 * 3600.0 * SECOND as f64);
            let direction = if record.at > last { "after" } else { "before" };
            return Err(ImportError::at(
                number,
                format_args!(
                    "its time is {days:.1} days {direction} that of the request before it"
                ),
                "mend the date; sort the lines by time if these are several logs; or replay a part",
            ));
        }
        let full = || {
            let what = "there are more than four billion different targets up to here";
            ImportError::at(number, what, "replay a part of the log")
        };
        let Some(method) = self.method(&record.method) else {
            self.passed_over.no_request += 1;
            return Ok(());
        };
        let target = self.text(&record.target).ok_or_else(full)?;
        self.requests.push(Entry {
            at: record.at,
            target,
            method,
            is_fine: record.is_fine,
        });
        Ok(())
    }

    fn pass_over(&mut self, number: u64, fault: Fault) {
        match fault {
            Fault::NoRequest => self.passed_over.no_request += 1,
            Fault::Format("empty") => {}
            Fault::Format(_) => {
                self.passed_over.unreadable += 1;
                self.passed_over.first_unreadable.get_or_insert(number);
            }
        }
    }

    /// The number of a text. Two texts with one hash are rare, and then the later one is kept again each time.
    fn text(&mut self, text: &str) -> Option<u32> {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let hash = hasher.finish();
        match self.known.get(&hash) {
            Some(number) if self.texts.get(*number) == text => Some(*number),
            _ => {
                let number = self.texts.add(text)?;
                self.known.insert(hash, number);
                Some(number)
            }
        }
    }

    /// The number of a method, if there are not more of them than anybody uses.
    fn method(&mut self, method: &str) -> Option<u8> {
        let known = self.methods.ends.len();
        let mut numbers = 0..known as u32;
        let number = match numbers.find(|number| self.methods.get(*number) == method) {
            Some(number) => number,
            None if known < METHODS => self.methods.add(method)?,
            None => return None,
        };
        u8::try_from(number).ok()
    }

    fn memory(&self) -> usize {
        self.requests.len() * size_of::<Entry>()
            + self.texts.memory()
            + self.known.len() * size_of::<(u64, u32)>()
    }

    fn finish(mut self, speed: f64, lines: u64) -> Result<Replay, ImportError> {
        let passed_over = self.passed_over;
        match passed_over.first_unreadable {
            Some(line) if passed_over.unreadable > self.requests.len() as u64 => {
                let number = count(passed_over.unreadable);
                let what =
                    format_args!("no line of an access log, as {number} of {}", count(lines));
                let help = "there are: the common and the combined format of nginx and Apache, and a JSON object per line";
                return Err(ImportError::at(line, what, help));
            }
            _ if self.requests.is_empty() => {
                let what = format_args!("nothing to send in {} lines", count(lines));
                let help = "only GET and HEAD are sent again unless you say otherwise";
                return Err(ImportError::whole(what, help));
            }
            _ => {}
        }
        self.requests.sort_by_key(|entry| entry.at);
        spread(&mut self.requests);
        self.requests.shrink_to_fit();
        Ok(Replay {
            requests: self.requests,
            methods: self.methods,
            texts: self.texts,
            speed,
            passed_over,
        })
    }
}

/// Spreads the requests of each second over it, if the log knows no more than the second.
fn spread(requests: &mut [Entry]) {
    let is_together =
        |one: &Entry, other: &Entry| one.at == other.at && !one.is_fine && !other.is_fine;
    for second in requests.chunk_by_mut(is_together) {
        let count = second.len() as i64;
        for (place, entry) in second.iter_mut().enumerate() {
            entry.at = entry.at.saturating_add(SECOND / count * place as i64);
        }
    }
}

/// Texts, one behind the other.
#[derive(Clone, Debug, Default)]
struct Texts {
    all: String,
    ends: Vec<usize>,
}

impl Texts {
    fn add(&mut self, text: &str) -> Option<u32> {
        let number = u32::try_from(self.ends.len()).ok()?;
        self.all.push_str(text);
        self.ends.push(self.all.len());
        Some(number)
    }

    fn get(&self, number: u32) -> &str {
        let number = number as usize;
        let start = match number {
            0 => 0,
            number => self.ends[number - 1],
        };
        &self.all[start..self.ends[number]]
    }

    fn memory(&self) -> usize {
        self.all.len() + self.ends.len() * size_of::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(second: u32, request: &str) -> String {
        let (minute, second) = (second / 60, second % 60);
        format!(
            "::1 - - [10/Oct/2000:13:{minute:02}:{second:02} +0000] \"{request} HTTP/1.1\" 200 1\n"
        )
    }

    fn parse(text: &str, speed: f64) -> Result<Replay, ImportError> {
        Replay::parse(text.as_bytes(), speed, Methods::Safe)
    }

    fn due(replay: &Replay) -> Vec<(u128, &str)> {
        let requests = replay.requests();
        requests
            .map(|request| (request.due.as_millis(), request.target))
            .collect()
    }

    #[test]
    fn requests_of_a_second_are_spread_over_it() {
        let text = [
            line(0, "GET /a"),
            line(2, "GET /b"),
            line(2, "GET /c"),
            line(3, "HEAD /a"),
        ]
        .concat();
        let replay = parse(&text, 1.0).expect("a log");
        assert_eq!(
            due(&replay),
            [(0, "/a"), (2000, "/b"), (2500, "/c"), (3000, "/a")]
        );
        let methods: Vec<_> = replay.requests().map(|request| request.method).collect();
        assert_eq!(methods, ["GET", "GET", "GET", "HEAD"]);
        assert_eq!(replay.texts.ends.len(), 3, "each text once");
        let fast = parse(&text, 10.0).expect("a log");
        assert_eq!(due(&fast)[2], (250, "/c"));
        assert_eq!(fast.duration(), Duration::from_millis(300));
    }

    #[test]
    fn a_fine_clock_is_believed() {
        let text = r#"{"time":100.250,"client":"::1","method":"GET","target":"/b","status":200,"duration_us":0}
{"time":100.750,"client":"::1","method":"GET","target":"/a","status":200,"duration_us":700000}
{"time":100.750,"client":"::1","method":"GET","target":"/c","status":200,"duration_us":0}"#;
        let replay = parse(text, 1.0).expect("a log");
        assert_eq!(due(&replay), [(0, "/a"), (200, "/b"), (700, "/c")]);
    }

    #[test]
    fn what_changes_data_is_sent_only_if_that_is_said() {
        let text = [line(0, "GET /a"), line(0, "POST /b"), line(0, "OPTIONS /c")].concat();
        let safe = parse(&text, 1.0).expect("a log");
        assert_eq!((safe.count(), safe.passed_over().methods), (1, 2));
        let all = Replay::parse(text.as_bytes(), 1.0, Methods::All).expect("a log");
        assert_eq!((all.count(), all.passed_over().methods), (2, 1));
    }

    #[test]
    fn lines_that_are_none_are_counted() {
        let text = format!(
            "\u{1}\u{2}\n{}{}\n\n\"GET",
            line(0, "GET /a"),
            line(1, "GET /b")
        );
        let replay = parse(&text, 1.0).expect("a log");
        assert_eq!(replay.count(), 2);
        let passed_over = replay.passed_over();
        assert_eq!(
            (passed_over.unreadable, passed_over.first_unreadable),
            (2, Some(1))
        );
    }

    #[test]
    fn errors_name_the_line() {
        let error = parse("hello\nworld\n", 1.0).expect_err("no log");
        assert_eq!(error.line, Some(1));
        let far = line(0, "GET /a") + &line(0, "GET /a").replace("2000", "2010");
        let error = parse(&far, 1.0).expect_err("ten years");
        assert_eq!(error.line, Some(2));
        assert!(error.what.contains("3652.0 days after"), "{error}");
        assert_eq!(parse("", 1.0).expect_err("empty").line, None);
        for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(parse(&line(0, "GET /a"), speed).is_err());
        }
    }

    #[test]
    fn memory_is_bounded() {
        let text: String = (0..1000)
            .map(|number| line(0, &format!("GET /{number}")))
            .collect();
        let error = Replay::within(text.as_bytes(), 1.0, Methods::Safe, 20_000).expect_err("large");
        assert!(
            error.line.is_some_and(|line| (300..600).contains(&line)),
            "{error}"
        );
        Replay::within(text.as_bytes(), 1.0, Methods::Safe, 1 << 20).expect("small");
    }
}
