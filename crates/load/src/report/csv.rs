//! CSV for spreadsheets and other programs: a header line, a comma, quotes where they are needed (RFC 4180).

use ::csv::Writer;

use crate::Results;
use crate::results::{Histogram, Totals};

/// The percentiles of all tables.
const SHARES: [f64; 5] = [0.5, 0.9, 0.95, 0.99, 0.999];

/// Second by second. Times are milliseconds, `at` seconds from the beginning.
#[must_use]
pub fn csv(results: &Results) -> String {
    let header = "at,duration,phase,warm_up,arrivals,begun,done,failed,users,in_flight,received_bytes,mean_ms,p50_ms,\
                  p90_ms,p95_ms,p99_ms,p999_ms,max_ms";
    write(header, |table| {
        for one in &results.series {
            let phases = results.phases.iter().rev();
            let phase = phases.clone().find(|phase| phase.start <= one.at);
            let mut row = vec![
                one.at.to_string(),
                one.duration.to_string(),
                phase.map(|phase| harmless(&phase.name)).unwrap_or_default(),
                results.is_warm_up(one.at).to_string(),
                one.arrivals.to_string(),
                one.begun.to_string(),
                one.done.to_string(),
                one.failed.to_string(),
                one.users.to_string(),
                one.in_flight.to_string(),
                one.received_bytes.to_string(),
            ];
            row.extend(times(&one.latency));
            table.write_record(row)?;
        }
        Ok(())
    })
}

/// Step by step, and everything in the first row.
#[must_use]
pub fn csv_steps(results: &Results) -> String {
    let header = "scenario,group,step,due,done,failed,rate,sent_bytes,received_bytes,mean_ms,p50_ms,p90_ms,p95_ms,p99_ms,\
                  p999_ms,max_ms,service_mean_ms,service_p50_ms,service_p90_ms,service_p95_ms,service_p99_ms,\
                  service_p999_ms,service_max_ms";
    let duration = results.measured_duration();
    let row = |names: [&str; 3], totals: &Totals| {
        let mut row = names.map(harmless).to_vec();
        let rate = if duration > 0.0 {
            totals.done as f64 / duration
        } else {
            0.0
        };
        let counts = [totals.due, totals.done, totals.failed];
        row.extend(counts.map(|count| count.to_string()));
        row.push(rate.to_string());
        row.extend([totals.sent_bytes, totals.received_bytes].map(|count| count.to_string()));
        row.extend(times(&totals.latency));
        row.extend(times(&totals.service));
        row
    };
    write(header, |table| {
        table.write_record(row(["", "", ""], &results.total))?;
        for step in &results.steps {
            let group = step.group.as_deref().unwrap_or_default();
            table.write_record(row([&step.scenario, group, &step.name], &step.totals))?;
        }
        Ok(())
    })
}

/// Mean, percentiles and maximum in milliseconds; empty where there is nothing.
fn times(histogram: &Histogram) -> impl Iterator<Item = String> + '_ {
    let percentiles = SHARES.iter().map(|share| histogram.quantile(*share));
    let all = std::iter::once(histogram.mean()).chain(percentiles);
    let all = all.chain([histogram.max()]);
    all.map(|time| {
        let millis = time.map(|time| (time.as_secs_f64() * 1e6).round() / 1e3);
        millis.map(|millis| millis.to_string()).unwrap_or_default()
    })
}

/// A text that a spreadsheet does not take for a formula (OWASP, "CSV injection").
fn harmless(text: &str) -> String {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}

fn write(header: &str, rows: impl Fn(&mut Writer<Vec<u8>>) -> Result<(), ::csv::Error>) -> String {
    let mut table = Writer::from_writer(Vec::new());
    let written = table
        .write_record(header.split(','))
        .and_then(|()| rows(&mut table));
    written.expect("all rows are as long as the header, and memory takes all");
    let bytes = table.into_inner().expect("memory takes all");
    String::from_utf8(bytes).expect("made of texts")
}
