//! The commands on a database, held against a real Postgres.

mod check;
mod common;
mod connections;
mod migrate;
mod seed;
mod together;
