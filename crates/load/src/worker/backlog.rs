//! Arrivals that nobody is free for.
//!
//! # The idea
//! Arrivals are begun in the order of the schedule, and once one has to wait all that follow wait behind it. So those that wait are a
//! piece of the schedule, which can go through it again: a clone of it and a number are the whole queue, whatever its length. A rate a thousand times as
//! high as what the server does costs no memory.

use crate::schedule::{Arrival, Schedule};

/// A queue of arrivals.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Who waits longest, until he was taken.
    first: Option<Arrival>,
    /// Those behind him.
    rest: Option<Schedule>,
    waiting: u64,
}

impl Backlog {
    /// Puts an arrival behind the others: the one that `schedule` has just given.
    pub(super) fn push(&mut self, arrival: Arrival, schedule: &Schedule) {
        if self.waiting == 0 {
            self.first = Some(arrival);
            self.rest = Some(schedule.clone());
        }
        self.waiting += 1;
    }

    /// Who waits longest.
    pub(super) fn pop(&mut self) -> Option<Arrival> {
        self.waiting = self.waiting.checked_sub(1)?;
        self.first.take().or_else(|| self.rest.as_mut()?.next())
    }

    /// How many wait.
    pub(super) fn len(&self) -> u64 {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::schedule::Part;
    use crate::test::{Arrivals, Load, Phase, Shard};

    #[test]
    fn who_waits_is_taken_in_the_order_of_arrival_and_once() {
        let phase = Phase {
            name: String::new(),
            duration: Duration::from_secs(10),
            load: Load::Rate {
                from: 10.0,
                to: 10.0,
            },
            is_warm_up: false,
        };
        for arrivals in [Arrivals::Even, Arrivals::Poisson] {
            let part = Part::new(Shard::default(), 1, 2);
            let mut schedule = Schedule::new(std::slice::from_ref(&phase), arrivals, 5, part);
            let mut backlog = Backlog::default();
            let (mut given, mut taken) = (Vec::new(), Vec::new());
            // Some pass by, some wait; it empties and fills again.
            for (passing, pushed, popped) in [(2, 3, 1), (0, 4, 6), (5, 2, 2), (1, 6, 5)] {
                assert!(passing == 0 || backlog.len() == 0);
                assert_eq!(schedule.by_ref().take(passing).count(), passing);
                for _ in 0..pushed {
                    let arrival = schedule.next().expect("fifty");
                    given.push(arrival);
                    backlog.push(arrival, &schedule);
                }
                taken.extend((0..popped).map_while(|_| backlog.pop()));
            }
            assert_eq!(backlog.len(), 1);
            taken.extend(backlog.pop());
            assert_eq!(taken, given);
            assert_eq!(backlog.pop(), None);
        }
    }
}
