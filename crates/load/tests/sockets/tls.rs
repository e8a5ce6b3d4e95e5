//! TLS: who is believed, and what is said if not.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::http2::serve_http2;
use super::{done, rate, test, tried};
use tenfold_load::test::Protocol;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// A server of HTTP/2 behind TLS.
fn server() -> SocketAddr {
    let certificate =
        CertificateDer::from_pem_file(fixture("certificate.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(fixture("key.pem")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions");
    let mut config = config
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a pair");
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    super::http2::server(move |listener: TcpListener| async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve_http2(stream).await;
                }
            });
        }
    })
}

#[test]
fn a_server_that_nobody_vouches_for_is_refused_and_the_message_says_what_to_do() {
    let mut test = test(server(), vec![rate(10.0, 60.0)]);
    (test.target.is_tls, test.target.protocol) = (true, Protocol::Auto);
    let error = tried(test).expect_err("it is not trusted");
    assert!(
        error.message.contains("--insecure") && error.message.contains("invalid peer certificate"),
        "{error}"
    );
}

#[test]
fn its_certificate_or_the_switch_makes_it_trusted_and_http2_is_chosen() {
    let address = server();
    for is_insecure in [true, false] {
        let mut test = test(address, vec![rate(40.0, 0.5)]);
        (test.target.is_tls, test.target.protocol) = (true, Protocol::Auto);
        test.target.is_insecure = is_insecure;
        test.target.ca = (!is_insecure).then(|| fixture("certificate.pem"));
        let results = done(test);
        assert_eq!(
            (results.total.done, results.total.failed),
            (20, 0),
            "{:?}",
            results.errors
        );
    }
}

#[test]
fn a_port_without_tls_is_said_to_be_one() {
    let origin = tenfold_testkit::origin::Origin::saying("plain");
    let mut test = test(origin.address(), vec![rate(10.0, 60.0)]);
    test.target.is_tls = true;
    test.target.connect_timeout = std::time::Duration::from_millis(500);
    let error = tried(test).expect_err("it speaks no TLS");
    assert!(error.message.contains("no TLS with 127.0.0.1"), "{error}");
}
