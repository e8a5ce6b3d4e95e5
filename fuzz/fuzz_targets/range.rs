//! Range: the first byte is the size of the body; the checks are those of the property tests.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenfold_gateway::cache_properties;

fuzz_target!(|input: &[u8]| cache_properties::range(input));
