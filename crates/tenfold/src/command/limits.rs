//! `tenfold limits`: how the limits do, and why a client gets 429.

use std::io::Read as _;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use tenfold_gateway::{LimitLook, TierLook};

use super::Refusal;
use super::client::Client;
use super::format::{count, millis, shortened, span};
use super::status::{in_colour, print, render_limits};
use super::table::{Table, Tone};
use crate::cli::Connect;

/// Longest value that is read from standard input: longer than any field that the gateway takes.
const LONGEST: u64 = 64 << 10;

/// `tenfold limits`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tenfold limits\n  \
    tenfold limits per-client 203.0.113.7\n  \
    tenfold limits per-tenant header:x-tenant=acme route=search\n  \
    tenfold limits per-key - < api-key\n\n\
    The exit code is 0, 1 if the client would be refused at the moment, 2 if the gateway cannot be asked.")]
pub(crate) struct Limits {
    /// The limit. Without it all are shown.
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// The client: the value that the limit tells clients apart by; or PART=VALUE for each part of its key, where PART is
    /// client_ip, route, header:FIELD or cookie:NAME. `-` is read from standard input, so that no other user of the machine sees it.
    #[arg(value_name = "CLIENT", requires = "name")]
    client: Vec<String>,

    /// Print what the admin side says, as JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connect: Connect,
}

/// Shows it.
pub(crate) fn run(arguments: Limits) -> Result<ExitCode, Refusal> {
    let Limits {
        name,
        client: told,
        json: in_json,
        connect,
    } = arguments;
    let mut client = Client::new(connect.admin, connect.token);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Refusal::new(error, "raise the limits of this process (ulimit -a)"))?;
    let Some(name) = name else {
        let limits = runtime.block_on(client.status())?.limits;
        let text = match in_json {
            true => format!("{:#}\n", json!({ "limits": limits })),
            false if limits.is_empty() => "there is no limit: configure [limit.NAME]\n".to_owned(),
            false => render_limits(&limits, in_colour()),
        };
        print(&text)?;
        return Ok(ExitCode::SUCCESS);
    };
    let told = told.iter().map(|text| part(text));
    let told = told.collect::<Result<Vec<_>, _>>()?;
    let answer = runtime.block_on(client.limit(&name, &told))?;
    let text = match in_json {
        true => format!(
            "{:#}\n",
            json!({ "limit": answer.limit, "client": answer.client })
        ),
        false => {
            let limit = render_limits(std::slice::from_ref(&answer.limit), in_colour());
            let look = answer.client.as_ref();
            limit + &look.map_or_else(String::new, |look| render(look, in_colour()))
        }
    };
    print(&text)?;
    Ok(match answer.client.as_ref().is_some_and(is_refused) {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

/// `PART=VALUE`, or a value whose part has no name because the key has only one.
fn part(text: &str) -> Result<(&str, Vec<u8>), Refusal> {
    let is_part = |name: &str| {
        matches!(name, "client_ip" | "route")
            || name.starts_with("header:")
            || name.starts_with("cookie:")
    };
    let (name, value) = match text.split_once('=') {
        Some((name, value)) if is_part(name) => (name, value),
        _ => ("key", text),
    };
    Ok(match value {
        "-" => (name, from_input()?),
        value => (name, value.as_bytes().to_vec()),
    })
}

fn from_input() -> Result<Vec<u8>, Refusal> {
    let mut value = Vec::new();
    let read = std::io::stdin()
        .lock()
        .take(LONGEST)
        .read_to_end(&mut value);
    read.map_err(|error| Refusal::new(format!("cannot read standard input: {error}"), ""))?;
    Ok(value.trim_ascii().to_vec())
}

/// True if requests of the client are refused at the moment.
fn is_refused(look: &LimitLook) -> bool {
    let theirs = look.tiers.iter().find(|tier| tier.is_theirs);
    !look.dry_run && theirs.is_some_and(is_spent)
}

fn is_spent(tier: &TierLook) -> bool {
    tier.left == Some(0) || tier.retry_after_seconds.is_some()
}

/// A row for the tier that the client is in, as far as that is told, and for each in which it has used something.
fn render(look: &LimitLook, in_colour: bool) -> String {
    let mut table = Table::new(&["TIER", ">LEFT", ">OF", ">NEXT IN", ">ALL IN", "NOTE"]);
    let seconds = |seconds: Option<f64>| match seconds {
        Some(soon) if soon < 1.0 => millis(Some(soon * 1e3)),
        Some(seconds) => span(seconds),
        None => "–".to_owned(),
    };
    let shown = |tier: &&TierLook| tier.is_theirs || tier.is_used() || is_spent(tier);
    for tier in look.tiers.iter().filter(shown) {
        let left = tier.left.map_or_else(|| "–".to_owned(), count);
        let note = match (tier.is_theirs, tier.is_used() || is_spent(tier)) {
            (true, _) => "theirs, by what is told here",
            (false, true) => "used",
            (false, false) => "",
        };
        let name = match tier.tier.as_str() {
            "" => "(none)".to_owned(),
            name => shortened(name),
        };
        table.row([
            (name, Tone::Title),
            (left, Tone::bad_if(is_spent(tier))),
            (count(tier.quota), Tone::Plain),
            (seconds(tier.retry_after_seconds), Tone::Plain),
            (seconds(tier.reset_seconds), Tone::Plain),
            (note.to_owned(), Tone::Dim),
        ]);
    }
    let mode = match look.mode.as_str() {
        "open" => "its store does not answer: everything is allowed\n",
        "closed" => "its store does not answer: everything is refused\n",
        _ => "",
    };
    format!("\n{}{mode}", table.text(in_colour))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_on_the_command_line() {
        let named = |text| part(text).expect(text);
        assert_eq!(named("10.0.0.1"), ("key", b"10.0.0.1".to_vec()));
        assert_eq!(named("abc=="), ("key", b"abc==".to_vec()));
        assert_eq!(named("client_ip=::1"), ("client_ip", b"::1".to_vec()));
        assert_eq!(named("header:x-a=b=c"), ("header:x-a", b"b=c".to_vec()));
        assert_eq!(named("route="), ("route", Vec::new()));
    }

    #[test]
    fn what_is_shown_of_a_client() {
        let tier = |name: &str, is_theirs, left| TierLook {
            tier: name.into(),
            is_theirs,
            quota: 200,
            left,
            ..TierLook::default()
        };
        let mut look = LimitLook {
            limit: "per-client".into(),
            mode: "local".into(),
            tiers: vec![
                TierLook {
                    retry_after_seconds: Some(12.0),
                    reset_seconds: Some(90.0),
                    ..tier("", true, Some(0))
                },
                tier("basic", false, Some(200)),
                tier("premium\x1b[2J", false, Some(150)),
            ],
            ..LimitLook::default()
        };
        let text = render(&look, false);
        assert!(
            text.contains("(none)") && text.contains("12s") && text.contains("1m30s"),
            "{text}"
        );
        assert!(text.contains("premium") && text.contains("150"), "{text}");
        assert!(!text.contains("basic") && !text.contains('\x1b'), "{text}");
        assert!(is_refused(&look));
        look.dry_run = true;
        assert!(!is_refused(&look));
        look.mode = "open".into();
        look.tiers = vec![tier("", true, None)];
        assert!(render(&look, false).contains("everything is allowed"));
    }
}
