//! The Universal Scalability Law: how throughput grows with concurrency, and why it stops.
//!
//! X(N) = γN / (1 + α(N−1) + βN(N−1))
//!
//! γ is the throughput of one request at a time. α is contention: the share of the work that queues for something of which
//! there is one (a lock, a disk, a primary). β is coherency: what N requests cost because each of them has to agree with
//! each other one (caches, row locks, gossip). Contention makes throughput level off at γ/α, which is Amdahl's law;
//! coherency makes it *fall* beyond a peak at N = √((1−α)/β), and this is what overload looks like.
//!
//! Use it for a system under a load that a test varies, everything else unchanged. It knows nothing of limits that set
//! in all at once (a pool that is full, memory that ends): points beyond such a cliff do not follow the curve, and
//! the residuals show it.
//!
//! Source: N. J. Gunther, "Guerrilla Capacity Planning", Springer 2007, chapters 4 to 6; in the form with γ: N. J. Gunther, "A General
//! Theory of Computational Scalability Based on Rational Functions", arXiv:0808.1431.

mod fit;
mod refusal;
mod solve;

use std::fmt;

use serde::Serialize;

use crate::invalid::{Invalid, check, not_negative, positive};

pub use fit::{Estimate, Fit, Judgement, Residual, fit};
pub use refusal::Refusal;

/// Up to this loss of efficiency growth is called linear: one request in ten more would have been completed without
/// contention and coherency. Our own line: less than that disappears in the noise of a load test.
pub const LINEAR_UP_TO: f64 = 0.1;

/// One curve. Its numbers are what the formula says; [`Fit`] says which of them the data bears.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Usl {
    alpha: f64,
    beta: f64,
    gamma: f64,
}

/// Where throughput is highest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Peak {
    /// Requests under way.
    pub concurrency: f64,
    /// Requests per second.
    pub throughput: f64,
}

/// What more concurrency brings, and what keeps it from bringing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Regime {
    /// Throughput grows with concurrency: less than [`LINEAR_UP_TO`] of the work is lost.
    Linear,
    /// Requests queue for something of which there is one. More concurrency brings less and less.
    Contention,
    /// Requests wait for each other to agree. More concurrency brings little, and beyond the peak it costs throughput.
    Coherency,
}

impl fmt::Display for Regime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Linear => "linear",
            Self::Contention => "contention",
            Self::Coherency => "coherency",
        })
    }
}

impl Usl {
    /// The curve of contention `alpha` ≥ 0, coherency `beta` ≥ 0, and `gamma` > 0 requests per second for one at a time.
    ///
    /// # Errors
    /// A coefficient outside of its range.
    pub fn new(alpha: f64, beta: f64, gamma: f64) -> Result<Self, Invalid> {
        Ok(Self {
            alpha: not_negative("contention (alpha)", alpha)?,
            beta: not_negative("coherency (beta)", beta)?,
            gamma: positive("the throughput of one request at a time (gamma)", gamma)?,
        })
    }

    /// Contention.
    #[must_use]
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// Coherency.
    #[must_use]
    pub fn beta(&self) -> f64 {
        self.beta
    }

    /// Throughput of one request at a time, in requests per second.
    #[must_use]
    pub fn gamma(&self) -> f64 {
        self.gamma
    }

    /// The curve of a system whose requests take `share` of the time that they took (0.5: twice as fast), while the shares that
    /// queue and that agree stay what they were.
    ///
    /// # Errors
    /// `share` is not above 0.
    pub fn faster(&self, share: f64) -> Result<Self, Invalid> {
        let share = positive("the share of the time that is left", share)?;
        Self::new(self.alpha, self.beta, self.gamma / share)
    }

    /// What `concurrency` requests cost more than independent ones would: α(N−1) and βN(N−1).
    fn losses(&self, concurrency: f64) -> (f64, f64) {
        let others = concurrency - 1.0;
        (self.alpha * others, self.beta * concurrency * others)
    }

    /// Requests per second with `concurrency` under way (from 1).
    #[must_use]
    pub fn throughput(&self, concurrency: f64) -> f64 {
        concurrency / self.response_time_scaled(concurrency) * self.gamma
    }

    /// The mean response time in seconds with `concurrency` requests under way, by Little's law.
    #[must_use]
    pub fn response_time(&self, concurrency: f64) -> f64 {
        self.response_time_scaled(concurrency) / self.gamma
    }

    fn response_time_scaled(&self, concurrency: f64) -> f64 {
        let (contention, coherency) = self.losses(concurrency);
        1.0 + contention + coherency
    }

    /// The share of γN that is reached: 1 is linear growth.
    #[must_use]
    pub fn efficiency(&self, concurrency: f64) -> f64 {
        1.0 / self.response_time_scaled(concurrency)
    }

    /// The highest concurrency whose mean response time is at most `bound` seconds. None if even one request alone takes
    /// longer; infinite if growth is linear, for then response times do not grow.
    #[must_use]
    pub fn concurrency_within(&self, bound: f64) -> Option<f64> {
        // βN² + (α−β)N = γR − 1 + α, of which the form is taken that does not subtract near equals.
        let right = self.gamma * bound - 1.0 + self.alpha;
        if !bound.is_finite() || self.gamma * bound < 1.0 {
            return None;
        }
        let linear = self.alpha - self.beta;
        let root = (linear * linear + 4.0 * self.beta * right).sqrt();
        let concurrency = if linear >= 0.0 {
            2.0 * right / (linear + root)
        } else {
            (root - linear) / (2.0 * self.beta)
        };
        // 0 / 0: linear growth at exactly the bound.
        Some(if concurrency.is_nan() {
            f64::INFINITY
        } else {
            concurrency.max(1.0)
        })
    }

    /// Where throughput is highest. None without coherency, for then it only levels off.
    #[must_use]
    pub fn peak(&self) -> Option<Peak> {
        let concurrency = if self.alpha >= 1.0 && (self.beta > 0.0 || self.alpha > 1.0) {
            1.0
        } else if self.beta > 0.0 {
            ((1.0 - self.alpha) / self.beta).sqrt().max(1.0)
        } else {
            return None;
        };
        Some(Peak {
            concurrency,
            throughput: self.throughput(concurrency),
        })
    }

    /// Amdahl's limit γ/α: what no concurrency brings throughput above, were there no coherency. None without contention.
    #[must_use]
    pub fn limit(&self) -> Option<f64> {
        (self.alpha > 0.0).then(|| self.gamma / self.alpha)
    }

    /// What holds throughput back with `concurrency` requests under way.
    ///
    /// Beyond the peak it is coherency, whatever the sizes: contention alone never makes throughput fall. Before it, the
    /// larger of the two losses, if together they are worth speaking of ([`LINEAR_UP_TO`]).
    #[must_use]
    pub fn regime(&self, concurrency: f64) -> Regime {
        let (contention, coherency) = self.losses(concurrency);
        let is_beyond = self.beta > 0.0
            && self
                .peak()
                .is_some_and(|peak| concurrency > peak.concurrency);
        if is_beyond {
            Regime::Coherency
        } else if contention + coherency < LINEAR_UP_TO {
            Regime::Linear
        } else if coherency > contention {
            Regime::Coherency
        } else {
            Regime::Contention
        }
    }
}

/// What a caller may ask a curve about.
fn at_least_one(concurrency: f64) -> Result<f64, Invalid> {
    check(
        "the concurrency",
        concurrency,
        concurrency >= 1.0,
        "at least 1",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn curve(alpha: f64, beta: f64) -> Usl {
        Usl::new(alpha, beta, 100.0).expect("in range")
    }

    #[test]
    fn one_request_at_a_time_is_gamma() {
        assert_eq!(curve(0.3, 0.01).throughput(1.0), 100.0);
        assert_eq!(curve(0.3, 0.01).response_time(1.0), 0.01);
    }

    #[test]
    fn without_coherency_there_is_no_peak_and_amdahl_holds() {
        let amdahl = curve(0.05, 0.0);
        assert_eq!(amdahl.peak(), None);
        assert_eq!(amdahl.limit(), Some(2000.0));
        assert!((amdahl.throughput(1e9) / 2000.0 - 1.0).abs() < 1e-6);
        assert_eq!(curve(0.0, 0.0).limit(), None);
    }

    #[test]
    fn a_system_that_only_gets_slower_peaks_at_one() {
        let peak = curve(1.5, 0.1).peak().expect("it has one");
        assert_eq!((peak.concurrency, peak.throughput), (1.0, 100.0));
    }

    #[test]
    fn regimes_have_names() {
        assert_eq!(curve(0.0, 0.0).regime(1000.0), Regime::Linear);
        assert_eq!(curve(0.001, 0.0).regime(50.0), Regime::Linear);
        assert_eq!(curve(0.1, 0.0).regime(50.0), Regime::Contention);
        assert_eq!(curve(0.1, 1e-4).regime(50.0), Regime::Contention);
        assert_eq!(curve(0.0, 0.01).regime(5.0), Regime::Coherency);
        // Contention is the larger loss, but it is not what makes throughput fall.
        assert_eq!(curve(0.0277, 1.044e-4).regime(216.0), Regime::Coherency);
    }

    #[test]
    fn coefficients_out_of_range_are_named() {
        let error = Usl::new(0.1, -1e-9, 5.0).expect_err("negative");
        assert!(error.to_string().contains("beta"), "{error}");
        assert!(Usl::new(f64::NAN, 0.0, 1.0).is_err());
        assert!(Usl::new(0.0, 0.0, 0.0).is_err());
        assert!(Usl::new(0.0, f64::INFINITY, 1.0).is_err());
    }

    #[test]
    fn linear_growth_never_gets_slower() {
        assert_eq!(
            curve(0.0, 0.0).concurrency_within(0.01),
            Some(f64::INFINITY)
        );
        assert_eq!(curve(0.0, 0.0).concurrency_within(0.009), None);
    }

    proptest! {
        #[test]
        fn no_concurrency_beats_the_peak(alpha in 0.0..0.9f64, beta in 1e-6..0.1f64, n in 1.0..10_000.0f64) {
            let curve = curve(alpha, beta);
            let peak = curve.peak().expect("coherency makes a peak");
            prop_assert!(curve.throughput(n) <= peak.throughput * (1.0 + 1e-12));
        }

        #[test]
        fn the_concurrency_within_a_bound_takes_just_as_long(
            alpha in 0.0..2.0f64, beta in 0.0..0.1f64, n in 1.0..10_000.0f64,
        ) {
            let curve = curve(alpha, beta);
            let bound = curve.response_time(n);
            let found = curve.concurrency_within(bound * (1.0 + 1e-9)).expect("n takes no longer");
            prop_assert!(found >= n * (1.0 - 1e-9), "{found} for {n}");
            if found.is_finite() {
                prop_assert!(curve.response_time(found) <= bound * (1.0 + 1e-6));
            }
        }

        #[test]
        fn littles_law_holds_on_the_curve(alpha in 0.0..1.0f64, beta in 0.0..0.1f64, n in 1.0..1000.0f64) {
            let curve = curve(alpha, beta);
            let back = curve.throughput(n) * curve.response_time(n);
            prop_assert!((back / n - 1.0).abs() < 1e-12);
        }
    }
}
