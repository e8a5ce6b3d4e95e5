//! Things of the garden.

use super::canvas::{Canvas, GROUND};
use super::look::Look;

pub(super) fn vase(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let (belly, neck, high) = (
        look.between(46, 66),
        look.between(16, 26),
        look.between(120, 150),
    );
    let up = GROUND - high;
    canvas.shadow(200, belly * 2 + 30);
    for (aside, top) in [(-62, 96), (-28, 62), (8, 46), (44, 70), (70, 108)] {
        let (x, y) = (
            200 + aside + look.between(-6, 6),
            top + look.between(-8, 12),
        );
        canvas.line(
            format_args!("M200 {}Q{} {} {x} {y}", up + 10, 200 + aside / 3, y + 70),
            c.dark,
            4,
        );
        if look.chance() {
            canvas.circle(x, y, 16, c.accent);
            canvas.circle(x, y, 7, c.light);
        } else {
            canvas.leaf((200 + aside / 2, y + 66), (x, y - 12), 16, c.dark);
        }
    }
    canvas.path(
        format_args!(
            "M{} {up}h{}q-8 26 {} {}q6 34-{} {}h-{}q-{}-18-{}-{}q8-26 {}-{}z",
            200 - neck,
            neck * 2,
            belly - neck,
            high * 11 / 20,
            belly - 26,
            high - high * 11 / 20,
            52,
            belly - 20,
            belly - 26,
            high - high * 11 / 20,
            belly - neck,
            high * 11 / 20,
        ),
        c.main,
    );
    canvas.rect(200 - neck - 5, up - 6, neck * 2 + 10, 13, 6, c.dark);
    let middle = up + high * 11 / 20;
    match look.between(0, 2) {
        0 => canvas.rect(200 - belly + 3, middle - 6, belly * 2 - 6, 15, 7, c.light),
        1 => canvas.circle(200, middle + 4, 18, c.light),
        _ => canvas.line(
            format_args!("M{} {}l20-16l20 16l20-16l20 16", 160, middle + 6),
            c.light,
            6,
        ),
    }
}

pub(super) fn plant(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let (half, high) = (look.between(50, 68), look.between(74, 100));
    let up = GROUND - high;
    canvas.shadow(200, half * 2 + 30);
    let kind = look.between(0, 2);
    let greens = ["#4f7f57", "#6b9a62", "#3c6a4c"];
    for (index, aside) in [-84, -56, -26, 4, 32, 60, 88].into_iter().enumerate() {
        let rise = look.between(70, 110) + 60 - i32::abs(aside) / 2;
        let (x, y) = (200 + aside, up - rise);
        let green = greens[index % 3];
        match kind {
            0 => canvas.leaf((200, up + 6), (x, y), 20, green),
            1 => {
                canvas.line(
                    format_args!("M200 {up}Q{} {} {x} {y}", 200 + aside / 4, y + 40),
                    green,
                    4,
                );
                canvas.ellipse(x, y, 24, 20, green);
            }
            _ => canvas.leaf(
                (200 + aside / 5, up + 4),
                (200 + aside / 2, y - 14),
                11,
                green,
            ),
        }
    }
    if kind == 2 && look.chance() {
        canvas.circle(200, up - 130, 15, c.accent);
        canvas.circle(168, up - 104, 12, c.accent);
    }
    let taper = look.between(6, 20);
    canvas.path(
        format_args!(
            "M{} {up}h{}l-{taper} {high}h-{}z",
            200 - half,
            half * 2,
            (half - taper) * 2
        ),
        c.main,
    );
    canvas.rect(200 - half - 7, up - 4, half * 2 + 14, 24, 5, c.dark);
    if look.chance() {
        canvas.line(
            format_args!(
                "M{} {}h{}",
                200 - half + 16,
                up + high / 2 + 14,
                half * 2 - 32
            ),
            c.light,
            7,
        );
    }
}

pub(super) fn can(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let (half, high) = (look.between(66, 82), look.between(104, 130));
    let up = GROUND - high;
    canvas.shadow(200, half * 2 + 70);
    let right = 200 + half;
    canvas.path(
        format_args!("M{} {}l92-92l16 12l-92 120z", right - 14, GROUND - 36),
        c.dark,
    );
    canvas.path(
        format_args!("M{} {}l34 46l14-10l-34-52z", right + 56, GROUND - 148),
        c.accent,
    );
    canvas.line(
        format_args!("M{} {}c-70-56-80 70-6 84", 200 - half + 30, up + 4),
        c.dark,
        13,
    );
    canvas.line(
        format_args!(
            "M{} {}c0-60 {}-60 {} 0",
            200 - half + 30,
            up,
            half,
            half + 20
        ),
        c.dark,
        11,
    );
    canvas.path(
        format_args!(
            "M{} {up}h{}l10 {high}h-{}z",
            200 - half,
            half * 2,
            half * 2 + 20
        ),
        c.main,
    );
    canvas.ellipse(200, up, half, 10, c.dark);
    canvas.gleam(
        format_args!("M{} {}h22l-2 {}h-26z", 200 - half + 8, up + 12, high - 18),
        true,
    );
    if look.chance() {
        canvas.leaf((200, GROUND - 28), (176, up + 38), 18, c.light);
        canvas.leaf((200, GROUND - 28), (228, up + 44), 18, c.light);
    } else {
        canvas.rect(200 - half - 4, GROUND - 44, half * 2 + 8, 12, 0, c.accent);
    }
}

pub(super) fn spade(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    canvas.rect(84, 84, 232, 14, 5, c.dark);
    for (index, x) in [130, 200, 270].into_iter().enumerate() {
        canvas.line(format_args!("M{x} 88v14"), c.accent, 6);
        let handle = if index == 1 { c.accent } else { c.main };
        canvas.rect(x - 8, 102, 16, 112, 7, handle);
        canvas.rect(x - 9, 196, 18, 24, 3, c.dark);
        match look.between(0, 2) {
            0 => canvas.path(
                format_args!("M{} 216h44q10 52-22 92q-32-40-22-92z", x - 22),
                "#8f9a9d",
            ),
            1 => {
                canvas.line(
                    format_args!("M{} 300v-66h44v66M{x} 220v80", x - 22),
                    "#8f9a9d",
                    9,
                );
            }
            _ => {
                canvas.rect(x - 28, 226, 56, 16, 4, "#8f9a9d");
                for tooth in -2..=2 {
                    canvas.rect(x - 3 + tooth * 12, 240, 6, 44, 2, "#8f9a9d");
                }
            }
        }
    }
}

pub(super) fn basket(canvas: &mut Canvas, look: &mut Look) {
    let c = canvas.colours;
    let (half, high, taper) = (
        look.between(86, 106),
        look.between(104, 136),
        look.between(8, 24),
    );
    let up = GROUND - high;
    canvas.shadow(200, half * 2 + 10);
    if look.chance() {
        let arch = look.between(110, 140);
        canvas.line(
            format_args!(
                "M{} {up}c0-{arch} {}-{arch} {} 0",
                200 - half + 14,
                half * 2 - 28,
                half * 2 - 28
            ),
            c.dark,
            12,
        );
    } else {
        canvas.path(
            format_args!(
                "M{} {}q30-46 66-14q30-40 62 6q26-14 34 16z",
                200 - 84,
                up + 6
            ),
            c.light,
        );
    }
    canvas.path(
        format_args!(
            "M{} {up}h{}l-{taper} {high}h-{}z",
            200 - half,
            half * 2,
            (half - taper) * 2
        ),
        c.main,
    );
    let rows = high / 24;
    for row in 0..rows {
        let y = up + 16 + row * 24;
        for column in 0..6 {
            let wide = (half * 2 - taper * 2 - 20) / 6;
            let x = 200 - half + taper + 10 + column * wide;
            if (row + column) % 2 == 0 {
                canvas.rect(x, y, wide - 3, 14, 5, c.dark);
            }
        }
    }
    canvas.rect(200 - half - 7, up - 6, half * 2 + 14, 18, 9, c.accent);
}
