//! `tenfold demo --nights`: one bad night after the other, in each of which something else goes wrong.
//!
//! # The idea
//! A night that was thought out proves what was thought of. Here moments, victims and their number are drawn: shops are killed up to three
//! times, another one freezes for a while, and a price changes meanwhile, under ten times a normal day's load. After each night the same has to hold. What
//! is drawn follows from the seed and the night's number alone, so that a night that went wrong can be had again.

use std::io::Write as _;
use std::process::ExitCode;

use fastrand::Rng;

use super::measured::Night;
use super::plan::{Act, FACTOR, Plan, Step};
use super::promise::{Promise, Verdict, exit_code, of_a_night};
use super::rehearse::Rehearse;
use super::{SHOPS, books, settings, warm};
use crate::command::Refusal;
use crate::command::demo::arguments::{Demo, Profile};
use crate::command::demo::gateway::GatewayFile;
use crate::command::demo::stage::Stage;
use crate::command::run::raise_descriptor_limit;

/// Rehearses nights, and says of each what came of it. The exit code is that of the worst.
pub(super) fn run(stage: &Stage, demo: &Demo, nights: u32) -> Result<ExitCode, Refusal> {
    raise_descriptor_limit();
    let plan = Plan::new(demo.quick);
    let mut rehearse = Rehearse::new(stage, plan, u64::from(demo.products));
    rehearse.show.doing("starting the shop as it is");
    stage.start_shops(Profile::Naive, 1)?;
    rehearse.look_around()?;
    let settings = settings(&rehearse.calibrate()?, plan, demo.products)?;
    let rate = settings.normal_page_views_per_second * FACTOR;
    rehearse.stand(Profile::Tuned, GatewayFile::Tuned, SHOPS)?;
    warm(&mut rehearse, plan.warmed)?;
    let mut all = Vec::new();
    for number in 1..=nights {
        let script = draw(&mut Rng::with_seed(night_seed(demo.seed, number)));
        let night = rehearse.night(rate, &script)?;
        let kept = of_a_night(&night, &books(stage)?);
        rehearse.show.clear();
        tell(&said(number, &night, &kept));
        all.extend(kept);
    }
    let held = all
        .iter()
        .filter(|one| one.verdict == Verdict::Kept)
        .count();
    tell(&format!(
        "{nights} nights with seed {}: {held} of {} promises kept\n",
        demo.seed,
        all.len()
    ));
    Ok(ExitCode::from(exit_code(&all)))
}

/// Different for each night, and the same for the same one.
fn night_seed(seed: u64, number: u32) -> u64 {
    seed.wrapping_mul(1_000_003).wrapping_add(u64::from(number))
}

/// What happens, in its order. All is well again before it ends, and at every moment there is one shop that is neither dead nor frozen.
fn draw(random: &mut Rng) -> Vec<Step> {
    let frozen = random.usize(..SHOPS);
    let freeze = within(random, 0.10, 0.60);
    let thaw = within(random, freeze + 0.05, 0.85);
    let mut steps = vec![
        step(freeze, Act::Freeze, frozen),
        step(thaw, Act::Thaw, frozen),
        // While it is frozen, and not at the very end: somebody may see the old price again.
        step(within(random, freeze, thaw.min(0.80)), Act::ChangePrice, 0),
    ];
    let kills = random.usize(1..=3);
    let each = 0.8 / kills as f64;
    for number in 0..kills {
        // One at a time, each in its own part of the night.
        let from = 0.05 + each * number as f64;
        let kill = within(random, from, from + each * 0.6);
        let back = within(random, kill + each * 0.05, from + each * 0.9);
        let killed = (frozen + random.usize(1..SHOPS)) % SHOPS;
        steps.push(step(kill, Act::Kill, killed));
        steps.push(step(back, Act::Restart, killed));
    }
    steps.sort_by(|a, b| a.at.total_cmp(&b.at));
    steps
}

fn within(random: &mut Rng, from: f64, to: f64) -> f64 {
    from + (to - from) * random.f64()
}

fn step(at: f64, act: Act, shop: usize) -> Step {
    Step { at, act, shop }
}

fn said(number: u32, night: &Night, kept: &[Promise]) -> String {
    let marks = night
        .events
        .iter()
        .map(|event| format!("{:.1} s {}", event.at, event.act.mark()));
    let mut text = format!("night {number}: {}\n", marks.collect::<Vec<_>>().join(", "));
    for one in kept {
        text += &format!(
            "  {:<9} {}: {}\n",
            one.verdict.name(),
            one.claim,
            one.measured
        );
    }
    text
}

fn tell(text: &str) {
    // Nobody who reads is no reason to stop.
    let _unread = std::io::stdout().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_always_serves_and_everybody_comes_back() {
        for seed in 0..2000 {
            let steps = draw(&mut Rng::with_seed(seed));
            let mut is_well = [true; SHOPS];
            let mut prices = 0;
            for step in &steps {
                assert!((0.0..0.95).contains(&step.at), "{steps:?}");
                match step.act {
                    Act::Kill | Act::Freeze => {
                        assert!(is_well[step.shop], "{steps:?}");
                        is_well[step.shop] = false;
                    }
                    Act::Restart | Act::Thaw => {
                        assert!(!is_well[step.shop], "{steps:?}");
                        is_well[step.shop] = true;
                    }
                    Act::ChangePrice => prices += 1,
                }
                assert!(is_well.contains(&true), "{steps:?}");
            }
            assert_eq!((is_well, prices), ([true; SHOPS], 1), "{steps:?}");
        }
    }

    #[test]
    fn nights_differ_and_can_be_had_again() {
        let night = |seed, number| draw(&mut Rng::with_seed(night_seed(seed, number)));
        assert_eq!(night(1, 2), night(1, 2));
        assert_ne!(night(1, 2), night(1, 3));
        assert_ne!(night(1, 2), night(2, 2));
    }
}
