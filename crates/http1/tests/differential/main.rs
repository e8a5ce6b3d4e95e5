//! Request framing, compared with hyper's: whatever bytes arrive, two independent servers must not disagree about where
//! a message ends.
//!
//! Seeded streams of requests, most of them with something odd about their framing, are read by this crate and by
//! hyper, and what each accepted is compared. Where both accept, method, target, framing and body must be the same;
//! nothing excuses a difference there. Where only one accepts, [`explain::EXPLANATIONS`] must say why, and each entry of
//! that table must be needed.
//!
//! Both find field lines with `httparse`, so that this says little about those; the fuzz targets check them.
//!
//! `TENFOLD_DIFFERENTIAL_MESSAGES` sets how many streams are tried. One that fails is printed as short as it can be made.

mod explain;
mod generate;
mod read;
mod words;

use std::fmt::Write;

use explain::{Case, EXPLANATIONS, Ours};
use generate::generate;
use read::{Body, Outcome, hyper, ours};

/// Streams of two or three requests each, of which the last is right.
const STREAMS: u64 = 50_000;

/// How often an explanation must be needed in that many streams: now and then one covers what is another's case.
const NEEDED: u64 = 5;

/// What a comparison found.
enum Verdict {
    /// Both accepted the same, up to the end or to what both refused.
    Same { refused: bool },
    /// One side accepted what the other did not, for the reason at this place of the table.
    Explained(usize),
    /// What nobody has explained yet, or what nothing can excuse.
    Wrong(String),
}

fn compare(input: &[u8], piece: usize) -> Verdict {
    let (us, them) =
        runtime().block_on(async { (ours(input, piece).await, hyper(input, piece).await) });
    for index in 0..us.messages.len().max(them.messages.len()) {
        let differs = |we_accept: bool| explained(input, index, we_accept, &us, &them);
        match (us.messages.get(index), them.messages.get(index)) {
            (Some(a), Some(b)) if a.head != b.head => {
                return Verdict::Wrong(format!("two heads\nwe: {a:?}\nhyper: {b:?}"));
            }
            (Some(a), Some(b)) => match (&a.body, &b.body) {
                (Body::Complete(x), Body::Complete(y)) if x != y => {
                    return Verdict::Wrong(format!("two bodies\nwe: {a:?}\nhyper: {b:?}"));
                }
                (Body::Complete(_), Body::Complete(_)) => {}
                (Body::Complete(_), Body::Broken) => return differs(true),
                (Body::Broken, Body::Complete(_)) => return differs(false),
                (Body::Broken, Body::Broken) => break,
            },
            (Some(_), None) => return differs(true),
            (None, Some(_)) => return differs(false),
            (None, None) => unreachable!("one of the two has that many messages"),
        }
    }
    Verdict::Same {
        refused: us.refusal.is_some(),
    }
}

fn explained(input: &[u8], index: usize, we_accept: bool, us: &Outcome, them: &Outcome) -> Verdict {
    let from = |index: Option<usize>| us.starts.get(index?).map(|start| &input[*start..]);
    let ours = match us.refusal {
        _ if we_accept => Ours::Accepts,
        Some(kind) => Ours::Refuses(kind),
        None => Ours::Stops,
    };
    let case = Case {
        message: from(Some(index)).unwrap_or_default(),
        previous: from(index.checked_sub(1)).unwrap_or_default(),
        ours,
    };
    match EXPLANATIONS
        .iter()
        .position(|explanation| explanation.covers(&case))
    {
        Some(index) => Verdict::Explained(index),
        None => Verdict::Wrong(format!(
            "this crate {ours:?}, and hyper does not\nwe: {us:?}\nhyper: {them:?}"
        )),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime without drivers needs nothing")
}

/// Removes what is not needed for `compare` to fail in the same way.
fn shrink(mut input: Vec<u8>, piece: usize, why: &str) -> Vec<u8> {
    let is_same = |other: &str| other.lines().next() == why.lines().next();
    let mut len = input.len().div_ceil(2);
    while len > 0 {
        let mut at = 0;
        while at < input.len() {
            let mut smaller = input.clone();
            smaller.drain(at..input.len().min(at + len));
            match compare(&smaller, piece) {
                Verdict::Wrong(other) if is_same(&other) => input = smaller,
                _ => at += len,
            }
        }
        len /= 2;
    }
    input
}

#[test]
fn hyper_and_this_crate_find_the_same_boundaries() {
    let count = std::env::var("TENFOLD_DIFFERENTIAL_MESSAGES").map_or(STREAMS, |text| {
        text.parse()
            .expect("TENFOLD_DIFFERENTIAL_MESSAGES is a number")
    });
    let (mut accepted, mut refused) = (0_u64, 0_u64);
    let mut uses = vec![0_u64; EXPLANATIONS.len()];
    for seed in 0..count {
        let (input, piece) = generate(seed);
        match compare(&input, piece) {
            Verdict::Same { refused: false } => accepted += 1,
            Verdict::Same { refused: true } => refused += 1,
            Verdict::Explained(index) => uses[index] += 1,
            Verdict::Wrong(why) => {
                let small = shrink(input, piece, &why);
                let Verdict::Wrong(why) = compare(&small, piece) else {
                    unreachable!("shrinking keeps the failure");
                };
                panic!(
                    "stream {seed}: \"{}\" in pieces of {piece}: {why}",
                    small.escape_ascii()
                );
            }
        }
    }

    let mut report = format!(
        "{count} streams: both accept {accepted}, both refuse {refused}, {} differ:\n",
        uses.iter().sum::<u64>()
    );
    for (uses, explanation) in uses.iter().zip(EXPLANATIONS) {
        writeln!(report, "{uses:7} {}", explanation.reason).expect("a String takes everything");
    }
    eprintln!("{report}");
    if count >= STREAMS {
        let unused: Vec<_> = uses
            .iter()
            .zip(EXPLANATIONS)
            .filter(|(uses, _)| **uses < NEEDED)
            .collect();
        assert!(
            unused.is_empty(),
            "explanations that next to nothing needs: {unused:?}"
        );
    }
}
