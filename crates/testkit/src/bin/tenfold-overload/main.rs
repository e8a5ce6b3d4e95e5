//! Overload, made to measure: an origin of known capacity, and a client that sends whatever happens. For `make bench-overload`.
//!
//! `tenfold-overload origin --listen ADDRESS --workers N --time MS`: each request takes one of N workers for so long.
//!
//! `tenfold-overload offer --to ADDRESS --rate N --seconds N [--critical PERCENT] [--seed N]`: so many requests per second, at times that
//! chance has fixed beforehand (an open model), a part of them with `X-Priority: critical`, the others with `bulk`. Prints what became of
//! them as JSON. Times count from when a request was to be sent, and not from when it could be.

mod offer;
mod origin;

use std::collections::HashMap;
use std::process::ExitCode;

const USAGE: &str = "usage: tenfold-overload origin --listen ADDRESS --workers N --time MS\n       \
                     tenfold-overload offer --to ADDRESS --rate N --seconds N [--critical PERCENT] [--seed N]";

/// `--name value` pairs.
struct Flags(HashMap<String, String>);

impl Flags {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn number(&self, name: &str) -> Option<f64> {
        let number = self.text(name)?.parse().ok()?;
        (0.0..1e9).contains(&number).then_some(number)
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next();
    let mut flags = HashMap::new();
    while let (Some(name), Some(value)) = (arguments.next(), arguments.next()) {
        flags.insert(name.trim_start_matches('-').to_owned(), value);
    }
    let flags = Flags(flags);
    let result = match command.as_deref() {
        Some("origin") => origin::Plan::of(&flags).map(|it| it.run()),
        Some("offer") => offer::Plan::of(&flags).map(|it| it.run()),
        _ => None,
    };
    match result {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            eprintln!("tenfold-overload: {error}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}
