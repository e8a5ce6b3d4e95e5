//! Things of desks and of children.

use super::canvas::{Canvas, GROUND};
use super::look::Look;

pub(super) fn notebook(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let (half, high) = (look.between(74, 92), look.between(196, 226));
    let up = GROUND - high - 8;
    canvas.rect(200 - half + 12, up + 12, half * 2, high, 10, c.dark);
    canvas.rect(200 - half + 6, up + 6, half * 2, high, 8, "#fbf8f0");
    canvas.rect(200 - half, up, half * 2, high, 10, c.main);
    canvas.gleam(format_args!("M{} {up}h26v{high}h-26z", 200 - half), false);
    match look.between(0, 2) {
        0 => {
            canvas.rect(200 - half / 2 + 10, up + 40, half, 54, 5, c.light);
            canvas.line(
                format_args!(
                    "M{} {}h{}M{} {}h{}",
                    200 - half / 2 + 24,
                    up + 60,
                    half - 28,
                    200 - half / 2 + 24,
                    up + 76,
                    half / 2
                ),
                c.dark,
                4,
            );
        }
        1 => {
            for step in 0..9 {
                canvas.circle(200 - half + 2, up + 18 + step * high / 9, 7, c.light);
            }
            canvas.circle(212, up + high / 2, 34, c.accent);
        }
        _ => {
            canvas.leaf((212, up + high - 44), (180, up + 60), 24, c.light);
            canvas.leaf((212, up + high - 44), (250, up + 76), 20, c.accent);
        }
    }
    let mark = 200 + half - 34;
    canvas.path(
        format_args!("M{mark} {up}h16v{}l-8-10l-8 10z", high + 30),
        c.accent,
    );
}

pub(super) fn pens(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let (half, high) = (look.between(52, 64), look.between(104, 126));
    let up = GROUND - high;
    canvas.shadow(200, half * 2 + 30);
    for step in -2..=2 {
        let (x, long) = (200 + step * 21, look.between(66, 124));
        let lean = step * 9;
        let colour = look.pick(&[c.accent, c.dark, c.light, c.main]);
        canvas.path(
            format_args!(
                "M{} {}l{lean}-{long}l8-22l8 22l-{} {long}z",
                x - 8,
                up + 12,
                lean
            ),
            colour,
        );
        canvas.path(
            format_args!("M{} {}l8-22l8 22z", x - 8 + lean, up + 12 - long),
            "#f3e3c8",
        );
    }
    canvas.rect(200 - half, up, half * 2, high, 10, c.main);
    canvas.ellipse(200, up + 2, half, 9, c.dark);
    if look.chance() {
        canvas.rect(200 - half, up + high - 40, half * 2, 16, 0, c.light);
    } else {
        canvas.circle(200, up + high / 2 + 8, 22, c.light);
    }
    canvas.gleam(
        format_args!("M{} {}h14v{}h-14z", 200 - half + 9, up + 16, high - 28),
        true,
    );
}

pub(super) fn toy(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    canvas.shadow(200, 260);
    // A tower of blocks, an arch, and a ball.
    let size = look.between(68, 78);
    let mut x = 92;
    for column in 0..3 {
        let blocks = if column == 1 { 1 } else { look.between(1, 3) };
        for block in 0..blocks {
            let (left, y) = (x + look.between(-4, 4), GROUND - (block + 1) * size);
            let colour = look.pick(&[c.main, c.accent, c.dark, c.light]);
            canvas.rect(left, y, size, size, 6, colour);
            match look.between(0, 2) {
                0 => canvas.circle(left + size / 2, y + size / 2, size / 4, c.wall),
                1 => canvas.path(
                    format_args!(
                        "M{} {}l{} {}h-{}z",
                        left + size / 2,
                        y + 16,
                        size / 3,
                        size - 34,
                        size * 2 / 3
                    ),
                    c.wall,
                ),
                _ => canvas.rect(left + 18, y + 18, size - 36, size - 36, 4, c.wall),
            }
        }
        if column == 1 {
            canvas.circle(x + size / 2, GROUND - size - 30, 30, c.accent);
            canvas.gleam(
                format_args!(
                    "M{} {}q10-30 36-26q-26 6-30 32z",
                    x + size / 2 - 22,
                    GROUND - size - 30
                ),
                true,
            );
        }
        x += size + 4;
    }
}
