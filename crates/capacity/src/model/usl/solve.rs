//! The curve with the least sum of squares among those that can be.
//!
//! # The problem
//! α ≥ 0 and β ≥ 0 are part of the law, and many a good data set has its unbounded optimum at β < 0. To cut the result (or
//! every step of a Levenberg–Marquardt search) off at zero gives a point that is on the bound but not the best one there:
//! the other two coefficients still make up for a coherency that is gone.
//!
//! # The idea
//! Divided by γ the law is N/X = a + b(N−1) + cN(N−1) with a = 1/γ, b = α/γ, c = β/γ, and each bound is one of a, b, c
//! being zero. So each set of bounds that can be active is solved by itself (seven: not all three at once), with the
//! logarithms of what is left as unknowns, which cannot leave their side of zero; the least sum of squares wins, and
//! of equals the one with more zeros. Seven problems, five starts each, are a fraction of a millisecond per ten points.
//! That a = 0 wins means that the data has no throughput for one request at a time; the caller refuses it.
//!
//! The starts are needed because the sum of squares has more than one valley: the linear problem in N/X with the weights
//! that errors of X have there, and four that put the cost of the highest concurrency on different terms.
//!
//! Source of the method: K. Levenberg, Quart. Appl. Math. 2 (1944); D. Marquardt, SIAM J. Appl. Math. 11 (1963). That bounded optima
//! are optima of a face: J. Nocedal and S. Wright, "Numerical Optimization", Springer 2006, chapter 16.

use crate::model::matrix::{Matrix, solve as solve_linear};

/// Of a, b, c, scaled to a highest throughput of 1.
type Theta = [f64; 3];

/// Which of a, b, c are unknowns; the others are zero.
type Free = [bool; 3];

const STEPS: usize = 300;

/// How alike two sums of squares are that only rounding tells apart: relative to each other and to the data's own squares.
const SAME: (f64, f64) = (1e-9, 1e-18);

/// How a sum of squares at Nmax is spread over the three terms at first.
const STARTS: [[f64; 3]; 4] = [
    [0.34, 0.33, 0.33],
    [0.9, 0.05, 0.05],
    [0.05, 0.9, 0.05],
    [0.05, 0.05, 0.9],
];

/// The best a, b, c for pairs of concurrency and throughput, all positive; at least one.
pub(super) fn solve(data: &[(f64, f64)]) -> Option<[f64; 3]> {
    let highest = data.iter().map(|(_, x)| *x).fold(0.0, f64::max);
    let data: Vec<(f64, f64)> = data.iter().map(|(n, x)| (*n, x / highest)).collect();
    let squares: f64 = data.iter().map(|(_, x)| x * x).sum();
    let mut faces: Vec<(Theta, f64)> = (1..8)
        .map(|bits| [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0])
        .filter_map(|free| face(&data, free))
        .collect();
    let least = faces.iter().map(|(_, sum)| *sum).min_by(f64::total_cmp)?;
    let limit = least * (1.0 + SAME.0) + squares * SAME.1;
    faces.retain(|(_, sum)| *sum <= limit);
    let zeros = |theta: &Theta| theta.iter().filter(|one| **one == 0.0).count();
    let (best, _) = faces.into_iter().max_by(|(a, left), (b, right)| {
        let by_zeros = zeros(a).cmp(&zeros(b));
        by_zeros.then(right.total_cmp(left))
    })?;
    Some(best.map(|one| one / highest))
}

/// The best point with these unknowns, over all starts.
fn face(data: &[(f64, f64)], free: Free) -> Option<(Theta, f64)> {
    let spread = STARTS
        .iter()
        .filter_map(|shares| spread_start(data, free, *shares));
    linear_start(data, free)
        .into_iter()
        .chain(spread)
        .map(|start| descend(data, free, start))
        .filter(|(_, sum)| sum.is_finite())
        .min_by(|(_, a), (_, b)| a.total_cmp(b))
}

/// What a, b, c are multiplied by.
fn terms(n: f64) -> [f64; 3] {
    [1.0, n - 1.0, n * (n - 1.0)]
}

fn cost(theta: &Theta, n: f64) -> f64 {
    let terms = terms(n);
    theta[0] * terms[0] + theta[1] * terms[1] + theta[2] * terms[2]
}

/// The sum of squared residuals; infinite where the curve has a pole, which only N below 1 can bring.
fn squares(data: &[(f64, f64)], theta: &Theta) -> f64 {
    let mut sum = 0.0;
    for (n, x) in data {
        let cost = cost(theta, *n);
        if cost <= 0.0 {
            return f64::INFINITY;
        }
        sum += (x - n / cost).powi(2);
    }
    if sum.is_nan() { f64::INFINITY } else { sum }
}

/// Least squares of N/X, each point with the weight that an error of X has there.
fn linear_start(data: &[(f64, f64)], free: Free) -> Option<Theta> {
    let mut matrix = Matrix::default();
    let mut right = [0.0; 3];
    for (n, x) in data {
        let weight = (x * x / n).powi(2);
        let terms = terms(*n);
        for row in 0..3 {
            for column in 0..3 {
                matrix[row][column] += weight * terms[row] * terms[column];
            }
            right[row] += weight * terms[row] * n / x;
        }
    }
    only_free(&mut matrix, &mut right, free);
    let found = solve_linear(matrix, right)?;
    // A start must be inside; how far matters little.
    let inside = |at: usize| {
        let floor = found.iter().map(|one| one.abs()).fold(0.0, f64::max) * 1e-6;
        if free[at] { found[at].max(floor) } else { 0.0 }
    };
    Some([inside(0), inside(1), inside(2)])
}

/// The given shares of the cost at the highest concurrency, at the height that suits the data best.
fn spread_start(data: &[(f64, f64)], free: Free, shares: [f64; 3]) -> Option<Theta> {
    let highest = data.iter().map(|(n, _)| *n).fold(0.0, f64::max);
    let at_highest = terms(highest);
    let mut theta = [0.0; 3];
    for at in 0..3 {
        if free[at] {
            theta[at] = shares[at] / at_highest[at].abs().max(1e-9);
        }
    }
    let (mut product, mut square) = (0.0, 0.0);
    for (n, x) in data {
        let shape = n / cost(&theta, *n);
        product += x * shape;
        square += shape * shape;
    }
    let height = product / square;
    (height.is_finite() && height > 0.0).then(|| theta.map(|one| one / height))
}

/// Makes what is not free an equation by itself, with 0 as its solution.
fn only_free(matrix: &mut Matrix, right: &mut [f64; 3], free: Free) {
    for (row, cells) in matrix.iter_mut().enumerate() {
        for (column, cell) in cells.iter_mut().enumerate() {
            if !free[row] || !free[column] {
                *cell = if row == column { 1.0 } else { 0.0 };
            }
        }
        if !free[row] {
            right[row] = 0.0;
        }
    }
}

/// Levenberg–Marquardt on the logarithms of the free ones.
fn descend(data: &[(f64, f64)], free: Free, start: Theta) -> (Theta, f64) {
    let mut theta = start;
    let mut sum = squares(data, &theta);
    let mut damping = 1e-3;
    for _ in 0..STEPS {
        let (matrix, right) = normal_equations(data, &theta, free);
        let mut damped = matrix;
        for (at, row) in damped.iter_mut().enumerate() {
            row[at] *= 1.0 + damping;
        }
        let Some(step) = solve_linear(damped, right) else {
            break;
        };
        let mut next = theta;
        for at in 0..3 {
            // Never by more than a factor of e³ at once: far away the slope says little.
            next[at] *= step[at].clamp(-3.0, 3.0).exp();
        }
        let next_sum = squares(data, &next);
        if next_sum <= sum {
            let is_there = step.iter().all(|one| one.abs() < 1e-12);
            (theta, sum) = (next, next_sum);
            damping = (damping * 0.1_f64).max(1e-12);
            if is_there {
                break;
            }
        } else {
            damping *= 10.0;
            if damping > 1e12 {
                break;
            }
        }
    }
    (theta, sum)
}

/// JᵀJ and Jᵀr with respect to the logarithms.
fn normal_equations(data: &[(f64, f64)], theta: &Theta, free: Free) -> (Matrix, [f64; 3]) {
    let mut matrix = Matrix::default();
    let mut right = [0.0; 3];
    for (n, x) in data {
        let cost = cost(theta, *n);
        let terms = terms(*n);
        let slope = [0, 1, 2].map(|at| -n / (cost * cost) * terms[at] * theta[at]);
        let rest = x - n / cost;
        for row in 0..3 {
            for column in 0..3 {
                matrix[row][column] += slope[row] * slope[column];
            }
            right[row] += slope[row] * rest;
        }
    }
    only_free(&mut matrix, &mut right, free);
    (matrix, right)
}
