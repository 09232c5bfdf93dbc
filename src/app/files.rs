//! Opens the files that the settings name: the location databases, which the server keeps in memory. The certificate with its
//! key, and the authorities of client certificates, are only checked here: the listeners read them later. So are the files of ACME,
//! and those for the encrypted connection to the database.

use service::geo::{Database, Geo};
use store::StoreError;

use super::mail::mail_settings;
use crate::{
    acme::{self, certificate_file},
    config::{Draft, Listen},
    tls::{self, ClientFiles, ReadAuthority, TlsError, TlsFiles},
};

/// Opens the location databases that the settings name, checks the certificate and its key, and completes the draft. Then the
/// draft has every problem of the settings and of the files.
#[must_use]
pub fn open_files(mut draft: Draft) -> Draft {
    let mut databases = Vec::new();
    for (name, path) in draft.settings.geo_files.clone().named() {
        match Database::open(path) {
            Ok(database) => databases.push(database),
            Err(error) => draft.problem(format!("{name}: {error}")),
        }
    }
    if let Some(Err(error)) = client_files(&draft.settings.listen).map(ReadAuthority::read) {
        let name = if matches!(error, TlsError::Lists { .. }) { "CLIENT_CRL_FILE" } else { "CLIENT_CA_FILE" };
        draft.problem(format!("{name}: {error}"));
    }
    if let Err(error) = draft.settings.database.check_files() {
        let database = draft.settings.database.to_string();
        draft.problem(format!("the database {database} cannot be used: {}", reason(&error)));
    }
    if !databases.is_empty() {
        draft.settings.geo = Geo::new(databases);
    }
    check_certificate(&mut draft);
    if let Err(problem) = mail_settings(&draft.settings, &[]) {
        draft.problem(problem);
    }
    for problem in draft.settings.listen.acme.as_ref().map(acme::check_files).unwrap_or_default() {
        draft.problem(problem);
    }
    draft
}

/// The files of client certificates.
pub(super) fn client_files(listen: &Listen) -> Option<ClientFiles> {
    let authorities = listen.client_ca.clone()?;
    Some(ClientFiles { authorities, revoked: listen.client_crl.clone() })
}

/// The files of the TLS port. `None` without a certificate.
pub(super) fn tls_files(listen: &Listen) -> Option<TlsFiles> {
    let clients = client_files(listen);
    if let Some(acme) = &listen.acme {
        let file = certificate_file(acme);
        let ordered_for = Some(acme.name.clone());
        return Some(TlsFiles { certificate: file.clone(), key: file, ordered_for, clients });
    }
    let (certificate, key) = listen.certificate.clone()?;
    Some(TlsFiles { certificate, key, ordered_for: None, clients })
}

/// The text of the error without its kind.
fn reason(error: &StoreError) -> String {
    match error {
        StoreError::Unavailable(reason) | StoreError::Internal(reason) => reason.clone(),
        other => other.to_string(),
    }
}

fn check_certificate(draft: &mut Draft) {
    let Some((certificate, key)) = draft.settings.listen.certificate.clone() else { return };
    match tls::check_operators(&certificate, &key) {
        Ok(false) => {}
        Ok(true) => draft
            .settings
            .warnings
            .push(format!("TLS_KEY_FILE: every user of this machine may read {}", key.display())),
        Err(errors) => {
            for error in errors {
                let is_of_certificate = match &error {
                    TlsError::Pem { what, .. } => *what == tls::CERTIFICATE,
                    TlsError::File(_) => false,
                    _ => true,
                };
                let name = if is_of_certificate { "TLS_CERT_FILE" } else { "TLS_KEY_FILE" };
                draft.problem(format!("{name}: {error}"));
            }
        }
    }
}
