//! `config check`: it reports all problems at once, and is stricter in production.

use sha2::{Digest as _, Sha256};
use store::Store;

use super::{DATABASE, Place, complete, url};
use crate::harness::{App, fresh_database};

/// As [`complete`], with these changes; an empty value removes a setting.
fn changed(changes: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let mut lines = complete();
    for (name, value) in changes {
        lines.retain(|(other, _)| other != name);
        lines.extend((!value.is_empty()).then(|| (*name, (*value).to_owned())));
    }
    lines
}

#[test]
fn twenty_five_different_mistakes_in_one_file_are_twenty_five_problems() {
    let place = Place::new();
    let open = place.write("open", "Aa1Bb2Cc3Dd4Ee5Ff6Gg7Hh8Ii9Jj0Kk1Ll2");
    place.set_mode("open", 0o666);
    // Each mistake in the file, and the beginning of the problem that is reported for it.
    let mistakes = [
        ("DOMAIN=FILL_IN".to_owned(), "DOMAIN: must be filled in"),
        (format!("DATABASE_URL={DATABASE}&sslmood=require"), "DATABASE_URL: "),
        ("JWT_SECRET_KEY=short".to_owned(), "JWT_SECRET_KEY: shorter than 32 bytes"),
        ("CSRF_SECRET_KEY=changeme-0a1b2c3d4e5f6a7b8c9d0e1f2a".to_owned(), "CSRF_SECRET_KEY: a placeholder"),
        (format!("DATA_ENCRYPTION_KEY={}", "ab".repeat(20)), "DATA_ENCRYPTION_KEY: too few different"),
        (format!("DATA_ENCRYPTION_PREVIOUS_KEYS_FILE={open}"), "DATA_ENCRYPTION_PREVIOUS_KEYS_FILE: "),
        ("API_KEY=1\nAPI_KEY_FILE=/nowhere".to_owned(), "API_KEY: given twice, also as API_KEY_FILE"),
        (
            "CORS_ALLOWED_ORIGINS=http://chat.example.org".to_owned(),
            "CORS_ALLOWED_ORIGINS: `http://chat.example.org` is not an https",
        ),
        (
            "WEBAUTHN_ORIGINS=chat.example.org".to_owned(),
            "WEBAUTHN_ORIGINS: `chat.example.org` is not an origin",
        ),
        ("COOKIE_DOMAIN=.example.org".to_owned(), "COOKIE_DOMAIN: "),
        ("CORS_ALLOWED_HEADERS=\"x tenant\"".to_owned(), "CORS_ALLOWED_HEADERS: `x tenant`"),
        ("TRUSTED_PROXIES=proxy".to_owned(), "TRUSTED_PROXIES: `proxy`"),
        ("SESSION_TIMEOUT_MINUTES=0".to_owned(), "SESSION_TIMEOUT_MINUTES: must be at least 1"),
        ("SESSION_ABSOLUTE_DAYS=9999".to_owned(), "SESSION_ABSOLUTE_DAYS: must be at most 3650"),
        ("WORKERS=many".to_owned(), "WORKERS: must be a whole number"),
        (
            "API_PORT=tcp://10.0.0.3:8000".to_owned(),
            "API_PORT: `tcp://10.0.0.3:8000` looks like a Kubernetes",
        ),
        ("DEBUG=perhaps".to_owned(), "DEBUG: neither"),
        ("ON_STALE=later".to_owned(), "ON_STALE: `later` is neither"),
        ("METRICS_ADDR=localhost".to_owned(), "METRICS_ADDR: `localhost` is not an address with a port"),
        ("LIMIT_LOGIN_ADDRESS=often".to_owned(), "LIMIT_LOGIN_ADDRESS: must be <count>/<seconds>"),
        ("LIMIT_LOGIN_ADRESS=1/1".to_owned(), "LIMIT_LOGIN_ADRESS: there is no such setting; did you mean"),
        (
            "TLS_CERT_FILE=/nowhere/cert.pem".to_owned(),
            "TLS_CERT_FILE and TLS_KEY_FILE must be given together",
        ),
        ("RISK_NOTIFY=90".to_owned(), "RISK_NOTIFY, RISK_SECOND_FACTOR and RISK_REFUSE"),
        ("CHANNELS_FILE=/nowhere/channels.toml".to_owned(), "CHANNELS_FILE: the file"),
        ("this line sets nothing".to_owned(), "/"),
    ];
    assert_eq!(mistakes.len(), 25);
    place.write(".env", &mistakes.iter().map(|(line, _)| format!("{line}\n")).collect::<String>());
    // Without it, `config check` also has a warning.
    let environment = [("SMTP_URL", "smtps://mail.example.org")];
    let checked = place.run(&["config", "check"], &environment);
    assert_eq!(checked.code, Some(78));
    let problems = checked.problems();
    assert_eq!(problems.len(), 25, "{problems:#?}");
    for (line, start) in &mistakes {
        let count = problems.iter().filter(|problem| problem.starts_with(start)).count();
        assert_eq!(count, 1, "{line}: {start} in {problems:#?}");
    }
    let served = place.run(&["serve"], &environment);
    assert_eq!((served.code, served.err), (checked.code, checked.err), "`serve` says the same");
}

#[test]
fn files_of_acme_that_cannot_be_used_are_reported() {
    let acme = [("ACME_EMAIL", "ops@example.org"), ("ACME_TERMS_AGREED", "true"), ("DATA_DIR", "data")];
    let missing = [&acme[..], &[("ACME_CA_FILE", "/nowhere/root.pem")]].concat();
    Place::with(&changed(&missing)).check().refused("ACME_CA_FILE: /nowhere/root.pem: ");
    let place = Place::with(&changed(&acme));
    place.check().succeeded();
    // A directory of an authority has the beginning of its digest in the names of its files.
    let url = "https://acme-v02.api.letsencrypt.org/directory";
    let digest: String = Sha256::digest(url).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let file = format!("data/acme/account-{digest}.json");
    place.write(&file, "no account");
    place.check().refused(&format!("DATA_DIR: {file} does not hold the account"));
}

#[test]
fn without_the_setting_environment_the_rules_of_production_apply() {
    let weak = changed(&[("JWT_SECRET_KEY", "short")]);
    Place::with(&weak).check().refused("JWT_SECRET_KEY: shorter than 32 bytes");
    let place = Place::with(&weak);
    place.run(&["config", "check"], &[("ENVIRONMENT", "development")]).succeeded();
    assert_eq!(place.shown("ENVIRONMENT", &[], &[])["value"], "production");
}

#[test]
fn production_refuses_weak_secrets_insecure_or_local_origins_and_a_missing_domain() {
    for (name, value, problem) in [
        ("JWT_SECRET_KEY", "your-secret-key-0a1b2c3d4e5f6a7b8c9d", "JWT_SECRET_KEY: a placeholder"),
        ("CSRF_SECRET_KEY", "demo_secret_0a1b2c3d4e5f6a7b8c9d0e1f", "CSRF_SECRET_KEY: a placeholder"),
        ("DATA_ENCRYPTION_KEY", "0a1b2c3d4e5f", "DATA_ENCRYPTION_KEY: shorter"),
        ("API_KEY", "0a1b2c3d4e5f", "API_KEY: shorter"),
        (
            "CORS_ALLOWED_ORIGINS",
            "http://chat.example.org",
            "CORS_ALLOWED_ORIGINS: `http://chat.example.org`",
        ),
        ("CORS_ALLOWED_ORIGINS", "https://localhost", "CORS_ALLOWED_ORIGINS: `https://localhost`"),
        ("CORS_ALLOWED_ORIGINS", "https://127.0.0.2:8443", "CORS_ALLOWED_ORIGINS: `https://127.0.0.2:8443`"),
        ("CORS_ALLOWED_ORIGINS", "https://[::1]", "CORS_ALLOWED_ORIGINS: `https://[::1]`"),
        ("CORS_ALLOWED_ORIGINS", "https://localhost.", "CORS_ALLOWED_ORIGINS: `https://localhost.`"),
        ("DOMAIN", "", "DOMAIN: missing"),
    ] {
        Place::with(&changed(&[(name, value)])).check().refused(problem);
    }
}

#[test]
fn production_refuses_a_file_of_secrets_that_others_may_write_and_warns_if_others_may_read_it() {
    let place = Place::with(&complete());
    for mode in [0o620, 0o660, 0o664] {
        place.set_mode(".env", mode);
        let path = place.path().join(".env").display().to_string();
        place
            .check()
            .refused(&format!("{path}: the file holds a secret but others may change it (mode {mode:03o})"));
    }
    place.run(&["config", "check"], &[("ENVIRONMENT", "development")]).succeeded();
    place.set_mode(".env", 0o644);
    let checked = place.check().succeeded();
    assert!(checked.err.starts_with("warning: ") && checked.err.contains("may read it"), "{}", checked.err);
    // If the file contains no secret, its group may write to it.
    let lines = complete();
    let environment: Vec<_> = lines.iter().map(|(name, value)| (*name, value.as_str())).collect();
    place.write(".env", "WORKERS=1\n");
    place.set_mode(".env", 0o660);
    assert_eq!(place.run(&["config", "check"], &environment).succeeded().err, "");
}

#[test]
fn warnings_precede_the_list_of_problems_on_the_error_output() {
    let place = Place::with(&changed(&[("DOMAIN", "")]));
    place.set_mode(".env", 0o644);
    let checked = place.check();
    assert_eq!(checked.out, "");
    checked.refused("DOMAIN: missing");
    let lines: Vec<_> = checked.err.lines().collect();
    assert!(lines.len() == 3 && lines[0].starts_with("warning: "), "{lines:#?}");
    assert_eq!(lines[1], "portcullis: the settings cannot be used:");
}

#[test]
fn the_certificate_and_its_key_are_checked_by_the_rules_of_serve() {
    let place = Place::new();
    portcullis::tls::dev_certificate(place.path()).expect("a certificate");
    let other = Place::new();
    portcullis::tls::dev_certificate(other.path()).expect("a certificate");
    let path = |place: &Place, name: &str| place.path().join("tls").join(name).display().to_string();
    let (certificate, key) = (path(&place, "localhost.crt"), path(&place, "localhost.key"));
    let with = |certificate: &str, key: &str| {
        let lines = changed(&[
            ("TLS_CERT_FILE", certificate),
            ("TLS_KEY_FILE", key),
            ("DATABASE_URL", "postgresql://app@127.0.0.1:1/app"),
            ("BIND_ADDRESS", "127.0.0.1"),
            ("API_PORT", "0"),
            ("TLS_PORT", "0"),
        ]);
        place.write(
            ".env",
            &lines.iter().map(|(name, value)| format!("{name}={value}\n")).collect::<String>(),
        );
        let (checked, served) = (place.check(), place.run(&["serve"], &[]));
        // With usable files, `serve` fails later and with another code, because no database listens at this address.
        assert_eq!(checked.code == Some(78), served.code == Some(78), "{}", served.err);
        checked
    };
    assert_eq!(with(&certificate, &key).succeeded().err, "");
    with(&certificate, &path(&other, "localhost.key")).refused("TLS_CERT_FILE: the private key in ");
    with(&key, &key).refused("TLS_CERT_FILE: ");
    with(&certificate, &certificate).refused("TLS_KEY_FILE: ");
    let both = with("/nowhere/cert.pem", "/nowhere/key.pem");
    let starts: Vec<_> = both.problems().iter().map(|problem| problem.split(':').next().unwrap()).collect();
    assert_eq!(starts, ["TLS_CERT_FILE", "TLS_KEY_FILE"], "{}", both.err);
    place.set_mode("tls/localhost.key", 0o644);
    assert!(with(&certificate, &key).succeeded().err.starts_with("warning: TLS_KEY_FILE: every user"));
    place.set_mode("tls/localhost.key", 0o660);
    with(&certificate, &key).refused("TLS_KEY_FILE: ");
}

#[tokio::test]
async fn production_refuses_a_database_with_demonstration_users() {
    let database = fresh_database();
    let app = App::over(database.clone(), |_| {});
    app.seed_user("user@example.com", "password", domain::account::role::Role::User).await;
    let address = url(&database);
    let place = Place::with(&changed(&[("DATABASE_URL", &address)]));
    let problem = "the database has demonstration users of `portcullis dev`: user@example.com; ";
    place.check().succeeded();
    place.run(&["config", "check", "--database"], &[]).refused(problem);
    let port = [("API_PORT", "0"), ("BIND_ADDRESS", "127.0.0.1")];
    let served = place.run(&["serve"], &port);
    assert_eq!(served.code, Some(78), "{}", served.err);
    assert!(served.err.contains(problem), "{}", served.err);
    place.run(&["config", "check", "--database"], &[("ENVIRONMENT", "development")]).succeeded();
    place.run(&["user", "set-status", "user@example.com", "suspended"], &[]).succeeded();
    assert_eq!(place.run(&["config", "check", "--database"], &[]).succeeded().err, "");
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_one_of_the_problems() {
    let place = Place::with(&changed(&[
        ("DATABASE_URL", "postgresql://app:hunter2@127.0.0.1:1/app"),
        ("DOMAIN", ""),
    ]));
    let checked = place.run(&["config", "check", "--database"], &[]);
    assert_eq!(checked.code, Some(78));
    let problems = checked.problems();
    assert_eq!(problems.len(), 2, "{problems:#?}");
    assert!(
        checked.err.contains("connection was refused") && !checked.err.contains("hunter2"),
        "{}",
        checked.err
    );
}

#[tokio::test]
async fn a_check_of_an_empty_database_warns_and_changes_nothing() {
    let database = fresh_database();
    let store = Store::connect(&database).expect("a store");
    let (client, link) = database.config.connect(tokio_postgres::NoTls).await.expect("a connection");
    let link = tokio::spawn(link);
    client
        .batch_execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        .await
        .expect("an empty database");
    let place = Place::with(&changed(&[("DATABASE_URL", &url(&database))]));
    let checked = place.run(&["config", "check", "--database"], &[]).succeeded();
    assert!(
        checked.err.starts_with("warning: the schema of the database is not up to date"),
        "{}",
        checked.err
    );
    assert!(!store.schema_is_current().await.expect("an answer"));
    drop(client);
    link.abort();
}

#[test]
fn the_settings_of_mails_are_checked_and_a_missing_mail_server_is_a_warning() {
    let place = Place::with(&changed(&[("SMTP_URL", "")]));
    let checked = place.check();
    assert!(checked.err.starts_with("warning: SMTP_URL: missing: no mail is sent"), "{}", checked.err);
    for (name, value, expected) in [
        ("SMTP_URL", "smtp://relay.example.org", "SMTP_URL: links and passwords would cross the network"),
        ("SMTP_URL", "smtps://a:secret-of-smtp@mail.example.org/x", "SMTP_URL: must have nothing behind"),
        ("SMTP_CA_FILE", "/nowhere/ca.pem", "SMTP_CA_FILE: /nowhere/ca.pem cannot be read"),
        ("MAIL_FROM", "nobody", "MAIL_FROM: must be an e-mail address"),
        ("MAIL_TEMPLATES_DIR", "/nowhere", "MAIL_TEMPLATES_DIR: /nowhere cannot be read"),
        ("PUBLIC_URL", "http://chat.example.org", "PUBLIC_URL: must begin with `https://`"),
        ("PUBLIC_URL", "https://chat.example.org/path", "PUBLIC_URL: must be `https://`, a host"),
    ] {
        let checked = Place::with(&changed(&[(name, value)])).check();
        assert!(!checked.err.contains("secret-of-smtp"), "{}", checked.err);
        checked.refused(expected);
    }
}

#[test]
fn an_anchor_in_an_object_store_needs_a_key_a_secret_and_an_endpoint_that_fits() {
    let place = Place::new();
    let secret = place.write("secret", "an-object-store-secret\n");
    let anchor = [
        ("AUDIT_ANCHOR", "s3://anchors/portcullis"),
        ("AUDIT_ANCHOR_KEY_ID", "AKIDEXAMPLE"),
        ("AUDIT_ANCHOR_SECRET_FILE", &secret),
    ];
    let check = |changes: &[(&'static str, &str)]| {
        let text = changed(&[&anchor[..], changes].concat());
        let text: String = text.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        place.write(".env", &text);
        place.check()
    };
    check(&[]).succeeded();
    check(&[("AUDIT_ANCHOR", "s3://anchors")]).succeeded();
    check(&[("AUDIT_ANCHOR_ENDPOINT", "http://localhost:9000"), ("AUDIT_ANCHOR_STYLE", "virtual-host")])
        .succeeded();
    check(&[("AUDIT_ANCHOR_KEY_ID", "")]).refused("AUDIT_ANCHOR_KEY_ID: missing");
    check(&[("AUDIT_ANCHOR_SECRET_FILE", "")]).refused("AUDIT_ANCHOR_SECRET: missing");
    for wrong in ["s3://", "s3://a", "s3://anchors/../other", "s3://an+chors", "s3://key:secret@anchors/x"] {
        check(&[("AUDIT_ANCHOR", wrong)]).refused("AUDIT_ANCHOR: ");
    }
    for wrong in [
        "http://s3.example.org",
        "ftp://s3.example.org",
        "s3.example.org",
        "https://key:secret@s3.example.org",
        "https://s3.example.org?x=y",
    ] {
        check(&[("AUDIT_ANCHOR_ENDPOINT", wrong)]).refused("AUDIT_ANCHOR_ENDPOINT: ");
    }
    check(&[("AUDIT_ANCHOR_STYLE", "host")]).refused("AUDIT_ANCHOR_STYLE: ");
    check(&[("AUDIT_ANCHOR_REGION", "eu/west")]).refused("AUDIT_ANCHOR_REGION: ");
    let ip_with_bucket =
        [("AUDIT_ANCHOR_ENDPOINT", "https://192.0.2.1"), ("AUDIT_ANCHOR_STYLE", "virtual-host")];
    check(&ip_with_bucket).refused("AUDIT_ANCHOR_ENDPOINT: ");
    let authorities = [("AUDIT_ANCHOR_CA_FILE", "/nowhere")];
    check(&authorities).refused("AUDIT_ANCHOR_ENDPOINT: /nowhere");
}

#[test]
fn an_anchor_is_a_path_or_the_url_of_a_database_or_of_an_object_store() {
    for (anchor, fits) in [
        ("/mnt/audit/anchor", true),
        ("postgres://a:b@host/anchors", true),
        ("gopher://bucket/anchor", false),
    ] {
        let ended = Place::with(&changed(&[("AUDIT_ANCHOR", anchor)])).check();
        if fits {
            ended.succeeded();
        } else {
            ended.refused("AUDIT_ANCHOR: ");
        }
    }
}
