//! Text that nobody but the program may see: the address of a database, a token.
//!
//! # The idea
//! It is read from a variable (`env:NAME`) or a file (`file:PATH`) when it is needed, and never printed: neither by `Debug` nor by an error.

use std::convert::Infallible;
use std::fmt;
use std::io::Read as _;
use std::str::FromStr;

/// Longest secret, in bytes. A larger file is not what was meant.
const LONGEST: usize = 64 * 1024;

/// A secret, or where it is: `env:NAME`, `file:PATH`, else the text itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Whether it is the text itself, which the list of processes shows to everybody.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        !self.0.starts_with("env:") && !self.0.starts_with("file:")
    }

    /// The secret itself, without white space around it.
    ///
    /// # Errors
    /// When the variable or the file is not there, empty, or no text.
    pub fn read(&self) -> Result<String, String> {
        let (text, whose) = if let Some(name) = self.0.strip_prefix("env:") {
            let whose = format!("the variable {name}");
            let text = std::env::var(name).map_err(|error| match error {
                std::env::VarError::NotPresent => {
                    format!("{whose} is not set; set it, or give file:PATH")
                }
                std::env::VarError::NotUnicode(_) => format!("{whose} is no UTF-8 text"),
            })?;
            (text, whose)
        } else if let Some(path) = self.0.strip_prefix("file:") {
            let whose = format!("the file {path}");
            let text =
                read_file(path).map_err(|error| format!("{whose} cannot be read: {error}"))?;
            (text, whose)
        } else {
            (self.0.clone(), "the text".to_owned())
        };
        match text.trim() {
            "" => Err(format!("{whose} is empty")),
            text => Ok(text.to_owned()),
        }
    }
}

fn read_file(path: &str) -> std::io::Result<String> {
    let mut text = String::new();
    let most = LONGEST as u64 + 1;
    std::fs::File::open(path)?
        .take(most)
        .read_to_string(&mut text)?;
    if text.len() > LONGEST {
        let told = format!("it has more than {LONGEST} bytes, which is no secret");
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, told));
    }
    Ok(text)
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_plain() {
            true => f.write_str("Secret(…)"),
            false => write!(f, "Secret({})", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        text.parse().expect("cannot fail")
    }

    #[test]
    fn it_is_read_from_where_it_is() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "hush\n").expect("written");
        let path = format!("file:{}", file.path().display());
        assert_eq!(secret(&path).read(), Ok("hush".to_owned()));
        assert_eq!(secret("hush").read(), Ok("hush".to_owned()));
        assert_eq!(
            secret("env:PATH").read(),
            std::env::var("PATH").map_err(|_| String::new())
        );
    }

    #[test]
    fn what_is_missing_is_said() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let empty = format!("file:{}", file.path().display());
        assert!(secret(&empty).read().expect_err("empty").contains("empty"));
        let told = secret("env:TENFOLD_SHOP_IS_NOT_SET").read();
        assert!(told.expect_err("not set").contains("is not set"));
        let told = secret("file:/does/not/exist").read();
        assert!(told.expect_err("no file").contains("/does/not/exist"));
        assert!(secret("file:/dev/zero").read().is_err(), "endless");
        assert!(secret(" ").read().is_err());
    }

    #[test]
    fn debug_does_not_show_it() {
        assert!(!format!("{:?}", secret("hush")).contains("hush"));
    }
}
