//! Tests of the mapping of audit events to mails.

use protocol::id::UserId;

use super::*;
use crate::events::audit_mapping::AUDIT_EVENTS;

fn event(name: &str) -> AuditEvent {
    AuditEvent {
        actor: Some(UserId(7)),
        user: Some(UserId(7)),
        address: Some([203, 0, 113, 9].into()),
        ..AuditEvent::new(name, Outcome::Success, 1_000)
    }
}

#[test]
fn the_table_is_sorted_and_has_only_known_audit_events() {
    assert!(MAILS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    for (name, ..) in MAILS {
        assert!(AUDIT_EVENTS.iter().any(|(known, _)| known == name), "{name}");
    }
}

#[test]
fn every_kind_of_mail_has_a_cause() {
    for kind in MailKind::ALL {
        assert!(MAILS.iter().any(|(.., caused)| *caused == kind), "{kind}");
    }
}

#[test]
fn a_changed_password_causes_a_mail_and_a_refused_change_does_not() {
    let changed = caused_mail(&event("password.changed")).unwrap();
    assert_eq!(changed.kind, MailKind::PasswordChanged);
    assert_eq!(changed.detail["by"], "user");
    assert_eq!(changed.detail["address"], "203.0.113.9");
    assert!(caused_mail(&AuditEvent { outcome: Outcome::Failure, ..event("password.changed") }).is_none());
}

#[test]
fn an_event_without_a_user_causes_no_mail() {
    assert_eq!(caused_mail(&AuditEvent { user: None, ..event("password.reset_requested") }), None);
}

#[test]
fn a_sign_in_causes_a_mail_only_if_it_is_new() {
    assert_eq!(caused_mail(&event("session.opened")), None);
    let mail = caused_mail(&event("session.opened").with(NOTIFY, vec!["new_device"])).unwrap();
    assert_eq!(mail.kind, MailKind::NewSignIn);
    assert_eq!(mail.detail["reasons"], serde_json::json!(["new_device"]));
}

#[test]
fn a_danger_causes_a_mail_although_the_act_was_refused() {
    let denied = AuditEvent { outcome: Outcome::Denied, actor: None, ..event("credential.clone_suspected") };
    assert_eq!(caused_mail(&denied).map(|mail| mail.kind), Some(MailKind::PasskeySuspended));
}

#[test]
fn the_address_of_an_operator_is_not_shown_to_the_user() {
    let reset = caused_mail(&AuditEvent { actor: Some(UserId(1)), ..event("password.reset") }).unwrap();
    assert_eq!(reset.detail["by"], "operator");
    assert!(!reset.own && !reset.detail.contains_key("address"));
    let local = AuditEvent { actor: None, address: None, ..event("user.email_changed") };
    assert!(!caused_mail(&local).unwrap().own);
}

#[test]
fn a_second_write_of_an_event_gives_the_same_mail() {
    let event = event("totp.removed");
    assert_eq!(caused_mail(&event), caused_mail(&event));
    assert_ne!(caused_mail(&event).unwrap().id, event.id);
}
