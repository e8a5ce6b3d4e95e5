//! What little linear algebra three parameters need. A library for it would be larger than this crate.

/// Three rows of three.
pub(crate) type Matrix = [[f64; 3]; 3];

/// Solves `matrix · x = right` by elimination with pivots. None if it is singular, as far as a float can tell.
pub(crate) fn solve(mut matrix: Matrix, mut right: [f64; 3]) -> Option<[f64; 3]> {
    for column in 0..3 {
        let pivot = (column..3)
            .max_by(|a, b| {
                let size = |row: usize| matrix[row][column].abs();
                size(*a).total_cmp(&size(*b))
            })
            .expect("there are rows left");
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        let head = matrix[column][column];
        if !head.is_normal() {
            return None;
        }
        for row in column + 1..3 {
            let share = matrix[row][column] / head;
            let above = matrix[column];
            for (cell, above) in matrix[row].iter_mut().zip(above).skip(column) {
                *cell -= share * above;
            }
            right[row] -= share * right[column];
        }
    }
    let mut found = [0.0; 3];
    for row in (0..3).rev() {
        let known: f64 = (row + 1..3).map(|at| matrix[row][at] * found[at]).sum();
        found[row] = (right[row] - known) / matrix[row][row];
    }
    found.iter().all(|one| one.is_finite()).then_some(found)
}

/// The inverse of a symmetric positive matrix. None if its parameters cannot be told apart: it is scaled to ones on its
/// diagonal first, so that "singular" does not depend on units.
pub(crate) fn invert(matrix: &Matrix) -> Option<Matrix> {
    let scale = [0, 1, 2].map(|at| matrix[at][at].sqrt());
    if !scale.iter().all(|one| one.is_normal()) {
        return None;
    }
    let mut scaled = *matrix;
    for row in 0..3 {
        for column in 0..3 {
            scaled[row][column] /= scale[row] * scale[column];
        }
    }
    // With ones on the diagonal, the determinant is 1 for independent parameters and 0 for dependent ones.
    if determinant(&scaled) < 1e-13 {
        return None;
    }
    let mut inverse = [[0.0; 3]; 3];
    for column in 0..3 {
        let mut unit = [0.0; 3];
        unit[column] = 1.0;
        let found = solve(scaled, unit)?;
        for row in 0..3 {
            inverse[row][column] = found[row] / (scale[row] * scale[column]);
        }
    }
    Some(inverse)
}

fn determinant(m: &Matrix) -> f64 {
    let minor = |a: usize, b: usize| m[1][a] * m[2][b] - m[1][b] * m[2][a];
    m[0][0] * minor(1, 2) - m[0][1] * minor(0, 2) + m[0][2] * minor(0, 1)
}

/// The lower triangle L with L·Lᵀ = `matrix`, which turns independent normal numbers into correlated ones. A parameter
/// without spread gets zeros.
pub(crate) fn cholesky(matrix: &Matrix) -> Matrix {
    let mut lower = [[0.0; 3]; 3];
    for row in 0..3 {
        for column in 0..=row {
            let known: f64 = (0..column)
                .map(|at| lower[row][at] * lower[column][at])
                .sum();
            let rest = matrix[row][column] - known;
            lower[row][column] = if row == column {
                rest.max(0.0).sqrt()
            } else if lower[column][column] > 0.0 {
                rest / lower[column][column]
            } else {
                0.0
            };
        }
    }
    lower
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSITIVE: Matrix = [[4.0, 2.0, 0.6], [2.0, 5.0, 1.0], [0.6, 1.0, 3.0]];

    /// left · rightᵀ.
    fn product(left: &Matrix, right: &Matrix) -> Matrix {
        left.map(|row| right.map(|other| row.iter().zip(other).map(|(a, b)| a * b).sum()))
    }

    fn agree(left: &Matrix, right: &Matrix) -> bool {
        let pairs = left.as_flattened().iter().zip(right.as_flattened());
        pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-12)
    }

    #[test]
    fn an_inverse_undoes_its_matrix() {
        let inverse = invert(&POSITIVE).expect("it is regular");
        let one = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        // The inverse of a symmetric matrix is symmetric, and so its own transpose.
        assert!(agree(&product(&POSITIVE, &inverse), &one));
    }

    #[test]
    fn dependent_parameters_have_no_inverse() {
        assert_eq!(
            invert(&[[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [3.0, 6.0, 9.0]]),
            None
        );
        assert_eq!(invert(&[[0.0; 3]; 3]), None);
    }

    #[test]
    fn the_triangle_makes_up_its_matrix() {
        let lower = cholesky(&POSITIVE);
        assert!(agree(&product(&lower, &lower), &POSITIVE));
        assert_eq!(cholesky(&[[0.0; 3]; 3]), [[0.0; 3]; 3]);
    }
}
