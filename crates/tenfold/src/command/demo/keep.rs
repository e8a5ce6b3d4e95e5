//! `tenfold demo --keep`: something to click on, until Ctrl-C.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use super::addresses::Addresses;
use super::arguments::{Demo, Profile};
use super::gateway::GatewayFile;
use super::stage::Stage;
use crate::command::Refusal;

/// How many processes of the shop there are.
const SHOPS: usize = 3;
/// How often is looked whether everything runs.
const LOOK: Duration = Duration::from_millis(200);

/// Starts three processes of the shop and the gateway, says where everything is, and waits.
pub(super) fn shop(
    stage: &Stage,
    demo: &Demo,
    tell: &mut dyn FnMut(&str),
) -> Result<ExitCode, Refusal> {
    let profile = demo.profile.unwrap_or(Profile::Tuned);
    let file = match profile {
        Profile::Naive => GatewayFile::Alone,
        Profile::Tuned => GatewayFile::Tuned,
    };
    tell(&format!(
        "starting three processes of the {} shop and the gateway",
        profile.name()
    ));
    stage.start_shops(profile, SHOPS)?;
    stage.start_gateway(file)?;
    print(&said_of_shop(stage.addresses()));
    wait(stage)
}

/// Says where the database is, and waits.
pub(super) fn database(stage: &Stage) -> Result<ExitCode, Refusal> {
    print(&said_of_database(stage.addresses()));
    wait(stage)
}

fn wait(stage: &Stage) -> Result<ExitCode, Refusal> {
    loop {
        stage.check_running()?;
        sleep(LOOK);
    }
}

fn said_of_shop(addresses: &Addresses) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &dyn std::fmt::Display| {
        let _infallible = writeln!(text, "  {label:<18}{value}");
    };
    line("shop", &format_args!("http://{}/", addresses.gateway));
    line(
        "its admin page",
        &format_args!(
            "http://{}/admin  (user admin, password {})",
            addresses.gateway, addresses.admin_token
        ),
    );
    line(
        "metrics",
        &format_args!("http://{}/metrics", addresses.admin),
    );
    line(
        "status",
        &format_args!("tenfold status --admin http://{}", addresses.admin),
    );
    line(
        "watch",
        &format_args!("tenfold top --admin http://{}", addresses.admin),
    );
    for (index, shop) in addresses.shops.iter().take(SHOPS).enumerate() {
        line(
            if index == 0 { "past the gateway" } else { "" },
            &format_args!("http://{shop}/"),
        );
    }
    line("database", &addresses.database);
    line("gateway's file", &addresses.gateway_file.display());
    line("folder, logs", &addresses.folder.display());
    line("stop", &"Ctrl-C ends everything and removes the folder");
    format!("\n{text}\n")
}

fn said_of_database(addresses: &Addresses) -> String {
    format!(
        "\n  database      {}\n  folder, logs  {}\n  try           psql '{}'\n  stop          Ctrl-C ends everything and removes the folder\n\n",
        addresses.database,
        addresses.folder.display(),
        addresses.database,
    )
}

fn print(text: &str) {
    let mut output = std::io::stdout();
    // Whoever has closed it does not want to read it.
    let _gone = output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush());
}
