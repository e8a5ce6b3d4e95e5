//! One plot as SVG: axes, curves, points, marks. Colours come from the page's style, so that both modes are one drawing.

use std::fmt::Write as _;

use tenfold_capacity::text::number;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 48.0;
/// About so many lines of a grid for each axis.
const TICKS: f64 = 6.0;
/// Points that are drawn: more are a cloud, of which every n-th is as good.
const MOST_POINTS: usize = 2000;

/// Something at a place.
pub(super) type At = (f64, f64);

/// A plot under construction; both axes begin at 0.
pub(super) struct Plot {
    title: String,
    x: Axis,
    y: Axis,
    body: String,
}

struct Axis {
    name: &'static str,
    most: f64,
    step: f64,
}

impl Axis {
    fn new(name: &'static str, most: f64) -> Self {
        let most = if most.is_finite() && most > 0.0 {
            most
        } else {
            1.0
        };
        let rough = most / TICKS;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|one| one * power)
            .find(|step| *step >= rough)
            .unwrap_or(rough);
        Self { name, most, step }
    }

    fn ticks(&self) -> impl Iterator<Item = f64> + use<> {
        let step = self.step;
        let count = (self.most / step * (1.0 + 1e-9)).floor() as usize;
        (0..=count).map(move |at| at as f64 * step)
    }
}

impl Plot {
    /// Axes from 0 to `most`, which should leave some room.
    pub(super) fn new(title: &str, x: (&'static str, f64), y: (&'static str, f64)) -> Self {
        let mut plot = Self {
            title: escaped(title),
            x: Axis::new(x.0, x.1),
            y: Axis::new(y.0, y.1),
            body: String::new(),
        };
        plot.axes();
        plot
    }

    fn place(&self, (x, y): At) -> At {
        let share = |value: f64, axis: &Axis| (value / axis.most).clamp(0.0, 1.0);
        (
            LEFT + share(x, &self.x) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - share(y, &self.y) * (HEIGHT - TOP - BOTTOM),
        )
    }

    fn draw(&mut self, svg: std::fmt::Arguments<'_>) {
        // Writing to a text cannot fail.
        let _fine = self.body.write_fmt(svg);
    }

    fn axes(&mut self) {
        let (left, bottom) = (LEFT, HEIGHT - BOTTOM);
        for tick in self.y.ticks() {
            let (_, y) = self.place((0.0, tick));
            self.draw(format_args!(
                r#"<line class="grid" x1="{left}" x2="{}" y1="{y:.1}" y2="{y:.1}"/><text class="tick" x="{}" y="{:.1}" text-anchor="end">{}</text>"#,
                WIDTH - RIGHT, left - 8.0, y + 4.0, number(tick)
            ));
        }
        for tick in self.x.ticks() {
            let (x, _) = self.place((tick, 0.0));
            self.draw(format_args!(
                r#"<text class="tick" x="{x:.1}" y="{}" text-anchor="middle">{}</text>"#,
                bottom + 18.0,
                number(tick)
            ));
        }
        self.draw(format_args!(
            r#"<line class="axis" x1="{left}" x2="{}" y1="{bottom}" y2="{bottom}"/>"#,
            WIDTH - RIGHT
        ));
        let (x_name, y_name) = (self.x.name, self.y.name);
        self.draw(format_args!(
            r#"<text class="name" x="{}" y="{}" text-anchor="end">{x_name}</text>"#,
            WIDTH - RIGHT,
            HEIGHT - 8.0
        ));
        self.draw(format_args!(
            r#"<text class="name" x="{left}" y="12">{y_name}</text>"#
        ));
    }

    /// A line through places, up to where it leaves the plot.
    pub(super) fn curve(&mut self, class: &str, places: &[At]) {
        let inside = places
            .iter()
            .take_while(|(x, y)| *x <= self.x.most && *y <= self.y.most);
        let path = inside
            .map(|at| self.place(*at))
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect::<Vec<_>>()
            .join(" ");
        self.draw(format_args!(
            r#"<polyline class="{class}" points="{path}"/>"#
        ));
    }

    /// What lies between two lines.
    pub(super) fn band(&mut self, lows: &[At], highs: &[At]) {
        let edge = lows.iter().chain(highs.iter().rev());
        let path = edge
            .map(|at| self.place(*at))
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect::<Vec<_>>()
            .join(" ");
        self.draw(format_args!(r#"<polygon class="band" points="{path}"/>"#));
    }

    /// Points, each with what is said of it; those beyond the plot are left out.
    pub(super) fn points(&mut self, class: &str, points: &[(At, String)]) {
        let every = points.len().div_ceil(MOST_POINTS).max(1);
        for ((x, y), words) in points.iter().step_by(every) {
            if *x > self.x.most || *y > self.y.most {
                continue;
            }
            let (x, y) = self.place((*x, *y));
            let words = escaped(words);
            self.draw(format_args!(r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="4.5"><title>{words}</title></circle>"#));
        }
    }

    /// A level line with its words above it at the right.
    pub(super) fn level(&mut self, class: &str, y: f64, words: &str) {
        if y > self.y.most {
            return;
        }
        let (_, y) = self.place((0.0, y));
        let words = escaped(words);
        self.draw(format_args!(
            r#"<line class="{class}" x1="{LEFT}" x2="{0}" y1="{y:.1}" y2="{y:.1}"/><text class="label {class}-text" x="{0}" y="{1:.1}" text-anchor="end">{words}</text>"#,
            WIDTH - RIGHT, y - 6.0
        ));
    }

    /// An upright line from the bottom to a place, with words beside its foot: on its left or right, if there is room.
    pub(super) fn drop(&mut self, class: &str, at: At, words: &str, is_left: bool) {
        if at.0 > self.x.most {
            return;
        }
        let (x, y) = self.place(at);
        let foot = HEIGHT - BOTTOM;
        let words = escaped(words);
        let is_left = x > WIDTH * 0.7 || (is_left && x > WIDTH * 0.3);
        let (anchor, beside) = if is_left {
            ("end", x - 7.0)
        } else {
            ("start", x + 7.0)
        };
        // Both on one side would be on top of each other.
        let words_at = foot - if class == "goal" { 10.0 } else { 28.0 };
        self.draw(format_args!(
            r#"<line class="{class}" x1="{x:.1}" x2="{x:.1}" y1="{foot}" y2="{y:.1}"/><circle class="{class}-end" cx="{x:.1}" cy="{y:.1}" r="3.5"/><text class="label {class}-text" x="{beside:.1}" y="{words_at:.1}" text-anchor="{anchor}">{words}</text>"#,
        ));
    }

    /// The drawing.
    pub(super) fn svg(self) -> String {
        format!(
            r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{0}"><title>{0}</title>{1}</svg>"#,
            self.title, self.body
        )
    }
}

/// For text and for attributes in double quotes.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in crate::command::format::clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_ticks() {
        let ticks = |most| Axis::new("", most).ticks().collect::<Vec<_>>();
        assert_eq!(ticks(100.0), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(ticks(7.0), [0.0, 2.0, 4.0, 6.0]);
        assert_eq!(ticks(f64::NAN).len(), 6);
    }

    #[test]
    fn what_files_say_is_no_markup() {
        let mut plot = Plot::new("a \"b\"", ("x", 10.0), ("y", 10.0));
        plot.points(
            "point",
            &[
                ((1.0, 1.0), "</title><script>".to_owned()),
                ((99.0, 1.0), "beyond".to_owned()),
            ],
        );
        let svg = plot.svg();
        assert!(
            !svg.contains("<script>") && svg.contains("&lt;script&gt;"),
            "{svg}"
        );
        assert!(!svg.contains("beyond"));
    }
}
