//! The shop below its pages: against a real Postgres and a real Redis.

mod admin;
mod common;
mod customers;
mod ordering;
mod outbox;
mod reading;
mod redis;
