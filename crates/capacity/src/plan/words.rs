//! Where each number of a plan comes from, in words and with the numbers that went in.

use super::draw::{Drawn, Outcome, slowness, up};
use super::{Inputs, Value};
use crate::text::{bytes, number, percent, seconds};

/// A value as a reader wants it: a range with both ends.
fn show(value: Value, text: impl Fn(f64) -> String) -> String {
    match value {
        Value::Range { low, high } if low < high => format!("{} to {}", text(low), text(high)),
        exact => text(exact.middle()),
    }
}

/// The rules, in words.
pub(super) struct Words<'a> {
    pub(super) inputs: &'a Inputs<'a>,
    /// The middle of every range,
    pub(super) middle: &'a Drawn,
    /// and what it comes to.
    pub(super) outcome: Outcome,
}

impl Words<'_> {
    pub(super) fn expected(&self) -> String {
        let Inputs {
            today,
            factor,
            what_if,
            ..
        } = self.inputs;
        let cache = if what_if.cache_hit_rate.middle() > 0.0 {
            format!(
                " × (1 − {} that the cache answers)",
                show(what_if.cache_hit_rate, percent)
            )
        } else {
            String::new()
        };
        format!(
            "{} requests/s at today's peak × {}{cache} = {} requests/s",
            show(*today, number),
            show(*factor, number),
            number(self.outcome.expected)
        )
    }

    pub(super) fn planned(&self) -> String {
        format!(
            "{} requests/s expected × {}, because an expected peak is a guess = {} requests/s",
            number(self.outcome.expected),
            number(self.inputs.margins.load),
            number(self.outcome.planned)
        )
    }

    fn slowness(&self) -> f64 {
        let what_if = &self.inputs.what_if;
        slowness(what_if.query_share.middle(), what_if.query_faster.middle())
    }

    fn response_time(&self) -> String {
        let what_if = &self.inputs.what_if;
        let time = self.middle.response_time.unwrap_or_default();
        let slowness = self.slowness();
        if slowness == 1.0 {
            return seconds(time);
        }
        format!(
            "{} × (1 − {share} + {share} ÷ {} for the faster query)",
            seconds(time / slowness),
            show(what_if.query_faster, number),
            share = show(what_if.query_share, number),
        )
    }

    pub(super) fn concurrency(&self) -> String {
        format!(
            "Little's law: {} requests/s × {} = {} under way",
            number(self.outcome.planned),
            self.response_time(),
            number(self.outcome.concurrency.unwrap_or_default())
        )
    }

    fn left(&self) -> String {
        let headroom = self.inputs.margins.headroom;
        format!(
            "{} ({} headroom)",
            number(1.0 - headroom),
            percent(headroom)
        )
    }

    fn rounded(replicas: Option<f64>) -> String {
        let replicas = replicas.unwrap_or_default();
        format!(
            "{}, rounded up to {}",
            number(replicas),
            number(up(replicas))
        )
    }

    pub(super) fn by_cpu(&self) -> String {
        let Some(cpu) = &self.inputs.cpu else {
            return String::new();
        };
        format!(
            "{} requests/s × {} of CPU ÷ ({} cores × {}) = {}",
            number(self.outcome.planned),
            show(cpu.per_request, seconds),
            show(cpu.cores, number),
            self.left(),
            Self::rounded(self.outcome.by_cpu)
        )
    }

    pub(super) fn by_memory(&self) -> String {
        let Some(memory) = &self.inputs.memory else {
            return String::new();
        };
        format!(
            "{} under way × {} ÷ ({} limit × {} − {} at rest) = {}",
            number(self.outcome.concurrency.unwrap_or_default()),
            show(memory.per_request, bytes),
            show(memory.limit, bytes),
            self.left(),
            show(memory.at_rest, bytes),
            Self::rounded(self.outcome.by_memory)
        )
    }

    pub(super) fn by_objective(&self) -> String {
        let measured = self.inputs.measured.as_ref().map_or(1, |one| one.replicas);
        let faster = if self.slowness() == 1.0 {
            ""
        } else {
            " (with the faster query)"
        };
        let together = if measured > 1 {
            format!(" (1/{measured} of what {measured} took together)")
        } else {
            String::new()
        };
        format!(
            "{} requests/s ÷ {} requests/s that one replica takes within the objective{together}{faster} = {}",
            number(self.outcome.planned),
            number(self.middle.capacity.unwrap_or_default()),
            Self::rounded(self.outcome.by_objective)
        )
    }

    pub(super) fn total(&self) -> String {
        let spare = self.inputs.margins.spare;
        format!(
            "the largest of these ({} for {}) + {spare} so that {spare} may fail = {}",
            number(self.outcome.replicas - f64::from(spare)),
            self.outcome.first,
            number(self.outcome.replicas)
        )
    }

    pub(super) fn per_replica(&self) -> String {
        format!(
            "{} is the first to run out, at {} requests/s",
            self.outcome.first,
            number(self.outcome.per_replica)
        )
    }

    pub(super) fn headroom(&self) -> String {
        let spare = f64::from(self.inputs.margins.spare);
        format!(
            "{} replicas, {} of them lost, × {} requests/s ÷ {} requests/s expected = {}",
            number(self.outcome.replicas),
            number(spare),
            number(self.outcome.per_replica),
            number(self.outcome.expected),
            number(self.outcome.headroom)
        )
    }

    pub(super) fn headroom_now(&self) -> String {
        format!(
            "{} replicas today, {} of them lost, × {} requests/s ÷ {} requests/s at today's peak = {}",
            self.inputs.replicas_now.unwrap_or_default(),
            self.inputs.margins.spare,
            number(self.outcome.per_replica),
            number(self.middle.today),
            number(self.outcome.headroom_now.unwrap_or_default())
        )
    }

    pub(super) fn cost(&self) -> String {
        let Some(price) = &self.inputs.price else {
            return String::new();
        };
        format!(
            "{} replicas × {} {} per hour",
            number(self.outcome.replicas),
            show(price.per_replica_hour, number),
            price.currency
        )
    }
}
