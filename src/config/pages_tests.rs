//! Tests of the settings of pages.

use crate::config::{ConfigError, Settings, Variables};

const COMPLETE: [(&str, &str); 5] = [
    ("DOMAIN", "chat.example.org"),
    ("DATABASE_URL", "postgresql://app:pw@db/portcullis?sslmode=require"),
    ("JWT_SECRET_KEY", "0123456789abcdefghijklmnopqrstuvwxyzA"),
    ("CSRF_SECRET_KEY", "0123456789abcdefghijklmnopqrstuvwxyzB"),
    ("DATA_ENCRYPTION_KEY", "0123456789abcdefghijklmnopqrstuvwxyzC"),
];

fn read(further: &[(&'static str, &str)]) -> Result<Settings, ConfigError> {
    let variables: Variables = COMPLETE.iter().chain(further).copied().collect();
    Settings::read(&variables).finish()
}

fn problems(further: &[(&'static str, &str)]) -> Vec<String> {
    read(further).expect_err("these settings must be refused").problems
}

#[test]
fn the_origin_of_the_pages_is_allowed_while_there_are_pages() {
    let with = read(&[]).unwrap();
    assert!(with.pages.on && with.pages.directory.is_none());
    assert_eq!(with.web.allowed_origins, ["https://chat.example.org"]);
    assert!(read(&[("PAGES", "off")]).unwrap().web.allowed_origins.is_empty());
}

#[test]
fn a_console_without_pages_is_a_problem() {
    assert!(
        problems(&[("PAGES", "off"), ("CONSOLE_ADDR", "127.0.0.1:9000")])[0].starts_with("CONSOLE_ADDR: ")
    );
    assert!(problems(&[("CONSOLE_ADDR", "9000")])[0].starts_with("CONSOLE_ADDR: `9000` is not an address"));
    let console = read(&[("CONSOLE_ADDR", "127.0.0.1:9000")]).unwrap().listen.console;
    assert_eq!(console, Some(([127, 0, 0, 1], 9000).into()));
}

#[test]
fn production_serves_no_pages_from_a_directory() {
    assert!(problems(&[("PORTCULLIS_ASSETS_DIR", "web")])[0].starts_with("PORTCULLIS_ASSETS_DIR: "));
    let development = read(&[("PORTCULLIS_ASSETS_DIR", "web"), ("ENVIRONMENT", "development")]).unwrap();
    assert_eq!(development.pages.directory, Some("web".into()));
}
