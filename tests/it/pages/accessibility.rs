//! axe-core finds nothing on any page, in both colour schemes. Each page is also as wide as a narrow window.

use std::path::PathBuf;

use serde_json::json;

use super::Window;
use crate::harness::{App, Person};

/// The pages of a visitor, and those of a signed-in user. Each has a text that it shows when it is complete.
const OPEN: &[(&str, &str)] = &[
    ("/", "Forgotten password"),
    ("/register", "Sign in instead"),
    ("/forgot", "Back to the sign-in"),
    ("/verify", "Send the message"),
    ("/verify#token=x", "Confirm the address"),
    ("/reset#token=x", "Change the password"),
    ("/reset", "Send a new link"),
    ("/not-me#token=x", "End all sessions"),
    ("/nowhere", "There is nothing here"),
];
const SIGNED_IN: &[(&str, &str)] = &[
    ("/account", "Member since"),
    ("/account/security", "No passkeys yet"),
    ("/account/sessions", "This session"),
    ("/account/devices", "This device"),
    ("/account/activity", "Signed in"),
    ("/account/data", "Erase the account"),
];

/// The source of axe-core, which `scripts/ensure.sh web` installs. `None` skips the tests, except with CI=true.
pub(super) fn axe() -> Option<String> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    let source =
        std::fs::read_to_string(cache.join("portcullis/web-tools/node_modules/axe-core/axe.min.js")).ok();
    assert!(
        source.is_some() || std::env::var_os("CI").is_none(),
        "axe-core is missing: scripts/ensure.sh web"
    );
    source
}

/// Checks the page that the window shows, with both colour schemes and in a narrow window.
pub(super) async fn check(window: &mut Window, axe: &str, path: &str) {
    window.tab.evaluate(axe).await;
    for scheme in ["light", "dark"] {
        let features = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        window.tab.command("Emulation.setEmulatedMedia", features).await;
        let found = window.tab.evaluate(FINDS).await;
        assert_eq!(found, json!([]), "{path}, {scheme}");
    }
    let narrow = json!({"width": 360, "height": 780, "deviceScaleFactor": 1, "mobile": false});
    window.tab.command("Emulation.setDeviceMetricsOverride", narrow).await;
    let width = window.value("document.documentElement.scrollWidth").await;
    assert!(width.as_f64().is_some_and(|width| width <= 360.0), "{path} is {width} wide");
    window.tab.command("Emulation.clearDeviceMetricsOverride", json!({})).await;
}

/// Each finding with its elements.
const FINDS: &str = r#"axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
    violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} (${failureSummary})`).join(" | ")}`))"#;

async fn check_all(window: &mut Window, axe: &str, pages: &[(&str, &str)]) {
    for (path, shown) in pages {
        window.visit("/docs").await;
        window.visit(path).await;
        window.sees(shown).await;
        check(window, axe, path).await;
    }
}

async fn signed_in_window(person: &Person) -> Option<Window> {
    Window::signed_in(person, "/account").await
}

#[tokio::test]
async fn nothing_is_found_on_the_pages_of_a_visitor() {
    let Some(axe) = axe() else { return };
    let app = App::start();
    let Some(mut window) = Window::of(&app).await else { return };
    check_all(&mut window, &axe, OPEN).await;
    window.finish().await;
}

#[tokio::test]
async fn nothing_is_found_on_the_pages_of_an_account() {
    let Some(axe) = axe() else { return };
    let app = App::start();
    let Some(mut window) = signed_in_window(&app.register().await).await else { return };
    check_all(&mut window, &axe, SIGNED_IN).await;
    window.press("Erase the account").await;
    window.press("Erase the account").await;
    window.sees("Fill in this field.").await;
    check(&mut window, &axe, "a dialog with an error").await;
    window.visit("/account/security").await;
    window.press("Set up an app").await;
    window.sees("Code that the app shows").await;
    check(&mut window, &axe, "the secret of an authenticator app").await;
    window.finish().await;
}

#[tokio::test]
async fn nothing_is_found_on_a_second_step_and_on_an_error() {
    let Some(axe) = axe() else { return };
    let app = App::start();
    let person = app.register().await;
    person.enable_totp().await;
    let Some(mut window) = Window::on(&app, "/").await else { return };
    window.press("Sign in").await;
    window.sees("Fill in this field.").await;
    check(&mut window, &axe, "an error of a field").await;
    window.sign_in(&person).await;
    window.sees("One more proof").await;
    check(&mut window, &axe, "the second step").await;
    window.finish().await;
}
