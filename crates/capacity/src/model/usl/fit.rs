//! A curve from points, how sure it is, and what may be said with it.
//!
//! # The trade-off
//! Standard errors are those of the linearised problem with all three coefficients, s²(JᵀJ)⁻¹, also where a bound is
//! active: there they are larger than those of the coefficients that were left, which is the safe side. Intervals are cut
//! off at the bounds. Each repetition at the same concurrency is a point of its own: their mean would hide how far apart
//! they are.
//!
//! Source: D. Bates and D. Watts, "Nonlinear Regression Analysis and Its Applications", Wiley 1988, section 2.2.

use serde::Serialize;

use super::{Peak, Refusal, Regime, Usl, at_least_one, solve};
use crate::model::matrix::{Matrix, invert};
use crate::model::student;
use crate::points::{Point, Points};
use crate::text::{number, percent};

/// The fewest different concurrencies: Gunther asks for about half a dozen in "Guerrilla Capacity Planning", and half of them are
/// then left to judge three coefficients by.
const FEWEST: usize = 6;

/// No answer for more than this multiple of the highest measured concurrency.
const REACH: f64 = 2.0;

/// The typical residual as a share of the mean throughput beyond which the points are not on any such curve. Our own line, a
/// wide one: measured sets have 1 to 5 %.
const SCATTERED: f64 = 0.25;

/// The share of cases in which an interval holds the coefficient.
const CONFIDENCE: f64 = 0.95;

/// A coefficient.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The best value.
    pub value: f64,
    /// Its standard error.
    pub error: f64,
    /// The lower end of the 95 % interval, not below zero.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// Whether the value is the bound itself: the data would rather have a negative one.
    pub is_at_bound: bool,
}

/// A point and its distance from the curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Residual {
    /// Requests under way.
    pub concurrency: f64,
    /// What was measured, in requests per second.
    pub measured: f64,
    /// What the curve says.
    pub fitted: f64,
    /// Measured less fitted.
    pub residual: f64,
}

/// A regime, and the reason in words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    /// What holds throughput back.
    pub regime: Regime,
    /// At which concurrency.
    pub concurrency: f64,
    /// The reason, with its numbers.
    pub words: String,
}

/// The curve of a set of points.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fit {
    curve: Usl,
    /// Contention.
    pub alpha: Estimate,
    /// Coherency.
    pub beta: Estimate,
    /// Throughput of one request at a time, in requests per second.
    pub gamma: Estimate,
    /// 1 − (sum of squared residuals) / (sum of squared distances from the mean): 1 is a perfect fit. Where throughput hardly
    /// depends on concurrency it is low for good fits too; [`Fit::residual_error`] is not.
    pub r_squared: f64,
    /// The standard deviation of the residuals, in requests per second.
    pub residual_error: f64,
    /// Points less coefficients.
    pub degrees_of_freedom: usize,
    /// In the order of the points.
    pub residuals: Vec<Residual>,
    /// The lowest and the highest concurrency that was measured.
    pub measured: (f64, f64),
    #[serde(skip)]
    covariance: Matrix,
}

/// Fits the law to `points`: least squares of the throughput under α ≥ 0, β ≥ 0, γ > 0.
///
/// ```
/// use tenfold_capacity::{Points, model::usl};
///
/// let points = Points::parse(b"concurrency,throughput\n1,1\n2,1.8868\n4,3.0769\n6,3.5294\n8,3.5398\n10,3.3557\n")?;
/// let fit = usl::fit(&points)?;
/// assert!((fit.alpha.value - 0.02).abs() < 1e-4);
/// assert!((fit.beta.value - 0.02).abs() < 1e-4);
/// assert!((fit.peak()?.concurrency - 7.0).abs() < 1e-2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Data that bears no such fit; the text says what to measure.
pub fn fit(points: &Points) -> Result<Fit, Refusal> {
    let measured = reach(points)?;
    let undetermined = || Refusal::Undetermined {
        lowest: measured.0,
        highest: measured.1,
    };
    let data: Vec<(f64, f64)> = points.iter().map(Point::pair).collect();
    let [a, b, c] = solve::solve(&data).ok_or_else(undetermined)?;
    let curve = Usl::new(b / a, c / a, 1.0 / a).map_err(|_| undetermined())?;
    let residuals: Vec<Residual> = data.iter().map(|pair| residual(&curve, *pair)).collect();
    let squares: f64 = residuals.iter().map(|one| one.residual.powi(2)).sum();
    let mean = data.iter().map(|(_, x)| x).sum::<f64>() / data.len() as f64;
    let degrees_of_freedom = data.len() - 3;
    let residual_error = (squares / degrees_of_freedom as f64).sqrt();
    if residual_error > SCATTERED * mean {
        let share = residual_error / mean;
        return Err(Refusal::Scattered { share });
    }
    let covariance = covariance(&curve, &data, residual_error).ok_or_else(undetermined)?;
    let width = student::two_sided(CONFIDENCE, degrees_of_freedom);
    let estimate = |at: usize, value: f64| estimate(value, covariance[at][at], width);
    Ok(Fit {
        alpha: estimate(0, curve.alpha),
        beta: estimate(1, curve.beta),
        gamma: estimate(2, curve.gamma),
        r_squared: r_squared(&data, squares, mean),
        residual_error,
        degrees_of_freedom,
        residuals,
        measured,
        covariance,
        curve,
    })
}

/// The lowest and the highest concurrency, if there are enough different ones.
fn reach(points: &Points) -> Result<(f64, f64), Refusal> {
    let mut all: Vec<f64> = points.iter().map(|one| one.concurrency).collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    let (Some(lowest), Some(highest)) = (all.first().copied(), all.last().copied()) else {
        return Err(Refusal::TooFewPoints {
            points: 0,
            concurrencies: 0,
        });
    };
    if all.len() == 1 && points.len() > 1 {
        return Err(Refusal::SameConcurrency {
            concurrency: lowest,
        });
    }
    if all.len() < FEWEST {
        return Err(Refusal::TooFewPoints {
            points: points.len(),
            concurrencies: all.len(),
        });
    }
    Ok((lowest, highest))
}

fn residual(curve: &Usl, (concurrency, measured): (f64, f64)) -> Residual {
    let fitted = curve.throughput(concurrency);
    Residual {
        concurrency,
        measured,
        fitted,
        residual: measured - fitted,
    }
}

fn r_squared(data: &[(f64, f64)], squares: f64, mean: f64) -> f64 {
    let total: f64 = data.iter().map(|(_, x)| (x - mean).powi(2)).sum();
    if total > 0.0 {
        1.0 - squares / total
    } else if squares <= mean * mean * 1e-18 {
        1.0
    } else {
        0.0
    }
}

/// By how much throughput at a concurrency of `n` changes with α, β and γ.
fn slope(curve: &Usl, n: f64) -> [f64; 3] {
    let cost = curve.response_time_scaled(n);
    let others = n - 1.0;
    let per_cost = -curve.gamma * n * others / (cost * cost);
    [per_cost, per_cost * n, n / cost]
}

/// Of α, β and γ.
fn covariance(curve: &Usl, data: &[(f64, f64)], residual_error: f64) -> Option<Matrix> {
    let mut information = Matrix::default();
    for (n, _) in data {
        let slope = slope(curve, *n);
        for row in 0..3 {
            for column in 0..3 {
                information[row][column] += slope[row] * slope[column];
            }
        }
    }
    let inverse = invert(&information)?;
    Some(inverse.map(|row| row.map(|one| one * residual_error * residual_error)))
}

fn estimate(value: f64, variance: f64, width: f64) -> Estimate {
    let error = variance.max(0.0).sqrt();
    Estimate {
        value,
        error,
        low: (value - width * error).max(0.0),
        high: value + width * error,
        is_at_bound: value == 0.0,
    }
}

impl Fit {
    /// The curve itself, which answers for every concurrency, borne out by the points or not.
    #[must_use]
    pub fn curve(&self) -> &Usl {
        &self.curve
    }

    /// The covariance of α, β and γ, in this order.
    #[must_use]
    pub fn covariance(&self) -> [[f64; 3]; 3] {
        self.covariance
    }

    /// The highest concurrency that is spoken of: twice the highest measured one.
    #[must_use]
    pub fn reach(&self) -> f64 {
        REACH * self.measured.1
    }

    /// Requests per second with `concurrency` under way.
    ///
    /// # Errors
    /// Below 1, or beyond twice the highest measured concurrency.
    pub fn throughput(&self, concurrency: f64) -> Result<f64, Refusal> {
        self.within_reach(concurrency)
            .map(|concurrency| self.curve.throughput(concurrency))
    }

    /// The mean response time in seconds with `concurrency` requests under way.
    ///
    /// # Errors
    /// Below 1, or beyond twice the highest measured concurrency.
    pub fn response_time(&self, concurrency: f64) -> Result<f64, Refusal> {
        self.within_reach(concurrency)
            .map(|concurrency| self.curve.response_time(concurrency))
    }

    /// Between which throughputs the curve lies with 95 % confidence at `concurrency`: the band around a plotted curve, whose single
    /// points scatter by [`Fit::residual_error`] more. By the linearised problem, as the standard errors are; not below zero.
    ///
    /// # Errors
    /// Below 1, or beyond twice the highest measured concurrency.
    pub fn band(&self, concurrency: f64) -> Result<(f64, f64), Refusal> {
        let best = self.throughput(concurrency)?;
        let slope = slope(&self.curve, concurrency);
        let mut variance = 0.0;
        for row in 0..3 {
            for column in 0..3 {
                variance += slope[row] * self.covariance[row][column] * slope[column];
            }
        }
        let half =
            student::two_sided(CONFIDENCE, self.degrees_of_freedom) * variance.max(0.0).sqrt();
        Ok(((best - half).max(0.0), best + half))
    }

    fn within_reach(&self, concurrency: f64) -> Result<f64, Refusal> {
        let asked = if concurrency == f64::INFINITY {
            concurrency
        } else {
            at_least_one(concurrency)?
        };
        if asked > self.reach() {
            let measured = self.measured.1;
            return Err(Refusal::Extrapolation { asked, measured });
        }
        Ok(asked)
    }

    /// Where throughput is highest.
    ///
    /// # Errors
    /// There is no peak, or no point lies beyond it.
    pub fn peak(&self) -> Result<Peak, Refusal> {
        let measured = self.measured.1;
        let peak = self.curve.peak().ok_or(Refusal::NoPeak { measured })?;
        if measured <= peak.concurrency {
            return Err(Refusal::NotBeyondKnee {
                peak: peak.concurrency,
                measured,
            });
        }
        Ok(peak)
    }

    /// What held throughput back at the highest concurrency that was measured.
    #[must_use]
    pub fn regime(&self) -> Judgement {
        let concurrency = self.measured.1;
        let regime = self.curve.regime(concurrency);
        Judgement {
            regime,
            concurrency,
            words: self.words(regime, concurrency),
        }
    }

    fn words(&self, regime: Regime, concurrency: f64) -> String {
        let (contention, coherency) = self.curve.losses(concurrency);
        let lost = percent(1.0 - self.curve.efficiency(concurrency));
        let at = number(concurrency);
        let sizes = format!(
            "{lost} of linear growth is lost at a concurrency of {at} (contention costs {}, coherency {})",
            number(contention),
            number(coherency)
        );
        let doubt = if regime == Regime::Coherency && self.beta.low == 0.0 {
            "; the interval of beta holds 0, so that it may be contention alone: measure at higher concurrencies"
        } else {
            ""
        };
        match regime {
            Regime::Linear => format!("linear: throughput grows with concurrency; {sizes}"),
            Regime::Contention => format!(
                "contention: requests queue for something of which there is one; {sizes}; no concurrency brings more than {} requests/s",
                number(self.curve.limit().unwrap_or(f64::INFINITY))
            ),
            Regime::Coherency => {
                let beyond = self.peak().map_or(String::new(), |peak| {
                    format!(
                        "; throughput falls beyond a concurrency of {}, where it is {} requests/s",
                        number(peak.concurrency),
                        number(peak.throughput)
                    )
                });
                format!("coherency: requests wait for each other; {sizes}{beyond}{doubt}")
            }
        }
    }
}
