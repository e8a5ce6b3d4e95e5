//! The rehearsal of Black Friday: the same traffic on three setups, and a bad night on the last one.
//!
//! # The idea
//! Everything is measured by the same generator with the same files of load, one setup after the other; only what stands there changes. The
//! normal day's rate follows from what the naive shop takes on this machine ([`plan::NORMAL_SHARE`]), so that ten times of it are too much
//! for it anywhere.
//!
//! # The trade-off
//! Generator, gateway, shops and database share one machine. Of what each of them used there is an account, and what the generator could
//! not offer is not claimed ([`promise`]).

mod beside;
mod categories;
mod collect;
#[cfg(test)]
pub(super) mod fixture;
pub(super) mod measured;
mod mix;
mod next;
mod night;
mod nights;
pub(super) mod plan;
mod price;
pub(super) mod promise;
mod rehearse;
pub(super) mod show;
mod visitor;

use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::arguments::{Demo, Profile};
use super::gateway::GatewayFile;
use super::report::Outputs;
use super::stage::Stage;
use crate::command::Refusal;
use crate::command::cache;
use crate::command::run::raise_descriptor_limit;
use measured::{Books, Capacity, FORMAT, Rehearsal, Settings, Setup, StageResult, Warmed};
use mix::Mix;
use plan::{FACTOR, NIGHT, NORMAL_SHARE, OBJECTIVE, Plan};
use promise::{Evidence, exit_code, promises};
use rehearse::Rehearse;

/// Processes of the shop behind the gateway.
const SHOPS: usize = 3;

/// Rehearses, and writes what came of it. The exit code is that of [`exit_code`].
pub(super) fn run(stage: &Stage, demo: &Demo) -> Result<ExitCode, Refusal> {
    if let Some(nights) = demo.nights {
        return nights::run(stage, demo, nights);
    }
    let outputs = Outputs::open(demo)?;
    raise_descriptor_limit();
    let rehearsal = rehearse(stage, demo)?;
    outputs.write(&rehearsal)?;
    Ok(ExitCode::from(exit_code(&rehearsal.promises)))
}

fn rehearse(stage: &Stage, demo: &Demo) -> Result<Rehearsal, Refusal> {
    let started = SystemTime::now().duration_since(UNIX_EPOCH);
    let began = Instant::now();
    let plan = Plan::new(demo.quick);
    let mut rehearse = Rehearse::new(stage, plan, u64::from(demo.products));
    rehearse.show.doing("starting the shop as it is");
    stage.start_shops(Profile::Naive, 1)?;
    rehearse.look_around()?;
    let settings = settings(&rehearse.calibrate()?, plan, demo.products)?;
    let rate = settings.normal_page_views_per_second;
    let capacity = rehearse.capacity(Setup::Before)?;
    let before = StageResult {
        setup: Setup::Before,
        normal: rehearse.day(Setup::Before, Mix::Browsing, rate)?,
        peak: rehearse.day(Setup::Before, Mix::Shopping, rate * FACTOR)?,
        capacity,
        warmed: None,
    };
    rehearse.stand(Profile::Naive, GatewayFile::Alone, SHOPS)?;
    let alone = rehearse.days(Setup::Alone, rate, None)?;
    rehearse.stand(Profile::Tuned, GatewayFile::Tuned, SHOPS)?;
    let warmed = warm(&mut rehearse, plan.warmed)?;
    let tuned = rehearse.days(Setup::Tuned, rate, Some(warmed))?;
    let night = rehearse.night(rate * FACTOR, &NIGHT)?;
    rehearse.show.doing("looking at the books");
    let books = books(stage)?;
    rehearse.show.clear();
    let evidence = Evidence {
        before: &before,
        tuned: &tuned,
        night: &night,
        books: &books,
    };
    Ok(Rehearsal {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: started.unwrap_or_default().as_secs_f64(),
        seconds: began.elapsed().as_secs_f64(),
        is_quick: demo.quick,
        machine: rehearse.machine(),
        settings,
        next: next::next(&tuned),
        promises: promises(evidence),
        stages: vec![before, alone, tuned],
        night,
        books,
        load_files: rehearse.load_files(rate * FACTOR),
    })
}

/// The rates, from what the shop takes as it is.
fn settings(calibrated: &Capacity, plan: &Plan, products: u32) -> Result<Settings, Refusal> {
    let most = calibrated
        .levels
        .iter()
        .map(|one| one.page_views_per_second);
    let takes = calibrated
        .page_views_per_second
        .unwrap_or(most.fold(0.0, f64::max));
    if takes <= 0.0 {
        return Err(Refusal::new(
            "the shop did not answer a single visitor",
            "see its log; tenfold demo --keep leaves one running to look at",
        ));
    }
    Ok(Settings {
        objective_ms: OBJECTIVE.as_secs_f64() * 1e3,
        calibrated_page_views_per_second: takes,
        calibrated_within_objective: calibrated.page_views_per_second.is_some(),
        normal_share: NORMAL_SHARE,
        normal_page_views_per_second: takes * NORMAL_SHARE,
        factor: FACTOR,
        products: u64::from(products),
        think_times_divided_by: plan.faster,
        grace_seconds: plan.grace.as_secs_f64(),
        shops: SHOPS,
    })
}

/// Fetches what is popular into the cache: what is looked for most, lists, and products by the sitemap.
fn warm(rehearse: &mut Rehearse<'_>, pages: u32) -> Result<Warmed, Refusal> {
    rehearse.show.doing("warming the cache by the sitemap");
    let gateway = rehearse.stage.addresses().gateway;
    let began = Instant::now();
    let to = format!("http://{gateway}");
    let popular = rehearse.popular();
    let popular: Vec<_> = popular.iter().map(|path| format!("{to}{path}")).collect();
    let filled = cache::fill(&popular, &format!("{to}/sitemap.xml"), &to, pages)?;
    Ok(Warmed {
        pages: filled.asked as u64,
        failed: filled.failed as u64,
        seconds: began.elapsed().as_secs_f64(),
    })
}

fn books(stage: &Stage) -> Result<Books, Refusal> {
    let books = stage.books()?;
    Ok(Books {
        is_balanced: books.are_balanced,
        said: books.said,
    })
}
