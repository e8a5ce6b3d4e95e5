//! `tenfold cache warm`: asks the gateway for many addresses, at a pace that its servers stand.
//!
//! Requests go to the gateway's own address and nowhere else, whatever hosts a list names: those become the `Host` field. A sitemap
//! that is given as an address is fetched through the gateway as well.

mod address;
mod fetch;
mod progress;
mod sitemap;
mod source;

use std::collections::{HashSet, VecDeque};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::runtime;
use crate::command::Refusal;
use crate::command::format::shortened;
use crate::command::status::print;
use address::Address;
use fetch::{Fetcher, Field, GatewayUrl};
use progress::{Progress, Tally};
use source::Listed;

/// Sitemaps that are read, those of an index included.
const MOST_SITEMAPS: usize = 1000;

/// `tenfold cache warm`
#[derive(Debug, Args)]
#[command(
    group = clap::ArgGroup::new("source").required(true).multiple(true),
    after_help = "Examples:\n  \
    tenfold cache warm --sitemap https://shop.example.com/sitemap.xml\n  \
    tenfold cache warm --log access.log --top 5000 --rate 200/s\n  \
    echo https://shop.example.com/tea | tenfold cache warm --list - --field 'Accept-Encoding: gzip'\n\n\
    All requests go to --to, with the host of each address as Host, and X-Forwarded-Proto for https, which the gateway believes if it\n\
    trusts whoever asks. The exit code is 0, 1 if an address failed, 2 if nothing could be asked for."
)]
pub(super) struct Warm {
    /// A sitemap or an index of sitemaps: a file, or an address, which is fetched through the gateway; repeatable.
    #[arg(long, value_name = "FILE|URL", group = "source")]
    sitemap: Vec<String>,

    /// A file with an address per line, or - for standard input; repeatable.
    #[arg(long, value_name = "FILE", group = "source")]
    list: Vec<String>,

    /// An access log, Tenfold's own or in the common or combined format: what was asked for most is warmed; repeatable.
    #[arg(long, value_name = "FILE", group = "source")]
    log: Vec<String>,

    /// Of each log, so many addresses.
    #[arg(long, value_name = "COUNT", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    top: u32,

    /// The host of logs that do not say it.
    #[arg(long, value_name = "HOST")]
    host: Option<String>,

    /// Where the gateway listens.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    to: GatewayUrl,

    /// Requests per second.
    #[arg(long, value_name = "COUNT/s", default_value = "100/s", value_parser = per_second)]
    rate: f64,

    /// Requests at the same time.
    #[arg(long, value_name = "COUNT", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: u16,

    /// A further field of each request, for variants; repeatable.
    #[arg(long, value_name = "NAME: VALUE")]
    field: Vec<Field>,

    /// Addresses in all.
    #[arg(long, value_name = "COUNT", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    limit: u32,
}

/// `100/s`, `0.5/s`, `100`.
fn per_second(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    let rate: f64 = number
        .parse()
        .map_err(|_| "give requests per second, for example 100/s")?;
    match (0.01..=1_000_000.0).contains(&rate) {
        true => Ok(rate),
        false => Err("between 0.01/s and 1000000/s".into()),
    }
}

/// Warms.
pub(super) fn run(arguments: &Warm) -> Result<ExitCode, Refusal> {
    runtime()?.block_on(async {
        let addresses = collect(arguments).await?;
        let tally = warm(arguments, addresses, &mut Progress::new()).await;
        print(&tally.summary())?;
        Ok(match tally.failed {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        })
    })
}

/// What came of [`fill`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Filled {
    /// Addresses that were asked for.
    pub(crate) asked: usize,
    /// Of them, those that failed.
    pub(crate) failed: usize,
}

/// Fills the cache of the gateway at `to` (`http://HOST:PORT`) with the pages of `first` and the first `limit` of a sitemap, as fast as it
/// answers; shows nothing.
pub(crate) fn fill(
    first: &[String],
    sitemap: &str,
    to: &str,
    limit: u32,
) -> Result<Filled, Refusal> {
    let to = to.parse().map_err(|error| Refusal::new(error, ""))?;
    let arguments = Warm {
        sitemap: vec![sitemap.to_owned()],
        list: Vec::new(),
        log: Vec::new(),
        top: 1,
        host: None,
        to,
        rate: 1e6,
        concurrency: 8,
        field: Vec::new(),
        limit,
    };
    runtime()?.block_on(async {
        let mut listed = Listed::default();
        sitemaps(&arguments, limit as usize, &mut listed).await?;
        listed.addresses.truncate(limit as usize);
        let first = first.iter().filter_map(|page| Address::parse(page).ok());
        let mut seen = HashSet::new();
        let mut addresses: Vec<_> = first.chain(listed.addresses).collect();
        addresses.retain(|address| seen.insert(address.clone()));
        let asked = addresses.len();
        let tally = warm(&arguments, addresses, &mut Progress::silent()).await;
        Ok(Filled {
            asked,
            failed: tally.failed,
        })
    })
}

/// All addresses, each once, in the order of the sources.
async fn collect(arguments: &Warm) -> Result<Vec<Address>, Refusal> {
    let most = arguments.limit as usize;
    let mut listed = Listed::default();
    for path in &arguments.log {
        let top = arguments.top as usize;
        let read =
            source::open(path).and_then(|log| source::log(log, arguments.host.as_deref(), top));
        merge(&mut listed, read.map_err(|error| unreadable(path, &error))?);
    }
    for path in &arguments.list {
        let read = source::open(path).and_then(|list| source::list(list, most));
        merge(&mut listed, read.map_err(|error| unreadable(path, &error))?);
    }
    sitemaps(arguments, most, &mut listed).await?;
    if listed.skipped > 0 {
        let why = shortened(listed.first_skipped.as_deref().unwrap_or_default());
        eprintln!(
            "skipped {} lines or addresses; the first: {why}",
            listed.skipped
        );
    }
    let mut seen = HashSet::new();
    let mut addresses = listed.addresses;
    addresses.retain(|address| seen.insert(address.clone()));
    if addresses.len() > most {
        eprintln!(
            "of {} addresses the first {most} are warmed: see --limit",
            addresses.len()
        );
        addresses.truncate(most);
    }
    if addresses.is_empty() {
        return Err(Refusal::new(
            "there is no address to warm",
            "see tenfold cache warm --help for what a source looks like",
        ));
    }
    Ok(addresses)
}

fn merge(all: &mut Listed, more: Listed) {
    all.addresses.extend(more.addresses);
    all.skipped += more.skipped;
    all.first_skipped = all.first_skipped.take().or(more.first_skipped);
}

fn unreadable(path: &str, error: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(
        format!("cannot read {}: {error}", shortened(path)),
        "give a file that this user may read, or - for standard input",
    )
}

/// Reads sitemaps, and those that they name.
async fn sitemaps(arguments: &Warm, most: usize, listed: &mut Listed) -> Result<(), Refusal> {
    let mut waiting: VecDeque<String> = arguments.sitemap.iter().cloned().collect();
    let mut known: HashSet<String> = waiting.iter().cloned().collect();
    let mut fetcher = Fetcher::new(&arguments.to, &[]);
    let mut is_first = arguments.sitemap.len();
    while let Some(place) = waiting.pop_front() {
        let read = sitemap_at(&place, &mut fetcher, most).await;
        let sitemap = match read {
            Ok(sitemap) => sitemap,
            // What was asked for by name must be right; what an index names may be missing.
            Err(why) if is_first > 0 => return Err(unreadable(&place, &why)),
            Err(why) => {
                listed.skip(|| format!("{place}: {why}"));
                continue;
            }
        };
        is_first = is_first.saturating_sub(1);
        for page in sitemap.pages {
            match Address::parse(&page) {
                Ok(address) => listed.addresses.push(address),
                Err(why) => listed.skip(|| why),
            }
        }
        for next in sitemap.sitemaps {
            if Address::parse(&next).is_err() {
                // A file must not name other files of this machine.
                listed.skip(|| format!("{next:?} is no address of a sitemap"));
            } else if known.len() >= MOST_SITEMAPS {
                listed.skip(|| format!("there are more than {MOST_SITEMAPS} sitemaps"));
            } else if known.insert(next.clone()) {
                waiting.push_back(next);
            }
        }
        if listed.addresses.len() > most {
            break;
        }
    }
    Ok(())
}

async fn sitemap_at(
    place: &str,
    fetcher: &mut Fetcher,
    most: usize,
) -> Result<sitemap::Sitemap, String> {
    let input = match Address::parse(place) {
        Ok(address) => {
            let body = fetcher.body(&address, sitemap::LARGEST as usize).await?;
            source::unpacked(std::io::Cursor::new(body))
        }
        Err(_) => source::open(place),
    };
    sitemap::parse(input.map_err(|error| error.to_string())?, most)
}

/// What the requests share.
struct Shared {
    addresses: Mutex<std::vec::IntoIter<Address>>,
    /// When the next request may go out.
    next: Mutex<Instant>,
    step: Duration,
    tally: Mutex<Tally>,
}

impl Shared {
    /// The next address, when it is its turn.
    async fn turn(&self) -> Option<Address> {
        let address = lock(&self.addresses).next()?;
        let at = {
            let mut next = lock(&self.next);
            // What was missed is not made up for: that would be a burst.
            let at = (*next).max(Instant::now());
            *next = at + self.step;
            at
        };
        sleep_until(at).await;
        Some(address)
    }
}

/// Nothing that these hold can be left half done.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn warm(arguments: &Warm, addresses: Vec<Address>, progress: &mut Progress) -> Tally {
    let shared = Arc::new(Shared {
        tally: Mutex::new(Tally::new(addresses.len())),
        addresses: Mutex::new(addresses.into_iter()),
        next: Mutex::new(Instant::now()),
        step: Duration::from_secs_f64(1.0 / arguments.rate),
    });
    let mut tasks = JoinSet::new();
    for _ in 0..arguments.concurrency {
        let shared = Arc::clone(&shared);
        let mut fetcher = Fetcher::new(&arguments.to, &arguments.field);
        tasks.spawn(async move {
            while let Some(address) = shared.turn().await {
                let result = fetcher.warm(&address).await;
                lock(&shared.tally).add(&address, result);
            }
        });
    }
    let mut ticks = tokio::time::interval(progress.pause());
    loop {
        tokio::select! {
            ended = tasks.join_next() => if ended.is_none() { break },
            _ = ticks.tick() => progress.show(&lock(&shared.tally)),
        }
    }
    progress.end();
    lock(&shared.tally).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        for (text, rate) in [("100/s", 100.0), ("0.5/s", 0.5), ("7", 7.0)] {
            assert_eq!(per_second(text), Ok(rate), "{text}");
        }
        for bad in ["", "0", "-1/s", "1/m", "inf", "NaN", "1e9"] {
            assert!(per_second(bad).is_err(), "{bad}");
        }
    }
}
