//! Settings of a server that are a listener's here: timeouts, the largest head, trusted proxies.

use super::context::{Context, bytes};
use super::parse::Directive;
use super::site::Site;
use crate::import::ledger::{Note, Weight};
use crate::import::listeners::Listeners;
use crate::import::model::{Table, Value};
use crate::import::value::size;

/// Settings of a server that are a listener's here.
pub(super) fn listener_settings(
    context: &mut Context,
    site: &Site<'_>,
    mine: &[(usize, bool)],
    listeners: &Listeners,
    notes: &mut Vec<Note>,
) {
    for directive in site.directive.inside() {
        let (key, value) = match directive.name.as_str() {
            "keepalive_timeout" => (
                "idle_timeout",
                context.time(notes, directive).map(Value::from),
            ),
            "client_header_timeout" => (
                "head_timeout",
                context.time(notes, directive).map(Value::from),
            ),
            "large_client_header_buffers" => {
                context.translated(directive);
                ("max_head", head_size(directive).map(Value::from))
            }
            "set_real_ip_from" => {
                trusted(context, directive, mine, listeners, notes);
                continue;
            }
            _ => continue,
        };
        let Some(value) = value else { continue };
        for (listener, _) in mine {
            let Some(table) = table(context, listeners.name(*listener)) else {
                continue;
            };
            match table.get(key) {
                Some(old) if *old != value => {
                    let advice =
                        format!("another server of this listener has another {key} already");
                    context.note(notes, directive, Weight::Differs, advice);
                }
                _ => table.set(key, value.clone()),
            }
        }
    }
}

fn table<'c>(context: &'c mut Context, listener: &str) -> Option<&'c mut Table> {
    let mut all = context.draft.listeners.iter_mut();
    all.find(|one| one.name == listener)
        .map(|one| &mut one.table)
}

fn trusted(
    context: &mut Context,
    directive: &Directive,
    mine: &[(usize, bool)],
    listeners: &Listeners,
    notes: &mut Vec<Note>,
) {
    if crate::config::value::network(directive.first()).is_err() {
        let advice = "only networks and addresses can be trusted";
        context.note(notes, directive, Weight::Differs, advice);
        return;
    }
    context.translated(directive);
    for (listener, _) in mine {
        if let Some(table) = table(context, listeners.name(*listener)) {
            push(table, "trusted_proxies", directive.first());
        }
    }
}

/// Adds to a list of texts.
pub(super) fn push(table: &mut Table, key: &str, text: &str) {
    let mut list = match table.get(key) {
        Some(Value::List(list)) => list.clone(),
        _ => Vec::new(),
    };
    let value = Value::from(text);
    if !list.contains(&value) {
        list.push(value);
    }
    table.set(key, Value::List(list));
}

/// `large_client_header_buffers 4 8k`: all of them are the largest head, which has bounds of its own here.
pub(super) fn head_size(directive: &Directive) -> Option<String> {
    let count: u64 = directive.first().parse().ok()?;
    let each = bytes(directive.args.get(1)?)?;
    Some(size(count.saturating_mul(each).clamp(1 << 10, 64 << 10)))
}
