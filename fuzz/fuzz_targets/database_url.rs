//! Database URLs: reading does not panic, an error shows nothing of the URL, and a password that may contain anything never makes
//! the connection laxer than `sslmode` says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use secrecy::SecretString;
use store::{DatabaseSettings, TlsMode};

fuzz_target!(|text: &str| {
    if let Err(error) = DatabaseSettings::parse(&SecretString::from(text)) {
        let _ = error.to_string();
    }
    let url = format!("postgres://ada:{text}@db.example/app?sslmode=require");
    if let Ok(settings) = DatabaseSettings::parse(&SecretString::from(url)) {
        assert_eq!(settings.tls, TlsMode::Require);
        assert!(settings.to_string().ends_with("@db.example/app?sslmode=require"), "{settings}");
    }
});
