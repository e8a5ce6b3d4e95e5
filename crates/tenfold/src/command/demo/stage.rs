//! What the rehearsal runs on: a private Postgres with a shop's goods, processes of the shop, the gateway, and faults to order.
//!
//! All of it lives in one [`Sandbox`]: however this process ends, everything is ended and removed. Parts are changed behind locks, so that a
//! rehearsal can break a shop from one thread while another one makes load.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tenfold_sandbox::{Postgres, PostgresOptions, Sandbox, SandboxError};

use super::addresses::Addresses;
use super::arguments::{Demo, Profile};
use super::gateway::{self, Gateway, GatewayFile};
use super::interrupt::Interrupt;
use super::shop::{Books, Program, Shops};
use crate::command::Refusal;

/// The database of the shop.
const DATABASE: &str = "shop";
/// Connections: three processes of the shop with pools of their own, its other commands, and a person who looks.
const CONNECTIONS: u16 = 150;
/// Memory for pages. The goods fit in, as those of most shops do.
const SHARED_BUFFERS_MIB: u32 = 256;

/// What runs. Everything ends when it is dropped.
pub(crate) struct Stage {
    // In the order in which they end.
    gateway: Mutex<Option<Gateway>>,
    shops: Mutex<Shops>,
    postgres: Mutex<Postgres>,
    addresses: Addresses,
    /// CPU time of gateways that have ended.
    gateways_before: Mutex<Duration>,
    sandbox: Sandbox,
}

/// CPU time (user and system) so far, of each part with its children and those that have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cpu {
    /// This process, which makes the load.
    pub(crate) generator: Duration,
    pub(crate) gateway: Duration,
    pub(crate) shops: Duration,
    pub(crate) postgres: Duration,
}

impl Cpu {
    /// What was used since.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        Self {
            generator: self.generator.saturating_sub(earlier.generator),
            gateway: self.gateway.saturating_sub(earlier.gateway),
            shops: self.shops.saturating_sub(earlier.shops),
            postgres: self.postgres.saturating_sub(earlier.postgres),
        }
    }
}

impl Stage {
    /// Starts Postgres, and fills it with the shop's goods. `tell` hears what is being done, line by line.
    pub(crate) fn set_up(
        demo: &Demo,
        interrupt: &Interrupt,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Self, Refusal> {
        // All that can be seen to be wrong is, before anything is started.
        let program = Program::find(demo)?;
        let addresses = Addresses::choose(demo)?;
        let base = demo.dir.clone().unwrap_or_else(std::env::temp_dir);
        let sandbox = interrupt.sandbox(|| Sandbox::within(&base));
        let sandbox = sandbox.map_err(refused)?;
        tell(&format!(
            "starting Postgres in {}",
            sandbox.path().display()
        ));
        let options = PostgresOptions {
            programs: demo.postgres.clone(),
            // As a shop's has to be: an order that was confirmed is not forgotten.
            is_durable: true,
            max_connections: CONNECTIONS,
            shared_buffers_mib: SHARED_BUFFERS_MIB,
            ..PostgresOptions::default()
        };
        let postgres = Postgres::start(&sandbox, &options).map_err(refused)?;
        postgres.create_database(DATABASE).map_err(refused)?;
        let addresses = addresses.complete(&sandbox, postgres.url(DATABASE))?;
        let (products, orders) = (demo.products, demo.orders);
        tell(&format!(
            "filling the shop with {products} products and {orders} orders"
        ));
        program.seed(&sandbox, &addresses, demo)?;
        Ok(Self {
            gateway: Mutex::new(None),
            shops: Mutex::new(Shops::new(program)),
            postgres: Mutex::new(postgres),
            addresses,
            gateways_before: Mutex::new(Duration::ZERO),
            sandbox,
        })
    }

    /// Starts so many processes (at most [`super::addresses::MOST_SHOPS`]) of the shop in place of those that run, with the indexes that the profile has; waits until
    /// each is ready.
    pub(crate) fn start_shops(&self, profile: Profile, count: usize) -> Result<(), Refusal> {
        let mut shops = lock(&self.shops);
        shops.start(&self.sandbox, &self.addresses, profile, count)
    }

    /// SIGKILL: connections are cut. `shop` counts from 0.
    pub(crate) fn kill_shop(&self, shop: usize) {
        lock(&self.shops).kill(shop);
    }

    /// It stands still: connections stay open, and nothing answers.
    pub(crate) fn freeze_shop(&self, shop: usize) {
        lock(&self.shops).freeze(shop);
    }

    /// It goes on.
    pub(crate) fn thaw_shop(&self, shop: usize) {
        lock(&self.shops).thaw(shop);
    }

    /// Starts it again at the same address, and waits until it is ready; ends it before if it runs.
    pub(crate) fn restart_shop(&self, shop: usize) -> Result<(), Refusal> {
        lock(&self.shops).restart(&self.sandbox, &self.addresses, shop)
    }

    /// Starts the gateway in front of the shops that there are, in place of one that runs; waits until it is ready.
    pub(crate) fn start_gateway(&self, file: GatewayFile) -> Result<(), Refusal> {
        self.stop_gateway();
        let servers = lock(&self.shops).count();
        let started = gateway::start(&self.sandbox, &self.addresses, file, servers)?;
        *lock(&self.gateway) = Some(started);
        Ok(())
    }

    /// Ends the gateway, in order.
    pub(crate) fn stop_gateway(&self) {
        if let Some(mut gateway) = lock(&self.gateway).take() {
            gateway.stop();
            *lock(&self.gateways_before) += gateway.cpu();
        }
    }

    /// Where everything is.
    pub(crate) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// CPU time so far. Take it before and after, and ask for the difference.
    pub(crate) fn cpu(&self) -> Cpu {
        let gateway = lock(&self.gateway).as_ref().map(Gateway::cpu);
        Cpu {
            generator: own_cpu(),
            gateway: *lock(&self.gateways_before) + gateway.unwrap_or_default(),
            shops: lock(&self.shops).cpu(),
            postgres: lock(&self.postgres).cpu(),
        }
    }

    /// Has the shop look at its books: whether stock, orders, payments and events fit together. Not under load: it reads everything.
    pub(crate) fn books(&self) -> Result<Books, Refusal> {
        let program = lock(&self.shops).program();
        program.check(&self.sandbox, &self.addresses)
    }

    /// An error if a part has ended that nobody has ended here: with its last lines.
    pub(crate) fn check_running(&self) -> Result<(), Refusal> {
        self.sandbox.mend().map_err(refused)?;
        if let Some(failure) = lock(&self.postgres).process().failure() {
            return Err(fallen(&failure));
        }
        // Whoever starts one of them again at the moment will hear of it himself.
        let shops = self.shops.try_lock().ok();
        if let Some(failure) = shops.and_then(|mut shops| shops.failure()) {
            return Err(fallen(&failure));
        }
        let mut gateway = lock(&self.gateway);
        let failure = gateway.as_mut().and_then(Gateway::failure);
        failure.map_or(Ok(()), |failure| Err(fallen(&failure)))
    }
}

/// What a sandbox refuses.
#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands on")]
pub(super) fn refused(error: SandboxError) -> Refusal {
    Refusal::new(error.what(), error.help())
}

/// A part that should run, and does not.
fn fallen(error: &SandboxError) -> Refusal {
    let help = match error {
        SandboxError::Ended(..) => {
            "everything else was stopped; mend what its last lines say, and start again"
        }
        _ => error.help(),
    };
    Refusal::new(error.what(), help)
}

fn own_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
