//! `retries`, `retry-on`, `maxconn` and `timeout queue`: what is tried again, and how much goes on at the same time.
//!
//! HAProxy counts connections of each server; a limit here is for all servers of an upstream together. With the usual ways of
//! choosing among them it comes to the same, and what it is for (not to overrun the service) is kept.

use super::context::{Context, milliseconds};
use super::lexer::Line;
use super::section::Proxy;
use crate::import::ledger::{Note, Weight};
use crate::import::model::{Table, Value};
use crate::import::value::time;

/// Most attempts that a configuration takes.
const MOST: u32 = 10;
/// HAProxy's default of `retries`.
const RETRIES: u32 = 3;

/// What is tried again.
pub(super) fn retry(
    context: &mut Context,
    proxy: &Proxy<'_>,
    table: &mut Table,
    notes: &mut Vec<Note>,
) {
    let retries = proxy.setting(&["retries"]);
    let count = match retries.map(|line| line.word(1).parse::<u32>()) {
        None => RETRIES,
        Some(Ok(count)) => count,
        Some(Err(_)) => return,
    };
    let on = proxy.setting(&["retry-on"]);
    if let Some(line) = retries {
        match (count, on) {
            (0, _) => context.translated(line),
            (_, Some(_)) if count < MOST => context.translated(line),
            (_, Some(_)) => {
                let advice = format!("attempts is at most {MOST}");
                context.note(notes, line, Weight::Differs, advice);
            }
            (_, None) => {
                let advice = "connections that cannot be made go to up to 4 servers";
                context.note(notes, line, Weight::Unneeded, advice);
            }
        }
    }
    let words = on.map_or(&[][..], |line| line.from(1));
    let (value, unknown) = of_words(words, count);
    if let Some(line) = on {
        let mut advice = Vec::new();
        if !unknown.is_empty() {
            advice.push(format!("{} has no equal", unknown.join(" and ")));
        }
        if matches!(value, Some(Value::Table(_))) {
            advice.push("only requests that may be repeated safely are (non_idempotent), and a budget (20 % of the requests) bounds it".to_owned());
        }
        match advice.is_empty() {
            true => context.translated(line),
            false => context.note(notes, line, Weight::Differs, advice.join("; ")),
        }
    }
    if let Some(value) = value {
        table.set("retry", value);
    }
}

/// The value of `retry`, if one is needed, and the words that have no equal.
fn of_words(words: &[String], retries: u32) -> (Option<Value>, Vec<&str>) {
    if retries == 0 || words.iter().any(|word| word == "none") {
        return (Some(Value::Bool(false)), Vec::new());
    }
    if words.is_empty() {
        return (None, Vec::new());
    }
    let (mut on, mut unknown): (Vec<Value>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut add = |word: Value| {
        if !on.contains(&word) {
            on.push(word);
        }
    };
    for word in words {
        match (word.as_str(), word.parse::<u32>()) {
            ("conn-failure", _) => add("connect".into()),
            // What is no HTTP counts as a connection that broke.
            ("empty-response" | "junk-response", _) => add("reset".into()),
            ("response-timeout", _) => add("timeout".into()),
            ("all-retryable-errors", _) => {
                ["connect", "reset", "timeout"]
                    .into_iter()
                    .for_each(|word| add(word.into()));
                [500_u32, 502, 503, 504]
                    .into_iter()
                    .for_each(|status| add(status.into()));
            }
            (_, Ok(status @ 400..=599)) => add(status.into()),
            ("0rtt-rejected", _) => {}
            (word, _) => unknown.push(word),
        }
    }
    if on.is_empty() {
        return (Some(Value::Bool(false)), unknown);
    }
    let attempts = retries.saturating_add(1).min(MOST);
    let entries = vec![
        ("attempts".to_owned(), Value::from(attempts)),
        ("on".to_owned(), Value::List(on)),
    ];
    (Some(Value::Table(entries)), unknown)
}

/// What all servers of an upstream may have under way together: the sum of their `maxconn`, if all of them have one.
pub(super) fn places(proxy: &Proxy<'_>, defaults: &[String]) -> Option<u32> {
    let mut sum: u32 = 0;
    for line in &proxy.section.lines {
        match line.word(0) {
            "server-template" => return None,
            "server" => {}
            _ => continue,
        }
        let own = line.from(3);
        let is_idle = own
            .iter()
            .any(|word| word == "backup" || word == "disabled");
        if is_idle {
            continue;
        }
        let most = maxconn(own).or_else(|| maxconn(defaults))?;
        sum = sum.checked_add(most)?;
    }
    // As much as a limit may be.
    (1..=2_097_151).contains(&sum).then_some(sum)
}

/// The last `maxconn` among the words of a server; 0 is none.
fn maxconn(words: &[String]) -> Option<u32> {
    let at = words.iter().rposition(|word| word == "maxconn")?;
    let most = words.get(at + 1)?.parse().ok();
    most.filter(|most| *most > 0)
}

/// Bounds what goes on at the same time.
pub(super) fn concurrency(
    context: &mut Context,
    proxy: &Proxy<'_>,
    places: u32,
    table: &mut Table,
    notes: &mut Vec<Note>,
) {
    let mut entries = vec![("limit".to_owned(), Value::from(places))];
    let queue = proxy.setting(&["timeout", "queue"]);
    let waits = match queue {
        Some(line) => context.time(notes, line, 2),
        // HAProxy's default.
        None => connect_time(proxy),
    };
    if let Some(waits) = waits {
        entries.push(("queue_timeout".to_owned(), waits.into()));
    }
    table.set("concurrency", Value::Table(entries));
    let mut lines = proxy.section.lines.iter();
    let first: Option<&Line> = lines.find(|line| line.word(0) == "server");
    if let Some(line) = first {
        let advice = "the limit is for all servers together, up to 1000 wait (queue), and in an overload the newest goes first (target)";
        context.note(notes, line, Weight::Differs, advice);
    }
}

fn connect_time(proxy: &Proxy<'_>) -> Option<String> {
    let line = proxy.setting(&["timeout", "connect"])?;
    milliseconds(line.word(2)).map(|connect| time(connect).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry_on(text: &str, retries: u32) -> String {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        format!("{:?}", of_words(&words, retries))
    }

    #[test]
    fn words_of_retry_on() {
        assert_eq!(retry_on("", 3), "(None, [])");
        assert_eq!(retry_on("", 0), "(Some(Bool(false)), [])");
        assert_eq!(retry_on("none", 3), "(Some(Bool(false)), [])");
        let some = retry_on("conn-failure empty-response junk-response 503", 2);
        let expected = "(Some(Table([(\"attempts\", Integer(3)), (\"on\", List([Text(\"connect\"), Text(\"reset\"), Integer(503)]))])), [])";
        assert_eq!(some, expected);
        assert!(retry_on("all-retryable-errors", 99).contains("Integer(10)"));
        assert!(retry_on("503 sometimes", 1).ends_with("[\"sometimes\"])"));
    }

    #[test]
    fn the_last_maxconn_of_a_server() {
        let of = |text: &str| {
            let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            maxconn(&words)
        };
        assert_eq!(of("check maxconn 10 weight 2 maxconn 20"), Some(20));
        assert_eq!(
            (of("maxconn 0"), of("maxconn"), of("maxconn x")),
            (None, None, None)
        );
    }
}
