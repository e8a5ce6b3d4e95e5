//! `tenfold cache stats` and `tenfold cache get`

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use tenfold_gateway::{CacheLevelStatus, CacheStatus, CachedEntry};

use super::runtime;
use crate::cli::Connect;
use crate::command::Refusal;
use crate::command::client::Client;
use crate::command::format::{clean, count, shortened, span};
use crate::command::status::{in_colour, print};
use crate::command::table::{Table, Tone};

/// `tenfold cache stats`
#[derive(Debug, Args)]
#[command(
    after_help = "The exit code is 0, 1 if a level below memory is not used just now, 2 if the gateway cannot be asked."
)]
pub(crate) struct Stats {
    #[command(flatten)]
    connect: Connect,

    /// Print what the admin side says, as JSON.
    #[arg(long)]
    json: bool,
}

/// `tenfold cache get`
#[derive(Debug, Args)]
#[command(
    after_help = "The exit code is 0, 1 if nothing is stored for the address, 2 if the gateway cannot be asked."
)]
pub(crate) struct Get {
    /// The address, as clients ask for it.
    #[arg(value_name = "URL")]
    url: String,

    /// In this cache only.
    #[arg(long, value_name = "NAME")]
    cache: Option<String>,

    /// Print what the admin side says, as JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connect: Connect,
}

/// Shows how the caches do.
pub(super) fn stats(arguments: Stats) -> Result<ExitCode, Refusal> {
    let mut client = Client::new(arguments.connect.admin, arguments.connect.token);
    let caches = runtime()?.block_on(client.caches())?;
    let text = match arguments.json {
        true => format!("{:#}\n", json!({ "caches": caches })),
        false if caches.is_empty() => {
            "there is no cache: start with --cache, or configure one\n".to_owned()
        }
        false => caches_and_levels(&caches, in_colour()),
    };
    print(&text)?;
    let mut levels = caches.iter().flat_map(|cache| &cache.levels);
    Ok(match levels.all(|level| level.state == "up") {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Shows what is stored for an address.
pub(super) fn get(arguments: Get) -> Result<ExitCode, Refusal> {
    let mut client = Client::new(arguments.connect.admin, arguments.connect.token);
    let asked = client.cached(&arguments.url, arguments.cache.as_deref());
    let entries = runtime()?.block_on(asked)?;
    let text = match arguments.json {
        true => format!(
            "{:#}\n",
            json!({ "url": arguments.url, "entries": entries })
        ),
        false if entries.is_empty() => {
            format!("nothing is stored for {}\n", shortened(&arguments.url))
        }
        false => described(&entries, in_colour()),
    };
    print(&text)?;
    Ok(match entries.is_empty() {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

/// A row for each cache.
pub(crate) fn table(caches: &[CacheStatus], in_colour: bool) -> String {
    let mut table = Table::new(&[
        "CACHE",
        ">HIT RATE",
        ">HITS",
        ">STALE",
        ">WAITED",
        ">CONFIRMED",
        ">MISSES",
        ">BYPASSED",
        ">ENTRIES",
        ">BYTES",
        ">OF",
        ">EVICTED",
        ">SAVED",
    ]);
    for one in caches {
        let requests = &one.requests;
        let is_full = one.evictions > 0;
        table.row([
            (one.name.clone(), Tone::Title),
            (percent(requests.hit_rate()), Tone::Plain),
            (count(requests.hit), Tone::Plain),
            (count(requests.stale), Tone::Plain),
            (count(requests.collapsed), Tone::Plain),
            (count(requests.revalidated), Tone::Plain),
            (count(requests.miss), Tone::Plain),
            (count(requests.bypass), Tone::Dim),
            (count(one.entries), Tone::Plain),
            (count(one.bytes), Tone::Plain),
            (count(one.capacity), Tone::Dim),
            (
                count(one.evictions),
                if is_full { Tone::Warn } else { Tone::Plain },
            ),
            (span(one.saved_seconds), Tone::Plain),
        ]);
    }
    table.text(in_colour)
}

/// A share as people read it; `–` if it is not known.
pub(crate) fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{:.1}%", share * 100.0))
}

fn caches_and_levels(caches: &[CacheStatus], in_colour: bool) -> String {
    let mut text = table(caches, in_colour);
    let mut levels = Table::new(&[
        "LEVEL",
        "OF",
        "STATE",
        ">HITS",
        ">MISSES",
        ">STORED",
        ">FAILED",
        ">TIMED OUT",
        ">BEHIND",
        ">ENTRIES",
        ">BYTES",
        ">EVICTED",
        "LAST ERROR",
    ]);
    for cache in caches {
        for level in &cache.levels {
            levels.row(level_row(&cache.name, level));
        }
    }
    let _infallible = write!(text, "\n{}", levels.text(in_colour));
    text
}

fn level_row(cache: &str, level: &CacheLevelStatus) -> [(String, Tone); 13] {
    let known = |number: Option<u64>| number.map_or_else(|| "–".to_owned(), count);
    let plain = |text: String| (text, Tone::Plain);
    let is_up = level.state == "up";
    [
        (level.name.clone(), Tone::Title),
        plain(cache.to_owned()),
        (
            level.state.clone(),
            if is_up { Tone::Good } else { Tone::Bad },
        ),
        plain(count(level.hits)),
        plain(count(level.misses)),
        plain(count(level.stores)),
        (count(level.failures), Tone::bad_if(level.failures > 0)),
        (count(level.timeouts), Tone::bad_if(level.timeouts > 0)),
        (count(level.behind), Tone::bad_if(level.behind > 0)),
        plain(known(level.entries)),
        plain(known(level.bytes)),
        plain(count(level.evictions)),
        (level.last_error.clone().unwrap_or_default(), Tone::Dim),
    ]
}

fn described(entries: &[CachedEntry], in_colour: bool) -> String {
    let mut table = Table::new(&[
        "CACHE",
        "LEVEL",
        "ROUTE",
        "WHAT",
        ">AGE",
        ">FRESH FOR",
        ">BODY",
        ">BYTES",
        "FOR",
        "TAGS",
    ]);
    for one in entries {
        let is_response = one.kind == "response";
        let what = match &*one.kind {
            "response" => one.status.to_string(),
            "varies" => format!("varies by {}", one.vary.join(", ")),
            other => clean(other),
        };
        let fresh = match (is_response, one.ttl_seconds) {
            (false, _) => (String::new(), Tone::Plain),
            (true, seconds) if one.is_fresh => (span(seconds as f64), Tone::Good),
            (true, seconds) => (format!("stale {}", span(-(seconds as f64))), Tone::Warn),
        };
        let age = if is_response {
            span(one.age_seconds as f64)
        } else {
            String::new()
        };
        table.row([
            (one.cache.clone(), Tone::Title),
            (one.level.clone(), Tone::Plain),
            (one.route.clone(), Tone::Plain),
            (what, Tone::Plain),
            (age, Tone::Plain),
            fresh,
            (one.body_bytes.map_or_else(String::new, count), Tone::Plain),
            (count(one.bytes), Tone::Dim),
            (one.variant.join("; "), Tone::Plain),
            (one.tags.join(" "), Tone::Dim),
        ]);
    }
    table.text(in_colour)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenfold_gateway::CacheRequests;

    #[test]
    fn tables_are_readable_and_safe() {
        let evil = || "a\x1b]0;b\x07".to_owned();
        let level = CacheLevelStatus {
            name: "redis".into(),
            state: "behind".into(),
            behind: 7,
            last_error: Some(evil()),
            ..CacheLevelStatus::default()
        };
        let cache = CacheStatus {
            name: evil(),
            requests: CacheRequests {
                hit: 970,
                stale: 5,
                miss: 25,
                ..CacheRequests::default()
            },
            saved_seconds: 192.0,
            levels: vec![level],
            ..CacheStatus::default()
        };
        let text = caches_and_levels(&[cache], false);
        assert!(!text.contains(['\x1b', '\x07']), "{text:?}");
        assert!(
            text.contains("97.5%") && text.contains("3m12s") && text.contains("behind"),
            "{text}"
        );
        let entry = CachedEntry {
            kind: "response".into(),
            status: 200,
            ttl_seconds: -3,
            variant: vec![evil()],
            ..CachedEntry::default()
        };
        let text = described(&[entry], false);
        assert!(
            text.contains("stale 3s") && !text.contains('\x1b'),
            "{text:?}"
        );
        assert_eq!(percent(CacheRequests::default().hit_rate()), "–");
        let endless = CachedEntry {
            ttl_seconds: i64::MIN,
            ..CachedEntry::default()
        };
        let endless = CachedEntry {
            kind: "response".into(),
            ..endless
        };
        assert!(described(&[endless], false).contains("stale"));
    }
}
