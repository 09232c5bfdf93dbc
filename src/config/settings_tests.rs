//! Tests of what the settings accept, and of the one message that lists every problem.

use std::collections::HashMap;

use secrecy::ExposeSecret;

use super::{
    super::{
        secrets::KeyKind,
        setting::{Number, Unit},
    },
    *,
};

fn complete() -> HashMap<&'static str, String> {
    HashMap::from([
        ("DOMAIN", "chat.example.org".to_owned()),
        ("DATABASE_URL", "postgresql://app:pw@db/portcullis?sslmode=require".to_owned()),
        ("JWT_SECRET_KEY", "0123456789abcdefghijklmnopqrstuvwxyzA".to_owned()),
        ("CSRF_SECRET_KEY", "0123456789abcdefghijklmnopqrstuvwxyzB".to_owned()),
        ("DATA_ENCRYPTION_KEY", "0123456789abcdefghijklmnopqrstuvwxyzC".to_owned()),
        ("SMTP_URL", "smtps://mail.example.org".to_owned()),
    ])
}

fn read(vars: &HashMap<&'static str, String>) -> Result<Settings, ConfigError> {
    crate::app::open_files(Settings::read(&variables(vars))).finish()
}

fn variables(vars: &HashMap<&'static str, String>) -> Variables {
    vars.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

fn problems(change: impl FnOnce(&mut HashMap<&'static str, String>)) -> Vec<String> {
    let mut vars = complete();
    change(&mut vars);
    read(&vars).expect_err("these settings must be refused").problems
}

#[test]
fn production_is_the_default_and_needs_only_a_few_settings() {
    let settings = read(&complete()).unwrap();
    assert_eq!(settings.environment, Environment::Production);
    assert_eq!(settings.sessions.idle, Duration::from_secs(30 * 60));
    assert!(settings.listen.https.is_none());
}

#[test]
fn one_message_lists_every_problem() {
    let problems = read(&HashMap::new()).expect_err("nothing is set").problems;
    for name in ["DATABASE_URL", "JWT_SECRET_KEY", "CSRF_SECRET_KEY", "DATA_ENCRYPTION_KEY", "DOMAIN"] {
        assert!(problems.iter().any(|problem| problem.starts_with(name)), "{name} in {problems:?}");
    }
}

#[test]
fn a_short_secret_is_refused_without_being_shown() {
    let problems = problems(|vars| drop(vars.insert("JWT_SECRET_KEY", "hunter2hunter2".to_owned())));
    assert_eq!(problems, ["JWT_SECRET_KEY: shorter than 32 bytes"]);
}

#[test]
fn a_placeholder_is_not_accepted_as_a_secret() {
    let value = "changeme-changeme-changeme-changeme-1234".to_owned();
    let problems = problems(|vars| drop(vars.insert("JWT_SECRET_KEY", value)));
    assert_eq!(problems, ["JWT_SECRET_KEY: a placeholder from an example"]);
}

#[test]
fn the_same_secret_for_two_settings_is_refused() {
    let problems = problems(|vars| {
        let jwt = vars["JWT_SECRET_KEY"].clone();
        vars.insert("CSRF_SECRET_KEY", jwt);
    });
    assert_eq!(problems.len(), 1);
}

#[test]
fn production_refuses_http_origins_and_local_origins() {
    let origins = "http://chat.example.org,https://localhost,https://localhost:8443,https://chat.example.org";
    let problems = problems(|vars| drop(vars.insert("CORS_ALLOWED_ORIGINS", origins.to_owned())));
    assert_eq!(problems.len(), 3, "{problems:?}");
}

#[test]
fn an_origin_in_a_spelling_that_browsers_do_not_use_is_refused() {
    for origin in
        ["https://chat.example.org/", "https://Chat.example.org", "chat.example.org", "https://a.org:443"]
    {
        let problems = problems(|vars| drop(vars.insert("CORS_ALLOWED_ORIGINS", origin.to_owned())));
        assert_eq!(problems.len(), 1, "{origin}");
    }
}

#[test]
fn a_retired_key_must_be_as_strong_as_the_current_one() {
    for kind in KeyKind::ALL {
        let [_, next, previous] = kind.settings();
        for (name, keys) in [
            (next, "secret@2030-01-31T12:00:00Z"),
            (previous, "secret,0123456789abcdefghijklmnopqrstuvwxyzD"),
            (previous, "0123456789abcdefghijklmnopqrstuvwxyzD,secret@2030-01-31T12:00:00Z"),
        ] {
            let problems = problems(|vars| drop(vars.insert(name, keys.to_owned())));
            assert_eq!(problems, [format!("{name}: shorter than 32 bytes")]);
        }
    }
}

#[test]
fn a_ring_of_secrets_is_read_with_its_times() {
    let mut vars = complete();
    vars.insert(
        "CSRF_NEXT_SECRET_KEY",
        "0123456789abcdefghijklmnopqrstuvwxyzD@2030-01-31T12:00:00Z".to_owned(),
    );
    vars.insert(
        "CSRF_PREVIOUS_SECRET_KEYS",
        "0123456789abcdefghijklmnopqrstuvwxyzE@2030-02-28T12:00:00Z, 0123456789abcdefghijklmnopqrstuvwxyz@F"
            .to_owned(),
    );
    let ring = read(&vars).unwrap().secrets.csrf;
    let ends: Vec<_> = ring.accepted().map(|secret| secret.expose_secret()[35..].to_owned()).collect();
    assert_eq!(ends, ["zB", "zD", "zE", "z@F"]);
    assert!(
        ring.next.unwrap().at.is_some() && ring.previous[0].at.is_some() && ring.previous[1].at.is_none()
    );
}

#[test]
fn the_time_of_a_secret_does_not_count_for_its_strength() {
    for name in ["JWT_SECRET_KEY", "JWT_NEXT_SECRET_KEY"] {
        let dated = "0123456789abcdef@2030-01-31T12:00:00Z".to_owned();
        assert_eq!(
            problems(|vars| drop(vars.insert(name, dated))),
            [format!("{name}: shorter than 32 bytes")]
        );
    }
}

#[test]
fn two_kinds_of_keys_must_not_share_a_secret_that_is_next_or_retired() {
    for (name, secret) in [("JWT_NEXT_SECRET_KEY", "B"), ("CSRF_PREVIOUS_SECRET_KEYS", "C")] {
        let shared = format!("0123456789abcdefghijklmnopqrstuvwxyz{secret}");
        let problems = problems(|vars| drop(vars.insert(name, shared)));
        assert_eq!(problems, ["JWT_SECRET_KEY, CSRF_SECRET_KEY and DATA_ENCRYPTION_KEY must differ"]);
    }
}

#[test]
fn an_algorithm_that_is_not_offered_is_refused() {
    let problems = problems(|vars| drop(vars.insert("JWT_ALGORITHM", "none".to_owned())));
    assert_eq!(problems, ["JWT_ALGORITHM: `none` is neither `HS256` nor `EdDSA`"]);
    let mut vars = complete();
    vars.insert("JWT_ALGORITHM", "EdDSA".to_owned());
    assert_eq!(read(&vars).unwrap().secrets.algorithm.as_str(), "EdDSA");
}

#[test]
fn a_development_server_reads_variables_and_has_its_own_defaults() {
    let database = DatabaseSettings::embedded(std::path::Path::new("/nowhere"), "portcullis");
    let secrets = read(&complete()).unwrap().secrets;
    let variables = [("SESSION_TIMEOUT_MINUTES", "5")].into_iter().collect();
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let draft = Settings::read_development(&variables, database, secrets, (address, None));
    let settings = draft.finish().unwrap();
    assert_eq!(settings.sessions.idle, Duration::from_secs(300));
    assert_eq!(settings.socket.limits.per_user, 1_000);
}

#[test]
fn separate_variables_may_name_the_database() {
    let mut vars = complete();
    vars.remove("DATABASE_URL");
    vars.insert("POSTGRES_HOST", "db".to_owned());
    vars.insert("POSTGRES_PASSWORD", "p@ss/w:rd".to_owned());
    assert!(read(&vars).is_ok());
}

#[test]
fn a_wrong_host_or_port_is_reported_under_the_name_of_its_setting() {
    let refused = |name, value: &str| {
        problems(|vars| {
            vars.remove("DATABASE_URL");
            vars.insert("POSTGRES_HOST", "db".to_owned());
            vars.insert(name, value.to_owned());
        })
    };
    for (name, value) in [
        ("POSTGRES_PORT", "tcp://10.0.0.2:5432"),
        ("API_PORT", "tcp://10.0.0.3:8000"),
        ("TLS_PORT", "udp://10.0.0.3:53"),
        ("POSTGRES_HOST", "tcp://10.0.0.2:5432"),
    ] {
        let found = refused(name, value);
        let start = format!("{name}: `{value}` looks like a Kubernetes service link");
        assert!(found.len() == 1 && found[0].starts_with(&start), "{found:?}");
    }
    let found = refused("POSTGRES_HOST", "db:5432");
    assert!(found.len() == 1 && found[0].starts_with("POSTGRES_HOST: a host"), "{found:?}");
    for host in ["::1", "[fd00::7]", "/var/run/postgresql", "db-1.example,db-2.example"] {
        let mut vars = complete();
        vars.remove("DATABASE_URL");
        vars.insert("POSTGRES_HOST", host.to_owned());
        assert!(read(&vars).is_ok(), "{host}");
    }
}

#[test]
fn a_secret_may_come_from_a_file_that_others_cannot_change() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "\u{feff}0123456789abcdefghijklmnopqrstuvwxyzZ\r\n").unwrap();
    let mode = |mode| {
        std::fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    let mut vars = complete();
    vars.remove("JWT_SECRET_KEY");
    vars.insert("JWT_SECRET_KEY_FILE", file.path().display().to_string());
    for private in [0o400, 0o440, 0o600] {
        mode(private);
        let settings = read(&vars).unwrap();
        assert_eq!(settings.secrets.jwt.current.expose_secret(), "0123456789abcdefghijklmnopqrstuvwxyzZ");
        assert_eq!(settings.warnings, [""; 0]);
    }
    for mounted in [0o444, 0o644] {
        mode(mounted);
        let warnings = read(&vars).unwrap().warnings;
        let said = "JWT_SECRET_KEY_FILE: every user of this machine may read";
        assert!(warnings.len() == 1 && warnings[0].starts_with(said), "{warnings:?}");
    }
    mode(0o666);
    let problems = read(&vars).expect_err("others may change it").problems;
    assert!(problems.iter().any(|problem| problem.starts_with("JWT_SECRET_KEY_FILE: ")), "{problems:?}");
}

#[test]
fn a_cookie_domain_that_browsers_would_reject_is_refused() {
    for domain in ["example.org", "chat.example.org"] {
        assert_eq!(problems_of("COOKIE_DOMAIN", domain), [""; 0], "{domain}");
    }
    for domain in ["org", "other.example", "*.example.org", "example.org; Secure", "localhost:8110"] {
        assert_eq!(problems_of("COOKIE_DOMAIN", domain).len(), 1, "{domain}");
    }
}

#[test]
fn origins_of_android_apps_are_accepted_for_passkeys_only() {
    let app = format!("https://chat.example.org,android:apk-key-hash:{}E", "Q".repeat(42));
    assert_eq!(problems_of("WEBAUTHN_ORIGINS", &app), [""; 0]);
    assert_eq!(problems_of("CORS_ALLOWED_ORIGINS", &app).len(), 1);
    assert_ne!(problems_of("WEBAUTHN_ORIGINS", "android:apk-key-hash:short"), [""; 0]);
}

#[test]
fn allowed_headers_must_be_names_of_headers() {
    assert_eq!(problems_of("CORS_ALLOWED_HEADERS", "X-Tenant, x-b3-traceid"), [""; 0]);
    for wrong in ["x tenant", "x:y", "x-\u{e9}"] {
        assert_eq!(problems_of("CORS_ALLOWED_HEADERS", wrong).len(), 1, "{wrong}");
    }
}

#[test]
fn proxies_are_addresses_or_networks() {
    assert_eq!(problems_of("TRUSTED_PROXIES", "10.0.0.1, ::1, ::ffff:127.0.0.0/104"), [""; 0]);
    assert_eq!(
        problems_of("TRUSTED_PROXIES", "proxy,10.0.0.0/8"),
        ["TRUSTED_PROXIES: `proxy`: neither an address nor a network such as 10.0.0.0/8"]
    );
}

#[test]
fn a_location_database_that_cannot_be_used_is_listed_with_the_other_problems() {
    let broken = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(broken.path(), "not a database").unwrap();
    let problems = problems(|vars| {
        vars.remove("DOMAIN");
        vars.insert("GEOIP_DATABASE", "/nowhere/places.mmdb".to_owned());
        vars.insert("GEOIP_ASN_DATABASE", broken.path().display().to_string());
    });
    for expected in [
        "DOMAIN: missing",
        "GEOIP_DATABASE: the file cannot be read (entity not found)",
        "GEOIP_ASN_DATABASE: the file is not a database in the MaxMind DB format, or it is damaged",
    ] {
        assert!(problems.iter().any(|problem| problem == expected), "{expected} in {problems:?}");
    }
}

#[test]
fn a_certificate_for_the_database_that_cannot_be_read_is_listed_with_the_other_problems() {
    let problems = problems(|vars| {
        vars.remove("DOMAIN");
        vars.insert("POSTGRES_SSLCERT_FILE", "/nowhere/client.crt".to_owned());
        vars.insert("POSTGRES_SSLKEY_FILE", "/nowhere/client.key".to_owned());
    });
    assert!(
        problems.iter().any(|problem| problem.contains("client certificate /nowhere/client.crt")),
        "{problems:?}"
    );
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(!problems.concat().contains("pw@"), "{problems:?}");
}

#[test]
fn a_parameter_that_a_setting_gives_is_reported_under_the_name_of_the_setting() {
    for (name, value, problem) in [
        (
            "POSTGRES_SSLMODE",
            "on",
            "the parameter `sslmode` of the database has an invalid value: it is disable,",
        ),
        ("POSTGRES_CHANNEL_BINDING", "yes", "the parameter `channel_binding` of the database has"),
        ("POSTGRES_TARGET_SESSION_ATTRS", "standby", "target_session_attrs=standby: the server writes"),
        ("POSTGRES_SSLKEY_FILE", "/client.key", "sslkey needs sslcert"),
    ] {
        let found = problems_of(name, value);
        assert!(found.len() == 1 && found[0].contains(problem), "{name}: {found:?}");
    }
    // The URL of these settings has `sslmode`.
    let twice = problems(|vars| drop(vars.insert("POSTGRES_SSLMODE", "verify-full".to_owned())));
    assert_eq!(twice, ["POSTGRES_SSLMODE: `sslmode` of the database is given twice"]);
}

#[test]
fn zero_seconds_turn_the_limits_of_the_age_of_connections_off() {
    let mut vars = complete();
    for name in ["DATABASE_IDLE_SECONDS", "DATABASE_LIFETIME_SECONDS", "DATABASE_KEEPALIVE_SECONDS"] {
        vars.insert(name, "0".to_owned());
    }
    vars.insert("DATABASE_CONNECT_SECONDS", "9".to_owned());
    let database = read(&vars).unwrap().database;
    assert_eq!((database.idle_timeout, database.lifetime), (None, None));
    assert!(!database.config.get_keepalives());
    assert_eq!(database.config.get_connect_timeout(), Some(&Duration::from_secs(9)));
}

#[test]
fn thresholds_of_risk_must_be_in_ascending_order() {
    let mut vars = complete();
    vars.insert("RISK_NOTIFY", "20".to_owned());
    vars.insert("RISK_REFUSE", "101".to_owned());
    let expected = Thresholds { notify: 20, second_factor: 50, refuse: 101 };
    assert_eq!(read(&vars).unwrap().risk, expected);
    let problems = problems(|vars| drop(vars.insert("RISK_NOTIFY", "60".to_owned())));
    assert_eq!(problems.len(), 1, "{problems:?}");
}

#[test]
fn settings_print_no_secret() {
    let printed = format!("{:?}", read(&complete()).unwrap());
    assert!(!printed.contains("0123456789abcdef") && !printed.contains("pw@"), "{printed}");
}

#[test]
fn a_number_out_of_its_bounds_is_refused() {
    for (name, value, problem) in [
        ("SESSION_ABSOLUTE_DAYS", "99999999999999999999", "SESSION_ABSOLUTE_DAYS: must be at most 3650"),
        ("SESSION_ABSOLUTE_DAYS", "213503982334601", "SESSION_ABSOLUTE_DAYS: must be at most 3650"),
        ("SESSIONS_PER_USER", "0", "SESSIONS_PER_USER: must be at least 1"),
        ("WORKERS", "many", "WORKERS: must be a whole number from 1 to 1024"),
        ("LIMIT_LOGIN_ADDRESS", "30/99999999", "LIMIT_LOGIN_ADDRESS: must be at most 1000000000/31536000"),
    ] {
        let problems = problems(|vars| drop(vars.insert(name, value.to_owned())));
        assert_eq!(problems, [problem]);
    }
}

/// The problems that are reported for this setting when it has this value.
fn problems_of(name: &'static str, value: &str) -> Vec<String> {
    let mut vars = complete();
    if name.starts_with("POSTGRES_") {
        vars.remove("DATABASE_URL");
        vars.insert("POSTGRES_HOST", "db".to_owned());
    }
    vars.insert(name, value.to_owned());
    let found = read(&vars).err().map(|error| error.problems).unwrap_or_default();
    found.into_iter().filter(|problem| problem.starts_with(&format!("{name}: "))).collect()
}

#[test]
fn every_number_is_accepted_within_its_bounds_and_refused_beyond_them() {
    for row in rows() {
        let (name, Some(number)) = (row.name(), row.number()) else { continue };
        let Number { least, most, default, dev, .. } = number;
        for inside in [*least, *most, default(), dev.unwrap_or(*least)] {
            assert!((*least..=*most).contains(&inside), "{name}: {inside}");
            assert_eq!(problems_of(name, &inside.to_string()), [""; 0], "{name}: {inside}");
        }
        let beyond = [(u128::from(*most) + 1).to_string(), u64::MAX.to_string(), "9".repeat(40)];
        for outside in beyond.into_iter().chain(least.checked_sub(1).map(|below| below.to_string())) {
            assert_eq!(problems_of(name, &outside).len(), 1, "{name}: {outside}");
        }
    }
}

#[test]
fn every_duration_can_be_added_to_and_subtracted_from_a_date() {
    let a_late_date = time::macros::datetime!(2100-01-01 00:00 UTC);
    for row in rows() {
        let (name, Some(number)) = (row.name(), row.number()) else { continue };
        if matches!(number.unit, Unit::Seconds | Unit::Minutes | Unit::Days) {
            let longest = time::Duration::try_from(number.unit.duration(number.most)).unwrap();
            assert!(a_late_date.checked_add(longest).is_some(), "{name}");
            assert!(a_late_date.checked_sub(longest).is_some(), "{name}");
        }
    }
}

#[test]
fn a_misspelt_setting_is_listed_with_the_other_problems() {
    let problems = problems(|vars| {
        vars.remove("DOMAIN");
        vars.insert("LIMIT_LOGIN_ADRESS", "30/60".to_owned());
    });
    let misspelt = "LIMIT_LOGIN_ADRESS: there is no such setting; did you mean LIMIT_LOGIN_ADDRESS?";
    assert!(problems.len() == 2 && problems.iter().any(|problem| problem == misspelt), "{problems:?}");
}
