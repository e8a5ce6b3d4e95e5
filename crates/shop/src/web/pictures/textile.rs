//! What is woven.

use std::fmt::Write as _;

use super::canvas::{Canvas, GROUND};
use super::look::Look;

pub(super) fn rug(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let (left, right, top, end) = (70, 330, 84, 324);
    let mut fringe = String::new();
    for step in 0..18 {
        let x = left + 6 + step * 15;
        let _ = write!(fringe, "M{x} {}v14M{x} {end}v14", top - 14);
    }
    canvas.line(&fringe, c.light, 4);
    canvas.rect(left, top, right - left, end - top, 4, c.main);
    canvas.rect(
        left + 12,
        top + 12,
        right - left - 24,
        end - top - 24,
        3,
        c.light,
    );
    canvas.rect(
        left + 20,
        top + 20,
        right - left - 40,
        end - top - 40,
        3,
        c.main,
    );
    rug_pattern(canvas, look, left, right, top);
}

fn rug_pattern(canvas: &mut Canvas, look: &mut Look, left: i32, right: i32, top: i32) {
    let c = canvas.colours;
    match look.between(0, 2) {
        0 => {
            for (row, y) in [146, 204, 262].into_iter().enumerate() {
                for x in [128, 200, 272] {
                    canvas.path(
                        format_args!("M{x} {}l28 22l-28 22l-28-22z", y - 22),
                        if row == 1 { c.accent } else { c.light },
                    );
                    canvas.path(format_args!("M{x} {}l12 10l-12 10l-12-10z", y - 10), c.dark);
                }
            }
        }
        1 => {
            for step in 0..6 {
                let y = top + 30 + step * 31;
                canvas.rect(
                    left + 20,
                    y,
                    right - left - 40,
                    look.between(6, 20),
                    0,
                    look.pick(&[c.accent, c.dark, c.light, c.back]),
                );
            }
        }
        _ => {
            for size in [92, 66, 40, 16] {
                let colour = match size {
                    92 => c.dark,
                    66 => c.accent,
                    40 => c.light,
                    _ => c.main,
                };
                canvas.ellipse(200, 204, size + 12, size - 8, colour);
            }
        }
    }
}

pub(super) fn blanket(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    canvas.shadow(200, 250);
    let count = look.between(2, 4);
    for layer in 0..count {
        let y = GROUND - (layer + 1) * 50;
        let (aside, half) = (look.between(-6, 6), look.between(100, 116));
        let colour =
            [c.main, c.light, c.accent, c.dark][((layer + look.between(0, 1)) % 4) as usize];
        let (left, wide) = (200 - half + aside, half * 2);
        canvas.rect(left, y, wide, 50, 22, colour);
        canvas.gleam(
            format_args!("M{} {}h{}v3h-{}z", left + 10, y + 24, wide - 10, wide - 10),
            false,
        );
        match look.between(0, 2) {
            0 => canvas.rect(left + wide - 60, y, 14, 50, 0, c.back),
            1 => {
                for step in 0..4 {
                    canvas.rect(left + 40 + step * 20, y, 6, 50, 0, c.back);
                }
            }
            _ => {
                let mut stitches = String::new();
                for step in 0..9 {
                    let _ = write!(stitches, "M{} {}v10", left + 26 + step * 20, y + 8);
                }
                canvas.line(&stitches, c.back, 3);
            }
        }
    }
    let up = GROUND - count * 50;
    canvas.line(format_args!("M200 {up}V{GROUND}"), c.dark, 5);
    canvas.path(
        format_args!("M200 {up}q-44-36-46-4q0 16 46 4q44-36 46-4q0 16-46 4z"),
        c.dark,
    );
}

pub(super) fn cushion(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let half = look.between(88, 108);
    let (left, right, top, end) = (200 - half, 200 + half, GROUND - half * 2 + 10, GROUND - 4);
    let dent = 18;
    canvas.shadow(200, half * 2);
    let outline = format!(
        "M{left} {top}Q200 {} {right} {top}Q{} {} {right} {end}Q200 {} {left} {end}Q{} {} {left} {top}z",
        top + dent,
        right - dent,
        i32::midpoint(top, end),
        end - dent / 2,
        left + dent,
        i32::midpoint(top, end)
    );
    canvas.path(&outline, c.main);
    cushion_pattern(canvas, look, half, top, end);
    for (x, y) in [(left, top), (right, top), (left, end), (right, end)] {
        canvas.circle(x, y, 9, c.accent);
    }
    canvas.gleam(
        format_args!(
            "M{} {}q{} 22 {} 0l-10 24q-{} 12-{} 0z",
            left + 16,
            top + 14,
            half - 16,
            half * 2 - 32,
            half - 26,
            half * 2 - 52
        ),
        true,
    );
}

fn cushion_pattern(canvas: &mut Canvas, look: &mut Look, half: i32, top: i32, end: i32) {
    let c = canvas.colours;
    match look.between(0, 3) {
        0 => {
            for step in -2..=2 {
                canvas.line(
                    format_args!("M{} {}V{}", 200 + step * 32, top + 24, end - 22),
                    c.light,
                    6,
                );
            }
        }
        1 => {
            for row in 0..4 {
                for column in 0..4 {
                    canvas.circle(
                        200 - 60 + column * 40,
                        top + 36 + row * (half * 2 - 80) / 3,
                        8,
                        c.light,
                    );
                }
            }
        }
        2 => {
            canvas.circle(200, i32::midpoint(top, end), half / 2, c.light);
            canvas.circle(200, i32::midpoint(top, end), half / 3, c.accent);
        }
        _ => {
            for step in 0..3 {
                let y = top + 46 + step * 40;
                canvas.line(
                    format_args!("M{} {y}l32-22l32 22l32-22l32 22", 136),
                    c.light,
                    7,
                );
            }
        }
    }
}
