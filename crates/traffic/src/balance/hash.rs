//! Hashing that stays the same: over processes, versions and machines.
//!
//! Gateways that stand side by side must send a key to the same endpoint, and a sticky cookie must survive an upgrade. So
//! this is written down here and not taken from a library that may improve. Eight bytes at a time are folded in by
//! multiplication to 128 bits (the idea of wyhash, Wang Yi 2019). It is fast and mixes well; it is not meant to withstand
//! somebody who looks for collisions, who could as well send the same key again.

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const FIRST: u64 = 0xa076_1d64_78bd_642f;
const SECOND: u64 = 0xe703_7ed1_a0b4_28db;

/// The hash of a key.
#[must_use]
pub fn hash_key(bytes: &[u8]) -> u64 {
    let mut state = SEED ^ (bytes.len() as u64);
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        state = fold(state ^ u64::from_le_bytes(word), FIRST);
    }
    fold(state ^ SECOND, FIRST)
}

/// The hash of two numbers. Neighbours are far apart: a ring's points come from counting.
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    // The finalizer of MurmurHash3 (A. Appleby), in which every bit reaches every other.
    let mut hash = fold(a ^ SEED, FIRST) ^ b.wrapping_mul(SEED);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// A number from 0 up to but not including 1.
pub(crate) fn unit(random: u64) -> f64 {
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

/// A number below `count`, which is not 0 (D. Lemire, "Fast Random Integer Generation in an Interval", 2019, without its last
/// correction: the bias is below `count` / 2^32).
pub(crate) fn below(random: u32, count: usize) -> usize {
    ((u64::from(random) * count as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_written_down() {
        // Changing these moves every sticky client and every hashed key of every user.
        let known = ["", "a", "10.0.0.1:3000"].map(|text| hash_key(text.as_bytes()));
        assert_eq!(known, KNOWN);
    }

    const KNOWN: [u64; 3] = [
        1_242_729_866_831_462_710,
        4_397_919_014_982_246_277,
        16_632_601_060_227_753_137,
    ];

    #[test]
    fn neighbours_spread_evenly() {
        let mut buckets = [0_u32; 64];
        for number in 0..64_000_u32 {
            let text = format!("10.0.{}.{}", number >> 8, number & 255);
            buckets[(hash_key(text.as_bytes()) >> 58) as usize] += 1;
        }
        let most = buckets.iter().max().copied().unwrap_or_default();
        let least = buckets.iter().min().copied().unwrap_or_default();
        assert!(most < 1150 && least > 850, "{least}..{most} of 1000");
    }
}
