//! An authority, and the certificates that it signs for servers and clients.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use portcullis::tls::{Authority, PairPaths, Validity, new_authority};
use rcgen::{CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber};
use reqwest::{Certificate, ClientBuilder, Identity};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use time::{Duration, OffsetDateTime};

use super::{App, TlsStream, client, scratch_dir, tls_connection};

/// An authority with its files in a directory of its own.
pub(crate) struct Certificates {
    directory: tempfile::TempDir,
    authority: Authority,
}

impl Certificates {
    pub(crate) fn new() -> Self {
        let directory = scratch_dir();
        let pair = PairPaths::of(&directory.path().join("ca"));
        let made = new_authority("An authority of tests", valid(10)).expect("an authority");
        pair.write(&made, false).expect("the files of the authority");
        let authority = Authority::load(&pair.certificate, &pair.key).expect("the authority");
        Self { directory, authority }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The file with the certificate of the authority.
    pub(crate) fn authority_file(&self) -> PathBuf {
        self.path().join("ca.crt")
    }

    /// A new certificate for localhost and its key, in files of this name.
    pub(crate) fn server(&self, name: &str, days: u32) -> PairPaths {
        let pair = PairPaths::of(&self.path().join(name));
        std::fs::create_dir_all(pair.certificate.parent().expect("a directory")).expect("a directory");
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let made = self.authority.server(&names, valid(days)).expect("a certificate");
        pair.write(&made, true).expect("the files of the certificate");
        pair
    }

    /// A certificate of a server that expired a day ago.
    pub(crate) fn expired_server(&self, name: &str) -> PairPaths {
        let pair = PairPaths::of(&self.path().join(name));
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let made = self.authority.server(&names, expired()).expect("a certificate");
        pair.write(&made, true).expect("the files of the certificate");
        pair
    }

    /// A certificate of a client of this name, and its key, in files.
    pub(crate) fn client_files(&self, name: &str) -> PairPaths {
        let pair = PairPaths::of(&self.path().join(name));
        std::fs::create_dir_all(pair.certificate.parent().expect("a directory")).expect("a directory");
        let subject = name.rsplit('/').next().unwrap_or(name);
        let made = self.authority.client(subject, valid(5)).expect("a certificate");
        pair.write(&made, true).expect("the files of the certificate");
        pair
    }

    /// A certificate that proves a client of this name.
    pub(crate) fn client(&self, name: &str) -> Identity {
        self.client_in(name, valid(5))
    }

    /// As [`Self::client`], but the certificate expired a day ago.
    pub(crate) fn expired_client(&self, name: &str) -> Identity {
        self.client_in(name, expired())
    }

    fn client_in(&self, name: &str, validity: Validity) -> Identity {
        ClientPair::new(&self.authority, name, validity).identity()
    }

    /// As [`Self::client`], for a client that knows its certificate and key.
    pub(crate) fn client_pair(&self, name: &str) -> ClientPair {
        ClientPair::new(&self.authority, name, valid(5))
    }

    /// The certificate of a client that ends this soon.
    pub(crate) fn client_pair_for(&self, name: &str, left: Duration) -> ClientPair {
        let now = OffsetDateTime::now_utc() - Duration::days(1) + left;
        ClientPair::new(&self.authority, name, Validity { now, days: 1 })
    }

    /// Writes the list of the authority's revoked certificates, and returns its path.
    pub(crate) fn revoke(&self, revoked: &[&ClientPair]) -> PathBuf {
        let now = OffsetDateTime::now_utc();
        self.write_list(revoked, now - Duration::hours(1), now + Duration::days(5))
    }

    /// As [`Self::revoke`], for a list that has ended.
    pub(crate) fn expired_list(&self) -> PathBuf {
        let now = OffsetDateTime::now_utc();
        self.write_list(&[], now - Duration::days(2), now - Duration::days(1))
    }

    fn write_list(&self, revoked: &[&ClientPair], from: OffsetDateTime, to: OffsetDateTime) -> PathBuf {
        let file =
            |name: &str| std::fs::read_to_string(self.path().join(name)).expect("a file of the authority");
        let key = KeyPair::from_pem(&file("ca.key")).expect("the key of the authority");
        let issuer = Issuer::from_ca_cert_pem(&file("ca.crt"), key).expect("the authority");
        let revoked_cert = |pair: &&ClientPair| RevokedCertParams {
            serial_number: pair.serial(),
            revocation_time: from,
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: from,
            next_update: to,
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(revoked_cert).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let pem = list.signed_by(&issuer).and_then(|list| list.pem()).expect("a list");
        let (draft, path) = (self.path().join("ca.crl.new"), self.path().join("ca.crl"));
        std::fs::write(&draft, pem).expect("a file");
        std::fs::rename(draft, &path).expect("the file replaces the former one");
        path
    }

    /// The first certificate in this PEM text.
    pub(crate) fn der(&self, pem: &[u8]) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(pem).expect("a certificate")
    }

    /// The certificate that a new connection to this address gets.
    pub(crate) async fn served_at(&self, address: SocketAddr) -> CertificateDer<'static> {
        let stream = tls_connection::connect_tls(address, &self.authority_file()).await;
        stream.get_ref().1.peer_certificates().expect("a certificate")[0].clone()
    }

    /// The TLS settings of a client that trusts this authority and shows this certificate. Connections with the same value can
    /// resume the sessions of earlier ones.
    pub(crate) fn tls_client(&self, pair: &ClientPair) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_file(self.authority_file()).expect("a certificate");
        roots.add(root).expect("a certificate to trust");
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("a key");
        let chain = vec![self.der(pair.certificate.as_bytes())];
        ClientConfig::builder()
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .expect("a certificate and its key")
    }

    /// A REST client that trusts only the servers of this authority, and uses a new connection for each request.
    pub(crate) fn rest(&self) -> ClientBuilder {
        let pem = std::fs::read(self.authority_file()).expect("the certificate of the authority");
        let certificate = Certificate::from_pem(&pem).expect("a certificate");
        client().tls_certs_only([certificate]).pool_max_idle_per_host(0)
    }

    /// A TLS connection to the server, which must have a certificate of this authority.
    pub(crate) async fn connect(&self, app: &App) -> TlsStream {
        tls_connection::connect_tls(app.tls_address(), &self.authority_file()).await
    }
}

/// The certificate of a client and its key, in PEM form.
pub(crate) struct ClientPair {
    certificate: String,
    key: String,
}

impl ClientPair {
    fn new(authority: &Authority, name: &str, validity: Validity) -> Self {
        let made = authority.client(name, validity).expect("a certificate");
        Self { certificate: made.certificate, key: made.key.as_str().to_owned() }
    }

    pub(crate) fn identity(&self) -> Identity {
        let pem = format!("{}{}", self.certificate, self.key);
        Identity::from_pem(pem.as_bytes()).expect("a certificate and its key")
    }

    fn serial(&self) -> SerialNumber {
        let der = CertificateDer::from_pem_slice(self.certificate.as_bytes()).expect("a certificate");
        let (_, parsed) = x509_parser::parse_x509_certificate(&der).expect("a certificate");
        SerialNumber::from_slice(parsed.raw_serial())
    }
}

fn valid(days: u32) -> Validity {
    Validity { now: OffsetDateTime::now_utc(), days }
}

fn expired() -> Validity {
    Validity { now: OffsetDateTime::now_utc() - Duration::days(2), days: 1 }
}
