//! The two plots: throughput and response time over concurrency.

use tenfold_capacity::text::{number, percent, seconds};

use super::plot::{At, Plot};
use crate::command::plan::analysis::{Analysis, Curve};
use crate::command::plan::source::Level;
use crate::command::plan::text::peak_words;

/// How finely a curve is drawn.
const STEPS: u32 = 160;
/// How far beyond the last point the plot goes.
const BEYOND: f64 = 1.15;

/// What both plots share.
struct Frame {
    /// The highest concurrency that was measured.
    last: f64,
    /// The end of the axis.
    most: f64,
}

impl Frame {
    fn new(analysis: &Analysis) -> Self {
        let last = analysis
            .levels
            .iter()
            .map(|one| one.concurrency)
            .fold(0.0, f64::max);
        let capacity = analysis
            .capacity
            .as_ref()
            .map_or(0.0, |one| one.concurrency);
        Self {
            last,
            most: last.max(capacity) * BEYOND,
        }
    }

    /// Concurrencies from 1 to `end`.
    fn steps(from: f64, end: f64) -> impl Iterator<Item = f64> {
        (0..=STEPS).map(move |at| from + (end - from) * f64::from(at) / f64::from(STEPS))
    }
}

/// Throughput: points, curve with its band, peak and capacity.
pub(super) fn throughput(analysis: &Analysis) -> (String, String) {
    let frame = Frame::new(analysis);
    let highest = analysis
        .levels
        .iter()
        .map(|one| one.throughput)
        .fold(0.0, f64::max);
    let curve = analysis.curve.as_ref();
    let peak = curve.and_then(|curve| curve.peak);
    let top = highest.max(peak.map_or(0.0, |peak| peak.throughput)) * 1.18;
    let mut plot = Plot::new(
        "Throughput over concurrency",
        ("requests under way", frame.most),
        ("requests/s", top),
    );
    if let Some(curve) = curve {
        throughput_curve(&mut plot, curve, &frame, top);
    }
    let words = |one: &Level| {
        format!(
            "{}: {} under way, {} requests/s",
            one.place,
            number(one.concurrency),
            number(one.throughput)
        )
    };
    let places = |levels: &[Level]| {
        levels
            .iter()
            .map(|one| ((one.concurrency, one.throughput), words(one)))
            .collect::<Vec<_>>()
    };
    plot.points("left", &places(&analysis.left_out));
    plot.points("point", &places(&analysis.levels));
    if let Some(peak) = peak {
        plot.drop(
            "peak",
            (peak.concurrency, peak.throughput),
            &format!("peak {}/s", number(peak.throughput)),
            peak.concurrency
                <= analysis
                    .capacity
                    .as_ref()
                    .map_or(0.0, |one| one.concurrency),
        );
    }
    if let Some(capacity) = &analysis.capacity {
        let name = if analysis.objective.is_some() {
            "within the objective"
        } else {
            "capacity"
        };
        plot.drop(
            "goal",
            (capacity.concurrency, capacity.rate),
            &format!("{name} {}/s", number(capacity.rate)),
            peak.is_some_and(|peak| capacity.concurrency < peak.concurrency),
        );
    }
    (plot.svg(), throughput_caption(analysis, curve))
}

fn throughput_caption(analysis: &Analysis, curve: Option<&Curve>) -> String {
    let left = if analysis.left_out.is_empty() {
        ""
    } else {
        " Hollow: left out."
    };
    match curve {
        Some(curve) => format!(
            "Points are measured; the line is the Universal Scalability Law (R² {:.4}) in its 95 % confidence band, dashed beyond the points; dotted is growth without loss, of which {} is lost at the end. Peak: {}.{left}",
            curve.fit.r_squared,
            percent(1.0 - curve.fit.curve().efficiency(curve.fit.measured.1)),
            peak_words(curve)
        ),
        None => format!(
            "Points are measured. There is no curve: {}{left}",
            analysis.no_curve.as_deref().unwrap_or_default()
        ),
    }
}

fn throughput_curve(plot: &mut Plot, curve: &Curve, frame: &Frame, top: f64) {
    let fit = &curve.fit;
    let at = |n: f64| (n, fit.curve().throughput(n));
    let reach = frame.most.min(fit.reach()).max(1.0);
    let (mut lows, mut highs): (Vec<At>, Vec<At>) = (Vec::new(), Vec::new());
    for n in Frame::steps(1.0, reach) {
        if let Ok((low, high)) = fit.band(n) {
            lows.push((n, low));
            highs.push((n, high.min(top)));
        }
    }
    plot.band(&lows, &highs);
    let gamma = fit.curve().gamma();
    let end = frame.most.min(top / gamma);
    plot.curve("linear", &[(0.0, 0.0), (end, end * gamma)]);
    plot.curve(
        "fit",
        &Frame::steps(1.0, frame.last.max(1.0))
            .map(at)
            .collect::<Vec<_>>(),
    );
    plot.curve(
        "beyond",
        &Frame::steps(frame.last.max(1.0), reach)
            .map(at)
            .collect::<Vec<_>>(),
    );
}

/// Response time: the objective's measure if there is one, otherwise the mean.
pub(super) fn latency(analysis: &Analysis, within: Option<f64>) -> Option<(String, String)> {
    let time = |one: &Level| one.of_objective.or(one.mean);
    let highest = analysis.levels.iter().filter_map(time).fold(0.0, f64::max);
    if highest == 0.0 {
        return None;
    }
    let frame = Frame::new(analysis);
    // A queue that grew for ever would make everything else a line at the bottom.
    let top = match within {
        Some(within) => highest.min(within * 4.0).max(within) * 1.15,
        None => highest * 1.15,
    };
    let (unit, scale) = if top < 1.0 { ("ms", 1e3) } else { ("s", 1.0) };
    let name = if unit == "ms" {
        "response time, ms"
    } else {
        "response time, s"
    };
    let mut plot = Plot::new(
        "Response time over concurrency",
        ("requests under way", frame.most),
        (name, top * scale),
    );
    if let Some(curve) = &analysis.curve {
        let ratio = analysis.ratio.unwrap_or(1.0) * scale;
        let at = |n: f64| (n, curve.fit.curve().response_time(n) * ratio);
        plot.curve(
            "fit",
            &Frame::steps(1.0, frame.last.max(1.0))
                .map(at)
                .collect::<Vec<_>>(),
        );
    }
    let words = |one: &Level, time: f64| {
        format!(
            "{}: {} under way, {}",
            one.place,
            number(one.concurrency),
            seconds(time)
        )
    };
    let places: Vec<(At, String)> = analysis
        .levels
        .iter()
        .filter_map(|one| {
            Some((
                (one.concurrency, time(one)? * scale),
                words(one, time(one)?),
            ))
        })
        .collect();
    plot.points("point", &places);
    if let (Some(within), Some(objective)) = (within, &analysis.objective) {
        plot.level("goal", within * scale, objective);
    }
    let beyond = places.iter().filter(|((_, y), _)| *y > top * scale).count();
    let beyond = if beyond > 0 {
        format!(" {beyond} points lie above the plot.")
    } else {
        String::new()
    };
    let ratio = analysis.ratio.map_or(String::new(), |ratio| {
        format!(", times {} for the percentile", number(ratio))
    });
    let line = if analysis.curve.is_some() {
        format!(" The line is what the curve of throughput comes to by Little's law{ratio}.")
    } else {
        String::new()
    };
    Some((plot.svg(), format!("Points are measured.{line}{beyond}")))
}
