//! `proxy_set_header`, `add_header`, `proxy_hide_header`, `expires`: changes to fields.

use super::context::{Context, milliseconds};
use super::level::Level;
use super::parse::Directive;
use super::variables::{Piece, Variables, has_variable, pieces};
use crate::import::ledger::{Note, Weight};
use crate::import::model::{Action, Edits, Route};

/// Fields that belong to one connection or to a message's length: nobody sets them.
const OURS: &[&str] = &[
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

const FORWARDED: &str = "the gateway sets it";
const UPGRADE: &str = "connections are kept, and upgrades passed on";
const HOST: &str = "servers get the client's Host";

/// Applies what is in force to a route that goes to servers.
pub(super) fn request(
    context: &mut Context,
    level: &Level<'_>,
    variables: &Variables,
    proxy_host: &str,
    route: &mut Route,
) {
    let mut notes = Vec::new();
    let mut has_host = false;
    for directive in &level.set_headers {
        let name = directive.first().to_ascii_lowercase();
        let text = directive.args.get(1).map_or("", String::as_str);
        has_host |= name == "host";
        match nothing_needed(context, &name, text) {
            Some(why) => context.note(&mut notes, directive, Weight::Unneeded, why),
            None => {
                let text = text.replace("$proxy_host", proxy_host);
                set(
                    context, directive, &name, &text, variables, route, &mut notes,
                );
            }
        }
    }
    // Without a word about it nginx sends the name in `proxy_pass`: that matters to a server that has many names.
    let is_name = proxy_host.contains('.') && crate::config::host::host_name(proxy_host).is_ok();
    if !has_host && is_name {
        route.request.set("host", proxy_host.to_owned());
    }
    route.table.notes.append(&mut notes);
}

fn nothing_needed(context: &Context, name: &str, text: &str) -> Option<&'static str> {
    let is_upgrade = |name: &str| name == "http_upgrade" || context.upgrades.contains(name);
    match name {
        "host" if matches!(text, "$host" | "$http_host" | "$host:$server_port") => Some(HOST),
        "connection" | "upgrade" => {
            let is_simple = matches!(
                text.to_ascii_lowercase().as_str(),
                "" | "upgrade" | "keep-alive"
            ) || matches!(pieces(text)[..], [Piece::Variable(name)] if is_upgrade(name))
                || text == "$http_connection";
            is_simple.then_some(UPGRADE)
        }
        "x-forwarded-for" => {
            matches!(text, "$proxy_add_x_forwarded_for" | "$remote_addr").then_some(FORWARDED)
        }
        "x-forwarded-proto" => {
            matches!(text, "$scheme" | "$http_x_forwarded_proto").then_some(FORWARDED)
        }
        "x-forwarded-host" => matches!(text, "$host" | "$http_host").then_some(FORWARDED),
        "x-request-id" => matches!(text, "$request_id" | "$http_x_request_id").then_some(FORWARDED),
        _ => None,
    }
}

fn set(
    context: &mut Context,
    directive: &Directive,
    name: &str,
    text: &str,
    variables: &Variables,
    route: &mut Route,
    notes: &mut Vec<Note>,
) {
    if crate::config::word::field_name(name).is_err() || OURS.contains(&name) {
        let advice =
            "this field belongs to a connection or to a message's length: the gateway writes it";
        context.note(notes, directive, Weight::Differs, advice);
        return;
    }
    if text.is_empty() {
        route.request.remove(name);
        context.translated(directive);
        return;
    }
    match field(variables, text) {
        Ok(template) => {
            route.request.set(name, template);
            context.translated(directive);
        }
        Err(advice) => context.note(notes, directive, Weight::Differs, advice),
    }
}

/// A text as the value of a field.
fn field(variables: &Variables, text: &str) -> Result<String, String> {
    let template = variables
        .template(text)
        .map_err(|name| match name.as_str() {
            "upstream_cache_status" => "Cache-Status says what a cache did".to_owned(),
            name => format!("the variable ${name} has no equal here"),
        })?;
    crate::config::word::field_value(&template)
        .map_err(|_| "has characters that no field can have".to_owned())
}

/// Applies what is in force to the response of any route.
pub(super) fn response(
    context: &mut Context,
    level: &Level<'_>,
    variables: &Variables,
    route: &mut Route,
) {
    let mut notes = Vec::new();
    let is_forwarded = matches!(route.action, Action::Upstream(_));
    for directive in level.hidden_headers.iter().filter(|_| is_forwarded) {
        let name = directive.first();
        if crate::config::word::field_name(name).is_ok() && !is_ours(name) {
            route.response.remove(name);
            context.translated(directive);
        } else {
            context.note(&mut notes, directive, Weight::Unneeded, UPGRADE);
        }
    }
    for directive in &level.add_headers {
        add(context, directive, variables, route, &mut notes);
    }
    if let Some(directive) = level.expires {
        expires(context, directive, route, &mut notes);
    }
    route.table.notes.append(&mut notes);
}

fn is_ours(name: &str) -> bool {
    OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours))
}

fn add(
    context: &mut Context,
    directive: &Directive,
    variables: &Variables,
    route: &mut Route,
    notes: &mut Vec<Note>,
) {
    let name = directive.first().to_ascii_lowercase();
    let text = directive.args.get(1).map_or("", String::as_str);
    if text.is_empty() {
        // nginx sends no field without a value.
        context.translated(directive);
        return;
    }
    if crate::config::word::field_name(&name).is_err() || is_ours(&name) {
        let advice =
            "this field belongs to a connection or to a message's length: the gateway writes it";
        context.note(notes, directive, Weight::Differs, advice);
        return;
    }
    if let (Action::Respond { content_type, .. }, "content-type", false) =
        (&mut route.action, name.as_str(), has_variable(text))
        && crate::config::word::field_value(text).is_ok()
    {
        *content_type = Some(text.to_owned());
        context.translated(directive);
        return;
    }
    let template = match field(variables, text) {
        Ok(template) => template,
        Err(advice) => return context.note(notes, directive, Weight::Differs, advice),
    };
    match put(&mut route.response, &name, &template) {
        true => context.translated(directive),
        false => {
            let advice = format!("`{name}` is added already, and a table has each name once");
            context.note(notes, directive, Weight::Differs, advice);
        }
    }
}

/// Adds a field; one that may be a list (RFC 9110 section 5.6.1) is put behind the one that is there.
fn put(edits: &mut Edits, name: &str, template: &str) -> bool {
    if edits.add(name, template.to_owned()) {
        return true;
    }
    let is_list = matches!(
        name,
        "cache-control" | "vary" | "link" | "via" | "allow" | "server-timing"
    );
    let old = edits
        .add
        .iter_mut()
        .find(|(other, _)| *other == name && is_list);
    if let Some((_, old)) = old {
        old.push_str(", ");
        old.push_str(template);
        return true;
    }
    false
}

/// `expires 30d`: how long browsers may keep it.
fn expires(context: &mut Context, directive: &Directive, route: &mut Route, notes: &mut Vec<Note>) {
    let text = directive.first();
    let control = match text {
        "off" => return context.translated(directive),
        "epoch" => Some("no-cache".to_owned()),
        "max" => Some("max-age=315360000".to_owned()),
        _ if text.starts_with('-') => Some("no-cache".to_owned()),
        _ => milliseconds(text).map(|time| format!("max-age={}", time / 1000)),
    };
    let Some(control) = control else {
        let advice = "only a time has an equal here: cache_control, or response_headers";
        return context.note(notes, directive, Weight::Differs, advice);
    };
    context.translated(directive);
    let Edits { add, .. } = &mut route.response;
    let added = add.iter().position(|(name, _)| name == "cache-control");
    match (&mut route.action, added) {
        // Both in one field, as clients read them anyway.
        (_, Some(at)) if !add[at].1.contains("max-age") => {
            add[at].1 = format!("{control}, {}", add[at].1);
        }
        (_, Some(_)) => {}
        (Action::Files { cache_control, .. }, None) => *cache_control = Some(control),
        (_, None) => {
            route.response.set("cache-control", control);
        }
    }
}
