//! Smooth weighted round robin: each in turn, in proportion to the weights, and never in bursts.
//!
//! Use it when requests cost about the same and endpoints are alike: its shares are exact and its order can be
//! predicted. Do not use it when some requests are slow: a turn is a turn, however many requests an endpoint is
//! still busy with; [`p2c`](super::p2c) looks. Each worker turns on its own, so that the shares are exact per worker.
//!
//! nginx's algorithm (nginx commit 52327e0627f4, 2012): everybody gains its weight, the richest is picked and pays
//! the sum. Weights 5, 1, 1 give a a b a c a a, not five a in a row. With even weights that is each in turn, which costs
//! nothing to find; else it is a look at all.

use super::view::Level;
use crate::group::Group;

/// Whose turn it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct RoundRobin {
    /// For even weights: the member after the last one that was picked.
    next: usize,
    /// What each member has gained.
    wealth: Vec<f64>,
}

impl RoundRobin {
    /// `seed` keeps workers from marching in step.
    pub(crate) fn new(group: &Group, seed: u64) -> Self {
        let count = group.members().len();
        Self {
            next: (seed as usize).checked_rem(count).unwrap_or_default(),
            wealth: vec![0.0; count],
        }
    }

    /// The place of the next one that was not tried.
    pub(crate) fn pick(
        &mut self,
        level: &Level,
        is_tried: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        if level.sums.is_empty() {
            let start = level
                .open
                .partition_point(|open| (open.index as usize) < self.next);
            let place = level.untried_from(start % level.open.len().max(1), &is_tried)?;
            self.next = level.open[place].index as usize + 1;
            return Some(place);
        }
        let mut richest: Option<(usize, f64)> = None;
        let mut sum = 0.0;
        for (place, open) in level.open.iter().enumerate() {
            let index = open.index as usize;
            if is_tried(index) {
                continue;
            }
            self.wealth[index] += open.weight;
            sum += open.weight;
            let wealth = self.wealth[index];
            if richest.is_none_or(|(_, most)| wealth > most) {
                richest = Some((place, wealth));
            }
        }
        let (place, _) = richest?;
        self.wealth[level.open[place].index as usize] -= sum;
        Some(place)
    }
}
