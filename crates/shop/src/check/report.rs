//! What was found, for people and for programs.

use super::{Books, Outcome};
use crate::money::Cents;

/// As JSON, in one piece.
pub(super) fn json(books: &Books) -> String {
    // Strings and numbers only.
    serde_json::to_string_pretty(books).expect("books are plain values")
}

/// As a table, with the first offenders below their rule.
pub(super) fn text(books: &Books) -> String {
    let mut lines: Vec<String> = books.rules.iter().flat_map(rule).collect();
    let open = &books.open_events;
    let waiting = match open.count {
        0 => "none open".to_owned(),
        count => format!(
            "{count} open, the oldest for {:.1} s (no mistake: the worker will do them)",
            open.oldest_seconds
        ),
    };
    let turnover = Cents(books.turnover);
    lines.push(format!(
        "        {} orders of {turnover} EUR in all; events: {waiting}",
        books.orders
    ));
    let broken = books.rules.iter().filter(|rule| rule.broken > 0).count();
    lines.push(match broken {
        0 => "The books balance.".to_owned(),
        1 => "THE BOOKS DO NOT BALANCE: 1 rule is broken.".to_owned(),
        broken => format!("THE BOOKS DO NOT BALANCE: {broken} rules are broken."),
    });
    lines.join("\n")
}

fn rule(outcome: &Outcome) -> Vec<String> {
    let Outcome {
        name,
        rule,
        checked,
        broken,
        examples,
    } = outcome;
    let sign = if *broken == 0 { "ok" } else { "BROKEN" };
    let mut lines = vec![format!("{sign:6}  {name:16}  {checked:>9}  {rule}")];
    lines.extend(
        examples
            .iter()
            .map(|example| format!("          - {example}")),
    );
    let named = examples.len() as i64;
    if *broken > named {
        lines.push(format!("          - … and {} more", broken - named));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::Open;
    use super::*;

    fn books(broken: i64) -> Books {
        let outcome = Outcome {
            name: "stock",
            rule: "it adds up",
            checked: 10,
            broken,
            examples: (0..broken.min(5))
                .map(|id| format!("product {id}"))
                .collect(),
        };
        Books {
            balanced: broken == 0,
            rules: vec![outcome],
            open_events: Open {
                count: 2,
                oldest_seconds: 1.25,
            },
            orders: 7,
            turnover: 12_345,
        }
    }

    #[test]
    fn balanced_books_say_so() {
        let text = text(&books(0));
        assert!(text.starts_with("ok      stock"), "{text}");
        assert!(
            text.contains("7 orders of 123.45 EUR") && text.contains("2 open"),
            "{text}"
        );
        assert!(text.ends_with("The books balance."), "{text}");
    }

    #[test]
    fn offenders_are_named_and_counted() {
        let text = text(&books(7));
        assert!(
            text.contains("BROKEN  stock") && text.contains("- product 4"),
            "{text}"
        );
        assert!(
            text.contains("and 2 more") && text.contains("DO NOT BALANCE"),
            "{text}"
        );
    }

    #[test]
    fn programs_read_the_same() {
        let json: serde_json::Value = serde_json::from_str(&json(&books(1))).expect("JSON");
        assert_eq!(json["balanced"], false);
        assert_eq!(json["rules"][0]["examples"][0], "product 0");
        assert_eq!(json["open_events"]["count"], 2);
    }
}
