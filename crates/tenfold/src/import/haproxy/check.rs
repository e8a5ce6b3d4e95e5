//! `option httpchk` and `http-check`: how servers are asked whether they are well.

use super::context::{Context, milliseconds};
use super::lexer::Line;
use super::section::Proxy;
use super::upstream::Shared;
use crate::config::{host, value, word};
use crate::import::ledger::{Note, Weight};
use crate::import::model::{Table, Value, set};
use crate::import::value::time;

/// Adds `health`, if a server asks for checks.
pub(super) fn health(
    context: &mut Context,
    proxy: &Proxy<'_>,
    shared: &Shared,
    table: &mut Table,
    notes: &mut Vec<Note>,
) {
    if !shared.has_check {
        return;
    }
    let mut entries: Vec<(String, Value)> = Vec::new();
    match proxy.option("httpchk") {
        Some(line) => http(context, proxy, line, &mut entries, notes),
        None => {
            for name in [
                "tcp-check",
                "mysql-check",
                "redis-check",
                "pgsql-check",
                "smtpchk",
                "ldap-check",
                "ssl-hello-chk",
            ] {
                if let Some(line) = proxy.option(name) {
                    let advice = "servers are asked whether they take connections, or by HTTP";
                    context.note(notes, line, Weight::Differs, advice);
                }
            }
            set(&mut entries, "tcp", true.into());
        }
    }
    // HAProxy's default.
    let every = shared.every.unwrap_or(2000).clamp(1, 86_400_000);
    set(&mut entries, "every", time(every).0.into());
    if let Some(line) = proxy.setting(&["timeout", "check"])
        && let Some(limit) = milliseconds(line.word(2)).filter(|limit| *limit > 0)
    {
        set(&mut entries, "timeout", time(limit.min(every)).0.into());
        context.translated(line);
    }
    set(&mut entries, "rise", shared.rise.unwrap_or(2).into());
    set(&mut entries, "fall", shared.fall.unwrap_or(3).into());
    if let Some(port) = shared.port {
        set(&mut entries, "port", port.into());
    }
    table.set("health", Value::Table(entries));
}

fn http(
    context: &mut Context,
    proxy: &Proxy<'_>,
    line: &Line,
    entries: &mut Vec<(String, Value)>,
    notes: &mut Vec<Note>,
) {
    // `option httpchk [METHOD] URI [VERSION]`
    let words = line.from(2);
    let (method, path) = match words {
        [] => ("GET", "/"),
        [path] => ("OPTIONS", path.as_str()),
        [method, path, ..] => (method.as_str(), path.as_str()),
    };
    let mut asked = (method.to_owned(), path.to_owned());
    let host = words
        .get(2..)
        .unwrap_or_default()
        .join(" ")
        .split("\r\n")
        .find_map(|field| {
            field
                .strip_prefix("Host:")
                .map(|host| host.trim().to_owned())
        });
    context.translated(line);
    if let Some(host) = host {
        set_host(context, line, &host, entries, notes);
    }
    for rule in proxy.rules().filter(|line| line.word(0) == "http-check") {
        match rule.word(1) {
            "send" => send(context, rule, &mut asked, entries, notes),
            "expect" => expect(context, rule, entries, notes),
            _ => context.note_known(notes, rule),
        }
    }
    if asked.0 != "GET" {
        let advice = format!("servers are asked by GET, not by {}", plain(&asked.0));
        context.note(notes, line, Weight::Differs, advice);
    }
    let path = match word::target(&asked.1) {
        Ok(path) => path,
        Err(_) => {
            context.note(
                notes,
                line,
                Weight::Differs,
                "is no path that can be asked for: `/`",
            );
            "/".to_owned()
        }
    };
    entries.insert(0, ("path".to_owned(), path.into()));
}

fn plain(text: &str) -> String {
    text.chars()
        .filter(char::is_ascii_alphabetic)
        .take(20)
        .collect()
}

fn set_host(
    context: &mut Context,
    line: &Line,
    host: &str,
    entries: &mut Vec<(String, Value)>,
    notes: &mut Vec<Note>,
) {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    match host::host_name(name).is_ok() || name.parse::<std::net::Ipv4Addr>().is_ok() {
        true => set(entries, "host", host.into()),
        false => context.note(
            notes,
            line,
            Weight::Differs,
            "the Host of the probe is the server's name",
        ),
    }
}

/// `http-check send meth GET uri /healthz hdr Host example.com`
fn send(
    context: &mut Context,
    line: &Line,
    asked: &mut (String, String),
    entries: &mut Vec<(String, Value)>,
    notes: &mut Vec<Note>,
) {
    context.translated(line);
    let mut words = line.from(2).iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "meth" => asked.0 = words.next().cloned().unwrap_or_default(),
            "uri" => asked.1 = words.next().cloned().unwrap_or_default(),
            "ver" => {
                words.next();
            }
            "hdr" => {
                let name = words.next().map_or("", String::as_str);
                let text = words.next().map_or("", String::as_str);
                match name.eq_ignore_ascii_case("host") {
                    true => set_host(context, line, text, entries, notes),
                    false => {
                        let advice = "a probe has no field but Host";
                        context.note(notes, line, Weight::Differs, advice);
                    }
                }
            }
            _ => {
                let advice = "a probe has a path and a host";
                context.note(notes, line, Weight::Differs, advice);
            }
        }
    }
}

/// `http-check expect status 200-399`, `http-check expect string OK`
fn expect(
    context: &mut Context,
    line: &Line,
    entries: &mut Vec<(String, Value)>,
    notes: &mut Vec<Note>,
) {
    let text = line.word(3);
    match line.word(2) {
        "status" if value::statuses(text).is_ok() && line.words.len() == 4 => {
            set(entries, "status", text.into());
            context.translated(line);
        }
        "string" if !text.is_empty() && !text.chars().any(char::is_control) => {
            set(entries, "body", text.into());
            context.translated(line);
        }
        _ => {
            let advice = "a probe expects status = \"200-399\" or body = \"a part of the body\"";
            context.note(notes, line, Weight::Differs, advice);
        }
    }
}
