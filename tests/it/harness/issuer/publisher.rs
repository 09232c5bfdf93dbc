//! An issuer's HTTP server that publishes keys, with or without TLS. A test can make it fail.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use portcullis::config::Settings;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, pem::PemObject as _},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::{compact, configure, signed_with};

/// How the issuer's server answers a request for the keys.
#[derive(Clone)]
pub(crate) enum Way {
    /// With 503.
    Unavailable,
    /// With this text.
    Text(String),
    /// With a redirect to this address, and with this text.
    Elsewhere(String, String),
    /// Not at all.
    Never,
    /// With an endless body.
    Endless,
}

/// An issuer that publishes its keys.
pub(crate) struct Publisher {
    keys: Mutex<HashMap<String, Arc<EcdsaKeyPair>>>,
    address: SocketAddr,
    /// With TLS: a file with the certificate of the authority that signed the certificate of this server, in PEM form.
    authority: Option<tempfile::NamedTempFile>,
    shared: Arc<Shared>,
}

struct Shared {
    asked: AtomicUsize,
    way: Mutex<Way>,
}

impl Publisher {
    /// An issuer that does not publish its keys yet.
    pub(crate) async fn silent() -> Self {
        Self::listening(None, None).await
    }

    /// As [`Self::silent`], but over TLS, with a certificate of a private authority.
    pub(crate) async fn over_tls() -> Self {
        let (authority, config) = certified();
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), authority).expect("a file to write");
        Self::listening(Some(TlsAcceptor::from(Arc::new(config))), Some(file)).await
    }

    async fn listening(tls: Option<TlsAcceptor>, authority: Option<tempfile::NamedTempFile>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared { asked: AtomicUsize::new(0), way: Mutex::new(Way::Unavailable) });
        let publisher = Self { keys: Mutex::default(), address, authority, shared: Arc::clone(&shared) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, tls) = (Arc::clone(&shared), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        // A client sends a request only if it trusts the certificate.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                shared.answer(stream).await;
                            }
                        }
                        None => shared.answer(stream).await,
                    }
                });
            }
        });
        publisher
    }

    /// Publishes the key `current` from now on.
    pub(crate) fn publish(&self) {
        self.publish_only(&["current"]);
    }

    /// Publishes exactly these keys from now on.
    pub(crate) fn publish_only(&self, kids: &[&str]) {
        self.answer_with(self.key_set(kids));
    }

    /// Answers with this body from now on.
    pub(crate) fn answer_with(&self, body: String) {
        self.answer(Way::Text(body));
    }

    /// Answers in this way from now on.
    pub(crate) fn answer(&self, way: Way) {
        *self.shared.way.lock() = way;
    }

    /// The JSON Web Key Set of these keys.
    pub(crate) fn key_set(&self, kids: &[&str]) -> String {
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let published = |kid: &&str| {
            let pair = self.key(kid);
            let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
            json!({"kty": "EC", "crv": "P-256", "kid": kid, "use": "sig", "x": part(x), "y": part(y)})
        };
        json!({"keys": kids.iter().map(published).collect::<Vec<_>>()}).to_string()
    }

    /// How often the keys were requested.
    pub(crate) fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::Relaxed)
    }

    /// A token that is signed with the key of this name.
    pub(crate) fn signed(&self, kid: &str, claims: &Value) -> String {
        let pair = self.key(kid);
        compact(&json!({"alg": "ES256", "kid": kid}), claims, |message| {
            pair.sign(&SystemRandom::new(), message).expect("a signature").as_ref().to_vec()
        })
    }

    /// A token that is signed with the published key set as if it were a shared secret.
    pub(crate) fn confused(&self, claims: &Value) -> String {
        signed_with(&self.key_set(&["current"]), &json!({"alg": "HS256", "kid": "current"}), claims)
    }

    /// Configures a server to accept this issuer's tokens, and to trust the authority of its certificate if it uses TLS.
    pub(crate) fn trusted_by(&self, settings: &mut Settings) {
        self.trusted_through(settings, self.authority_file());
    }

    /// As [`Self::trusted_by`], but with this authority, or without one.
    pub(crate) fn trusted_through(&self, settings: &mut Settings, authority: Option<&Path>) {
        configure(settings, &json!([self.entry(authority)]));
    }

    /// As [`Self::trusted_by`], but only if the issuer has a public address. This one has none.
    pub(crate) fn trusted_if_public(&self, settings: &mut Settings) {
        let mut entry = self.entry(self.authority_file());
        entry["public_address"] = json!(true);
        configure(settings, &json!([entry]));
    }

    fn entry(&self, authority: Option<&Path>) -> Value {
        let keys = json!({"jwks_url": self.url()});
        json!({"name": "id", "keys": keys, "algorithms": ["ES256"], "ca_file": authority})
    }

    /// The URL of the keys.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        // The host must be a name, because the certificate is issued for it.
        format!("{scheme}://localhost:{}/keys", self.address.port())
    }

    /// The file with the certificate of the authority. `None` without TLS.
    pub(crate) fn authority_file(&self) -> Option<&Path> {
        self.authority.as_ref().map(tempfile::NamedTempFile::path)
    }

    fn key(&self, kid: &str) -> Arc<EcdsaKeyPair> {
        let made = || Arc::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"));
        Arc::clone(self.keys.lock().entry(kid.to_owned()).or_insert_with(made))
    }
}

impl Shared {
    async fn answer(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        if !matches!(stream.read(&mut [0; 4096]).await, Ok(1..)) {
            return;
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        let way = self.way.lock().clone();
        let (status, more, body) = match way {
            Way::Unavailable => ("503 Unavailable", String::new(), String::new()),
            Way::Text(body) => ("200 OK", String::new(), body),
            Way::Elsewhere(url, body) => ("302 Found", format!("location: {url}\r\n"), body),
            // Waits until the client closes the connection.
            Way::Never => return drop(stream.read(&mut [0; 1]).await),
            Way::Endless => return endless(&mut stream).await,
        };
        let head =
            format!("HTTP/1.1 {status}\r\n{more}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
        let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

async fn endless(stream: &mut (impl AsyncWrite + Unpin)) {
    let mut part = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec();
    while stream.write_all(&part).await.is_ok() {
        part = vec![b' '; 64 * 1024];
    }
}

/// The certificate of a new authority, and the TLS configuration of a server with a certificate that this authority signed.
fn certified() -> (String, ServerConfig) {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority =
        CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
    let pair = KeyPair::generate().expect("a key");
    let server = CertificateParams::new(["localhost".to_owned()])
        .and_then(|params| params.signed_by(&pair, &authority))
        .expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(pair.serialize_pem().as_bytes()).expect("a key");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![server.der().clone()], key)
        .expect("a server's settings");
    (authority.pem(), config)
}
