//! A stale response that was served is brought up to date, by a request of the gateway's own.

use std::sync::Arc;

use tenfold_cache::{Error, Fill, Filling};

use super::admit::{Intake, Taken};
use super::facts::Facts;
use super::lead::{conditions, edit_conditions, facts_of};
use super::plan::{Good, Place};
use crate::cache::Store;
use crate::cache::object::{Kept, Object};
use crate::config::route::RouteTimeouts;
use crate::http::cache::decide::is_error;
use crate::http::cache::freshness::Exchange;
use crate::http::client::Client;
use crate::http::error::Failure;
use crate::http::mirror::{Copy, give_up};
use crate::http::request::Request;
use crate::worker::Worker;

/// Begins to bring a stale response up to date, unless somebody does already.
pub(super) fn start(worker: &Worker, client: &Client, request: &Request, good: &Good) {
    let Some(plan) = request.way.plan() else {
        return;
    };
    let Fill::Lead(filling) = plan.store.engine.fill(good.place.key()) else {
        return;
    };
    let lines = conditions(Some(&good.object));
    let mut head = worker.buffers.head();
    edit_conditions(request.bytes(), &lines, &mut head);
    let refresh = Refresh {
        copy: Copy::of_own(client, request, head.filled()),
        store: Arc::clone(&plan.store),
        facts: facts_of(plan, request),
        place: good.place.clone(),
        stale: Arc::clone(&good.object),
        filling,
        personal: Arc::clone(request.way.entry().request_edits.personal()),
        timeouts: request.route().timeouts,
    };
    let worker = worker.itself();
    tokio::task::spawn_local(async move { refresh.run(&worker).await });
}

struct Refresh {
    copy: Copy,
    store: Arc<Store>,
    facts: Facts,
    place: Place,
    stale: Arc<Object>,
    filling: Filling<Kept>,
    personal: Arc<[Box<[u8]>]>,
    timeouts: RouteTimeouts,
}

impl Refresh {
    async fn run(self, worker: &Worker) {
        let Self {
            copy,
            store,
            facts,
            place,
            stale,
            filling,
            personal,
            timeouts,
        } = self;
        let begun = worker.clock.read();
        let requested = worker.clock.unix(begun);
        let answered = copy.ask(worker).await;
        let ended = worker.clock.read();
        store
            .engine
            .count_load(ended.saturating_sub(begun), answered.is_some());
        let received = worker.clock.unix(ended);
        let Some(answered) = answered else {
            return filling.fail(Error::Load(Arc::new(Failure::UpstreamBroken)));
        };
        let status = answered.head.line().status;
        if is_error(status) {
            filling.fail(Error::Load(Arc::new(Failure::UpstreamBroken)));
            return give_up(worker, answered);
        }
        let rest = facts.with(&store.config.policy, |request, ask| {
            let exchange = Exchange {
                requested,
                received,
            };
            let intake = Intake {
                worker,
                store: &store,
                request,
                ask,
                place: &place,
                personal: &personal,
                exchange,
                timeouts,
            };
            if status == 304 {
                let _confirmed = intake.confirmation(filling, &answered.head, &stale);
                return Some(answered);
            }
            match intake.response(filling, answered) {
                Taken::Object(..) => None,
                Taken::Refused(answered, _) => Some(*answered),
            }
        });
        if let Some(answered) = rest {
            give_up(worker, answered);
        }
    }
}
