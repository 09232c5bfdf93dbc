//! The account: profile, password, factors, devices, sessions, attempts, export and erasure.

use std::time::Duration;

use serde_json::json;

use super::Window;
use crate::{
    browser::devtools::PLATFORM,
    harness::{App, AuthenticatorApp, PASSWORD},
};

/// Longer than the privilege of a sign-in lasts.
const UNTIL_PRIVILEGE_IS_OVER: Duration = Duration::from_secs(11 * 60);

#[tokio::test]
async fn a_user_changes_the_name() {
    let app = App::start();
    let person = app.register().await;
    let Some(mut window) = Window::signed_in(&person, "/account").await else { return };
    window.fill("Name", "Grace").await;
    window.press("Save").await;
    window.sees("Saved.").await;
    window.visit("/account").await;
    window.until("named(CONTROLS, 'Name')?.value === 'Grace'").await;
    window.finish().await;
}

#[tokio::test]
async fn a_step_up_in_a_dialog_continues_what_was_asked() {
    let app = App::start();
    let person = app.register().await;
    let Some(mut window) = Window::signed_in(&person, "/account/security").await else { return };
    app.advance(UNTIL_PRIVILEGE_IS_OVER);
    window.fill("Current password", PASSWORD).await;
    window.fill("New password", "another-zebra-lantern-43").await;
    window.press("Change the password").await;
    window.sees("Confirm that it is you").await;
    assert_eq!(window.focused().await, "Your password");
    window.fill("Your password", "wrong-zebra-lantern-44").await;
    window.press("Confirm").await;
    window.sees("The address or the password is wrong.").await;
    window.fill("Your password", PASSWORD).await;
    window.press("Confirm").await;
    window.sees("The password is changed.").await;
    person.try_password("another-zebra-lantern-43").await.expect(200);
    window.finish().await;
}

#[tokio::test]
async fn a_closed_dialog_of_a_step_up_changes_nothing() {
    let app = App::start();
    let person = app.register().await;
    let Some(mut window) = Window::signed_in(&person, "/account/security").await else { return };
    app.advance(UNTIL_PRIVILEGE_IS_OVER);
    window.press("Set up an app").await;
    window.sees("Confirm that it is you").await;
    window.key("Escape").await;
    window.sees("Cancelled. Nothing was changed.").await;
    window.finish().await;
}

#[tokio::test]
async fn a_user_sets_up_an_authenticator_app_and_makes_backup_codes() {
    let app = App::start();
    let person = app.register().await;
    let Some(mut window) = Window::signed_in(&person, "/account/security").await else { return };
    window.press("Set up an app").await;
    window.until("document.querySelector('.qr')?.naturalWidth > 0").await;
    let secret = window.value("document.querySelector('.secret').innerText.replaceAll(' ', '')").await;
    let authenticator = AuthenticatorApp::new(&app, secret.as_str().expect("a secret"));
    window.press("Copy the secret").await;
    window.until("scope().tagName === 'DIALOG' && clean(scope().innerText).includes('Copied.')").await;
    app.begin_a_step();
    window.fill("Code that the app shows", &authenticator.code()).await;
    window.press("Confirm").await;
    window.sees("The authenticator app is set up.").await;
    window.press("Make new codes").await;
    window.sees("Your backup codes").await;
    assert_eq!(window.value("document.querySelectorAll('.codes li').length").await, 10);
    window.press("I have kept them").await;
    window.sees("10 codes left.").await;
    window.press("Remove the app").await;
    window.press("Remove the app").await;
    window.sees("The authenticator app is removed.").await;
    window.finish().await;
}

#[tokio::test]
async fn a_user_renames_and_removes_a_passkey() {
    let app = App::start();
    let person = app.register().await;
    let Some(mut window) = Window::signed_in(&person, "/account/security").await else { return };
    window.add_authenticator(PLATFORM).await;
    window.press("Add a passkey").await;
    window.fill("Name", "Old name").await;
    window.press("Continue").await;
    window.press("Rename Old name").await;
    window.fill("Name", "New name").await;
    window.press("Save").await;
    window.press("Remove New name").await;
    window.sees("Remove “New name”?").await;
    window.press("Remove").await;
    window.sees("No passkeys yet").await;
    window.sees_no("added ").await;
    window.finish().await;
}

#[tokio::test]
async fn a_second_passkey_on_one_device_is_refused_in_words() {
    let app = App::start();
    let person = app.register().await;
    let Some(mut window) = Window::signed_in(&person, "/account/security").await else { return };
    window.add_authenticator(PLATFORM).await;
    window.press("Add a passkey").await;
    window.press("Continue").await;
    window.sees("is added.").await;
    window.press("Add a passkey").await;
    window.press("Continue").await;
    window.sees("This device already has a passkey for your account.").await;
    window.key("Escape").await;
    window.finish().await;
}

#[tokio::test]
async fn a_new_session_and_its_connection_appear_and_ending_it_shows_it_go() {
    let app = App::start();
    let person = app.register().await;
    let Some(mut window) = Window::signed_in(&person, "/account/sessions").await else { return };
    window.sees("This session").await;
    let other = person.sign_in().await;
    window.until("all('.item').length === 2").await;
    let mut socket = other.connect().await;
    window.sees("1 open connection").await;
    window.run("all('.item button').at(-1).click()").await;
    window.sees("1 session ended, 1 connection closed.").await;
    assert_eq!(socket.closed().await.code, 4501);
    window.until("all('.item').length === 1").await;
    window.finish().await;
}

#[tokio::test]
async fn a_user_renames_trusts_and_forgets_devices() {
    let app = App::start();
    let person = app.register().await;
    let other = person.sign_in().await;
    let Some(mut window) = Window::signed_in(&person, "/account/devices").await else { return };
    window.sees("This device").await;
    window.run("all('.item').find((item) => item.innerText.includes('This device')).querySelector('button').click()").await;
    window.fill("Name", "My laptop").await;
    window.press("Save").await;
    window.press("Trust My laptop").await;
    window.sees("My laptop is trusted for 30 days.").await;
    window.press("Distrust My laptop").await;
    window.sees("My laptop is no longer trusted.").await;
    window.run("all('.item').find((item) => !item.innerText.includes('This device') && item.innerText.includes('1 session')).querySelector('.button-danger').click()").await;
    window.press("Forget it").await;
    window.sees("1 session ended").await;
    other.get("/api/v1/profile").await.expect(401);
    window.finish().await;
}

#[tokio::test]
async fn attempts_are_shown_with_their_outcome_in_words() {
    let app = App::start();
    let person = app.register().await;
    person.try_password("wrong-zebra-lantern-44").await.expect(401);
    let Some(mut window) = Window::signed_in(&person, "/account/activity").await else { return };
    window.sees("Signed in").await;
    window.sees("Wrong password").await;
    window.sees("127.0.0.1").await;
    window.finish().await;
}

#[tokio::test]
async fn a_user_downloads_everything_and_erases_the_account() {
    let app = App::start();
    let person = app.register().await;
    let other = person.open_session().await;
    let Some(mut window) = Window::signed_in(&person, "/account/data").await else { return };
    window.press("Download").await;
    window.sees("The export is downloaded.").await;
    window.press("Erase the account").await;
    window.fill("E-mail address", "other@example.com").await;
    window.press("Erase the account").await;
    window.sees("This is not the address of the account.").await;
    window.fill("E-mail address", &person.email).await;
    window.press("Erase the account").await;
    window.sees("The erasure is requested").await;
    window.sees("If you sign in before then, the erasure is cancelled.").await;
    other.get("/api/v1/profile").await.expect(401);
    window.finish().await;
}

#[tokio::test]
async fn a_session_that_is_revoked_in_the_middle_of_a_form_loses_nothing_that_was_typed() {
    let app = App::start();
    let person = app.register().await;
    let operator = app.appoint(domain::account::role::Role::Operator).await.sign_in().await;
    let Some(mut window) = Window::signed_in(&person, "/account").await else { return };
    window.fill("Name", "A long name that was typed").await;
    operator.revoke(json!({"user": person.id})).await.expect(200);
    window.press("Save").await;
    window.sees("Your session was revoked. Sign in again.").await;
    window.key("Escape").await;
    assert_eq!(window.value("named(CONTROLS, 'Name').value").await, "A long name that was typed");
    window.finish().await;
}

#[tokio::test]
async fn a_device_is_renamed_and_trusted_by_keyboard_alone() {
    let app = App::start();
    let person = app.register().await;
    let Some(mut window) = Window::signed_in(&person, "/account").await else { return };
    window.sees("Member since").await;
    window.tab_to("Devices").await;
    window.key("Enter").await;
    window.sees("This device").await;
    let rename =
        window.value("all('.item button').map(nameOf).find((name) => name.startsWith('Rename'))").await;
    let rename = rename.as_str().expect("a name").to_owned();
    window.tab_to(&rename).await;
    window.key("Enter").await;
    window.sees("Rename the device").await;
    assert_eq!(window.focused().await, "Name");
    window.run("document.activeElement.select()").await;
    window.type_text("Desk").await;
    window.key("Enter").await;
    window.sees_no("Rename the device").await;
    window.tab_to("Trust Desk").await;
    window.key("Enter").await;
    window.sees("Desk is trusted for 30 days.").await;
    window.finish().await;
}
