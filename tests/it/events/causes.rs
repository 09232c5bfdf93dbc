//! Each way in which trust ends gives its security events. A new cause of a revocation does not compile here until it has a way
//! of its own.

use std::time::Duration;

use domain::account::role::{Role, Status};
use protocol::{close::Cause, id::Subject};
use serde_json::{Value, json};
use service::Target;

use super::{streams::poll_stream, verified};
use crate::harness::{App, Ask as _, CookieClient, PasskeyAuthenticator, Person, Session};

const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";

/// The types of the security events about the user, and their subjects, as the receiver of a stream gets them.
async fn events_of(app: &App, stream: &str, key: &str, user: i64) -> Vec<(String, Value)> {
    let keys = app.get("/.well-known/ssf-jwks.json").ask().await.expect(200).body;
    let mut found = Vec::new();
    loop {
        let body = json!({"returnImmediately": true});
        let answer = app.post(&format!("/api/v1/ssf/poll/{stream}")).bearer_auth(key).json(&body).ask().await;
        let answer = answer.expect(200);
        let sets = answer.body["sets"].as_object().expect("sets").clone();
        let about_user =
            |claims: &Value| claims["sub_id"].to_string().contains(&format!("\"sub\":\"{user}\""));
        for token in sets.values() {
            let claims = verified(token.as_str().expect("a token"), &keys);
            let kind = claims["events"].as_object().expect("events").keys().next().expect("a type").clone();
            if about_user(&claims) {
                found.push((kind, claims["sub_id"].clone()));
            }
        }
        if sets.is_empty() {
            return found;
        }
        let ack = json!({"ack": sets.keys().collect::<Vec<_>>(), "maxEvents": 0, "returnImmediately": true});
        app.post(&format!("/api/v1/ssf/poll/{stream}")).bearer_auth(key).json(&ack).ask().await.expect(200);
    }
}

/// Ends trust for this cause.
async fn end_trust(app: &App, cause: Cause, session: &Session) {
    let person = &session.person;
    match cause {
        Cause::Revoked => drop(app.revoke(Target::User(person.id)).await),
        Cause::SignedOut => drop(session.sign_out("local").await.expect(200)),
        Cause::PasswordChanged => app.reset_password(person.id, "a quite different passphrase 9").await,
        Cause::AccountDisabled => person.set_status(Status::Suspended).await,
        Cause::RefreshReused => {
            let renewed = session.renewed().await;
            assert!(renewed.works().await);
            app.advance(Duration::from_secs(11));
            session.try_refresh().await.refused(401, "refresh_reused");
        }
        Cause::DeviceRemoved => {
            let devices = session.get("/api/v1/devices").await.expect(200);
            let id = devices.body["devices"][0]["id"].as_str().expect("a device").to_owned();
            session.delete(&format!("/api/v1/devices/{id}")).await.expect(200);
        }
        Cause::RoleChanged => person.set_role(Role::Operator).await,
        Cause::SessionExpired => {
            app.advance(Duration::from_secs(31 * 60));
            app.sweep().await;
        }
        Cause::SessionLimit => drop(person.sign_in().await),
        Cause::FactorChanged => {
            let mut other = session.clone();
            other.enable_totp().await;
        }
        Cause::CredentialCloned => copy_passkey(app, session).await,
        Cause::Drill => unreachable!("a drill ends no session of a user"),
    }
}

async fn copy_passkey(app: &App, session: &Session) {
    let mut authenticator = PasskeyAuthenticator::of(app);
    session.clone().add_passkey(&mut authenticator).await;
    for _ in 0..2 {
        CookieClient::of(app).sign_in(&mut authenticator, &json!({})).await.expect(200);
    }
    authenticator.keys[0].counter = 1;
    CookieClient::of(app).sign_in(&mut authenticator, &json!({})).await.expect(401);
}

fn expected(cause: Cause) -> Vec<String> {
    let revoked = format!("{CAEP}session-revoked");
    let credential = format!("{CAEP}credential-change");
    match cause {
        Cause::Revoked
        | Cause::SignedOut
        | Cause::RefreshReused
        | Cause::DeviceRemoved
        | Cause::SessionExpired
        | Cause::SessionLimit => vec![revoked],
        Cause::PasswordChanged => vec![credential, revoked],
        // The session that adds the factor stays, and there is no other one.
        Cause::FactorChanged => vec![credential],
        Cause::AccountDisabled => vec![format!("{RISC}account-disabled"), revoked],
        Cause::RoleChanged => vec![format!("{CAEP}token-claims-change")],
        Cause::CredentialCloned => {
            vec![format!("{RISC}credential-compromise"), credential, revoked]
        }
        Cause::Drill => Vec::new(),
    }
}

#[tokio::test]
async fn each_way_in_which_trust_ends_emits_its_security_events() {
    for cause in Cause::ALL.into_iter().filter(|cause| *cause != Cause::Drill) {
        let app = App::with(|settings| {
            settings.sessions.per_user = if cause == Cause::SessionLimit { 1 } else { 5 }
        });
        let key = app.api_key("receiver", &["events"]).await;
        let stream = poll_stream(&app, &key).await;
        let session = app.register().await.sign_in().await;
        let user = session.person.id.0;
        if cause != Cause::CredentialCloned {
            assert_eq!(events_of(&app, &stream, &key, user).await, [], "{cause}: a sign-in ends no trust");
        }
        end_trust(&app, cause, &session).await;
        let wanted = expected(cause);
        let found = events_of(&app, &stream, &key, user).await;
        let mut kinds: Vec<_> = found.into_iter().map(|(kind, _)| kind).collect();
        if cause == Cause::CredentialCloned {
            // The passkey was added before.
            let added = kinds.iter().position(|kind| *kind == format!("{CAEP}credential-change"));
            kinds.remove(added.expect("the event of the added passkey"));
        }
        assert_eq!(kinds, wanted, "{cause}: in this order");
    }
}

#[tokio::test]
async fn denials_a_step_up_and_an_enabled_account_are_security_events_too() {
    let app = App::start();
    let key = app.api_key("receiver", &["events"]).await;
    let stream = poll_stream(&app, &key).await;
    let person: Person = app.register().await;
    let session = person.sign_in().await;
    let user = person.id.0;
    let next = async || events_of(&app, &stream, &key, user).await;
    session.stepped_up().await;
    let stepped = next().await;
    assert_eq!(stepped.len(), 1);
    assert_eq!(stepped[0].0, format!("{CAEP}assurance-level-change"));
    assert_eq!(stepped[0].1["session"]["id"], session.id.to_string());
    app.block(&Subject::from(person.id)).await;
    let blocked = next().await;
    assert_eq!(blocked[0].0, format!("{CAEP}session-revoked"));
    assert_eq!(blocked[0].1["format"], "iss_sub", "the user as a whole");
    app.unblock(&Subject::from(person.id)).await;
    person.set_status(Status::Suspended).await;
    person.set_status(Status::Active).await;
    let enabled = next().await;
    assert_eq!(enabled.last().unwrap().0, format!("{RISC}account-enabled"));
}

#[tokio::test]
async fn sign_out_of_the_others_names_each_ended_session_and_not_the_one_that_stays() {
    let app = App::start();
    let key = app.api_key("receiver", &["events"]).await;
    let stream = poll_stream(&app, &key).await;
    let person = app.register().await;
    let (stays, one, two) = (person.sign_in().await, person.sign_in().await, person.sign_in().await);
    stays.sign_out("others").await.expect(200);
    let found = events_of(&app, &stream, &key, person.id.0).await;
    let mut ended: Vec<_> = found.iter().map(|(_, about)| about["session"]["id"].clone()).collect();
    ended.sort_by_key(Value::to_string);
    let mut wanted = vec![json!(one.id.to_string()), json!(two.id.to_string())];
    wanted.sort_by_key(Value::to_string);
    assert_eq!(ended, wanted);
}
