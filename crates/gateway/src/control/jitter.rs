//! Spreading what happens again and again, so that a thousand tasks that were started together do not stay together.

use std::time::Duration;

/// `pause`, give or take a tenth of it.
pub(super) fn jittered(pause: Duration, rng: &mut fastrand::Rng) -> Duration {
    pause.mul_f64(0.9 + 0.2 * rng.f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_within_a_tenth_and_is_not_always_the_same() {
        let mut rng = fastrand::Rng::with_seed(1);
        let pause = Duration::from_secs(10);
        let all: Vec<_> = (0..1000).map(|_| jittered(pause, &mut rng)).collect();
        assert!(
            all.iter()
                .all(|one| (9.0..=11.0).contains(&one.as_secs_f64()))
        );
        assert!(all.iter().any(|one| one.as_secs_f64() < 9.2));
        assert!(all.iter().any(|one| one.as_secs_f64() > 10.8));
    }
}
