//! `limit_req` and `limit_conn`, and the zones that they count in.
//!
//! nginx delays what exceeds the rate, up to `burst` of them, unless it says `nodelay`; here they go on at once, which is what
//! `nodelay` does. A zone that is used with another burst or another number becomes another limit. A connection counts in nginx
//! while a request is under way in it, which is what a limit on concurrency counts.

use tenfold_traffic::limit::{Algorithm, Quota};

use super::context::Context;
use super::level::Level;
use super::parse::Directive;
use super::variables::{Piece, pieces};
use crate::config::{value, word};
use crate::import::ledger::{Note, Weight};
use crate::import::model::{Limit, Route, Table, Value};
use crate::import::value::{plain_name, unique};

/// Holds a route to the limits that are in force.
pub(super) fn limit(context: &mut Context, level: &Level<'_>, route: &mut Route) {
    let mut names: Vec<Value> = Vec::new();
    let mut notes = Vec::new();
    let rates = Kind {
        made: rate_limit,
        status: level.limit_req_status,
        dry_run: level.limit_req_dry_run,
    };
    let connections = Kind {
        made: connection_limit,
        status: level.limit_conn_status,
        dry_run: level.limit_conn_dry_run,
    };
    for (kind, directives) in [
        (rates, &level.limit_reqs),
        (connections, &level.limit_conns),
    ] {
        for directive in directives {
            match made(context, &kind, directive, &mut notes) {
                Ok(name) => {
                    let name = Value::from(name);
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
                Err(advice) => context.note(&mut notes, directive, Weight::Differs, advice),
            }
        }
    }
    route.table.notes.append(&mut notes);
    match names.len() {
        0 => {}
        1 => route.table.set("limit", names.remove(0)),
        _ => route.table.set("limit", Value::List(names)),
    }
}

/// What is said of all limits of a kind.
struct Kind<'d> {
    made: fn(&Context, &Directive) -> Result<Made, &'static str>,
    status: Option<&'d Directive>,
    dry_run: Option<&'d Directive>,
}

/// What a directive has become.
struct Made {
    zone: String,
    defined: Directive,
    table: Table,
    /// What is different.
    advice: Vec<&'static str>,
}

/// The name of the limit that a directive has become, or why it has not.
fn made(
    context: &mut Context,
    kind: &Kind<'_>,
    directive: &Directive,
    notes: &mut Vec<Note>,
) -> Result<String, &'static str> {
    let Made {
        zone,
        defined,
        mut table,
        mut advice,
    } = (kind.made)(context, directive)?;
    if let Some(dry_run) = kind.dry_run {
        if dry_run.first() == "on" {
            table.set("dry_run", true);
        }
        context.translated(dry_run);
    }
    match kind.status {
        Some(status) if status.first() == "429" => context.translated(status),
        Some(status) => {
            let advice = "clients that are refused get 429";
            context.note(notes, status, Weight::Differs, advice);
        }
        None => advice.push("clients that are refused get 429, not 503"),
    }
    context.translated(&defined);
    match advice.is_empty() {
        true => context.translated(directive),
        false => context.note(notes, directive, Weight::Differs, advice.join("; ")),
    }
    let limits = &mut context.draft.rates;
    let is_like = |limit: &&Limit| limit.zone == zone && limit.table == table;
    if let Some(known) = limits.iter().find(is_like) {
        return Ok(known.name.clone());
    }
    let plain = plain_name(&zone);
    let name = unique(&plain, |name| limits.iter().any(|limit| limit.name == name));
    limits.push(Limit {
        zone,
        name: name.clone(),
        table,
    });
    Ok(name)
}

/// `limit_req zone=one burst=20 nodelay;`
fn rate_limit(context: &Context, directive: &Directive) -> Result<Made, &'static str> {
    let zone = word(directive, "zone").unwrap_or_default();
    let Some(defined) = context.request_zones.get(zone).cloned() else {
        return Err(
            "its limit_req_zone is not here: add [limit.NAME] with its rate, and limit = \"NAME\" in the route",
        );
    };
    let (mut table, mut advice) = keyed(&defined)?;
    let rate = word(&defined, "rate").and_then(rate);
    let rate = rate.ok_or("its rate cannot be read: add [limit.NAME] with it")?;
    let burst: u32 = match word(directive, "burst") {
        None => 0,
        Some(burst) => burst
            .parse()
            .map_err(|_| "its burst cannot be read: add [limit.NAME]")?,
    };
    // The one that is at its time, and those that come early.
    let burst_of_all = burst.saturating_add(1);
    let quota = value::rate(&rate).ok().map(Quota::new);
    let quota = quota.map(|quota| quota.burst(u64::from(burst_of_all)));
    if quota.is_none_or(|quota| quota.check(Algorithm::TokenBucket).is_err()) {
        return Err("its rate or its burst is out of bounds: add [limit.NAME] with less");
    }
    table.set("rate", rate);
    table.set("burst", burst_of_all);
    let is_nodelay = directive.args.iter().any(|word| word == "nodelay");
    if !is_nodelay && burst > 0 {
        advice.push("what comes early waits in nginx; here it goes on at once, as with nodelay");
    }
    Ok(Made {
        zone: zone.to_owned(),
        defined,
        table,
        advice,
    })
}

/// `limit_conn addr 10;`
fn connection_limit(context: &Context, directive: &Directive) -> Result<Made, &'static str> {
    let zone = directive.first();
    let Some(defined) = context.connection_zones.get(zone).cloned() else {
        return Err(
            "its limit_conn_zone is not here: add [limit.NAME] with algorithm = \"concurrency\", and limit = \"NAME\" in the route",
        );
    };
    let (mut table, advice) = keyed(&defined)?;
    let most = directive
        .args
        .get(1)
        .and_then(|most| most.parse::<u32>().ok());
    let most = most.filter(|most| (1..=1_000_000_000).contains(most));
    let most = most.ok_or("its number cannot be read: add [limit.NAME] with in_flight")?;
    table.set("algorithm", "concurrency");
    table.set("in_flight", most);
    Ok(Made {
        zone: zone.to_owned(),
        defined,
        table,
        advice,
    })
}

/// A table with what a zone tells clients apart by, and what is different about that.
fn keyed(defined: &Directive) -> Result<(Table, Vec<&'static str>), &'static str> {
    let parts = key(defined.first()).ok_or(
        "a limit here is by client_ip, header:NAME, cookie:NAME, route or global: add [limit.NAME]",
    )?;
    let mut table = Table::default();
    let mut advice = Vec::new();
    if parts.iter().any(|part| part == "client_ip") {
        advice.push("IPv6 addresses count by their /64 (ipv6_prefix)");
    }
    if parts.iter().any(|part| part.contains(':')) {
        advice.push("requests without it count by their address, where nginx counts none");
    }
    match &parts[..] {
        [one] if one == "client_ip" => {}
        [one] => table.set("key", one.clone()),
        _ => {
            let parts = parts.into_iter().map(Value::from);
            table.set("key", Value::List(parts.collect()));
        }
    }
    Ok((table, advice))
}

/// The zone that a `limit_req_zone` or a `limit_conn_zone` makes.
pub(super) fn zone(directive: &Directive) -> Option<&str> {
    word(directive, "zone")?.split(':').next()
}

/// The value of `KEY=…` among the words of a directive.
fn word<'d>(directive: &'d Directive, key: &str) -> Option<&'d str> {
    let mut words = directive.args.iter();
    words.find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

/// The parts of a key; `None` if one of them has no equal.
fn key(text: &str) -> Option<Vec<String>> {
    let mut parts: Vec<String> = Vec::new();
    for piece in pieces(text) {
        // What is the same for all tells nobody apart.
        let Piece::Variable(name) = piece else {
            continue;
        };
        let part = match name {
            "binary_remote_addr" | "remote_addr" => "client_ip".to_owned(),
            // The host is no field of the client's own: a limit by it is one for all.
            "http_host" => return None,
            _ => match (name.strip_prefix("cookie_"), name.strip_prefix("http_")) {
                (Some(cookie), _) => format!("cookie:{cookie}"),
                (_, Some(field)) => format!("header:{}", field.replace('_', "-")),
                _ => return None,
            },
        };
        word::limit_key(&part).ok()?;
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    match parts.is_empty() {
        true => Some(vec!["global".to_owned()]),
        false => Some(parts),
    }
}

/// `5r/s`, `30r/m`.
fn rate(text: &str) -> Option<String> {
    let (count, unit) = text.split_once("r/")?;
    let count: u32 = count.parse().ok().filter(|count| *count > 0)?;
    matches!(unit, "s" | "m").then(|| format!("{count}/{unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        let parts = |text| key(text).map(|parts| parts.join(" "));
        assert_eq!(parts("$binary_remote_addr").as_deref(), Some("client_ip"));
        assert_eq!(parts("${remote_addr}").as_deref(), Some("client_ip"));
        assert_eq!(
            parts("$http_x_api_key").as_deref(),
            Some("header:x-api-key")
        );
        assert_eq!(parts("$cookie_id").as_deref(), Some("cookie:id"));
        assert_eq!(parts("all").as_deref(), Some("global"));
        let both = "$binary_remote_addr:$http_x_tenant";
        assert_eq!(parts(both).as_deref(), Some("client_ip header:x-tenant"));
        for other in [
            "$http_apikey$request_uri",
            "$server_name",
            "$binary_remote_addr$uri",
            "$host",
        ] {
            assert_eq!(parts(other), None, "{other}");
        }
    }
}
