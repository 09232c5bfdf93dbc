//! Hashes in base64, in documents of JSON.

/// One hash.
pub(super) mod one {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use crate::transparency_log::hash::Hash;

    pub(crate) fn serialize<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(hash))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hash, D::Error> {
        let text = String::deserialize(deserializer)?;
        read(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is no hash in base64")))
    }

    pub(super) fn read(text: &str) -> Option<Hash> {
        STANDARD.decode(text).ok()?.try_into().ok()
    }
}

/// A list of hashes.
pub(super) mod list {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use super::one::read;
    use crate::transparency_log::hash::Hash;

    pub(crate) fn serialize<S: Serializer>(hashes: &[Hash], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(hashes.iter().map(|hash| STANDARD.encode(hash)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Hash>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let wrong = |text: &String| D::Error::custom(format!("`{text}` is no hash in base64"));
        texts.iter().map(|text| read(text).ok_or_else(|| wrong(text))).collect()
    }
}
