//! Who shares the level, and how far each has read.
//!
//! Every process writes into one hash how far it has read the log: soon after it has read more, and every other second
//! as a sign of life. Whoever has invalidated something and wants to know that all others have it, looks there.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::Shared;
use super::script;
use crate::clock::millis;
use crate::level::{Confirmed, Lease, LevelError};

/// Between two signs of life.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// Who is silent for this long is not waited for.
const SILENT: Duration = Duration::from_secs(10);
/// Between two reports, so that a stream of invalidations does not double the load.
const COALESCE: Duration = Duration::from_millis(20);
/// Between two looks at the others' reports.
const POLL: Duration = Duration::from_millis(5);

/// Reports for ever; ends when it is aborted.
pub(super) async fn report(shared: Arc<Shared>) {
    loop {
        let position = {
            let local = shared.local();
            format!("{}:{}", local.epoch, local.number)
        };
        if shared.is_certain() {
            // One that fails is made up for by the next.
            let _ = shared.report(&position).await;
        }
        sleep(COALESCE).await;
        let _ = timeout(HEARTBEAT, shared.moved.notified()).await;
    }
}

impl Shared {
    async fn report(&self, position: &str) -> Result<(), LevelError> {
        self.link
            .script(&script::REPORT, &[&self.names.members], &|cmd| {
                cmd.arg(&self.id).arg(position).arg(millis(SILENT));
            })
            .await
    }

    /// Is not waited for any more.
    pub(super) async fn leave(&self) -> Result<(), LevelError> {
        self.report("").await
    }

    pub(super) async fn confirmed(
        &self,
        lease: Lease,
        limit: Duration,
    ) -> Result<Confirmed, LevelError> {
        let begin = Instant::now();
        loop {
            let positions: Vec<(String, String)> = self
                .link
                .script(&script::MEMBERS, &[&self.names.members], &|cmd| {
                    cmd.arg(millis(SILENT));
                })
                .await?;
            let others = positions.iter().filter(|(id, _)| *id != self.id);
            let confirmed = others
                .clone()
                .filter(|(_, position)| covers(position, lease))
                .count();
            let members = others.count();
            if confirmed == members || begin.elapsed() >= limit {
                return Ok(Confirmed { confirmed, members });
            }
            sleep(POLL.min(limit.saturating_sub(begin.elapsed()))).await;
        }
    }
}

/// Whether a process that has read up to `position` has taken in what `lease` stands for. In a later epoch it has
/// dropped everything from before.
fn covers(position: &str, lease: Lease) -> bool {
    let Some((epoch, number)) = position.split_once(':') else {
        return false;
    };
    let (Ok(epoch), Ok(number)) = (epoch.parse::<u64>(), number.parse::<u64>()) else {
        return false;
    };
    (epoch, number) >= (lease.epoch, lease.number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_covers_what_came_before_it() {
        let lease = Lease {
            epoch: 5,
            number: 9,
            fence: 0,
        };
        assert!(covers("5:9", lease) && covers("5:10", lease) && covers("6:0", lease));
        assert!(!covers("5:8", lease) && !covers("4:99", lease) && !covers("?", lease));
    }
}
