//! What a thread costs, and what it lacks.
//!
//! CPU time alone does not tell whether a thread was the limit: one that shares its core with others is always late and never busy. Linux
//! counts how long a thread could have run and had no core (schedstat of Documentation/scheduler/sched-stats.rst).

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::record::Spent;

/// CPU time of this thread, and the time that passes.
#[derive(Debug)]
pub(super) struct Meter {
    last: Spent,
    /// Not there on kernels without these statistics: then nothing is known to lack.
    schedstat: Option<File>,
}

impl Meter {
    /// From now on.
    pub(super) fn new(now: Duration) -> Self {
        let schedstat = File::open("/proc/thread-self/schedstat").ok();
        let last = look(schedstat.as_ref(), now);
        Self { last, schedstat }
    }

    /// What was spent since the last look.
    pub(super) fn read(&mut self, now: Duration) -> Spent {
        let total = look(self.schedstat.as_ref(), now);
        let before = std::mem::replace(&mut self.last, total);
        Spent {
            cpu: total.cpu.saturating_sub(before.cpu),
            waited: total.waited.saturating_sub(before.waited),
            wall: total.wall.saturating_sub(before.wall),
        }
    }
}

fn look(schedstat: Option<&File>, now: Duration) -> Spent {
    let cpu = clock_gettime(ClockId::ThreadCPUTime);
    Spent {
        cpu: Duration::try_from(cpu).unwrap_or_default(),
        waited: schedstat.and_then(waited).unwrap_or_default(),
        wall: now,
    }
}

/// The second number: nanoseconds in which the thread could have run.
fn waited(schedstat: &File) -> Option<Duration> {
    let mut bytes = [0; 96];
    let count = schedstat.read_at(&mut bytes, 0).ok()?;
    let text = std::str::from_utf8(&bytes[..count]).ok()?;
    let nanos = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_cpu_time_and_sleep_is_not() {
        let mut meter = Meter::new(Duration::ZERO);
        std::thread::sleep(Duration::from_millis(50));
        let slept = meter.read(Duration::from_millis(50));
        assert!(slept.cpu < Duration::from_millis(40), "{slept:?}");
        let mut sum = 0_u64;
        while meter.last.cpu + Duration::from_millis(5) > look(None, Duration::ZERO).cpu {
            sum = std::hint::black_box(sum + 1);
        }
        let worked = meter.read(Duration::from_millis(90));
        assert!(worked.cpu >= Duration::from_millis(5), "{worked:?} {sum}");
        assert_eq!(worked.wall, Duration::from_millis(40));
    }
}
