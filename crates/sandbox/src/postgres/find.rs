//! Where Postgres's programs are, and who may run them.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::SandboxError;

/// What has to be there.
const PROGRAMS: [&str; 3] = ["initdb", "postgres", "psql"];
/// Folders of versions, each with a `bin`: Debian's, Red Hat's is `/usr/pgsql-VERSION`.
const VERSIONS: [(&str, &str); 2] = [("/usr/lib/postgresql", ""), ("/usr", "pgsql-")];

/// A folder with all programs: the one that is given, else the first in `PATH`, else the highest version, else what `pg_config`
/// says.
pub(super) fn programs(given: Option<&Path>) -> Result<PathBuf, SandboxError> {
    if let Some(folder) = given {
        let folder = folder.canonicalize().ok().filter(|folder| has_all(folder));
        return folder.ok_or_else(|| SandboxError::NotInstalled(given.map(Path::to_owned)));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    in_path(&path)
        .or_else(|| {
            let mut all = VERSIONS
                .iter()
                .filter_map(|(folder, begin)| highest(Path::new(folder), begin));
            all.next()
        })
        .or_else(said_by_pg_config)
        .ok_or(SandboxError::NotInstalled(None))
}

/// The programs may be links from elsewhere; `postgres` looks for its files from where it really is.
fn in_path(path: &OsStr) -> Option<PathBuf> {
    let mut folders = std::env::split_paths(path);
    folders.find_map(|folder| {
        let real = folder.join("initdb").canonicalize().ok()?;
        let real = real.parent()?.to_owned();
        has_all(&real).then_some(real)
    })
}

fn highest(folder: &Path, begin: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let version = |name: &OsStr| {
        let number = name.to_str()?.strip_prefix(begin)?;
        number.parse::<f32>().ok()
    };
    let mut all: Vec<(f32, PathBuf)> = entries
        .filter_map(|entry| Some((version(&entry.file_name())?, entry.path().join("bin"))))
        .filter(|(_, folder)| has_all(folder))
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all.pop().map(|(_, folder)| folder)
}

fn said_by_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let folder = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim_end());
    has_all(&folder).then_some(folder)
}

fn has_all(folder: &Path) -> bool {
    PROGRAMS
        .iter()
        .all(|program| folder.join(program).is_file())
}

/// Somebody without privileges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) id: u32,
    pub(super) group: u32,
}

/// Who runs Postgres: none if that is who runs this, else (root) `postgres`, else `nobody`.
pub(super) fn user() -> Result<Option<User>, SandboxError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let all = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user = named(&all, "postgres").or_else(|| named(&all, "nobody"));
    user.map(Some).ok_or(SandboxError::NoUser)
}

/// passwd(5)
fn named(all: &str, name: &str) -> Option<User> {
    let mut lines = all.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let line = lines.find(|line| line.first() == Some(&name))?;
    let number = |field: usize| line.get(field)?.parse::<u32>().ok();
    let user = User {
        name: name.to_owned(),
        id: number(2)?,
        group: number(3)?,
    };
    (user.id != 0).then_some(user)
}

impl User {
    /// Has a command run as this user. Its further groups are given up, too (`CommandExt::uid`).
    pub(super) fn runs(&self, command: &mut Command) {
        command.uid(self.id).gid(self.group);
    }

    /// Whether this user can get to a folder, which depends on every folder on the way.
    pub(super) fn reaches(&self, folder: &Path) -> bool {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "cd -- \"$1\"", "sh"]).arg(folder);
        command.current_dir("/").stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.runs(&mut command);
        command.status().is_ok_and(|status| status.success())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(folder: &Path) {
        std::fs::create_dir_all(folder).expect("made");
        for program in PROGRAMS {
            std::fs::write(folder.join(program), "").expect("written");
        }
    }

    #[test]
    fn the_highest_version_is_a_number_and_is_whole() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path();
        assert_eq!(highest(path, ""), None);
        assert_eq!(highest(&path.join("none"), ""), None);
        for version in ["9.6", "13", "15"] {
            install(&path.join(version).join("bin"));
        }
        // Only its client is installed, and something else altogether.
        std::fs::create_dir_all(path.join("17/bin")).expect("made");
        install(&path.join("other/bin"));
        assert_eq!(highest(path, ""), Some(path.join("15/bin")));
        install(&path.join("pgsql-16/bin"));
        assert_eq!(highest(path, "pgsql-"), Some(path.join("pgsql-16/bin")));
    }

    #[test]
    fn links_in_the_path_are_followed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().canonicalize().expect("there");
        install(&path.join("15/bin"));
        std::fs::create_dir(path.join("local")).expect("made");
        std::os::unix::fs::symlink(path.join("15/bin/initdb"), path.join("local/initdb"))
            .expect("made");
        let all = std::env::join_paths([path.join("none"), path.join("local")]).expect("valid");
        assert_eq!(in_path(&all), Some(path.join("15/bin")));
        assert_eq!(in_path(OsStr::new("")), None);
    }

    #[test]
    fn a_folder_that_is_given_is_the_only_one() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let error = programs(Some(folder.path())).expect_err("nothing is there");
        assert!(error.to_string().contains("pg_config --bindir"), "{error}");
        install(folder.path());
        assert!(programs(Some(folder.path())).is_ok());
    }

    #[test]
    fn root_is_nobody_to_run_postgres() {
        let all =
            "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65533::/:\npostgres:x:0:0::/:\nbad:x\n";
        let nobody = named(all, "nobody").expect("there");
        assert_eq!((nobody.id, nobody.group), (65534, 65533));
        for none in ["postgres", "bad", "someone", "root"] {
            assert_eq!(named(all, none), None, "{none}");
        }
    }
}
