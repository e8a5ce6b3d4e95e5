//! The series in as many columns as a plot has room for.

use crate::Results;
use crate::report::text::span;
use crate::results::Interval;

/// Most columns of a plot: more than pixels are of no use, and each costs some hundred bytes.
const MOST: usize = 180;
/// The series, in columns of one or more seconds.
pub(super) struct Seconds {
    /// Seconds of a column.
    pub(super) width: f64,
    /// Column by column, by its number.
    pub(super) columns: Vec<(u64, Interval)>,
    pub(super) end: f64,
}

impl Seconds {
    pub(super) fn new(results: &Results) -> Self {
        let last = results.series.last();
        let end = last.map_or(0.0, |one| one.at + one.duration);
        let width = (end / MOST as f64).ceil().max(1.0);
        Self::of(results, width, end)
    }

    /// With columns as wide as those of another one.
    pub(super) fn like(results: &Results, other: &Self) -> Self {
        Self::of(results, other.width, other.end)
    }

    fn of(results: &Results, width: f64, end: f64) -> Self {
        let mut columns: Vec<(u64, Interval)> = Vec::new();
        for one in results.series.iter().filter(|one| one.at < end) {
            let number = (one.at.round() / width) as u64;
            match columns.last_mut() {
                Some((last, sum)) if *last == number => {
                    let duration = sum.duration + one.duration;
                    let (users, in_flight) = (one.users, one.in_flight);
                    sum.add(one);
                    // One after the other, not at the same time.
                    (sum.duration, sum.users, sum.in_flight) = (duration, users, in_flight);
                }
                _ => columns.push((number, one.clone())),
            }
        }
        let columns = Self::without_a_cut_end(columns);
        Self {
            width,
            columns,
            end,
        }
    }

    /// The last second is cut short, and says too little alone: it is added to the one before.
    fn without_a_cut_end(mut columns: Vec<(u64, Interval)>) -> Vec<(u64, Interval)> {
        let is_cut = |(_, one): &mut (u64, Interval)| one.duration < 0.5;
        let before = columns.len().checked_sub(2);
        if let (Some(before), Some((_, cut))) = (before, columns.pop_if(is_cut)) {
            let last = &mut columns[before].1;
            let duration = last.duration + cut.duration;
            last.add(&cut);
            (last.duration, last.users, last.in_flight) = (duration, cut.users, cut.in_flight);
        }
        columns
    }

    /// Where columns lie: their middle.
    pub(super) fn middles(&self) -> Vec<f64> {
        let columns = self.columns.iter();
        columns
            .map(|(number, one)| *number as f64 * self.width + one.duration.min(self.width) / 2.0)
            .collect()
    }

    pub(super) fn values(&self, value: impl Fn(&Interval) -> Option<f64>) -> Vec<Option<f64>> {
        self.columns.iter().map(|(_, one)| value(one)).collect()
    }

    /// Values of these at the columns of another one.
    pub(super) fn values_at(
        &self,
        other: &Self,
        value: impl Fn(&Interval) -> Option<f64>,
    ) -> Vec<Option<f64>> {
        let at = |number: u64| {
            let found = self.columns.binary_search_by_key(&number, |(it, _)| *it);
            value(&self.columns.get(found.ok()?)?.1)
        };
        other
            .columns
            .iter()
            .map(|(number, _)| at(*number))
            .collect()
    }

    pub(super) fn each(&self) -> String {
        match self.width {
            width if width > 1.0 => format!("Each point is of {}.", span(width)),
            _ => "Each point is of one second.".to_owned(),
        }
    }
}
