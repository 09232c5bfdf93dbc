//! Expired access tokens, several tabs, and a server that is away for a while.

use std::time::Duration;

use super::Window;
use crate::harness::{App, eventually, fresh_database, lasting_port, within};

/// Longer than an access token lives.
const UNTIL_EXPIRED: Duration = Duration::from_secs(61 * 60);

/// A server whose sessions may be unused for longer than an access token lives.
fn patient_app() -> App {
    App::with(|settings| settings.sessions.idle = Duration::from_secs(24 * 60 * 60))
}

#[tokio::test]
async fn an_expired_access_token_is_renewed_in_the_middle_of_a_page() {
    let app = patient_app();
    let person = app.register().await;
    let Some(mut window) = Window::signed_in(&person, "/account").await else { return };
    window.fill("Name", "Renewed").await;
    app.advance(UNTIL_EXPIRED);
    window.press("Save").await;
    window.sees("Saved.").await;
    window.finish().await;
}

#[tokio::test]
async fn a_page_that_is_opened_with_an_expired_access_token_renews_it() {
    let app = patient_app();
    let person = app.register().await;
    let Some(mut window) = Window::signed_in(&person, "/account").await else { return };
    app.advance(UNTIL_EXPIRED);
    window.visit("/account/sessions").await;
    window.sees("This session").await;
    window.finish().await;
}

/// The server would end the session if both tabs used one refresh token twice.
#[tokio::test]
async fn two_tabs_whose_token_expires_at_the_same_moment_renew_it_once() {
    let app = patient_app();
    let person = app.register().await;
    let Some(mut one) = Window::signed_in(&person, "/account").await else { return };
    let mut other = one.sibling().await;
    other.visit("/account").await;
    other.sees("Member since").await;
    let before = app.count("SELECT refresh_counter FROM sessions WHERE revoked_at IS NULL").await;
    app.advance(UNTIL_EXPIRED);
    one.fill("Name", "One").await;
    other.fill("Name", "Other").await;
    tokio::join!(one.press("Save"), other.press("Save"));
    one.sees("Saved.").await;
    other.sees("Saved.").await;
    let after = app.count("SELECT refresh_counter FROM sessions WHERE revoked_at IS NULL").await;
    assert_eq!(after, before + 1);
    other.finish().await;
    one.finish().await;
}

#[tokio::test]
async fn a_sign_out_in_one_window_is_said_in_the_other() {
    let app = App::start();
    let person = app.register().await;
    let Some(mut one) = Window::signed_in(&person, "/account").await else { return };
    let mut other = one.sibling().await;
    other.visit("/account").await;
    other.press("Sign out").await;
    one.sees("You signed out in another window.").await;
    other.finish().await;
    one.finish().await;
}

#[tokio::test]
async fn a_page_goes_on_after_a_restart_of_the_server() {
    let database = fresh_database();
    let port = lasting_port();
    let start =
        || App::over(database.clone(), |settings| settings.listen.http = Some(([127, 0, 0, 1], port).into()));
    let app = start();
    let person = app.register().await;
    let Some(mut window) = Window::signed_in(&person, "/account").await else { return };
    app.stop();
    window.fill("Name", "Patient").await;
    within("a server that has stopped", async {
        while window.value("clean(document.body.innerText).includes('The server cannot be reached.')").await
            != true
        {
            window.press("Save").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let again = start();
    window.fill("Name", "More patient").await;
    window.press("Save").await;
    window.sees_no("The server cannot be reached.").await;
    let saved = "SELECT count(*) FROM users WHERE display_name = 'More patient'";
    eventually("the name is saved", async || again.count(saved).await == 1).await;
    window.finish().await;
}
