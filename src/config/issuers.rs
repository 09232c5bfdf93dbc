//! `TOKEN_ISSUERS`, and the files that it names.

use std::path::Path;

use domain::issuer::{IssuerSettings, Strictness, configuration};

use super::{
    reader::{Reader, SECRET_MIN},
    table::TOKEN_ISSUERS,
};
use crate::secrets::{self, SecretsError};

/// A longer file is not a file of keys.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

pub(super) fn issuers(read: &mut Reader<'_>) -> Vec<IssuerSettings> {
    let Some(text) = read.text(&TOKEN_ISSUERS) else { return Vec::new() };
    let production = read.production;
    let strictness =
        Strictness { secret_bytes: if production { SECRET_MIN } else { 1 }, plain_loopback: !production };
    let mut warnings = Vec::new();
    let parsed = configuration::parse(&text, strictness, &mut |path, secret| {
        let (content, readable) = content(path)?;
        if secret && readable {
            warnings.push(format!("TOKEN_ISSUERS: every user of this machine may read {path}"));
        }
        Ok(content)
    });
    warnings.into_iter().for_each(|warning| read.warning(warning));
    match parsed {
        Ok(issuers) => issuers,
        Err(problems) => {
            for problem in problems {
                read.problem(format!("TOKEN_ISSUERS: {problem}"));
            }
            Vec::new()
        }
    }
}

/// The content of a file, and whether every user may read it. Keys decide which tokens are accepted, so other users must not be
/// able to write a file of keys, even of public keys.
fn content(path: &str) -> Result<(String, bool), String> {
    match secrets::read_operators(Path::new(path), MAX_FILE_BYTES) {
        Ok(given) => Ok((given.text.to_string(), given.readable_by_others)),
        Err(SecretsError::Io { source, .. }) => {
            Err(format!("{path}: the file cannot be read ({})", source.kind()))
        }
        Err(SecretsError::Unusable(_)) => Err(format!("{path}: more than {MAX_FILE_BYTES} bytes")),
        Err(error) => Err(error.to_string()),
    }
}
