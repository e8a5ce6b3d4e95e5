//! What a load test would do, before it does it: `tenfold load check`.
//!
//! # The idea
//! Little's law: users = sessions per second × time of a session. Thinking is known; how long answers take is what a test is to find
//! out, so that it is assumed here, and said.

mod words;

use std::time::Duration;

use tenfold_load::Test;
use tenfold_load::scenario::feed::{Order, Per};
use tenfold_load::scenario::{Feed, Scenario, Source, Step};
use tenfold_load::test::{Arrivals, Load, Markov, Mix, Protocol};

use words::{columns, counted, number, range, share, time};

/// What every answer is assumed to take.
pub const ASSUMED_RESPONSE: Duration = Duration::from_millis(100);

/// What a test would do, for people. `response` is what an answer is assumed to take ([`ASSUMED_RESPONSE`]).
#[must_use]
pub fn describe(test: &Test, response: Duration) -> String {
    let session = Session::new(test, response);
    let parts = [
        head(test),
        phases(test, &session),
        scenarios(test, &session),
        feeds(test, &session),
        rest(test),
        assumption(response),
    ];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n")
}

/// A session as it is on average.
struct Session {
    /// For each scenario how often it is done.
    visits: Vec<f64>,
    requests: f64,
    /// In seconds.
    thinking: f64,
    time: f64,
}

impl Session {
    fn new(test: &Test, response: Duration) -> Self {
        let visits = match &test.mix {
            Mix::Markov(markov) => pages(markov),
            Mix::Random | Mix::Exact => {
                let sum: f64 = test.scenarios.iter().map(|one| one.weight).sum();
                test.scenarios.iter().map(|one| one.weight / sum).collect()
            }
        };
        let sum = |of: &dyn Fn(&Scenario) -> f64| -> f64 {
            let all = test.scenarios.iter().zip(&visits);
            all.map(|(scenario, visits)| visits * of(scenario)).sum()
        };
        let requests = sum(&|scenario| scenario.steps.len() as f64);
        let thinking = sum(&thinking);
        Self {
            requests,
            thinking,
            time: thinking + requests * response.as_secs_f64(),
            visits,
        }
    }

    /// Sessions per second that this load makes.
    fn rate(&self, load: f64, is_open: bool) -> f64 {
        match is_open {
            true => load,
            false if self.time > 0.0 => load / self.time,
            false => 0.0,
        }
    }
}

/// Seconds.
fn thinking(scenario: &Scenario) -> f64 {
    scenario
        .steps
        .iter()
        .map(|step| step.think.mean().as_secs_f64())
        .sum()
}

/// How often a session comes to each page: the sum of the distributions after 0, 1, 2 … pages.
fn pages(markov: &Markov) -> Vec<f64> {
    let mut now = markov.start.clone();
    let mut visits = now.clone();
    for _ in 1..markov.most {
        let share = |to: usize| -> f64 {
            let all = now.iter().zip(&markov.next);
            all.map(|(from, row)| from * row.get(to).copied().unwrap_or(0.0))
                .sum()
        };
        now = (0..now.len()).map(share).collect();
        // Those who are left would not change what is shown.
        if now.iter().sum::<f64>() < 1e-6 {
            break;
        }
        for (visits, share) in visits.iter_mut().zip(&now) {
            *visits += share;
        }
    }
    visits
}

fn head(test: &Test) -> String {
    let protocol = match (test.target.protocol, test.target.is_tls) {
        (Protocol::Auto, true) => "HTTP/2 if the server chooses it, else HTTP/1.1",
        (Protocol::Http1, _) | (Protocol::Auto, false) => "HTTP/1.1",
        (Protocol::Http2, _) => "HTTP/2",
    };
    let model = match (test.is_open(), test.arrivals) {
        (true, Arrivals::Even) => "open model: sessions arrive at equal distances",
        (true, Arrivals::Poisson) => "open model: sessions arrive at random (Poisson)",
        (false, _) => "closed model: each user waits for his answers",
    };
    format!(
        "{}\n  {} ({protocol}), at most {}\n  {model}; seed {}\n",
        test.name,
        test.target.url(),
        counted(test.target.connections as f64, "connection"),
        test.seed,
    )
}

/// The amounts at a phase's beginning and end.
fn ends(load: Load) -> (f64, f64) {
    match load {
        Load::Rate { from, to } => (from, to),
        Load::Users { from, to } => (f64::from(from), f64::from(to)),
    }
}

fn phases(test: &Test, session: &Session) -> String {
    let is_open = test.is_open();
    let mut rows =
        vec![["phase", "duration", "sessions/s", "requests/s", "users"].map(str::to_owned)];
    for phase in &test.phases {
        let (from, to) = ends(phase.load);
        let (first, last) = (session.rate(from, is_open), session.rate(to, is_open));
        let users = match is_open {
            true => (from * session.time, to * session.time),
            false => (from, to),
        };
        let warm_up = if phase.is_warm_up { " (warm-up)" } else { "" };
        rows.push([
            format!("{}{warm_up}", phase.name),
            time(phase.duration.as_secs_f64()),
            range(first, last),
            range(first * session.requests, last * session.requests),
            range(users.0, users.1),
        ]);
    }
    let sessions = sessions(test, session);
    let sum = format!(
        "in all {}: {}, {}\n",
        time(test.duration().as_secs_f64()),
        counted(sessions.round(), "session"),
        counted((sessions * session.requests).round(), "request"),
    );
    columns(&rows) + &sum
}

/// How many there are in the whole test.
fn sessions(test: &Test, session: &Session) -> f64 {
    let of = |phase: &tenfold_load::test::Phase| {
        let (from, to) = ends(phase.load);
        session.rate(f64::midpoint(from, to), test.is_open()) * phase.duration.as_secs_f64()
    };
    test.phases.iter().map(of).sum()
}

fn scenarios(test: &Test, session: &Session) -> String {
    let is_markov = matches!(test.mix, Mix::Markov(_));
    let all: f64 = session.visits.iter().sum();
    let which = if is_markov { "page" } else { "scenario" };
    let mut rows = vec![[which, "share", "requests", "thinking"].map(str::to_owned)];
    for (scenario, visits) in test.scenarios.iter().zip(&session.visits) {
        rows.push([
            scenario.name.clone(),
            share(visits / all.max(f64::MIN_POSITIVE)),
            scenario.steps.len().to_string(),
            time(thinking(scenario)),
        ]);
    }
    let how = match &test.mix {
        Mix::Random => "by weight, at random",
        Mix::Exact => "by weight, exactly",
        Mix::Markov(_) => "each leads to the next",
    };
    let pages = match is_markov {
        true => format!("{}, ", counted(all, "page")),
        false => String::new(),
    };
    let sum = format!(
        "{how}; a session has {pages}{}, and takes {}, of which {} thinking\n",
        counted(session.requests, "request"),
        time(session.time),
        time(session.thinking),
    );
    columns(&rows) + &sum
}

fn feeds(test: &Test, session: &Session) -> String {
    if test.feeds.is_empty() {
        return String::new();
    }
    let mut rows = vec![["feed", "rows", "columns", "order", ""].map(str::to_owned)];
    for (index, feed) in test.feeds.iter().enumerate() {
        let order = match feed.order {
            Order::Sequential => "one after the other",
            Order::Random => "at random",
            Order::Once => "each once",
        };
        let taken = taken(test, session, index, feed);
        let remark = match feed.order {
            _ if taken == 0.0 => "no step uses it".to_owned(),
            Order::Once if taken > feed.rows.len() as f64 => {
                format!("TOO FEW: the test takes about {}", number(taken.round()))
            }
            _ => format!("the test takes about {}", number(taken.round())),
        };
        rows.push([
            feed.name.clone(),
            feed.rows.len().to_string(),
            feed.rows.columns().join(", "),
            order.to_owned(),
            remark,
        ]);
    }
    columns(&rows)
}

/// About how many rows of a feed the sessions take.
fn taken(test: &Test, session: &Session, index: usize, feed: &Feed) -> f64 {
    let uses = |step: &&Step| {
        let body_and_path = [&step.request.body, &step.request.path];
        let fields = step.request.fields.iter().map(|(_, value)| value);
        let all = body_and_path.into_iter().chain(fields);
        all.flat_map(|template| template.sources())
            .any(|source| matches!(source, Source::Column(feed, _) if *feed == index))
    };
    let is_markov = matches!(test.mix, Mix::Markov(_));
    let of = |(scenario, visits): (&Scenario, &f64)| {
        let steps = scenario.steps.iter().filter(uses).count() as f64;
        match feed.per {
            Per::Step => visits * steps,
            // Of pages at most one row for all of a session.
            Per::Session if is_markov => visits.min(1.0) * steps.min(1.0),
            Per::Session => visits * steps.min(1.0),
        }
    };
    let each: f64 = test.scenarios.iter().zip(&session.visits).map(of).sum();
    let each = if is_markov && feed.per == Per::Session {
        each.min(1.0)
    } else {
        each
    };
    sessions(test, session) * each
}

fn rest(test: &Test) -> String {
    let mut text = String::new();
    for (steps, when) in [(&test.setup, "before"), (&test.teardown, "after")] {
        if !steps.is_empty() {
            let names: Vec<_> = steps.iter().map(|step| step.name.as_str()).collect();
            text += &format!("once {when} the test: {}\n", names.join(", "));
        }
    }
    for threshold in &test.thresholds {
        text += &format!("it fails unless {}\n", threshold.text);
    }
    text
}

fn assumption(response: Duration) -> String {
    format!(
        "Users follow from Little's law (sessions per second × time of a session), if every answer takes {}: that is assumed. What it \
         really is the test finds out.\n",
        time(response.as_secs_f64())
    )
}
