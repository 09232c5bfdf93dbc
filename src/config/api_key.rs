//! The key of the server API that the settings may name.
//!
//! Used by `config` only.

use secrecy::SecretString;

use super::reader::Reader;

/// The shortest `API_KEY` that production accepts, in bytes.
const API_KEY_MIN: usize = 16;

pub(super) fn api_key(
    read: &mut Reader<'_>,
    base: Option<SecretString>,
    production: bool,
) -> Option<SecretString> {
    let key = read.secret("API_KEY").or(base)?;
    if production {
        read.check_strength("API_KEY", &key, API_KEY_MIN);
    }
    Some(key)
}
