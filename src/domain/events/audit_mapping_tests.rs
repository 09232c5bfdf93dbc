//! Tests of the table: every audit event of the sources is in it, and every cause of a revocation gives its security events.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use protocol::{
    audit::AuditEvent,
    close::Cause,
    id::{DeviceId, SessionId, UserId},
};
use uuid::Uuid;

use super::*;
use crate::events::{
    outgoing::SignalSubject,
    session_signals::{ENDED_SESSIONS, SignalKind},
};

/// Literals that look like the name of an audit event and are none.
const NO_EVENTS: [&str; 4] = ["audit.spill", "audit.refused", "http.route", "r.txid"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the sources") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            sources(&path, found);
        } else if name.ends_with(".rs") && !name.ends_with("_tests.rs") {
            found.push(path);
        }
    }
}

/// The names of all audit events in the sources of the server: all literals of the form `noun.verb`.
fn names_in_sources() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder of the sources");
    let mut files = Vec::new();
    for folder in ["service", "store", "socket", "http", "domain/receipt"] {
        sources(&root.join(folder), &mut files);
    }
    let mut names = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a source");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        names.extend(code.split('"').filter(|literal| is_name(literal)).map(str::to_owned));
    }
    names
}

fn is_name(literal: &str) -> bool {
    let is_word = |word: &str| word.len() > 2 && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let file = [".json", ".pem", ".key", ".txt", ".html", ".js", ".css", ".toml", ".example", ".com", ".sql"];
    literal.split_once('.').is_some_and(|(noun, verb)| is_word(noun) && is_word(verb))
        && !file.iter().any(|end| literal.ends_with(end))
        && !NO_EVENTS.contains(&literal)
        && !CHANNEL_EVENTS.contains(&literal)
        && literal != TEST_EVENT
}

#[test]
fn every_audit_event_of_the_sources_is_in_the_table() {
    let known: BTreeSet<_> = AUDIT_EVENTS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let used = names_in_sources();
    let missing: Vec<_> = used.difference(&known).collect();
    assert!(missing.is_empty(), "decide in AUDIT_EVENTS how these are sent: {missing:?}");
    let unused: Vec<_> = known.difference(&used).collect();
    assert!(unused.is_empty(), "no source has these names: {unused:?}");
}

#[test]
fn the_table_has_each_name_once_and_in_order() {
    let names: Vec<_> = AUDIT_EVENTS.iter().map(|(name, _)| *name).collect();
    assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
}

fn event(name: &str, outcome: Outcome) -> AuditEvent {
    AuditEvent {
        user: Some(UserId(7)),
        actor: Some(UserId(7)),
        session: Some(SessionId(Uuid::from_u128(1))),
        device: Some(DeviceId(Uuid::from_u128(2))),
        ..AuditEvent::new(name, outcome, 1_500)
    }
}

fn revocation(name: &str, cause: Cause, scope: &str) -> AuditEvent {
    event(name, Outcome::Denied)
        .with("cause", cause.as_str())
        .with("scope", scope)
        .with("revocation", 3)
        .with("reason", "because")
}

fn kinds(event: &AuditEvent) -> Vec<SignalKind> {
    signals(event).into_iter().map(|signal| signal.kind).collect()
}

#[test]
fn every_cause_gives_its_security_events_whatever_the_event_is_called() {
    use SignalKind::{
        AccountDisabled, CredentialChange, CredentialCompromise, SessionRevoked, TokenClaimsChange,
    };
    for cause in Cause::ALL {
        let expected: &[SignalKind] = match cause {
            Cause::Revoked
            | Cause::SignedOut
            | Cause::RefreshReused
            | Cause::DeviceRemoved
            | Cause::SessionExpired
            | Cause::SessionLimit => &[SessionRevoked],
            Cause::PasswordChanged | Cause::FactorChanged => &[CredentialChange, SessionRevoked],
            Cause::AccountDisabled => &[AccountDisabled, SessionRevoked],
            Cause::RoleChanged => &[TokenClaimsChange],
            Cause::CredentialCloned => &[CredentialCompromise, CredentialChange, SessionRevoked],
            Cause::Drill => &[],
        };
        let event = revocation("a.new_name", cause, "user").with("role", "operator");
        assert_eq!(kinds(&event), expected, "{cause}");
    }
}

#[test]
fn a_locked_password_is_a_revoked_credential() {
    let event = revocation("session.revoked", Cause::Revoked, "users").with("password_locked", true);
    assert_eq!(kinds(&event), [SignalKind::CredentialChange, SignalKind::SessionRevoked]);
    let claims = &signals(&event)[0].claims;
    assert_eq!((&claims["credential_type"], &claims["change_type"]), (&"password".into(), &"revoke".into()));
}

#[test]
fn a_revocation_names_what_it_ended() {
    let about = |event: &AuditEvent| -> Vec<_> {
        let signals = signals(event).into_iter();
        signals.filter(|s| s.kind == SignalKind::SessionRevoked).map(|s| s.about).collect()
    };
    let (user, session, device) = (UserId(7), SessionId(Uuid::from_u128(1)), DeviceId(Uuid::from_u128(2)));
    let of = |scope| revocation("session.revoked", Cause::Revoked, scope);
    assert_eq!(about(&of("session")), [SignalSubject::Session(Some(user), session)]);
    assert_eq!(about(&of("device")), [SignalSubject::Device(Some(user), device)]);
    assert_eq!(about(&of("user")), [SignalSubject::User(user)]);
    assert_eq!(about(&of("all")), [SignalSubject::Everyone]);
    let others = of("user").with(ENDED_SESSIONS, vec![Uuid::from_u128(9).to_string()]);
    let other = SessionId(Uuid::from_u128(9));
    assert_eq!(about(&others), [SignalSubject::Session(Some(user), other)], "the exception stays");
    let external = AuditEvent { user: None, subject: Some("ann".to_owned()), ..of("subject") };
    assert_eq!(about(&external), [SignalSubject::External("ann".to_owned())]);
}

#[test]
fn a_refused_attempt_of_an_operator_is_no_event() {
    assert!(outgoing(&event("session.revoked", Outcome::Denied)).is_empty());
    assert!(outgoing(&event("user.status_changed", Outcome::Denied)).is_empty());
}

#[test]
fn a_change_without_an_effect_is_no_event() {
    assert!(!outgoing(&event("session.revoked", Outcome::Success)).is_empty());
    assert!(outgoing(&event("session.revoked", Outcome::Success).with("effect", "none")).is_empty());
}

#[test]
fn denials_and_a_step_up_and_an_enabled_account_are_security_events() {
    let done = |name| event(name, Outcome::Success);
    assert_eq!(kinds(&done("user.blocked")), [SignalKind::SessionRevoked]);
    assert_eq!(kinds(&done("tokens.invalidated")), [SignalKind::SessionRevoked]);
    assert_eq!(kinds(&done("tokens.invalidated").with("channel", "a")), []);
    assert_eq!(kinds(&done("token.revoked").with("token", "t")), [SignalKind::SessionRevoked]);
    assert_eq!(kinds(&done("session.stepped_up").with("method", "totp")), [SignalKind::AssuranceLevelChange]);
    assert_eq!(kinds(&done("user.status_changed").with("status", "active")), [SignalKind::AccountEnabled]);
}

#[test]
fn the_same_audit_event_gives_the_same_ids_and_events_of_a_user_have_one_order() {
    let event = revocation("password.changed", Cause::PasswordChanged, "user");
    let (first, second) = (outgoing(&event), outgoing(&event));
    assert_eq!(first, second);
    assert_eq!(first.len(), 3);
    assert!(first.iter().all(|event| event.subject == "user:7"));
    let ids: BTreeSet<_> = first.iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), 3);
}

#[test]
fn a_socket_event_is_sent_under_the_name_of_a_connection() {
    let sent = outgoing(&event("socket.opened", Outcome::Success));
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].kind.as_str(), sent[0].group), ("connection.connected", Group::Connections));
}
