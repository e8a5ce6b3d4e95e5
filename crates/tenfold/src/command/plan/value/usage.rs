//! What a replica uses: as it is known of one request, or as it was measured of the whole.

use std::str::FromStr;

use tenfold_capacity::Invalid;
use tenfold_capacity::plan::{Cpu, Memory, Value};

use super::{BYTES, CORES, PLAIN, RATES, SECONDS, exact, value};

/// What a request takes of the CPU: `2ms`, or measured, `1.4@955` (busy cores at requests per second).
#[derive(Clone, Debug, PartialEq)]
pub(in crate::command::plan) enum CpuUse {
    PerRequest(Value),
    Measured { busy: f64, rate: f64 },
}

impl FromStr for CpuUse {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const HINT: &str =
            "CPU time of a request (2ms, 1.5..2.5ms), or busy cores at a rate (1.4@955)";
        match text.split_once('@') {
            None => value(text, SECONDS, HINT).map(Self::PerRequest),
            Some((busy, rate)) => Ok(Self::Measured {
                busy: exact(busy, CORES, HINT)?,
                rate: exact(rate, RATES, HINT)?,
            }),
        }
    }
}

impl CpuUse {
    pub(in crate::command::plan) fn with(&self, cores: Value) -> Result<Cpu, Invalid> {
        match *self {
            Self::PerRequest(per_request) => Ok(Cpu { per_request, cores }),
            Self::Measured { busy, rate } => Ok(Cpu {
                cores,
                ..Cpu::measured(busy, rate, highest(cores))?
            }),
        }
    }
}

/// What a request takes of memory: `2MB`, or measured, `240MB@32` (bytes with so many under way).
#[derive(Clone, Debug, PartialEq)]
pub(in crate::command::plan) enum MemoryUse {
    PerRequest(Value),
    Measured { busy: f64, concurrency: f64 },
}

impl FromStr for MemoryUse {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const HINT: &str = "memory of a request under way (2MB, 1..3MB), or memory with so many under way (240MB@32)";
        match text.split_once('@') {
            None => value(text, BYTES, HINT).map(Self::PerRequest),
            Some((busy, concurrency)) => Ok(Self::Measured {
                busy: exact(busy, BYTES, HINT)?,
                concurrency: exact(concurrency, PLAIN, HINT)?,
            }),
        }
    }
}

impl MemoryUse {
    pub(in crate::command::plan) fn with(
        &self,
        at_rest: Value,
        limit: Value,
    ) -> Result<Memory, Invalid> {
        match *self {
            Self::PerRequest(per_request) => Ok(Memory {
                at_rest,
                per_request,
                limit,
            }),
            Self::Measured { busy, concurrency } => Ok(Memory {
                at_rest,
                limit,
                ..Memory::measured(at_rest.middle(), busy, concurrency, highest(limit))?
            }),
        }
    }
}

fn highest(value: Value) -> f64 {
    match value {
        Value::Exact(value) => value,
        Value::Range { high, .. } => high,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_replicas_use() {
        assert_eq!("2ms".parse(), Ok(CpuUse::PerRequest(Value::Exact(0.002))));
        assert_eq!(
            "1.4@955".parse(),
            Ok(CpuUse::Measured {
                busy: 1.4,
                rate: 955.0
            })
        );
        assert_eq!(
            "240MB@32".parse(),
            Ok(MemoryUse::Measured {
                busy: 240e6,
                concurrency: 32.0
            })
        );
    }
}
