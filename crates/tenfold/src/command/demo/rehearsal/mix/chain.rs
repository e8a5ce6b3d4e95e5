//! Pages that lead to each other: a Markov chain, and what follows from it.
//!
//! # The idea
//! TPC-W publishes how often each page is seen in its three mixes, and for one of them which page leads to which. The share of a page
//! is the chain's *stationary* share, which one gets by following the chain for long ([`Chain::shares`]). The way back, from shares to a
//! chain, has many answers; [`Chain::fitted`] takes the one that is closest (in relative entropy) to a chain that is known, by scaling its
//! flows until they have the wanted sums (Deming and Stephan 1940, "iterative proportional fitting"). What never follows in the known
//! chain does not follow in the new one: who pays has been at the till.
//!
//! # Leaving
//! The published chains have no end. A visit ends where the chain goes back to the front page: a share of those ways leaves, and the next
//! visitor begins there. Page views one after the other are those of the chain, so that shares stay exactly what they are, and the mean
//! length of a visit is 1 / (share of leaving × share of the front page).

/// A Markov chain over pages.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chain {
    /// How likely each page follows each; rows add up to 1.
    next: Vec<Vec<f64>>,
}

/// Rounds of scaling and of following; each is some hundred additions, and both have long converged by then.
const ROUNDS: usize = 20_000;

impl Chain {
    /// Rows that are scaled to 1.
    pub(crate) fn new(mut next: Vec<Vec<f64>>) -> Self {
        for row in &mut next {
            scale(row, 1.0);
        }
        Self { next }
    }

    /// How likely `to` follows `from`.
    pub(crate) fn next(&self, from: usize, to: usize) -> f64 {
        self.next[from][to]
    }

    /// Which share of all page views each page has.
    pub(crate) fn shares(&self) -> Vec<f64> {
        let count = self.next.len();
        let mut shares = vec![1.0 / count as f64; count];
        for _ in 0..ROUNDS {
            let mut after = vec![0.0; count];
            for (share, row) in shares.iter().zip(&self.next) {
                for (sum, probability) in after.iter_mut().zip(row) {
                    *sum += share * probability;
                }
            }
            // Half of it stays, so that a chain that goes to and fro comes to rest as well.
            for (share, after) in shares.iter_mut().zip(after) {
                *share = 0.5 * (*share + after);
            }
        }
        shares
    }

    /// The chain with these shares that is closest to `known`.
    pub(crate) fn fitted(known: &Self, shares: &[f64]) -> Self {
        let mut flows = known.next.clone();
        for _ in 0..ROUNDS {
            for (row, share) in flows.iter_mut().zip(shares) {
                scale(row, *share);
            }
            for (column, share) in shares.iter().enumerate() {
                let sum: f64 = flows.iter().map(|row| row[column]).sum();
                if sum > 0.0 {
                    for row in &mut flows {
                        row[column] *= share / sum;
                    }
                }
            }
        }
        Self::new(flows)
    }

    /// Which share of the ways to the page `front` leaves, so that visits are `pages` long on average; at most all of them.
    pub(crate) fn leaving(&self, front: usize, pages: f64) -> f64 {
        (1.0 / (pages * self.shares()[front])).min(1.0)
    }
}

/// Scales numbers so that their sum is `sum`; nothing can be made of nothing.
fn scale(row: &mut [f64], sum: f64) {
    let now: f64 = row.iter().sum();
    if now > 0.0 {
        for one in row {
            *one *= sum / now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_a_chain_that_one_can_do_by_hand() {
        let chain = Chain::new(vec![vec![0.9, 0.1], vec![0.5, 0.5]]);
        let shares = chain.shares();
        assert!((shares[0] - 5.0 / 6.0).abs() < 1e-9, "{shares:?}");
        // To and fro without a rest.
        let chain = Chain::new(vec![vec![0.0, 1.0], vec![1.0, 0.0]]);
        assert!((chain.shares()[0] - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_fitted_chain_has_the_shares_and_no_way_that_the_known_one_has_not() {
        let known = Chain::new(vec![
            vec![0.0, 0.6, 0.4],
            vec![0.5, 0.0, 0.5],
            vec![1.0, 0.0, 0.0],
        ]);
        let wanted = [0.45, 0.3, 0.25];
        let fitted = Chain::fitted(&known, &wanted);
        for (share, wanted) in fitted.shares().iter().zip(wanted) {
            assert!((share - wanted).abs() < 1e-6, "{share} for {wanted}");
        }
        assert_eq!(fitted.next(2, 1), 0.0);
        let same = Chain::fitted(&known, &known.shares());
        assert!((same.next(0, 1) - 0.6).abs() < 1e-6);
    }

    #[test]
    fn a_visit_is_as_long_as_wanted() {
        let chain = Chain::new(vec![vec![0.0, 1.0], vec![1.0, 0.0]]);
        assert!((chain.leaving(0, 4.0) - 0.5).abs() < 1e-9);
        assert!((chain.leaving(0, 1.0) - 1.0).abs() < 1e-9);
    }
}
