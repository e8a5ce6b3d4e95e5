//! Secrets, which are never written down in arguments or files of settings, only where to find them.

use std::fmt;
use std::str::FromStr;

/// A secret that was read; prints as dots.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// True if `guess` is the secret. Takes the same time wherever they differ.
    #[must_use]
    pub fn matches(&self, guess: &[u8]) -> bool {
        let secret = self.0.as_bytes();
        let difference = secret
            .iter()
            .zip(guess.iter().chain(std::iter::repeat(&0)))
            .fold(u8::from(secret.len() != guess.len()), |sum, (a, b)| {
                sum | (a ^ b)
            });
        difference == 0
    }

    /// The secret, to be sent to whoever asks for it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Secret {
    /// The secret that a text holds, without the white space around it.
    ///
    /// # Errors
    /// When it is too short to be one.
    pub fn new(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.len() < 16 {
            return Err("the token is too short to be one: use at least 16 characters, for example from `openssl rand -hex 16`".into());
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for Secret {
    type Err = String;

    fn from_str(source: &str) -> Result<Self, String> {
        let text = match source.split_once(':') {
            Some(("env", name)) => std::env::var(name)
                .map_err(|_| format!("the environment variable {name} is not set"))?,
            Some(("file", path)) => std::fs::read_to_string(path)
                .map_err(|error| format!("cannot read {path}: {error}"))?,
            _ => return Err("a secret is given as env:NAME or file:PATH, never as itself".into()),
        };
        Self::new(&text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("••••")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_compared_and_not_shown() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), "0123456789abcdef\n").expect("written");
        let secret: Secret = format!("file:{}", file.path().display())
            .parse()
            .expect("valid");
        assert!(secret.matches(b"0123456789abcdef"));
        for guess in [
            &b""[..],
            b"0123456789abcdeg",
            b"0123456789abcdef0",
            b"0123456789abcde",
        ] {
            assert!(!secret.matches(guess));
        }
        assert!(!format!("{secret:?}").contains("0123"));
    }

    #[test]
    fn a_secret_in_plain_sight_is_refused() {
        for source in [
            "hunter2",
            "env:TENFOLD_NO_SUCH_VARIABLE",
            "file:/nonexistent",
        ] {
            assert!(source.parse::<Secret>().is_err(), "{source}");
        }
    }
}
