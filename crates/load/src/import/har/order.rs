//! Which requests of a recording are sent again, in which order, and with which pauses.

use std::collections::BTreeMap;

use super::read::{Entry, Log};
use super::url::Url;
use crate::import::{ImportError, date, shown, without_secrets};

/// Longest pause that is believed, in seconds (the cut of TPC-W's think times): after that somebody had coffee.
const LONGEST_PAUSE: f64 = 70.0;
/// Shortest pause between pages, and between requests of one, in seconds; shorter ones are the browser's.
const SHORTEST: f64 = 0.1;
const SHORTEST_WITHIN: f64 = 1.0;
/// Most requests.
const MOST: usize = 5000;
/// Hosts that are named.
const NAMED: usize = 8;

/// A request that is sent again.
#[derive(Clone, Debug)]
pub(super) struct Kept<'h> {
    pub(super) entry: &'h Entry,
    pub(super) url: Url,
    pub(super) method: &'h str,
    /// What its page is called.
    pub(super) group: String,
    /// Seconds until the next one, if somebody thought meanwhile.
    pub(super) pause: Option<f64>,
    /// When it began, nanoseconds since 1970.
    at: i64,
    page: usize,
}

/// What is chosen of a recording.
#[derive(Clone, Debug)]
pub(super) struct Chosen<'h> {
    /// An URL of the host.
    pub(super) origin: Url,
    /// In order.
    pub(super) kept: Vec<Kept<'h>>,
    /// How many requests were left out, by why.
    pub(super) left: BTreeMap<String, u64>,
}

/// Chooses the requests to a host.
pub(super) fn choose<'h>(log: &'h Log, host: Option<&str>) -> Result<Chosen<'h>, ImportError> {
    let origin = origin(log, host)?;
    let mut left = BTreeMap::new();
    let mut others = BTreeMap::<String, u64>::new();
    let mut kept = Vec::new();
    for entry in &log.entries {
        match judge(entry, &origin) {
            Ok((url, method)) => kept.push(Kept {
                entry,
                url,
                method,
                group: String::new(),
                pause: None,
                at: began(entry).unwrap_or_default(),
                page: 0,
            }),
            Err(Left::Host(host)) => *others.entry(host).or_default() += 1,
            Err(Left::Why(why)) => *left.entry(why.to_owned()).or_default() += 1,
        }
    }
    if kept.is_empty() {
        let what = format_args!(
            "has no request to {} that could be sent again",
            origin.authority
        );
        return Err(ImportError::whole(what, "choose another host with --host"));
    }
    if kept.len() > MOST {
        let what = format_args!(
            "has {} requests to {}, more than {MOST}",
            kept.len(),
            origin.authority
        );
        return Err(ImportError::whole(what, "record less"));
    }
    name_others(others, &mut left);
    assign_pages(log, &mut kept);
    kept.sort_by_key(|one| (one.page, one.at));
    pauses(&mut kept);
    Ok(Chosen { origin, kept, left })
}

/// The host that was said, or that of the first page.
fn origin(log: &Log, host: Option<&str>) -> Result<Url, ImportError> {
    let mut urls: Vec<(i64, bool, Url)> = Vec::new();
    for entry in &log.entries {
        if let Some(url) = entry.request.url.as_deref().and_then(Url::parse) {
            urls.push((began(entry).unwrap_or_default(), is_shown(entry), url));
        }
    }
    if let Some(host) = host {
        let found = urls.iter().find(|(.., url)| url.is_at(host));
        return found.map(|(.., url)| url.clone()).ok_or_else(|| {
            let mut hosts: Vec<_> = urls
                .iter()
                .map(|(.., url)| url.authority.as_str())
                .collect();
            hosts.sort_unstable();
            hosts.dedup();
            hosts.truncate(NAMED);
            ImportError::whole(
                format_args!("has no request to {}", shown(host, 80)),
                format_args!("there are requests to {}", hosts.join(", ")),
            )
        });
    }
    let pages = urls.iter().filter(|(_, is_page, _)| *is_page);
    let first = pages
        .min_by_key(|(at, ..)| *at)
        .or(urls.iter().min_by_key(|(at, ..)| *at));
    first.map(|(.., url)| url.clone()).ok_or_else(|| {
        ImportError::whole("has no request to a web server", "record a visit to a site")
    })
}

/// A page that was shown: whoever asks for `http://` may be sent on to `https://`, and to another host.
fn is_shown(entry: &Entry) -> bool {
    is_page(entry) && !(300.0..400.0).contains(&entry.response.status.unwrap_or_default())
}

fn is_page(entry: &Entry) -> bool {
    let mime = entry
        .response
        .content
        .mime_type
        .as_deref()
        .unwrap_or_default();
    match &entry.kind {
        Some(kind) => kind == "document",
        None => mime.starts_with("text/html"),
    }
}

enum Left {
    Host(String),
    Why(&'static str),
}

fn judge<'h>(entry: &'h Entry, origin: &Url) -> Result<(Url, &'h str), Left> {
    let url = entry.request.url.as_deref().unwrap_or_default();
    let url = Url::parse(url).ok_or(Left::Why("to no web server (data:, blob:, WebSocket)"))?;
    if url.authority != origin.authority {
        return Err(Left::Host(url.authority));
    }
    if matches!(entry.kind.as_deref(), Some("websocket" | "eventsource")) {
        return Err(Left::Why("that go on for long (WebSocket, EventSource)"));
    }
    if entry.from_cache.is_some() {
        return Err(Left::Why("that the browser's cache answered"));
    }
    let method = entry.request.method.as_deref().unwrap_or("GET");
    if entry.kind.as_deref() == Some("preflight")
        || matches!(method, "OPTIONS" | "CONNECT" | "TRACE")
    {
        return Err(Left::Why("that browsers make for themselves (preflight)"));
    }
    let is_method =
        (1..=20).contains(&method.len()) && method.bytes().all(|byte| byte.is_ascii_uppercase());
    if !is_method {
        return Err(Left::Why("without a valid method"));
    }
    match entry.response.status {
        Some(101.0) => Err(Left::Why("that go on for long (WebSocket, EventSource)")),
        Some(status) if status >= 100.0 => Ok((url, method)),
        _ => Err(Left::Why("without an answer (blocked or given up)")),
    }
}

fn name_others(others: BTreeMap<String, u64>, left: &mut BTreeMap<String, u64>) {
    let mut others: Vec<_> = others.into_iter().collect();
    others.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    let rest: u64 = others.iter().skip(NAMED).map(|(_, number)| number).sum();
    for (host, number) in others.into_iter().take(NAMED) {
        left.insert(format!("to {}", shown(&host, 60)), number);
    }
    if rest > 0 {
        left.insert("to still other hosts".to_owned(), rest);
    }
}

/// When a request began.
fn began(entry: &Entry) -> Option<i64> {
    date::rfc3339(entry.started_date_time.as_deref()?.as_bytes())
}

/// Gives each request its page: the one that it names, or the one that was open when it began.
fn assign_pages(log: &Log, kept: &mut [Kept<'_>]) {
    let mut pages: Vec<(i64, Option<&str>, String)> = log
        .pages
        .iter()
        .map(|page| {
            let at = page.started_date_time.as_deref();
            let at = at.and_then(|at| date::rfc3339(at.as_bytes()));
            let title = page.title.as_deref().unwrap_or_default();
            (at.unwrap_or_default(), page.id.as_deref(), title.to_owned())
        })
        .collect();
    if pages.is_empty() {
        // Firefox and proxies may have none: then each document begins one.
        let documents = kept
            .iter()
            .filter(|one| is_page(one.entry) && one.method == "GET");
        pages.extend(documents.map(|one| (one.at, None, one.url.path.clone())));
    }
    pages.sort_by_key(|(at, ..)| *at);
    for one in &mut *kept {
        let named = one.entry.pageref.as_deref();
        let by_name = pages
            .iter()
            .position(|(_, id, _)| named.is_some() && *id == named);
        let by_time = || pages.iter().rposition(|(at, ..)| *at <= one.at);
        one.page = by_name.or_else(by_time).unwrap_or_default();
    }
    let mut names: Vec<String> = Vec::new();
    for (_, _, title) in &pages {
        names.push(group_name(title, &names));
    }
    for one in kept {
        one.group = names
            .get(one.page)
            .cloned()
            .unwrap_or_else(|| "page".to_owned());
    }
}

/// A page's title, which is its URL in many recordings.
fn group_name(title: &str, taken: &[String]) -> String {
    let title = match Url::parse(title) {
        Some(url) => without_secrets(&url.path).into_owned(),
        None => title.to_owned(),
    };
    let name = shown(title.trim(), 60);
    let name = if name.is_empty() {
        "page".to_owned()
    } else {
        name
    };
    let is_free = |name: &String| !taken.contains(name);
    if is_free(&name) {
        return name;
    }
    let numbered = (2..).map(|number| format!("{name} ({number})"));
    numbered.into_iter().find(is_free).unwrap_or(name)
}

fn pauses(kept: &mut [Kept<'_>]) {
    let mut end = i64::MIN;
    for place in 1..kept.len() {
        let (before, next) = (&kept[place - 1], &kept[place]);
        let took = before.entry.time.unwrap_or_default().clamp(0.0, 3.6e6);
        end = end.max(before.at.saturating_add((took * 1e6) as i64));
        let pause = next.at.saturating_sub(end) as f64 / 1e9;
        let shortest = match before.page == next.page {
            true => SHORTEST_WITHIN,
            false => SHORTEST,
        };
        kept[place - 1].pause = (pause >= shortest).then(|| pause.min(LONGEST_PAUSE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(text: &str) -> Log {
        super::super::read::read(text.as_bytes()).expect("a recording")
    }

    fn entry(second: u32, page: &str, url: &str, rest: &str) -> String {
        format!(
            r#"{{"pageref": "{page}", "startedDateTime": "2024-01-01T00:00:{second:02}Z", "time": 500,
            "request": {{"method": "GET", "url": "{url}"}}, "response": {{"status": 200}}{rest}}}"#
        )
    }

    #[test]
    fn the_first_pages_host_is_chosen_and_all_others_are_named() {
        let entries = [
            entry(0, "", "https://cdn.test/x.js", ""),
            entry(
                0,
                "",
                "https://old.test/",
                r#", "_resourceType": "document""#,
            )
            .replace("200", "301"),
            entry(
                1,
                "",
                "https://shop.test/",
                r#", "_resourceType": "document""#,
            ),
            entry(2, "", "https://cdn.test/y.js", ""),
            entry(2, "", "data:image/png;base64,", ""),
            entry(
                3,
                "",
                "https://shop.test/ws",
                r#", "_resourceType": "websocket""#,
            ),
            entry(
                3,
                "",
                "https://shop.test/old.css",
                r#", "_fromCache": "memory""#,
            ),
        ];
        let log = log(&format!(
            r#"{{"log": {{"entries": [{}]}}}}"#,
            entries.join(",")
        ));
        let Chosen { origin, kept, left } = choose(&log, None).expect("a host");
        assert_eq!((origin.authority.as_str(), kept.len()), ("shop.test", 1));
        assert_eq!(left.get("to cdn.test"), Some(&2));
        assert_eq!(left.values().sum::<u64>(), 6);
        let Chosen { origin, kept, .. } = choose(&log, Some("CDN.test")).expect("a host");
        assert_eq!((origin.authority.as_str(), kept.len()), ("cdn.test", 2));
        let error = choose(&log, Some("x.test")).expect_err("none");
        assert!(error.help.contains("cdn.test, old.test, shop.test"));
    }

    #[test]
    fn pages_come_one_after_the_other_with_pauses_between() {
        let entries = [
            entry(9, "b", "http://a.test/cart", ""),
            entry(0, "a", "http://a.test/", ""),
            entry(3, "a", "http://a.test/more", ""),
            entry(10, "a", "http://a.test/late", ""),
        ];
        let pages = r#"{"id": "b", "startedDateTime": "2024-01-01T00:00:09Z", "title": "http://a.test/cart?x"},
            {"id": "a", "startedDateTime": "2024-01-01T00:00:00Z", "title": "Welcome"}"#;
        let text = format!(
            r#"{{"log": {{"pages": [{pages}], "entries": [{}]}}}}"#,
            entries.join(",")
        );
        let log = log(&text);
        let Chosen { kept, .. } = choose(&log, None).expect("a host");
        let got: Vec<_> = kept
            .iter()
            .map(|one| (one.url.path.as_str(), one.group.as_str(), one.pause))
            .collect();
        assert_eq!(
            got,
            [
                ("/", "Welcome", Some(2.5)),
                ("/more", "Welcome", Some(6.5)),
                ("/late", "Welcome", None),
                ("/cart", "/cart", None),
            ]
        );
    }
}
