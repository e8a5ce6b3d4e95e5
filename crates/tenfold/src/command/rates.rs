//! From counters to rates: what two looks at a gateway, some time apart, say about the time between.
//!
//! A rate is only told if it is known: not for what was not there at the earlier look, and not if the counter has
//! become smaller, because then it began anew in between (the gateway was restarted, an endpoint left and came back).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tenfold_gateway::{
    CacheRequests, CacheStatus, ConcurrencyStatus, DurationStatus, EndpointStatus, LimitStatus,
    ListenerStatus, RouteStatus, Status, UpstreamStatus,
};

use super::format::bounded_sum;

/// What was seen at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) at: Instant,
    pub(crate) status: Status,
    /// Missing if nobody asked for them.
    pub(crate) routes: Option<Vec<RouteStatus>>,
}

/// Less time between two looks than this makes rates of noise.
const SHORTEST: Duration = Duration::from_millis(50);

/// An earlier look, ready to be compared with a later one.
pub(crate) struct Earlier<'a> {
    seconds: f64,
    status: &'a Status,
    endpoints: HashMap<(&'a str, &'a str), &'a EndpointStatus>,
    listeners: HashMap<&'a str, &'a ListenerStatus>,
    routes: HashMap<&'a str, &'a RouteStatus>,
}

impl<'a> Earlier<'a> {
    /// `None` if there is nothing to compare with: the looks are too close, or the gateway was restarted in between.
    pub(crate) fn new(then: &'a Look, now: &Look) -> Option<Self> {
        let between = now.at.checked_duration_since(then.at)?;
        let is_restarted = now.status.uptime_seconds < then.status.uptime_seconds;
        if between < SHORTEST || is_restarted {
            return None;
        }
        let status = &then.status;
        let endpoints = status.upstreams.iter().flat_map(|upstream| {
            let named = |one: &'a EndpointStatus| ((&*upstream.name, &*one.name), one);
            upstream.endpoints.iter().map(named)
        });
        let routes = then.routes.iter().flatten();
        Some(Self {
            seconds: between.as_secs_f64(),
            status,
            endpoints: endpoints.collect(),
            listeners: status
                .listeners
                .iter()
                .map(|one| (&*one.name, one))
                .collect(),
            routes: routes.map(|one| (&*one.name, one)).collect(),
        })
    }

    /// Of the whole gateway.
    pub(crate) fn gateway(&self, now: &Status) -> GatewayRates {
        let then = self.status;
        let classes =
            std::array::from_fn(|class| self.rate(now.requests[class], then.requests[class]));
        GatewayRates {
            requests: sum(&classes),
            classes,
            accepted: self.rate(now.connections_accepted, then.connections_accepted),
            received_bytes: self.rate(now.received_bytes, then.received_bytes),
            sent_bytes: self.rate(now.sent_bytes, then.sent_bytes),
        }
    }

    /// Of an endpoint of the upstream of that name.
    pub(crate) fn endpoint(&self, upstream: &str, now: &EndpointStatus) -> EndpointRates {
        let Some(then) = self.endpoints.get(&(upstream, &*now.name)) else {
            return EndpointRates::default();
        };
        let optional = |now: Option<u64>, then: Option<u64>| self.rate(now?, then?);
        EndpointRates {
            requests: self.rate(now.picks, then.picks),
            errors: self.rate(now.failures, then.failures),
            opened: self.rate(now.connections_opened, then.connections_opened),
            sent_bytes: optional(now.sent_bytes, then.sent_bytes),
            received_bytes: optional(now.received_bytes, then.received_bytes),
        }
    }

    /// Connections per second to a listener.
    pub(crate) fn listener(&self, now: &ListenerStatus) -> Option<f64> {
        let then = self.listeners.get(&*now.name)?;
        self.rate(now.connections_accepted, then.connections_accepted)
    }

    /// What a cache did for the requests since then.
    pub(crate) fn cache(&self, now: &CacheStatus) -> Option<CacheRequests> {
        let then = self.status.caches.iter().find(|one| one.name == now.name)?;
        let (now, then) = (&now.requests, &then.requests);
        Some(CacheRequests {
            hit: now.hit.checked_sub(then.hit)?,
            stale: now.stale.checked_sub(then.stale)?,
            revalidated: now.revalidated.checked_sub(then.revalidated)?,
            collapsed: now.collapsed.checked_sub(then.collapsed)?,
            miss: now.miss.checked_sub(then.miss)?,
            bypass: now.bypass.checked_sub(then.bypass)?,
        })
    }

    /// Requests per second that an upstream has turned away.
    pub(crate) fn upstream_shed(&self, now: &UpstreamStatus) -> Option<f64> {
        let mut all = self.status.upstreams.iter();
        let then = all.find(|one| one.name == now.name)?;
        self.shed(now.concurrency.as_ref(), then.concurrency.as_ref())
    }

    fn shed(
        &self,
        now: Option<&ConcurrencyStatus>,
        then: Option<&ConcurrencyStatus>,
    ) -> Option<f64> {
        let all = |one: &ConcurrencyStatus| {
            let shed = one.shed;
            bounded_sum([shed.critical, shed.normal, shed.bulk])
        };
        self.rate(all(now?), all(then?))
    }

    /// Of a limit.
    pub(crate) fn limit(&self, now: &LimitStatus) -> LimitRates {
        let mut all = self.status.limits.iter();
        let Some(then) = all.find(|one| one.name == now.name) else {
            return LimitRates::default();
        };
        LimitRates {
            allowed: self.rate(now.allowed, then.allowed),
            refused: self.rate(now.refused, then.refused),
            dry_run: self.rate(now.dry_run_refused, then.dry_run_refused),
            store_failed: self.rate(now.store_failed, then.store_failed),
            forgotten: self.rate(now.forgotten, then.forgotten),
        }
    }

    /// Of a route.
    pub(crate) fn route(&self, now: &RouteStatus) -> RouteRates {
        let Some(then) = self.routes.get(&*now.name) else {
            return RouteRates::default();
        };
        let classes: [_; 5] =
            std::array::from_fn(|class| self.rate(now.requests[class], then.requests[class]));
        RouteRates {
            requests: sum(&classes),
            client_errors: classes[3],
            errors: classes[4],
            shed: self.shed(now.concurrency.as_ref(), then.concurrency.as_ref()),
        }
    }

    /// The quantile in milliseconds of a route's requests since then.
    pub(crate) fn quantile(&self, now: &RouteStatus, share: f64) -> Option<f64> {
        let then: &DurationStatus = &self.routes.get(&*now.name)?.durations;
        let quantile = now.durations.quantile_since(then, share)?;
        Some(quantile.as_secs_f64() * 1e3)
    }

    fn rate(&self, now: u64, then: u64) -> Option<f64> {
        Some(now.checked_sub(then)? as f64 / self.seconds)
    }
}

/// The sum, if all of them are known.
fn sum(rates: &[Option<f64>]) -> Option<f64> {
    rates.iter().copied().sum()
}

/// The sum of those that are known, unless none is: an endpoint that has just come must not hide the others.
pub(crate) fn sum_of_known(rates: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    let known = rates.into_iter().flatten();
    known.reduce(|sum, rate| sum + rate)
}

/// Per second, of the whole gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct GatewayRates {
    pub(crate) requests: Option<f64>,
    /// By status class, 1xx to 5xx.
    pub(crate) classes: [Option<f64>; 5],
    pub(crate) accepted: Option<f64>,
    pub(crate) received_bytes: Option<f64>,
    pub(crate) sent_bytes: Option<f64>,
}

/// Per second, of an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct EndpointRates {
    pub(crate) requests: Option<f64>,
    pub(crate) errors: Option<f64>,
    pub(crate) opened: Option<f64>,
    pub(crate) sent_bytes: Option<f64>,
    pub(crate) received_bytes: Option<f64>,
}

/// Per second, of a route.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct RouteRates {
    pub(crate) requests: Option<f64>,
    /// 4xx.
    pub(crate) client_errors: Option<f64>,
    /// 5xx.
    pub(crate) errors: Option<f64>,
    /// Turned away because of its own limit.
    pub(crate) shed: Option<f64>,
}

/// Per second, of a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct LimitRates {
    pub(crate) allowed: Option<f64>,
    pub(crate) refused: Option<f64>,
    /// Would have been refused.
    pub(crate) dry_run: Option<f64>,
    /// Decided without the shared store.
    pub(crate) store_failed: Option<f64>,
    /// Clients that had to make room.
    pub(crate) forgotten: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(name: &str, picks: u64) -> EndpointStatus {
        EndpointStatus {
            name: name.into(),
            picks,
            failures: picks / 10,
            sent_bytes: Some(picks * 100),
            ..EndpointStatus::default()
        }
    }

    fn look(at: Instant, uptime: f64, endpoints: &[(&str, u64)]) -> Look {
        let one = |(name, picks): &(&str, u64)| endpoint(name, *picks);
        let upstream = UpstreamStatus {
            name: "shop".into(),
            endpoints: endpoints.iter().map(one).collect(),
            ..UpstreamStatus::default()
        };
        Look {
            at,
            status: Status {
                uptime_seconds: uptime,
                requests: [0, 10, 0, 0, uptime as u64],
                upstreams: vec![upstream],
                ..Status::default()
            },
            routes: None,
        }
    }

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn rates_are_differences_by_time() {
        let start = Instant::now();
        let then = look(start, 10.0, &[("a", 100), ("b", 50)]);
        let now = look(
            start + seconds(2.0),
            12.0,
            &[("a", 140), ("b", 50), ("c", 9)],
        );
        let earlier = Earlier::new(&then, &now).expect("comparable");
        let rates = earlier.endpoint("shop", &endpoint("a", 140));
        assert_eq!((rates.requests, rates.errors), (Some(20.0), Some(2.0)));
        assert_eq!(
            (rates.sent_bytes, rates.received_bytes),
            (Some(2000.0), None)
        );
        let still = earlier.endpoint("shop", &endpoint("b", 50));
        assert_eq!(still.requests, Some(0.0));
        let rates = earlier.gateway(&now.status);
        assert_eq!((rates.requests, rates.classes[4]), (Some(1.0), Some(1.0)));
    }

    #[test]
    fn what_is_not_known_is_not_told() {
        let start = Instant::now();
        let then = look(start, 10.0, &[("a", 100)]);
        let now = look(start + seconds(1.0), 11.0, &[("a", 5), ("new", 7)]);
        let earlier = Earlier::new(&then, &now).expect("comparable");
        let began_anew = earlier.endpoint("shop", &endpoint("a", 5));
        assert_eq!((began_anew.requests, began_anew.errors), (None, None));
        let new = earlier.endpoint("shop", &endpoint("new", 7));
        assert_eq!(new, EndpointRates::default());
        let elsewhere = earlier.endpoint("other", &endpoint("a", 200));
        assert_eq!(elsewhere, EndpointRates::default());
        assert_eq!(
            earlier.route(&RouteStatus::default()),
            RouteRates::default()
        );
        assert_eq!(earlier.listener(&ListenerStatus::default()), None);
    }

    #[test]
    fn looks_that_cannot_be_compared() {
        let start = Instant::now();
        let one = look(start, 10.0, &[]);
        let soon = look(start + seconds(0.001), 10.0, &[]);
        let restarted = look(start + seconds(5.0), 0.5, &[]);
        assert!(Earlier::new(&one, &soon).is_none());
        assert!(Earlier::new(&one, &restarted).is_none());
        assert!(Earlier::new(&soon, &one).is_none(), "the wrong way round");
    }

    #[test]
    fn routes_have_rates_by_class_and_quantiles() {
        let route = |requests: [u64; 5], slow: u64| {
            let mut buckets = vec![0; 17];
            buckets[0] = 1000;
            buckets[6] = slow;
            RouteStatus {
                name: "r".into(),
                requests,
                durations: DurationStatus {
                    buckets,
                    ..DurationStatus::default()
                },
                ..RouteStatus::default()
            }
        };
        let start = Instant::now();
        let with = |at, route| Look {
            routes: Some(vec![route]),
            ..look(at, 1.0, &[])
        };
        let then = with(start, route([0, 10, 0, 4, 1], 0));
        let now = with(start + seconds(10.0), route([0, 30, 0, 14, 6], 40));
        let earlier = Earlier::new(&then, &now).expect("comparable");
        let one = &now.routes.as_ref().expect("routes")[0];
        let rates = earlier.route(one);
        assert_eq!(rates.requests, Some(3.5));
        assert_eq!((rates.client_errors, rates.errors), (Some(1.0), Some(0.5)));
        assert_eq!(earlier.quantile(one, 0.5), Some(7.5));
    }

    #[test]
    fn a_sum_is_known_if_all_of_it_is() {
        assert_eq!(sum(&[Some(1.0), Some(2.0)]), Some(3.0));
        assert_eq!(sum(&[Some(1.0), None]), None);
        assert_eq!(sum(&[]), Some(0.0));
        assert_eq!(sum_of_known([Some(1.0), None, Some(2.0)]), Some(3.0));
        assert_eq!(sum_of_known([None]), None);
    }
}
