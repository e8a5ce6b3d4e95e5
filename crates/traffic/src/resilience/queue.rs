//! What waits for a place, in which order it gets one, and what has waited for too long.
//!
//! # The problem
//! A queue in front of a service that is too slow for its load fills up, and from then on everything in it is answered late: at the
//! moment when a request's turn comes, its client has gone. The service works at full speed for nobody.
//!
//! # The idea
//! A queue is for bursts. As long as it is empty now and then it is first in, first out, and waiting up to the timeout is fine. When
//! it has not been empty for an [`interval`](QueuePolicy::interval), and until nobody had to be told to go for as long, there is more than can be done: now the newest goes first, because its
//! client is the likeliest to be still there, and whoever has waited longer than the [`target`](QueuePolicy::target) is told at once. That is
//! the adaptive LIFO and the CoDel timeout of B. Maurer, "Fail at Scale", ACM Queue 13(8), 2015, after RFC 8289, whose target and
//! interval (5 ms, 100 ms) are the defaults.
//!
//! Like CoDel the target gives way where a single turn takes longer (RFC 8289 section 4.2 has at least one packet's time): whoever
//! could be served within [`TURNS`] turns is not told to go. Without that, a slow service would stand idle between two arrivals.
//!
//! Classes ([`Priority`]) go strictly one before the other, each with an order and a state of overload of its own. If the queue is full, the
//! youngest of the lowest class makes room for something higher. What is of a higher class is not told to go for its target's sake while
//! a lower class holds places: those come free, and it is next.
//!
//! # The trade-off
//! Under overload some wait in vain for up to the target and are unlucky for their age. First in, first out would be fair to all, and
//! in time for none.

use std::collections::VecDeque;
use std::time::Duration;

use super::priority::Priority;

/// Under overload whoever can expect to be served within so many turns may stay, also beyond the target.
pub const TURNS: u32 = 8;

/// How much of an average of the time between turns the latest one makes up.
const NEWEST: f64 = 0.1;

/// How a queue works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuePolicy {
    /// Most that may wait; 0 for none.
    pub length: usize,
    /// How long something may wait at most.
    pub timeout: Duration,
    /// How long something may wait under overload; see the module.
    pub target: Duration,
    /// After so long without a moment in which nothing waits there is overload.
    pub interval: Duration,
}

impl Default for QueuePolicy {
    fn default() -> Self {
        Self {
            length: 1000,
            timeout: Duration::from_millis(100),
            target: Duration::from_millis(5),
            interval: Duration::from_millis(100),
        }
    }
}

/// Why something did not get its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shed {
    /// As many wait as may.
    Full,
    /// Something of a higher class took its place in the queue.
    Displaced,
    /// It has waited for as long as it may, or its own time is up.
    Deadline,
    /// There is overload, and it has waited for longer than the target.
    Overload,
}

impl Shed {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Full, Self::Displaced, Self::Deadline, Self::Overload];

    /// Its name in metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Displaced => "displaced",
            Self::Deadline => "deadline",
            Self::Overload => "overload",
        }
    }
}

/// A place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    priority: Priority,
    number: u64,
}

/// Something that waits.
#[derive(Debug)]
struct Waiting<T> {
    number: u64,
    since: Duration,
    deadline: Duration,
    item: T,
}

/// Those of one class, the oldest in front.
#[derive(Debug)]
struct Class<T> {
    waiting: VecDeque<Waiting<T>>,
    /// Since when there was always somebody; without meaning while nobody waits.
    busy_since: Duration,
    /// Until when there is overload, unless there is news.
    overload_until: Duration,
}

impl<T> Default for Class<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            busy_since: Duration::ZERO,
            overload_until: Duration::ZERO,
        }
    }
}

impl<T> Class<T> {
    /// Whether there is overload. It lasts for an interval beyond the last sign of it: what is turned away makes the queue empty now
    /// and then, which is no sign that there is less to do.
    fn is_overloaded(&mut self, policy: &QueuePolicy, now: Duration) -> bool {
        let is_busy = !self.waiting.is_empty();
        if is_busy && now.saturating_sub(self.busy_since) >= policy.interval {
            self.overload_until = now.saturating_add(policy.interval);
        }
        now < self.overload_until
    }
}

/// Things that wait for their turn.
#[derive(Debug)]
pub struct Queue<T> {
    policy: QueuePolicy,
    classes: [Class<T>; 3],
    next: u64,
    /// When the latest turn was, or when the first one came who waits for one; `None` while nobody waits.
    last_turn: Option<Duration>,
    /// Average time between two turns while somebody waits; zero if that is not known.
    gap: Duration,
}

/// What was given up, and why.
pub type Gone<T> = Vec<(T, Priority, Shed)>;

impl<T> Queue<T> {
    /// An empty queue.
    #[must_use]
    pub fn new(policy: QueuePolicy) -> Self {
        Self {
            policy,
            classes: Default::default(),
            next: 0,
            last_turn: None,
            gap: Duration::ZERO,
        }
    }

    /// How it works.
    #[must_use]
    pub fn policy(&self) -> &QueuePolicy {
        &self.policy
    }

    /// Works otherwise from now on. What waits keeps the deadline that it has; if there is less room, it empties by itself.
    pub fn set_policy(&mut self, policy: QueuePolicy) {
        self.policy = policy;
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.classes.iter().map(|class| class.waiting.len()).sum()
    }

    /// True if nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.classes.iter().all(|class| class.waiting.is_empty())
    }

    /// How many of a class wait.
    #[must_use]
    pub fn len_of(&self, priority: Priority) -> usize {
        self.classes[priority as usize].waiting.len()
    }

    /// The class whose turn is next.
    #[must_use]
    pub fn first(&self) -> Option<Priority> {
        let waits = |it: &Priority| self.len_of(*it) > 0;
        Priority::ALL.into_iter().find(waits)
    }

    /// Lets something wait until `deadline` at most. If there is no room, the youngest of the lowest class goes for it, or it does not get
    /// in, and comes back.
    ///
    /// # Errors
    /// The item itself and why it cannot wait.
    pub fn push(
        &mut self,
        item: T,
        priority: Priority,
        now: Duration,
        deadline: Option<Duration>,
        gone: &mut Gone<T>,
    ) -> Result<Ticket, (T, Shed)> {
        let latest = now.saturating_add(self.policy.timeout);
        let deadline = deadline.map_or(latest, |it| it.min(latest));
        if deadline <= now && !self.policy.timeout.is_zero() {
            return Err((item, Shed::Deadline));
        }
        if self.len() >= self.policy.length {
            match self.displace(priority) {
                Some(displaced) => gone.push(displaced),
                None => return Err((item, Shed::Full)),
            }
        }
        let number = self.next;
        self.next += 1;
        self.last_turn.get_or_insert(now);
        let class = &mut self.classes[priority as usize];
        if class.waiting.is_empty() {
            class.busy_since = now;
        }
        class.waiting.push_back(Waiting {
            number,
            since: now,
            deadline,
            item,
        });
        Ok(Ticket { priority, number })
    }

    /// Takes the youngest of the lowest class that is lower than `than`.
    fn displace(&mut self, than: Priority) -> Option<(T, Priority, Shed)> {
        let lower = Priority::ALL.into_iter().rev().filter(|it| *it > than);
        for priority in lower {
            if let Some(waiting) = self.classes[priority as usize].waiting.pop_back() {
                return Some((waiting.item, priority, Shed::Displaced));
            }
        }
        None
    }

    /// Takes whoever is next, if it is of `most` or a higher class. `in_flight` is how many of each class hold places. Those that have
    /// waited for too long are put into `gone`.
    pub fn pop(
        &mut self,
        now: Duration,
        in_flight: [u32; 3],
        most: Priority,
        gone: &mut Gone<T>,
    ) -> Option<(T, Priority)> {
        self.sweep(now, in_flight, gone);
        let priority = self.first().filter(|it| *it <= most)?;
        let class = &mut self.classes[priority as usize];
        let is_overloaded = class.is_overloaded(&self.policy, now);
        // Of those that wait in the middle of it some may have less time than the oldest: their turn would be lost.
        let live = loop {
            let waiting = if is_overloaded {
                class.waiting.pop_back()
            } else {
                class.waiting.pop_front()
            };
            match waiting {
                Some(late) if late.deadline <= now => {
                    gone.push((late.item, priority, Shed::Deadline));
                }
                other => break other,
            }
        };
        let Some(waiting) = live else {
            // Nobody of this class is left; those of lower ones are.
            return self.pop(now, in_flight, most, gone);
        };
        self.turn(now);
        Some((waiting.item, priority))
    }

    /// A turn was given: how quickly that goes.
    fn turn(&mut self, now: Duration) {
        if let Some(last) = self.last_turn {
            let gap = now.saturating_sub(last);
            self.gap = if self.gap.is_zero() {
                gap
            } else {
                self.gap.mul_f64(1.0 - NEWEST) + gap.mul_f64(NEWEST)
            };
        }
        self.last_turn = (!self.is_empty()).then_some(now);
    }

    /// Gives up those that have waited for too long.
    pub fn sweep(&mut self, now: Duration, in_flight: [u32; 3], gone: &mut Gone<T>) {
        // The turn that is being waited for may be the longest.
        let latest = self
            .last_turn
            .map_or(Duration::ZERO, |last| now.saturating_sub(last));
        let turn = self.gap.max(latest);
        let target = self.policy.target.max(turn.saturating_mul(TURNS));
        for priority in Priority::ALL {
            let lower = &in_flight[priority as usize + 1..];
            let is_next = lower.iter().any(|count| *count > 0);
            let class = &mut self.classes[priority as usize];
            let is_strict = class.is_overloaded(&self.policy, now) && !is_next;
            while let Some(oldest) = class.waiting.front() {
                let shed = if oldest.deadline <= now {
                    Shed::Deadline
                } else if is_strict && now.saturating_sub(oldest.since) > target {
                    Shed::Overload
                } else {
                    break;
                };
                if shed == Shed::Overload {
                    class.overload_until = now.saturating_add(self.policy.interval);
                }
                if let Some(oldest) = class.waiting.pop_front() {
                    gone.push((oldest.item, priority, shed));
                }
            }
        }
        if self.is_empty() {
            self.last_turn = None;
        }
    }

    /// Takes something out that does not want to wait any longer; `None` if it is not there any more.
    pub fn remove(&mut self, ticket: Ticket) -> Option<T> {
        let waiting = &mut self.classes[ticket.priority as usize].waiting;
        // They are in the order of their numbers.
        let place = waiting
            .binary_search_by_key(&ticket.number, |one| one.number)
            .ok()?;
        let removed = waiting.remove(place).map(|one| one.item);
        if self.is_empty() {
            self.last_turn = None;
        }
        removed
    }

    /// About how long it takes until everybody who waits had a turn; zero if that is not known.
    #[must_use]
    pub fn drain_time(&self) -> Duration {
        let len = u32::try_from(self.len()).unwrap_or(u32::MAX);
        self.gap.saturating_mul(len)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Priority::{Bulk, Critical, Normal};
    use super::*;

    const NOBODY: [u32; 3] = [0; 3];

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn queue(length: usize) -> Queue<u32> {
        Queue::new(QueuePolicy {
            length,
            ..QueuePolicy::default()
        })
    }

    fn push(queue: &mut Queue<u32>, item: u32, priority: Priority, now: Duration) -> Gone<u32> {
        let mut gone = Gone::new();
        if let Err((item, shed)) = queue.push(item, priority, now, None, &mut gone) {
            gone.push((item, priority, shed));
        }
        gone
    }

    fn pop(queue: &mut Queue<u32>, now: Duration) -> (Option<u32>, Gone<u32>) {
        let mut gone = Gone::new();
        let popped = queue.pop(now, NOBODY, Bulk, &mut gone);
        (popped.map(|(item, ..)| item), gone)
    }

    #[test]
    fn first_in_first_out_while_it_is_empty_now_and_then() {
        let mut queue = queue(10);
        for item in 0..3 {
            push(&mut queue, item, Normal, ms(u64::from(item)));
        }
        let order = [(); 4].map(|()| pop(&mut queue, ms(50)).0);
        assert_eq!(order, [Some(0), Some(1), Some(2), None]);
        push(&mut queue, 3, Normal, ms(500));
        push(&mut queue, 4, Normal, ms(501));
        assert_eq!(pop(&mut queue, ms(520)).0, Some(3), "it was empty since");
    }

    #[test]
    fn under_overload_the_newest_goes_first_and_the_old_are_told() {
        let mut queue = queue(100);
        // Two come for each one that is served, one per millisecond.
        let mut next = 0;
        for now in 0..110 {
            for _ in 0..2 {
                push(&mut queue, next, Normal, ms(now));
                next += 1;
            }
            let _served = pop(&mut queue, ms(now));
        }
        push(&mut queue, next, Normal, ms(110));
        let (popped, gone) = pop(&mut queue, ms(110));
        assert_eq!(popped, Some(next));
        assert!(
            gone.iter()
                .all(|(.., shed)| *shed == Shed::Overload || *shed == Shed::Deadline)
        );
        assert!(
            queue.len() <= 2 * 5 + 2,
            "{} wait for more than the target",
            queue.len()
        );
    }

    #[test]
    fn overload_lasts_while_some_are_told_to_go_and_ends_with_it() {
        let mut queue = queue(100);
        let policy = *queue.policy();
        // Three come for each that is served, so that the queue is emptied by telling them, again and again.
        for now in 0..300 {
            for item in 0..3 {
                push(&mut queue, item, Normal, ms(now));
            }
            let (_, gone) = pop(&mut queue, ms(now));
            let mut late = gone.iter().filter(|(.., shed)| *shed == Shed::Deadline);
            assert!(
                now < 250 || late.next().is_none(),
                "they are told at their target"
            );
        }
        let mut gone = Gone::new();
        queue.sweep(ms(400), NOBODY, &mut gone);
        assert!(queue.is_empty());
        let class = &mut queue.classes[Normal as usize];
        assert!(class.is_overloaded(&policy, ms(499)));
        assert!(!class.is_overloaded(&policy, ms(500)));
    }

    #[test]
    fn a_slow_service_is_not_left_without_work() {
        let mut queue = queue(100);
        // A turn every 200 ms: with a target of 5 ms nobody would be there when it comes.
        let mut now = 0;
        let policy = QueuePolicy {
            timeout: ms(10_000),
            ..*queue.policy()
        };
        queue.set_policy(policy);
        for item in 0..20 {
            push(&mut queue, item, Normal, ms(now));
            push(&mut queue, item + 100, Normal, ms(now + 50));
            now += 200;
            assert!(pop(&mut queue, ms(now)).0.is_some(), "at {now} ms");
        }
    }

    #[test]
    fn classes_go_one_before_the_other_and_displace_the_youngest_of_the_lowest() {
        let mut queue = queue(4);
        push(&mut queue, 0, Bulk, ms(0));
        push(&mut queue, 1, Bulk, ms(1));
        push(&mut queue, 2, Normal, ms(2));
        push(&mut queue, 3, Normal, ms(3));
        assert_eq!(push(&mut queue, 4, Bulk, ms(4)), [(4, Bulk, Shed::Full)]);
        assert_eq!(
            push(&mut queue, 5, Critical, ms(5)),
            [(1, Bulk, Shed::Displaced)]
        );
        assert_eq!(
            push(&mut queue, 6, Critical, ms(6)),
            [(0, Bulk, Shed::Displaced)]
        );
        assert_eq!(
            push(&mut queue, 7, Critical, ms(7)),
            [(3, Normal, Shed::Displaced)]
        );
        assert_eq!(
            push(&mut queue, 8, Normal, ms(8)),
            [(8, Normal, Shed::Full)]
        );
        let order = [(); 4].map(|()| pop(&mut queue, ms(9)).0);
        assert_eq!(order, [Some(5), Some(6), Some(7), Some(2)]);
    }

    #[test]
    fn critical_ones_wait_beyond_the_target_while_lower_ones_hold_places() {
        let mut queue = queue(100);
        for item in 0..20 {
            push(&mut queue, item, Critical, ms(u64::from(item) * 7));
        }
        // Turns come quickly.
        (queue.gap, queue.last_turn) = (ms(1), Some(ms(150)));
        let mut gone = Gone::new();
        queue.sweep(ms(150), [8, 0, 1], &mut gone);
        assert!(
            gone.iter().all(|(.., shed)| *shed == Shed::Deadline),
            "{gone:?}"
        );
        assert_eq!(gone.len(), 8, "those of 0 to 50 ms");
        queue.sweep(ms(150), [8, 0, 0], &mut gone);
        assert!(gone.iter().any(|(.., shed)| *shed == Shed::Overload));
    }

    #[test]
    fn deadlines_of_their_own_and_of_the_queue() {
        let mut queue = queue(100);
        let mut gone = Gone::new();
        queue
            .push(0, Normal, ms(0), Some(ms(10)), &mut gone)
            .expect("room");
        queue
            .push(1, Normal, ms(0), Some(ms(1000)), &mut gone)
            .expect("room");
        assert_eq!(
            queue.push(2, Normal, ms(5), Some(ms(5)), &mut gone),
            Err((2, Shed::Deadline))
        );
        queue.sweep(ms(99), NOBODY, &mut gone);
        assert_eq!(gone, [(0, Normal, Shed::Deadline)]);
        queue.sweep(ms(100), NOBODY, &mut gone);
        assert_eq!(gone.len(), 2, "100 ms is the queue's");
        assert!(queue.is_empty());
    }

    #[test]
    fn no_turn_is_given_to_who_has_no_time_left() {
        let mut queue = queue(100);
        let mut gone = Gone::new();
        for (item, now) in [(0, 0), (1, 50), (2, 100)] {
            push(&mut queue, item, Normal, ms(now));
        }
        let soon = Some(ms(103));
        queue
            .push(3, Normal, ms(101), soon, &mut gone)
            .expect("room");
        queue.push(4, Bulk, ms(101), soon, &mut gone).expect("room");
        let (popped, gone) = pop(&mut queue, ms(104));
        assert_eq!(popped, Some(2), "the newest who has time");
        assert!(gone.contains(&(3, Normal, Shed::Deadline)), "{gone:?}");
        queue
            .push(5, Critical, ms(104), Some(ms(105)), &mut Gone::new())
            .expect("room");
        let order = [(); 3].map(|()| pop(&mut queue, ms(106)).0);
        assert_eq!(order, [Some(1), None, None], "not 4 and not 5");
    }

    #[test]
    fn a_queue_of_length_nought_takes_nobody() {
        let mut queue = queue(0);
        assert_eq!(
            push(&mut queue, 0, Critical, ms(0)),
            [(0, Critical, Shed::Full)]
        );
    }

    proptest! {
        /// Whatever happens, everything that goes in comes out once: served, given up or taken out.
        #[test]
        fn nothing_is_lost_and_nothing_comes_twice(
            steps in prop::collection::vec((0u8..4, 0usize..3, 0u64..20), 1..300),
            length in 0usize..20,
        ) {
            let mut queue = queue(length);
            let mut now = 0;
            let (mut inside, mut out) = (Vec::new(), Vec::new());
            let mut pushed = 0;
            for (what, class, pause) in steps {
                now += pause;
                let mut gone = Gone::new();
                match what {
                    0 | 1 => {
                        let priority = Priority::ALL[class];
                        match queue.push(pushed, priority, ms(now), None, &mut gone) {
                            Ok(ticket) => inside.push(ticket),
                            Err((item, _)) => out.push(item),
                        }
                        pushed += 1;
                    }
                    2 => {
                        let popped = queue.pop(ms(now), [0; 3], Priority::ALL[class], &mut gone);
                        out.extend(popped.map(|(item, ..)| item));
                    }
                    _ if !inside.is_empty() => {
                        let ticket = inside.swap_remove(class % inside.len());
                        out.extend(queue.remove(ticket));
                        prop_assert_eq!(queue.remove(ticket), None);
                    }
                    _ => {}
                }
                out.extend(gone.into_iter().map(|(item, ..)| item));
                prop_assert!(queue.len() <= length);
                prop_assert_eq!(queue.len() + out.len(), pushed as usize);
            }
            let mut gone = Gone::new();
            queue.sweep(ms(now + 1000), [0; 3], &mut gone);
            out.extend(gone.into_iter().map(|(item, ..)| item));
            out.sort_unstable();
            prop_assert_eq!(out, (0..pushed).collect::<Vec<_>>());
        }
    }
}
