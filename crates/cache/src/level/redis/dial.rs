//! Opening a connection to what an address names.

use std::time::Duration;

use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _,
    RedisConnectionInfo, RedisResult, TlsCertificates, TlsMode,
};
use tokio::time::timeout;

use super::address::{Address, Kind};
use super::error::ConnectError;
use super::link::Connection;
use super::options::RedisOptions;

/// How often a cluster's connection tries again by itself, after a redirection for example. The time limit of the
/// call holds over all of them.
const RETRIES: u32 = 3;

/// Opens connections to one address.
pub(super) struct Dialler {
    pub(super) address: Address,
    limit: Duration,
    certificates: Option<TlsCertificates>,
    sentinel_user: Option<String>,
}

impl Dialler {
    pub(super) fn new(options: &RedisOptions) -> Result<Self, ConnectError> {
        let mut address = Address::parse(&options.address).map_err(ConnectError::Options)?;
        address.sentinel_password = options.sentinel_password.clone();
        if address.tls {
            // The process may have chosen a provider of cryptography already; then that one is used.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let root_cert = options.root_certificates.clone();
        if root_cert.as_ref().is_some_and(|pem| {
            !pem.starts_with(b"-----BEGIN") && !pem.windows(12).any(|text| text == b"\n-----BEGIN ")
        }) {
            return Err(ConnectError::Options(
                "its root certificates are not in PEM form (-----BEGIN CERTIFICATE-----)".into(),
            ));
        }
        Ok(Self {
            certificates: root_cert
                .filter(|_| address.tls)
                .map(|pem| TlsCertificates {
                    client_tls: None,
                    root_cert: Some(pem),
                }),
            address,
            limit: options.connect_timeout,
            sentinel_user: options.sentinel_user.clone(),
        })
    }

    /// Opens a connection, on which an answer may take as long as `response` (`None`: it is for blocking commands, and
    /// whoever asks has a limit).
    pub(super) async fn open(
        &self,
        response: Option<Duration>,
    ) -> Result<Connection, ConnectError> {
        let opening = async {
            match &self.address.kind {
                Kind::Single => self.single(response).await,
                Kind::Sentinel { master } => self.sentinel(master, response).await,
                Kind::Cluster => self.cluster(response).await,
            }
        };
        match timeout(self.limit, opening).await {
            Ok(result) => result.map_err(|error| ConnectError::new(&error, &self.address)),
            Err(_) => Err(ConnectError::timeout(&self.address)),
        }
    }

    async fn single(&self, response: Option<Duration>) -> RedisResult<Connection> {
        let mut infos = self.infos()?;
        let info = infos.swap_remove(0);
        let client = match &self.certificates {
            Some(certificates) => Client::build_with_tls(info, certificates.clone())?,
            None => Client::open(info)?,
        };
        self.connect(&client, response).await
    }

    async fn connect(
        &self,
        client: &Client,
        response: Option<Duration>,
    ) -> RedisResult<Connection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.limit))
            .set_response_timeout(response);
        let connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        Ok(Connection::One(connection))
    }

    async fn sentinel(&self, master: &str, response: Option<Duration>) -> RedisResult<Connection> {
        let mut builder =
            SentinelClientBuilder::new(self.hosts(), master, SentinelServerType::Master)?
                .set_client_to_redis_db(self.address.database);
        if let Some(user) = &self.address.user {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = &self.address.password {
            builder = builder.set_client_to_redis_password(password);
        }
        if let Some(user) = &self.sentinel_user {
            builder = builder.set_client_to_sentinel_username(user);
        }
        if let Some(password) = &self.address.sentinel_password {
            builder = builder.set_client_to_sentinel_password(password);
        }
        if self.address.tls {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
        }
        if let Some(certificates) = &self.certificates {
            builder = builder
                .set_client_to_redis_certificates(certificates.clone())
                .set_client_to_sentinel_certificates(certificates.clone());
        }
        // Built anew each time: the library's keeps connections to Sentinels that may be gone.
        let client = builder.build()?.async_get_client().await?;
        self.connect(&client, response).await
    }

    async fn cluster(&self, response: Option<Duration>) -> RedisResult<Connection> {
        let mut builder: ClusterClientBuilder = ClusterClient::builder(self.infos()?)
            .retries(RETRIES)
            .connection_timeout(self.limit)
            .response_timeout(response.unwrap_or(Duration::from_secs(3600)))
            .overall_response_timeout(response);
        if let Some(certificates) = &self.certificates {
            builder = builder.certs(certificates.clone());
        }
        Ok(Connection::Cluster(
            builder.build()?.get_async_connection().await?,
        ))
    }

    fn hosts(&self) -> Vec<ConnectionAddr> {
        let tls = self.address.tls;
        let one = |(host, port): &(String, u16)| match tls {
            false => ConnectionAddr::Tcp(host.clone(), *port),
            true => ConnectionAddr::TcpTls {
                host: host.clone(),
                port: *port,
                insecure: false,
                tls_params: None,
            },
        };
        self.address.hosts.iter().map(one).collect()
    }

    fn infos(&self) -> RedisResult<Vec<ConnectionInfo>> {
        let mut settings = RedisConnectionInfo::default().set_db(self.address.database);
        if let Some(user) = &self.address.user {
            settings = settings.set_username(user);
        }
        if let Some(password) = &self.address.password {
            settings = settings.set_password(password);
        }
        let one = |host: ConnectionAddr| {
            Ok(host
                .into_connection_info()?
                .set_redis_settings(settings.clone()))
        };
        self.hosts().into_iter().map(one).collect()
    }
}
