//! What the code that `#[cached]` makes calls. No part of the interface.

use std::time::Duration;

use crate::error::Error;

/// For functions that cannot say that they took too long: ten years.
pub const NO_LIMIT: Duration = Duration::from_secs(315_360_000);

/// The value that a function returned that always returns one.
///
/// # Errors
/// When the cache knows that there is none, which another function must have said under the same key.
pub fn present<V>(value: Option<V>) -> Result<V, Error> {
    let why = "the cache knows that there is no value, which this function never says: another one uses the same key";
    value.ok_or_else(|| {
        Error::Load(std::sync::Arc::from(
            Box::from(why) as Box<dyn std::error::Error + Send + Sync>
        ))
    })
}

/// What a function without an error returns.
///
/// # Panics
/// When it panicked itself, or the runtime stops.
pub fn certain<T>(outcome: Result<T, Error>) -> T {
    match outcome {
        Ok(value) => value,
        Err(error) => panic!("a cached function without an error failed: {error}"),
    }
}
