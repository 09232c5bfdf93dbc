//! Certificates from an authority: a real server orders them from `pebble`, by each challenge, and renews them.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use portcullis::tls::presented_chain;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::{
    harness::{
        Ask as _, Server,
        certificate_authority::{CertificateAuthority, EXTERNAL_KEY, Offer, is_skipped, mode, readiness},
        client, eventually,
    },
    serve::production_with,
};

/// The name of the servers.
const NAME: &str = "chat.example.com";
/// A certificate that outlives its test, in seconds.
const LONG: u64 = 86_400;

/// A server that orders from this authority, and has these settings, too.
fn server(authority: &CertificateAuthority, further: &[(&str, &str)]) -> Server {
    let settings = authority.settings();
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    production_with(&[&settings, further].concat())
}

fn tls_address(server: &Server) -> SocketAddr {
    let url = server.facts["https"].as_str().expect("TLS");
    url.strip_prefix("https://").expect("an address").parse().expect("an address")
}

fn offer(server: &Server, seconds: u64) -> Offer {
    let ports = (server.address().port(), tls_address(server).port());
    Offer { ports, seconds, external_account: false }
}

/// The certificate for a client that trusts only this root; `None` if the client refuses the server.
async fn served(server: &Server, root: &CertificateDer<'static>) -> Option<CertificateDer<'static>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).expect("a root");
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(tls_address(server)).await.expect("a connection");
    let name = ServerName::try_from(NAME).expect("a name");
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()?;
    Some(stream.get_ref().1.peer_certificates()?[0].clone())
}

/// The certificate that the server presents, whether clients accept it or not.
async fn presented(server: &Server) -> CertificateDer<'static> {
    let port = tls_address(server).port();
    let chain = tokio::task::spawn_blocking(move || presented_chain("127.0.0.1", port, NAME)).await;
    chain.expect("an answer").expect("a handshake").remove(0)
}

async fn has_notice(server: &Server, code: &str) -> bool {
    let ready = readiness(server.address()).await;
    ready["details"].as_array().is_some_and(|details| details.iter().any(|detail| detail["code"] == code))
}

/// The value of `acme_orders_total` for this outcome.
async fn orders(server: &Server, outcome: &str) -> u64 {
    let url = format!("{}/metrics", server.facts["metrics"].as_str().expect("an address"));
    let shown = client().build().expect("a client").get(url).ask().await.expect(200).text;
    let start = format!("acme_orders_total{{outcome=\"{outcome}\"}} ");
    let value = shown.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or("0");
    value.parse().expect("a number")
}

/// The file of the certificate of this server.
fn certificate_file(server: &Server, authority: &CertificateAuthority) -> PathBuf {
    let settings = authority.settings();
    let directory = settings.iter().find(|(name, _)| *name == "ACME_DIRECTORY_URL").expect("a directory");
    let digest = Sha256::digest(directory.1.as_bytes());
    let digest: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    server.data_dir().join("acme").join(format!("{NAME}-{digest}.pem"))
}

#[tokio::test]
async fn a_certificate_that_cannot_be_written_is_ordered_only_once() {
    if is_skipped() {
        return;
    }
    let mut authority = CertificateAuthority::new();
    let server = server(&authority, &[("METRICS_ADDR", "127.0.0.1:0")]);
    // A directory at the path of the file: a write fails, also for the superuser.
    let path = certificate_file(&server, &authority);
    std::fs::create_dir(&path).expect("a directory");
    authority.start(&offer(&server, LONG)).await;
    let root = authority.root().await;
    let failed = || server.log().matches("cannot replace").count();
    eventually("two failures", async || failed() >= 2).await;
    assert_eq!(authority.logged("Added order"), 1);
    std::fs::remove_dir(&path).expect("an empty directory");
    eventually("the certificate", async || served(&server, &root).await.is_some()).await;
    assert_eq!(authority.logged("Added order"), 1);
    assert_eq!(orders(&server, "issued").await, 1);
    assert!(orders(&server, "failed").await >= 2);
}

#[tokio::test]
async fn nothing_is_ordered_while_the_directory_of_the_files_cannot_be_written() {
    if is_skipped() {
        return;
    }
    let mut authority = CertificateAuthority::new();
    let server = server(&authority, &[]);
    eventually("the notice", async || has_notice(&server, "certificate_not_issued").await).await;
    let storage = server.data_dir().join("acme");
    std::fs::remove_dir(&storage).expect("an empty directory");
    std::fs::write(&storage, "no directory").expect("a file");
    authority.start(&offer(&server, LONG)).await;
    let root = authority.root().await;
    let failed = || server.log().matches("cannot write").count();
    let before = failed();
    eventually("a failure", async || failed() > before).await;
    assert_eq!(authority.logged("POST "), 0);
    std::fs::remove_file(&storage).expect("a file");
    eventually("the certificate", async || served(&server, &root).await.is_some()).await;
}

#[tokio::test]
async fn a_domain_with_capitals_is_validated_by_tls_alpn_01() {
    if is_skipped() {
        return;
    }
    let mut authority = CertificateAuthority::new();
    let server = server(&authority, &[("DOMAIN", "Chat.Example.com"), ("WEBAUTHN_RP_ID", NAME)]);
    authority.start(&offer(&server, LONG)).await;
    let root = authority.root().await;
    eventually("the certificate", async || served(&server, &root).await.is_some()).await;
}

#[tokio::test]
async fn a_certificate_is_issued_by_tls_alpn_01_although_the_authority_is_down_at_the_start() {
    if is_skipped() {
        return;
    }
    let mut authority = CertificateAuthority::new();
    let server = server(&authority, &[]);
    eventually("the notice", async || has_notice(&server, "certificate_not_issued").await).await;
    authority.start(&offer(&server, LONG)).await;
    let root = authority.root().await;
    eventually("the certificate", async || served(&server, &root).await.is_some()).await;
    eventually("the end of the notice", async || !has_notice(&server, "certificate_not_issued").await).await;
    let shows_end = async || readiness(server.address()).await["certificate_expires_at"].is_string();
    eventually("the end of the certificate", shows_end).await;
    let storage = server.data_dir().join("acme");
    assert_eq!(mode(&storage), 0o700);
    let files: Vec<_> =
        std::fs::read_dir(&storage).expect("files").map(|file| file.expect("a file")).collect();
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(files.iter().all(|file| mode(&file.path()) == 0o600));
    // After the validation, no handshake by the protocol of challenges is answered.
    let mut roots = RootCertStore::empty();
    roots.add(root).expect("a root");
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    let stream = TcpStream::connect(tls_address(&server)).await.expect("a connection");
    let name = ServerName::try_from(NAME).expect("a name");
    assert!(TlsConnector::from(Arc::new(config)).connect(name, stream).await.is_err());
}

#[tokio::test]
async fn a_certificate_is_issued_by_http_01_for_an_external_account_while_plain_http_redirects() {
    if is_skipped() {
        return;
    }
    let mut authority = CertificateAuthority::new();
    let (kid, key) = EXTERNAL_KEY;
    let server = server(
        &authority,
        &[
            ("ACME_CHALLENGE", "http-01"),
            ("API_REDIRECT", "true"),
            ("ACME_EAB_KEY_ID", kid),
            ("ACME_EAB_HMAC_KEY", key),
        ],
    );
    authority.start(&Offer { external_account: true, ..offer(&server, LONG) }).await;
    let root = authority.root().await;
    eventually("the certificate", async || served(&server, &root).await.is_some()).await;
    assert!(!server.log().contains(key));
}

#[tokio::test]
async fn a_certificate_is_renewed_and_stays_in_use_while_the_authority_is_down() {
    if is_skipped() {
        return;
    }
    let mut authority = CertificateAuthority::new();
    let server = server(&authority, &[("METRICS_ADDR", "127.0.0.1:0")]);
    let short = offer(&server, 9);
    authority.start(&short).await;
    let root = authority.root().await;
    eventually("the certificate", async || served(&server, &root).await.is_some()).await;
    let first = presented(&server).await;
    eventually("the renewal", async || served(&server, &root).await.is_some_and(|now| now != first)).await;
    authority.stop();
    let second = presented(&server).await;
    eventually("the notice", async || has_notice(&server, "certificate_renewal_failed").await).await;
    assert_eq!(presented(&server).await, second, "the former certificate is still served");
    // The authority comes back with another root, and without the account of the server.
    authority.start(&short).await;
    let root = authority.root().await;
    eventually("the next renewal", async || served(&server, &root).await.is_some()).await;
    let issued = |line: &Value| line["message"].as_str().is_some_and(|text| text.contains("has issued"));
    let log = server.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    assert!(lines.filter(issued).count() >= 3);
    assert!(orders(&server, "issued").await >= 3);
    assert!(orders(&server, "failed").await >= 1);
}
