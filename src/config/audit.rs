//! The audit log: `AUDIT_SIGNING_KEY` and `AUDIT_ANCHOR`. `settings` reads them for the server, and tools read them alone.

use std::path::PathBuf;

use secrecy::ExposeSecret;
use service::{AnchorPlace, AuditLogSettings};
use store::DatabaseSettings;

use super::{
    environment::{Environment, environment},
    error::ConfigError,
    reader::{Command, Reader, SECRET_MIN},
    table::{AUDIT_ANCHOR, AUDIT_SIGNING_KEY},
    variables::Variables,
};

/// The settings of the audit log for tools.
///
/// # Errors
/// A setting is wrong.
pub fn audit_log_settings(variables: &Variables) -> Result<AuditLogSettings, ConfigError> {
    let mut read = Reader::new(variables, Command::Serve);
    read.production = environment(&mut read) == Environment::Production;
    let settings = audit_log(&mut read);
    read.finish(settings)
}

pub(super) fn audit_log(read: &mut Reader<'_>) -> AuditLogSettings {
    let signing = read.secret(&AUDIT_SIGNING_KEY);
    if let Some(secret) = signing.as_ref().filter(|_| read.production) {
        read.check_strength(AUDIT_SIGNING_KEY.name, secret, SECRET_MIN);
    }
    let anchor = read.secret_text(&AUDIT_ANCHOR).and_then(|place| {
        let parsed = anchor_place(place.expose_secret());
        parsed.map_err(|error| read.problem(format!("{}: {error}", AUDIT_ANCHOR.name))).ok()
    });
    AuditLogSettings { signing, anchor, sequencing: true }
}

/// The anchor that this text names: the URL of a database, or the path of a file.
///
/// # Errors
/// What is wrong with the URL.
pub fn anchor_place(text: &str) -> Result<AnchorPlace, String> {
    if !text.contains("://") {
        return Ok(AnchorPlace::File(PathBuf::from(text)));
    }
    let database = DatabaseSettings::parse(&text.to_owned().into()).map_err(|error| error.to_string())?;
    Ok(AnchorPlace::Database(Box::new(database)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_is_a_path_or_the_url_of_a_database() {
        assert!(matches!(anchor_place("/mnt/audit/anchor"), Ok(AnchorPlace::File(_))));
        assert!(matches!(anchor_place("postgres://a:b@host/anchors"), Ok(AnchorPlace::Database(_))));
        assert!(anchor_place("s3://bucket/anchor").is_err());
    }
}
