//! Probes against scripted servers, and their rhythm on paused time.

mod answers;
mod rhythm;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{ProbeResult, Probes, Target};
use crate::config::upstream::{Address, Check, Probe};

/// Generous: the machine may be busy.
const SOON: Duration = Duration::from_secs(30);

fn http(body: Option<&str>) -> Probe {
    let check = Check::Http {
        path: "/health?a=1".into(),
        host: None,
        status: vec![200..=299, 304..=304],
        body: body.map(Into::into),
    };
    Probe {
        check,
        every: Duration::from_millis(50),
        timeout: SOON,
        rise: 1,
        fall: 1,
        port: None,
    }
}

fn target(index: usize, name: &str, address: Address) -> Target {
    Target {
        index,
        name: name.into(),
        address,
    }
}

/// A server that is told as it was told.
type Told = Arc<Mutex<Vec<(usize, bool, ProbeResult)>>>;

fn start(probe: Probe, targets: Vec<Target>) -> (Probes, Told) {
    let told = Told::default();
    let all = Arc::clone(&told);
    let tell = move |index, is_good, why| all.lock().unwrap().push((index, is_good, why));
    (Probes::start(probe, targets, tell), told)
}
