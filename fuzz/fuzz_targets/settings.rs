//! Texts of settings: reading does not panic, and accepted values obey the rules of their settings.

#![no_main]

use domain::{
    abuse::throttle::Rate,
    client::{address::parse_network, cookie_domain::is_cookie_domain},
    factors::passkey::origin_fits,
    issuer::{Strictness, configuration},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(network) = parse_network(text) {
        assert_eq!(parse_network(&network.to_string()), Ok(network));
    }
    if let Ok(rate) = text.parse::<Rate>() {
        assert!(rate.burst > 0 && !rate.period.is_zero());
    }
    if is_cookie_domain(text, Some("chat.example.com")) {
        assert!(["chat.example.com", "example.com"].contains(&text));
    }
    let _ = origin_fits(text, "example.com");
    let strictness = Strictness { secret_bytes: 32, plain_loopback: false };
    let _ = configuration::parse(text, strictness, &mut |_, _| Err("no file".to_owned()));
});
