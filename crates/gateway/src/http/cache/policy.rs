//! What the operator wants for a route, as checked values: [`crate::config::cache`].

pub(crate) use crate::config::cache::{Condition, KeyPolicy, Pattern, Policy, Query, SetCookie};
