//! From a recording of a browser (HAR 1.2) to a scenario: one person's way through a site, to be gone by many.
//!
//! # The idea
//! Pages become groups, requests steps (`order`), in the order of the recording; pauses become think times. What was good only once
//! is found again where the person's browser found it, in an earlier response (`correlate`). What is secret is asked for when the test
//! is run (`values`), so that the file can be kept with the code.
//!
//! # The trade-off
//! A browser asks for several things at once, a user of ours for one after the other: fewer connections per user, the same requests.

mod correlate;
mod fields;
mod order;
mod read;
mod request;
mod url;
mod values;

use std::collections::BTreeMap;
use std::io::Read;

use url::Url;
use values::Values;

use super::draft::{Draft, Load, Phase, Scenario};
use super::{ImportError, Imported, count, count_of, emit, shown, without_secrets};

/// What to make of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Only requests to this host, perhaps with a port. If it is not said, that of the first page.
    pub host: Option<String>,
    /// The URL that requests are to go to, if it is not the recorded one.
    pub target: Option<String>,
}

/// Makes a scenario of a recording called `name`.
///
/// # Errors
/// When it cannot be read, is no recording, or has no request to the host.
pub fn read(reader: impl Read, name: &str, options: &Options) -> Result<Imported, ImportError> {
    let log = read::read(reader)?;
    let order::Chosen { origin, kept, left } = order::choose(&log, options.host.as_deref())?;
    let name = shown(name, 80);
    let mut draft = Draft {
        target: options.target.clone().unwrap_or_else(|| origin.origin()),
        ..Draft::default()
    };
    let mut values = Values::default();
    let mut scenario = Scenario {
        name: "recorded".to_owned(),
        weight: 1.0,
        ..Scenario::default()
    };
    for one in &kept {
        match request::step(one, &mut values, &mut scenario.steps) {
            Ok(step) => {
                values.answered(scenario.steps.len(), one.entry);
                scenario.steps.push(step);
            }
            Err(why) => values.leave_out(format!(
                "{} {}: {why}",
                one.method,
                shown(&without_secrets(&one.url.path), 60)
            )),
        }
    }
    if scenario.steps.is_empty() {
        let what = "has no request that could be sent again";
        return Err(ImportError::whole(what, "record it anew, with contents"));
    }
    if let Some(target) = options.target.as_deref().and_then(Url::parse) {
        fields::set_origin(&mut scenario.steps, &target.origin());
    }
    draft.fields = fields::common(&mut scenario.steps);
    draft.keeps_cookies = values.has_cookies();
    draft.comments = comments(&name, &origin, &scenario, left, values);
    draft.name = name;
    draft.scenarios.push(scenario);
    draft.phase_comments = vec![
        "A recording does not say how many people there are: change this to the load that you expect.".to_owned(),
    ];
    draft.phases = vec![Phase {
        name: "first".to_owned(),
        seconds: 60,
        load: Load::Users(10),
    }];
    Ok(emit::emit(&draft))
}

fn comments(
    name: &str,
    origin: &Url,
    scenario: &Scenario,
    left: BTreeMap<String, u64>,
    values: Values,
) -> Vec<String> {
    let mut comments = vec![
        format!(
            "Made by tenfold load import from {name}: {} to {}.",
            count_of(scenario.steps.len() as u64, "request"),
            origin.origin()
        ),
        "Requests of a page were made at once, and are made one after the other here.".to_owned(),
    ];
    let left = left
        .into_iter()
        .map(|(why, number)| format!("{} {why}", count(number)));
    let left: Vec<String> = left.collect();
    if !left.is_empty() {
        comments.push(format!("Left out, requests: {}.", left.join("; ")));
    }
    comments.extend(values.notes());
    comments
}

#[cfg(test)]
mod tests;
