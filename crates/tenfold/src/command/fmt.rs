//! `tenfold fmt`: gives configurations their usual form.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use tempfile::NamedTempFile;

use crate::config;

/// `tenfold fmt`
#[derive(Debug, Args)]
#[command(after_help = "Comments and values stay as they are; only white space changes.")]
pub(crate) struct Fmt {
    /// The configurations.
    #[arg(
        value_name = "FILE",
        required_unless_present = "stdin",
        conflicts_with = "stdin"
    )]
    files: Vec<PathBuf>,

    /// Change nothing; fail if a file does not have its usual form.
    #[arg(long)]
    check: bool,

    /// Read standard input and write standard output.
    #[arg(long)]
    stdin: bool,
}

/// Formats. The exit code is 1 if `--check` found a file that does not have its form, and 2 for a file that is no
/// configuration or cannot be read or written.
pub(crate) fn format(arguments: &Fmt) -> ExitCode {
    let mut worst = 0;
    if arguments.stdin {
        worst = standard_input(arguments.check);
    }
    for file in &arguments.files {
        worst = worst.max(one(file, arguments.check));
    }
    ExitCode::from(worst)
}

fn standard_input(is_check: bool) -> u8 {
    let mut text = Vec::new();
    // One byte more than the largest configuration, which is then refused.
    let reading = io::stdin().take((16 << 20) + 1).read_to_end(&mut text);
    if let Err(error) = reading {
        return refuse(
            &format!("cannot read standard input: {error}"),
            "give it a configuration",
        );
    }
    let formatted = match config::format_text(Path::new("standard input"), &text) {
        Ok(formatted) => formatted,
        Err(errors) => {
            eprint!("{errors}");
            return 2;
        }
    };
    if is_check {
        return different("standard input", formatted.as_bytes() != text);
    }
    match io::stdout().write_all(formatted.as_bytes()) {
        Ok(()) => 0,
        Err(error) => refuse(&format!("cannot write: {error}"), "is the disk full?"),
    }
}

fn one(file: &Path, is_check: bool) -> u8 {
    let shown = file.display();
    let text = match fs::File::open(file).and_then(|opened| {
        let mut text = Vec::new();
        opened
            .take((16 << 20) + 1)
            .read_to_end(&mut text)
            .map(|_| text)
    }) {
        Ok(text) => text,
        Err(error) => {
            let help = "give a file that exists and that you may read";
            return refuse(&format!("cannot read {shown}: {error}"), help);
        }
    };
    let formatted = match config::format_text(file, &text) {
        Ok(formatted) => formatted,
        Err(errors) => {
            eprint!("{errors}");
            return 2;
        }
    };
    let is_different = formatted.as_bytes() != text;
    if is_check {
        return different(&shown.to_string(), is_different);
    }
    if !is_different {
        return 0;
    }
    match replace(file, formatted.as_bytes()) {
        Ok(()) => {
            eprintln!("formatted {shown}");
            0
        }
        Err(error) => {
            let help = "it has been left as it is; you need to be allowed to write its folder, too";
            refuse(&format!("cannot write {shown}: {error}"), help)
        }
    }
}

fn different(name: &str, is_different: bool) -> u8 {
    if is_different {
        eprintln!("{name} does not have its usual form; tenfold fmt gives it");
    }
    u8::from(is_different)
}

/// Puts a new file into a file's place, at once: who reads sees the old one or the new one. Its permissions and its owner
/// stay, and a link to it stays a link.
fn replace(file: &Path, text: &[u8]) -> io::Result<()> {
    let file = file.canonicalize()?;
    let folder = file.parent().unwrap_or(Path::new("/"));
    let old = fs::metadata(&file)?;
    let mut new = NamedTempFile::new_in(folder)?;
    new.write_all(text)?;
    let made = new.as_file().metadata()?;
    if (made.uid(), made.gid()) != (old.uid(), old.gid()) {
        fchown(new.as_file(), Some(old.uid()), Some(old.gid()))?;
    }
    // After the owner: changing that takes bits away.
    new.as_file().set_permissions(old.permissions())?;
    new.as_file().sync_all()?;
    new.persist(&file)?;
    Ok(())
}

fn refuse(what: &str, help: &str) -> u8 {
    eprintln!("error: {what}\n help: {help}");
    2
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_is_replaced_and_keeps_its_permissions_and_its_link() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.toml");
        fs::write(&file, "a=1").expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("set");
        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink(&file, &link).expect("linked");
        assert_eq!(one(&link, true), 1);
        assert_eq!(fs::read_to_string(&file).expect("read"), "a=1");
        assert_eq!(one(&link, false), 0);
        assert_eq!(fs::read_to_string(&file).expect("read"), "a = 1\n");
        assert_eq!(one(&link, true), 0);
        let mode = fs::metadata(&file).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).expect("metadata").is_symlink());
        assert_eq!(fs::read_dir(folder.path()).expect("read").count(), 2);
    }

    #[test]
    fn what_is_no_configuration_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.toml");
        fs::write(&file, "a = [").expect("written");
        assert_eq!(one(&file, false), 2);
        assert_eq!(fs::read_to_string(&file).expect("read"), "a = [");
        assert_eq!(one(&folder.path().join("missing.toml"), false), 2);
    }
}
