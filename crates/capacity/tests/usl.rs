//! The fit against published coefficients, against brute force at its bounds, and against data that bears none.

use proptest::prelude::*;
use tenfold_capacity::model::usl::{self, Fit, Refusal, Regime, Usl};
use tenfold_capacity::{Point, Points};

/// SPEC SDM91 on a SPARCcenter 2000 (R package `usl`, data set `specsdm91`).
const SPECSDM91: &[(f64, f64)] = &[
    (1.0, 64.9),
    (18.0, 995.9),
    (36.0, 1652.4),
    (72.0, 1853.2),
    (108.0, 1828.9),
    (144.0, 1775.0),
    (216.0, 1702.2),
];

/// A Cisco server under a database benchmark, by threads (B. Schwartz, "Practical Scalability Analysis with the Universal
/// Scalability Law", 2015).
const CISCO: &[f64] = &[
    955.16, 1878.91, 2688.01, 3548.68, 4315.54, 5130.43, 5931.37, 6531.08, 7219.8, 7867.61,
    8278.71, 8646.7, 9047.84, 9426.55, 9645.37, 9897.24, 10097.6, 10240.5, 10532.39, 10798.52,
    11151.43, 11518.63, 11806.0, 12089.37, 12075.41, 12177.29, 12211.41, 12158.93, 12155.27,
    12118.04, 12140.4, 12074.39,
];

/// The law itself with α = β = 0.02 and γ = 1, rounded to four places.
const SYNTHETIC: &[(f64, f64)] = &[
    (1.0, 1.0),
    (2.0, 1.8868),
    (4.0, 3.0769),
    (6.0, 3.5294),
    (8.0, 3.5398),
    (10.0, 3.3557),
];

fn points(data: &[(f64, f64)]) -> Points {
    Points::new(data.iter().map(|(n, x)| Point::new(*n, *x)).collect()).expect("they are in range")
}

fn fit(data: &[(f64, f64)]) -> Result<Fit, Refusal> {
    usl::fit(&points(data))
}

fn cisco() -> Vec<(f64, f64)> {
    (1u8..).map(f64::from).zip(CISCO.iter().copied()).collect()
}

/// That the first `digits` digits that count agree.
#[track_caller]
fn agrees(found: f64, published: f64, digits: i32) {
    let off = (found / published - 1.0).abs();
    assert!(
        off < 0.5 * 10f64.powi(1 - digits),
        "{found} instead of {published}"
    );
}

#[test]
fn the_sparccenter_has_its_published_coefficients() {
    let fit = fit(SPECSDM91).expect("it bears a fit");
    agrees(fit.alpha.value, 0.027_728_5, 6);
    agrees(fit.alpha.error, 0.009_121_7, 5);
    agrees(fit.beta.value, 0.000_104_4, 4);
    agrees(fit.beta.error, 1.99e-5, 3);
    agrees(fit.gamma.value, 89.995_233_0, 8);
    agrees(fit.gamma.error, 14.213_489_4, 7);
    let peak = fit.peak().expect("throughput falls");
    agrees(peak.throughput, 1884.0, 4);
    agrees(peak.concurrency, 96.52, 4);
    agrees(fit.curve().limit().expect("contention"), 3246.0, 4);
    assert_eq!(fit.regime().regime, Regime::Coherency);
    assert_eq!(fit.degrees_of_freedom, 4);
    // R's summary: residuals from -81.7 to 111.1, four degrees of freedom.
    let residual = |of: fn(f64, f64) -> f64| {
        fit.residuals
            .iter()
            .map(|one| one.residual)
            .reduce(of)
            .expect("points")
    };
    agrees(residual(f64::min), -81.7, 3);
    agrees(residual(f64::max), 111.1, 4);
    assert!(
        fit.r_squared > 0.98 && fit.r_squared < 1.0,
        "{}",
        fit.r_squared
    );
    // 2.776 standard errors to either side.
    agrees(fit.alpha.low, 0.027_728_5 - 2.776_445 * 0.009_121_7, 3);
    agrees(fit.alpha.high, 0.027_728_5 + 2.776_445 * 0.009_121_7, 4);
}

#[test]
fn schwartz_cisco_server_has_its_published_coefficients() {
    let fit = fit(&cisco()).expect("it bears a fit");
    agrees(fit.alpha.value, 0.026_715_91, 5);
    agrees(fit.beta.value, 7.690_945e-4, 5);
    agrees(fit.gamma.value, 995.6486, 6);
    // The book rounds the peak's concurrency down before it takes the throughput there.
    agrees(fit.throughput(35.0).expect("within reach"), 12_341.745, 7);
    // The highest concurrency is 32, and the curve would peak at 35.6.
    let Err(Refusal::NotBeyondKnee { peak, measured }) = fit.peak() else {
        panic!("{:?}", fit.peak())
    };
    agrees(peak, 35.57, 4);
    assert_eq!(measured, 32.0);
}

#[test]
fn the_synthetic_set_gives_what_made_it() {
    let fit = fit(SYNTHETIC).expect("it bears a fit");
    agrees(fit.alpha.value, 0.02, 3);
    agrees(fit.beta.value, 0.02, 4);
    agrees(fit.gamma.value, 1.0, 4);
    agrees(fit.peak().expect("throughput falls").concurrency, 7.0, 4);
    assert!(fit.r_squared > 0.999_999);
}

/// The least sum of squares over a grid of α and β, with the γ that suits each best, made finer around the best cell.
fn brute_force(data: &[(f64, f64)]) -> (f64, f64, f64) {
    let squares = |alpha: f64, beta: f64| {
        let shape = Usl::new(alpha, beta, 1.0).expect("the grid is in range");
        let (product, square) = data.iter().fold((0.0, 0.0), |(product, square), (n, x)| {
            let at = shape.throughput(*n);
            (product + x * at, square + at * at)
        });
        let gamma = product / square;
        let rest = |(n, x): &(f64, f64)| (x - gamma * shape.throughput(*n)).powi(2);
        data.iter().map(rest).sum::<f64>()
    };
    let mut best = (f64::INFINITY, 0.0, 0.0);
    let (mut alphas, mut betas) = ((0.0, 1.0), (0.0, 0.1));
    for _ in 0..40 {
        for at in 0..=60 {
            for other in 0..=60 {
                let alpha = alphas.0 + (alphas.1 - alphas.0) * f64::from(at) / 60.0;
                let beta = betas.0 + (betas.1 - betas.0) * f64::from(other) / 60.0;
                let sum = squares(alpha, beta);
                if sum < best.0 {
                    best = (sum, alpha, beta);
                }
            }
        }
        let around = |(low, high): (f64, f64), at: f64| {
            let width = (high - low) / 3.0;
            ((at - width / 2.0).max(0.0), at + width / 2.0)
        };
        (alphas, betas) = (around(alphas, best.1), around(betas, best.2));
    }
    best
}

fn sum_of_squares(fit: &Fit) -> f64 {
    fit.residuals.iter().map(|one| one.residual.powi(2)).sum()
}

/// Throughput that still grows a little faster than contention alone lets it: without the bound β is below zero.
const NEGATIVE_BETA: &[(f64, f64)] = &[
    (1.0, 100.0),
    (2.0, 180.0),
    (4.0, 290.0),
    (8.0, 425.0),
    (16.0, 560.0),
    (32.0, 720.0),
    (64.0, 990.0),
];

/// Throughput that grows faster than linearly at first (caches that warm up): without the bound α is below zero.
const NEGATIVE_ALPHA: &[(f64, f64)] = &[
    (1.0, 90.0),
    (2.0, 195.0),
    (4.0, 420.0),
    (8.0, 800.0),
    (12.0, 1000.0),
    (16.0, 1010.0),
    (24.0, 820.0),
];

#[test]
fn at_the_bound_of_beta_the_optimum_is_the_true_one() {
    let fit = fit(NEGATIVE_BETA).expect("it bears a fit");
    let (least, alpha, beta) = brute_force(NEGATIVE_BETA);
    assert!(fit.beta.value == 0.0 && beta < 1e-9, "{beta}");
    assert!(fit.beta.is_at_bound && !fit.alpha.is_at_bound);
    agrees(fit.alpha.value, alpha, 5);
    assert!(sum_of_squares(&fit) <= least * (1.0 + 1e-9));
    // The two other coefficients are those of the bounded problem: cutting the unbounded result off at zero keeps its
    // α and γ, which are others and worse.
    let (alpha, beta, gamma) = unbounded(NEGATIVE_BETA);
    assert!(beta < 0.0, "{beta}");
    let cut = Usl::new(alpha, 0.0, gamma).expect("in range");
    let of_cut: f64 = NEGATIVE_BETA
        .iter()
        .map(|(n, x)| (x - cut.throughput(*n)).powi(2))
        .sum();
    assert!(of_cut > least * 1.5, "{of_cut} and {least}");
    assert_eq!(fit.regime().regime, Regime::Contention);
    assert!(matches!(fit.peak(), Err(Refusal::NoPeak { .. })));
}

#[test]
fn at_the_bound_of_alpha_the_optimum_is_the_true_one() {
    let fit = fit(NEGATIVE_ALPHA).expect("it bears a fit");
    let (least, alpha, beta) = brute_force(NEGATIVE_ALPHA);
    assert!(fit.alpha.value == 0.0 && alpha < 1e-9, "{alpha}");
    agrees(fit.beta.value, beta, 5);
    assert!(sum_of_squares(&fit) <= least * (1.0 + 1e-9));
    assert!(unbounded(NEGATIVE_ALPHA).0 < 0.0);
    assert_eq!(fit.regime().regime, Regime::Coherency);
    assert_eq!(fit.curve().limit(), None);
}

/// The optimum without bounds: only to show what the sets of these tests are.
fn unbounded(data: &[(f64, f64)]) -> (f64, f64, f64) {
    let start = fit(data).expect("it bears a fit");
    let mut at = [start.alpha.value, start.beta.value, start.gamma.value];
    let curve =
        |at: [f64; 3], n: f64| at[2] * n / (1.0 + at[0] * (n - 1.0) + at[1] * n * (n - 1.0));
    let squares = |at: [f64; 3]| {
        data.iter()
            .map(|(n, x)| (x - curve(at, *n)).powi(2))
            .sum::<f64>()
    };
    // Coordinate by coordinate with steps that shrink: slow, and beyond doubt.
    let mut steps = at.map(|one| one.abs().max(1e-4) * 0.1);
    for _ in 0..200_000 {
        let mut is_better = false;
        for place in 0..3 {
            for sign in [1.0, -1.0] {
                let mut next = at;
                next[place] += sign * steps[place];
                if squares(next) < squares(at) {
                    (at, is_better) = (next, true);
                    steps[place] *= 1.5;
                } else {
                    steps[place] *= 0.7;
                }
            }
        }
        if !is_better
            && steps
                .iter()
                .zip(at)
                .all(|(step, value)| *step < 1e-13 * value.abs())
        {
            break;
        }
        for (step, value) in steps.iter_mut().zip(at) {
            *step = step.max(1e-14 * value.abs());
        }
    }
    (at[0], at[1], at[2])
}

#[test]
fn linear_growth_has_neither_contention_nor_coherency() {
    let data: Vec<(f64, f64)> = (1..10)
        .map(|n| (f64::from(n), 50.0 * f64::from(n)))
        .collect();
    let fit = fit(&data).expect("it bears a fit");
    assert_eq!((fit.alpha.value, fit.beta.value), (0.0, 0.0));
    agrees(fit.gamma.value, 50.0, 9);
    assert_eq!(fit.regime().regime, Regime::Linear);
    assert!(fit.regime().words.starts_with("linear"));
    assert!(matches!(fit.peak(), Err(Refusal::NoPeak { .. })));
}

#[test]
fn units_and_order_do_not_matter() {
    let plain = fit(SPECSDM91).expect("it bears a fit");
    let mut other: Vec<(f64, f64)> = SPECSDM91.iter().map(|(n, x)| (*n, x * 1e6)).collect();
    other.reverse();
    let other = fit(&other).expect("it bears a fit");
    agrees(other.alpha.value, plain.alpha.value, 7);
    agrees(other.beta.error, plain.beta.error, 6);
    agrees(other.gamma.value, plain.gamma.value * 1e6, 7);
    agrees(other.r_squared, plain.r_squared, 9);
}

#[test]
fn repetitions_narrow_the_interval() {
    let twice: Vec<(f64, f64)> = SPECSDM91.iter().chain(SPECSDM91).copied().collect();
    let (once, twice) = (fit(SPECSDM91).expect("fit"), fit(&twice).expect("fit"));
    agrees(twice.alpha.value, once.alpha.value, 7);
    assert!(twice.alpha.error < once.alpha.error);
    assert_eq!(twice.degrees_of_freedom, 11);
}

#[test]
fn hopeless_data_is_refused() {
    let refusal = |data: &[(f64, f64)]| fit(data).expect_err("it is hopeless");
    let five = refusal(&SPECSDM91[..5]);
    assert_eq!(
        five,
        Refusal::TooFewPoints {
            points: 5,
            concurrencies: 5
        }
    );
    assert!(
        five.to_string()
            .contains("six or more different concurrencies")
    );
    let same: Vec<(f64, f64)> = (0..9).map(|at| (8.0, 500.0 + f64::from(at))).collect();
    assert_eq!(
        refusal(&same),
        Refusal::SameConcurrency { concurrency: 8.0 }
    );
    let repeated: Vec<(f64, f64)> = SPECSDM91[..3].iter().cycle().take(12).copied().collect();
    assert_eq!(
        refusal(&repeated),
        Refusal::TooFewPoints {
            points: 12,
            concurrencies: 3
        }
    );
    let noise = [
        (1.0, 50.0),
        (2.0, 900.0),
        (4.0, 20.0),
        (8.0, 700.0),
        (16.0, 10.0),
        (32.0, 800.0),
    ];
    assert!(matches!(refusal(&noise), Refusal::Scattered { .. }));
    // Saturated throughout: the throughput of one request at a time could be anything.
    let flat = [
        (50.0, 810.0),
        (60.0, 800.0),
        (70.0, 802.0),
        (80.0, 799.0),
        (90.0, 801.0),
        (100.0, 800.0),
    ];
    assert!(
        matches!(refusal(&flat), Refusal::Undetermined { .. }),
        "{:?}",
        refusal(&flat)
    );
    let below_one: Vec<(f64, f64)> = (1..8).map(|n| (0.1 * f64::from(n), f64::from(n))).collect();
    assert!(
        fit(&below_one).is_ok() || matches!(fit(&below_one), Err(Refusal::Undetermined { .. }))
    );
}

#[test]
fn no_answer_beyond_twice_what_was_measured() {
    let fit = fit(SPECSDM91).expect("it bears a fit");
    assert!(fit.throughput(432.0).is_ok());
    let refusal = fit.throughput(433.0).expect_err("too far");
    assert_eq!(
        refusal,
        Refusal::Extrapolation {
            asked: 433.0,
            measured: 216.0
        }
    );
    assert!(
        refusal.to_string().contains("measure up to 217"),
        "{refusal}"
    );
    assert!(fit.response_time(0.5).is_err());
    assert!(fit.throughput(f64::NAN).is_err());
    assert!(fit.throughput(f64::INFINITY).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_made_the_points_is_found_again(
        alpha in 0.0..0.5f64, beta in 0.0..0.01f64, gamma in 0.1..1e5f64,
    ) {
        let curve = Usl::new(alpha, beta, gamma).expect("in range");
        let data: Vec<(f64, f64)> = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]
            .map(|n| (n, curve.throughput(n)))
            .to_vec();
        let fit = fit(&data).expect("it bears a fit");
        prop_assert!((fit.alpha.value - alpha).abs() < 1e-6, "{:?} for {alpha} {beta}", fit.curve());
        prop_assert!((fit.beta.value - beta).abs() < 1e-7, "{:?} for {alpha} {beta}", fit.curve());
        prop_assert!((fit.gamma.value / gamma - 1.0).abs() < 1e-6);
    }

    /// Noise of up to 15 % makes every bound active now and then.
    #[test]
    fn no_curve_of_the_grid_is_better(
        alpha in 0.0..0.3f64, beta in 0.0..0.003f64, noise in proptest::collection::vec(-0.15..0.15f64, 8),
    ) {
        let curve = Usl::new(alpha, beta, 100.0).expect("in range");
        let data: Vec<(f64, f64)> = [1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 32.0]
            .into_iter()
            .zip(&noise)
            .map(|(n, noise)| (n, curve.throughput(n) * (1.0 + noise)))
            .collect();
        let fit = fit(&data).expect("it bears a fit");
        let (least, ..) = brute_force(&data);
        prop_assert!(sum_of_squares(&fit) <= least * (1.0 + 1e-7), "{} > {least}", sum_of_squares(&fit));
    }

    #[test]
    fn nothing_panics(data in proptest::collection::vec((1e-12..1e12f64, 1e-12..1e12f64), 1..20)) {
        if let Ok(fit) = fit(&data) {
            prop_assert!(fit.curve().gamma() > 0.0 && fit.residual_error.is_finite());
            prop_assert!(fit.alpha.low >= 0.0 && fit.beta.high.is_finite());
            let _ = (fit.peak(), fit.regime());
        }
    }
}

#[test]
fn the_band_is_narrow_where_points_are_and_wide_where_none_are() {
    let points = Points::parse(b"concurrency,throughput\n1,64.9\n18,995.9\n36,1652.4\n72,1853.2\n108,1828.9\n144,1775\n216,1702.2\n").expect("points");
    let fit = usl::fit(&points).expect("a fit");
    let width = |n: f64| {
        let (low, high) = fit.band(n).expect("within reach");
        let best = fit.throughput(n).expect("within reach");
        assert!(low <= best && best <= high, "{low} {best} {high}");
        assert!(
            ((high - best) - (best - low)).abs() < 1e-6 || low == 0.0,
            "even on both sides"
        );
        high - low
    };
    assert!(width(432.0) > width(216.0) && width(216.0) > width(150.0));
    // With one request at a time the curve is gamma, and so is its interval.
    let (low, high) = fit.band(1.0).expect("within reach");
    assert!((low - fit.gamma.low).abs() < 1e-6 && (high - fit.gamma.high).abs() < 1e-6);
    assert!(fit.band(433.0).is_err() && fit.band(0.5).is_err());
}
