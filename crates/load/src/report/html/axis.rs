//! Axes: where a value lies, and which values are written beside them.

use crate::report::text::{percent, seconds, short};

/// How values lie on an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// Equal distances.
    Linear,
    /// Equal factors; only above 0.
    Log,
    /// Of shares: each nine is as wide as the one before (0 %, 90 %, 99 %, …).
    Nines,
}

/// What the numbers on it are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Amounts.
    Number,
    /// Of a time that something took.
    Seconds,
    /// Of the time since the beginning.
    Elapsed,
    /// Of 1.
    Share,
}

/// An axis from `low` to `high`.
#[derive(Clone, Debug)]
pub struct Axis {
    scale: Scale,
    kind: Kind,
    low: f64,
    high: f64,
    /// Values that are written beside it.
    pub ticks: Vec<f64>,
}

impl Axis {
    /// From 0 to a round number that is at least `most`.
    #[must_use]
    pub fn amounts(most: f64, kind: Kind) -> Self {
        let most = if most > 0.0 { most } else { 1.0 };
        let step = round_step(most / 4.0, kind);
        let count = (most / step - 1e-9).ceil().max(1.0);
        let ticks = (0..=count as usize).map(|i| i as f64 * step).collect();
        let high = count * step;
        Self {
            scale: Scale::Linear,
            kind,
            low: 0.0,
            high,
            ticks,
        }
    }

    /// Times between the shortest and the longest: logarithmic if one is far from the other, as otherwise one would only see the longest.
    #[must_use]
    pub fn times(least: f64, most: f64) -> Self {
        let least = least.max(1e-6);
        if most / least <= 40.0 {
            return Self::amounts(most, Kind::Seconds);
        }
        let low = 10f64.powf(least.log10().floor());
        let high = 10f64.powf(most.log10().ceil());
        // A decade of which less than a third is used ends there.
        let high = if most <= high * 0.3 { high * 0.3 } else { high };
        let decades = (low.log10().round() as i32)..=(high.log10().ceil() as i32);
        let ticks = decades.flat_map(|decade| [1.0, 3.0].map(|n| n * 10f64.powi(decade)));
        let is_within = |tick: &f64| (low * 0.999..=high * 1.001).contains(tick);
        Self {
            scale: Scale::Log,
            kind: Kind::Seconds,
            low,
            high,
            ticks: ticks.filter(is_within).collect(),
        }
    }

    /// Time since the beginning, to the end.
    #[must_use]
    pub fn elapsed(end: f64) -> Self {
        let end = end.max(1.0);
        let step = [
            1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0,
            7200.0, 14_400.0, 21_600.0, 43_200.0, 86_400.0,
        ];
        let step = step.into_iter().find(|step| end / step <= 8.0);
        let step = step.unwrap_or(end / 6.0);
        let count = (end / step + 1e-9).floor() as usize;
        Self {
            scale: Scale::Linear,
            kind: Kind::Elapsed,
            low: 0.0,
            high: end,
            ticks: (0..=count).map(|i| i as f64 * step).collect(),
        }
    }

    /// Shares of so many samples: as many nines as they tell, from one to six.
    #[must_use]
    pub fn nines(samples: u64) -> Self {
        let nines = (samples.max(10) as f64).log10().clamp(1.0, 6.0);
        let mut ticks = vec![0.0];
        ticks.extend((1..=nines.floor() as i32).map(|nine| 1.0 - 10f64.powi(-nine)));
        Self {
            scale: Scale::Nines,
            kind: Kind::Share,
            low: 0.0,
            high: 1.0 - 10f64.powf(-nines),
            ticks,
        }
    }

    /// Whether equal distances are equal factors.
    #[must_use]
    pub fn is_log(&self) -> bool {
        self.scale == Scale::Log
    }

    /// The highest value on it.
    #[must_use]
    pub fn high(&self) -> f64 {
        self.high
    }

    /// Where a value lies, 0 to 1; what is beyond lies at the end.
    #[must_use]
    pub fn place(&self, value: f64) -> f64 {
        let on = |value: f64| match self.scale {
            Scale::Linear => value,
            Scale::Log => value.max(self.low).log10(),
            Scale::Nines => -(1.0 - value.min(self.high)).log10(),
        };
        let (low, high) = (on(self.low), on(self.high));
        ((on(value) - low) / (high - low)).clamp(0.0, 1.0)
    }

    /// A value as it stands beside the axis.
    #[must_use]
    pub fn label(&self, value: f64) -> String {
        match self.kind {
            Kind::Number => short(value),
            Kind::Share if self.scale == Scale::Nines => nines(value),
            Kind::Share => percent(value),
            Kind::Elapsed => elapsed(value),
            Kind::Seconds => match value {
                v if v <= 0.0 => "0".to_owned(),
                v if v < 0.000_999 => format!("{} µs", short((v * 1e7).round() / 10.0)),
                v if v < 0.999 => format!("{} ms", short((v * 1e6).round() / 1e3)),
                v => format!("{} s", short((v * 1e3).round() / 1e3)),
            },
        }
    }

    /// A value as it stands in a table.
    #[must_use]
    pub fn text(&self, value: f64) -> String {
        match self.kind {
            Kind::Seconds => seconds(value),
            Kind::Number => crate::report::text::number((value * 100.0).round() / 100.0),
            Kind::Share | Kind::Elapsed => self.label(value),
        }
    }
}

/// `99.9 %` without digits that say nothing.
fn nines(share: f64) -> String {
    let text = format!("{:.4}", share * 100.0);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text} %")
}

/// `0:30`, `12:00`, `1:02:00`.
fn elapsed(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    match hours {
        0 => format!("{minutes}:{rest:02}"),
        _ => format!("{hours}:{minutes:02}:{rest:02}"),
    }
}

/// The least of 1, 2, 2.5 and 5 times a power of ten that is not below; whole for amounts.
fn round_step(least: f64, kind: Kind) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|n| n * power);
    let step = step.into_iter().find(|step| *step >= least * 0.999);
    let step = step.unwrap_or(10.0 * power);
    match kind {
        Kind::Number if step < 1.0 => 1.0,
        Kind::Seconds => step.max(1e-6),
        _ => step,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        for most in [0.0, 0.3, 1.0, 7.0, 523.0, 1e7] {
            let axis = Axis::amounts(most, Kind::Number);
            assert!(
                axis.high() >= most && axis.ticks.len() <= 6,
                "{most}: {axis:?}"
            );
        }
        let axis = Axis::times(0.000_4, 2.5);
        let labels: Vec<_> = axis.ticks.iter().map(|tick| axis.label(*tick)).collect();
        assert_eq!(
            labels,
            [
                "100 µs", "300 µs", "1 ms", "3 ms", "10 ms", "30 ms", "100 ms", "300 ms", "1 s",
                "3 s"
            ]
        );
        let axis = Axis::elapsed(90.0);
        let labels: Vec<_> = axis.ticks.iter().map(|tick| axis.label(*tick)).collect();
        assert_eq!(
            labels,
            ["0:00", "0:15", "0:30", "0:45", "1:00", "1:15", "1:30"]
        );
        let axis = Axis::nines(30_000);
        let labels: Vec<_> = axis.ticks.iter().map(|tick| axis.label(*tick)).collect();
        assert_eq!(labels, ["0 %", "90 %", "99 %", "99.9 %", "99.99 %"]);
        assert!((axis.place(0.99) - 2.0 / 30_000f64.log10()).abs() < 1e-9);
    }

    #[test]
    fn what_is_beyond_lies_at_the_end() {
        let axis = Axis::times(0.001, 0.002);
        assert_eq!((axis.place(-1.0), axis.place(9.0)), (0.0, 1.0));
        let axis = Axis::nines(0);
        assert_eq!(axis.place(1.0), 1.0);
    }
}
