//! Keys: a hash that nobody outside can foresee.
//!
//! Whoever knew the hash function could choose keys that fall into one set of the table, or into another client's bucket. So
//! it is SipHash-1-3 with a random key per limiter (Aumasson and Bernstein 2012), and 64 bits of it stand for the key: among a
//! million keys, two have the same hash with a probability of 3 in 100 million.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

/// Who is counted, in one tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    pub(super) hash: u64,
    pub(super) tier: u32,
}

impl Key {
    /// The tier that it counts in.
    #[must_use]
    pub fn tier(&self) -> usize {
        self.tier as usize
    }
}

/// Makes a key of its parts.
#[derive(Clone, Debug)]
pub struct KeyBuilder {
    hasher: SipHasher13,
    tier: u32,
}

impl KeyBuilder {
    pub(super) fn new(seed: [u64; 2], tier: usize) -> Self {
        let tier = tier as u32;
        let mut hasher = SipHasher13::new_with_keys(seed[0], seed[1]);
        if tier > 0 {
            hasher.write_u32(tier);
        }
        Self { hasher, tier }
    }

    /// Adds a part. `ab` and `c` are not `a` and `bc`.
    #[must_use]
    #[inline]
    pub fn part(mut self, part: &[u8]) -> Self {
        self.hasher.write(part);
        self.hasher.write_u32(part.len() as u32);
        self
    }

    /// The key.
    #[must_use]
    #[inline]
    pub fn build(self) -> Key {
        Key {
            // Zero is a place that nobody has.
            hash: self.hasher.finish().max(1),
            tier: self.tier,
        }
    }
}
