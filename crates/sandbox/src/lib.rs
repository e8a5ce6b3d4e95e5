//! Programs that run for a while in a temporary folder and leave nothing behind, however their starter ends.
//!
//! The problem: a rehearsal or a test starts a database, services and a gateway. A destructor stops them when all goes well;
//! after a panic that aborts, an `exit` or a SIGKILL nobody does, and the next run finds ports taken and disks full.
//!
//! The idea: a small process of its own, the *janitor*, holds the reading end of a pipe. When the pipe closes, for whatever reason, it
//! ends what was registered with it and removes the folder. So there is one way of cleaning up, which every orderly end takes, too,
//! and which is therefore tried all the time. It is a POSIX shell script: it shares no fate and no code with what it watches.
//!
//! The trade-off: it needs `/bin/sh`, `/proc` (Linux) and one idle process per [`Sandbox`]. It does not hold against a power failure,
//! nor against whoever kills the janitor as well (a container that is removed takes its files with it anyway).
//!
//! ```no_run
//! use tenfold_sandbox::{Postgres, PostgresOptions, Sandbox};
//!
//! let sandbox = Sandbox::new()?;
//! let postgres = Postgres::start(&sandbox, &PostgresOptions::default())?;
//! postgres.create_database("shop")?;
//! println!("{}", postgres.url("shop"));
//! # Ok::<(), tenfold_sandbox::SandboxError>(())
//! ```

mod error;
mod folder;
mod janitor;
mod port;
mod postgres;
mod process;
mod procfs;

pub use error::SandboxError;
pub use folder::{Closer, Sandbox};
pub use port::free_port;
pub use postgres::{Postgres, PostgresOptions};
pub use process::{Completed, Process};
pub use procfs::cpu_of;
