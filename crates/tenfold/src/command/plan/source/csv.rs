//! Levels of load from a table: `concurrency,throughput` and, if wanted, `,latency`.

use std::path::Path;

use tenfold_capacity::Points;

use super::{Level, Measurements, bytes, check_measure, placed};
use crate::command::Refusal;
use crate::command::plan::value::Measure;

pub(super) fn read(
    path: &Path,
    is: Measure,
    wanted: Option<Measure>,
) -> Result<Measurements, Refusal> {
    let origin = path.display().to_string();
    let points = Points::parse(&bytes(path)?).map_err(|error| {
        Refusal::new(
            format!("{origin}: {error}"),
            "docs/capacity.md says what such a file looks like; examples/plan has some",
        )
    })?;
    if points.iter().any(|one| one.latency.is_some()) {
        check_measure(is, wanted)?;
    }
    let levels = points.iter().enumerate().map(|(at, point)| {
        let (mean, of_objective) = placed(point.latency, is, wanted);
        Level {
            place: format!("point {}", at + 1),
            concurrency: point.concurrency,
            throughput: point.throughput,
            mean,
            of_objective,
            window: None,
            is_steady: true,
        }
    });
    Ok(Measurements {
        origin,
        levels: levels.collect(),
        notes: Vec::new(),
    })
}
