//! What a thread costs.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CPU time of this thread, and the time that passes.
#[derive(Debug)]
pub(super) struct Meter {
    cpu: Duration,
    wall: Duration,
}

impl Meter {
    /// From now on.
    pub(super) fn new(now: Duration) -> Self {
        Self {
            cpu: thread_time(),
            wall: now,
        }
    }

    /// CPU and time since the last look.
    pub(super) fn read(&mut self, now: Duration) -> (Duration, Duration) {
        let cpu = thread_time();
        let passed = (cpu.saturating_sub(self.cpu), now.saturating_sub(self.wall));
        (self.cpu, self.wall) = (cpu, now);
        passed
    }
}

fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
