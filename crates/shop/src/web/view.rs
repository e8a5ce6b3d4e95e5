//! How things look in text: prices, dates, addresses of pictures. Templates hand over references, also of what is small.

use std::ops::Deref;
use std::time::SystemTime;

use super::pictures;
use crate::model::{Availability, Card, Status};
use crate::money::Cents;

/// A product as templates show it.
#[derive(Clone, Debug)]
pub(super) struct Tile(pub(super) Card);

impl Deref for Tile {
    type Target = Card;

    fn deref(&self) -> &Card {
        &self.0
    }
}

impl Tile {
    /// One for each of them.
    pub(super) fn all(cards: &[Card]) -> Vec<Self> {
        cards.iter().cloned().map(Self).collect()
    }

    /// Where its picture is.
    pub(super) fn picture(&self) -> String {
        pictures::address(&self.0)
    }

    /// What it costs.
    pub(super) fn costs(&self) -> String {
        euros(&self.price)
    }

    /// What it cost before, if that was more.
    pub(super) fn before(&self) -> Option<String> {
        self.list_price
            .filter(|before| *before > self.price)
            .map(|before| euros(&before))
    }

    /// How much less that is, in percent; nothing under 5 % is worth a word.
    pub(super) fn saved(&self) -> Option<i64> {
        let before = self.list_price?.0;
        let saved = (before > 0).then(|| (before - self.price.0) * 100 / before);
        saved.filter(|saved| *saved >= 5)
    }

    /// Whether it can be bought.
    pub(super) const fn is_sold_out(&self) -> bool {
        matches!(self.0.availability, Availability::SoldOut)
    }

    /// How much there is, in words.
    pub(super) const fn stock(&self) -> &'static str {
        match self.0.availability {
            Availability::InStock => "In stock",
            Availability::Few => "Only a few left",
            Availability::SoldOut => "Sold out",
        }
    }

    /// The same as a class of the style sheet.
    pub(super) const fn stock_class(&self) -> &'static str {
        match self.0.availability {
            Availability::InStock => "is-there",
            Availability::Few => "is-few",
            Availability::SoldOut => "is-gone",
        }
    }
}

/// `€1,234.50`.
pub(super) fn euros(amount: &Cents) -> String {
    let text = amount.to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, "00"));
    let (sign, digits) = match whole.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", whole),
    };
    format!("{sign}€{}.{part}", grouped(digits))
}

/// `12,345`.
pub(super) fn number(count: &i64) -> String {
    let sign = if *count < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(&count.unsigned_abs().to_string()))
}

fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// As machines read it: `2026-11-27T09:30:00Z`.
pub(super) fn instant(time: &SystemTime) -> String {
    humantime::format_rfc3339_seconds(*time).to_string()
}

/// As people read it: `27 November 2026, 09:30 UTC`.
pub(super) fn date(time: &SystemTime) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let text = instant(time);
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
    let month = part(5..7)
        .parse::<usize>()
        .ok()
        .and_then(|month| MONTHS.get(month.wrapping_sub(1)));
    let day = part(8..10).trim_start_matches('0');
    format!(
        "{day} {} {}, {} UTC",
        month.unwrap_or(&""),
        part(0..4),
        part(11..16)
    )
}

/// How an order stands, in words.
pub(super) const fn status(status: &Status) -> &'static str {
    match status {
        Status::Paid => "Paid",
        Status::Processing => "Being packed",
        Status::Shipped => "On its way",
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn amounts_have_groups_of_three() {
        for (cents, text) in [
            (5, "€0.05"),
            (1250, "€12.50"),
            (123_450, "€1,234.50"),
            (-100_000_000, "-€1,000,000.00"),
        ] {
            assert_eq!(euros(&Cents(cents)), text);
        }
        assert_eq!(
            (number(&0), number(&999), number(&10_000)),
            ("0".into(), "999".into(), "10,000".into())
        );
    }

    #[test]
    fn dates_are_in_words() {
        let time = UNIX_EPOCH + Duration::from_secs(1_795_771_800);
        assert_eq!(instant(&time), "2026-11-27T09:30:00Z");
        assert_eq!(date(&time), "27 November 2026, 09:30 UTC");
        assert_eq!(date(&UNIX_EPOCH), "1 January 1970, 00:00 UTC");
    }
}
