//! `shop serve`: a process of the shop from its start to its end.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use tenfold_observe::metric::Registry;
use tokio::runtime::Builder;

use super::faults::Faults;
use super::server::{self, listen};
use crate::cli::Serve;
use crate::ending::Ending;
use crate::{Options, Shop};

/// Serves until the process is told to end.
///
/// # Errors
/// Why it cannot begin, and what to do about it.
pub fn run(arguments: &Serve) -> Result<ExitCode, String> {
    tenfold_observe::log::start();
    let mut runtime = Builder::new_multi_thread();
    if let Some(threads) = arguments.threads {
        runtime.worker_threads(threads);
    }
    let runtime = runtime.enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start threads: {error}"))?;
    let done = runtime.block_on(serve(arguments));
    // What hashes a password is on a thread of its own, and nobody waits for it any more.
    runtime.shutdown_background();
    done.map(|()| ExitCode::SUCCESS)
}

fn options(arguments: &Serve) -> Result<Options, String> {
    let (database, redis) = arguments.stores.read()?;
    Ok(Options {
        database,
        pool: arguments.pool,
        redis,
        fixes: arguments.mended.fixes()?,
        purge: arguments.purge.clone(),
        purge_token: arguments.purge_token()?,
        is_worker: !arguments.no_worker,
    })
}

async fn serve(arguments: &Serve) -> Result<(), String> {
    let faults = Faults {
        slow: arguments.slow,
        fail: arguments.fail_rate,
    };
    let web = super::Options {
        admin_token: arguments.admin_token()?,
        faults,
        pool: arguments.pool,
    };
    let options = options(arguments)?;
    // Signals first: one that comes while it starts is heard as well.
    let end = Ending::listen()?;
    let listener = listen(arguments.listen, "--listen").await?;
    let metrics = match arguments.metrics {
        Some(address) => Some(listen(address, "--metrics").await?),
        None => None,
    };
    let shop = Shop::open(options)
        .await
        .map_err(|error| error.to_string())?;
    let (router, registry) = super::open(shop, &web);
    if let Some(listener) = metrics {
        if let Ok(address) = listener.local_addr() {
            tracing::info!("metrics on http://{address}/metrics");
        }
        tokio::spawn(server::serve(
            listener,
            exposition(registry),
            end.clone().told(),
        ));
    }
    let address = listener
        .local_addr()
        .map_err(|error| format!("the address of the listener: {error}"))?;
    say(&format!("listening on http://{address}\n"))?;
    server::serve(listener, router, end.told()).await;
    Ok(())
}

/// Tells whoever started it. It may be waited for, so it goes out at once.
fn say(line: &str) -> Result<(), String> {
    let mut out = std::io::stdout();
    let said = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    said.map_err(|error| format!("cannot write to standard output: {error}"))
}

/// Metrics, for whoever scrapes them.
fn exposition(registry: Arc<Registry>) -> Router {
    let expose =
        move || async move { ([(CONTENT_TYPE, Registry::CONTENT_TYPE)], registry.expose()) };
    Router::new().route("/metrics", get(expose))
}
