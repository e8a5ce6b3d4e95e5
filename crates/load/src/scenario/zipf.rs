//! Zipf's law: few things are asked for often, and most of them rarely.
//!
//! # The idea
//! Rejection-inversion (W. Hörmann, G. Derflinger, "Rejection-inversion to generate variates from monotone discrete distributions",
//! ACM TOMACS 6(3), 1996): the inverse of an integral that lies above the distribution, and a rare rejection that makes it exact.
//! Constant time and no table, however many things there are.

use fastrand::Rng;

/// Numbers from 1 to n, of which k has a share in proportion to 1/k^s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Zipf {
    most: u64,
    exponent: f64,
    /// The integral at 1.5, less the share of 1.
    first: f64,
    /// The integral at n + 0.5.
    last: f64,
    /// Numbers this close below their integral's inverse are accepted without a further look.
    sure: f64,
}

impl Zipf {
    /// Of the numbers 1 to `most` (at least 1), with an exponent from 0 (all alike) to 10.
    ///
    /// # Errors
    /// What would be right, when it is not.
    pub fn new(most: u64, exponent: f64) -> Result<Self, String> {
        // Beyond that neighbours are the same number as f64.
        if !(1..=1 << 52).contains(&most) {
            return Err(
                "the first number of zipf(n, s) is how many things there are, from 1".into(),
            );
        }
        if !(0.0..=10.0).contains(&exponent) {
            return Err("the exponent of zipf(n, s) lies between 0 (all alike) and 10".into());
        }
        let mut zipf = Self {
            most,
            exponent,
            first: 0.0,
            last: 0.0,
            sure: 0.0,
        };
        zipf.first = zipf.integral(1.5) - 1.0;
        zipf.last = zipf.integral(most as f64 + 0.5);
        zipf.sure = 2.0 - zipf.inverse(zipf.integral(2.5) - zipf.share(2.0));
        Ok(zipf)
    }

    /// A number.
    pub fn draw(&self, rng: &mut Rng) -> u64 {
        loop {
            let height = self.last + rng.f64() * (self.first - self.last);
            let x = self.inverse(height);
            // Rounding errors may lead a little outside.
            let k = ((x + 0.5) as u64).clamp(1, self.most);
            let number = k as f64;
            if number - x <= self.sure || height >= self.integral(number + 0.5) - self.share(number)
            {
                return k;
            }
        }
    }

    /// In proportion to what x gets.
    fn share(&self, x: f64) -> f64 {
        (-self.exponent * x.ln()).exp()
    }

    /// The integral of `share`, (x^(1-s) - 1) / (1 - s), also where s is 1 or close to it.
    fn integral(&self, x: f64) -> f64 {
        let log = x.ln();
        let scaled = (1.0 - self.exponent) * log;
        let ratio = match scaled.abs() > 1e-8 {
            true => scaled.exp_m1() / scaled,
            false => 1.0 + scaled * 0.5 * (1.0 + scaled / 3.0),
        };
        ratio * log
    }

    fn inverse(&self, y: f64) -> f64 {
        // Below -1 only by rounding.
        let scaled = (y * (1.0 - self.exponent)).max(-1.0);
        let ratio = match scaled.abs() > 1e-8 {
            true => scaled.ln_1p() / scaled,
            false => 1.0 - scaled * (0.5 - scaled / 3.0),
        };
        (ratio * y).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Largest difference between the shares that were drawn and those of the law, over all k (or all below a million).
    fn worst(most: u64, exponent: f64, draws: u32) -> f64 {
        let zipf = Zipf::new(most, exponent).expect("valid");
        let mut rng = Rng::with_seed(most ^ exponent.to_bits());
        let shown = most.min(1_000_000) as usize;
        let mut counts = vec![0_u32; shown];
        for _ in 0..draws {
            let k = zipf.draw(&mut rng);
            assert!((1..=most).contains(&k), "{k}");
            if let Some(count) = counts.get_mut(k as usize - 1) {
                *count += 1;
            }
        }
        let all: f64 = (1..=most).map(|k| (k as f64).powf(-exponent)).sum();
        let error = |(index, count): (usize, &u32)| {
            let law = ((index + 1) as f64).powf(-exponent) / all;
            (f64::from(*count) / f64::from(draws) - law).abs()
        };
        counts.iter().enumerate().map(error).fold(0.0, f64::max)
    }

    #[test]
    fn shares_are_those_of_the_law() {
        for (most, exponent) in [
            (1, 1.0),
            (2, 1.0),
            (10, 0.0),
            (10, 0.5),
            (100, 0.999_999_999),
            (100, 1.0),
            (1000, 1.2),
            (100, 2.5),
            (10_000_000, 0.8),
            (10_000_000, 1.0),
        ] {
            let worst = worst(most, exponent, 400_000);
            assert!(worst < 0.003, "zipf({most}, {exponent}): {worst}");
        }
    }

    #[test]
    fn frequent_ones_are_within_one_percent_of_their_own_share() {
        let zipf = Zipf::new(10_000_000, 1.0).expect("valid");
        let mut rng = Rng::with_seed(7);
        let draws = 4_000_000;
        let mut counts = [0_u32; 4];
        for _ in 0..draws {
            match zipf.draw(&mut rng) {
                k @ 1..=4 => counts[k as usize - 1] += 1,
                _ => {}
            }
        }
        // H(10^7) = ln 10^7 + 0.57722
        let harmonic = 16.695_311;
        for (index, count) in counts.into_iter().enumerate() {
            let law = 1.0 / (index as f64 + 1.0) / harmonic;
            let share = f64::from(count) / f64::from(draws);
            assert!(
                (share / law - 1.0).abs() < 0.01,
                "{}: {share} {law}",
                index + 1
            );
        }
    }

    #[test]
    fn the_ends_of_what_is_allowed_end() {
        let mut rng = Rng::with_seed(1);
        for (most, exponent) in [(1 << 52, 0.0), (1 << 52, 10.0), (1, 0.0), (1, 10.0)] {
            let zipf = Zipf::new(most, exponent).expect("valid");
            for _ in 0..1000 {
                assert!((1..=most).contains(&zipf.draw(&mut rng)));
            }
        }
        assert!(Zipf::new(0, 1.0).is_err());
        assert!(Zipf::new(1 << 53, 1.0).is_err());
        for exponent in [-0.1, 10.1, f64::NAN, f64::INFINITY] {
            assert!(Zipf::new(10, exponent).is_err());
        }
    }
}
