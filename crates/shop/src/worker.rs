//! `shop worker`: does what orders leave behind, and serves nothing.

use std::process::ExitCode;

use crate::cli::Worker;
use crate::ending::Ending;
use crate::profile::Fixes;
use crate::{Options, Shop};

/// Connections: one to work with, and one for what is asked beside it.
const POOL: usize = 2;

/// Works until the process is told to end.
///
/// # Errors
/// Why it cannot begin, and what to do about it.
pub fn run(arguments: &Worker) -> Result<ExitCode, String> {
    tenfold_observe::log::start();
    let (database, redis) = arguments.stores.read()?;
    let options = Options {
        database,
        pool: POOL,
        redis,
        fixes: Fixes::NONE,
        purge: Vec::new(),
        purge_token: None,
        is_worker: true,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    runtime.block_on(async {
        let end = Ending::listen()?;
        let _shop = Shop::open(options)
            .await
            .map_err(|error| error.to_string())?;
        tracing::info!("working");
        end.told().await;
        Ok(ExitCode::SUCCESS)
    })
}
