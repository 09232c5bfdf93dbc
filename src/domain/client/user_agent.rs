//! A short description of a `User-Agent`, for people. The client can send any text, so no decision depends on it.

use serde::Serialize;
use utoipa::ToSchema;
use woothee::{parser::Parser, woothee::VALUE_UNKNOWN};

/// A browser or app and its operating system, as far as the header names them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Described {
    /// The browser.
    pub browser: Option<String>,
    /// The operating system.
    pub system: Option<String>,
}

impl Described {
    /// Parses a `User-Agent`.
    #[must_use]
    pub fn of(user_agent: Option<&str>) -> Self {
        let Some(found) = user_agent.and_then(|text| Parser::new().parse(text)) else {
            return Self::default();
        };
        let known = |word: &str| (word != VALUE_UNKNOWN && !word.is_empty()).then(|| word.to_owned());
        Self { browser: known(found.name), system: known(system(found.os)) }
    }

    /// The default label of a device: "Firefox on Windows".
    #[must_use]
    pub fn label(&self) -> String {
        match (&self.browser, &self.system) {
            (Some(browser), Some(system)) => format!("{browser} on {system}"),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => "Unknown device".to_owned(),
        }
    }
}

/// The name that people know, without the version of Windows: browsers report outdated versions of Windows.
fn system(name: &str) -> &str {
    match name {
        "Mac OSX" => "macOS",
        phone if phone.starts_with("Windows Phone") => phone,
        windows if windows.starts_with("Windows ") => "Windows",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0";
    const SAFARI: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                          Version/17.5 Safari/605.1.15";
    const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like \
                          Gecko) Version/17.5 Mobile/15E148 Safari/604.1";

    fn label(user_agent: &str) -> String {
        Described::of(Some(user_agent)).label()
    }

    #[test]
    fn browsers_and_systems_are_recognized() {
        assert_eq!(label(FIREFOX), "Firefox on Windows");
        assert_eq!(label(SAFARI), "Safari on macOS");
        assert_eq!(label(IPHONE), "Safari on iPhone");
    }

    #[test]
    fn a_text_without_a_known_name_is_an_unknown_device() {
        for odd in ["", "\u{0}\u{fffd}", "x"] {
            assert_eq!(label(odd), "Unknown device");
        }
        assert_eq!(Described::of(None), Described::default());
    }
}
