//! Things of the kitchen.

use super::canvas::{Canvas, GROUND};
use super::look::Look;

pub(super) fn teapot(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let (wide, high) = (look.between(74, 96), look.between(58, 82));
    let (middle, belly) = (196, GROUND - high);
    canvas.shadow(200, wide * 2 + 40);
    // Spout on one side, handle on the other.
    let right = middle + wide;
    canvas.path(
        format_args!(
            "M{} {}q52 0 46-70l22-8q6 112-76 118z",
            right - 34,
            belly + 2
        ),
        c.dark,
    );
    let left = middle - wide;
    let reach = look.between(34, 50);
    canvas.line(
        format_args!("M{} {}c-{reach}-16-{reach} 70 4 64", left + 14, belly - 26),
        c.dark,
        15,
    );
    canvas.ellipse(middle, belly, wide, high, c.main);
    canvas.gleam(
        format_args!("M{} {}q14-46 56-52q-34 24-38 70z", left + 16, belly - 4),
        true,
    );
    match look.between(0, 2) {
        0 => canvas.ellipse(middle, belly + 6, wide - 2, 9, c.accent),
        1 => {
            for step in -2..=2 {
                canvas.circle(middle + step * 26, belly + 8, 7, c.light);
            }
        }
        _ => canvas.line(
            format_args!(
                "M{} {}q{} 22 {} 0",
                left + 8,
                belly + 20,
                wide - 8,
                (wide - 8) * 2
            ),
            c.light,
            6,
        ),
    }
    let lid = look.between(34, 46);
    canvas.path(
        format_args!(
            "M{} {}q{lid}-34 {} 0z",
            middle - lid,
            belly - high + 10,
            lid * 2
        ),
        c.dark,
    );
    canvas.circle(middle, belly - high - 14, look.between(8, 12), c.accent);
    canvas.rect(middle - 44, GROUND - 7, 88, 9, 4, c.dark);
}

pub(super) fn kettle(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let (top, foot) = (look.between(42, 60), look.between(78, 96));
    let high = look.between(120, 150);
    let up = GROUND - high;
    canvas.shadow(200, foot * 2 + 30);
    canvas.path(
        format_args!("M{} {}l-58-40l10-14l66 24z", 200 - top + 6, up + 54),
        c.dark,
    );
    let arch = look.between(56, 84);
    canvas.line(
        format_args!(
            "M{} {}c0-{arch} {}-{arch} {} 0",
            200 - top,
            up + 4,
            top * 2,
            top * 2
        ),
        c.dark,
        13,
    );
    canvas.path(
        format_args!(
            "M{} {up}h{}q40 30 {} {high}h-{}q-10-{} {}-{high}z",
            200 - top,
            top * 2,
            foot - top,
            foot * 2,
            high - 20,
            foot - top
        ),
        c.main,
    );
    canvas.gleam(
        format_args!(
            "M{} {}q-36 40-34 {}h22q-4-60 22-{}z",
            200 - top + 14,
            up + 6,
            high - 14,
            high - 14
        ),
        true,
    );
    canvas.ellipse(200, up, top, 10, c.dark);
    canvas.circle(200, up - 12, 10, c.accent);
    if look.chance() {
        canvas.rect(200 - foot + 4, GROUND - 26, foot * 2 - 8, 12, 4, c.accent);
    } else {
        canvas.steam(200 - top - 52, up + 2);
    }
}

pub(super) fn mug(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let (half, high) = (look.between(62, 80), look.between(118, 160));
    let (up, taper) = (GROUND - high, look.between(0, 22));
    canvas.shadow(205, half * 2 + 40);
    canvas.line(
        format_args!(
            "M{} {}c62-10 62 {} 0 {}",
            190 + half - 6,
            up + 28,
            high - 40,
            high - 58
        ),
        c.dark,
        16,
    );
    canvas.path(
        format_args!(
            "M{} {up}h{}l-{taper} {}q-2 14-18 14h-{}q-16 0-18-14z",
            190 - half,
            half * 2,
            high - 14,
            (half - taper - 18) * 2
        ),
        c.main,
    );
    mug_pattern(canvas, look, half, up, taper);
    canvas.gleam(
        format_args!(
            "M{} {}h16l{} {}h-12z",
            190 - half + 10,
            up + 12,
            taper / 2,
            high - 34
        ),
        true,
    );
    canvas.ellipse(190, up, half, 13, c.dark);
    canvas.ellipse(190, up + 3, half - 9, 8, c.accent);
    canvas.steam(190, up - 22);
}

fn mug_pattern(canvas: &mut Canvas, look: &mut Look, half: i32, up: i32, taper: i32) {
    let c = canvas.colours;
    let high = GROUND - up;
    match look.between(0, 2) {
        0 => canvas.path(
            format_args!(
                "M{} {}h{}l-{} 34h-{}z",
                190 - half + taper / 3,
                up + high / 2 - 20,
                half * 2 - taper * 2 / 3,
                taper / 4,
                half * 2 - taper
            ),
            c.light,
        ),
        1 => canvas.circle(190, up + high / 2 + 6, 24, c.accent),
        _ => {
            for step in 0..3 {
                canvas.leaf(
                    (190, up + high - 20 - step * 26),
                    (222, up + high - 62 - step * 20),
                    12,
                    c.light,
                );
                canvas.leaf(
                    (190, up + high - 20 - step * 26),
                    (158, up + high - 62 - step * 20),
                    12,
                    c.light,
                );
            }
        }
    }
}

pub(super) fn pan(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let radius = look.between(86, 104);
    // Seen from above, hung on the wall.
    let (x, y) = (200, 210);
    canvas.rect(x - 12, y - radius - 106, 24, 124, 12, c.dark);
    canvas.circle(x, y - radius - 88, 6, c.wall);
    canvas.gleam(
        format_args!(
            "M{} {}a{radius} {radius} 0 0 0 {} 0z",
            x - radius,
            y + 12,
            radius * 2
        ),
        false,
    );
    canvas.circle(x, y, radius, c.main);
    canvas.circle(x, y, radius - 14, c.dark);
    if look.chance() {
        // Two eggs, or one.
        canvas.path(
            format_args!(
                "M{} {}q-40-4-34 30q-4 44 44 38q46 6 40-34q0-40-50-34z",
                x + 2,
                y - 34
            ),
            "#fffaf0",
        );
        canvas.circle(x + 2, y, 18, "#f0b03a");
    } else {
        for ring in [radius - 32, radius - 52, radius - 70] {
            canvas.line(
                format_args!("M{} {y}a{ring} {ring} 0 1 1 0 1z", x - ring),
                c.main,
                3,
            );
        }
    }
    canvas.gleam(
        format_args!("M{} {}q6-54 58-64q-40 26-46 66z", x - radius + 22, y - 6),
        true,
    );
}

pub(super) fn pot(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let (half, high) = (look.between(88, 112), look.between(92, 130));
    let up = GROUND - high;
    canvas.shadow(200, half * 2 + 50);
    for side in [200 - half - 24, 200 + half - 6] {
        canvas.rect(side, up + 22, 30, 18, 9, c.dark);
    }
    canvas.path(
        format_args!(
            "M{} {up}h{}v{}q0 26-26 26h-{}q-26 0-26-26z",
            200 - half,
            half * 2,
            high - 26,
            half * 2 - 52
        ),
        c.main,
    );
    canvas.gleam(
        format_args!(
            "M{} {}h20v{}q-20-6-20-22z",
            200 - half + 12,
            up + 10,
            high - 22
        ),
        true,
    );
    let dome = look.between(26, 48);
    canvas.path(
        format_args!(
            "M{} {}q{half}-{} {} 0z",
            200 - half - 4,
            up,
            dome * 2,
            half * 2 + 8
        ),
        c.dark,
    );
    canvas.rect(200 - half - 6, up - 4, half * 2 + 12, 11, 5, c.dark);
    canvas.rect(200 - 9, up - dome - 16, 18, 18, 5, c.accent);
    if look.chance() {
        canvas.rect(200 - half, up + high / 2, half * 2, 10, 0, c.light);
    }
}

pub(super) fn knife(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    // A block of wood with what stands in it, or a knife on a board.
    if look.chance() {
        canvas.rect(56, 96, 288, 196, 18, c.main);
        canvas.circle(316, 124, 10, c.wall);
        for step in 1..4 {
            canvas.line(
                format_args!("M70 {}q130 14 258-4", 96 + step * 48),
                c.dark,
                2,
            );
        }
        let deep = look.between(30, 46);
        canvas.path(
            format_args!("M92 196h166v-{deep}q-120-10-166 {deep}z"),
            "#f4f6f7",
        );
        canvas.gleam(format_args!("M92 196h166v-10h-150z"), false);
        canvas.rect(256, 196 - deep, 78, deep - 4, 10, c.dark);
        canvas.circle(280, 196 - deep / 2, 4, c.accent);
        canvas.circle(308, 196 - deep / 2, 4, c.accent);
        return;
    }
    canvas.shadow(200, 190);
    for (index, x) in [142, 178, 214, 250].into_iter().enumerate() {
        let long = look.between(50, 84);
        let colour = if index % 2 == 0 { c.dark } else { c.accent };
        canvas.rect(x - 11, 176 - long, 22, long + 20, 9, colour);
        canvas.circle(x, 190 - long, 3, c.light);
    }
    canvas.path("M118 172h160l14 146H106z", c.main);
    canvas.gleam("M118 172h30l-10 146H106z", true);
    canvas.rect(104, GROUND - 14, 190, 14, 3, c.dark);
}

pub(super) fn bowl(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let (half, deep) = (look.between(94, 120), look.between(76, 104));
    let up = GROUND - deep - 8;
    canvas.shadow(200, half + 60);
    // What is in it.
    let fruits = [(-46, 4, 34), (40, 6, 32), (-4, -14, 38)];
    for (index, (aside, up_by, size)) in fruits.into_iter().enumerate() {
        let colour = [c.accent, c.dark, c.accent][index];
        canvas.circle(200 + aside, up + up_by - 14, size, colour);
    }
    canvas.leaf((196, up - 62), (236, up - 92), 12, c.dark);
    canvas.path(
        format_args!(
            "M{} {up}h{}q-6 {deep}-{} {deep}h-{}q-{} 0-{}-{deep}z",
            200 - half,
            half * 2,
            half - 40,
            80,
            half - 46,
            half - 40
        ),
        c.main,
    );
    canvas.rect(160, GROUND - 10, 80, 12, 4, c.dark);
    canvas.rect(200 - half - 5, up - 7, half * 2 + 10, 15, 7, c.light);
    if look.chance() {
        canvas.line(
            format_args!(
                "M{} {}q{} 26 {} 0",
                200 - half + 18,
                up + 32,
                half - 18,
                (half - 18) * 2
            ),
            c.light,
            6,
        );
    }
    canvas.gleam(
        format_args!("M{} {}q10 44 46 60q-22-30-24-60z", 200 - half + 12, up + 10),
        true,
    );
}

pub(super) fn board(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let (half, high) = (look.between(70, 96), look.between(170, 210));
    let top = 300 - high;
    canvas.shadow(200, half * 2 + 10);
    canvas.rect(178, top - 50, 44, 80, 20, c.main);
    canvas.circle(200, top - 28, 9, c.wall);
    canvas.rect(
        200 - half,
        top,
        half * 2,
        high + 18,
        look.between(12, 34),
        c.main,
    );
    for step in 0..4 {
        let x = 200 - half + 24 + step * (half / 2 - 4);
        canvas.line(
            format_args!(
                "M{x} {}q{} 70-4 {}",
                top + 22,
                look.between(-12, 12),
                high - 30
            ),
            c.dark,
            2,
        );
    }
    canvas.leaf((220, 286), (268, 232), 16, c.accent);
    canvas.leaf((228, 290), (286, 268), 14, c.accent);
}

pub(super) fn jar(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    canvas.shadow(200, 250);
    let mut x = 92;
    for size in [
        look.between(70, 84),
        look.between(56, 66),
        look.between(46, 54),
    ] {
        let high = size * 2 + look.between(-16, 26);
        let up = GROUND - high;
        canvas.rect(x, up, size, high, 14, c.main);
        canvas.rect(
            x - 2,
            up - 12,
            size + 4,
            24,
            7,
            if look.chance() { c.dark } else { c.accent },
        );
        canvas.rect(x + 10, up + high / 2 - 14, size - 20, 34, 5, c.light);
        canvas.line(
            format_args!("M{} {}h{}", x + 18, up + high / 2 + 3, size - 36),
            c.dark,
            3,
        );
        canvas.gleam(
            format_args!("M{} {}h9v{}h-9z", x + 7, up + 18, high - 32),
            true,
        );
        x += size + 14;
    }
}
