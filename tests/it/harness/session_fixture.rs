//! Sessions that are opened without a password: the store opens them as after a sign-in, and their tokens are signed with the
//! server's keys. Tests that need many sessions use this module, because hashing a password for each session takes too long.

use std::{net::IpAddr, time::Duration};

use domain::{
    account::{account_key::AccountKey, role::Role},
    client::device::FINGERPRINT_VERSION,
    risk::Place,
    session::SignInMethod,
    tokens::{
        access_token::{AccessKeys, Claims},
        refresh_token::RefreshToken,
        token_key::TokenAlgorithm,
    },
};
use protocol::{
    audit::{AuditEvent, Outcome},
    id::{DeviceId, SessionId},
};
use secrecy::ExposeSecret as _;
use store::{DeviceSeen, OpenOutcome, OpenSession};
use uuid::Uuid;

use super::{Person, Session, app::secrets, forged_token::DOMAIN, secret_watch};

/// The arguments of the store for opening a session of this user, as after the check of a password.
pub(super) async fn sign_in(person: &Person) -> OpenSession {
    let (store, now) = (person.app.store(), person.app.now());
    let candidate =
        store.user_by_key(AccountKey::of(&person.email), None).await.expect("an answer").expect("the user");
    OpenSession {
        id: SessionId::random(),
        user: person.id,
        revocation_epoch: candidate.user.revocation_epoch,
        revoked_all: candidate.revoked_all,
        device: DeviceSeen {
            id: DeviceId::random(),
            fingerprint: "0".repeat(32),
            fingerprint_version: FINGERPRINT_VERSION,
            user_agent: None,
            address: IpAddr::from([127, 0, 0, 1]),
            place: Place::default(),
        },
        method: SignInMethod::Password,
        expires_at: now + Duration::from_secs(30 * 86_400),
        refresh_expires_at: now + Duration::from_secs(7 * 86_400),
        privileged_until: now + Duration::from_secs(600),
        challenge: None,
        proof: None,
        trust: None,
        attempt: None,
        per_user_limit: u32::MAX >> 1,
        device_limit: 1_000_000,
        now,
    }
}

pub(super) async fn session(person: &Person) -> Session {
    let (app, now) = (&person.app, person.app.now());
    let open = sign_in(person).await;
    let event = AuditEvent::new("session.opened", Outcome::Success, now.unix_timestamp() * 1000);
    let OpenOutcome::Session(opened, _) = app.store().open_session(open, event).await.expect("an answer")
    else {
        panic!("the sign-in was superseded")
    };
    let refresh = RefreshToken { session: opened.id, counter: opened.refresh_counter };
    let session = Session {
        app: app.clone(),
        person: person.clone(),
        id: opened.id,
        access: access_token(person, opened.id, opened.refresh_counter, now.unix_timestamp()),
        refresh: app.services().access.keys.live().refresh.encode(&refresh).expose_secret().to_owned(),
        csrf: String::new(),
        device: app.services().access.keys.live().cookies.seal(opened.device),
    };
    secret_watch::note("access token", &session.access);
    secret_watch::note("refresh token", &session.refresh);
    secret_watch::note("device cookie", &session.device);
    session
}

fn access_token(person: &Person, session: SessionId, refresh_counter: u64, now: i64) -> String {
    let claims = Claims {
        sub: person.id.to_string(),
        id: person.id.0,
        email: person.email.clone(),
        role: Role::User,
        scopes: Role::User.scopes().to_strings(),
        sid: session,
        jti: Uuid::new_v4(),
        refresh_counter,
        privilege_epoch: 0,
        iss: DOMAIN.to_owned(),
        aud: DOMAIN.to_owned(),
        iat: now,
        nbf: now,
        exp: now + 3600,
    };
    AccessKeys::new(&secrets().jwt, TokenAlgorithm::Hs256, DOMAIN, DOMAIN)
        .issue(&claims)
        .expose_secret()
        .to_owned()
}
