//! Furniture.

use super::canvas::{Canvas, GROUND};
use super::look::Look;

pub(super) fn chair(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let (half, seat) = (look.between(58, 72), look.between(206, 222));
    let up = look.between(78, 104);
    canvas.shadow(200, half * 2 + 40);
    // Legs, the back ones behind.
    for x in [200 - half + 20, 200 + half - 30] {
        canvas.rect(x, seat, 10, GROUND - seat - 10, 3, c.dark);
    }
    canvas.path(
        format_args!(
            "M{} {seat}l-8 {}h12l10-{}z",
            200 - half,
            GROUND - seat,
            GROUND - seat
        ),
        c.main,
    );
    canvas.path(
        format_args!(
            "M{} {seat}l8 {}h-12l-10-{}z",
            200 + half,
            GROUND - seat,
            GROUND - seat
        ),
        c.main,
    );
    chair_back(canvas, look, half, up, seat);
    canvas.rect(200 - half - 8, seat - 10, half * 2 + 16, 26, 11, c.accent);
    canvas.gleam(
        format_args!("M{} {}h{}v8h-{}z", 200 - half, seat + 8, half * 2, half * 2),
        false,
    );
}

fn chair_back(canvas: &mut Canvas, look: &mut Look, half: i32, up: i32, seat: i32) {
    let c = canvas.colours;
    match look.between(0, 2) {
        0 => {
            canvas.rect(200 - half + 4, up, half * 2 - 8, seat - up, 24, c.main);
            canvas.gleam(
                format_args!(
                    "M{} {}h18v{}h-18z",
                    200 - half + 16,
                    up + 22,
                    seat - up - 34
                ),
                true,
            );
        }
        1 => {
            for x in [200 - half + 4, 200 + half - 16] {
                canvas.rect(x, up, 12, seat - up, 4, c.main);
            }
            for row in 0..3 {
                canvas.rect(
                    200 - half + 4,
                    up + 8 + row * 34,
                    half * 2 - 8,
                    18,
                    6,
                    c.main,
                );
            }
        }
        _ => {
            canvas.rect(200 - half + 2, up - 4, half * 2 - 4, 22, 11, c.main);
            for step in 0..5 {
                canvas.rect(
                    200 - half + 12 + step * (half * 2 - 32) / 4,
                    up + 8,
                    8,
                    seat - up,
                    3,
                    c.main,
                );
            }
        }
    }
}

pub(super) fn sofa(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let (half, back) = (look.between(118, 140), look.between(66, 92));
    canvas.shadow(200, half * 2 + 30);
    for x in [200 - half + 18, 200 + half - 28] {
        canvas.rect(x, 290, 10, GROUND - 290, 2, c.dark);
    }
    canvas.rect(
        200 - half + 12,
        236 - back,
        half * 2 - 24,
        back + 50,
        22,
        c.main,
    );
    canvas.gleam(format_args!("M198 {}h4v{}h-4z", 244 - back, back), false);
    let spot = look.between(-1, 1) * (half - 70);
    canvas.rect(200 + spot - 34, 184, 68, 60, 14, c.accent);
    canvas.rect(200 - half + 24, 232, half - 26, 40, 10, c.light);
    canvas.rect(202, 232, half - 26, 40, 10, c.light);
    canvas.rect(200 - half + 6, 262, half * 2 - 12, 34, 8, c.dark);
    for x in [200 - half - 12, 200 + half - 28] {
        canvas.rect(x, 206, 40, 90, 18, c.main);
    }
}

pub(super) fn bed(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let head = look.between(96, 126);
    canvas.shadow(200, 320);
    canvas.rect(62, 282 - head, 276, head, look.between(8, 40), c.dark);
    for x in [62, 324] {
        canvas.rect(x, 270, 14, GROUND - 270, 3, c.dark);
    }
    canvas.rect(66, 226, 268, 70, 10, c.light);
    for x in [92, 212] {
        canvas.rect(x, 196, 96, 48, 18, "#fff");
        canvas.gleam(format_args!("M{} 236h76v8h-76z", x + 10), false);
    }
    canvas.path("M60 250q140-18 280 0v50q0 8-8 8H68q-8 0-8-8z", c.main);
    match look.between(0, 2) {
        0 => canvas.path("M60 250q140-18 280 0v16q-140-16-280 0z", c.accent),
        1 => {
            for x in [110, 170, 230, 290] {
                canvas.line(format_args!("M{x} 248v58"), c.light, 3);
            }
        }
        _ => {
            for x in [90, 150, 210, 270] {
                canvas.path(format_args!("M{x} 262l18 16l-18 16l-18-16z"), c.accent);
            }
        }
    }
}

pub(super) fn table(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let (half, top) = (look.between(118, 142), look.between(184, 212));
    canvas.shadow(200, half * 2);
    let splay = look.between(-14, 18);
    for (x, lean) in [(200 - half + 20, -splay), (200 + half - 34, splay)] {
        canvas.path(
            format_args!("M{x} {top}h14l{lean} {}h-10z", GROUND - top),
            c.dark,
        );
    }
    if look.chance() {
        let wide = half - 20;
        canvas.rect(200 + half - wide - 22, top + 10, wide, 46, 3, c.main);
        canvas.circle(200 + half - wide / 2 - 22, top + 34, 6, c.accent);
    }
    canvas.rect(200 - half, top - 8, half * 2, 20, 6, c.main);
    canvas.gleam(
        format_args!(
            "M{} {}h{}v5h-{}z",
            200 - half + 6,
            top - 6,
            half * 2 - 12,
            half * 2 - 12
        ),
        true,
    );
    // Something on it.
    match look.between(0, 2) {
        0 => {
            canvas.rect(126, top - 24, 84, 16, 3, c.accent);
            canvas.rect(134, top - 38, 70, 14, 3, c.light);
            canvas.rect(130, top - 50, 76, 12, 3, c.dark);
        }
        1 => {
            canvas.path(format_args!("M238 {}h40l-6-44h-28z", top - 8), c.accent);
            canvas.leaf((258, top - 50), (232, top - 108), 16, c.dark);
            canvas.leaf((258, top - 50), (290, top - 112), 16, c.dark);
            canvas.leaf((258, top - 50), (260, top - 122), 14, c.main);
        }
        _ => {
            canvas.line(format_args!("M150 {}v-46l34-40", top - 8), c.dark, 7);
            canvas.path(format_args!("M168 {}l40 26l-42 8z", top - 112), c.accent);
            canvas.rect(126, top - 16, 48, 9, 4, c.dark);
        }
    }
}

pub(super) fn shelf(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let half = look.between(82, 108);
    let (left, top) = (200 - half, 74);
    canvas.shadow(200, half * 2 + 20);
    canvas.rect(left, top, half * 2, GROUND - top - 6, 6, c.dark);
    for row in 0..3 {
        let y = top + 12 + row * 76;
        canvas.rect(left + 12, y, half * 2 - 24, 66, 2, c.light);
        let mut x = left + 20;
        let end = 200 + half - 34;
        while x < end {
            let (wide, high) = (look.between(11, 26), look.between(32, 56));
            match look.between(0, 5) {
                0 => x += 20,
                1 if x + 40 < end => {
                    canvas.circle(x + 18, y + 48, 18, c.accent);
                    x += 40;
                }
                _ => {
                    let colour = look.pick(&[c.main, c.accent, c.back, c.dark]);
                    canvas.rect(x, y + 66 - high, wide, high, 2, colour);
                    x += wide + 2;
                }
            }
        }
    }
    for x in [left + 10, 200 + half - 20] {
        canvas.rect(x, GROUND - 8, 10, 10, 0, c.dark);
    }
}
