//! A plot: lines and bars in SVG, everything that is text in HTML around it.
//!
//! # The idea
//! An SVG that is scaled scales its text as well, and a report is read on telephones and on wide screens. So the SVG has only
//! shapes, is stretched to any size (`preserveAspectRatio="none"`, strokes that keep their width), and labels are placed beside it
//! in percent. There is no script: what is shown under the pointer is shown by CSS, and a table of all values is behind each plot.

use std::fmt::Write;

use super::axis::Axis;
use super::escape::{escape, own};

/// Units of the SVG in each direction.
const SIZE: f64 = 1000.0;
/// How far labels at the ends of lines are at least apart, of the height of the plot.
const APART: f64 = 0.075;
/// Names of events that are closer than this, of the width of the plot, would lie on each other.
const CLOSE: f64 = 0.14;

/// A line, or bars.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// The colour's class, `c1` to `c8`.
    pub class: &'static str,
    /// How it is drawn.
    pub shape: Shape,
    /// A value for each column; `None` where there is nothing.
    pub values: Vec<Option<f64>>,
}

/// How values are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// What was measured.
    Line,
    /// What is wanted, or what was before.
    Dashed,
    /// On top of the bars of the series before it.
    Bars,
}

/// A plot of series over the same columns.
#[derive(Clone, Debug)]
pub struct Plot {
    /// What it is called.
    pub title: &'static str,
    /// What is seen, in a sentence.
    pub note: String,
    /// From left to right.
    pub x: Axis,
    /// From the bottom up.
    pub y: Axis,
    /// What the first column of the table says.
    pub x_name: &'static str,
    /// Where columns lie on `x`: their middle.
    pub columns: Vec<f64>,
    /// How wide bars are, on `x`.
    pub width: f64,
    /// What is drawn, the first below the others.
    pub series: Vec<Series>,
    /// Values of `x` at which something new begins (phases).
    pub bounds: Vec<f64>,
    /// Values of `x` at which something happened, with its name, in their order.
    pub events: Vec<(f64, String)>,
    /// Ranges of `x` that are shaded (warm-ups).
    pub shaded: Vec<(f64, f64)>,
    /// Values of `y` that are marked (thresholds), with their names.
    pub marks: Vec<(f64, String)>,
    /// Whether it is as wide as the page.
    pub is_wide: bool,
}

impl Plot {
    /// As HTML.
    #[must_use]
    pub fn html(&self) -> String {
        let class = if self.is_wide { "plot wide" } else { "plot" };
        let mut out = format!(
            "<figure class=\"{class}\"><figcaption><h3>{}</h3><p>{}</p>{}</figcaption>\n",
            escape(self.title),
            own(&self.note),
            self.legend()
        );
        let label = format!(
            "{}: {} All values are in the table below it.",
            self.title, self.note
        );
        let _infallible = writeln!(
            out,
            "<div class=\"frame{}\" role=\"img\" aria-label=\"{}\">{}<div class=\"area\">{}{}{}</div>{}</div>",
            if self.has_ends() { "" } else { " bare" },
            own(&label),
            self.y_labels(),
            self.svg(),
            self.mark_labels(),
            self.readings(),
            self.x_labels()
        );
        out + &self.table() + "</figure>\n"
    }

    fn legend(&self) -> String {
        let item = |one: &Series| {
            let shape = match one.shape {
                Shape::Line => "",
                Shape::Dashed => " dashed",
                Shape::Bars => " bars",
            };
            format!(
                "<li class=\"{}{shape}\">{}</li>",
                one.class,
                escape(&one.name)
            )
        };
        let items: String = self.series.iter().map(item).collect();
        format!("<ul class=\"legend\">{items}</ul>")
    }

    fn y_labels(&self) -> String {
        let mut out = "<div class=\"y\">".to_owned();
        for tick in &self.y.ticks {
            let at = self.y.place(*tick) * 100.0;
            let _infallible = write!(
                out,
                "<span style=\"bottom:{at:.2}%\">{}</span>",
                self.y.label(*tick)
            );
        }
        out + "</div>"
    }

    fn x_labels(&self) -> String {
        let mut out = "<div class=\"x\">".to_owned();
        for (index, tick) in self.x.ticks.iter().enumerate() {
            let at = self.x.place(*tick) * 100.0;
            // On narrow screens there is no room for all.
            let class = if index % 2 == 1 { " class=\"odd\"" } else { "" };
            let label = self.x.label(*tick);
            let _infallible = write!(out, "<span{class} style=\"left:{at:.2}%\">{label}</span>");
        }
        out + "</div>"
    }

    fn svg(&self) -> String {
        let mut out = format!(
            "<svg viewBox=\"0 0 {SIZE} {SIZE}\" preserveAspectRatio=\"none\" aria-hidden=\"true\" focusable=\"false\">"
        );
        for (from, to) in &self.shaded {
            let (from, to) = (self.x_of(*from), self.x_of(*to));
            let _infallible = write!(
                out,
                "<rect class=\"shade\" x=\"{from:.1}\" y=\"0\" width=\"{:.1}\" height=\"{SIZE}\"/>",
                to - from
            );
        }
        for tick in &self.y.ticks {
            let y = self.y_of(*tick);
            let _infallible = write!(out, "<path class=\"grid\" d=\"M0 {y:.1}H{SIZE}\"/>");
        }
        for bound in &self.bounds {
            let x = self.x_of(*bound);
            let _infallible = write!(out, "<path class=\"bound\" d=\"M{x:.1} 0V{SIZE}\"/>");
        }
        for (at, _) in &self.events {
            let x = self.x_of(*at);
            let _infallible = write!(out, "<path class=\"event\" d=\"M{x:.1} 0V{SIZE}\"/>");
        }
        let mut base = vec![0.0; self.columns.len()];
        for one in &self.series {
            out += &match one.shape {
                Shape::Line => self.path(one, ""),
                Shape::Dashed => self.path(one, " dashed"),
                Shape::Bars => self.bars(one, &mut base),
            };
        }
        for (value, _) in &self.marks {
            let y = self.y_of(*value);
            let _infallible = write!(out, "<path class=\"mark\" d=\"M0 {y:.1}H{SIZE}\"/>");
        }
        out + "</svg>"
    }

    fn x_of(&self, value: f64) -> f64 {
        self.x.place(value) * SIZE
    }

    fn y_of(&self, value: f64) -> f64 {
        (1.0 - self.y.place(value)) * SIZE
    }

    /// A line, broken where there is nothing.
    fn path(&self, series: &Series, class: &str) -> String {
        let mut d = String::new();
        let mut is_begun = false;
        for (index, (x, value)) in self.columns.iter().zip(&series.values).enumerate() {
            let Some(value) = value else {
                is_begun = false;
                continue;
            };
            let (x, y) = (self.x_of(*x), self.y_of(*value));
            let verb = if is_begun { 'L' } else { 'M' };
            let _infallible = write!(d, "{verb}{x:.1} {y:.1}");
            let is_last = series.values.get(index + 1).is_none_or(Option::is_none);
            if !is_begun && is_last {
                // A point alone is a line as short as the eye sees.
                let _infallible = write!(d, "h2");
            }
            is_begun = true;
        }
        format!("<path class=\"line {}{class}\" d=\"{d}\"/>", series.class)
    }

    /// Bars on `base`, which grows by them.
    fn bars(&self, series: &Series, base: &mut [f64]) -> String {
        let mut d = String::new();
        let columns = self.columns.iter().zip(&series.values).zip(base);
        for ((x, value), base) in columns {
            let value = value.unwrap_or(0.0);
            if value <= 0.0 {
                continue;
            }
            let from = self.x_of(x - self.width / 2.0);
            let to = self.x_of(x + self.width / 2.0);
            let (bottom, top) = (self.y_of(*base), self.y_of(*base + value));
            *base += value;
            let _infallible = write!(d, "M{from:.1} {bottom:.1}V{top:.1}H{to:.1}V{bottom:.1}Z");
        }
        format!("<path class=\"bar {}\" d=\"{d}\"/>", series.class)
    }

    /// Whether lines are named at their ends.
    fn has_ends(&self) -> bool {
        let lines = self.series.iter().filter(|one| one.shape != Shape::Bars);
        lines.count() > 1
    }

    /// Names of events, at their heads. Those that are close to each other stand below each other.
    fn event_labels(&self) -> String {
        let (mut out, mut before, mut row) = (String::new(), f64::NEG_INFINITY, 0);
        for (at, name) in &self.events {
            let place = self.x.place(*at);
            row = if place - before < CLOSE { row + 1 } else { 0 };
            before = place;
            let side = if place > 0.8 { " left" } else { "" };
            let (left, top, name) = (place * 100.0, row * 18, escape(name));
            let _infallible = write!(
                out,
                "<span class=\"happened{side}\" style=\"left:{left:.2}%;top:{top}px\">{name}</span>"
            );
        }
        out
    }

    /// Names of lines at their ends, moved apart; and of marks and events.
    fn mark_labels(&self) -> String {
        let mut out = self.event_labels();
        for (value, name) in &self.marks {
            let at = self.y.place(*value) * 100.0;
            let name = escape(name);
            let _infallible = write!(
                out,
                "<span class=\"marked\" style=\"bottom:{at:.2}%\">{name}</span>"
            );
        }
        if !self.has_ends() {
            return out;
        }
        let lines = self.series.iter().filter(|one| one.shape != Shape::Bars);
        let end = |one: &Series| one.values.iter().rev().flatten().next().copied();
        let mut ends: Vec<_> = lines
            .filter_map(|one| Some((self.y.place(end(one)?), one)))
            .collect();
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut next = f64::NEG_INFINITY;
        for (at, _) in &mut ends {
            *at = at.max(next);
            next = *at + APART;
        }
        // Those that were moved beyond the top are moved back.
        let mut next = 1.0 + APART / 2.0;
        for (at, _) in ends.iter_mut().rev() {
            *at = at.min(next);
            next = *at - APART;
        }
        for (at, one) in ends {
            let (class, name, at) = (one.class, escape(&one.name), at * 100.0);
            let _infallible = write!(
                out,
                "<span class=\"end {class}\" style=\"bottom:{at:.2}%\">{name}</span>"
            );
        }
        out
    }

    /// What is under the pointer.
    fn readings(&self) -> String {
        let places: Vec<_> = self.columns.iter().map(|x| self.x.place(*x)).collect();
        let mut out = String::new();
        for (index, place) in places.iter().enumerate() {
            // Each reaches halfway to its neighbours.
            let before = index.checked_sub(1).and_then(|i| places.get(i));
            let left = before.map_or(0.0, |before| (before + place) / 2.0);
            let right = places
                .get(index + 1)
                .map_or(1.0, |next| (next + place) / 2.0);
            let rows = self.series.iter().filter_map(|one| {
                let value = one.values.get(index).copied().flatten()?;
                let (class, name, value) = (one.class, escape(&one.name), self.y.text(value));
                Some(format!("<i class=\"{class}\">{name}</i><b>{value}</b>"))
            });
            let rows: String = rows.collect();
            if rows.is_empty() {
                continue;
            }
            let side = if *place > 0.5 { " left" } else { "" };
            let _infallible = write!(
                out,
                "<div class=\"hit{side}\" style=\"left:{:.2}%;width:{:.2}%\"><div class=\"tip\"><em>{}</em>{rows}</div></div>",
                left * 100.0,
                (right - left).max(0.0) * 100.0,
                self.x.label(self.columns[index]),
            );
        }
        out
    }

    fn table(&self) -> String {
        let mut out = format!(
            "<details><summary>Table: {}</summary><div class=\"scroll tall\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table><thead><tr><th scope=\"col\">{}</th>",
            escape(self.title),
            escape(self.x_name)
        );
        for one in &self.series {
            let _infallible = write!(
                out,
                "<th scope=\"col\" class=\"n\">{}</th>",
                escape(&one.name)
            );
        }
        out += "</tr></thead><tbody>";
        for (index, x) in self.columns.iter().enumerate() {
            let _infallible = write!(out, "<tr><th scope=\"row\">{}</th>", self.x.label(*x));
            for one in &self.series {
                let value = one.values.get(index).copied().flatten();
                let value = value.map_or("–".to_owned(), |value| self.y.text(value));
                let _infallible = write!(out, "<td class=\"n\">{value}</td>");
            }
            out += "</tr>";
        }
        out + "</tbody></table></div></details>"
    }
}
