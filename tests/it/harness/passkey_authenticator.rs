//! A passkey authenticator in software, together with its browser. The keys and signatures are real.
//!
//! It answers the options of the server with the JSON that `toJSON()` gives in a browser (WebAuthn, 5.1 and 6.1). By default
//! all statements that it signs are true. A test can change a field, and so make a statement false.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ciborium::Value as Cbor;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::App;

/// The correct `type` in the client data of a registration.
const CREATE: &str = "webauthn.create";
/// The correct `type` in the client data of a sign-in or a step-up.
const GET: &str = "webauthn.get";

/// An authenticator, and the page that uses it.
pub(crate) struct PasskeyAuthenticator {
    /// The page's origin.
    pub(crate) origin: String,
    /// Whether the page is embedded in a page of another site.
    pub(crate) cross_origin: bool,
    /// The relying party of the signatures. `None`: the relying party of the passkey.
    pub(crate) relying_party: Option<String>,
    /// The kind of ceremony that the browser reports. `None`: the true kind.
    pub(crate) ceremony: Option<&'static str>,
    /// Whether the authenticator reports that the user was present.
    pub(crate) present: bool,
    /// Whether the authenticator reports that the user was verified.
    pub(crate) verified: bool,
    /// Whether the authenticator reports that its keys are synchronised with other devices.
    pub(crate) synced: bool,
    /// The user handle that the authenticator sends. `None`: that of the registration.
    pub(crate) user_handle: Option<Vec<u8>>,
    /// By how much each use of a passkey raises its counter. An authenticator without a counter has 0.
    pub(crate) step: u32,
    /// The passkeys, the oldest first.
    pub(crate) keys: Vec<Key>,
}

/// One passkey.
pub(crate) struct Key {
    /// The credential id.
    pub(crate) id: Vec<u8>,
    /// The signature counter.
    pub(crate) counter: u32,
    relying_party: String,
    user_handle: Vec<u8>,
    pair: EcdsaKeyPair,
}

impl Key {
    fn new(id: Vec<u8>, relying_party: &str, user_handle: Vec<u8>) -> Self {
        Self {
            id,
            counter: 0,
            relying_party: relying_party.to_owned(),
            user_handle,
            pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key"),
        }
    }

    /// The public key in COSE form (RFC 9053, 2.1 and 7.1.1).
    fn public(&self) -> Cbor {
        let point = self.pair.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        let pairs = [
            (1, Cbor::from(2)),
            (3, Cbor::from(-7)),
            (-1, Cbor::from(1)),
            (-2, Cbor::from(x)),
            (-3, Cbor::from(y)),
        ];
        Cbor::Map(pairs.into_iter().map(|(label, value)| (Cbor::from(label), value)).collect())
    }

    /// The bytes of the public key, as a server stores them.
    pub(crate) fn stored_public(&self) -> Vec<u8> {
        bytes_of(&self.public())
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(&SystemRandom::new(), message).expect("a signature").as_ref().to_vec()
    }
}

impl PasskeyAuthenticator {
    /// An authenticator with true statements, used on a page of the server's origin.
    pub(crate) fn of(app: &App) -> Self {
        Self {
            origin: format!("http://localhost:{}", app.address().port()),
            cross_origin: false,
            relying_party: None,
            ceremony: None,
            present: true,
            verified: true,
            synced: false,
            user_handle: None,
            step: 1,
            keys: Vec::new(),
        }
    }

    /// Makes a passkey, as `navigator.credentials.create` does.
    pub(crate) fn register(&mut self, options: &Value) -> Value {
        let unwanted = listed(&options["excludeCredentials"]);
        assert!(
            !self.keys.iter().any(|key| unwanted.contains(&key.id)),
            "the options exclude a passkey that is present"
        );
        self.register_as(uuid::Uuid::new_v4().into_bytes().repeat(2), options)
    }

    /// Makes a passkey with this credential id, even if the options exclude it.
    pub(crate) fn register_as(&mut self, id: Vec<u8>, options: &Value) -> Value {
        let mut key = Key::new(id, text(&options["rp"]["id"]), decoded(&options["user"]["id"]));
        key.counter += self.step;
        let client_data = self.client_data(CREATE, options);
        let mut data = self.data(&key, true);
        data.extend([0; 16]);
        data.extend(u16::try_from(key.id.len()).expect("a short id").to_be_bytes());
        data.extend(&key.id);
        data.extend(bytes_of(&key.public()));
        let attestation = Cbor::Map(vec![
            ("fmt".into(), "none".into()),
            ("attStmt".into(), Cbor::Map(Vec::new())),
            ("authData".into(), Cbor::Bytes(data)),
        ]);
        let response = json!({
            "clientDataJSON": encoded(&client_data),
            "attestationObject": encoded(&bytes_of(&attestation)),
            "transports": ["internal"],
        });
        let answer = answer_of(&key, &response);
        self.keys.push(key);
        answer
    }

    /// Whether the authenticator has the passkey that this descriptor names.
    pub(crate) fn holds(&self, descriptor: &Value) -> bool {
        let asked = listed(&Value::Array(vec![descriptor.clone()]));
        self.keys.iter().any(|key| asked.contains(&key.id))
    }

    /// Uses the newest passkey that the options allow, as `navigator.credentials.get` does. Without a list of allowed passkeys,
    /// uses the newest one of the relying party.
    pub(crate) fn assert(&mut self, options: &Value) -> Value {
        let allowed = listed(&options["allowCredentials"]);
        let relying_party = text(&options["rpId"]);
        let fits = |key: &Key| {
            key.relying_party == relying_party && (allowed.is_empty() || allowed.contains(&key.id))
        };
        let index = self.keys.iter().rposition(fits).expect("a passkey that the options allow");
        self.assert_with(index, options)
    }

    /// Uses this passkey, even if the options do not allow it.
    pub(crate) fn assert_with(&mut self, index: usize, options: &Value) -> Value {
        self.keys[index].counter += self.step;
        let key = &self.keys[index];
        let client_data = self.client_data(GET, options);
        let data = self.data(key, false);
        let signed = [data.as_slice(), &Sha256::digest(&client_data)].concat();
        let user = self.user_handle.as_ref().unwrap_or(&key.user_handle);
        let response = json!({
            "clientDataJSON": encoded(&client_data),
            "authenticatorData": encoded(&data),
            "signature": encoded(&key.sign(&signed)),
            "userHandle": encoded(user),
        });
        answer_of(key, &response)
    }

    /// The client data of the browser.
    fn client_data(&self, ceremony: &str, options: &Value) -> Vec<u8> {
        let data = json!({
            "type": self.ceremony.unwrap_or(ceremony),
            "challenge": options["challenge"],
            "origin": self.origin,
            "crossOrigin": self.cross_origin,
        });
        data.to_string().into_bytes()
    }

    /// The authenticator data up to the counter: relying party, flags and counter. With `with_key`, a flag states that a key
    /// follows.
    fn data(&self, key: &Key, with_key: bool) -> Vec<u8> {
        let relying_party = self.relying_party.as_ref().unwrap_or(&key.relying_party);
        let flags =
            [(self.present, 0x01), (self.verified, 0x04), (self.synced, 0x08 | 0x10), (with_key, 0x40)];
        let flags = flags.into_iter().filter(|(set, _)| *set).fold(0_u8, |all, (_, bit)| all | bit);
        let mut data = Sha256::digest(relying_party.as_bytes()).to_vec();
        data.push(flags);
        data.extend(key.counter.to_be_bytes());
        data
    }
}

fn answer_of(key: &Key, response: &Value) -> Value {
    json!({
        "id": encoded(&key.id),
        "rawId": encoded(&key.id),
        "type": "public-key",
        "authenticatorAttachment": "platform",
        "response": response,
        "clientExtensionResults": {},
    })
}

fn listed(credentials: &Value) -> Vec<Vec<u8>> {
    credentials.as_array().into_iter().flatten().map(|one| decoded(&one["id"])).collect()
}

fn bytes_of(value: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("CBOR");
    bytes
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decoded(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text(value)).unwrap_or_else(|error| panic!("{value}: {error}"))
}
