//! How long each part of the rehearsal takes, and how much load there is: one table.

use std::time::Duration;

use serde::Serialize;

/// The objective: 95 of 100 requests are answered within this. People take what is faster than about 0.1 s for immediate, and notice what is
/// slower than a few of those (R. B. Miller 1968; J. Nielsen, "Response times", 1993).
pub(super) const OBJECTIVE: Duration = Duration::from_millis(250);
/// Black Friday is so many normal days.
pub(super) const FACTOR: f64 = 10.0;
/// A normal day's share of what the shop takes of a normal day's visitors before anything is done. With [`FACTOR`] that is more than three times too much for it, and
/// it leaves the normal day calm enough for honest response times.
pub(super) const NORMAL_SHARE: f64 = 0.33;
/// A number of visitors of whose requests a larger share failed is more than the shop takes, however fast the others were.
pub(super) const MOST_ERRORS: f64 = 0.01;
/// Between two looks of each of the two visitors who wait for a new price.
pub(super) const POLL: Duration = Duration::from_millis(50);
/// By when everybody has to see a new price.
pub(super) const PRICE_WITHIN: Duration = Duration::from_secs(1);

/// Page views of a normal day that make percentiles worth a word.
const LEAST_VIEWS: f64 = 80.0;

/// Something that happens in a bad night.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    /// When: a share of its measured time.
    pub(super) at: f64,
    /// What.
    pub(super) act: Act,
    /// To which shop; nothing for a price.
    pub(super) shop: usize,
}

const fn step(at: f64, act: Act, shop: usize) -> Step {
    Step { at, act, shop }
}

/// What happens in the bad night.
pub(super) const NIGHT: [Step; 5] = [
    step(0.15, Act::Kill, 0),
    step(0.35, Act::Restart, 0),
    step(0.50, Act::Freeze, 1),
    step(0.60, Act::ChangePrice, 0),
    step(0.80, Act::Thaw, 1),
];

/// Something that is done to the shop in the bad night.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Act {
    /// A shop process ends at once (SIGKILL), in the midst of what it does.
    Kill,
    /// It is started again.
    Restart,
    /// Another one stops (SIGSTOP): it keeps its connections and answers nothing.
    Freeze,
    /// Somebody changes a price on the administrator's page, perhaps while a shop is frozen.
    ChangePrice,
    /// It goes on (SIGCONT), and does not know yet what has happened.
    Thaw,
}

impl Act {
    /// What a mark on a plot says.
    pub(crate) fn mark(self) -> &'static str {
        match self {
            Self::Kill => "killed",
            Self::Restart => "back",
            Self::Freeze => "frozen",
            Self::ChangePrice => "new price",
            Self::Thaw => "thawed",
        }
    }
}

/// Times and levels of a rehearsal.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    /// How long each number of visitors is there when capacity is looked for.
    pub(super) each_level: Duration,
    /// Numbers of visitors who do not think. The planner's curve takes six.
    pub(super) levels: &'static [u32],
    /// The same for a normal day's visitors, before there is a rate.
    pub(super) calibration: &'static [u32],
    /// Before each measurement, under the same load; not counted. Visits begin one by one: after twice the length of one (about 8 pages with their
    /// thinking) nine tenths of those that are to be there are.
    pub(super) warm_up: Duration,
    /// A normal day.
    pub(super) normal: Duration,
    /// Ten times as much.
    pub(super) peak: Duration,
    /// The bad night.
    pub(super) night: Duration,
    /// How long answers are waited for after each measurement. What has none then has failed.
    pub(super) grace: Duration,
    /// By what visitors think faster than TPC-W's: a visit has to fit into a measurement several times.
    pub(super) faster: f64,
    /// Pages that are fetched into the cache beforehand, the most popular first.
    pub(super) warmed: u32,
}

/// About five minutes with starting and seeding.
pub(super) const FULL: Plan = Plan {
    each_level: Duration::from_secs(2),
    levels: &[1, 2, 4, 8, 16, 32, 64],
    calibration: &[1, 2, 4, 8],
    warm_up: Duration::from_secs(6),
    normal: Duration::from_secs(15),
    peak: Duration::from_secs(18),
    night: Duration::from_secs(40),
    grace: Duration::from_secs(5),
    faster: 20.0,
    warmed: 10_000,
};

/// Below 90 seconds with starting and seeding.
pub(super) const QUICK: Plan = Plan {
    each_level: Duration::from_millis(1200),
    levels: &[4, 32],
    calibration: &[1, 2, 4],
    warm_up: Duration::from_secs(1),
    normal: Duration::from_secs(5),
    peak: Duration::from_secs(4),
    night: Duration::from_secs(10),
    grace: Duration::from_secs(1),
    faster: 80.0,
    warmed: 2500,
};

impl Plan {
    /// One of the two.
    pub(super) fn new(is_quick: bool) -> &'static Self {
        if is_quick { &QUICK } else { &FULL }
    }

    /// How long a normal day of so many page views per second is: longer on a slow machine, so that there is something to tell a percentile from.
    pub(super) fn normal(&self, pages: f64) -> Duration {
        let needed = LEAST_VIEWS / pages.max(f64::MIN_POSITIVE);
        let most = self.normal * 2;
        let needed = Duration::try_from_secs_f64(needed).unwrap_or(most);
        needed.clamp(self.normal, most)
    }

    /// How long it makes load: without starting, seeding and warming, and without waiting for answers at the end.
    pub(super) fn load(&self) -> Duration {
        let levels = self.each_level * (self.levels.len() + 1) as u32;
        let calibration = self.each_level * (self.calibration.len() + 1) as u32;
        let day = |time: Duration| self.warm_up + time;
        (levels + day(self.normal) + day(self.peak)) * 3 + calibration + day(self.night)
    }

    /// The same at most, if at each end somebody does not answer.
    #[cfg(test)]
    fn most(&self) -> Duration {
        self.load() + self.grace * 11
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_time_for_starting_and_seeding() {
        // Fourteen seconds for those, the rest is waited for only if somebody does not answer.
        assert!(
            QUICK.most() <= Duration::from_secs(76),
            "{:?}",
            QUICK.most()
        );
        assert!(FULL.most() <= Duration::from_secs(300), "{:?}", FULL.most());
    }

    #[test]
    fn a_slow_machine_has_longer_days_within_bounds() {
        assert_eq!(QUICK.normal(100.0), QUICK.normal);
        assert_eq!(QUICK.normal(10.0), Duration::from_secs(8));
        assert_eq!(QUICK.normal(0.0), QUICK.normal * 2);
    }

    #[test]
    fn the_night_is_in_its_order_and_everything_comes_back() {
        assert!(NIGHT.is_sorted_by(|a, b| a.at < b.at));
        let at = |act| NIGHT.iter().position(|step| step.act == act);
        assert!(at(Act::Kill) < at(Act::Restart) && at(Act::Freeze) < at(Act::Thaw));
        assert!(at(Act::Freeze) < at(Act::ChangePrice) && at(Act::ChangePrice) < at(Act::Thaw));
        // There is time to see whether a price goes back.
        assert!(QUICK.night.mul_f64(0.2) >= Duration::from_secs(2));
    }
}
