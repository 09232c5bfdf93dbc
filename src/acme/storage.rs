//! The names of the files of ACME. Each directory of an authority has its own account and its own certificate, so a change of the
//! directory leads to a new order.

use std::path::PathBuf;

use aws_lc_rs::digest::{SHA256, digest};

use super::{account::credentials, http_client::HttpsClient, private_file::PrivateFile};
use crate::{config::AcmeSettings, tls};

/// The file of the account and its key.
pub(super) fn account_file(settings: &AcmeSettings) -> PathBuf {
    settings.storage.join(format!("account-{}.json", directory(settings)))
}

/// The file of the certificate and its key.
#[must_use]
pub fn certificate_file(settings: &AcmeSettings) -> PathBuf {
    settings.storage.join(format!("{}-{}.pem", settings.name, directory(settings)))
}

/// The problems of the files that are there, each with the setting that leads to the file.
#[must_use]
pub fn check_files(settings: &AcmeSettings) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some(path) = &settings.authorities
        && let Err(error) = HttpsClient::new(Some(path))
    {
        problems.push(error.to_string());
    }
    if let Err(error) = credentials(&PrivateFile::new(account_file(settings))) {
        problems.push(format!("DATA_DIR: {error}"));
    }
    let certificate = certificate_file(settings);
    if certificate.symlink_metadata().is_ok()
        && let Err(errors) = tls::check_operators(&certificate, &certificate)
    {
        problems.extend(errors.iter().map(|error| format!("DATA_DIR: {error}")));
    }
    problems
}

/// The beginning of the digest of the directory's address.
fn directory(settings: &AcmeSettings) -> String {
    let digest = digest(&SHA256, settings.directory_url.as_bytes());
    digest.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::AcmeChallenge, secrets};

    #[test]
    fn files_that_cannot_be_used_are_problems_that_name_setting_and_file() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root.pem");
        let settings = AcmeSettings {
            name: "chat.example.com".to_owned(),
            email: "ops@example.com".to_owned(),
            directory_url: "https://acme.example.com/directory".to_owned(),
            challenge: AcmeChallenge::TlsAlpn,
            authorities: Some(root.clone()),
            external_account: None,
            storage: directory.path().join("acme"),
        };
        let missing = check_files(&settings);
        assert!(missing.len() == 1 && missing[0].starts_with("ACME_CA_FILE: "), "{missing:?}");
        std::fs::write(&root, "no certificate").unwrap();
        secrets::make_private_dir(&settings.storage).unwrap();
        secrets::replace_private(&account_file(&settings), "no account").unwrap();
        secrets::replace_private(&certificate_file(&settings), "no certificate").unwrap();
        let problems = check_files(&settings);
        let is_named = |name: &str, path: &std::path::Path| {
            let path = path.display().to_string();
            problems.iter().any(|problem| problem.starts_with(name) && problem.contains(&path))
        };
        assert!(is_named("ACME_CA_FILE: ", &root), "{problems:?}");
        assert!(is_named("DATA_DIR: ", &account_file(&settings)), "{problems:?}");
        assert!(is_named("DATA_DIR: ", &certificate_file(&settings)), "{problems:?}");
    }
}
