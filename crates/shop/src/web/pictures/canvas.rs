//! What is drawn on: 400 units square, with a wall, something behind the thing, and a ground. Only attributes, no styles: a picture is safe to show anywhere.

use std::fmt::{Display, Write as _};

use super::look::{Look, Palette};

/// Where things stand.
pub(super) const GROUND: i32 = 318;

/// A picture under way.
#[derive(Debug)]
pub(super) struct Canvas {
    text: String,
    /// The picture's colours.
    pub(super) colours: Palette,
}

impl Canvas {
    /// A wall, a ground, and something behind what will be drawn.
    pub(super) fn new(look: &mut Look) -> Self {
        let colours = look.colours;
        let text =
            String::from("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 400 400\">");
        let mut canvas = Self { text, colours };
        canvas.rect(0, 0, 400, 400, 0, colours.wall);
        canvas.behind(look);
        canvas
    }

    fn behind(&mut self, look: &mut Look) {
        let (back, light) = (self.colours.back, self.colours.light);
        match look.between(0, 4) {
            0 => self.circle(
                look.between(170, 230),
                look.between(165, 195),
                look.between(125, 150),
                back,
            ),
            1 => {
                let half = look.between(95, 130);
                let (left, right, top) = (200 - half, 200 + half, 60 + half);
                self.path(
                    format_args!(
                        "M{left} 318V{top}a{half} {half} 0 0 1 {} 0V318z",
                        right - left
                    ),
                    back,
                );
            }
            2 => {
                self.rect(0, 0, 400, 318, 0, light);
                let edge = look.between(150, 250);
                self.rect(edge, 0, 400 - edge, 318, 0, back);
            }
            3 => {
                self.circle(look.between(110, 160), look.between(130, 170), 96, back);
                self.circle(look.between(240, 290), look.between(190, 220), 70, light);
            }
            _ => {
                for row in 0..6 {
                    let top = 30 + row * 48;
                    self.rect(
                        40,
                        top,
                        320,
                        20,
                        10,
                        if row % 2 == 0 { back } else { light },
                    );
                }
            }
        }
        self.rect(0, GROUND, 400, 400 - GROUND, 0, back);
        self.veil("M0 318h400v82H0z", self.colours.dark, ".1");
    }

    /// The shadow of something that stands on the ground.
    pub(super) fn shadow(&mut self, middle: i32, width: i32) {
        let dark = self.colours.dark;
        let _ = write!(
            self.text,
            "<ellipse cx=\"{middle}\" cy=\"{GROUND}\" rx=\"{}\" ry=\"9\" fill=\"{dark}\" opacity=\".22\"/>",
            width / 2
        );
    }

    /// A rectangle with round corners.
    pub(super) fn rect(&mut self, x: i32, y: i32, width: i32, height: i32, round: i32, fill: &str) {
        let _ = write!(
            self.text,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\""
        );
        if round > 0 {
            let _ = write!(self.text, " rx=\"{round}\"");
        }
        let _ = write!(self.text, " fill=\"{fill}\"/>");
    }

    /// A circle.
    pub(super) fn circle(&mut self, x: i32, y: i32, radius: i32, fill: &str) {
        let _ = write!(
            self.text,
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"{fill}\"/>"
        );
    }

    /// An ellipse.
    pub(super) fn ellipse(&mut self, x: i32, y: i32, wide: i32, high: i32, fill: &str) {
        let _ = write!(
            self.text,
            "<ellipse cx=\"{x}\" cy=\"{y}\" rx=\"{wide}\" ry=\"{high}\" fill=\"{fill}\"/>"
        );
    }

    /// An area.
    pub(super) fn path(&mut self, way: impl Display, fill: &str) {
        let _ = write!(self.text, "<path d=\"{way}\" fill=\"{fill}\"/>");
    }

    /// A line, with round ends.
    pub(super) fn line(&mut self, way: impl Display, colour: &str, width: i32) {
        let _ = write!(
            self.text,
            "<path d=\"{way}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/>"
        );
    }

    /// Light on something, or its shade: white or black, hardly there.
    pub(super) fn gleam(&mut self, way: impl Display, is_light: bool) {
        let colour = if is_light { "#fff" } else { "#000" };
        self.veil(way, colour, ".14");
    }

    /// An area that lets what is behind it shine through.
    pub(super) fn veil(&mut self, way: impl Display, fill: &str, opacity: &str) {
        let _ = write!(
            self.text,
            "<path d=\"{way}\" fill=\"{fill}\" opacity=\"{opacity}\"/>"
        );
    }

    /// Three wisps of steam above a point.
    pub(super) fn steam(&mut self, x: i32, y: i32) {
        for (aside, up) in [(-18, 0), (0, -12), (18, 0)] {
            let (left, top) = (x + aside, y + up);
            let _ = write!(
                self.text,
                "<path d=\"M{left} {top}c-9-10 9-18 0-30\" fill=\"none\" stroke=\"#fff\" stroke-width=\"5\" stroke-linecap=\"round\" opacity=\".6\"/>"
            );
        }
    }

    /// A leaf from a point to another one, as wide as `belly`.
    pub(super) fn leaf(&mut self, from: (i32, i32), to: (i32, i32), belly: i32, fill: &str) {
        let ((x, y), (u, v)) = (from, to);
        let middle = (i32::midpoint(x, u), i32::midpoint(y, v));
        // Across the leaf: the way from end to end, turned by a quarter, and made as long as the belly.
        let (across, along) = (v - y, x - u);
        let length = f64::from(across).hypot(f64::from(along)).max(1.0);
        let by = |part: i32| (f64::from(part) * f64::from(belly) / length) as i32;
        let (dx, dy) = (by(across), by(along));
        let _ = write!(
            self.text,
            "<path d=\"M{x} {y}Q{} {} {u} {v}Q{} {} {x} {y}z\" fill=\"{fill}\"/>",
            middle.0 + dx,
            middle.1 + dy,
            middle.0 - dx,
            middle.1 - dy
        );
    }

    /// The picture.
    pub(super) fn finish(mut self) -> String {
        self.text.push_str("</svg>");
        self.text
    }
}
