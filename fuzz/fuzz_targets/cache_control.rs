//! Cache-Control: the checks are those of the property tests, in `crates/gateway/src/http/cache/properties.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenfold_gateway::cache_properties;

fuzz_target!(|input: &[u8]| cache_properties::cache_control(input));
