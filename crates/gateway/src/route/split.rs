//! Which of several upstreams gets a request: weighted shares (canary).

use crate::config::route::Share;

/// The position of the share that a random number falls on, in proportion to the weights; `None` if they are all 0.
///
/// A number of 64 bits times the sum of the weights, without a division (Lemire, "Fast random integer generation in an
/// interval", 2019, without its rejection: the bias is below the sum of the weights over 2⁶⁴).
#[must_use]
pub fn choose(shares: &[Share], random: u64) -> Option<usize> {
    // The ordinary route has one upstream.
    if let [only] = shares {
        return (only.weight > 0).then_some(0);
    }
    let total: u64 = shares.iter().map(|share| u64::from(share.weight)).sum();
    let mut ticket = (u128::from(random) * u128::from(total)) >> 64;
    shares.iter().position(|share| {
        let weight = u128::from(share.weight);
        let is_chosen = ticket < weight;
        ticket = ticket.saturating_sub(weight);
        is_chosen
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(weights: &[u32]) -> Vec<Share> {
        let share = |(upstream, weight): (usize, &u32)| Share {
            upstream,
            weight: *weight,
        };
        weights.iter().enumerate().map(share).collect()
    }

    #[test]
    fn shares_match_weights() {
        let shares = shares(&[0, 95, 0, 5, 0]);
        let mut counts = [0; 5];
        for step in 0..1000_u64 {
            let at = choose(&shares, step * (u64::MAX / 1000)).expect("there are weights");
            counts[at] += 1;
        }
        assert_eq!(
            counts,
            [0, 951, 0, 49, 0],
            "the numbers are evenly spaced from 0"
        );
    }

    #[test]
    fn the_ends() {
        assert_eq!(choose(&[], 7), None);
        assert_eq!(choose(&shares(&[0]), 7), None);
        assert_eq!(choose(&shares(&[0, 0]), u64::MAX), None);
        assert_eq!(choose(&shares(&[1]), u64::MAX), Some(0));
        assert_eq!(choose(&shares(&[0, 1]), 0), Some(1));
        assert_eq!(choose(&shares(&[1, 0]), u64::MAX), Some(0));
        assert_eq!(choose(&shares(&[u32::MAX; 3]), u64::MAX), Some(2));
        assert_eq!(choose(&shares(&[u32::MAX; 3]), 0), Some(0));
    }
}
