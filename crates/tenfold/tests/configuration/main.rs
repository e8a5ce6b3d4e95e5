//! Configuration files: what they mean, what is wrong with them, and their form.

mod caches;
mod commands;
mod examples;
mod imports;
mod load_imports;
mod loading;
mod meaning;
mod mistakes;
mod reference;
