//! What gives light, and what shows it.

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
    lamp_foot(canvas, look, edge);
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

fn lamp_foot(canvas: &mut Canvas, look: &mut Look, edge: i32) {
    let c = canvas.colours;
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
