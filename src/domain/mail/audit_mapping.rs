//! The one table that maps audit events to mails.
//!
//! The store calls [`caused_mail`] for every audit event that it writes, in the same transaction. So no use case can forget a
//! mail, and a mail is written if and only if its cause is committed.

use protocol::audit::{AuditEvent, Outcome};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{caused_mail::CausedMail, kind::MailKind};
use crate::events::outgoing::event_id;

/// The key of the detail of `session.opened` and `user.registered` with which a use case asks for a mail.
pub const NOTIFY: &str = "notify";

/// When an audit event causes a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// The act was done.
    Done,
    /// Always: the event itself reports a danger.
    Always,
    /// The act was done, and the event has the detail [`NOTIFY`].
    Asked,
}

/// The audit events that cause mails.
const MAILS: &[(&str, When, MailKind)] = &[
    ("address.registered_again", When::Done, MailKind::AddressRegistered),
    ("address.verification_requested", When::Done, MailKind::VerifyAddress),
    ("backup_codes.replaced", When::Done, MailKind::FactorAdded),
    ("credential.clone_suspected", When::Always, MailKind::PasskeySuspended),
    ("factors.reset", When::Done, MailKind::FactorRemoved),
    ("passkey.added", When::Done, MailKind::FactorAdded),
    ("passkey.removed", When::Done, MailKind::FactorRemoved),
    ("password.changed", When::Done, MailKind::PasswordChanged),
    ("password.locked", When::Done, MailKind::AccountLocked),
    ("password.reset", When::Done, MailKind::PasswordChanged),
    ("password.reset_requested", When::Done, MailKind::ResetPassword),
    ("second_factor.locked", When::Always, MailKind::SecondFactorLocked),
    ("session.opened", When::Asked, MailKind::NewSignIn),
    ("totp.confirmed", When::Done, MailKind::FactorAdded),
    ("totp.removed", When::Done, MailKind::FactorRemoved),
    ("user.email_changed", When::Done, MailKind::AddressChanged),
    ("user.registered", When::Asked, MailKind::VerifyAddress),
];

/// The mail to the user that an audit event causes.
#[must_use]
pub fn caused_mail(event: &AuditEvent) -> Option<CausedMail> {
    event.user?;
    let (_, when, kind) = MAILS.iter().find(|(name, ..)| *name == event.event)?;
    let done = event.outcome == Outcome::Success;
    let causes = match when {
        When::Done => done,
        When::Always => true,
        When::Asked => done && event.detail.contains_key(NOTIFY),
    };
    causes.then(|| {
        let own = is_own(event);
        CausedMail { id: mail_id(event.id, *kind), kind: *kind, detail: detail(event, *kind, own), own }
    })
}

/// The id of the mail of this kind that an audit event causes.
#[must_use]
pub fn mail_id(cause: Uuid, kind: MailKind) -> Uuid {
    event_id(cause, &format!("mail {kind}"), 0)
}

/// Whether the user, or a client with the user's name, has done it. Otherwise an operator or the command line has.
fn is_own(event: &AuditEvent) -> bool {
    let by_others = event.api_key.is_some() || event.detail.contains_key("by");
    let by_request = event.address.is_some();
    by_request && !by_others && event.actor.is_none_or(|actor| Some(actor) == event.user)
}

fn detail(event: &AuditEvent, kind: MailKind, own: bool) -> Map<String, Value> {
    let mut detail = Map::new();
    detail.insert("at_ms".to_owned(), event.at_ms.into());
    detail.insert("by".to_owned(), if own { "user" } else { "operator" }.into());
    if let Some(address) = event.address.filter(|_| own) {
        detail.insert("address".to_owned(), address.to_string().into());
    }
    if let Some(factor) = factor(&event.event) {
        detail.insert("factor".to_owned(), factor.into());
    }
    if kind == MailKind::NewSignIn
        && let Some(reasons) = event.detail.get(NOTIFY)
    {
        detail.insert("reasons".to_owned(), reasons.clone());
    }
    detail
}

/// The factor that an event of a change is about.
fn factor(event: &str) -> Option<&'static str> {
    match event {
        "totp.confirmed" | "totp.removed" => Some("app"),
        "passkey.added" | "passkey.removed" => Some("passkey"),
        "backup_codes.replaced" => Some("backup_codes"),
        "factors.reset" => Some("all"),
        _ => None,
    }
}

#[cfg(test)]
#[path = "audit_mapping_tests.rs"]
mod tests;
