//! `config show`: effective values with their sources, without secrets.

use super::{CSRF, DATA, JWT, Place, complete};

#[test]
fn values_are_shown_with_their_sources_and_without_secrets() {
    let mut lines = complete();
    lines.retain(|(name, _)| *name != "CSRF_SECRET_KEY");
    let place = Place::with(&lines);
    let csrf = place.write("csrf", CSRF);
    let environment = [("CSRF_SECRET_KEY_FILE", csrf.as_str()), ("POSTGRES_PASSWORD", "hunter3")];
    let env = place.path().join(".env").display().to_string();
    for arguments in
        [&["config", "show"][..], &["config", "show", "--json"], &["config", "show", "--changed"]]
    {
        let out = place.run(arguments, &environment).succeeded().out;
        for secret in [JWT, CSRF, DATA, "hunter2", "hunter3"] {
            assert!(!out.contains(secret), "{out}");
        }
        assert!(out.contains(&env) && out.contains(&csrf), "{out}");
        assert!(out.contains("postgresql://app:***@db.example.org"), "{out}");
    }
    let out = place.run(&["config", "show"], &environment).succeeded().out;
    let line = |name: &str| out.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(
        line("JWT_SECRET_KEY").ends_with(&format!("(secret)                            {env}, line 3")),
        "{out}"
    );
    assert!(line("CSRF_SECRET_KEY").ends_with(&format!("file {csrf} (CSRF_SECRET_KEY_FILE: environment)")));
    assert!(line("TLS_PORT").contains("8443") && line("TLS_PORT").ends_with("default"));
    assert!(line("WEBAUTHN_RP_ID").contains("chat.example.org") && line("LIMIT_LOGIN_ADDRESS").contains('/'));
}

#[test]
fn the_option_changed_shows_only_settings_that_differ_from_their_defaults() {
    let place = Place::with(&complete());
    let environment = [("API_PORT", "8000"), ("SECURITY_HEADERS_ENABLED", "yes"), ("REGISTRATION", "closed")];
    let out = place.run(&["config", "show", "--changed", "--json"], &environment).succeeded().out;
    let facts: serde_json::Value = serde_json::from_str(&out).unwrap();
    let names: Vec<_> = facts["settings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|setting| setting["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "DATABASE_URL",
            "JWT_SECRET_KEY",
            "CSRF_SECRET_KEY",
            "DATA_ENCRYPTION_KEY",
            "DOMAIN",
            "REGISTRATION",
            "SMTP_URL",
        ]
    );
}

#[test]
fn every_setting_of_the_reference_is_shown() {
    let place = Place::new();
    let ended = place.run(&["config", "show"], &[]).succeeded();
    let reference = place.run(&["config", "reference"], &[]).succeeded().out;
    let names = reference.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let mut count = 0;
    for name in names {
        count += 1;
        assert!(ended.out.lines().any(|line| line.split(' ').next() == Some(name)), "{name}");
    }
    assert!(count > 90, "{count}");
    assert!(
        ended.err.contains("`config check`") || ended.err.contains("`portcullis config check`"),
        "{}",
        ended.err
    );
}

#[test]
fn a_setting_that_cannot_be_read_is_shown_with_the_reason() {
    let place = Place::with(&complete());
    let shown = place.shown("API_KEY", &[], &[("API_KEY_FILE", "/nowhere/key")]);
    assert_eq!(shown["source"]["path"], "/nowhere/key");
    assert!(
        shown["problem"].as_str().unwrap().starts_with("API_KEY_FILE: the file cannot be read"),
        "{shown}"
    );
    let twice = place.shown("DOMAIN", &[], &[("DOMAIN", "a.example.org"), ("DOMAIN_FILE", "/nowhere")]);
    assert!(twice["problem"].as_str().unwrap().starts_with("DOMAIN: given twice"), "{twice}");
}
