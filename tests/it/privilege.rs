//! Which tokens carry privilege. A step-up and a change of credentials renew the tokens of their session, and copies of
//! older tokens gain no privilege.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, App, Ask, PASSWORD, PasskeyAuthenticator, Session};

const NEW_PASSWORD: &str = "another-copper-walrus-17";
/// Longer than privilege lasts.
const LATER: Duration = Duration::from_secs(601);
/// Longer than the time in which a replaced refresh token can be exchanged for its successor any number of times.
const AFTER_GRACE: Duration = Duration::from_secs(11);

/// Whether the session may do something that requires privilege.
async fn is_privileged(session: &Session) -> bool {
    let answer = session.try_begin_registration().await;
    if answer.status != 200 {
        answer.refused(403, "step_up_required");
        return false;
    }
    true
}

/// One session, returned twice: with tokens of ended privilege, and with the tokens of a later step-up.
async fn stepped_up(app: &App) -> (Session, Session) {
    let copy = app.register().await.open_session().await;
    app.advance(LATER);
    let stepped_up = copy.stepped_up().await;
    (copy, stepped_up)
}

#[tokio::test]
async fn a_refresh_token_from_before_a_step_up_is_refused_and_later_ends_the_session() {
    let app = App::start();
    let (copy, own) = stepped_up(&app).await;
    for _ in 0..2 {
        copy.try_refresh().await.refused(401, "refresh_superseded");
    }
    assert!(is_privileged(&own).await && !is_privileged(&copy).await);
    app.advance(AFTER_GRACE);
    copy.try_refresh().await.refused(401, "refresh_reused");
    assert!(!own.works().await && !copy.works().await);
}

#[tokio::test]
async fn a_refresh_token_from_before_a_step_up_ends_no_session_while_the_new_tokens_are_unused() {
    let app = App::start();
    let (copy, _lost) = stepped_up(&app).await;
    app.advance(AFTER_GRACE);
    copy.try_refresh().await.refused(401, "refresh_superseded");
    let own = copy.stepped_up().await;
    app.advance(AFTER_GRACE);
    copy.try_refresh().await.refused(401, "refresh_superseded");
    assert!(is_privileged(&own).await, "the new tokens are used from here on");
    copy.try_refresh().await.refused(401, "refresh_reused");
    own.try_refresh().await.expect(401).problem();
}

#[tokio::test]
async fn the_tokens_of_a_refresh_carry_the_privilege_of_the_step_up() {
    let app = App::start();
    let (copy, own) = stepped_up(&app).await;
    let renewed = own.renewed().await;
    assert!(is_privileged(&renewed).await && is_privileged(&own.renewed().await).await);
    assert!(!is_privileged(&copy).await);
    copy.try_refresh().await.refused(401, "refresh_reused");
    assert!(!renewed.works().await);
}

#[tokio::test]
async fn a_step_up_with_the_old_access_token_ends_the_privilege_of_the_earlier_step_up() {
    let app = App::start();
    let (copy, first) = stepped_up(&app).await;
    let second = copy.stepped_up().await;
    assert!(is_privileged(&second).await && !is_privileged(&first).await);
    first.try_refresh().await.refused(401, "refresh_superseded");
    second.try_refresh().await.expect(200);
}

#[tokio::test]
async fn after_a_step_up_a_refresh_token_from_before_the_last_rotation_is_a_reuse_at_once() {
    let app = App::start();
    let first = app.register().await.open_session().await;
    let own = first.renewed().await.stepped_up().await;
    first.try_refresh().await.refused(401, "refresh_reused");
    assert!(!own.works().await);
}

/// A change of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Password,
    AddApp,
    RemoveApp,
    BackupCodes,
    AddPasskey,
    RemovePasskey,
}

impl Change {
    const ALL: [Self; 6] = [
        Self::Password,
        Self::AddApp,
        Self::RemoveApp,
        Self::BackupCodes,
        Self::AddPasskey,
        Self::RemovePasskey,
    ];

    /// Makes the change, after the steps that it requires. Returns the session with its tokens from before the change, and
    /// the answer.
    async fn make(self, session: &mut Session) -> (Session, Answer) {
        let app = session.app.clone();
        if matches!(self, Self::RemoveApp | Self::BackupCodes) {
            session.enable_totp().await;
        }
        let mut authenticator = PasskeyAuthenticator::of(&app);
        let passkey = match self {
            Self::RemovePasskey => session.add_passkey(&mut authenticator).await,
            _ => String::new(),
        };
        let copy = session.clone();
        let answer = match self {
            Self::Password => {
                session.post("/api/v1/profile/password", &json!({"new_password": NEW_PASSWORD})).await
            }
            Self::AddApp => {
                app.begin_a_step();
                let begun = session.post("/api/v1/2fa/totp", &json!({})).await.expect(201);
                let totp = crate::harness::AuthenticatorApp::new(&app, &begun.text_of("secret"));
                session.post("/api/v1/2fa/totp/confirm", &json!({"totp": totp.code()})).await
            }
            Self::RemoveApp => session.delete("/api/v1/2fa/totp").await,
            Self::BackupCodes => session.post("/api/v1/2fa/backup-codes", &json!({})).await,
            Self::AddPasskey => {
                let ceremony = session.begin_registration().await;
                let credential = authenticator.register(&ceremony.options);
                session.finish_registration(&ceremony, &credential).await
            }
            Self::RemovePasskey => session.delete(&format!("/api/v1/webauthn/credentials/{passkey}")).await,
        };
        (copy, answer)
    }
}

#[tokio::test]
async fn every_change_of_credentials_renews_the_tokens_of_its_session() {
    let app = App::start();
    for change in Change::ALL {
        let mut session = app.register().await.open_session().await;
        let mut socket = session.connect().await;
        let (copy, answer) = change.make(&mut session).await;
        assert!([200, 201].contains(&answer.status), "{change:?}: {}", answer.text);
        session.adopt(&answer);
        assert_ne!((&copy.access, &copy.refresh), (&session.access, &session.refresh), "{change:?}");
        assert!(copy.works().await && session.works().await, "{change:?}");
        assert!(!is_privileged(&copy).await, "{change:?}");
        // A new password ends the privilege. A change of factors does not end the privilege of the last proof.
        assert_eq!(is_privileged(&session).await, change != Change::Password, "{change:?}");
        copy.try_refresh().await.refused(401, "refresh_superseded");
        session.try_refresh().await.expect(200);
        assert!(socket.is_undisturbed().await, "{change:?}");
    }
}

#[tokio::test]
async fn a_browser_gets_the_new_tokens_as_cookies_and_keeps_them_when_an_old_token_is_refused() {
    let app = App::start();
    let session = app.register().await.open_session().await;
    let csrf =
        app.get("/api/v1/auth/csrf-token").bearer_auth(&session.access).header("cookie", session.cookies());
    let csrf = csrf.ask().await.expect(200).text_of("csrf_token");
    let session = Session { csrf, ..session };
    let request = |path| {
        let request = session.by_cookie(Method::POST, path).header("x-csrf-token", &session.csrf);
        request.header("sec-fetch-site", "same-origin")
    };
    let stepped_up = request("/api/v1/auth/step-up").json(&json!({"password": PASSWORD}));
    let answer = stepped_up.ask().await.expect(200);
    assert!(answer.body.get("refresh_token").is_none(), "a browser's token stays in its cookie");
    for cookie in ["access_token", "refresh_token", "csrf_token"] {
        assert!(answer.cookie(cookie).is_some_and(|value| !session.cookies().contains(&value)), "{cookie}");
    }
    let refused = request("/api/v1/auth/refresh").ask().await.refused(401, "refresh_superseded");
    assert!(refused.set_cookie("refresh_token").is_none() && refused.set_cookie("access_token").is_none());
}
