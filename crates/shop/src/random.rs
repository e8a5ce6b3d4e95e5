//! Numbers that nobody can guess.

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::Error;

/// So many random bytes.
///
/// # Errors
/// When the system has none.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::Broken("the system has no random numbers".to_owned()))?;
    Ok(bytes)
}
