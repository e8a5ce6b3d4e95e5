//! Metrics of the process itself, under the names that Prometheus' own client libraries use.

use std::time::{SystemTime, UNIX_EPOCH};

use tenfold_observe::metric::{Labels, Registry};

/// Registers them; they are read from `/proc` at each scrape.
pub(crate) fn register(registry: &Registry) {
    registry.read_gauge(
        "tenfold_build_info",
        "1; the version is in the label",
        vec![("version", env!("CARGO_PKG_VERSION").to_owned())],
        || 1.0,
    );
    let none = Labels::new;
    registry.read_counter(
        "process_cpu_seconds",
        "User and system CPU time",
        none(),
        cpu_seconds,
    );
    registry.read_gauge(
        "process_resident_memory_bytes",
        "Resident memory",
        none(),
        resident_bytes,
    );
    registry.read_gauge(
        "process_open_fds",
        "Open descriptors",
        none(),
        open_descriptors,
    );
    let started = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64();
    registry.read_gauge(
        "process_start_time_seconds",
        "When the process started, since 1970",
        none(),
        move || started,
    );
}

/// Of `/proc/self/stat`, fields 14 and 15; the name in field 2 may hold spaces, and ends with the last parenthesis.
fn cpu_seconds() -> f64 {
    let read = || {
        let text = std::fs::read_to_string("/proc/self/stat").ok()?;
        let (_, after_name) = text.rsplit_once(") ")?;
        let ticks = |field: usize| after_name.split(' ').nth(field - 3)?.parse::<f64>().ok();
        Some((ticks(14)? + ticks(15)?) / rustix::param::clock_ticks_per_second() as f64)
    };
    read().unwrap_or(f64::NAN)
}

fn resident_bytes() -> f64 {
    let read = || {
        let text = std::fs::read_to_string("/proc/self/statm").ok()?;
        let pages = text.split(' ').nth(1)?.parse::<f64>().ok()?;
        Some(pages * rustix::param::page_size() as f64)
    };
    read().unwrap_or(f64::NAN)
}

fn open_descriptors() -> f64 {
    std::fs::read_dir("/proc/self/fd").map_or(f64::NAN, |entries| entries.count() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_can_be_read() {
        assert!(cpu_seconds() >= 0.0);
        assert!(resident_bytes() > 100_000.0);
        assert!(open_descriptors() >= 3.0);
    }
}
