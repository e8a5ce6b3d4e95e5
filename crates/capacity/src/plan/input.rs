//! What a plan is made from.

use serde::Serialize;

use super::capacity::{self, Capacity, CapacityError, Objective};
use super::{PlanError, Value};
use crate::invalid::{Invalid, check, not_negative, positive};
use crate::model::littles;
use crate::model::usl::Fit;
use crate::points::Points;

/// Everything that is known. Only the first two are always needed; what is missing is named in the plan, or refused.
#[derive(Debug, Clone)]
pub struct Inputs<'a> {
    /// Today's peak, in requests per second.
    pub today: Value,
    /// How many times that is expected.
    pub factor: Value,
    /// Mean response time under load in seconds. If it is missing and there are points, theirs at the capacity is taken, which is
    /// the longest within the objective.
    pub response_time: Option<Value>,
    /// What a replica's CPU does.
    pub cpu: Option<Cpu>,
    /// What a replica's memory does.
    pub memory: Option<Memory>,
    /// What a load test showed.
    pub measured: Option<Measured<'a>>,
    /// What is kept free.
    pub margins: Margins,
    /// How many replicas there are today.
    pub replicas_now: Option<u32>,
    /// What a replica costs.
    pub price: Option<Price>,
    /// What is to be changed before the peak.
    pub what_if: WhatIf,
}

impl<'a> Inputs<'a> {
    /// `factor` times today's peak of `today` requests per second; everything else unknown, and the usual margins.
    pub fn new(today: impl Into<Value>, factor: impl Into<Value>) -> Self {
        Self {
            today: today.into(),
            factor: factor.into(),
            response_time: None,
            cpu: None,
            memory: None,
            measured: None,
            margins: Margins::default(),
            replicas_now: None,
            price: None,
            what_if: WhatIf::default(),
        }
    }

    /// Whether there is anything to draw.
    pub(super) fn is_uncertain(&self) -> bool {
        let is_curve = |one: &Measured<'_>| matches!(one.source, Source::Fit { .. });
        self.values().iter().any(|(_, value, _)| value.is_range())
            || self.measured.as_ref().is_some_and(is_curve)
    }

    /// Every value, what it is, and what it may be.
    fn values(&self) -> Vec<(&'static str, Value, Allowed)> {
        let what_if = &self.what_if;
        let mut all = vec![
            ("today's peak rate", self.today, POSITIVE),
            ("the factor", self.factor, POSITIVE),
            ("the cache's hit rate", what_if.cache_hit_rate, SHARE),
            (
                "the query's share of the response time",
                what_if.query_share,
                SHARE,
            ),
            (
                "how many times faster the query is",
                what_if.query_faster,
                POSITIVE,
            ),
        ];
        all.extend(
            self.response_time
                .map(|one| ("the response time", one, POSITIVE)),
        );
        if let Some(cpu) = &self.cpu {
            all.push(("the CPU time of a request", cpu.per_request, POSITIVE));
            all.push(("the number of cores", cpu.cores, POSITIVE));
        }
        if let Some(memory) = &self.memory {
            all.push(("the memory at rest", memory.at_rest, NOT_NEGATIVE));
            all.push(("the memory of a request", memory.per_request, POSITIVE));
            all.push(("the memory limit", memory.limit, POSITIVE));
        }
        all.extend(
            self.price
                .as_ref()
                .map(|one| ("the price", one.per_replica_hour, POSITIVE)),
        );
        all
    }

    pub(super) fn check(&self) -> Result<(), PlanError> {
        for (what, value, (is_right, must)) in self.values() {
            value.check(what, is_right, must)?;
        }
        self.margins.check()?;
        if self.measured.as_ref().is_some_and(|one| one.replicas == 0) {
            positive("the number of replicas that were measured", 0.0)?;
        }
        if self.cpu.is_none() && self.memory.is_none() && self.measured.is_none() {
            return Err(PlanError::NothingMeasured);
        }
        if self.memory.is_some() && self.response_time.is_none() && self.measured.is_none() {
            return Err(PlanError::NoResponseTime);
        }
        Ok(())
    }
}

/// A test, and the same in words.
type Allowed = (fn(f64) -> bool, &'static str);

/// The largest input. Products of a few of them are still far from infinite.
const LARGEST: f64 = 1e15;

/// The smallest that is not zero: quotients are far from infinite too.
const SMALLEST: f64 = 1e-15;

const POSITIVE: Allowed = (
    |one| (SMALLEST..=LARGEST).contains(&one),
    "above 0 (1e-15 to 1e15)",
);
const NOT_NEGATIVE: Allowed = (
    |one| (0.0..=LARGEST).contains(&one),
    "at least 0 and at most 1e15",
);
const SHARE: Allowed = (|one| (0.0..1.0).contains(&one), "at least 0 and below 1");

/// What a replica's CPU does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cpu {
    /// CPU-seconds per request.
    pub per_request: Value,
    /// Cores that a replica may use.
    pub cores: Value,
}

impl Cpu {
    /// From one measurement of one replica: `busy` cores at `throughput` requests per second (service demand law).
    ///
    /// # Errors
    /// A number that is not above 0, or more busy cores than there are.
    pub fn measured(busy: f64, throughput: f64, cores: f64) -> Result<Self, Invalid> {
        positive("the number of cores", cores)?;
        positive("the number of busy cores", busy)?;
        check(
            "the number of busy cores",
            busy,
            busy <= cores * 1.01,
            "at most the number of cores",
        )?;
        Ok(Self {
            per_request: littles::demand(busy, throughput)?.into(),
            cores: cores.into(),
        })
    }
}

/// What a replica's memory does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Memory {
    /// Bytes without any request.
    pub at_rest: Value,
    /// Bytes more for each request under way.
    pub per_request: Value,
    /// Bytes that a replica may use.
    pub limit: Value,
}

impl Memory {
    /// From two measurements of one replica: bytes `at_rest`, and bytes `busy` with `concurrency` requests under way.
    ///
    /// # Errors
    /// A number out of its range, or memory that did not grow under load.
    pub fn measured(
        at_rest: f64,
        busy: f64,
        concurrency: f64,
        limit: f64,
    ) -> Result<Self, Invalid> {
        not_negative("the memory at rest", at_rest)?;
        check(
            "the memory under load",
            busy,
            busy > at_rest,
            "above the memory at rest; measure at a higher concurrency",
        )?;
        let concurrency = positive("the concurrency", concurrency)?;
        Ok(Self {
            at_rest: at_rest.into(),
            per_request: ((busy - at_rest) / concurrency).into(),
            limit: positive("the memory limit", limit)?.into(),
        })
    }
}

/// What a load test showed of some replicas.
#[derive(Debug, Clone)]
pub struct Measured<'a> {
    /// How capacity follows.
    pub source: Source<'a>,
    /// How many replicas took the load together. Their capacity is taken to grow with their number, which what they share
    /// (a database) may not allow: measure with as many as possible.
    pub replicas: u32,
}

/// How capacity follows from a load test.
#[derive(Debug, Clone)]
pub enum Source<'a> {
    /// From a curve; its uncertainty becomes that of the plan.
    Fit {
        /// The curve.
        fit: &'a Fit,
        /// Without one, capacity is the curve's peak.
        objective: Option<Objective>,
    },
    /// From the points themselves, whose latency is of the objective's measure.
    Points {
        /// They have a latency.
        points: &'a Points,
        /// What must hold.
        objective: Objective,
    },
}

impl Measured<'_> {
    /// Of all the measured replicas together.
    pub(super) fn capacity(&self) -> Result<Capacity, CapacityError> {
        match &self.source {
            Source::Fit { fit, objective } => capacity::within(fit, objective.as_ref()),
            Source::Points { points, objective } => capacity::within_points(points, objective),
        }
    }
}

/// What is kept free. The defaults are the project's rule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Margins {
    /// The share of CPU and memory that stays unused at the planned load: 0.2.
    pub headroom: f64,
    /// How many times the expected load is planned for: 2.
    pub load: f64,
    /// How many replicas may fail: 1.
    pub spare: u32,
}

impl Default for Margins {
    fn default() -> Self {
        Self {
            headroom: 0.2,
            load: 2.0,
            spare: 1,
        }
    }
}

impl Margins {
    fn check(&self) -> Result<(), Invalid> {
        let Self {
            headroom,
            load,
            spare,
        } = *self;
        check(
            "the headroom",
            headroom,
            (0.0..1.0).contains(&headroom),
            "at least 0 and below 1",
        )?;
        check(
            "how many times the load is planned for",
            load,
            (1.0..=1000.0).contains(&load),
            "1 to 1000",
        )?;
        check(
            "the number of spare replicas",
            f64::from(spare),
            spare <= 1000,
            "at most 1000",
        )?;
        Ok(())
    }
}

/// What a replica costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Price {
    /// For one hour.
    pub per_replica_hour: Value,
    /// As it is to be shown: "EUR".
    pub currency: String,
}

/// What is to be changed before the peak. The default changes nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WhatIf {
    /// The share of requests that a new cache will answer: the rate becomes rate × (1 − h).
    pub cache_hit_rate: Value,
    /// Which share of the response time is the query (0 to 1). The response time becomes R × (1 − s + s/k), as Amdahl has it; CPU
    /// per request is taken to stay.
    pub query_share: Value,
    /// How many times faster the query gets: k.
    pub query_faster: Value,
}

impl Default for WhatIf {
    fn default() -> Self {
        Self {
            cache_hit_rate: 0.0.into(),
            query_share: 0.0.into(),
            query_faster: 1.0.into(),
        }
    }
}
