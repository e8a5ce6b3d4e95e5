use fastrand::Rng;
use proptest::prelude::*;

use super::*;

#[test]
fn weights_become_whole_numbers() {
    let whole = |weights: &[f64]| whole_weights(weights);
    assert_eq!(whole(&[60.0, 30.0, 10.0]), Some(vec![6, 3, 1]));
    assert_eq!(whole(&[0.1, 0.2, 0.7]), Some(vec![1, 2, 7]));
    assert_eq!(whole(&[33.3, 66.7]), Some(vec![333, 667]));
    assert_eq!(whole(&[1.0, 0.0]), Some(vec![1, 0]));
    assert_eq!(whole(&[0.0]), None);
    assert_eq!(whole(&[1.0, 100_000.0]), None);
    assert_eq!(whole(&[std::f64::consts::PI, 1.0]), None);
    assert_eq!(whole(&[f64::INFINITY, f64::NAN]), None);
    let rounded: u64 = rounded(&[std::f64::consts::PI, 1.0]).iter().sum();
    assert!(rounded.abs_diff(LONGEST_PERIOD) <= 1);
}

#[test]
fn without_a_weight_nothing_is_chosen() {
    let mut rng = Rng::with_seed(1);
    assert_eq!(Cumulative::of_weights(&[]).pick(&mut rng), None);
    assert_eq!(Cumulative::of_weights(&[0.0, 0.0]).pick(&mut rng), None);
    for _ in 0..1000 {
        assert_eq!(
            Cumulative::of_weights(&[0.0, 2.0, 0.0]).pick(&mut rng),
            Some(1)
        );
        // Ten tenths are a little less than 1.
        assert!(Cumulative::of_shares(&[0.1; 10]).pick(&mut rng).is_some());
    }
}

#[test]
fn random_shares_are_those_of_the_weights() {
    let weights = Cumulative::of_weights(&[60.0, 0.0, 30.0, 10.0]);
    let mut rng = Rng::with_seed(5);
    let mut counts = [0_u32; 4];
    for _ in 0..200_000 {
        counts[weights.pick(&mut rng).expect("always one")] += 1;
    }
    for (count, share) in counts.into_iter().zip([0.6, 0.0, 0.3, 0.1]) {
        assert!(
            (f64::from(count) / 200_000.0 - share).abs() < 0.01,
            "{counts:?}"
        );
    }
}

#[test]
fn markov_shares_are_those_of_the_stationary_distribution() {
    let rows = [
        vec![0.1, 0.6, 0.3],
        vec![0.4, 0.2, 0.4],
        vec![0.5, 0.25, 0.25],
    ];
    let chooser = Chooser::Markov {
        start: Cumulative::of_weights(&[1.0, 0.0, 0.0]),
        next: rows.iter().map(|row| Cumulative::of_shares(row)).collect(),
        most: u32::MAX,
    };
    // By the power method.
    let mut law = [1.0, 0.0, 0.0];
    for _ in 0..200 {
        let share = |to: usize| (0..3).map(|from| law[from] * rows[from][to]).sum();
        law = [share(0), share(1), share(2)];
    }
    let mut rng = Rng::with_seed(11);
    let (mut counts, mut last, steps) = ([0_u32; 3], 0, 400_000);
    for done in 0..steps {
        last = chooser
            .next(0, done, last, &mut rng)
            .expect("nobody leaves");
        counts[last] += 1;
    }
    for (count, share) in counts.into_iter().zip(law) {
        let measured = f64::from(count) / f64::from(steps);
        assert!((measured / share - 1.0).abs() < 0.01, "{measured} {share}");
    }
}

#[test]
fn what_a_row_lacks_is_leaving_and_no_session_is_longer_than_it_may_be() {
    let chooser = |share: f64, most| Chooser::Markov {
        start: Cumulative::of_weights(&[1.0]),
        next: vec![Cumulative::of_shares(&[share])],
        most,
    };
    let mut rng = Rng::with_seed(2);
    let mut length = |chooser: &Chooser| {
        (0..)
            .take_while(|done| chooser.next(0, *done, 0, &mut rng).is_some())
            .count()
    };
    let stays = chooser(1.0, 20);
    assert_eq!(length(&stays), 20);
    let leaves = chooser(0.8, 10_000);
    let pages: usize = (0..20_000).map(|_| length(&leaves)).sum();
    // The mean of the geometric distribution: 1 / 0.2.
    assert!((pages as f64 / 20_000.0 - 5.0).abs() < 0.1, "{pages}");
}

proptest! {
    #[test]
    fn an_exact_split_is_never_more_than_one_away(weights in proptest::collection::vec(0_u64..40, 1..12)) {
        let sum: u64 = weights.iter().sum();
        prop_assume!(sum > 0);
        let table = spread(&weights);
        prop_assert_eq!(table.len() as u64, sum);
        let mut counts = vec![0_u64; weights.len()];
        for session in 0..2 * sum {
            counts[table[(session % sum) as usize] as usize] += 1;
            for (count, weight) in counts.iter().zip(&weights) {
                // |count - n·w/W| < 1, in whole numbers.
                prop_assert!((count * sum).abs_diff((session + 1) * weight) < sum);
            }
        }
    }
}
