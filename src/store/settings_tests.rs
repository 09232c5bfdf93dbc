//! Tests of the parsing of database URLs. They also check that the settings never show the password.

use proptest::prelude::*;

use super::*;
use crate::tls_mode::Roots;

fn parse(url: &str) -> Result<DatabaseSettings, DatabaseUrlError> {
    DatabaseSettings::parse(&SecretString::from(url))
}

#[test]
fn known_schemes_are_understood_and_other_texts_are_refused() {
    for scheme in ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+asyncpg"] {
        let settings = parse(&format!("{scheme}://ada:s%40cret@db.example:6543/app")).unwrap();
        assert_eq!(settings.config.get_user(), Some("ada"));
        assert_eq!(settings.config.get_password(), Some(&b"s@cret"[..]));
        assert_eq!(settings.config.get_ports(), [6543]);
        assert_eq!(settings.config.get_dbname(), Some("app"));
    }
    assert_eq!(parse("mysql://a@b/c").err(), Some(DatabaseUrlError::Scheme));
    assert_eq!(parse("a b c").err(), Some(DatabaseUrlError::Scheme));
}

#[test]
fn sslmode_and_ssl_give_the_tls_mode() {
    for (query, mode) in [
        ("", TlsMode::Prefer),
        ("?sslmode=disable", TlsMode::Disable),
        ("?sslmode=prefer", TlsMode::Prefer),
        ("?sslmode=require", TlsMode::Require),
        ("?sslmode=verify-ca", TlsMode::VerifyFull(Roots::System)),
        (
            "?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem",
            TlsMode::VerifyFull(Roots::File("/etc/ca.pem".into())),
        ),
        ("?sslmode=verify-full&sslrootcert=system", TlsMode::VerifyFull(Roots::System)),
        ("?sslrootcert=system", TlsMode::VerifyFull(Roots::System)),
        ("?ssl=require", TlsMode::Require),
        ("?ssl=true", TlsMode::VerifyFull(Roots::System)),
        ("?ssl=false", TlsMode::Disable),
    ] {
        assert_eq!(parse(&format!("postgres://a@b/c{query}")).unwrap().tls, mode, "{query}");
    }
}

#[test]
fn require_with_a_root_certificate_verifies_the_chain() {
    let settings = parse("postgres://a@b/c?sslmode=require&sslrootcert=/ca.pem").unwrap();
    assert_eq!(settings.tls, TlsMode::VerifyCa(Roots::File("/ca.pem".into())));
}

#[test]
fn a_connection_through_a_socket_directory_has_no_tls() {
    let settings = parse("postgres:///app?host=/run/postgresql&sslmode=require").unwrap();
    assert_eq!(settings.tls, TlsMode::Disable);
}

#[test]
fn connect_timeout_is_passed_to_the_driver() {
    let settings = parse("postgres://a@b/c?connect_timeout=7&sslmode=disable").unwrap();
    assert_eq!(settings.config.get_connect_timeout(), Some(&Duration::from_secs(7)));
}

#[test]
fn invalid_urls_are_refused() {
    use DatabaseUrlError as E;
    for (url, error) in [
        ("postgres://a@b/c?sslmode=maybe", E::Value("sslmode")),
        ("postgres://a@b/c?ssl=perhaps", E::Value("ssl")),
        ("postgres://a@b/c?ssl=require&sslmode=disable", E::Repeated("sslmode")),
        ("postgres://a@b/c?sslmode=require&sslmode=require", E::Repeated("sslmode")),
        ("postgres://a@b/c?keepalives_count=3&keepalives_retries=4", E::Repeated("keepalives_count")),
        ("postgres://a@b/c?sslmode=require&sslrootcert=system", E::WeakMode),
        ("postgres://a@b/c?sslrootcert=/a.pem", E::UnusedRoot),
        ("postgres://a@b/c?sslmode=prefer&sslrootcert=/a.pem", E::UnusedRoot),
        ("postgres://a@b/c?sslmode=allow&sslrootcert=/a.pem", E::UnusedRoot),
        ("postgres://a@b/c?sslmode=disable&sslrootcert=/a.pem", E::UnusedRoot),
        ("postgres://a@b/c?tcp_user_timeout=86400001", E::Value("tcp_user_timeout")),
        ("postgres://a@b/c?sslrootcert=/a.pem&sslrootcert=/b.pem", E::Repeated("sslrootcert")),
        ("postgres://a@b/c?colour=red", E::Unknown("colour".to_owned())),
        ("postgres://a@b/c?SSLMODE=require", E::Unknown("SSLMODE".to_owned())),
        ("postgres://a@b/c?sslmode", E::Malformed),
        ("postgres://a@b/c?host=d", E::Repeated("host")),
        ("postgres://a@b/c?user=d", E::Repeated("user")),
        ("postgres://a:p@b/c?password=d", E::Repeated("password")),
        ("postgres://a@b/c?connect_timeout=99999999999", E::Value("connect_timeout")),
        ("postgres://a@b,d/c?port=1,2,3", E::Value("port")),
        ("postgres://a@b:port/c", E::Port),
        ("postgres://a@b:0/c", E::Port),
        ("postgres://a@b:70000/c", E::Port),
        ("postgres://a@[::1/c", E::Host),
        ("postgres://a@b,,d/c", E::Host),
        ("postgres://a@tcp://10.0.0.1:5432/c", E::Port),
        ("postgres://a%4@b/c", E::Escape("user name")),
        ("postgres://a:p%zz@b/c", E::Escape("password")),
        ("postgres://a:p%00w@b/c", E::Escape("password")),
        ("postgres://", E::NoHost),
        ("postgres:///c", E::NoHost),
    ] {
        assert_eq!(parse(url).err(), Some(error), "{url}");
    }
}

#[test]
fn a_password_may_contain_delimiters() {
    for password in ["p?w", "2024?w", "p/w", "p#w", "p@w", "p@s?w", "p&sslmode=disable", "p=w", "p:w", "??"] {
        let url = format!("postgres://ada:{password}@db.example:6543/app?sslmode=require");
        let settings = parse(&url).unwrap();
        assert_eq!(settings.config.get_password(), Some(password.as_bytes()), "{password}");
        assert_eq!(settings.config.get_hosts(), [Host::Tcp("db.example".to_owned())]);
        assert_eq!((settings.config.get_dbname(), &settings.tls), (Some("app"), &TlsMode::Require));
    }
}

#[test]
fn a_url_with_an_ambiguous_at_sign_is_refused() {
    for url in [
        "postgres://ada:p@db/app?sslmode=require&application_name=a@b",
        "postgres://db:5432/app?sslmode=require&user=ada@b",
        "postgres://ada:2024?user=x@db/app?sslmode=require",
        "postgres://ada:p@s?x=y@db/app?sslmode=require",
        "postgres://ada:p/w@db.internal/app?sslmode=verify-full&application_name=svc@prod",
        "postgres://ada:p/w@db.internal/app?sslmode=verify-full&x@prod",
        "postgres://ada:p?w@db.internal/app?sslmode=verify-full&application_name=svc@prod",
        "postgres://ada:p#w@db.internal?sslmode=verify-full&application_name=svc@prod",
        "postgres://ada:p@db.internal/app@prod?sslmode=verify-full",
        "postgres://ada:p@w/x@db/app?sslmode=require",
        "postgres://ada:2024/x?y=z@db/app?sslmode=require",
        // libpq would find another user in these URLs, or no user. For libpq, user and password end at the first `@`, and a URL
        // with a `/` before that `@` has neither.
        "postgres://ada:2024/w@db/app?sslmode=require",
        "postgres://a?user=1@db/app",
        "postgres://a?sslmode=require@db/app",
        "postgres://db?application_name=x@y",
        "postgres://localhost:5432/app@tenant",
    ] {
        assert_eq!(parse(url).err(), Some(DatabaseUrlError::Ambiguous), "{url}");
    }
    let settings = parse("postgres://db/app?sslmode=require&user=ada@b").unwrap();
    assert_eq!((settings.config.get_user(), settings.tls), (Some("ada@b"), TlsMode::Require));
    let settings = parse("postgres://ada:p@db/app?sslmode=require&application_name=a%40b").unwrap();
    assert_eq!((settings.config.get_application_name(), settings.tls), (Some("a@b"), TlsMode::Require));
}

#[test]
fn durations_have_the_units_of_libpq() {
    let settings = parse("postgres://a@b/c?connect_timeout=7&tcp_user_timeout=2500").unwrap();
    assert_eq!(settings.config.get_connect_timeout(), Some(&Duration::from_secs(7)));
    assert_eq!(settings.config.get_tcp_user_timeout(), Some(&Duration::from_millis(2500)));
}

#[test]
fn names_of_parameters_may_be_percent_encoded() {
    for query in ["ssl%6Dode=require", "%73slmode=%72equire", "%73sl=require"] {
        assert_eq!(parse(&format!("postgres://a@b/c?{query}")).unwrap().tls, TlsMode::Require, "{query}");
    }
}

#[test]
fn several_hosts_addresses_and_sockets_are_understood() {
    let settings = parse("postgres://a@[::1]:1,db.example,%2Frun%2Fpg/c").unwrap();
    let hosts =
        [Host::Tcp("::1".to_owned()), Host::Tcp("db.example".to_owned()), Host::Unix("/run/pg".into())];
    assert_eq!(settings.config.get_hosts(), hosts);
    assert_eq!(settings.config.get_ports(), [1, 5432, 5432]);
    let settings = parse("postgres:///c?host=a,b&port=7&hostaddr=10.0.0.1,10.0.0.2").unwrap();
    assert_eq!((settings.config.get_hosts().len(), settings.config.get_ports()), (2, &[7][..]));
    assert_eq!(settings.config.get_hostaddrs().len(), 2);
}

#[test]
fn an_address_may_be_given_in_parts() {
    let password = SecretString::from("p@ss/w?rd%41");
    let parts = |hosts| DatabaseParts {
        hosts,
        port: 5433,
        user: "app user",
        password: Some(&password),
        database: "d b",
        parameters: &[],
    };
    for (given, host) in [
        ("fd00::7", Host::Tcp("fd00::7".to_owned())),
        ("[fd00::7]", Host::Tcp("fd00::7".to_owned())),
        ("/run/postgresql", Host::Unix("/run/postgresql".into())),
        ("%2Frun%2Fpostgresql", Host::Unix("/run/postgresql".into())),
        ("db.example", Host::Tcp("db.example".to_owned())),
    ] {
        let settings = DatabaseSettings::from_parts(&parts(given)).unwrap();
        assert_eq!(settings.config.get_hosts(), std::slice::from_ref(&host));
        let expected = if matches!(host, Host::Unix(_)) { TlsMode::Disable } else { TlsMode::Require };
        assert_eq!(settings.tls, expected, "{given}");
        assert_eq!(settings.config.get_password(), Some(&b"p@ss/w?rd%41"[..]));
        assert_eq!(
            (settings.config.get_user(), settings.config.get_dbname()),
            (Some("app user"), Some("d b"))
        );
        assert_eq!(settings.config.get_ports(), [5433]);
    }
    for wrong in ["tcp://10.0.0.1:5432", "db:5433", "a b", "db/app"] {
        assert_eq!(
            DatabaseSettings::from_parts(&parts(wrong)).err(),
            Some(DatabaseUrlError::Host),
            "{wrong}"
        );
    }
    assert_eq!(DatabaseSettings::from_parts(&parts(" ,")).err(), Some(DatabaseUrlError::NoHost));
}

#[test]
fn keywords_and_values_are_read_as_libpq_reads_them() {
    let text = r"host=a,/run/pg port = 7 user='o\'brien' password='p \\w%41' dbname=app sslmode=require";
    let settings = parse(text).unwrap();
    assert_eq!(settings.config.get_hosts(), [Host::Tcp("a".to_owned()), Host::Unix("/run/pg".into())]);
    assert_eq!(settings.config.get_ports(), [7]);
    assert_eq!(settings.config.get_user(), Some("o'brien"));
    assert_eq!(settings.config.get_password(), Some(&br"p \w%41"[..]));
    assert_eq!((settings.config.get_dbname(), settings.tls), (Some("app"), TlsMode::Require));
    for wrong in ["host=a user='b", "host=a user='b'c", "host=a =b", "host=a b", "host=a user=b\\"] {
        assert_eq!(parse(wrong).err(), Some(DatabaseUrlError::Keywords), "{wrong}");
    }
}

#[test]
fn an_unquoted_password_with_a_space_is_not_shown() {
    let error = parse("host=a password=hunter2 hunter3=x").unwrap_err();
    assert_eq!(error, DatabaseUrlError::Keywords);
}

#[test]
fn a_client_certificate_needs_its_key_and_encryption() {
    use DatabaseUrlError as E;
    let settings = parse("postgres://a@b/c?sslmode=require&sslcert=/a.crt&sslkey=/a.key").unwrap();
    let identity = settings.identity.unwrap();
    assert_eq!((identity.certificate, identity.key), ("/a.crt".into(), "/a.key".into()));
    for (query, error) in [
        ("sslcert=/a.crt", E::Incomplete("sslcert", "sslkey")),
        ("sslkey=/a.key", E::Incomplete("sslkey", "sslcert")),
        ("sslmode=disable&sslcert=/a.crt&sslkey=/a.key", E::UnusedIdentity),
        ("sslmode=disable&channel_binding=require", E::NoBinding),
        ("gssencmode=require", E::Value("gssencmode")),
        ("sslpassword=x", E::Unknown("sslpassword".to_owned())),
    ] {
        assert_eq!(parse(&format!("postgres://a@b/c?{query}")).err(), Some(error), "{query}");
    }
}

#[test]
fn of_several_servers_one_that_accepts_writes_is_wanted() {
    for (url, target) in [
        ("postgres://a@b/c", SessionTarget::Any),
        ("postgres://a@b,d/c", SessionTarget::ReadWrite),
        ("postgres://a@b,d/c?target_session_attrs=any", SessionTarget::Any),
        ("postgres://a@b/c?target_session_attrs=prefer-standby", SessionTarget::PreferStandby),
        ("postgres:///c?hostaddr=10.0.0.1,10.0.0.2", SessionTarget::ReadWrite),
    ] {
        assert_eq!(parse(url).unwrap().target, target, "{url}");
    }
}

#[test]
fn parameters_beside_a_url_complete_it_and_do_not_override_it() {
    let url = SecretString::from("postgres://a@b/c?sslmode=require");
    let settings = DatabaseSettings::parse_with(&url, &[("sslrootcert", "/ca.pem")]).unwrap();
    assert_eq!(settings.tls, TlsMode::VerifyCa(Roots::File("/ca.pem".into())));
    let twice = DatabaseSettings::parse_with(&url, &[("sslmode", "require")]).err();
    assert_eq!(twice, Some(DatabaseUrlError::Repeated("sslmode")));
}

#[test]
fn keepalives_of_two_hours_are_possible() {
    let idle = |url| parse(url).unwrap().config.get_keepalives_idle();
    assert_eq!(idle("postgres://a@b/c"), DatabaseSettings::KEEPALIVE);
    assert_eq!(idle("postgres://a@b/c?keepalives_idle=7200"), Duration::from_secs(7200));
}

#[test]
fn neither_debug_nor_display_nor_an_error_shows_the_password() {
    let settings = parse("postgres://ada:hunter2@db:1/app?sslmode=require").unwrap();
    assert_eq!(settings.to_string(), "postgresql://ada:***@db:1/app?sslmode=require");
    assert!(!format!("{settings:?}").contains("hunter2"));
    let error = parse("postgres://ada:hunter2@db:x/app").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

proptest! {
    #[test]
    fn an_encoded_password_is_decoded_and_the_mode_is_kept(password in "\\PC{1,20}") {
        prop_assume!(!password.contains('\0'));
        let encoded = percent_encoding::utf8_percent_encode(&password, percent_encoding::NON_ALPHANUMERIC);
        let settings = parse(&format!("postgres://ada:{encoded}@db/app?sslmode=require")).unwrap();
        prop_assert_eq!(settings.config.get_password(), Some(password.as_bytes()));
        prop_assert_eq!(settings.tls, TlsMode::Require);
    }

    #[test]
    fn a_password_without_escapes_never_changes_the_tls_mode_or_the_host(password in "[ -~]{1,20}") {
        if let Ok(settings) = parse(&format!("postgres://ada:{password}@db/app?sslmode=require")) {
            prop_assert_eq!(settings.tls, TlsMode::Require);
            prop_assert_eq!(settings.config.get_hosts(), [Host::Tcp("db".to_owned())]);
        }
    }

    #[test]
    fn an_at_sign_in_a_parameter_never_weakens_the_connection(
        password in "[ -~]{1,20}|[p/?#@:=&]{1,6}",
        rest in "[a-z@/]{0,6}[?]sslmode=verify-full(&application_name=[a-z]{1,3}@[a-z]{1,4})?",
    ) {
        if let Ok(settings) = parse(&format!("postgres://ada:{password}@db/{rest}")) {
            prop_assert_eq!(settings.tls, TlsMode::VerifyFull(Roots::System));
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(url in "(postgres://)?\\PC{0,60}") {
        let _ = parse(&url);
    }
}
