//! Things of the rooms.

use std::fmt::Write as _;

use super::canvas::{Canvas, GROUND};
use super::look::Look;

pub(super) fn lamp(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let (top, foot, high) = (
        look.between(34, 62),
        look.between(78, 104),
        look.between(78, 108),
    );
    let up = look.between(70, 96);
    let edge = up + high;
    canvas.shadow(200, 130);
    canvas.veil(
        format_args!(
            "M{} {edge}h{}l40 {}h-{}z",
            200 - foot,
            foot * 2,
            GROUND - edge,
            foot * 2 + 80
        ),
        "#fff6d8",
        ".45",
    );
    if look.chance() {
        canvas.rect(194, edge, 12, GROUND - edge - 10, 3, c.dark);
        canvas.ellipse(200, GROUND - 6, 56, 10, c.dark);
    } else {
        let belly = look.between(34, 52);
        let middle = i32::midpoint(edge, GROUND) + 6;
        canvas.rect(192, edge, 16, 40, 2, c.dark);
        canvas.ellipse(200, middle, belly, (GROUND - edge) / 2 - 14, c.accent);
        canvas.gleam(
            format_args!(
                "M{} {}q-8-30 14-48q-4 30 0 60z",
                200 - belly + 14,
                middle + 14
            ),
            true,
        );
        canvas.rect(164, GROUND - 12, 72, 13, 5, c.dark);
    }
    canvas.path(
        format_args!(
            "M{} {up}h{}l{} {high}h-{}z",
            200 - top,
            top * 2,
            foot - top,
            foot * 2
        ),
        c.main,
    );
    for step in 1..look.between(1, 4) {
        let x = 200 - top + step * top / 2;
        canvas.line(
            format_args!(
                "M{x} {}L{} {}",
                up + 6,
                200 - foot + step * foot / 2,
                edge - 6
            ),
            c.light,
            2,
        );
    }
    canvas.rect(200 - foot - 2, edge - 7, foot * 2 + 4, 10, 4, c.dark);
}

pub(super) fn lantern(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let (half, high) = (look.between(54, 70), look.between(120, 150));
    let up = GROUND - high - 14;
    canvas.shadow(200, half * 2 + 50);
    canvas.line(
        format_args!("M{} {}c0-64 {}-64 {} 0", 200 - 34, up - 40, 68, 68),
        c.dark,
        7,
    );
    canvas.path(
        format_args!(
            "M{} {up}l{}-52h{}l{} 52z",
            200 - half - 14,
            half - 14,
            56,
            half - 14
        ),
        c.main,
    );
    canvas.rect(200 - half, up, half * 2, high, 4, "#fff3cf");
    canvas.circle(200, up + high - 62, 34, "#ffe08a");
    canvas.rect(184, up + high - 56, 32, 56, 4, c.light);
    canvas.path(
        format_args!("M200 {}q16 20 0 32q-16-12 0-32z", up + high - 92),
        c.accent,
    );
    for x in [200 - half, 195, 200 + half - 10] {
        canvas.rect(x, up, if x == 195 { 6 } else { 10 }, high, 0, c.main);
    }
    canvas.rect(200 - half - 12, up - 4, half * 2 + 24, 12, 4, c.dark);
    canvas.rect(200 - half - 12, GROUND - 16, half * 2 + 24, 16, 4, c.dark);
}

pub(super) fn candle(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let count = look.between(1, 3);
    let wide = if count == 1 { 84 } else { 58 };
    let begin = 200 - (count * (wide + 16) - 16) / 2;
    canvas.shadow(200, count * (wide + 16) + 40);
    for index in 0..count {
        let (x, high) = (begin + index * (wide + 16), look.between(86, 170));
        let (up, middle) = (GROUND - high, begin + index * (wide + 16) + wide / 2);
        canvas.veil(
            format_args!(
                "M{} {}a42 42 0 1 0 84 0a42 42 0 1 0-84 0z",
                middle - 42,
                up - 36
            ),
            "#fff3cf",
            ".7",
        );
        canvas.path(
            format_args!("M{middle} {}q26 30 0 50q-26-20 0-50z", up - 62),
            c.accent,
        );
        canvas.path(
            format_args!("M{middle} {}q12 14 0 26q-12-12 0-26z", up - 40),
            "#fff3cf",
        );
        canvas.line(format_args!("M{middle} {}v-14", up + 2), c.dark, 4);
        canvas.rect(
            x,
            up,
            wide,
            high,
            8,
            if index == 1 { c.light } else { c.main },
        );
        canvas.path(
            format_args!(
                "M{x} {}v-8q0-8 8-8h{}q8 0 8 8v20q-10 18-18-2q-10-18-20 4q-8 16-16-4z",
                up + 16,
                wide - 16
            ),
            c.light,
        );
        canvas.gleam(
            format_args!("M{} {}h8v{}h-8z", x + 8, up + 34, high - 46),
            true,
        );
    }
    canvas.rect(
        begin - 14,
        GROUND - 8,
        count * (wide + 16) + 12,
        12,
        6,
        c.dark,
    );
}

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
    canvas.rect(200 - half - 8, seat - 10, half * 2 + 16, 26, 11, c.accent);
    canvas.gleam(
        format_args!("M{} {}h{}v8h-{}z", 200 - half, seat + 8, half * 2, half * 2),
        false,
    );
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

pub(super) fn mirror(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let (wide, high) = (look.between(74, 104), look.between(96, 124));
    let y = 178;
    if look.chance() {
        canvas.ellipse(200, y, wide, high, c.main);
        canvas.ellipse(200, y, wide - 13, high - 13, "#eaf3f6");
    } else {
        let round = look.pick(&[10, 40, wide]);
        canvas.rect(200 - wide, y - high, wide * 2, high * 2, round, c.main);
        canvas.rect(
            200 - wide + 13,
            y - high + 13,
            wide * 2 - 26,
            high * 2 - 26,
            (round - 10).max(3),
            "#eaf3f6",
        );
    }
    canvas.veil(
        format_args!("M{} {}l70-92h26l-84 112z", 200 - wide / 2 - 4, y + 48),
        "#fff",
        ".8",
    );
    canvas.veil(
        format_args!("M{} {}l46-60h12l-52 70z", 200 - 6, y + 64),
        "#fff",
        ".8",
    );
    canvas.rect(88, GROUND - 12, 224, 14, 4, c.dark);
    canvas.path(format_args!("M262 {}h34l-5-36h-24z", GROUND - 12), c.accent);
    canvas.leaf((279, GROUND - 46), (262, GROUND - 92), 12, c.dark);
    canvas.leaf((279, GROUND - 46), (302, GROUND - 88), 12, c.dark);
}

pub(super) fn clock(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let radius = look.between(88, 112);
    let y = 184;
    canvas.circle(200, y, radius, c.main);
    canvas.circle(200, y, radius - 14, c.light);
    for hour in 0..12 {
        let turn = f64::from(hour) * std::f64::consts::TAU / 12.0;
        let at = |far: i32| {
            let far = f64::from(far);
            (
                200 + (turn.sin() * far) as i32,
                y - (turn.cos() * far) as i32,
            )
        };
        let ((x, v), (w, z)) = (
            at(radius - 24),
            at(radius - if hour % 3 == 0 { 38 } else { 31 }),
        );
        canvas.line(
            format_args!("M{x} {v}L{w} {z}"),
            c.dark,
            if hour % 3 == 0 { 6 } else { 3 },
        );
    }
    let (hour, minute) = (look.between(0, 11), look.between(0, 11));
    for (place, far, width, colour) in [
        (hour, radius - 58, 9, c.dark),
        (minute, radius - 36, 6, c.accent),
    ] {
        let turn = f64::from(place) * std::f64::consts::TAU / 12.0;
        let (x, v) = (
            200 + (turn.sin() * f64::from(far)) as i32,
            y - (turn.cos() * f64::from(far)) as i32,
        );
        canvas.line(format_args!("M200 {y}L{x} {v}"), colour, width);
    }
    canvas.circle(200, y, 9, c.accent);
}

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
                for step in 0..9 {
                    canvas.line(
                        format_args!("M{} {}v10", left + 26 + step * 20, y + 8),
                        c.back,
                        3,
                    );
                }
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
