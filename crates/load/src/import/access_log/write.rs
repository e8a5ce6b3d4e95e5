//! From what was counted to a draft: numbers become a model, and every one of them says where it comes from.

use super::curve::Curve;
use super::survey::Tally;
use super::{Counted, Model, Options, learn};
use crate::import::draft::{Draft, Load, Markov, Phase, Scenario, Step, Think, name_of};
use crate::import::{ImportError, count, count_of, date, shown};

/// Probabilities have five digits.
const UNIT: f64 = 1e5;
/// Minutes: a phase takes at most a day.
const LONGEST_WINDOW: u64 = 24 * 60;
/// Longest think time in seconds: after that it is another session.
const LONGEST_THINK: f64 = 1800.0;

/// Makes the draft.
pub(super) fn draft(
    name: &str,
    pages: &[String],
    tally: &Tally,
    counted: &Counted,
    options: &Options,
) -> Result<Draft, ImportError> {
    let verdict = counted.sessions.judge();
    let is_markov = match options.model {
        Model::Auto => verdict.is_ok(),
        Model::Weights => false,
        Model::Markov if counted.sessions.transitions() == 0 => {
            return Err(ImportError::whole(
                "nobody asked for two pages in a row, so there are no transitions",
                "leave --model out, or say --model weights",
            ));
        }
        Model::Markov => true,
    };
    let name = shown(name, 80);
    let mut draft = Draft {
        name: name.clone(),
        target: options.target.clone(),
        is_poisson: true,
        ..Draft::default()
    };
    draft.comments = comments(&name, tally, counted);
    phases(&mut draft, counted, options, is_markov);
    scenarios(&mut draft, pages, counted, options, is_markov);
    if is_markov {
        draft.markov = Some(markov(counted));
        draft.markov_comments = markov_comments(counted);
        if let (Model::Markov, Err(why)) = (options.model, verdict) {
            draft
                .markov_comments
                .push(format!("Do not rely on it: {why}."));
        }
    } else if let (Model::Auto, Err(why)) = (options.model, verdict) {
        let note = format!("Each arrival is one request. There is no table of transitions: {why}.");
        draft.comments.push(note);
    }
    Ok(draft)
}

fn comments(name: &str, tally: &Tally, counted: &Counted) -> Vec<String> {
    let mut comments = vec![format!(
        "Made by tenfold load import from {name}: {}, {} of them requests.",
        count_of(tally.lines, "line"),
        count(tally.requests)
    )];
    let told: u64 = counted.requests.iter().map(|page| page.count).sum();
    if told < tally.kept {
        comments.push(format!(
            "These pages have {:.1} % of the {} requests that were not left out; each of the others has too few.",
            share(told, tally.kept) * 100.0,
            count(tally.kept)
        ));
    }
    comments.extend(tally.notes());
    if let Some(hosts) = tally.several_hosts() {
        comments.push(format!(
            "Requests went to several hosts: {hosts}. --host takes those to one."
        ));
    }
    let secrets: u64 = counted.requests.iter().map(|page| page.with_secrets).sum();
    if secrets > 0 {
        let number = count_of(secrets, "request");
        comments.push(format!(
            "Left out: parameters that look like secrets, of {number}."
        ));
    }
    if counted.back > 0 {
        comments.push(format!(
            "Times go back by more than five minutes at {}: are these several logs in one file? Sort them by time.",
            count_of(counted.back, "line")
        ));
    }
    if counted.sessions.untold > 0 {
        comments.push(format!(
            "Sessions leave out {}: there were more than 200,000 addresses within half an hour.",
            count_of(counted.sessions.untold, "request")
        ));
    }
    comments
}

fn phases(draft: &mut Draft, counted: &Counted, options: &Options, is_markov: bool) {
    let arrivals = match is_markov {
        true => &counted.begun,
        false => &counted.arrivals,
    };
    // When most is asked for, which need not be when most sessions begin.
    let Some((begins, minutes)) = counted
        .arrivals
        .busiest(options.minutes.clamp(1, LONGEST_WINDOW))
    else {
        return;
    };
    let curve = arrivals.curve(begins, minutes);
    draft.phase_comments = curve_comments(&curve, counted, options, is_markov);
    let mut elapsed = 0;
    for line in &curve.lines {
        let at = curve.begins + elapsed * 1_000_000_000;
        elapsed += line.seconds as i64;
        let time = date::shown(at);
        let time = time.split_once(' ').map_or("", |(_, time)| time);
        let taken = |name: &str| draft.phases.iter().any(|phase| phase.name == name);
        draft.phases.push(Phase {
            name: name_of(&format!("from {time}"), "from", taken),
            seconds: line.seconds,
            load: Load::Rate(
                rounded(line.from * options.scale),
                rounded(line.to * options.scale),
            ),
        });
    }
}

fn curve_comments(
    curve: &Curve,
    counted: &Counted,
    options: &Options,
    is_markov: bool,
) -> Vec<String> {
    let what = if is_markov { "sessions" } else { "requests" };
    let mut comments = Vec::new();
    let (first, last) = counted.arrivals.span().unwrap_or_default();
    let whole = ((last - first) / 60_000_000_000 + 1) as u64;
    comments.push(format!(
        "Arrivals per second from {} UTC, {} minutes of the log's {}: {} {what}, {} per second on average.",
        date::shown(curve.begins),
        curve.minutes,
        count(whole),
        count(curve.arrivals),
        rounded(curve.mean())
    ));
    if curve.minutes < whole {
        comments.push(
            "It is the stretch with the most requests; --window takes a longer or a shorter one."
                .to_owned(),
        );
    }
    let factor = curve.peak.1 / curve.mean().max(f64::MIN_POSITIVE);
    comments.push(format!(
        "Busiest minute: {} UTC with {} per second, {factor:.1} times the average. The curve is smoothed over three minutes.",
        date::shown(curve.peak.0),
        rounded(curve.peak.1)
    ));
    if options.scale != 1.0 {
        comments.push(format!(
            "All rates are multiplied by {} (--scale).",
            options.scale
        ));
    }
    comments
}

fn scenarios(
    draft: &mut Draft,
    pages: &[String],
    counted: &Counted,
    options: &Options,
    is_markov: bool,
) {
    let all: u64 = counted.requests.iter().map(|page| page.count).sum();
    for (number, (key, requests)) in pages.iter().zip(&counted.requests).enumerate() {
        let (method, pattern) = learn::split(key);
        let taken = |name: &str| draft.scenarios.iter().any(|known| known.name == name);
        let wanted = match (method, pattern) {
            ("GET", "/") => "home".to_owned(),
            ("GET", _) => pattern.to_owned(),
            _ => format!("{method} {pattern}"),
        };
        let name = name_of(&wanted, "page", taken);
        let address = requests.address(&name);
        let mut comments = vec![format!(
            "{}, {:.1} %.",
            count_of(requests.count, "request"),
            share(requests.count, all) * 100.0
        )];
        comments.extend(address.comment);
        if !matches!(method, "GET" | "HEAD") {
            comments.push(
                "Its body is unknown, so none is sent: add one, or the service will refuse this."
                    .to_owned(),
            );
        }
        if let Some(mut feed) = address.feed {
            feed.file.name.insert_str(0, &options.prefix);
            draft.feeds.push(feed);
        }
        draft.scenarios.push(Scenario {
            name,
            comments,
            weight: (share(requests.count, all) * UNIT).round().max(1.0) / 1000.0,
            steps: vec![Step {
                name: Some(shown(&format!("{method} {pattern}"), 120)),
                method: method.to_owned(),
                path: address.path,
                query: address.query,
                think: match counted.sessions.pause(number) {
                    Some(mean) if is_markov => think(mean),
                    _ => Think::Not,
                },
                ..Step::default()
            }],
        });
    }
}

/// Exponential, as in TPC-W with a cut at ten times the mean.
fn think(mean: f64) -> Think {
    let mean = (mean * 10.0).round() / 10.0;
    match mean > 0.0 {
        true => Think::Exponential(mean, (mean * 10.0).min(LONGEST_THINK)),
        false => Think::Not,
    }
}

fn markov(counted: &Counted) -> Markov {
    let sessions = &counted.sessions;
    let begun: u64 = sessions.starts.iter().sum();
    let mut start: Vec<u64> = sessions
        .starts
        .iter()
        .map(|number| units(*number, begun))
        .collect();
    // What rounding down took away belongs to the most frequent one.
    let missing = (UNIT as u64).saturating_sub(start.iter().sum());
    if let Some(most) = start.iter_mut().max() {
        *most += missing;
    }
    let next = sessions.next.iter().enumerate().map(|(page, row)| {
        // Visits that nothing followed are ends of sessions.
        let arrived: u64 = sessions.next.iter().map(|row| row[page]).sum();
        let visits = sessions.starts[page] + arrived;
        let row = row.iter().map(|number| units(*number, visits));
        row.map(|units| units as f64 / UNIT).collect()
    });
    Markov {
        start: start.into_iter().map(|units| units as f64 / UNIT).collect(),
        next: next.collect(),
        most: sessions.most.clamp(1, 1000),
    }
}

fn markov_comments(counted: &Counted) -> Vec<String> {
    let sessions = &counted.sessions;
    vec![
        format!(
            "From {} transitions in {} sessions: requests of one address without a pause of more than 30 minutes. They have \
             {:.1} pages on average, the longest has {}.",
            count(sessions.transitions()),
            count(sessions.count),
            sessions.mean(),
            count(u64::from(sessions.most))
        ),
        "Think times are the mean pauses after each page, and contain what its answer took."
            .to_owned(),
    ]
}

/// A part of a whole in units of probability, rounded down.
fn units(part: u64, whole: u64) -> u64 {
    (share(part, whole) * UNIT).floor() as u64
}

fn share(part: u64, whole: u64) -> f64 {
    match whole {
        0 => 0.0,
        whole => part as f64 / whole as f64,
    }
}

/// With four significant digits.
fn rounded(number: f64) -> f64 {
    if number <= 0.0 {
        return 0.0;
    }
    let scale = 10_f64.powi(3 - number.log10().floor() as i32);
    (number * scale).round() / scale
}
