//! A virtual user: what one session knows, from its first request to its last.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fastrand::Rng;

use super::cookies::{Jar, Site};
use super::extract::JsonBody;
use super::feed::Per;
use super::link;
use super::template::{Knowledge, Source, Template, TooLong, shortened};
use super::value::{Value, View};
use super::{Answer, Outgoing, Problem, Shared, Step, Think};
use crate::results::ErrorKind;
use crate::test::{Mix, Target, Test};

/// Longest path and query, and longest value of a field, in bytes: more than any server takes.
const LONGEST_LINE: usize = 64 << 10;

/// Longest body, in bytes.
const LONGEST_BODY: usize = 64 << 20;

/// A virtual user.
#[derive(Clone, Debug)]
pub struct User {
    test: Arc<Test>,
    shared: Arc<Shared>,
    rng: Rng,
    /// The session's number in an exact split.
    turn: u64,
    /// Scenarios that this session has begun, and the last of them.
    done: u32,
    last: usize,
    /// By the test's numbers of variables and feeds; empty until one is set.
    variables: Vec<Option<Value>>,
    rows: Vec<Option<usize>>,
    cookies: Jar,
    /// The path of the last request, which decides where its answer's cookies belong. Only of steps that keep some.
    path: String,
    /// Under which name the last request asked, if not under the target's.
    host: String,
}

impl User {
    /// A user before his first session. `number` is his own, for what is random before that.
    #[must_use]
    pub fn new(test: &Arc<Test>, shared: &Arc<Shared>, number: u64) -> Self {
        Self {
            rng: random(test.seed, !number),
            test: Arc::clone(test),
            shared: Arc::clone(shared),
            turn: 0,
            done: 0,
            last: 0,
            variables: Vec::new(),
            rows: Vec::new(),
            cookies: Jar::default(),
            path: String::new(),
            host: String::new(),
        }
    }

    /// Begins the next session: forgets all but what `setup` found.
    pub fn begin(&mut self) {
        let turn = self.shared.next_session();
        let shard = self.test.shard;
        // Numbers that no other generator has.
        let number = turn.wrapping_mul(u64::from(shard.count));
        let number = number.wrapping_add(u64::from(shard.index));
        self.begin_as(number);
        self.turn = turn;
    }

    /// Begins a certain session: the arrival of this number, counted over all generators. Which scenario it does and what is
    /// random in it depends only on this and on the test's seed.
    pub fn begin_as(&mut self, session: u64) {
        self.rng = random(self.test.seed, session);
        self.turn = session;
        self.done = 0;
        self.rows.clear();
        self.cookies.clear();
        self.variables.clear();
        self.variables.extend_from_slice(self.shared.given());
    }

    /// Begins the next session of somebody who comes again and again, with a number as [`User::begin_as`] takes it. In an exact split it has
    /// the next turn of all who come: how soon somebody comes again depends on what he did, so that numbers that were his beforehand
    /// would give the quick scenarios more than their share.
    pub fn begin_again(&mut self, session: u64) {
        self.begin_as(session);
        if matches!(self.test.mix, Mix::Exact) {
            self.turn = self.shared.next_session();
        }
    }

    /// What to do next, an index into the test's scenarios; `None` when the session is over.
    pub fn next_scenario(&mut self) -> Option<usize> {
        let chooser = self.shared.chooser();
        let next = chooser.next(self.turn, self.done, self.last, &mut self.rng)?;
        self.done += 1;
        self.last = next;
        Some(next)
    }

    /// Puts a step's request together.
    ///
    /// # Errors
    /// [`ErrorKind::Prepare`] when something that it needs is not there.
    pub fn prepare(&mut self, step: &Step, into: &mut Outgoing) -> Result<(), Problem> {
        into.clear();
        self.forget_rows();
        let request = &step.request;
        into.method.push_str(&request.method);
        into.path.push_str(&self.test.target.base);
        self.write(&request.path, LONGEST_LINE, &mut into.path, || {
            "the path".into()
        })?;
        for (name, template) in &request.fields {
            let mut value = String::new();
            let what = || format!("the field `{}`", shortened(name));
            self.write(template, LONGEST_LINE, &mut value, what)?;
            into.fields.push((name.clone(), value));
        }
        let target = &self.test.target;
        let own_host = into
            .fields
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let own_host = own_host.map(|(_, value)| value.as_str());
        link::settle(&mut into.path, request.path.is_link(), target, own_host)?;
        if step.keeps_cookies {
            self.path.clone_from(&into.path);
            self.host.clear();
            self.host.push_str(own_host.map_or("", link::without_port));
        }
        if !request.body.is_empty() {
            let mut body = String::from_utf8(std::mem::take(&mut into.body)).unwrap_or_default();
            let written = self.write(&request.body, LONGEST_BODY, &mut body, || "the body".into());
            into.body = body.into_bytes();
            written?;
        }
        if step.keeps_cookies {
            let site = site(&self.test.target, &self.host, &self.path);
            if !self.cookies.is_empty()
                && let Some(cookies) = self.cookies.field(site)
            {
                add_cookies(&mut into.fields, cookies);
            }
        }
        Ok(())
    }

    /// Judges a step's answer, and takes from it what later steps need.
    ///
    /// # Errors
    /// What is not as expected, or not there.
    pub fn conclude(&mut self, step: &Step, answer: &Answer) -> Result<(), Problem> {
        if step.keeps_cookies {
            let site = site(&self.test.target, &self.host, &self.path);
            for set_cookie in answer.values("set-cookie") {
                self.cookies.keep(set_cookie, site, SystemTime::now());
            }
        }
        let json = JsonBody::new(&answer.body);
        step.expect.check(answer, &json)?;
        for extract in &step.extract {
            let names = &self.test.variables;
            let name = names.get(extract.variable).map_or("", String::as_str);
            let taken = extract.take(name, answer, &json, &mut self.rng);
            let value = taken.map_err(|problem| of_step(step, problem))?;
            if self.variables.len() <= extract.variable {
                self.variables
                    .resize(names.len().max(extract.variable + 1), None);
            }
            self.variables[extract.variable] = Some(value);
        }
        Ok(())
    }

    /// How long the user thinks.
    pub fn think(&mut self, think: &Think) -> Duration {
        think.draw(&mut self.rng)
    }

    pub(super) fn variables(&self) -> &[Option<Value>] {
        &self.variables
    }

    /// Rows that are kept for one request only.
    fn forget_rows(&mut self) {
        for (row, feed) in self.rows.iter_mut().zip(&self.test.feeds) {
            if feed.per == Per::Step {
                *row = None;
            }
        }
    }

    fn write(
        &mut self,
        template: &Template,
        most: usize,
        into: &mut String,
        what: impl Fn() -> String,
    ) -> Result<(), Problem> {
        match template.write(self, most, into) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(TooLong)) => {
                let message = format!("{} is longer than {} KiB", what(), most >> 10);
                Err(Problem::new(ErrorKind::Prepare, message))
            }
            Err(mut problem) => {
                problem.message = format!("{}: {}", what(), problem.message);
                Err(problem)
            }
        }
    }
}

impl Knowledge for User {
    fn variable(&self, index: usize) -> Result<View<'_>, Problem> {
        match self.variables.get(index) {
            Some(Some(value)) => Ok(value.view()),
            _ => {
                let names = &self.test.variables;
                let name = names.get(index).map_or("", String::as_str);
                let message = format!("the variable `{name}` has no value in this session");
                Err(Problem::new(ErrorKind::Prepare, message))
            }
        }
    }

    fn column(&mut self, feed: usize, column: usize) -> Result<View<'_>, Problem> {
        let feeds = &self.test.feeds;
        let wrong = |message: String| Problem::new(ErrorKind::Prepare, message);
        let Some(of) = feeds.get(feed) else {
            return Err(wrong("there is no such feed".to_owned()));
        };
        if self.rows.len() < feeds.len() {
            self.rows.resize(feeds.len(), None);
        }
        let row = match self.rows[feed] {
            Some(row) => row,
            None => {
                let taken = self.shared.take(&self.test, feed, &mut self.rng);
                let none = || wrong(format!("the feed `{}` has no rows left", of.name));
                taken.ok_or_else(none)?
            }
        };
        self.rows[feed] = Some(row);
        let missing = || wrong(format!("the feed `{}` has no such column", of.name));
        of.rows.get(row, column).ok_or_else(missing)
    }

    fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    fn unfit(&self, source: &Source, why: &str) -> Problem {
        let name = match source {
            Source::Variable(index) => self.test.variables.get(*index).cloned(),
            Source::Column(feed, column) => self.test.feeds.get(*feed).and_then(|feed| {
                let column = feed.rows.columns().get(*column)?;
                Some(format!("{}.{column}", feed.name))
            }),
            _ => None,
        };
        let name = name.unwrap_or_default();
        let message = format!("`${{{name}}}` cannot stand there: {why}");
        Problem::new(ErrorKind::Prepare, message)
    }
}

fn site<'s>(target: &'s Target, host: &'s str, path: &'s str) -> Site<'s> {
    Site {
        host: if host.is_empty() { &target.host } else { host },
        is_tls: target.is_tls,
        path,
    }
}

/// Names the step: which of several extracts it, nothing else tells.
fn of_step(step: &Step, mut problem: Problem) -> Problem {
    problem.message = format!("step `{}`: {}", shortened(&step.name), problem.message);
    problem
}

/// One field only: RFC 6265 section 5.4.
fn add_cookies(fields: &mut Vec<(String, String)>, cookies: String) {
    let written = fields
        .iter_mut()
        .find(|(name, _)| name.eq_ignore_ascii_case("cookie"));
    match written {
        Some((_, value)) => {
            value.push_str("; ");
            value.push_str(&cookies);
        }
        None => fields.push(("cookie".to_owned(), cookies)),
    }
}

/// Random numbers of one session. The two are mixed (SplitMix64, Steele et al. 2014), so that neighbours are not alike.
fn random(seed: u64, session: u64) -> Rng {
    let mut mixed = seed ^ session.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    Rng::with_seed(mixed ^ (mixed >> 31))
}

#[cfg(test)]
mod tests;
