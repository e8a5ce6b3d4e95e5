//! The planner's rule by hand, its ranges, and what it refuses.

use proptest::prelude::*;
use tenfold_capacity::Points;
use tenfold_capacity::model::usl::{self, Fit};
use tenfold_capacity::plan::{
    Answer, Bound, Cpu, Inputs, Margins, Measured, Memory, Objective, Plan, PlanError, Price,
    Resource, Source, Spread, Value, WhatIf, plan,
};

/// 400 requests/s today, ten times that expected; 2 ms of CPU, 100 ms of response time, 1 MB for each request under way.
fn shop() -> Inputs<'static> {
    let mut inputs = Inputs::new(400.0, 10.0);
    inputs.response_time = Some(0.1.into());
    inputs.cpu = Some(Cpu {
        per_request: 0.002.into(),
        cores: 2.0.into(),
    });
    inputs.memory = Some(Memory {
        at_rest: 200e6.into(),
        per_request: 1e6.into(),
        limit: 1e9.into(),
    });
    inputs
}

fn sparccenter() -> Fit {
    let text = b"concurrency,throughput\n1,64.9\n18,995.9\n36,1652.4\n72,1853.2\n108,1828.9\n144,1775\n216,1702.2\n";
    usl::fit(&Points::parse(text).expect("points")).expect("a fit")
}

fn exact(value: Spread) -> f64 {
    assert!(value.is_exact(), "{value:?}");
    value.p50
}

fn planned(inputs: &Inputs<'_>) -> Plan {
    plan(inputs, 1).expect("there is a plan")
}

#[test]
fn the_rule_by_hand() {
    let plan = planned(&shop());
    assert_eq!(exact(plan.expected_rate.value), 4000.0);
    assert_eq!(exact(plan.planned_rate.value), 8000.0);
    assert_eq!(
        exact(plan.concurrency.as_ref().expect("known").value),
        800.0
    );
    let replicas = &plan.replicas;
    // 8,000 × 2 ms ÷ (2 × 0.8) = 10. 800 × 1 MB ÷ (1 GB × 0.8 − 200 MB) = 1.33.
    assert_eq!(exact(replicas.by_cpu.as_ref().expect("known").value), 10.0);
    assert_eq!(
        exact(replicas.by_memory.as_ref().expect("known").value),
        2.0
    );
    assert_eq!(replicas.by_objective, None);
    assert_eq!(exact(replicas.total.value), 11.0);
    assert_eq!(exact(plan.per_replica.value), 800.0);
    assert_eq!(exact(plan.headroom.value), 2.0);
    assert_eq!(plan.first_to_run_out.len(), 1);
    assert_eq!(plan.first_to_run_out[0].resource, Resource::Cpu);
    assert_eq!(plan.first_to_run_out[0].share, 1.0);
    assert_eq!(plan.unknown.len(), 1);
    assert!(plan.unknown[0].contains("no points"));
}

#[test]
fn every_answer_says_where_it_comes_from() {
    let mut inputs = shop();
    inputs.replicas_now = Some(3);
    inputs.price = Some(Price {
        per_replica_hour: 0.05.into(),
        currency: "EUR".to_owned(),
    });
    let plan = planned(&inputs);
    let rules: Vec<&str> = plan.answers().iter().map(|one| one.rule.as_str()).collect();
    assert_eq!(
        rules,
        [
            "400 requests/s at today's peak × 10 = 4000 requests/s",
            "4000 requests/s expected × 2, because an expected peak is a guess = 8000 requests/s",
            "Little's law: 8000 requests/s × 100 ms = 800 under way",
            "8000 requests/s × 2 ms of CPU ÷ (2 cores × 0.8 (20 % headroom)) = 10, rounded up to 10",
            "800 under way × 976.6 KiB ÷ (953.7 MiB limit × 0.8 (20 % headroom) − 190.7 MiB at rest) = 1.333, rounded up to 2",
            "the largest of these (10 for CPU) + 1 so that 1 may fail = 11",
            "CPU is the first to run out, at 800 requests/s",
            "11 replicas, 1 of them lost, × 800 requests/s ÷ 4000 requests/s expected = 2",
            "3 replicas today, 1 of them lost, × 800 requests/s ÷ 400 requests/s at today's peak = 4",
            "11 replicas × 0.05 EUR per hour",
            "cost per hour × 730 h",
        ]
    );
    assert_eq!(exact(plan.headroom_now.expect("asked for").value), 4.0);
    assert!((exact(plan.cost_per_hour.expect("priced").value) - 0.55).abs() < 1e-12);
    assert!((exact(plan.cost_per_month.expect("priced").value) - 401.5).abs() < 1e-9);
}

#[test]
fn memory_may_be_the_first_to_run_out() {
    let mut inputs = shop();
    inputs.response_time = Some(2.0.into());
    let plan = planned(&inputs);
    assert_eq!(plan.first_to_run_out[0].resource, Resource::Memory);
    // 16,000 under way × 1 MB ÷ 600 MB = 26.7.
    assert_eq!(exact(plan.replicas.total.value), 28.0);
}

#[test]
fn measurements_become_inputs() {
    // Half of two cores at 500 requests/s are 2 ms each; 50 MB more with 50 under way are 1 MB each.
    let cpu = Cpu::measured(1.0, 500.0, 2.0).expect("in range");
    let memory = Memory::measured(200e6, 250e6, 50.0, 1e9).expect("in range");
    assert_eq!((Some(cpu), Some(memory)), (shop().cpu, shop().memory));
    assert!(Cpu::measured(3.0, 500.0, 2.0).is_err());
    assert!(Cpu::measured(0.0, 500.0, 2.0).is_err());
    assert!(Memory::measured(200e6, 200e6, 50.0, 1e9).is_err());
    assert!(Memory::measured(-1.0, 200e6, 50.0, 1e9).is_err());
}

#[test]
fn a_cache_takes_its_share_of_the_rate() {
    let mut inputs = shop();
    inputs.what_if.cache_hit_rate = 0.72.into();
    let plan = planned(&inputs);
    assert!((exact(plan.expected_rate.value) - 1120.0).abs() < 1e-9);
    // 10 × 0.28 = 2.8.
    assert_eq!(exact(plan.replicas.total.value), 4.0);
    assert!(
        plan.expected_rate
            .rule
            .contains("72 % that the cache answers")
    );
}

#[test]
fn a_faster_query_takes_its_share_of_the_time() {
    let mut inputs = shop();
    inputs.what_if.query_share = 0.6.into();
    inputs.what_if.query_faster = 3.0.into();
    let plan = planned(&inputs);
    // 1 − 0.6 + 0.2 = 0.6 of the time, and so of what is under way; CPU stays.
    assert!((exact(plan.concurrency.expect("known").value) - 480.0).abs() < 1e-9);
    assert_eq!(exact(plan.replicas.total.value), 11.0);
}

#[test]
fn a_curve_limits_what_a_replica_takes() {
    let fit = sparccenter();
    let mut inputs = shop();
    inputs.measured = Some(Measured {
        source: Source::Fit {
            fit: &fit,
            objective: Some(Objective::mean(0.03).expect("in range")),
        },
        replicas: 4,
    });
    let plan = planned(&inputs);
    let capacity = plan.capacity.expect("asked for");
    assert_eq!(capacity.bound, Bound::Objective);
    let by_objective = plan.replicas.by_objective.expect("asked for");
    // 1,647 requests/s of four replicas, 412 of one.
    let wanted = (8000.0 / (capacity.rate / 4.0)).ceil();
    assert!(
        (by_objective.value.p50 - wanted).abs() <= 1.0,
        "{by_objective:?} {capacity:?}"
    );
    assert!(by_objective.value.p5 <= by_objective.value.p50);
    assert!(
        by_objective.value.p95 > by_objective.value.p5,
        "the fit is uncertain"
    );
    assert!(plan.unknown.is_empty());
    assert_eq!(plan.first_to_run_out[0].resource, Resource::Objective);
    // Twice as fast is more than twice the capacity: twice the speed, and more under way within the objective.
    inputs.what_if.query_share = 0.999_999.into();
    inputs.what_if.query_faster = 2.0.into();
    let faster = planned(&inputs).replicas.by_objective.expect("asked for");
    assert!(faster.value.p50 <= (wanted / 2.0).ceil(), "{faster:?}");
}

#[test]
fn the_response_time_may_come_from_the_points() {
    let points = Points::parse(b"concurrency,throughput,latency\n1,10,0.1\n8,70,0.2\n16,90,0.6\n")
        .expect("points");
    let mut inputs = shop();
    inputs.response_time = None;
    inputs.measured = Some(Measured {
        source: Source::Points {
            points: &points,
            objective: Objective::mean(0.4).expect("in range"),
        },
        replicas: 1,
    });
    let plan = planned(&inputs);
    // Twelve under way complete 80 requests/s: 150 ms.
    assert!((exact(plan.concurrency.expect("known").value) - 1200.0).abs() < 1e-6);
    assert_eq!(exact(plan.replicas.total.value), 101.0);
}

#[test]
fn ranges_give_percentiles_that_a_seed_repeats() {
    let mut inputs = shop();
    inputs.factor = (8.0..=12.0).into();
    inputs.cpu = Some(Cpu {
        per_request: (0.0015..=0.0025).into(),
        cores: 2.0.into(),
    });
    let one = plan(&inputs, 7).expect("a plan");
    assert_eq!(one, plan(&inputs, 7).expect("a plan"));
    assert_ne!(one, plan(&inputs, 8).expect("a plan"));
    let rate = one.expected_rate.value;
    // Uniform from 3,200 to 4,800.
    assert!((rate.p5 - 3280.0).abs() < 20.0, "{rate:?}");
    assert!((rate.p50 - 4000.0).abs() < 20.0, "{rate:?}");
    assert!((rate.p95 - 4720.0).abs() < 20.0, "{rate:?}");
    let total = one.replicas.total.value;
    assert!(total.p5 < total.p50 && total.p50 < total.p95, "{total:?}");
    assert_eq!(total.p50.fract(), 0.0);
    assert!(one.replicas.total.rule.contains("= 11"));
    assert!(one.expected_rate.rule.contains("× 8 to 12"));
}

#[test]
fn nothing_is_guessed() {
    let refused = |change: &dyn Fn(&mut Inputs<'static>)| {
        let mut inputs = shop();
        change(&mut inputs);
        plan(&inputs, 1).expect_err("it is refused")
    };
    let nothing = refused(&|inputs| (inputs.cpu, inputs.memory) = (None, None));
    assert_eq!(nothing, PlanError::NothingMeasured);
    assert!(nothing.to_string().contains("CPU-seconds per request"));
    assert_eq!(
        refused(&|inputs| inputs.response_time = None),
        PlanError::NoResponseTime
    );
    let full = refused(&|inputs| {
        inputs.memory = Some(Memory {
            at_rest: 900e6.into(),
            per_request: 1e6.into(),
            limit: 1e9.into(),
        });
    });
    assert!(
        full.to_string().contains("80 % of its memory limit"),
        "{full}"
    );
    let now_and_then = refused(&|inputs| {
        inputs.memory = Some(Memory {
            at_rest: (600e6..=900e6).into(),
            per_request: 1e6.into(),
            limit: 1e9.into(),
        });
    });
    assert!(
        now_and_then.to_string().starts_with("in 3"),
        "{now_and_then}"
    );
}

#[test]
fn inputs_out_of_range_are_named() {
    type Change = fn(&mut Inputs<'static>);
    let bad: [(&str, Change); 9] = [
        ("today's peak rate", |inputs| inputs.today = 0.0.into()),
        ("today's peak rate", |inputs| inputs.today = f64::NAN.into()),
        ("the factor", |inputs| inputs.factor = (10.0..=5.0).into()),
        ("the factor", |inputs| inputs.factor = (-1.0..=5.0).into()),
        ("the response time", |inputs| {
            inputs.response_time = Some(1e99.into());
        }),
        ("hit rate", |inputs| {
            inputs.what_if = WhatIf {
                cache_hit_rate: 1.0.into(),
                ..WhatIf::default()
            }
        }),
        ("query", |inputs| {
            inputs.what_if = WhatIf {
                query_faster: 0.0.into(),
                ..WhatIf::default()
            }
        }),
        ("headroom", |inputs| inputs.margins.headroom = 1.0),
        ("load", |inputs| inputs.margins.load = 0.5),
    ];
    for (what, change) in bad {
        let mut inputs = shop();
        change(&mut inputs);
        let error = plan(&inputs, 1).expect_err(what);
        assert!(matches!(error, PlanError::Invalid(_)), "{error}");
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[test]
fn plans_are_json() {
    let json = serde_json::to_value(planned(&shop())).expect("it is plain data");
    assert_eq!(json["replicas"]["total"]["value"]["p50"], 11.0);
    assert_eq!(json["first_to_run_out"][0]["resource"], "cpu");
    let json = serde_json::to_value(sparccenter()).expect("it is plain data");
    assert_eq!(json["alpha"]["is_at_bound"], false);
}

fn any_value(low: f64, high: f64) -> impl Strategy<Value = Value> {
    (low..high, 0.0..1.0f64, any::<bool>()).prop_map(move |(at, width, is_range)| {
        if is_range {
            (at..=at + width * (high - at)).into()
        } else {
            at.into()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_planned_replicas_hold_their_margins(
        today in any_value(0.1, 1e5),
        factor in any_value(0.5, 20.0),
        response in any_value(1e-3, 5.0),
        cpu in any_value(1e-5, 0.5),
        per_request in any_value(1e3, 1e8),
        headroom in 0.0..0.6f64,
        spare in 0..4u32,
    ) {
        let mut inputs = Inputs::new(today, factor);
        inputs.response_time = Some(response);
        inputs.cpu = Some(Cpu { per_request: cpu, cores: 4.0.into() });
        inputs.memory = Some(Memory { at_rest: 1e8.into(), per_request, limit: 1e9.into() });
        inputs.margins = Margins { headroom, load: 2.0, spare };
        let plan = planned(&inputs);
        prop_assert!(plan.headroom.value.p5 >= 2.0 * (1.0 - 1e-9), "{:?}", plan.headroom);
        let total = plan.replicas.total.value;
        let by = |answer: &Option<Answer>| answer.as_ref().expect("known").value;
        let (cpu, memory) = (by(&plan.replicas.by_cpu), by(&plan.replicas.by_memory));
        prop_assert!(total.p50 >= cpu.p50.max(memory.p50) + f64::from(spare));
        prop_assert!(total.p5 <= total.p50 && total.p50 <= total.p95);
        let shares: f64 = plan.first_to_run_out.iter().map(|one| one.share).sum();
        prop_assert!((shares - 1.0).abs() < 1e-9);
        for answer in plan.answers() {
            prop_assert!(answer.value.p95.is_finite() && !answer.rule.contains("NaN"), "{answer:?}");
        }
    }
}
