//! A virtual user: what one session knows, from its first request to its last.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use super::{Answer, Body, Outgoing, Problem, Shared, Step, Think};
use crate::results::ErrorKind;
use crate::test::Test;

/// A virtual user.
#[derive(Clone, Debug)]
pub struct User {
    test: Arc<Test>,
    shared: Arc<Shared>,
    rng: Rng,
    /// Scenarios that this session has begun.
    pages: u32,
}

impl User {
    /// A user before his first session. `number` is his own, for what is random before that.
    #[must_use]
    pub fn new(test: &Arc<Test>, shared: &Arc<Shared>, number: u64) -> Self {
        Self {
            rng: random(test.seed, !number),
            test: Arc::clone(test),
            shared: Arc::clone(shared),
            pages: 0,
        }
    }

    /// Begins the next session: forgets all but what `setup` found.
    pub fn begin(&mut self) {
        let session = self.shared.next_session();
        self.begin_as(session);
    }

    /// Begins a certain session. What is random in it depends only on its number and the test's seed.
    pub fn begin_as(&mut self, session: u64) {
        self.rng = random(self.test.seed, session);
        self.pages = 0;
    }

    /// What to do next, an index into the test's scenarios; `None` when the session is over.
    pub fn next_scenario(&mut self) -> Option<usize> {
        if self.pages > 0 {
            return None;
        }
        self.pages += 1;
        let weights = self.shared.weights();
        let mut left = self.rng.f64() * weights.iter().sum::<f64>();
        let found = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        found.or_else(|| weights.iter().rposition(|weight| *weight > 0.0))
    }

    /// Puts a step's request together.
    ///
    /// # Errors
    /// [`ErrorKind::Prepare`] when something that it needs is not there.
    pub fn prepare(&mut self, step: &Step, into: &mut Outgoing) -> Result<(), Problem> {
        into.clear();
        let request = &step.request;
        into.method.push_str(&request.method);
        into.path.push_str(&self.test.target.base);
        request.path.write(&mut into.path);
        for (name, value) in &request.fields {
            let mut text = String::new();
            value.write(&mut text);
            into.fields.push((name.clone(), text));
        }
        if let Body::Raw(text) = &request.body {
            let mut body = String::new();
            text.write(&mut body);
            into.body = body.into_bytes();
        }
        Ok(())
    }

    /// Judges a step's answer, and takes from it what later steps need.
    ///
    /// # Errors
    /// What is not as expected, or not there.
    pub fn conclude(&mut self, step: &Step, answer: &Answer) -> Result<(), Problem> {
        let _ = step;
        if answer.status >= 400 {
            let message = format!("the status is {}", answer.status);
            return Err(Problem::new(ErrorKind::Status, message));
        }
        Ok(())
    }

    /// How long the user thinks.
    pub fn think(&mut self, think: &Think) -> Duration {
        match *think {
            Think::Not => Duration::ZERO,
            Think::Constant(time) => time,
            Think::Uniform(from, to) => from + to.saturating_sub(from).mul_f64(self.rng.f64()),
            // 1 - [0, 1) is never 0, the logarithm of which is not finite.
            Think::Exponential { mean, most } => {
                mean.mul_f64(-(1.0 - self.rng.f64()).ln()).min(most)
            }
        }
    }
}

/// Random numbers of one session. The two are mixed (SplitMix64, Steele et al. 2014), so that neighbours are not alike.
fn random(seed: u64, session: u64) -> Rng {
    let mut mixed = seed ^ session.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    Rng::with_seed(mixed ^ (mixed >> 31))
}
