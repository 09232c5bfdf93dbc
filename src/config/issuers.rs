//! `TOKEN_ISSUERS`, and the files that it names.

use std::{fs, path::Path};

use domain::issuer::{IssuerSettings, Strictness, configuration};

use super::{
    reader::{Reader, SECRET_MIN},
    table::TOKEN_ISSUERS,
};

/// A longer file is not a file of keys.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

pub(super) fn issuers(read: &mut Reader<'_>) -> Vec<IssuerSettings> {
    let Some(text) = read.text(&TOKEN_ISSUERS) else { return Vec::new() };
    let production = read.production;
    let strictness =
        Strictness { secret_bytes: if production { SECRET_MIN } else { 1 }, plain_loopback: !production };
    match configuration::parse(&text, strictness, &mut |path, secret| content(path, secret && production)) {
        Ok(issuers) => issuers,
        Err(problems) => {
            for problem in problems {
                read.problem(format!("TOKEN_ISSUERS: {problem}"));
            }
            Vec::new()
        }
    }
}

fn content(path: &str, private: bool) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("{path}: the file cannot be read ({})", error.kind());
    let metadata = fs::metadata(Path::new(path)).map_err(unreadable)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if private && metadata.permissions().mode() & 0o007 != 0 {
            return Err(format!("{path}: every user of this machine may read the file"));
        }
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(format!("{path}: more than {MAX_FILE_BYTES} bytes"));
    }
    fs::read_to_string(path).map_err(unreadable)
}
