//! Once a second: outliers are looked for, caches say which of their levels come and go, and metrics of what has left are forgotten.

use std::sync::Weak;
use std::time::Duration;

use tenfold_traffic::What;

use super::Control;
use crate::upstream::changes;

/// How often it is looked whether an upstream's interval is over.
const STEP: Duration = Duration::from_secs(1);
/// How often metrics of what has left are forgotten.
const FORGET: u32 = 10;

/// Runs until the control is gone.
pub(crate) async fn run(control: Weak<Control>) {
    let mut step = tokio::time::interval(STEP);
    let mut count = 0_u32;
    loop {
        step.tick().await;
        let Some(control) = control.upgrade() else {
            return;
        };
        control.evaluate();
        for cache in control.snapshot().caches.iter() {
            cache.report();
            cache.probe();
        }
        count = count.wrapping_add(1);
        if count.is_multiple_of(FORGET) {
            control.registry.forget_unused();
        }
    }
}

impl Control {
    /// Looks for outliers in every upstream whose interval is over.
    fn evaluate(&self) {
        let now = self.now();
        let mut state = self.lock();
        for managed in &mut state.managed {
            let interval = managed.config.policy.outlier.interval;
            if now.saturating_sub(managed.evaluated) < interval {
                continue;
            }
            managed.evaluated = now;
            let shared = managed.shared();
            for change in shared.group.evaluate(now) {
                changes::report(shared, &change);
                if let What::Ejected { cause, .. } = change.what {
                    let endpoint = shared.group.members()[change.index].endpoint.name();
                    crate::metrics::ejections(&self.registry, &shared.config.name, endpoint)
                        .increment(self.slot, cause as usize);
                }
            }
        }
    }
}
