//! Telling the operator what has changed about an endpoint.

use tenfold_traffic::resilience::breaker::Event;
use tenfold_traffic::{Change, What};

use crate::snapshot::SharedUpstream;

/// Logs a change, once.
pub(crate) fn report(upstream: &SharedUpstream, change: &Change) {
    let members = upstream.group.members();
    let Some(member) = members.get(change.index) else {
        return;
    };
    let (upstream, endpoint) = (&upstream.config.name, member.endpoint.name());
    let is_good_news = matches!(
        change.what,
        What::AnswersAgain | What::BreakerClosed | What::EjectionOver | What::ProbeUp
    );
    if is_good_news {
        tracing::info!("upstream {upstream}: {endpoint} {}", change.what);
    } else {
        tracing::warn!("upstream {upstream}: {endpoint} {}", change.what);
    }
}

/// Logs that the breaker of an upstream has opened or closed.
pub(crate) fn report_breaker(upstream: &SharedUpstream, event: &Event) {
    let name = &upstream.config.name;
    match event {
        Event::Opened { for_, why } => tracing::warn!(
            "upstream {name}: its breaker is open for {for_:?}: {}",
            why.text()
        ),
        Event::Closed => tracing::info!("upstream {name}: its breaker is closed again"),
    }
}
