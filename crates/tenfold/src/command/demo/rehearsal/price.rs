//! Two visitors who look at one product again and again, and how they come to see its new price.
//!
//! One of them has a cart and is known to the shop, the other one is nobody: a shop that renders names would give them different pages, and a
//! cache may keep both. What counts is when an answer was *asked for*: who asked before the price was saved may get the old one.

use std::time::Duration;

use super::measured::PriceChange;

/// What an answer showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Old,
    New,
    /// No answer, or not the page.
    Nothing,
}

/// One look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// Which of the visitors.
    pub(super) visitor: usize,
    /// Since the run began.
    pub(super) asked: Duration,
    pub(super) answered: Duration,
    pub(super) shown: Shown,
}

/// What looks come to, if the price was sent at the one time and known to be saved at the other.
pub(super) fn judge(
    product: u64,
    new: &str,
    (sent, saved): (Duration, Duration),
    looks: &[Look],
) -> PriceChange {
    let after: Vec<_> = looks.iter().filter(|look| look.asked >= saved).collect();
    let count = |shown| after.iter().filter(|look| look.shown == shown).count() as u64;
    let old = after.iter().filter(|look| look.shown == Shown::Old);
    let last_old = old.map(|look| look.answered - saved).max();
    let visible =
        all_have_seen_it(&after, saved).map(|first| first.max(last_old.unwrap_or_default()));
    PriceChange {
        product,
        new: new.to_owned(),
        saving_ms: (saved.saturating_sub(sent)).as_secs_f64() * 1e3,
        looks: after.len() as u64,
        failed: count(Shown::Nothing),
        old: count(Shown::Old),
        visible_after_ms: visible.map(|time| time.as_secs_f64() * 1e3),
        went_back: went_back(looks),
    }
}

/// How long after it was saved the last of the visitors had the new price for the first time; none if one of them never had. Whoever gets it in the
/// first answer that was asked for afterwards has had it at once, however long that answer took.
fn all_have_seen_it(after: &[&Look], saved: Duration) -> Option<Duration> {
    let mut visitors: Vec<_> = after.iter().map(|look| look.visitor).collect();
    visitors.sort_unstable();
    visitors.dedup();
    let first_new = |visitor| {
        let mut looks = after.iter().filter(|look| look.visitor == visitor);
        let at = looks.position(|look| look.shown == Shown::New)?;
        let look = after
            .iter()
            .filter(|look| look.visitor == visitor)
            .nth(at)?;
        Some(if at == 0 {
            Duration::ZERO
        } else {
            look.answered - saved
        })
    };
    let times: Option<Vec<_>> = visitors.into_iter().map(first_new).collect();
    times?.into_iter().max()
}

/// Whether anybody saw the old price in an answer that was asked for after somebody had got the new one.
fn went_back(looks: &[Look]) -> bool {
    let new = looks.iter().filter(|look| look.shown == Shown::New);
    let first = new.map(|look| look.answered).min();
    first.is_some_and(|first| {
        looks
            .iter()
            .any(|look| look.shown == Shown::Old && look.asked > first)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(visitor: usize, asked: u64, shown: Shown) -> Look {
        Look {
            visitor,
            asked: Duration::from_millis(asked),
            answered: Duration::from_millis(asked + 10),
            shown,
        }
    }

    fn judged(looks: &[Look]) -> PriceChange {
        let times = (Duration::from_millis(1000), Duration::from_millis(1100));
        judge(3, "87.65", times, looks)
    }

    #[test]
    fn a_price_is_there_when_the_last_old_one_has_come() {
        let change = judged(&[
            look(0, 900, Shown::Old),
            look(1, 1050, Shown::Old),
            look(0, 1150, Shown::Old),
            look(1, 1200, Shown::New),
            look(0, 1250, Shown::New),
        ]);
        // The first visitor's next answer was the new one, at 1260.
        assert_eq!(change.visible_after_ms, Some(160.0));
        assert_eq!((change.looks, change.old, change.failed), (3, 1, 0));
        assert!(!change.went_back);
        assert_eq!(change.saving_ms, 100.0);
    }

    #[test]
    fn who_asked_before_it_was_saved_may_get_the_old_one() {
        let change = judged(&[look(0, 1099, Shown::Old), look(1, 1120, Shown::New)]);
        assert_eq!((change.visible_after_ms, change.old), (Some(0.0), 0));
        assert!(!change.went_back);
    }

    #[test]
    fn no_answer_is_not_the_new_price() {
        let change = judged(&[
            look(0, 1120, Shown::Nothing),
            look(1, 1130, Shown::New),
            look(0, 4120, Shown::New),
        ]);
        assert_eq!(change.visible_after_ms, Some(3030.0));
        let never = judged(&[look(0, 1120, Shown::Nothing), look(1, 1130, Shown::New)]);
        assert_eq!(never.visible_after_ms, None);
    }

    #[test]
    fn going_back_is_seen_also_between_two_visitors() {
        let change = judged(&[
            look(0, 1120, Shown::New),
            look(1, 1140, Shown::Old),
            look(1, 1160, Shown::New),
        ]);
        assert!(change.went_back);
    }

    #[test]
    fn a_price_that_nobody_saw_is_not_there() {
        let change = judged(&[look(0, 1120, Shown::Old), look(1, 1140, Shown::Nothing)]);
        assert_eq!(change.visible_after_ms, None);
        assert_eq!((change.failed, change.looks), (1, 2));
        assert_eq!(judged(&[]).looks, 0);
    }
}
