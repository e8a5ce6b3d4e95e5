//! Makes load on what stands there, and looks at everything beside it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tenfold_load::results::Environment;
use tenfold_load::{Results, Stop};

use super::beside::{Beside, Look};
use super::measured::{Capacity, Machine, MixFile, Night, Run, Setup, StageResult, Warmed};
use super::mix::{Amount, Catalogue, LoadFile, Mix, Test, WORDS};
use super::night;
use super::plan::{Plan, Step};
use super::show::{Show, came_of, takes};
use super::{categories, collect};
use crate::command::Refusal;
use crate::command::demo::arguments::Profile;
use crate::command::demo::gateway::GatewayFile;
use crate::command::demo::stage::Stage;

/// Customers of a shop that was just filled.
const CUSTOMERS: u64 = 20_000;

/// A rehearsal while it goes on.
pub(super) struct Rehearse<'a> {
    pub(super) stage: &'a Stage,
    pub(super) show: Show,
    plan: &'static Plan,
    catalogue: Catalogue,
    environment: Environment,
    /// Each load has a seed of its own, and every rehearsal the same ones.
    loads: u64,
}

impl<'a> Rehearse<'a> {
    pub(super) fn new(stage: &'a Stage, plan: &'static Plan, products: u64) -> Self {
        Self {
            stage,
            show: Show::new(plan.load()),
            plan,
            catalogue: Catalogue {
                products,
                customers: CUSTOMERS,
                categories: Vec::new(),
            },
            environment: Environment::default(),
            loads: 0,
        }
    }

    /// Asks the shop for its categories.
    pub(super) fn look_around(&mut self) -> Result<(), Refusal> {
        self.catalogue.categories = categories::ask(self.target(Setup::Before))?;
        Ok(())
    }

    /// Puts shops and a gateway there, in place of what was there.
    pub(super) fn stand(
        &mut self,
        profile: Profile,
        file: GatewayFile,
        shops: usize,
    ) -> Result<(), Refusal> {
        let what = format!(
            "starting {shops} processes of the {} shop and the gateway",
            profile.name()
        );
        self.show.doing(&what);
        self.stage.start_shops(profile, shops)?;
        self.stage.start_gateway(file)
    }

    /// A normal day, ten of them at once, and how much there may be.
    pub(super) fn days(
        &mut self,
        setup: Setup,
        rate: f64,
        warmed: Option<Warmed>,
    ) -> Result<StageResult, Refusal> {
        Ok(StageResult {
            setup,
            normal: self.day(setup, Mix::Browsing, rate)?,
            peak: self.day(setup, Mix::Shopping, rate * super::FACTOR)?,
            capacity: self.capacity(setup)?,
            warmed,
        })
    }

    /// So many page views per second.
    pub(super) fn day(&mut self, setup: Setup, mix: Mix, pages: f64) -> Result<Run, Refusal> {
        let (name, measured) = match mix {
            Mix::Browsing => ("a normal day", self.plan.normal(pages)),
            _ => ("10 × a normal day", self.plan.peak),
        };
        let title = format!("{}: {name}", setup.title());
        let amount = self.rate(pages, measured);
        let (run, _) = self.rate_run(setup, &title, mix, amount, None)?;
        Ok(run)
    }

    /// What the shop as it is takes of a normal day's visitors: where the rates come from.
    pub(super) fn calibrate(&mut self) -> Result<Capacity, Refusal> {
        let levels = self.plan.calibration;
        self.crowds(
            Setup::Before,
            "a normal day's visitors",
            Mix::Browsing,
            levels,
        )
    }

    /// What it takes of those of the sale.
    pub(super) fn capacity(&mut self, setup: Setup) -> Result<Capacity, Refusal> {
        self.crowds(setup, "how much it takes", Mix::Shopping, self.plan.levels)
    }

    /// So many visitors at once, then more.
    fn crowds(
        &mut self,
        setup: Setup,
        what: &str,
        mix: Mix,
        levels: &[u32],
    ) -> Result<Capacity, Refusal> {
        let title = format!("{}: {what}", setup.title());
        let amount = Amount::Crowd {
            levels: levels.to_vec(),
            each: self.plan.each_level,
        };
        let (test, results, _) = self.load(setup, &title, mix, amount, None)?;
        let capacity = collect::capacity(&test, &results);
        self.show.end(test.duration(), &takes(&capacity));
        Ok(capacity)
    }

    /// Ten times, and everything that goes wrong.
    pub(super) fn night(&mut self, pages: f64, script: &[Step]) -> Result<Night, Refusal> {
        let amount = self.rate(pages, self.plan.night);
        let times = (self.plan.warm_up, self.plan.night);
        let (tell, begun) = mpsc::channel();
        let stage = self.stage;
        let title = "The bad night: 10 × a normal day".to_owned();
        let (ran, happened) = std::thread::scope(|scope| {
            let happens = scope.spawn(move || night::rule(stage, script, &begun, times));
            let ran = self.rate_run(Setup::Tuned, &title, Mix::Shopping, amount, Some(tell));
            (ran, happens.join())
        });
        let (mut run, _) = ran?;
        let happened = happened
            .map_err(|_| Refusal::new("the bad night ended by a defect", "please report it"))??;
        if let Some(gateway) = &mut run.gateway {
            // Those who watched the price are no visitors.
            gateway.leave_out_hits(happened.looks);
        }
        Ok(Night {
            seconds_beyond_objective: collect::beyond_objective(&run),
            events: happened.events,
            price: happened.price,
            run,
        })
    }

    /// The three mixes at a rate, as files.
    pub(super) fn load_files(&self, pages: f64) -> Vec<MixFile> {
        let file = |mix: Mix| LoadFile {
            name: mix.name(),
            target: "http://127.0.0.1:8080",
            mix,
            amount: self.rate(pages, self.plan.peak),
            catalogue: &self.catalogue,
            token: "${env:SHOP_ADMIN_TOKEN}",
            faster: self.plan.faster,
            grace: self.plan.grace,
            seed: 1,
        };
        let file = |mix| MixFile {
            mix,
            text: file(mix).text(),
        };
        Mix::ALL.map(file).into()
    }

    /// Where all of it ran.
    pub(super) fn machine(&self) -> Machine {
        let environment = &self.environment;
        Machine {
            host: environment.host.clone(),
            system: environment.system.clone(),
            processor: environment.processor.clone(),
            cores: environment.cores,
        }
    }

    /// Addresses of what is looked for most, and of each category.
    pub(super) fn popular(&self) -> Vec<String> {
        let searched = WORDS.iter().map(|word| format!("/search?q={word}"));
        let lists = self.catalogue.categories.iter().flat_map(|slug| {
            ["new", "best-sellers"].map(|list| format!("/{list}?category={slug}"))
        });
        searched.chain(lists).collect()
    }

    fn rate(&self, pages: f64, measured: Duration) -> Amount {
        Amount::Rate {
            pages,
            warm_up: self.plan.warm_up,
            measured,
        }
    }

    fn target(&self, setup: Setup) -> SocketAddr {
        let addresses = self.stage.addresses();
        match setup {
            Setup::Before => addresses.shops[0],
            Setup::Alone | Setup::Tuned => addresses.gateway,
        }
    }

    fn rate_run(
        &mut self,
        setup: Setup,
        title: &str,
        mix: Mix,
        amount: Amount,
        begun: Option<mpsc::Sender<Instant>>,
    ) -> Result<(Run, Arc<Test>), Refusal> {
        let pages = match amount {
            Amount::Rate { pages, .. } => pages,
            Amount::Crowd { .. } => 0.0,
        };
        let (test, results, beside) = self.load(setup, title, mix, amount, begun)?;
        let run = collect::run(&test, &results, mix, pages, beside);
        self.show.end(test.duration(), &came_of(&run));
        Ok((run, test))
    }

    /// Makes load; `begun` hears when its first phase began.
    fn load(
        &mut self,
        setup: Setup,
        title: &str,
        mix: Mix,
        amount: Amount,
        mut begun: Option<mpsc::Sender<Instant>>,
    ) -> Result<(Arc<Test>, Results, Beside), Refusal> {
        self.loads += 1;
        let target = format!("http://{}", self.target(setup));
        let file = LoadFile {
            name: title,
            target: &target,
            mix,
            amount,
            catalogue: &self.catalogue,
            token: &self.stage.addresses().admin_token,
            faster: self.plan.faster,
            grace: self.plan.grace,
            seed: self.loads,
        };
        let test = Arc::new(file.test()?);
        self.show.begin(title);
        let has_gateway = setup != Setup::Before;
        let before = Look::take(self.stage, has_gateway)?;
        let (show, stage) = (&mut self.show, self.stage);
        let mut fallen = None;
        let results = tenfold_load::run(&test, &Stop::default(), &mut |progress| {
            if let Some(tell) = begun.take() {
                // Who has gone does not want to hear it.
                let _gone = tell.send(Instant::now() - progress.elapsed);
            }
            show.progress(progress);
            fallen = stage.check_running().err();
            fallen.as_ref().map(|_| "a part has ended".to_owned())
        });
        if let Some(refusal) = fallen {
            return Err(refusal);
        }
        let results = results.map_err(|error| {
            Refusal::new(
                error,
                "see the logs of the shops; --keep leaves a shop running to look at",
            )
        })?;
        let beside = before.until(&Look::take(self.stage, has_gateway)?);
        if let Some(environment) = results.environments.first() {
            self.environment = environment.clone();
        }
        Ok((test, results, beside))
    }
}
