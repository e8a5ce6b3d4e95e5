//! What the kernel says of processes, in `/proc/PID/stat` (proc_pid_stat(5)).

use std::time::Duration;

/// What is read of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) parent: u32,
    /// In ticks since the machine was started; a process identifier and this are unique.
    pub(crate) started: u64,
    /// It has ended, and its parent has not yet waited for it.
    is_over: bool,
    /// User and system time in ticks, with that of children that were waited for.
    ticks: u64,
}

impl Stat {
    pub(crate) fn of(pid: u32) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        // The second field is the name in brackets, which may contain spaces and brackets.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        Some(Self {
            parent: u32::try_from(number(4)?).ok()?,
            started: number(22)?,
            is_over: matches!(fields.first(), Some(&("Z" | "X"))),
            ticks: number(14)? + number(15)? + number(16)? + number(17)?,
        })
    }

    fn cpu(&self) -> Duration {
        let per_second = rustix::param::clock_ticks_per_second().max(1);
        Duration::from_secs_f64(self.ticks as f64 / per_second as f64)
    }
}

/// True if the process that started then still runs.
pub(crate) fn runs(pid: u32, started: u64) -> bool {
    Stat::of(pid).is_some_and(|stat| stat.started == started && !stat.is_over)
}

/// Processes whose parent this is, each with when it started.
pub(crate) fn children(parent: u32) -> Vec<(u32, u64)> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| Some((pid, Stat::of(pid)?)))
        .filter(|(_, stat)| stat.parent == parent)
        .map(|(pid, stat)| (pid, stat.started))
        .collect()
}

/// CPU time (user and system) that a process has used so far, with its children that have ended and those that run. `None` if there
/// is no such process.
///
/// Its grain is a tick of the kernel, 10 ms mostly. A child that ends while it is read counts the next time.
#[must_use]
pub fn cpu_of(pid: u32) -> Option<Duration> {
    let own = Stat::of(pid)?.cpu();
    let children = children(pid).into_iter();
    let children = children.filter_map(|(child, _)| Some(Stat::of(child)?.cpu()));
    Some(own + children.sum::<Duration>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_contain_anything() {
        let text =
            "42 (a) S (b c) S 7 42 42 0 -1 4194304 100 0 0 0 11 12 13 14 20 0 1 0 9999 1 2 3";
        let stat = Stat::parse(text).expect("valid");
        let wanted = Stat {
            parent: 7,
            started: 9999,
            is_over: false,
            ticks: 50,
        };
        assert_eq!(stat, wanted);
        for bad in ["", "42", "42 (a)", "42 (a) S 7", "42 (a) S -1 x"] {
            assert_eq!(Stat::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn this_process_runs_and_has_a_parent() {
        let own = Stat::of(std::process::id()).expect("this process");
        assert!(runs(std::process::id(), own.started));
        assert!(!runs(std::process::id(), own.started + 1));
        assert!(
            children(own.parent)
                .iter()
                .any(|(pid, _)| *pid == std::process::id())
        );
    }
}
