//! Database URLs: reading does not panic, and every error can be displayed. A URL with any text as its password is refused, or
//! its host and `sslmode` apply. Neither the settings nor an error shows the end of the password.

#![no_main]

use libfuzzer_sys::fuzz_target;
use secrecy::SecretString;
use store::{DatabaseSettings, TlsMode};

/// The end of the password, which nothing may show.
const SECRET: &str = "S3CR3T";

fuzz_target!(|text: &str| {
    if let Err(error) = DatabaseSettings::parse(&SecretString::from(text)) {
        let _ = error.to_string();
    }
    let url = format!("postgres://ada:{text}{SECRET}@db.example/app?sslmode=require");
    match DatabaseSettings::parse(&SecretString::from(url)) {
        Ok(settings) => {
            assert_eq!(settings.tls, TlsMode::Require);
            assert!(settings.to_string().ends_with("@db.example/app?sslmode=require"), "{settings}");
            assert!(!settings.to_string().contains(SECRET));
        }
        Err(error) => assert!(!error.to_string().contains(SECRET), "{error}"),
    }
});
