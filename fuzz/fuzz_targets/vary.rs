//! Vary, and the request fields that it names: the checks are those of the property tests.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenfold_gateway::cache_properties;

fuzz_target!(|input: &[u8]| cache_properties::vary(input));
