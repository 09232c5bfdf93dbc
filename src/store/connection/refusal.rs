//! Why a connection could not be opened, in words for the operator: the cause, and the parameter to change. No text contains a
//! password.

use std::{error::Error as _, io};

use rustls::{AlertDescription, CertificateError, Error as TlsError};
use tokio_postgres::{Error, error::SqlState};

/// The reason of this error. `identified` says that this client offered a certificate.
pub(super) fn reason(error: &Error, identified: bool) -> String {
    if let Some(database) = error.as_db_error() {
        let text = format!("{} ({})", database.message(), database.code().code());
        return match hint(database.code(), database.message()) {
            Some(hint) => format!("{text}: {hint}"),
            None => text,
        };
    }
    if let Some(tls) = tls_error(error) {
        return tls_reason(tls);
    }
    let source = error.source().map(ToString::to_string);
    if identified && was_cut(error) {
        return "the server closed the connection during the sign-in: it may refuse the certificate of this client (sslcert)"
            .to_owned();
    }
    source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

/// Whether a connection without encryption may succeed after the failure of this encrypted one. This is so if the handshake
/// failed, or if the server has no entry in `pg_hba.conf` for encrypted connections of this user.
pub(super) fn concerns_encryption(error: &Error) -> bool {
    let refused = error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION);
    refused || tls_error(error).is_some()
}

fn hint(code: &SqlState, message: &str) -> Option<&'static str> {
    if *code == SqlState::PROTOCOL_VIOLATION && message.contains("startup parameter") {
        return Some(
            "a connection pooler refuses `options`: remove this parameter, or name it in ignore_startup_parameters of PgBouncer",
        );
    }
    if *code != SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        return None;
    }
    if message.contains("client certificate") {
        return Some("sslcert and sslkey give the certificate of this client");
    }
    if message.contains("no encryption") || message.contains("SSL off") {
        return Some("sslmode=require encrypts the connection");
    }
    None
}

fn tls_reason(error: &TlsError) -> String {
    let fixed = match error {
        TlsError::InvalidCertificate(wrong) => match wrong {
            // Two authorities of the same name have different keys.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "the certificate of the server comes from an authority that is not trusted (sslrootcert)"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "the certificate of the server is for another host name (sslmode=verify-full)"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the certificate of the server has expired"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the certificate of the server is not valid yet"
            }
            _ => return format!("the certificate of the server cannot be used: {wrong:?}"),
        },
        TlsError::AlertReceived(alert) if concerns_client_certificate(*alert) => {
            return format!("the server refuses the certificate of this client (sslcert): {alert:?}");
        }
        _ => return format!("the encrypted connection failed: {error}"),
    };
    fixed.to_owned()
}

fn concerns_client_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateRequired
            | AlertDescription::DecryptError
            | AlertDescription::AccessDenied
    )
}

/// The error of the TLS library below this error.
fn tls_error(error: &Error) -> Option<&TlsError> {
    let io = error.source()?.downcast_ref::<io::Error>()?;
    io.get_ref()?.downcast_ref::<TlsError>()
}

/// Whether the server closed the connection without an answer.
fn was_cut(error: &Error) -> bool {
    let kind = error.source().and_then(|source| source.downcast_ref::<io::Error>()).map(io::Error::kind);
    error.is_closed()
        || matches!(
            kind,
            Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof)
        )
}
