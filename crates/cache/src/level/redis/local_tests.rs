use super::*;
use crate::invalidate::Verdict;
use crate::key::Key;

fn at(millis: u64) -> Moment {
    Moment {
        boot: millis,
        unix: 1_000_000 + millis,
    }
}

fn local(number: u64) -> Local {
    let mut local = Local::new(Table::new(10, 10));
    (local.epoch, local.number, local.taken) = (7, number, number);
    local.confirm(at(0));
    local.synced();
    local
}

fn message(number: u64, origin: &str) -> Message {
    Message {
        id: format!("{number}-0"),
        epoch: 7,
        number,
        origin: origin.into(),
        what: vec![Invalidation::tag("a")],
    }
}

fn lease(number: u64) -> Lease {
    Lease {
        epoch: 7,
        number,
        fence: 0,
    }
}

fn check(number: u64, entry: &str, origin: &str, first: &str, last: &str) -> Check {
    Check {
        epoch: "7".into(),
        number,
        entry_number: entry.into(),
        entry_origin: origin.into(),
        first_id: first.into(),
        last_id: last.into(),
    }
}

#[test]
fn it_is_certain_only_for_a_while() {
    let mut local = local(3);
    assert_eq!(local.lease(at(5000)), Some(lease(3)));
    assert_eq!(local.lease(at(5001)), None);
    local.confirm(at(5000));
    assert_eq!(local.lease(at(5001)), Some(lease(3)));
    local.unsynced();
    assert_eq!(local.lease(at(5001)), None);
}

#[test]
fn a_lease_ages_from_when_its_number_was_last_the_newest() {
    let mut local = local(3);
    local.confirm(at(100_000));
    assert!(
        local.allows(lease(3), at(101_000)),
        "nothing was invalidated in all that time"
    );
    for number in 4..6 {
        local.take(&message(number, "b"), "me").unwrap();
        local.advance(message(number, "b"));
    }
    local.confirm(at(110_000));
    assert!(local.allows(lease(3), at(130_000)));
    assert!(!local.allows(lease(3), at(130_001)));
    assert!(
        local.allows(lease(4), at(130_000)),
        "as old as the one before, at worst"
    );
    assert!(local.allows(lease(5), at(140_000)));
    assert!(!local.allows(lease(2), at(110_000)));
    assert!(!local.allows(
        Lease {
            epoch: 6,
            ..lease(5)
        },
        at(110_000)
    ));
}

#[test]
fn a_suspended_machines_lost_time_counts() {
    let local = local(3);
    let woken = Moment {
        boot: 1000,
        unix: 1_000_000 + 40_000,
    };
    assert!(!local.allows(lease(3), woken));
    assert_eq!(local.lease(woken), None);
}

#[test]
fn samples_stay_few() {
    let mut local = local(0);
    for number in 1..50_000 {
        local.take(&message(number, "b"), "me").unwrap();
        local.advance(message(number, "b"));
        local.confirm(at(number));
    }
    assert!(local.samples.len() <= 302, "{}", local.samples.len());
}

#[test]
fn entries_must_follow_each_other() {
    let mut local = local(3);
    assert_eq!(local.take(&message(5, "b"), "me"), Err(Trouble::Missed));
    assert_eq!(local.take(&message(3, "b"), "me"), Err(Trouble::Lost));
    let other_epoch = Message {
        epoch: 8,
        ..message(4, "b")
    };
    assert_eq!(local.take(&other_epoch, "me"), Err(Trouble::Missed));
    assert_eq!(local.take(&message(4, "b"), "me"), Ok(()));
}

#[test]
fn a_server_that_counts_to_the_end_is_no_reason_to_panic() {
    let mut local = local(u64::MAX);
    assert_eq!(local.take(&message(1, "b"), "me"), Err(Trouble::Lost));
    let next_epoch = Message {
        epoch: 8,
        ..message(1, "b")
    };
    assert_eq!(local.take(&next_epoch, "me"), Err(Trouble::Missed));
    let mut local = self::local(u64::MAX - 1);
    assert_eq!(local.take(&message(u64::MAX, "b"), "me"), Ok(()));
}

#[test]
fn an_own_number_that_went_to_another_process_is_a_loss() {
    let mut local = local(3);
    local.invalidated(7, 4, [Invalidation::tag("x")].into());
    assert_eq!(local.take(&message(4, "b"), "me"), Err(Trouble::Lost));
    let mut local = self::local(3);
    local.invalidated(7, 4, [Invalidation::tag("x")].into());
    assert_eq!(local.take(&message(4, "me"), "me"), Ok(()));
}

#[test]
fn an_own_entry_may_be_read_before_its_number_is_known() {
    let mut local = local(3);
    local.take(&message(4, "me"), "me").unwrap();
    // Between taking it in and passing it on.
    local.invalidated(7, 4, [Invalidation::tag("a")].into());
    local.advance(message(4, "me"));
    assert_eq!(local.take(&message(5, "b"), "me"), Ok(()));
}

#[test]
fn own_invalidations_hold_at_once_and_over_a_reload() {
    let mut local = local(3);
    local.invalidated(7, 5, [Invalidation::tag("x")].into());
    let key = Key::new("k").unwrap();
    assert_eq!(local.table.judge(&key, &["x".into()], 4), Verdict::Gone);
    local.reload(self::local(4), at(10));
    assert_eq!(local.table.judge(&key, &["x".into()], 4), Verdict::Gone);
    assert_eq!(local.lease(at(10)), Some(lease(4)));
}

#[test]
fn it_goes_on_where_it_was_or_says_why_not() {
    let mut local = local(3);
    assert_eq!(local.resume(&check(3, "", "", "", "0-0")), Ok(true));
    local.take(&message(4, "b"), "me").unwrap();
    local.advance(message(4, "b"));
    assert_eq!(local.resume(&check(4, "4", "b", "1-0", "4-0")), Ok(true));
    assert_eq!(local.resume(&check(9, "4", "b", "1-0", "9-0")), Ok(false));
    // The log was cut, before or behind what was read.
    assert_eq!(
        local.resume(&check(9, "", "", "6-0", "9-0")),
        Err(Trouble::Missed)
    );
    assert_eq!(
        local.resume(&check(9, "", "", "", "9-0")),
        Err(Trouble::Missed)
    );
    assert_eq!(local.resume(&check(4, "", "", "", "4-0")), Ok(true));
    // A server that does not have what it had told.
    assert_eq!(
        local.resume(&check(3, "", "", "1-0", "3-0")),
        Err(Trouble::Lost)
    );
    assert_eq!(
        local.resume(&check(5, "", "", "1-0", "3-9")),
        Err(Trouble::Lost)
    );
    assert_eq!(
        local.resume(&check(5, "4", "c", "1-0", "5-0")),
        Err(Trouble::Lost)
    );
    assert_eq!(local.resume(&Check::default()), Err(Trouble::Missed));
    local.invalidated(7, 9, [Invalidation::tag("x")].into());
    assert_eq!(
        local.resume(&check(8, "4", "b", "1-0", "8-0")),
        Err(Trouble::Lost)
    );
}
