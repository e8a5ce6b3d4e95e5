//! Results for people and for programs.
//!
//! # The idea
//! Everything here is a function from [`Results`](crate::Results) to a text. A report never asks for anything that is not in the results, so
//! that `tenfold load report` makes tomorrow what could have been made today, also from results that were put together.
//!
//! Names in results are somebody else's: of steps, of servers' answers. They are escaped for where they go (terminal, HTML,
//! spreadsheets).

mod compare;
mod csv;
#[cfg(test)]
pub(crate) mod fixture;
pub mod html;
mod json;
mod summary;
mod table;
pub mod text;

pub use compare::{
    Comparison, Difference, Judgement, Quantity, StepDifference, compare, comparison,
};
pub use csv::{csv, csv_steps};
pub use html::html;
pub use json::{ReadError, json, read_json};
pub use summary::summary;

/// How a text for a terminal looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether escape sequences for colours may be in it.
    pub in_colour: bool,
    /// Columns of the terminal; tables leave out what does not fit.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        let (in_colour, width) = (false, 100);
        Self { in_colour, width }
    }
}

#[cfg(test)]
mod tests;
