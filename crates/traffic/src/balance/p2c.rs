//! Power of two choices: of two endpoints chosen at random, the less loaded one.
//!
//! Use it as the default: a slow endpoint collects requests and so gets fewer of them, without a scan over all
//! endpoints and without the herd that follows when everybody picks the one minimum. Do not use it when
//! shares must be exact. Two choices bring the longest queue from about log n / log log n down to about
//! log log n (M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", IEEE TPDS 12(10), 2001).
//! Weights decide who is chosen; of those the one with fewer requests under way per weight is taken.

use std::time::Duration;

use super::view::Level;
use crate::group::Group;

/// The place of the better of two that were not tried.
pub(crate) fn pick(
    level: &Level,
    group: &Group,
    now: Duration,
    random: u64,
    is_tried: impl Fn(usize) -> bool,
) -> Option<usize> {
    let (first, second) = two(level, random, is_tried)?;
    let score = |place: usize| {
        let open = level.open[place];
        let load = &group.members()[open.index as usize].endpoint.load;
        (f64::from(load.in_flight()) + 1.0) * f64::from(load.penalty(now)) / open.weight
    };
    if first == second {
        return Some(first);
    }
    // With different weights an idle pair would always be won by the heavier one, and weights would count twice.
    let are_idle = [first, second].iter().all(|place| {
        let load = &group.members()[level.open[*place].index as usize]
            .endpoint
            .load;
        load.in_flight() == 0 && load.penalty(now) <= 1.0
    });
    Some(if !are_idle && score(second) < score(first) {
        second
    } else {
        first
    })
}

/// Two places drawn by weight, different ones if there are two.
pub(crate) fn two(
    level: &Level,
    random: u64,
    is_tried: impl Fn(usize) -> bool,
) -> Option<(usize, usize)> {
    let first = level.untried_from(level.draw(random as u32), &is_tried)?;
    let start = level.draw((random >> 32) as u32);
    let taken = level.open[first].index as usize;
    let start = if start == first && level.open.len() > 1 {
        // Either neighbour, so that nobody is always the one behind a heavy one. By the lowest bit: the high ones have said who is
        // first, and would send both halves towards the middle.
        let step = if random & 1 == 0 {
            1
        } else {
            level.open.len() - 1
        };
        (start + step) % level.open.len()
    } else {
        start
    };
    let second = level.untried_from(start, &|index| index == taken || is_tried(index));
    Some((first, second.unwrap_or(first)))
}
