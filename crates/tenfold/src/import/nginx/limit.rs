//! `limit_req` and the zones that it counts in.
//!
//! nginx delays what exceeds the rate, up to `burst` of them, unless it says `nodelay`; here they go on at once, which is what
//! `nodelay` does. A zone that is used with another burst becomes another limit.

use super::context::Context;
use super::level::Level;
use super::parse::Directive;
use crate::import::ledger::{Note, Weight};
use crate::import::model::{Limit, Route, Table, Value};
use crate::import::value::{plain_name, unique};

/// Holds a route to the limits that are in force.
pub(super) fn limit(context: &mut Context, level: &Level<'_>, route: &mut Route) {
    let mut names = Vec::new();
    let mut notes = Vec::new();
    for directive in &level.limit_reqs {
        match made(context, directive, &mut notes) {
            Ok(name) => names.push(Value::from(name)),
            Err(advice) => context.note(&mut notes, directive, Weight::Differs, advice),
        }
    }
    route.table.notes.append(&mut notes);
    match names.len() {
        0 => {}
        1 => route.table.set("limit", names.remove(0)),
        _ => route.table.set("limit", Value::List(names)),
    }
}

/// The name of the limit that a `limit_req` has become, or why it has not.
fn made(
    context: &mut Context,
    directive: &Directive,
    notes: &mut Vec<Note>,
) -> Result<String, &'static str> {
    let zone = word(directive, "zone").unwrap_or_default();
    let Some(defined) = context.request_zones.get(zone).cloned() else {
        return Err(
            "its limit_req_zone is not here: add [limit.NAME] with its rate, and limit = \"NAME\" in the route",
        );
    };
    let key = key(defined.first()).ok_or(
        "a limit here is by client_ip, header:NAME, cookie:NAME, route or global: add [limit.NAME]",
    )?;
    let rate = word(&defined, "rate").and_then(rate);
    let rate = rate.ok_or("its rate cannot be read: add [limit.NAME] with it")?;
    let burst: u32 = match word(directive, "burst") {
        None => 0,
        Some(burst) => burst
            .parse()
            .map_err(|_| "its burst cannot be read: add [limit.NAME]")?,
    };
    let mut table = Table::default();
    if key != "client_ip" {
        table.set("key", key);
    }
    table.set("rate", rate);
    // The one that is at its time, and those that come early.
    table.set("burst", burst.saturating_add(1));
    if word(directive, "dry_run") == Some("on") {
        table.set("dry_run", true);
    }
    context.translated(directive);
    context.translated(&defined);
    let is_nodelay = directive.args.iter().any(|word| word == "nodelay");
    if !is_nodelay && burst > 0 {
        let advice = "what comes early waits in nginx; here it goes on at once, as with nodelay";
        context.note(notes, directive, Weight::Differs, advice);
    }
    let limits = &mut context.draft.rates;
    let is_like = |limit: &&Limit| limit.zone == zone && limit.table == table;
    if let Some(known) = limits.iter().find(is_like) {
        return Ok(known.name.clone());
    }
    let plain = plain_name(zone);
    let name = unique(&plain, |name| limits.iter().any(|limit| limit.name == name));
    limits.push(Limit {
        zone: zone.to_owned(),
        name: name.clone(),
        table,
    });
    Ok(name)
}

/// The zone that a `limit_req_zone` makes.
pub(super) fn zone(directive: &Directive) -> Option<&str> {
    word(directive, "zone")?.split(':').next()
}

/// The value of `KEY=…` among the words of a directive.
fn word<'d>(directive: &'d Directive, key: &str) -> Option<&'d str> {
    let mut words = directive.args.iter();
    words.find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

fn key(variable: &str) -> Option<String> {
    Some(match variable.strip_prefix('$') {
        Some("binary_remote_addr" | "remote_addr") => "client_ip".to_owned(),
        Some("server_name" | "host" | "http_host") => return None,
        Some(name) => {
            if let Some(cookie) = name.strip_prefix("cookie_") {
                format!("cookie:{cookie}")
            } else {
                format!("header:{}", name.strip_prefix("http_")?.replace('_', "-"))
            }
        }
        // A fixed text is one pot for all.
        None if !variable.contains('$') => "global".to_owned(),
        None => return None,
    })
}

/// `5r/s`, `30r/m`.
fn rate(text: &str) -> Option<String> {
    let (count, unit) = text.split_once("r/")?;
    let count: u32 = count.parse().ok().filter(|count| *count > 0)?;
    matches!(unit, "s" | "m").then(|| format!("{count}/{unit}"))
}
