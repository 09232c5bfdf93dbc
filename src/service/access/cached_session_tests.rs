//! Tests: the caller that a session and a credential give, and when a use is reported.

use std::time::Duration;

use domain::{
    account::role::{Scope, Status},
    session::SignInMethod,
};
use protocol::id::{DeviceId, RevocationId, SessionId, UserId};
use store::{DeviceSummary, User};
use uuid::Uuid;

use super::*;

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
}

fn known(role: Role, privileged_epoch: Option<u32>) -> CachedSession {
    let user = User {
        id: UserId(7),
        email: "ada@example.com".to_owned(),
        display_name: None,
        password_hash: secrecy::SecretString::default(),
        role,
        status: Status::Active,
        revocation_epoch: 0,
        created_at: now(),
        last_login_at: None,
        language: None,
    };
    let session = Session {
        id: SessionId::random(),
        user: user.id,
        device: DeviceId::random(),
        created_at: now(),
        last_seen_at: now(),
        expires_at: now() + Duration::from_secs(86_400),
        refresh_counter: 3,
        refresh_rotated_at: None,
        used_counter: 2,
        retried_counter: None,
        renewed_counter: None,
        refresh_expires_at: now() + Duration::from_secs(86_400),
        privilege_epoch: privileged_epoch.unwrap_or(0),
        privileged_until: privileged_epoch.map(|_| now() + Duration::from_secs(600)),
        method: SignInMethod::Password,
        address: None,
        user_agent: None,
        risk: None,
        shown: DeviceSummary::default(),
        revoked: None,
        revoked_all: RevocationId(0),
    };
    CachedSession::new(SessionWithUser { session, user }, millis(now()))
}

fn claims(privilege_epoch: u32, role: Role, scopes: Scopes) -> Claims {
    Claims {
        sub: "7".to_owned(),
        id: 7,
        email: "old@example.com".to_owned(),
        role,
        scopes: scopes.to_strings(),
        sid: SessionId::random(),
        jti: Uuid::new_v4(),
        refresh_counter: 3,
        privilege_epoch,
        iss: String::new(),
        aud: String::new(),
        iat: 0,
        nbf: 0,
        exp: now().unix_timestamp() + 3600,
    }
}

#[test]
fn the_role_and_the_address_in_the_database_override_those_in_the_token() {
    let caller = known(Role::User, None).caller(&claims(0, Role::Admin, Role::Admin.scopes()), now());
    assert_eq!((caller.role, caller.scopes), (Role::User, Role::User.scopes()));
    assert_eq!(caller.email, "ada@example.com");
}

#[test]
fn the_scopes_of_a_token_limit_the_scopes_of_the_role() {
    let caller = known(Role::Admin, None).caller(&claims(0, Role::Admin, Scopes::of(&[Scope::Read])), now());
    assert_eq!(caller.scopes, Scopes::of(&[Scope::Read]));
}

#[test]
fn tokens_that_were_issued_before_a_step_up_carry_no_privilege() {
    let known = known(Role::User, Some(2));
    let until = |epoch, now| known.caller(&claims(epoch, Role::User, Scopes::NONE), now).privileged_until;
    assert_eq!(until(1, now()), None);
    assert!(until(2, now()).is_some() && until(3, now()).is_some());
    assert_eq!(until(3, now() + Duration::from_secs(600)), None);
}

#[test]
fn a_ticket_carries_its_own_scopes_and_no_privilege() {
    let known = known(Role::Admin, Some(0));
    let token = TokenMark { id: Some("a".into()), issued_at_ms: Some(1) };
    let (session, scopes) = (known.session.id, Scopes::of(&[Scope::Read]));
    let holder = known.ticket_holder(Ticket { session, scopes, token: token.clone() }, now());
    assert_eq!(holder.token, token);
    assert_eq!((holder.privileged_until, holder.scopes), (None, Scopes::of(&[Scope::Read])));
}

#[test]
fn a_use_is_reported_every_ten_seconds_and_at_once_for_a_new_refresh_counter() {
    let known = known(Role::User, None);
    let start = millis(now());
    assert!(!known.note_use(2, start + 1));
    assert!(known.note_use(3, start + 2));
    assert!(!known.note_use(3, start + 3));
    assert!(known.note_use(3, start + 2 + REPORT_MS));
    assert!(!known.note_use(2, start + 3 + REPORT_MS));
    assert_eq!((known.used_counter(), millis(known.last_seen())), (3, start + 3 + REPORT_MS));
}

#[test]
fn a_later_entry_takes_over_the_uses_that_an_earlier_entry_has_seen() {
    let (earlier, later) = (known(Role::User, None), known(Role::User, None));
    earlier.note_use(3, millis(now()) + 500);
    later.inherit(&earlier);
    assert_eq!((later.used_counter(), millis(later.last_seen())), (3, millis(now()) + 500));
}
