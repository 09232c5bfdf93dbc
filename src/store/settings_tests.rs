//! Parsing of database URLs, and that the settings never show the password.

use super::*;
use crate::tls_mode::Roots;

fn parse(url: &str) -> Result<DatabaseSettings, DatabaseUrlError> {
    DatabaseSettings::parse(&SecretString::from(url))
}

#[test]
fn every_scheme_of_the_family_is_understood() {
    for scheme in ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+asyncpg"] {
        let settings = parse(&format!("{scheme}://ada:s%40cret@db.example:6543/app")).unwrap();
        assert_eq!(settings.config.get_user(), Some("ada"));
        assert_eq!(settings.config.get_password(), Some(&b"s@cret"[..]));
        assert_eq!(settings.config.get_ports(), [6543]);
        assert_eq!(settings.config.get_dbname(), Some("app"));
    }
    assert_eq!(parse("mysql://a@b/c").err(), Some(DatabaseUrlError::Scheme));
    assert_eq!(parse("host=a user=b").err(), Some(DatabaseUrlError::Scheme));
}

#[test]
fn every_mode_of_libpq_is_understood() {
    for (query, mode) in [
        ("", TlsMode::Prefer),
        ("?sslmode=disable", TlsMode::Disable),
        ("?sslmode=prefer", TlsMode::Prefer),
        ("?sslmode=require", TlsMode::Require),
        ("?sslmode=verify-ca", TlsMode::VerifyCa(Roots::System)),
        (
            "?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem",
            TlsMode::VerifyFull(Roots::File("/etc/ca.pem".into())),
        ),
        ("?sslmode=verify-full&sslrootcert=system", TlsMode::VerifyFull(Roots::System)),
        ("?ssl=require", TlsMode::Require),
        ("?ssl=true", TlsMode::VerifyFull(Roots::System)),
        ("?ssl=false", TlsMode::Disable),
    ] {
        assert_eq!(parse(&format!("postgres://a@b/c{query}")).unwrap().tls, mode, "{query}");
    }
}

#[test]
fn a_root_certificate_makes_require_verify() {
    let settings = parse("postgres://a@b/c?sslmode=require&sslrootcert=/ca.pem").unwrap();
    assert_eq!(settings.tls, TlsMode::VerifyCa(Roots::File("/ca.pem".into())));
}

#[test]
fn a_socket_directory_has_no_tls() {
    let settings = parse("postgres:///app?host=/run/postgresql&sslmode=require").unwrap();
    assert_eq!(settings.tls, TlsMode::Disable);
}

#[test]
fn other_parameters_go_to_the_driver() {
    let settings = parse("postgres://a@b/c?connect_timeout=7&sslmode=disable").unwrap();
    assert_eq!(settings.config.get_connect_timeout(), Some(&Duration::from_secs(7)));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    assert_eq!(parse("postgres://a@b/c?sslmode=maybe").err(), Some(DatabaseUrlError::Value("sslmode")));
    assert_eq!(parse("postgres://a@b/c?ssl=perhaps").err(), Some(DatabaseUrlError::Value("ssl")));
    assert_eq!(parse("postgres://a@b/c?ssl=require&sslmode=disable").err(), Some(DatabaseUrlError::Repeated));
    assert_eq!(parse("postgres://a@b/c?colour=red").err(), Some(DatabaseUrlError::Malformed));
    assert_eq!(parse("postgres://a@b:port/c").err(), Some(DatabaseUrlError::Malformed));
    assert_eq!(parse("postgres://").err(), Some(DatabaseUrlError::NoHost));
}

#[test]
fn neither_debug_nor_display_nor_an_error_shows_the_password() {
    let settings = parse("postgres://ada:hunter2@db:1/app?sslmode=require").unwrap();
    assert_eq!(settings.to_string(), "postgresql://ada:***@db:1/app?sslmode=require");
    assert!(!format!("{settings:?}").contains("hunter2"));
    let error = parse("postgres://ada:hunter2@db:x/app").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}
