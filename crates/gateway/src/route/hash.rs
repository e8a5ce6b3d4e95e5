//! A fast hash for the table's keys.
//!
//! # The trade-off
//! A hash that a stranger can predict lets him fill a map with keys that collide. Nobody but the operator puts keys
//! into these maps: what strangers choose is only *looked up*, and a look-up meets at most the keys that are there, whose
//! number in one bucket the operator's file has fixed. So no key, no SipHash: one folded multiplication for eight bytes
//! (the mixer of wyhash and of foldhash).

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Bytes to something, made once and read for long.
pub(super) type FastMap<V> = HashMap<Box<[u8]>, V, BuildHasherDefault<FastHasher>>;

/// Odd, with bits well spread: the fraction of the golden ratio, and that of the square root of 3.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
const START: u64 = 0xbb67_ae85_84ca_a73b;

/// The state of a hash.
pub(super) struct FastHasher(u64);

impl Default for FastHasher {
    fn default() -> Self {
        Self(START)
    }
}

impl FastHasher {
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * u128::from(FACTOR);
        // The halves of a product, one over the other.
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for FastHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, tail) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        if !tail.is_empty() {
            let mut word = [0; 8];
            word[..tail.len()].copy_from_slice(tail);
            self.mix(u64::from_le_bytes(word));
        }
    }

    // The length, which the standard library writes before the bytes: it tells `a` from `a\0`.
    fn write_usize(&mut self, length: usize) {
        self.0 = self.0.wrapping_add(length as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, BuildHasherDefault};

    use super::*;

    #[test]
    fn keys_that_resemble_each_other_spread() {
        let build = BuildHasherDefault::<FastHasher>::default();
        // hashbrown takes the low bits for the bucket and the high seven for the tag.
        let (mut low, mut high) = (vec![0_u32; 256], vec![0_u32; 128]);
        for number in 0..25_600 {
            let hash = build.hash_one(format!("shop-{number}").as_bytes());
            low[(hash % 256) as usize] += 1;
            high[(hash >> 57) as usize] += 1;
        }
        assert!(
            low.iter().all(|count| (50..=150).contains(count)),
            "{low:?}"
        );
        assert!(
            high.iter().all(|count| (120..=280).contains(count)),
            "{high:?}"
        );
    }

    #[test]
    fn length_and_order_count() {
        let build = BuildHasherDefault::<FastHasher>::default();
        let keys: [&[u8]; 6] = [b"", b"\0", b"a", b"a\0", b"12345678", b"123456780"];
        for (at, one) in keys.iter().enumerate() {
            for other in &keys[at + 1..] {
                assert_ne!(
                    build.hash_one(one),
                    build.hash_one(other),
                    "{one:?} {other:?}"
                );
            }
        }
    }
}
