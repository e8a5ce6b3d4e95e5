//! Chance that comes out the same on every machine and in every version.
//!
//! # The idea
//! SplitMix64, one generator for each thing that is made, begun from the seed, the kind of thing and its number: what product 7 looks like depends
//! on nothing but the seed, however many products there are. Popularity is computed with the four basic operations only, because IEEE 754 defines
//! those to the last bit, and `powf` differs from system to system.
//!
//! # Source
//! Steele, Lea, Flood: Fast splittable pseudorandom number generators (OOPSLA 2014).

/// What is made.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(super) enum Stream {
    /// Which department a product is in.
    Department = 1,
    /// A product.
    Product = 2,
    /// How many there are of it.
    Stock = 3,
    /// A customer.
    Customer = 4,
    /// An order.
    Order = 5,
}

/// A generator.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// For the thing of this number.
    pub(super) fn of(seed: i64, stream: Stream, number: i64) -> Self {
        let begin = mix(seed.cast_unsigned()) ^ mix(stream as u64).rotate_left(32);
        Self(mix(begin ^ mix(number.cast_unsigned())))
    }

    /// 64 bits.
    pub(super) const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below this one, which is at least 1.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        // Lemire's multiplication; what it is off by is end / 2^64.
        let wide = u128::from(self.bits()) * u128::from(end.max(1));
        (wide >> 64) as u64
    }

    /// A number from the first to the last.
    pub(super) fn between(&mut self, first: i64, last: i64) -> i64 {
        let span = last.abs_diff(first) + 1;
        first + self.below(span).cast_signed()
    }

    /// Whether it happens that happens so many times in a hundred.
    pub(super) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// One of these.
    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }

    /// Index of one of these, as often as its weight says.
    pub(super) fn weighted(&mut self, weights: &[u64]) -> usize {
        let mut left = self.below(weights.iter().sum());
        for (index, weight) in weights.iter().enumerate() {
            if left < *weight {
                return index;
            }
            left -= weight;
        }
        0
    }

    /// Puts them in any order.
    pub(super) fn shuffle<T>(&mut self, things: &mut [T]) {
        for end in (1..things.len()).rev() {
            things.swap(end, self.below(end as u64 + 1) as usize);
        }
    }
}

/// The finalizer of SplitMix64: one to one, so that different numbers stay different.
pub(super) const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Zipf's law: the thing of rank `r` is wanted `r` to the power of minus [`Zipf::EXPONENT`] as often as the first.
#[derive(Debug)]
pub(super) struct Zipf {
    /// Sums of weights up to each rank.
    sums: Vec<u64>,
}

impl Zipf {
    /// Of a shop on a normal day (YCSB's constant, too).
    const EXPONENT: f64 = 0.99;
    /// The weight of the first rank.
    const FIRST: f64 = (1_u64 << 40) as f64;

    /// Over so many ranks, at least 1.
    pub(super) fn new(ranks: usize) -> Self {
        let (mut sum, mut logarithm) = (0, 0.0);
        let sums = (1..=ranks.max(1)).map(|rank| {
            if rank > 1 {
                logarithm += step_of_logarithm(rank as f64);
            }
            let weight = exponential_of_minus(Self::EXPONENT * logarithm);
            sum += ((weight * Self::FIRST) as u64).max(1);
            sum
        });
        Self {
            sums: sums.collect(),
        }
    }

    /// A rank, from 1.
    pub(super) fn draw(&self, random: &mut Random) -> usize {
        let total = self.sums.last().copied().unwrap_or(1);
        let at = random.below(total);
        self.sums.partition_point(|sum| *sum <= at) + 1
    }
}

/// ln(n) − ln(n − 1) = 2 artanh(1 / (2n − 1)), as a series; for n = 2, the slowest, 20 terms are exact to the last bits.
fn step_of_logarithm(n: f64) -> f64 {
    let x = 1.0 / (2.0 * n - 1.0);
    let (mut power, mut sum) = (x, 0.0);
    for term in 0..20 {
        sum += power / f64::from(2 * term + 1);
        power *= x * x;
    }
    2.0 * sum
}

/// e to the power of −x, for x from 0 to about 20: a short series for a small part of it, squared ten times.
fn exponential_of_minus(x: f64) -> f64 {
    let small = -x / 1024.0;
    let (mut power, mut sum) = (1.0, 1.0);
    for term in 1..=10 {
        power *= small / f64::from(term);
        sum += power;
    }
    for _ in 0..10 {
        sum *= sum;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_published_generator() {
        // The first outputs of the reference implementation for state 1234567.
        let mut random = Random(1_234_567);
        let first = [random.bits(), random.bits(), random.bits()];
        let published = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        assert_eq!(first, published);
    }

    #[test]
    fn popularity_is_zipfs() {
        let zipf = Zipf::new(10_000);
        let total = *zipf.sums.last().expect("some") as f64;
        let upto = |rank: usize| zipf.sums[rank - 1] as f64 / total;
        assert!((upto(1) - 0.098).abs() < 0.001, "{}", upto(1));
        assert!((upto(100) - 0.52).abs() < 0.01, "{}", upto(100));
        let last = (zipf.sums[9_999] - zipf.sums[9_998]) as f64 / Zipf::FIRST;
        assert!((last / 10_000_f64.powf(-0.99) - 1.0).abs() < 1e-6, "{last}");
    }

    #[test]
    fn draws_follow_it_and_stay_inside() {
        let zipf = Zipf::new(10);
        let mut random = Random::of(1, Stream::Order, 1);
        let mut seen = [0_u32; 11];
        for _ in 0..100_000 {
            seen[zipf.draw(&mut random)] += 1;
        }
        assert_eq!(seen[0], 0);
        assert!(seen[10] > 0);
        let ratio = f64::from(seen[1]) / f64::from(seen[2]);
        assert!((ratio - 1.986).abs() < 0.1, "{ratio}");
    }

    #[test]
    fn ranges_are_kept() {
        let mut random = Random::of(0, Stream::Stock, 0);
        let seen: Vec<i64> = (0..1000).map(|_| random.between(-1, 1)).collect();
        assert!([-1, 0, 1].iter().all(|number| seen.contains(number)));
        assert!(seen.iter().all(|number| (-1..=1).contains(number)));
        assert!((0..1000).all(|_| random.weighted(&[0, 1, 0]) == 1));
    }
}
