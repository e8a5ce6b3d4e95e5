//! `tenfold demo`: rehearses the Black Friday of a shop, without and with Tenfold, on this machine.
//!
//! [`stage`] starts what it takes and breaks it when told to, [`keep`] leaves it to a person. Everything runs in a sandbox
//! of crate sandbox and on loopback addresses.

mod addresses;
mod arguments;
mod gateway;
mod interrupt;
mod keep;
mod rehearsal;
mod report;
mod shop;
mod stage;

use std::io::Write;
use std::process::ExitCode;

use super::Refusal;
pub(crate) use arguments::Demo;
use interrupt::Interrupt;
use stage::Stage;

/// Does what the arguments say. The exit code is 0 if every promise holds, 1 if one does not, 2 for what cannot be started or falls
/// over, 3 if one is not proven because the load generator was the limit, 130 after a signal to end.
pub(crate) fn run(demo: &Demo) -> Result<ExitCode, Refusal> {
    let interrupt = Interrupt::watch()?;
    let result = play(demo, &interrupt);
    interrupt.end_if_it_has_come();
    result
}

fn play(demo: &Demo, interrupt: &Interrupt) -> Result<ExitCode, Refusal> {
    let mut tell = |line: &str| {
        let _nobody_reads = writeln!(std::io::stderr(), "{line} …");
    };
    let stage = Stage::set_up(demo, interrupt, &mut tell)?;
    match demo {
        Demo {
            only_database: true,
            ..
        } => keep::database(&stage, &mut tell),
        Demo { keep: true, .. } => keep::shop(&stage, demo, &mut tell),
        _ => rehearsal::run(&stage, demo),
    }
}
