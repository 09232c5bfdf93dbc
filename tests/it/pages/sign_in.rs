//! The pages before the sign-in, and the sign-in itself.

use serde_json::json;

use super::Window;
use crate::{
    browser::devtools::PLATFORM,
    harness::{App, PASSWORD},
};

#[tokio::test]
async fn a_visitor_registers_and_the_meter_says_what_is_weak() {
    let app = App::start();
    let Some(mut window) = Window::on(&app, "/").await else { return };
    window.press("Create an account").await;
    window.arrives_at("/register").await;
    window.fill("E-mail address", "ada@example.com").await;
    window.fill("Name", "Ada").await;
    window.fill("Password", "qwertyuiop").await;
    window.sees("one of the passwords that are tried first").await;
    window.press("Create the account").await;
    window.sees("This password is easy to guess.").await;
    assert_eq!(window.focused().await, "Password");
    window.fill("Password", PASSWORD).await;
    window.sees("Strong.").await;
    window.press("Create the account").await;
    window.arrives_at("/account").await;
    window.sees("ada@example.com").await;
    window.finish().await;
}

#[tokio::test]
async fn an_address_that_must_be_verified_is_said_to_wait_for_its_mail() {
    let app = App::with(|settings| settings.require_email_verification = true);
    let Some(mut window) = Window::on(&app, "/register").await else { return };
    window.fill("E-mail address", "ada@example.com").await;
    window.fill("Password", PASSWORD).await;
    window.press("Create the account").await;
    window.sees("A message is on its way to ada@example.com").await;
    window.finish().await;
}

#[tokio::test]
async fn a_visitor_signs_in_with_a_password_and_out_again() {
    let app = App::start();
    let person = app.register().await;
    let Some(mut window) = Window::on(&app, "/account").await else { return };
    window.arrives_at("/").await;
    window.sign_in(&person).await;
    window.arrives_at("/account").await;
    window.sees(&person.email).await;
    window.press("Sign out").await;
    window.sees("Create an account").await;
    window.finish().await;
}

#[tokio::test]
async fn a_wrong_password_is_said_in_words_that_get_the_focus() {
    let app = App::start();
    let person = app.register().await;
    let Some(mut window) = Window::on(&app, "/").await else { return };
    window.press("Sign in").await;
    window.sees("Fill in this field.").await;
    assert_eq!(window.focused().await, "E-mail address");
    window.fill("E-mail address", &person.email).await;
    window.fill("Password", "another-zebra-lantern-42").await;
    window.press("Sign in").await;
    window.sees("The address or the password is wrong.").await;
    let shown = window.value("clean(document.activeElement.innerText)").await;
    assert_eq!(shown, "The address or the password is wrong.");
    window.finish().await;
}

#[tokio::test]
async fn a_second_factor_is_asked_for_until_the_device_is_trusted() {
    let app = App::start();
    let person = app.register().await;
    let authenticator = person.enable_totp().await;
    let Some(mut window) = Window::on(&app, "/").await else { return };
    window.sign_in(&person).await;
    window.sees("One more proof").await;
    assert_eq!(window.focused().await, "Code");
    window.fill("Code", "000000").await;
    window.press("Sign in").await;
    window.sees("This code is wrong, expired or already used.").await;
    window.press("Trust this device for 30 days").await;
    window.fill("Code", &authenticator.code()).await;
    window.press("Sign in").await;
    window.arrives_at("/account").await;
    window.press("Sign out").await;
    window.sign_in(&person).await;
    window.arrives_at("/account").await;
    window.finish().await;
}

#[tokio::test]
async fn a_backup_code_is_a_second_proof() {
    let app = App::start();
    let person = app.register().await;
    let mut session = person.sign_in().await;
    session.enable_totp().await;
    let codes = session.backup_codes().await;
    let Some(mut window) = Window::on(&app, "/").await else { return };
    window.sign_in(&person).await;
    window.press("Use a backup code").await;
    window.fill("Backup code", &codes[3]).await;
    window.press("Sign in").await;
    window.arrives_at("/account").await;
    window.finish().await;
}

#[tokio::test]
async fn a_passkey_that_was_added_signs_in_by_its_button() {
    let app = App::start();
    let person = app.register().await;
    let Some(mut window) = Window::signed_in(&person, "/account/security").await else { return };
    let authenticator = window.add_authenticator(PLATFORM).await;
    window.press("Add a passkey").await;
    window.fill("Name", "Test key").await;
    window.press("Continue").await;
    window.sees("The passkey “Test key” is added.").await;
    assert_eq!(window.tab.credentials(&authenticator).await.len(), 1);
    window.press("Sign out").await;
    window.press("Sign in with a passkey").await;
    window.arrives_at("/account").await;
    window.finish().await;
}

#[tokio::test]
async fn a_passkey_is_offered_in_the_autofill_of_the_address() {
    let app = App::start();
    let person = app.register().await;
    let Some(mut window) = Window::signed_in(&person, "/account/security").await else { return };
    window.add_authenticator(PLATFORM).await;
    window.press("Add a passkey").await;
    window.press("Continue").await;
    window.sees("is added.").await;
    window.press("Sign out").await;
    // The virtual authenticator takes the offer at once, as a user does with a touch.
    window.arrives_at("/account").await;
    window.sees(&person.email).await;
    window.finish().await;
}

#[tokio::test]
async fn a_cancelled_passkey_is_said_in_words() {
    let app = App::start();
    let Some(mut window) = Window::on(&app, "/").await else { return };
    let cancels =
        "navigator.credentials.get = async () => { throw new DOMException('x', 'NotAllowedError'); };";
    window.run(cancels).await;
    window.press("Sign in with a passkey").await;
    window.sees("The passkey request was cancelled, or it took too long.").await;
    window.finish().await;
}

#[tokio::test]
async fn a_sign_in_works_by_keyboard_alone() {
    let app = App::start();
    let person = app.register().await;
    let Some(mut window) = Window::on(&app, "/").await else { return };
    window.sees("Forgotten password").await;
    let mut order = Vec::new();
    for _ in 0..6 {
        window.key("Tab").await;
        order.push(window.focused().await);
        match order.last().map(String::as_str) {
            Some("E-mail address") => window.type_text(&person.email).await,
            Some("Password") => window.type_text(PASSWORD).await,
            Some("Sign in") => break,
            _ => {}
        }
    }
    assert_eq!(
        json!(order),
        json!([
            "Skip to the content",
            "Portcullis: home",
            "E-mail address",
            "Password",
            "Show the password",
            "Sign in"
        ])
    );
    window.key("Enter").await;
    window.arrives_at("/account").await;
    window.finish().await;
}

#[tokio::test]
async fn the_token_of_a_mailed_link_does_not_stay_in_the_address() {
    let app = App::start();
    let Some(mut window) = Window::of(&app).await else { return };
    for (path, shown) in [
        ("/verify", "Confirm the address"),
        ("/reset", "Change the password"),
        ("/not-me", "End all sessions"),
    ] {
        window.visit("/").await;
        window.visit(&format!("{path}#token=secret-of-a-link")).await;
        window.sees(shown).await;
        let address = window.value("location.href").await;
        assert!(address.as_str().is_some_and(|address| address.ends_with(path)), "{address}");
    }
    window.finish().await;
}
