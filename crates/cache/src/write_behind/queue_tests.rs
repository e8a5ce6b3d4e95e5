use super::super::item::Tries;
use super::super::store::Failed;
use super::*;

fn item(sequence: u64) -> Item<u64> {
    Item {
        loaded: Loaded::value(sequence),
        sequence,
        since: Instant::now(),
        file: sequence,
        bytes: 10,
        replayed: false,
        _room: None,
        tries: Tries::default(),
    }
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn batch(queue: &Queue<u64>, options: &WriteBehindOptions) -> Vec<Change<u64>> {
    match queue.lock().take(options, Instant::now(), false) {
        Next::Batch(batch) => batch,
        Next::At(_) | Next::Nothing => Vec::new(),
    }
}

fn sequences(batch: &[Change<u64>]) -> Vec<u64> {
    batch.iter().map(|change| change.sequence).collect()
}

fn down() -> Result<(), Failed> {
    Err(std::io::Error::other("down").into())
}

#[test]
fn the_newest_waits_behind_the_one_that_flies() {
    let (queue, options) = (Queue::new(), WriteBehindOptions::default());
    assert_eq!(queue.lock().insert(key("a"), item(1)), None);
    let first = batch(&queue, &options);
    assert_eq!(sequences(&first), [1]);
    assert_eq!(queue.lock().insert(key("a"), item(2)), Some(1));
    assert_eq!(queue.lock().insert(key("a"), item(3)), Some(2));
    assert!(batch(&queue, &options).is_empty(), "one of a key at a time");
    let landed = queue.lock().land(&first, &Ok(()), &options, Instant::now());
    assert_eq!((landed.sequences, landed.files), (vec![1], vec![]));
    let second = batch(&queue, &options);
    assert_eq!(sequences(&second), [3]);
    let landed = queue
        .lock()
        .land(&second, &Ok(()), &options, Instant::now());
    assert_eq!((landed.sequences, landed.files), (vec![3], vec![3]));
    let counts = queue.lock().counts.clone();
    assert_eq!(
        (
            counts.pending,
            counts.bytes,
            counts.coalesced,
            counts.written
        ),
        (0, 0, 1, 2)
    );
    assert!(queue.is_empty());
}

#[test]
fn a_failed_batch_comes_again_in_halves_until_each_is_alone() {
    let options = WriteBehindOptions {
        batch: 4,
        ..WriteBehindOptions::default()
    };
    let queue = Queue::new();
    for sequence in 1..=4 {
        queue
            .lock()
            .insert(key(&format!("k{sequence}")), item(sequence));
    }
    let mut seen = Vec::new();
    for _ in 0..3 {
        let taken = batch(&queue, &options);
        queue.lock().land(&taken, &down(), &options, Instant::now());
        seen.push(sequences(&taken));
    }
    assert_eq!(seen, [vec![1, 2, 3, 4], vec![1, 2], vec![1]]);
    // The first has been put off by now, and the others go on.
    assert_eq!(sequences(&batch(&queue, &options)), [2]);
    assert_eq!(sequences(&batch(&queue, &options)), [3, 4]);
}

#[test]
fn what_failed_is_not_tried_again_when_a_newer_one_waits() {
    let (queue, options) = (Queue::new(), WriteBehindOptions::default());
    queue.lock().insert(key("a"), item(1));
    let first = batch(&queue, &options);
    queue.lock().insert(key("a"), item(2));
    let landed = queue.lock().land(&first, &down(), &options, Instant::now());
    assert_eq!(landed.sequences, [1]);
    assert_eq!(sequences(&batch(&queue, &options)), [2]);
}

#[test]
fn a_newer_change_need_not_wait_for_the_refused_ones_pause() {
    let (queue, options) = (Queue::new(), WriteBehindOptions::default());
    queue.lock().insert(key("a"), item(1));
    let first = batch(&queue, &options);
    let refused = Err(Failed::Items(vec![(0, "no".into())]));
    queue
        .lock()
        .land(&first, &refused, &options, Instant::now());
    assert!(batch(&queue, &options).is_empty());
    queue.lock().insert(key("a"), item(2));
    assert_eq!(sequences(&batch(&queue, &options)), [2]);
    assert!(batch(&queue, &options).is_empty());
}

#[test]
fn refusals_by_name_are_counted_and_outages_are_not() {
    let options = WriteBehindOptions {
        give_up_after: Some(2),
        backoff: Duration::ZERO,
        ..Default::default()
    };
    let queue = Queue::new();
    queue.lock().insert(key("a"), item(1));
    let refused = Err(Failed::Items(vec![(0, "no".into())]));
    for result in [
        down(),
        down(),
        down(),
        Err(Failed::Items(vec![(0, "no".into())])),
    ] {
        let taken = batch(&queue, &options);
        let landed = queue.lock().land(&taken, &result, &options, Instant::now());
        assert!(landed.dead.is_empty() && taken.len() == 1);
    }
    let taken = batch(&queue, &options);
    let mut landed = queue
        .lock()
        .land(&taken, &refused, &options, Instant::now());
    assert_eq!(landed.dead, [(0, "no".into())]);
    queue.lock().remove(&taken[0], &mut landed);
    assert!(queue.is_empty());
}

#[test]
fn a_moved_record_is_known_where_it_lies() {
    let (queue, options) = (Queue::new(), WriteBehindOptions::default());
    queue.lock().insert(key("a"), item(1));
    assert_eq!(queue.lock().in_file(1), [(key("a"), 1, Some(1))]);
    assert!(queue.lock().moved(&key("a"), 1, 9));
    assert!(!queue.lock().moved(&key("a"), 2, 9) && !queue.lock().moved(&key("b"), 1, 9));
    let taken = batch(&queue, &options);
    assert_eq!(
        queue
            .lock()
            .land(&taken, &Ok(()), &options, Instant::now())
            .files,
        [9]
    );
}
