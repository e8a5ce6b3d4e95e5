//! Asking limits: here and now, or the store that gateways share.

use std::sync::Arc;
use std::time::Duration;

use tenfold_traffic::limit::{Key, Verdict};

use super::limited::Limited;
use crate::config::limit::OnFailure;
use crate::http::request::Request;
use crate::limit::store::Store;
use crate::limit::{Counted, Limit};
use crate::worker::Worker;

/// For how long a client is told to wait when a limit refuses because its store does not answer.
const CLOSED: Duration = Duration::from_secs(1);

/// What a limit has decided.
#[derive(Clone, Copy)]
pub(super) struct Decided {
    pub(super) verdict: Verdict,
    /// False if it was decided without counting, because nobody could.
    pub(super) is_counted: bool,
}

/// Asks limits at one moment.
pub(super) struct Judge<'w> {
    worker: &'w Worker,
    pub(super) now: Duration,
}

impl<'w> Judge<'w> {
    pub(super) fn new(worker: &'w Worker) -> Self {
        let now = worker.clock.recent();
        Self { worker, now }
    }

    /// What can be decided without waiting. `None`: the store has to be asked.
    pub(super) fn at_once(&self, limit: &Limit, key: Key, cost: u64) -> Option<Decided> {
        let Some(store) = &limit.store else {
            let verdict = limit.limiter.decide(self.now, key, cost);
            return Some(Decided {
                verdict,
                is_counted: true,
            });
        };
        if let Some(retry_after) = store.refused(self.now, key, cost) {
            let verdict = Verdict::Refused { retry_after };
            return Some(Decided {
                verdict,
                is_counted: false,
            });
        }
        store
            .is_down()
            .then(|| self.without_store(limit, store, key, cost))
    }

    /// What holds while the store does not answer.
    fn without_store(&self, limit: &Limit, store: &Store, key: Key, cost: u64) -> Decided {
        limit
            .verdicts
            .increment(self.worker.index, Counted::StoreFailed as usize);
        match store.on_failure() {
            OnFailure::Local => Decided {
                verdict: limit.limiter.decide(self.now, key, cost),
                is_counted: true,
            },
            OnFailure::Open => Decided {
                verdict: Verdict::Allowed {
                    remaining: 0,
                    reset: Duration::ZERO,
                },
                is_counted: false,
            },
            OnFailure::Closed => Decided {
                verdict: Verdict::Refused {
                    retry_after: CLOSED,
                },
                is_counted: false,
            },
        }
    }

    /// Takes in what was decided. Returns true if there is something to give back, should another limit refuse.
    pub(super) fn take(
        &self,
        limited: &mut Limited,
        limit: &Arc<Limit>,
        key: Key,
        decided: Decided,
    ) -> bool {
        let counted = match decided.verdict {
            Verdict::Allowed { .. } => Counted::Allowed,
            Verdict::Refused { .. } if limit.config.is_dry_run => Counted::DryRun,
            Verdict::Refused { .. } => Counted::Refused,
        };
        limit
            .verdicts
            .increment(self.worker.index, counted as usize);
        match decided.verdict {
            Verdict::Allowed { remaining, reset } => {
                if decided.is_counted {
                    limited.tell(limit, key, remaining, reset);
                }
                decided.is_counted
            }
            Verdict::Refused { retry_after } => {
                if !limit.config.is_dry_run {
                    limited.refuse(limit, key, retry_after);
                }
                false
            }
        }
    }
}

/// Asks the store for what was left open. Afterwards the request has a refusal, or may go on.
pub(in crate::http) async fn ask_store(worker: &Worker, request: &mut Request) {
    let Some(mut limited) = request.way.take_limited() else {
        return;
    };
    let judge = Judge::new(worker);
    for waiting in limited.take_waiting() {
        let (limit, key, cost) = (&waiting.limit, waiting.key, waiting.cost);
        let Some(store) = &limit.store else { continue };
        let answer = store.decide(judge.now, key, &waiting.subject, cost).await;
        let by_store = answer.is_some();
        let decided = match answer {
            Some(verdict) => {
                if verdict.is_allowed() && store.on_failure() == OnFailure::Local {
                    limit.limiter.charge(judge.now, key, cost);
                }
                Decided {
                    verdict,
                    is_counted: true,
                }
            }
            None => judge.without_store(limit, store, key, cost),
        };
        if judge.take(&mut limited, limit, key, decided) {
            let subject = by_store.then_some(waiting.subject);
            limited.counted(limit, key, cost, subject);
        }
        if limited.refusal().is_some() {
            break;
        }
    }
    limited.settle(judge.now);
    request.way.set_limited(limited);
}
