//! The exported columns of the tables with many columns.

use super::table::{Exported, column, value};

pub(super) const ACCOUNT: &[Exported] = &[
    column("id"),
    column("email"),
    column("display_name"),
    column("role"),
    column("status"),
    column("created_at"),
    column("updated_at"),
    column("last_login_at"),
    column("password_changed_at"),
    column("language"),
    column("webauthn_user_handle"),
];

pub(super) const DEVICE: &[Exported] = &[
    column("id"),
    column("label"),
    column("fingerprint"),
    column("fingerprint_version"),
    column("user_agent"),
    column("address"),
    column("country"),
    column("city"),
    column("trust"),
    column("trusted_until"),
    column("created_at"),
    column("last_seen_at"),
    column("forgotten_at"),
];

pub(super) const SESSION: &[Exported] = &[
    column("id"),
    column("device_id"),
    column("method"),
    column("created_at"),
    column("last_seen_at"),
    column("expires_at"),
    column("refresh_rotated_at"),
    column("refresh_expires_at"),
    column("privileged_until"),
    column("address"),
    column("user_agent"),
    column("risk_score"),
    column("risk_reasons"),
    column("revoked_at"),
    column("revocation_id"),
];

pub(super) const EXTERNAL_SESSION: &[Exported] = &[
    column("id"),
    column("issuer"),
    column("subject"),
    column("token_id"),
    column("connection_id"),
    column("address"),
    column("created_at"),
    column("last_seen_at"),
    column("expires_at"),
    column("ended_at"),
    column("revoked_at"),
    column("revocation_id"),
];

pub(super) const PASSKEY: &[Exported] = &[
    column("id"),
    column("name"),
    column("aaguid"),
    column("counter"),
    column("backup_unknown"),
    column("created_at"),
    column("last_used_at"),
    column("suspended_at"),
];

pub(super) const ATTEMPT: &[Exported] = &[
    column("id"),
    column("at"),
    column("method"),
    column("outcome"),
    column("device_id"),
    column("session_id"),
    column("address"),
    column("user_agent"),
    column("fingerprint"),
    column("country"),
    column("city"),
    column("latitude"),
    column("longitude"),
    column("accuracy_km"),
    column("network"),
    column("risk_score"),
    column("risk_reasons"),
];

pub(super) const REVOCATION: &[Exported] = &[
    column("id"),
    column("scope"),
    column("cause"),
    column("reason"),
    column("session_id"),
    column("device_id"),
    column("except_session_id"),
    column("sessions"),
    column("created_at"),
];

pub(super) const DENIAL: &[Exported] = &[
    column("id"),
    column("kind"),
    column("token_id"),
    column("issued_before"),
    column("channel"),
    column("lifted"),
    column("reason"),
    column("created_at"),
    column("expires_at"),
    column("replaced_at"),
];

pub(super) const MESSAGE: &[Exported] = &[
    column("channel"),
    column("seq"),
    value("data", "bytes_as_text(t.data)"),
    column("connection_id"),
    value("conn_info", "bytes_as_text(t.conn_info)"),
    value("chan_info", "bytes_as_text(t.chan_info)"),
    column("tags"),
    column("created_at"),
];

/// The address and the device of an event are those of its actor. Those of an operator are data of another person.
pub(super) const EVENT: &[Exported] = &[
    column("seq"),
    column("at"),
    column("event"),
    column("outcome"),
    column("session_id"),
    value("device_id", "CASE WHEN coalesce(t.actor_id, t.user_id) = t.user_id THEN t.device_id END"),
    column("connection_id"),
    value("address", "CASE WHEN coalesce(t.actor_id, t.user_id) = t.user_id THEN t.address END"),
    column("request_id"),
    value(
        "detail",
        "CASE WHEN coalesce(t.actor_id, t.user_id) = t.user_id THEN t.detail ELSE t.detail - 'by_session' - 'client_certificate' END",
    ),
];

/// The columns of the head of the audit log, which are not exported.
pub(super) const LOG_HEAD: &[&str] = &[
    "one",
    "log_id",
    "generation",
    "generation_id",
    "size",
    "frontier",
    "month",
    "first_index",
    "dropped_frontier",
    "kept_days",
];

/// The columns of receipts, which are not exported.
pub(super) const RECEIPT: &[&str] = &[
    "revocation_id",
    "document",
    "reason_salt",
    "event_id",
    "batch_index",
    "batch_size",
    "batch_proof",
    "created_at",
];

/// The columns of nodes, which are not exported.
pub(super) const NODE: &[&str] =
    &["id", "started_at", "renewed_at", "lease_until", "began", "began_after", "looked"];

/// The columns of receivers of events, which are not exported.
pub(super) const RECEIVER: &[&str] = &[
    "id",
    "kind",
    "name",
    "url",
    "events",
    "status",
    "status_reason",
    "api_key_id",
    "secret",
    "secret_key_id",
    "previous_secret",
    "previous_key_id",
    "previous_until",
    "backlog_full",
    "created_at",
    "updated_at",
];

/// The columns of deliveries of events, which are not exported.
pub(super) const DELIVERY: &[&str] = &[
    "seq",
    "receiver_id",
    "event_id",
    "type",
    "subject",
    "payload",
    "occurred_at",
    "state",
    "attempts",
    "due_at",
    "waiting_from",
    "attempt_id",
    "leased_until",
    "failure",
    "http_status",
    "settled_at",
];

pub(super) const MAIL: &[Exported] = &[
    column("id"),
    column("kind"),
    column("address"),
    column("language"),
    column("detail"),
    column("created_at"),
    column("state"),
    column("attempts"),
    column("repetitions"),
    column("failure"),
    column("settled_at"),
    column("link"),
    column("link_expires_at"),
    column("link_used_at"),
];
