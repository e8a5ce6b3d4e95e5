use std::sync::atomic::AtomicUsize;
use std::task::Wake;

use super::Priority::{Bulk, Critical, Normal};
use super::*;

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn bulkhead(limit: u32, length: usize) -> Arc<Bulkhead> {
    let mut settings = Settings::new(Limit::Fixed(limit));
    settings.queue.length = length;
    Bulkhead::new(&settings)
}

fn poll(waiting: &mut Waiting, woken: &Arc<Woken>) -> Poll<Result<Permit, Shed>> {
    let waker = Waker::from(Arc::clone(woken));
    Pin::new(waiting).poll(&mut Context::from_waker(&waker))
}

fn waiting(bulkhead: &Arc<Bulkhead>, priority: Priority, now: Duration) -> Waiting {
    match bulkhead.acquire(priority, now, None) {
        Ok(Acquire::Waiting(waiting)) => waiting,
        other => panic!("{other:?}"),
    }
}

#[test]
fn as_many_as_the_limit_and_then_the_queue_and_then_no() {
    let bulkhead = bulkhead(2, 1);
    let permits = [(); 2].map(|()| bulkhead.try_acquire(Normal, ms(0)).expect("a place"));
    assert!(bulkhead.try_acquire(Normal, ms(0)).is_none());
    let woken = Arc::<Woken>::default();
    let mut first = waiting(&bulkhead, Normal, ms(1));
    assert!(poll(&mut first, &woken).is_pending());
    let second = bulkhead.acquire(Normal, ms(1), None);
    assert!(matches!(second, Err(Shed::Full)));
    drop(permits);
    assert_eq!(woken.0.load(SeqCst), 1);
    let Poll::Ready(Ok(permit)) = poll(&mut first, &woken) else {
        panic!("it has a place");
    };
    assert_eq!(bulkhead.in_flight(), 1);
    drop((permit, first));
    assert_eq!(bulkhead.in_flight(), 0);
    assert!(bulkhead.try_enter(Normal, ms(2)), "the flag is cleared");
    bulkhead.leave(Normal);
}

#[test]
fn whoever_goes_leaves_nothing_behind() {
    let bulkhead = bulkhead(1, 10);
    let permit = bulkhead.try_acquire(Normal, ms(0)).expect("a place");
    let woken = Arc::<Woken>::default();
    // One goes while it waits, one after it got a place and before it knew.
    let gone = waiting(&bulkhead, Normal, ms(1));
    let mut unaware = waiting(&bulkhead, Normal, ms(1));
    let mut last = waiting(&bulkhead, Normal, ms(1));
    assert!(poll(&mut unaware, &woken).is_pending());
    assert!(poll(&mut last, &woken).is_pending());
    drop(gone);
    drop(permit);
    assert_eq!(woken.0.load(SeqCst), 1, "the second one's turn");
    drop(unaware);
    assert_eq!(woken.0.load(SeqCst), 2, "its place is handed on");
    assert!(matches!(poll(&mut last, &woken), Poll::Ready(Ok(_))));
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, [0; 3]));
}

#[test]
fn a_critical_one_displaces_and_goes_first() {
    let bulkhead = bulkhead(1, 2);
    let permit = bulkhead.try_acquire(Bulk, ms(0)).expect("a place");
    let woken = Arc::<Woken>::default();
    let mut bulk = [(); 2].map(|()| waiting(&bulkhead, Bulk, ms(1)));
    for one in &mut bulk {
        assert!(poll(one, &woken).is_pending());
    }
    let mut critical = waiting(&bulkhead, Critical, ms(2));
    assert!(matches!(
        poll(&mut bulk[1], &woken),
        Poll::Ready(Err(Shed::Displaced))
    ));
    assert!(poll(&mut critical, &woken).is_pending());
    drop(permit);
    assert!(poll(&mut bulk[0], &woken).is_pending());
    assert!(matches!(poll(&mut critical, &woken), Poll::Ready(Ok(_))));
}

#[test]
fn bulk_leaves_a_reserve_free_while_others_come() {
    let bulkhead = bulkhead(10, 10);
    let bulk = || bulkhead.try_acquire(Bulk, ms(5000));
    let all: Vec<_> = (0..11).map_while(|_| bulk()).collect();
    assert_eq!(all.len(), 10, "nobody else is there");
    drop(all);
    let normal = bulkhead.try_acquire(Normal, ms(5000)).expect("a place");
    drop(normal);
    let some: Vec<_> = (0..11).map_while(|_| bulk()).collect();
    assert_eq!(some.len(), 9);
    assert!(bulkhead.try_acquire(Critical, ms(5000)).is_some());
    assert!(
        bulkhead.try_acquire(Bulk, ms(8000)).is_some(),
        "nobody came for a while"
    );
}

#[test]
fn nobody_has_come_before_the_beginning() {
    let bulkhead = bulkhead(10, 10);
    let all: Vec<_> = (0..11)
        .map_while(|_| bulkhead.try_acquire(Bulk, ms(0)))
        .collect();
    assert_eq!(all.len(), 10, "nobody else is there");
}

#[test]
fn a_second_that_ends_between_two_threads_does_not_open_the_reserve() {
    let bulkhead = bulkhead(10, 10);
    drop(bulkhead.try_acquire(Normal, ms(6000)));
    // One whose clock was read just before.
    let some: Vec<_> = (0..11)
        .map_while(|_| bulkhead.try_acquire(Bulk, ms(5999)))
        .collect();
    assert_eq!(some.len(), 9);
    drop(some);
    // Nor does one that was late make what came after it forgotten.
    drop(bulkhead.try_acquire(Critical, ms(5000)));
    let some: Vec<_> = (0..11)
        .map_while(|_| bulkhead.try_acquire(Bulk, ms(7000)))
        .collect();
    assert_eq!(some.len(), 9);
}

#[test]
fn bounds_that_cross_are_no_panic() {
    for (min, max) in [(10, 5), (1, 0), (0, 0), (u32::MAX, u32::MAX)] {
        let bounds = Bounds { min, max };
        let bulkhead = Bulkhead::new(&Settings::new(Limit::Adaptive(bounds)));
        assert_eq!(bulkhead.limit(), min.clamp(1, MOST));
        assert!(bulkhead.try_enter(Normal, ms(0)));
        bulkhead.finish(Normal, ms(1), true);
    }
}

#[test]
fn no_time_panics() {
    let bulkhead = Bulkhead::new(&Settings::new(Limit::Adaptive(Bounds::default())));
    for now in [Duration::MAX, ms(0), Duration::from_secs(1 << 40), ms(5)] {
        for priority in Priority::ALL {
            if let Ok(Acquire::Permit(permit)) = bulkhead.acquire(priority, now, Some(now)) {
                permit.finish(now, true);
            }
        }
    }
    assert_eq!(bulkhead.in_flight(), 0);
}

/// A reload fixes the limit while an adaptive one is just being found.
#[test]
fn a_limit_that_was_found_does_not_outlive_its_settings() {
    use std::sync::atomic::AtomicBool;

    let adaptive = Settings::new(Limit::Adaptive(Bounds { min: 10, max: 10 }));
    let bulkhead = Bulkhead::new(&adaptive);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Nine of ten are always inside: the limit is used, and one is found with every hundredth answer or so.
            let mut now = Duration::ZERO;
            let inside = (0..9).filter(|_| bulkhead.try_enter(Normal, now));
            assert_eq!(inside.count(), 9);
            while !is_over.load(SeqCst) {
                now += ms(5);
                if bulkhead.try_enter(Normal, now) {
                    bulkhead.finish(Normal, now, true);
                }
            }
        });
        for _ in 0..20_000 {
            bulkhead.configure(&Settings::new(Limit::Fixed(12)));
            std::thread::yield_now();
            let limit = bulkhead.limit();
            bulkhead.configure(&adaptive);
            if limit != 12 {
                is_over.store(true, SeqCst);
            }
            assert_eq!(limit, 12);
        }
        is_over.store(true, SeqCst);
    });
}

#[test]
fn a_deadline_of_ones_own_ends_waiting() {
    let bulkhead = bulkhead(1, 10);
    let permit = bulkhead.try_acquire(Normal, ms(0)).expect("a place");
    let Ok(Acquire::Waiting(waiting)) = bulkhead.acquire(Normal, ms(0), Some(ms(20))) else {
        panic!("it waits");
    };
    assert_eq!(waiting.deadline(), ms(20));
    assert!(matches!(waiting.give_up(ms(21)), Err(Shed::Deadline)));
    assert_eq!(bulkhead.waiting(), [0; 3]);
    let late = bulkhead.acquire(Normal, ms(30), Some(ms(25)));
    assert!(matches!(late, Err(Shed::Deadline)));
    drop(permit);
    assert!(bulkhead.try_acquire(Normal, ms(31)).is_some());
}

#[test]
fn a_higher_limit_lets_in_those_who_wait() {
    let bulkhead = bulkhead(1, 10);
    let _permit = bulkhead.try_acquire(Normal, ms(0)).expect("a place");
    let woken = Arc::<Woken>::default();
    let mut waiting = waiting(&bulkhead, Normal, ms(0));
    assert!(poll(&mut waiting, &woken).is_pending());
    bulkhead.configure(&Settings::new(Limit::Fixed(2)));
    assert!(matches!(poll(&mut waiting, &woken), Poll::Ready(Ok(_))));
    bulkhead.configure(&Settings::new(Limit::Fixed(1)));
    assert!(
        bulkhead.try_acquire(Normal, ms(0)).is_none(),
        "one is inside"
    );
}

/// Parks its thread until it is woken.
struct Parked(std::thread::Thread);

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on(mut waiting: Waiting) -> Result<Permit, Shed> {
    let waker = Waker::from(Arc::new(Parked(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(result) = Pin::new(&mut waiting).poll(&mut cx) {
            return result;
        }
        std::thread::park();
    }
}

/// Threads come and go, wait, and give up: never more inside than may be, nobody is forgotten, and in the end nobody is left.
#[test]
fn no_wake_up_is_lost_and_no_place_is_given_twice() {
    let mut settings = Settings::new(Limit::Fixed(3));
    settings.queue = QueuePolicy {
        length: 1000,
        timeout: Duration::from_secs(3600),
        target: Duration::from_secs(3600),
        interval: Duration::from_secs(3600),
    };
    let bulkhead = Bulkhead::new(&settings);
    let inside = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..8u64)
        .map(|thread| {
            let (bulkhead, inside) = (Arc::clone(&bulkhead), Arc::clone(&inside));
            std::thread::spawn(move || {
                let mut random = fastrand::Rng::with_seed(thread);
                for _ in 0..3000 {
                    let priority = Priority::ALL[random.usize(..3)];
                    let permit = match bulkhead.acquire(priority, ms(1), None) {
                        Ok(Acquire::Permit(permit)) => permit,
                        Ok(Acquire::Waiting(waiting)) if random.u8(..8) == 0 => {
                            drop(waiting);
                            continue;
                        }
                        Ok(Acquire::Waiting(waiting)) => block_on(waiting).expect("a turn"),
                        Err(shed) => panic!("{shed:?}"),
                    };
                    assert!(inside.fetch_add(1, SeqCst) < 3);
                    if random.bool() {
                        std::thread::yield_now();
                    }
                    inside.fetch_sub(1, SeqCst);
                    match random.bool() {
                        true => drop(permit),
                        false => permit.finish(ms(1), true),
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, [0; 3]));
}
