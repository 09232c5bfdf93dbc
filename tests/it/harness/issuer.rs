//! Another identity provider: it signs tokens for connections and subscriptions, and publishes its keys where a test wants.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use portcullis::{
    config::Settings,
    domain::issuer::{Strictness, configuration},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// The secret that [`shared_with`] shares.
pub(crate) const SECRET: &str = "what corp and the tests know";

/// Takes tokens of the issuer `corp`, which are signed with a shared secret, in the settings of a server.
pub(crate) fn shared_with(settings: &mut Settings) {
    configure(settings, &json!([{"name": "corp", "keys": {"hmac": [SECRET]}, "algorithms": ["HS256"]}]));
}

pub(crate) fn configure(settings: &mut Settings, issuers: &Value) {
    let lenient = Strictness { secret_bytes: 1, plain_loopback: true };
    let parsed = configuration::parse(&issuers.to_string(), lenient, &mut |path, _| Err(path.to_owned()));
    settings.issuers = parsed.expect("issuers");
}

/// Seconds since the epoch.
pub(crate) fn now() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}

/// A token under the shared secret.
pub(crate) fn signed(claims: &Value) -> String {
    signed_with(SECRET, &json!({"alg": "HS256", "typ": "JWT"}), claims)
}

pub(crate) fn signed_with(secret: &str, header: &Value, claims: &Value) -> String {
    compact(header, claims, |message| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), message).as_ref().to_vec()
    })
}

pub(crate) fn compact(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// An issuer that publishes its keys.
pub(crate) struct Publisher {
    pair: EcdsaKeyPair,
    pub(crate) address: SocketAddr,
    asked: Arc<AtomicUsize>,
    answer: Arc<Mutex<Option<String>>>,
}

impl Publisher {
    /// One whose keys cannot be had yet.
    pub(crate) async fn silent() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("an address");
        let publisher = Self { pair, address, asked: Arc::default(), answer: Arc::default() };
        let (asked, answer) = (Arc::clone(&publisher.asked), Arc::clone(&publisher.answer));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                asked.fetch_add(1, Ordering::Relaxed);
                let answer = answer.lock().clone();
                let _ = stream.read(&mut [0; 4096]).await;
                let (status, body) =
                    answer.map_or(("503 Unavailable", String::new()), |body| ("200 OK", body));
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            }
        });
        publisher
    }

    /// From here on they can.
    pub(crate) fn publish(&self) {
        self.answer_with(self.set());
    }

    /// What it answers from here on.
    pub(crate) fn answer_with(&self, body: String) {
        *self.answer.lock() = Some(body);
    }

    fn set(&self) -> String {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "current", "use": "sig", "x": part(x), "y": part(y)}]})
            .to_string()
    }

    /// How often somebody asked for them.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// A token under the key of this name; only `current` is published.
    pub(crate) fn signed(&self, kid: &str, claims: &Value) -> String {
        compact(&json!({"alg": "ES256", "kid": kid}), claims, |message| {
            self.pair.sign(&SystemRandom::new(), message).expect("a signature").as_ref().to_vec()
        })
    }

    /// A token that takes what is published for a shared secret.
    pub(crate) fn confused(&self, claims: &Value) -> String {
        signed_with(&self.set(), &json!({"alg": "HS256", "kid": "current"}), claims)
    }

    /// Takes this issuer's tokens in the settings of a server.
    pub(crate) fn trusted_by(&self, settings: &mut Settings) {
        let keys = json!({"jwks_url": format!("http://{}/keys", self.address)});
        configure(settings, &json!([{"name": "id", "keys": keys, "algorithms": ["ES256"]}]));
    }
}
