//! A shop to rehearse Black Friday with.
//!
//! # The problem
//! A layer that makes services fast has to be measured on a service that is slow for honest reasons, and right for as good ones.
//!
//! # The idea
//! The pages of TPC-W over Postgres, in two profiles ([`profile`]): `naive` makes the usual mistakes, `tuned` has each of them mended. Whatever
//! must never be wrong is the same in both: checkout is one transaction, an order exists exactly once whatever is repeated, stock
//! is never below zero. It knows nothing of Tenfold but the cache library that it uses in its own process, and might have been written by somebody else.
//!
//! A process keeps nothing that another one needs: sessions and carts are in Postgres or Redis. `catalog` reads, `checkout` sells, `outbox` does
//! afterwards what a customer need not wait for, `changes` tells all processes and the caches in front of them what is not true any more, `web`
//! shows it.

pub mod admin;
pub mod cart;
pub mod catalog;
pub mod changes;
pub mod check;
pub mod checkout;
pub mod cli;
pub mod customers;
pub mod database;
mod ending;
pub mod error;
pub mod model;
pub mod money;
pub mod orders;
pub mod outbox;
pub mod profile;
mod random;
mod redis_link;
mod rows;
pub mod secret;
pub mod seed;
pub mod session;
mod shop;
pub mod web;
pub mod worker;

pub use error::Error;
pub use shop::{Options, Shop};
