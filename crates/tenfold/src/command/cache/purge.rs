//! `tenfold cache purge`

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::runtime;
use crate::cli::Connect;
use crate::command::Refusal;
use crate::command::client::{Client, Purged};
use crate::command::format::shortened;
use crate::command::status::print;

/// `tenfold cache purge`
#[derive(Debug, Args)]
#[command(
    group = clap::ArgGroup::new("what").required(true),
    after_help = "Examples:\n  \
    tenfold cache purge https://shop.example.com/tea https://shop.example.com/\n  \
    tenfold cache purge --prefix https://shop.example.com/img/\n  \
    tenfold cache purge --tag product-7 --soft\n\n\
    The exit code is 0 when every level has it, 1 if a level has yet to be told (it is not read until then), 2 if nothing was\n\
    purged."
)]
pub(crate) struct Purge {
    /// Addresses, each with all its variants.
    #[arg(value_name = "URL", group = "what")]
    urls: Vec<String>,

    /// All responses with this tag (Surrogate-Key, Cache-Tag).
    #[arg(long, value_name = "TAG", group = "what")]
    tag: Option<String>,

    /// All addresses that begin so.
    #[arg(long, value_name = "URL", group = "what")]
    prefix: Option<String>,

    /// Everything; asks before.
    #[arg(long, group = "what")]
    all: bool,

    /// Keep what is stored for the case that the server fails, and ask the server before it is served otherwise.
    #[arg(long)]
    soft: bool,

    /// In this cache only.
    #[arg(long, value_name = "NAME")]
    cache: Option<String>,

    /// Do not ask.
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    connect: Connect,
}

impl Purge {
    /// What the admin side is asked, one after the other.
    fn bodies(&self) -> Vec<(String, Value)> {
        let urls = self
            .urls
            .iter()
            .map(|url| (url.clone(), json!({ "url": url })));
        let tag = self
            .tag
            .iter()
            .map(|tag| (format!("tag {tag}"), json!({ "tag": tag })));
        let prefix = self.prefix.iter();
        let prefix = prefix.map(|it| (format!("all below {it}"), json!({ "prefix": it })));
        let all = self
            .all
            .then(|| ("everything".to_owned(), json!({ "all": true })));
        let mut bodies: Vec<_> = urls.chain(tag).chain(prefix).chain(all).collect();
        for (_, body) in &mut bodies {
            body["soft"] = self.soft.into();
            if let Some(cache) = &self.cache {
                body["cache"] = cache.as_str().into();
            }
        }
        bodies
    }
}

/// Purges.
pub(super) fn run(arguments: Purge) -> Result<ExitCode, Refusal> {
    if arguments.all && !arguments.yes && !is_confirmed(arguments.cache.as_deref())? {
        return Err(Refusal::new("nothing was purged", ""));
    }
    let (runtime, bodies) = (runtime()?, arguments.bodies());
    let mut client = Client::new(arguments.connect.admin, arguments.connect.token);
    let mut is_everywhere = true;
    for (what, body) in bodies {
        let purged = runtime.block_on(client.purge(&body))?;
        is_everywhere &= purged.purged;
        print(&told(&what, &purged))?;
    }
    Ok(match is_everywhere {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Asks on the terminal.
fn is_confirmed(cache: Option<&str>) -> Result<bool, Refusal> {
    if !io::stdin().is_terminal() {
        let help = "add --yes: nobody is there to be asked";
        return Err(Refusal::new("--all purges everything", help));
    }
    let of = cache.map_or_else(
        || "all caches".to_owned(),
        |cache| format!("the cache {cache}"),
    );
    let question =
        format!("Purge everything in {of}? Servers will get all requests at first. [y/N] ");
    let mut out = io::stderr().lock();
    let mut answer = String::new();
    let asked = out
        .write_all(question.as_bytes())
        .and_then(|()| out.flush());
    let read = asked.and_then(|()| io::stdin().lock().read_line(&mut answer));
    read.map_err(|error| Refusal::new(error, "add --yes"))?;
    Ok(matches!(
        answer.trim().to_ascii_lowercase().as_str(),
        "y" | "yes"
    ))
}

/// A line, and one more for each level that does not have it.
fn told(what: &str, purged: &Purged) -> String {
    let mut text = format!("purged {}", shortened(what));
    if purged.gateways.of > 0 {
        let (confirmed, of) = (purged.gateways.confirmed, purged.gateways.of);
        text += &format!(", confirmed by {confirmed} of {of} other gateways");
    }
    text.push('\n');
    for level in &purged.levels {
        if let Some(error) = &level.error {
            let (cache, name, error) = (
                shortened(&level.cache),
                shortened(&level.name),
                shortened(error),
            );
            text += &format!(
                "  {name} of {cache} has yet to be told, and is not read until then: {error}\n"
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::client::{Confirmed, PurgedLevel};

    #[test]
    fn what_is_said_of_a_purge() {
        let level = |name: &str, error: Option<&str>| PurgedLevel {
            cache: "pages".into(),
            name: name.into(),
            error: error.map(str::to_owned),
        };
        let purged = Purged {
            purged: false,
            levels: vec![level("memory", None), level("redis", Some("gone\u{1b}"))],
            gateways: Confirmed {
                confirmed: 1,
                of: 2,
            },
        };
        assert_eq!(
            told("tag \u{1b}[2J", &purged),
            "purged tag \u{fffd}[2J, confirmed by 1 of 2 other gateways\n  \
             redis of pages has yet to be told, and is not read until then: gone\u{fffd}\n"
        );
    }
}
