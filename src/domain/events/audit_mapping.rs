//! The one table that maps audit events to outgoing events.
//!
//! The store calls [`outgoing`] for every audit event that it writes, in the same transaction. So no use case can forget an
//! event. Only audit events with a name in [`AUDIT_EVENTS`] are sent as webhooks. A test reads the names in the sources and
//! fails for a name that is not in the table. The security events of a revocation do not depend on the name: `session_signals`
//! derives them from the cause.

use protocol::audit::{AuditEvent, Outcome};
use serde_json::{Map, Value};

use super::{
    outgoing::{Content, Group, OutgoingEvent, event_id},
    session_signals::signals,
};

/// How an audit event is sent to webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Webhook {
    /// It is sent if the act was done. A refused attempt is only in the audit log.
    Done(Group),
    /// It is sent with every outcome, because the event itself reports a refusal or a danger.
    Always(Group),
    /// It is sent under another type.
    Named(Group, &'static str),
    /// It is only in the audit log: a read, or a step without a change of trust.
    Never,
}

use Webhook::{Always, Done, Named, Never};

/// Every audit event, in the order of the names.
pub const AUDIT_EVENTS: &[(&str, Webhook)] = &[
    ("accounts.imported", Done(Group::Security)),
    ("address.banned", Always(Group::Security)),
    ("address.registered_again", Never),
    ("address.unbanned", Done(Group::Security)),
    ("address.verification_requested", Never),
    ("address.verified", Done(Group::Security)),
    ("api.disconnected", Never),
    ("api.history_removed", Never),
    ("api.refreshed", Never),
    ("api.subscribed", Never),
    ("api.unsubscribed", Never),
    ("api_key.created", Done(Group::Security)),
    ("api_key.revoked", Done(Group::Security)),
    ("api_keys.listed", Never),
    ("attempts.searched", Never),
    ("audit.exported", Done(Group::Security)),
    ("audit.followed", Never),
    ("audit.month_dropped", Done(Group::Security)),
    ("audit.proved", Never),
    ("audit.searched", Never),
    ("backup_codes.replaced", Done(Group::Security)),
    ("bans.searched", Never),
    ("channel.history_read", Never),
    ("channel.subscribers_read", Never),
    ("channels.listed", Never),
    ("connections.searched", Never),
    ("credential.clone_suspected", Always(Group::Security)),
    ("database.accepted", Done(Group::Security)),
    ("database.restored", Done(Group::Security)),
    ("device.changed", Done(Group::Security)),
    ("device.distrusted", Done(Group::Security)),
    ("device.forgotten", Done(Group::Security)),
    ("device.read", Never),
    ("devices.searched", Never),
    ("drill.run", Never),
    ("erasure.cancelled", Done(Group::Security)),
    ("erasure.carried_out", Done(Group::Security)),
    ("erasure.requested", Done(Group::Security)),
    ("erasures.listed", Never),
    ("event_deliveries.read", Never),
    ("event_deliveries.replayed", Done(Group::Security)),
    ("event_receiver.changed", Done(Group::Security)),
    ("event_receiver.created", Done(Group::Security)),
    ("event_receiver.deleted", Done(Group::Security)),
    ("event_receiver.tested", Never),
    ("event_receivers.listed", Never),
    ("factors.reset", Done(Group::Security)),
    ("issuers.listed", Never),
    ("mail.sent_again", Done(Group::Security)),
    ("mail_link.refused", Always(Group::Refusals)),
    ("mails.listed", Never),
    ("message.removed", Done(Group::Security)),
    ("messages.erased", Done(Group::Security)),
    ("node.read", Never),
    ("passkey.added", Done(Group::Security)),
    ("passkey.refused", Always(Group::Refusals)),
    ("passkey.removed", Done(Group::Security)),
    ("passkey.renamed", Done(Group::Security)),
    ("password.changed", Done(Group::Security)),
    ("password.locked", Done(Group::Security)),
    ("password.refused", Always(Group::Refusals)),
    ("password.reset", Done(Group::Security)),
    ("password.reset_requested", Never),
    ("profile.exported", Done(Group::Security)),
    ("refresh.repeated_late", Never),
    ("refresh.reused", Always(Group::Security)),
    ("refresh.superseded", Always(Group::Refusals)),
    ("request.replayed", Never),
    ("revocation.read", Never),
    ("revocation.receipt_read", Never),
    ("revocations.completed", Never),
    ("revocations.searched", Never),
    ("second_factor.locked", Always(Group::Security)),
    ("second_factor.refused", Always(Group::Refusals)),
    ("session.expired", Done(Group::Security)),
    ("session.opened", Done(Group::Security)),
    ("session.refreshed", Never),
    ("session.refused", Always(Group::Refusals)),
    ("session.revoked", Done(Group::Security)),
    ("session.signed_out", Done(Group::Security)),
    ("session.step_up_refused", Always(Group::Refusals)),
    ("session.stepped_up", Done(Group::Security)),
    ("session.suspicious", Done(Group::Security)),
    ("sessions.searched", Never),
    ("settings.read", Never),
    ("socket.closed", Named(Group::Connections, "connection.disconnected")),
    ("socket.opened", Named(Group::Connections, "connection.connected")),
    ("statistics.read", Never),
    ("stuffing.searched", Never),
    ("token.revoked", Done(Group::Security)),
    ("tokens.invalidated", Done(Group::Security)),
    ("totp.begun", Never),
    ("totp.confirmed", Done(Group::Security)),
    ("totp.removed", Done(Group::Security)),
    ("user.blocked", Done(Group::Security)),
    ("user.created", Done(Group::Security)),
    ("user.email_changed", Done(Group::Security)),
    ("user.exported", Done(Group::Security)),
    ("user.read", Never),
    ("user.registered", Done(Group::Security)),
    ("user.renamed", Done(Group::Security)),
    ("user.role_changed", Done(Group::Security)),
    ("user.status_changed", Done(Group::Security)),
    ("user.unblocked", Done(Group::Security)),
    ("users.searched", Never),
];

/// The types of webhook events that no audit event causes: the events of channels, and the test of a receiver.
pub const CHANNEL_EVENTS: [&str; 3] = ["channel.occupied", "channel.published", "channel.vacated"];

/// The type of an operator's test event for a webhook.
pub const TEST_EVENT: &str = "webhook.test";

/// The types that a webhook may ask for.
pub fn webhook_types() -> impl Iterator<Item = &'static str> {
    let of_audit = AUDIT_EVENTS.iter().filter_map(|(name, webhook)| webhook.sent(name).map(|(_, kind)| kind));
    of_audit.chain(CHANNEL_EVENTS)
}

impl Webhook {
    /// The group and the type; `None` if the event is never sent.
    fn sent(self, name: &'static str) -> Option<(Group, &'static str)> {
        match self {
            Done(group) | Always(group) => Some((group, name)),
            Named(group, kind) => Some((group, kind)),
            Never => None,
        }
    }
}

/// The events that an audit event causes, in the order of delivery.
#[must_use]
pub fn outgoing(event: &AuditEvent) -> Vec<OutgoingEvent> {
    let subject = ordered_by(event);
    let mut outgoing: Vec<_> = webhook(event, &subject).into_iter().collect();
    for (index, signal) in signals(event).into_iter().enumerate() {
        let kind = signal.kind.uri();
        outgoing.push(OutgoingEvent {
            id: event_id(event.id, kind, index),
            kind: kind.to_owned(),
            group: Group::SecurityEventTokens,
            subject: subject.clone(),
            at_ms: event.at_ms,
            content: Content::SecurityEvent {
                about: signal.about,
                claims: signal.claims,
                transaction: Some(event.id),
            },
        });
    }
    outgoing
}

fn webhook(event: &AuditEvent, subject: &str) -> Option<OutgoingEvent> {
    let (name, webhook) = AUDIT_EVENTS.iter().find(|(name, _)| *name == event.event)?;
    // A revocation is done even if the request that caused it was refused.
    let void = event.detail.get("effect").is_some_and(|effect| effect == "none");
    let done = (event.outcome == Outcome::Success && !void) || event.detail.contains_key("revocation");
    if matches!(webhook, Done(_)) && !done {
        return None;
    }
    let (group, kind) = webhook.sent(name)?;
    Some(OutgoingEvent {
        id: event_id(event.id, kind, 0),
        kind: kind.to_owned(),
        group,
        subject: subject.to_owned(),
        at_ms: event.at_ms,
        content: Content::Webhook { data: data(event) },
    })
}

/// The subject, which orders the events: the user, or the thing that stands for the user.
fn ordered_by(event: &AuditEvent) -> String {
    let text = |prefix: &str, id: &dyn std::fmt::Display| format!("{prefix}:{id}");
    if let Some(user) = event.user {
        return text("user", &user);
    }
    if let Some(subject) = &event.subject {
        let end = (0..=subject.len().min(255)).rev().find(|at| subject.is_char_boundary(*at)).unwrap_or(0);
        return text("subject", &&subject[..end]);
    }
    let session = event.session.map(|id| text("session", &id));
    session
        .or_else(|| event.address.map(|address| text("address", &address)))
        .unwrap_or_else(|| "server".to_owned())
}

/// The fields of an audit event that are known, and its detail.
fn data(event: &AuditEvent) -> Map<String, Value> {
    let text = |value: Option<String>| value.map_or(Value::Null, Value::from);
    let fields = [
        ("audit_id", Value::from(event.id.to_string())),
        ("outcome", Value::from(event.outcome.as_str())),
        ("user", event.user.map_or(Value::Null, |id| id.0.into())),
        ("subject", text(event.subject.clone())),
        ("actor", event.actor.map_or(Value::Null, |id| id.0.into())),
        ("session", text(event.session.map(|id| id.to_string()))),
        ("device", text(event.device.map(|id| id.to_string()))),
        ("connection", text(event.connection.map(|id| id.to_string()))),
        ("address", text(event.address.map(|address| address.to_string()))),
        ("request_id", text(event.request_id.clone())),
        ("api_key", text(event.api_key.map(|id| id.to_string()))),
        ("detail", Value::Object(event.detail.clone())),
    ];
    fields
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

#[cfg(test)]
#[path = "audit_mapping_tests.rs"]
mod tests;
