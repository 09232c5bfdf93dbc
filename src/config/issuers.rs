//! `TOKEN_ISSUERS`, and the files that it names.

use std::path::{Path, PathBuf};

use domain::issuer::{IssuerSettings, Strictness, configuration};

use super::{
    reader::{Reader, SECRET_MIN},
    table::TOKEN_ISSUERS,
};
use crate::secrets::{self, SecretsError};

/// The longest file of keys, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The issuers, and the files of keys that the setting names.
pub(super) fn issuers(read: &mut Reader<'_>) -> (Vec<IssuerSettings>, Vec<PathBuf>) {
    let mut files = Vec::new();
    let Some(text) = read.text(&TOKEN_ISSUERS) else { return (Vec::new(), files) };
    let production = read.production;
    let strictness =
        Strictness { secret_bytes: if production { SECRET_MIN } else { 1 }, plain_loopback: !production };
    let mut warnings = Vec::new();
    let parsed = configuration::parse(&text, strictness, &mut |path, secret| {
        files.push(PathBuf::from(path));
        let (content, readable) = content(path)?;
        if secret && readable {
            warnings.push(format!("TOKEN_ISSUERS: every user of this machine may read {path}"));
        }
        Ok(content)
    });
    warnings.into_iter().for_each(|warning| read.warning(warning));
    match parsed {
        Ok(issuers) => (issuers, files),
        Err(problems) => {
            for problem in problems {
                read.problem(format!("TOKEN_ISSUERS: {problem}"));
            }
            (Vec::new(), files)
        }
    }
}

/// The content of a file, and whether every user of this machine may read the file. Keys decide which tokens are accepted. So a
/// file of keys is refused if users other than its owner may change it, even if the keys are public.
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
