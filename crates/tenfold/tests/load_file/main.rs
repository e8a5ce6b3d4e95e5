//! Files of load tests: what they mean, what is said about mistakes, and that page, schema and examples fit.

mod describe;
mod examples;
mod meaning;
mod mistakes;
mod reference;
