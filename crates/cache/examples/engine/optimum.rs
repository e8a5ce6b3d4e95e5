//! What no policy can beat: evict what is needed again last (L. A. Belady, A study of replacement algorithms for a
//! virtual-storage computer, IBM Systems Journal 5(2), 1966).

use std::collections::{BTreeSet, HashMap};

/// The hits with `capacity` entries.
pub(crate) fn hits(keys: &[u32], capacity: usize) -> usize {
    let mut next = vec![usize::MAX; keys.len()];
    let mut last = HashMap::new();
    for (at, key) in keys.iter().enumerate().rev() {
        next[at] = last.insert(*key, at).unwrap_or(usize::MAX);
    }
    // When each key in the cache is needed again. Those that never are differ by their key.
    let mut cached: BTreeSet<(usize, u32)> = BTreeSet::new();
    let mut hits = 0;
    for (at, key) in keys.iter().enumerate() {
        if cached.remove(&(at, *key)) {
            hits += 1;
        } else if cached.len() == capacity {
            cached.pop_last();
        }
        cached.insert((next[at], *key));
    }
    hits
}
