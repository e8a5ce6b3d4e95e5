//! The shop as its visitors see it: the program on a real Postgres, and its layers without one.

mod admin;
mod api;
mod caching;
mod common;
mod outage;
mod safety;
mod serving;
mod walk;
