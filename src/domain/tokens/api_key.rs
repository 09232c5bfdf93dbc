//! API keys of the server API: their format, and the methods that they permit.
//!
//! A key is `pck_<id>_<secret>`. The id has 32 hexadecimal digits, and a key is found by its id. The secret is 256 random bits
//! in base64url. Only the SHA-256 of the secret is stored. The hash needs no salt and no slow function, because the secret is
//! random.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

const PREFIX: &str = "pck_";
const SECRET_BYTES: usize = 32;

/// SHA-256 of a key's secret.
pub type KeyHash = [u8; 32];

/// A key as a client presents it, not verified yet.
pub struct PresentedKey {
    /// The public id that finds the key.
    pub id: Uuid,
    hash: KeyHash,
}

impl PresentedKey {
    /// Parses a key; `None` if the text has another format.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        let (id, secret) = key.strip_prefix(PREFIX)?.split_once('_')?;
        let id = Uuid::try_parse(id).ok().filter(|parsed| parsed.simple().to_string() == id)?;
        let secret = URL_SAFE_NO_PAD.decode(secret).ok().filter(|secret| secret.len() == SECRET_BYTES)?;
        Some(Self { id, hash: Sha256::digest(&secret).into() })
    }

    /// Whether this key has the stored hash. The comparison takes constant time.
    #[must_use]
    pub fn is(&self, stored: &[u8]) -> bool {
        self.hash.ct_eq(stored).into()
    }
}

/// A new key from 256 random bits: its text, which is shown once, and the hash, which is stored.
#[must_use]
pub fn new_key(id: Uuid, secret: &[u8; SECRET_BYTES]) -> (SecretString, KeyHash) {
    let text = format!("{PREFIX}{}_{}", id.simple(), URL_SAFE_NO_PAD.encode(secret));
    (text.into(), Sha256::digest(secret).into())
}

/// Whether two secrets of any length are equal. The comparison takes constant time.
#[must_use]
pub fn same(presented: &str, known: &SecretString) -> bool {
    let digest = |text: &str| -> [u8; 32] { Sha256::digest(text).into() };
    digest(presented).ct_eq(&digest(known.expose_secret())).into()
}

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        /// A group of methods that a key may call.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ApiScope { $($(#[$doc])* $name,)* }

        impl ApiScope {
            /// Every scope.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stored word.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

scopes! {
    /// `publish`, `broadcast`.
    Publish = "publish";
    /// `presence`, `presence_stats`, `history`, `channels`, `info`.
    Channels = "channels";
    /// `history_remove`.
    History = "history";
    /// `subscribe`, `unsubscribe`, `disconnect`, `refresh`, `connections`.
    Connections = "connections";
    /// `block_user`, `unblock_user`, `revoke_token`, `invalidate_user_tokens`.
    Tokens = "tokens";
    /// Streams of security events.
    Events = "events";
}

/// The methods that a key may call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiScopes(Vec<ApiScope>);

impl ApiScopes {
    const EVERYTHING: &'static str = "*";

    /// All methods.
    #[must_use]
    pub fn everything() -> Self {
        Self(ApiScope::ALL.to_vec())
    }

    /// Whether the key may call the methods of this scope.
    #[must_use]
    pub fn contains(&self, scope: ApiScope) -> bool {
        self.0.contains(&scope)
    }

    /// Parses the stored words. A word that this version does not know permits nothing.
    #[must_use]
    pub fn stored(words: &[String]) -> Self {
        let known = words.iter().filter_map(|word| word.parse::<Self>().ok());
        Self::joined(known)
    }

    /// The stored words.
    #[must_use]
    pub fn words(&self) -> Vec<&'static str> {
        if self.0.len() == ApiScope::ALL.len() {
            return vec![Self::EVERYTHING];
        }
        self.0.iter().map(|scope| scope.as_str()).collect()
    }

    /// The union of these scopes.
    #[must_use]
    pub fn joined(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut scopes: Vec<ApiScope> = parts.into_iter().flat_map(|part| part.0).collect();
        scopes.sort_unstable();
        scopes.dedup();
        Self(scopes)
    }
}

impl fmt::Display for ApiScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().join(","))
    }
}

/// A word that names no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of publish, channels, history, connections, tokens, events and *")]
pub struct UnknownScope(String);

/// Parses one word: a scope, or `*` for all scopes.
impl FromStr for ApiScopes {
    type Err = UnknownScope;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        if word == Self::EVERYTHING {
            return Ok(Self::everything());
        }
        let scope = ApiScope::ALL.iter().find(|scope| scope.as_str() == word);
        scope.map(|scope| Self(vec![*scope])).ok_or_else(|| UnknownScope(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> (Uuid, String, KeyHash) {
        let id = Uuid::from_u128(7);
        let (text, hash) = new_key(id, &[9; 32]);
        (id, text.expose_secret().to_owned(), hash)
    }

    #[test]
    fn a_key_is_read_as_it_was_made() {
        let (id, text, hash) = key();
        let read = PresentedKey::parse(&text).unwrap();
        assert_eq!(read.id, id);
        assert!(read.is(&hash));
        assert_eq!(text.len(), 4 + 32 + 1 + 43);
    }

    #[test]
    fn a_key_with_another_secret_is_refused() {
        let (_, text, hash) = key();
        let other = new_key(Uuid::from_u128(7), &[8; 32]).0;
        assert!(!PresentedKey::parse(other.expose_secret()).unwrap().is(&hash));
        assert!(!PresentedKey::parse(&text).unwrap().is(&hash[..31]));
    }

    #[test]
    fn a_key_in_another_spelling_is_refused() {
        let (_, text, _) = key();
        let hyphenated =
            text.replacen(&Uuid::from_u128(7).simple().to_string(), &Uuid::from_u128(7).to_string(), 1);
        for wrong in
            ["", "pck_", "pck__", &text[1..], &text[..text.len() - 1], &hyphenated, &format!("{text}A")]
        {
            assert!(PresentedKey::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn scopes_are_stored_in_words_and_an_unknown_word_permits_nothing() {
        let words = |scopes: &[&str]| scopes.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let two = ApiScopes::stored(&words(&["tokens", "publish", "future"]));
        assert!(two.contains(ApiScope::Publish) && two.contains(ApiScope::Tokens));
        assert!(!two.contains(ApiScope::Connections));
        assert_eq!(two.words(), ["publish", "tokens"]);
        assert_eq!(ApiScopes::stored(&words(&["*"])), ApiScopes::everything());
        assert_eq!(ApiScopes::everything().words(), ["*"]);
        assert!("everything".parse::<ApiScopes>().is_err());
    }

    #[test]
    fn secrets_of_different_lengths_are_never_equal() {
        let known = SecretString::from("a key of the settings");
        assert!(same("a key of the settings", &known));
        assert!(!same("a key of the setting", &known) && !same("", &known));
    }

    proptest! {
        #[test]
        fn no_presented_text_makes_the_parser_panic(text in "\\PC{0,100}") {
            let _ = PresentedKey::parse(&text);
        }
    }
}
