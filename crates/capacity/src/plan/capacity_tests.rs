use super::*;
use crate::model::usl;
use crate::points::Point;

fn synthetic() -> Fit {
    let text =
        b"concurrency,throughput\n1,100\n2,188.68\n4,307.69\n6,352.94\n8,353.98\n10,335.57\n";
    usl::fit(&Points::parse(text).expect("points")).expect("a fit")
}

fn latencies(all: &[(f64, f64, f64)]) -> Points {
    let point = |(n, x, r): &(f64, f64, f64)| Point::new(*n, *x).with_latency(*r);
    Points::new(all.iter().map(point).collect()).expect("in range")
}

#[test]
fn the_objective_says_how_many_may_be_under_way() {
    // R(4) = 4 / 307.69 = 13 ms.
    let objective = Objective::mean(0.013).expect("in range");
    let capacity = within(&synthetic(), Some(&objective)).expect("it is reached");
    assert!((capacity.concurrency - 4.0).abs() < 0.01, "{capacity:?}");
    assert!((capacity.rate - 307.69).abs() < 0.1);
    assert_eq!(capacity.bound, Bound::Objective);
    assert!(capacity.rule.contains("13 ms"), "{}", capacity.rule);
    // The same from a p95 that is exponential: −ln(0.05) = 3.0 times the mean.
    let objective = Objective::exponential(0.95, 0.013 * 20f64.ln()).expect("in range");
    let by_percentile = within(&synthetic(), Some(&objective)).expect("it is reached");
    assert!((by_percentile.rate / capacity.rate - 1.0).abs() < 1e-9);
    assert!(
        by_percentile
            .rule
            .starts_with("p95 of at most 38.94 ms (2.996 times the mean"),
        "{}",
        by_percentile.rule
    );
}

#[test]
fn a_wide_objective_ends_at_the_peak() {
    let objective = Objective::mean(10.0).expect("in range");
    let capacity = within(&synthetic(), Some(&objective)).expect("a peak");
    assert_eq!(capacity.bound, Bound::Peak);
    assert!((capacity.concurrency - 7.0).abs() < 0.01);
    let without = within(&synthetic(), None).expect("a peak");
    assert_eq!(without.rate, capacity.rate);
}

#[test]
fn what_the_points_do_not_bear_is_refused() {
    let objective = Objective::mean(0.005).expect("in range");
    let error = within(&synthetic(), Some(&objective)).expect_err("one request takes 10 ms");
    assert!(matches!(error, CapacityError::TooSlow { .. }), "{error}");
    // Linear growth to 8: nothing is known of 17 and more.
    let text = b"concurrency,throughput\n1,10\n2,20\n3,30\n4,39.9\n6,60.1\n8,80\n";
    let fit = usl::fit(&Points::parse(text).expect("points")).expect("a fit");
    let objective = Objective::mean(1.0).expect("in range");
    let error = within(&fit, Some(&objective)).expect_err("too far");
    assert!(
        matches!(
            error,
            CapacityError::Refusal(Refusal::Extrapolation { .. } | Refusal::NotBeyondKnee { .. })
        ),
        "{error}"
    );
    assert!(within(&fit, None).is_err());
    assert!(Objective::mean(0.0).is_err());
    assert!(Objective::percentile(1.0, 1.0, 2.0).is_err());
    assert!(Objective::percentile(0.0, 1.0, 2.0).is_err());
    assert!(Objective::exponential(0.95, f64::NAN).is_err());
}

#[test]
fn points_with_percentiles_need_no_curve() {
    let points = latencies(&[(1.0, 10.0, 0.1), (8.0, 70.0, 0.2), (16.0, 90.0, 0.6)]);
    let objective = |within| Objective::percentile(0.95, within, 1.0).expect("in range");
    let half = within_points(&points, &objective(0.4)).expect("it breaks between");
    assert!(
        (half.rate - 80.0).abs() < 1e-9 && (half.concurrency - 12.0).abs() < 1e-9,
        "{half:?}"
    );
    assert_eq!(half.bound, Bound::Objective);
    assert!(matches!(
        within_points(&points, &objective(0.05)),
        Err(CapacityError::TooSlow { .. })
    ));
    assert_eq!(
        within_points(&points, &objective(0.6)),
        Err(CapacityError::NeverBroken { at_least: 90.0 })
    );
    // The fastest level of load is not the last one that keeps the objective.
    let falling = latencies(&[(1.0, 10.0, 0.1), (8.0, 90.0, 0.2), (16.0, 70.0, 0.6)]);
    let peak = within_points(&falling, &objective(1.0)).expect("throughput fell");
    assert_eq!((peak.rate, peak.bound), (90.0, Bound::Peak));
    let without = Points::new(vec![Point::new(1.0, 1.0)]).expect("in range");
    assert_eq!(
        within_points(&without, &objective(1.0)),
        Err(CapacityError::NoLatency)
    );
}

#[test]
fn the_ratio_of_percentile_and_mean_is_the_median_one() {
    let points = latencies(&[(1.0, 10.0, 0.3), (10.0, 50.0, 0.6), (20.0, 50.0, 1.6)]);
    let ratio = measured_ratio(&points).expect("they have a latency");
    assert!((ratio - 3.0).abs() < 1e-12, "{ratio}");
}
