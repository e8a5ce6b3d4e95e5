//! Where everything is, on one machine.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tenfold_sandbox::{Sandbox, free_port};

use super::arguments::Demo;
use crate::command::Refusal;
use crate::command::refuse::cannot_listen;

/// Processes of the shop that there can be.
pub(crate) const MOST_SHOPS: usize = 8;

/// Where everything is. Ports stay the same for all of the demo, so that what is started again is found where it was.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    /// What clients ask.
    pub(crate) gateway: SocketAddr,
    /// The gateway's admin side: metrics, API, purges.
    pub(crate) admin: SocketAddr,
    /// The processes of the shop, those too that do not run.
    pub(crate) shops: Vec<SocketAddr>,
    /// Their metrics, in the same order.
    pub(crate) metrics: Vec<SocketAddr>,
    /// The database, as libpq and `tokio_postgres` take it.
    pub(crate) database: String,
    /// The password of the shop's admin page (user `admin`), which is its bearer token, too.
    pub(crate) admin_token: String,
    /// The file in which it is.
    pub(crate) admin_token_file: PathBuf,
    /// The gateway's configuration, once it was started.
    pub(crate) gateway_file: PathBuf,
    /// The temporary folder, with everybody's log.
    pub(crate) folder: PathBuf,
}

impl Addresses {
    /// Free ports. What the caller wants and somebody else has is refused now, before anything is started.
    pub(super) fn choose(demo: &Demo) -> Result<Self, Refusal> {
        if let Some(open) = demo.listen.filter(|wanted| !wanted.ip().is_loopback()) {
            return Err(Refusal::new(
                format!(
                    "--listen {open} is open to the network, and the shop's admin page with it"
                ),
                format!("give a loopback address: 127.0.0.1:{}", open.port()),
            ));
        }
        if let Some(wanted) = demo.listen.filter(|wanted| wanted.port() != 0) {
            // Without SO_REUSEPORT, which the gateway uses: another gateway of ours would share it in silence.
            let bound = TcpListener::bind(wanted);
            bound.map_err(|error| cannot_listen("--listen", wanted, &error))?;
        }
        let mut taken: Vec<u16> = demo.listen.iter().map(SocketAddr::port).collect();
        let mut free = || loop {
            let Some(port) = free_port() else {
                let what = "there is no free port on 127.0.0.1";
                return Err(Refusal::new(what, "see who has them all: ss -ltnp"));
            };
            if !taken.contains(&port) {
                taken.push(port);
                return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
            }
        };
        let gateway = match demo.listen {
            Some(wanted) if wanted.port() != 0 => wanted,
            Some(wanted) => SocketAddr::new(wanted.ip(), free()?.port()),
            None => free()?,
        };
        let admin = free()?;
        let shops: Result<Vec<_>, _> = (0..MOST_SHOPS).map(|_| free()).collect();
        let metrics: Result<Vec<_>, _> = (0..MOST_SHOPS).map(|_| free()).collect();
        Ok(Self {
            gateway,
            admin,
            shops: shops?,
            metrics: metrics?,
            database: String::new(),
            admin_token: String::new(),
            admin_token_file: PathBuf::new(),
            gateway_file: PathBuf::new(),
            folder: PathBuf::new(),
        })
    }

    /// What is known when there is a folder: and a token that nobody else knows.
    pub(super) fn complete(mut self, sandbox: &Sandbox, database: String) -> Result<Self, Refusal> {
        self.folder = sandbox.path().to_owned();
        self.database = database;
        self.gateway_file = self.folder.join("gateway.toml");
        self.admin_token_file = self.folder.join("admin-token");
        let token = token().and_then(|token| {
            write_privately(&self.admin_token_file, &token)?;
            Ok(token)
        });
        self.admin_token = token.map_err(|error| {
            let what = format!("cannot write {}: {error}", self.admin_token_file.display());
            Refusal::new(what, "give a folder on a larger disk (--dir), or make room")
        })?;
        Ok(self)
    }
}

/// 128 random bits.
fn token() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn write_privately(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = File::options();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file?.write_all(format!("{text}\n").as_bytes())
}
