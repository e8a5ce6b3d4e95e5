//! TLS, by rustls: the system's certificates, those of a file, or none at all.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Failure;
use crate::results::ErrorKind;
use crate::test::{Protocol, Target};

/// How to speak TLS with the target.
#[derive(Clone)]
pub(crate) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    /// For a target; `None` if it is spoken to in the clear.
    pub(crate) fn new(target: &Target) -> Result<Option<Self>, Failure> {
        if !target.is_tls {
            return Ok(None);
        }
        let failed = |message: String| Failure::new(ErrorKind::Tls, message);
        let name = ServerName::try_from(target.host.clone()).map_err(|_| {
            failed(format!(
                "{} is no name that a certificate can have",
                target.host
            ))
        })?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(error.to_string()))?;
        let mut config = if target.is_insecure {
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
                .with_no_client_auth()
        } else {
            builder
                .with_root_certificates(roots(target)?)
                .with_no_client_auth()
        };
        config.alpn_protocols = match target.protocol {
            Protocol::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Protocol::Http1 => vec![b"http/1.1".to_vec()],
            Protocol::Http2 => vec![b"h2".to_vec()],
        };
        let connector = TlsConnector::from(Arc::new(config));
        Ok(Some(Self { connector, name }))
    }

    pub(crate) async fn handshake(
        &self,
        stream: TcpStream,
        target: &Target,
    ) -> Result<TlsStream<TcpStream>, Failure> {
        let shaken = self.connector.connect(self.name.clone(), stream).await;
        shaken.map_err(|error| {
            let help = match error
                .get_ref()
                .and_then(|it| it.downcast_ref::<rustls::Error>())
            {
                Some(rustls::Error::InvalidCertificate(_)) if target.ca.is_none() => {
                    "; give the certificate that vouches for it (--ca), or --insecure to accept any"
                }
                Some(rustls::Error::InvalidCertificate(_)) => {
                    "; is it the right file of certificates?"
                }
                Some(rustls::Error::InvalidMessage(_)) => "; does this port speak TLS at all?",
                _ => "",
            };
            Failure::new(
                ErrorKind::Tls,
                format!("no TLS with {}: {error}{help}", target.authority()),
            )
        })
    }
}

fn roots(target: &Target) -> Result<RootCertStore, Failure> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(system.certs);
    if let Some(path) = &target.ca {
        let shown = path.display();
        let failed = |why: String| {
            Failure::new(
                ErrorKind::Tls,
                format!("cannot use the certificates of {shown}: {why}"),
            )
        };
        let mut count = 0;
        let all = CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?;
        for one in all {
            let one = one.map_err(|error| failed(error.to_string()))?;
            roots.add(one).map_err(|error| failed(error.to_string()))?;
            count += 1;
        }
        if count == 0 {
            return Err(failed("there is none in it".to_owned()));
        }
    }
    if roots.is_empty() {
        let message = "this system has no certificates that could vouch for a server; give some with --ca, or --insecure to accept any";
        return Err(Failure::new(ErrorKind::Tls, message));
    }
    Ok(roots)
}

/// Accepts whoever it is: for tests against a certificate that nobody vouches for. That the server has the certificate's key is checked still.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
